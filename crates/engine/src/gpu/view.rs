//! What a window keeps for each picture that it shows: maps that follow the pointer without leaving the device.
//!
//! After the features are uploaded, a hover is one small write and three kernels in one submission; it allocates nothing
//! on the device and waits for nothing.

use std::sync::Arc;

use wgpu::Buffer;

use super::canvas::{Canvas, GpuPicture};
use super::kernel::{Bound, Input};
use super::layer::{ChannelLayer, ScalarLayer};
use super::map::{GpuMap, scalar_map};
use super::{Gpu, GpuError};
use crate::analysis::{Patch, PcaBasis, Peak, ScalarMap};
use crate::feature_map::FeatureMap;
use crate::figure::channels::ChannelOverlay;
use crate::figure::uniforms::TopK;
use crate::figure::{Overlay, View};

/// Most peaks that the device finds.
pub const MOST_PEAKS: usize = 64;

/// The similarity of one picture's patches to a query that changes with the pointer.
#[derive(Debug)]
pub struct SimilarityView {
    gpu: Gpu,
    map: Arc<GpuMap>,
    query: Buffer,
    values: Buffer,
    cosine: Vec<Bound>,
    layer: ScalarLayer,
    canvas: Canvas,
    /// The query, padded to whole quads: written again and again.
    padded: Vec<f32>,
}

impl SimilarityView {
    /// Prepares the view of a picture, drawn with `out_px` (width, height) pixels.
    pub fn new(
        gpu: &Gpu,
        map: &FeatureMap,
        picture: &GpuPicture,
        out_px: [u32; 2],
    ) -> Result<Self, GpuError> {
        let map = gpu.upload(map)?;
        let query = gpu.buffer("query", map.quads() as u64 * 16)?;
        let values = gpu.buffer("similarities", map.patches() as u64 * 4)?;
        let canvas = gpu.canvas(out_px)?;
        let grid = (map.rows(), map.cols());
        Ok(Self {
            gpu: gpu.clone(),
            cosine: gpu.bind_cosine(&map, &query, &values, None)?,
            layer: gpu.scalar_layer(&values, grid, picture, &canvas)?,
            padded: vec![0.0; map.quads() * 4],
            canvas,
            query,
            values,
            map,
        })
    }

    /// Encodes and submits a new query `[dim]`: the canvas will show its map.
    ///
    /// # Panics
    /// If the query has another number of channels.
    pub fn show(&mut self, query: &[f32], overlay: &Overlay, view: View) -> Result<(), GpuError> {
        self.padded[..self.map.dim()].copy_from_slice(query);
        let mut frame = self.gpu.frame()?;
        frame.write(&self.query, &self.padded);
        for bound in &self.cosine {
            frame.run(bound);
        }
        self.layer.encode(&mut frame, overlay, view);
        frame.submit()
    }

    /// Draws the same values with other settings.
    pub fn redraw(&mut self, overlay: &Overlay, view: View) -> Result<(), GpuError> {
        let mut frame = self.gpu.frame()?;
        self.layer.encode(&mut frame, overlay, view);
        frame.submit()
    }

    /// Draws into a canvas of another size from now on; the values stay.
    pub fn resize(&mut self, picture: &GpuPicture, out_px: [u32; 2]) -> Result<(), GpuError> {
        let canvas = self.gpu.canvas(out_px)?;
        let grid = (self.map.rows(), self.map.cols());
        self.layer = self
            .gpu
            .scalar_layer(&self.values, grid, picture, &canvas)?;
        self.canvas = canvas;
        Ok(())
    }

    /// What the window shows.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// The values that are shown, for export: waits for the device.
    pub fn values(&self) -> Result<ScalarMap, GpuError> {
        let read = self.gpu.frame()?.read(&[&self.values])?.pop();
        Ok(scalar_map(&self.map, read.unwrap_or_default()))
    }

    /// The `count` largest of them, at most [`MOST_PEAKS`]: waits for the device, reads a few bytes.
    pub fn peaks(&self, count: usize) -> Result<Vec<Peak>, GpuError> {
        let wanted = count.min(MOST_PEAKS);
        let found = self.gpu.top_k(&self.values, self.map.patches(), wanted)?;
        let peak = |(index, similarity)| Peak {
            patch: Patch::from_index(index, self.map.cols()),
            similarity,
        };
        Ok(found.into_iter().map(peak).collect())
    }
}

impl Gpu {
    /// Index and value of the largest of `count` values in a buffer, largest first; at most `wanted`, at most
    /// [`MOST_PEAKS`]. Twin: `analysis::similarity::top_k`.
    pub fn top_k(
        &self,
        values: &Buffer,
        count: usize,
        wanted: usize,
    ) -> Result<Vec<(usize, f32)>, GpuError> {
        let wanted = wanted.min(MOST_PEAKS);
        let out = self.buffer("peaks", (wanted * 8) as u64)?;
        let params = self.params(&TopK::new(count, wanted))?;
        let inputs = [values, &out, &params].map(Input::Buffer);
        let mut frame = self.frame()?;
        frame.run(&self.bind("top_k", &inputs, [1, 1, 1])?);
        let pairs: Vec<[u32; 2]> = frame.read(&[&out])?.pop().unwrap_or_default();
        let found = pairs.into_iter().take(wanted);
        Ok(found
            .filter(|[index, _]| *index != u32::MAX)
            .map(|[index, bits]| (index as usize, f32::from_bits(bits)))
            .collect())
    }
}

/// Principal components of one picture as colors.
#[derive(Debug)]
pub struct PcaView {
    gpu: Gpu,
    layer: ChannelLayer,
    canvas: Canvas,
}

impl PcaView {
    /// Projects a picture on the components of a basis; which of them are shown and how is chosen later.
    ///
    /// `foreground`: `[rows · cols]`, all of it without one.
    ///
    /// # Panics
    /// If the basis has another number of channels.
    pub fn new(
        gpu: &Gpu,
        map: &FeatureMap,
        basis: &PcaBasis,
        foreground: Option<&[bool]>,
        picture: &GpuPicture,
        out_px: [u32; 2],
    ) -> Result<Self, GpuError> {
        assert_eq!(basis.dim(), map.dim(), "basis and map: channels");
        let map = gpu.upload(map)?;
        let components: Vec<usize> = (0..basis.len()).collect();
        // Whitened: every component has the same say in the colors.
        let scale = |&variance: &f32| {
            if variance > 0.0 {
                1.0 / variance.sqrt()
            } else {
                0.0
            }
        };
        let scales: Vec<f32> = basis.explained_variance.iter().map(scale).collect();
        let buffers = gpu.projection_buffers(&map, basis, &components, &scales)?;
        let values = gpu.buffer("projections", (map.patches() * basis.len() * 4) as u64)?;
        let canvas = gpu.canvas(out_px)?;
        let mut frame = gpu.frame()?;
        for bound in gpu.bind_project(&map, &buffers, &values)? {
            frame.run(&bound);
        }
        frame.submit()?;
        let grid = ((map.rows(), map.cols()), basis.len());
        Ok(Self {
            gpu: gpu.clone(),
            layer: gpu.channel_layer(&values, grid, foreground, picture, &canvas)?,
            canvas,
        })
    }

    /// Encodes and submits a drawing.
    pub fn show(&self, overlay: &ChannelOverlay, view: View) -> Result<(), GpuError> {
        let mut frame = self.gpu.frame()?;
        self.layer.encode(&mut frame, overlay, view);
        frame.submit()
    }

    /// What the window shows.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }
}
