//! What a window keeps for each map that was computed elsewhere: numbers or labels that are drawn again and again.
//!
//! Input: one number or one label a patch in host memory. Output: pixels of a [`Canvas`]. The values cross to the device
//! once; zoom, pan, colors and range are then one small write and one or two kernels.

use wgpu::Buffer;

use super::canvas::{Canvas, GpuPicture};
use super::layer::{LabelLayer, ScalarLayer};
use super::{Gpu, GpuError, OMITTED};
use crate::figure::labels::LabelOverlay;
use crate::figure::{Overlay, View};

/// One number a patch over a picture.
#[derive(Debug)]
pub struct ScalarView {
    gpu: Gpu,
    grid: (usize, usize),
    values: Buffer,
    layer: ScalarLayer,
    canvas: Canvas,
}

impl ScalarView {
    /// Prepares a map of `grid` (rows, columns), drawn over `picture` with at most `out_px` (width, height) pixels.
    pub fn new(
        gpu: &Gpu,
        grid: (usize, usize),
        picture: &GpuPicture,
        out_px: [u32; 2],
    ) -> Result<Self, GpuError> {
        let bytes = (grid.0 * grid.1 * 4) as u64;
        let values = gpu.buffer("values", bytes)?;
        let canvas = gpu.canvas(out_px)?;
        Ok(Self {
            layer: gpu.scalar_layer(&values, grid, picture, &canvas)?,
            gpu: gpu.clone(),
            grid,
            values,
            canvas,
        })
    }

    /// Takes other values `[rows, cols]`; NaN leaves a patch out.
    ///
    /// # Panics
    /// If their number is not that of the grid.
    pub fn set(&mut self, values: &[f32]) -> Result<(), GpuError> {
        assert_eq!(
            values.len(),
            self.grid.0 * self.grid.1,
            "values: one a patch"
        );
        let told = |&value: &f32| if value.is_nan() { OMITTED } else { value };
        let told: Vec<f32> = values.iter().map(told).collect();
        let bytes: &[u8] = bytemuck::cast_slice(&told);
        self.gpu.guarded("values", || {
            self.gpu.queue().write_buffer(&self.values, 0, bytes);
        })
    }

    /// Draws into a canvas of another size from now on; the values stay.
    pub fn resize(&mut self, picture: &GpuPicture, out_px: [u32; 2]) -> Result<(), GpuError> {
        let canvas = self.gpu.canvas(out_px)?;
        self.layer = self
            .gpu
            .scalar_layer(&self.values, self.grid, picture, &canvas)?;
        self.canvas = canvas;
        Ok(())
    }

    /// Encodes and submits a drawing of the values.
    pub fn show(&mut self, overlay: &Overlay, view: View) -> Result<(), GpuError> {
        let mut frame = self.gpu.frame()?;
        self.layer.encode(&mut frame, overlay, view);
        frame.submit()
    }

    /// What the window shows.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }
}

/// One label a patch over a picture.
#[derive(Debug)]
pub struct LabelView {
    gpu: Gpu,
    layer: LabelLayer,
    canvas: Canvas,
}

impl LabelView {
    /// Prepares `labels` of a grid (rows, columns) in the colors of `palette`, drawn over `picture` with at most
    /// `out_px` (width, height) pixels.
    pub fn new(
        gpu: &Gpu,
        (labels, grid): (&[u32], (usize, usize)),
        palette: &[[u8; 3]],
        picture: &GpuPicture,
        out_px: [u32; 2],
    ) -> Result<Self, GpuError> {
        let labels = gpu.buffer_of("labels", labels)?;
        let canvas = gpu.canvas(out_px)?;
        Ok(Self {
            layer: gpu.label_layer(&labels, grid, palette, picture, &canvas)?,
            gpu: gpu.clone(),
            canvas,
        })
    }

    /// Encodes and submits a drawing.
    pub fn show(&self, overlay: &LabelOverlay, view: View) -> Result<(), GpuError> {
        let mut frame = self.gpu.frame()?;
        self.layer.encode(&mut frame, overlay, view);
        frame.submit()
    }

    /// What the window shows.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }
}
