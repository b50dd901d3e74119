//! Feature maps on another grid.

use bytemuck::{Pod, Zeroable};

use super::super::kernel::{Input, groups_for};
use super::super::map::word;
use super::super::{Gpu, GpuError};
use super::similarity::{GROUP, one};
use crate::feature_map::FeatureMap;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ResizeFeatures {
    first: u32,
    count: u32,
    quads: u32,
    from_rows: u32,
    from_cols: u32,
    to_rows: u32,
    to_cols: u32,
    _pad: u32,
}

impl Gpu {
    /// The map on `rows` × `cols` patches, bicubic: `[rows, cols, dim]`. Twin: `analysis::resample::resize_features`.
    pub fn resize_features(
        &self,
        map: &FeatureMap,
        (rows, cols): (usize, usize),
    ) -> Result<Vec<f32>, GpuError> {
        let (dim, map) = (map.dim(), self.upload(map)?);
        let quads = map.quads();
        let out = self.buffer("resized features", (rows * cols * quads * 16) as u64)?;
        let mut frame = self.frame()?;
        frame.clear(&out);
        for part in &map.parts {
            let params = self.params(&ResizeFeatures {
                first: word(part.first),
                count: word(part.count),
                quads: word(quads),
                from_rows: word(map.rows()),
                from_cols: word(map.cols()),
                to_rows: word(rows),
                to_cols: word(cols),
                _pad: 0,
            })?;
            let inputs = [&part.buffer, &out, &params].map(Input::Buffer);
            let groups = [groups_for(rows * cols * quads, GROUP), 1, 1];
            frame.run(&self.bind("resize_features", &inputs, groups)?);
        }
        let padded: Vec<f32> = one(frame.read(&[&out])?);
        let patches = padded.chunks_exact(quads * 4).take(rows * cols);
        Ok(patches.flat_map(|patch| &patch[..dim]).copied().collect())
    }
}
