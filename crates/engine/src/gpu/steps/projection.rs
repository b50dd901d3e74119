//! Principal components.

use bytemuck::{Pod, Zeroable};
use wgpu::Buffer;

use super::super::kernel::{Bound, Input, groups_for};
use super::super::map::{GpuMap, PATCHES_PER_GROUP, padded, word};
use super::super::{Gpu, GpuError};
use super::similarity::one;
use crate::analysis::PcaBasis;
use crate::feature_map::FeatureMap;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Project {
    first: u32,
    count: u32,
    quads: u32,
    k: u32,
}

/// What `project` reads besides the features.
pub(in super::super) struct ProjectionBuffers {
    mean: Buffer,
    components: Buffer,
    scales: Buffer,
    k: usize,
}

impl Gpu {
    /// Projections `[rows, cols, k]` on the chosen components of a basis. Twin: `analysis::pca::project`.
    ///
    /// # Panics
    /// If the basis has no such component or another number of channels.
    pub fn project(
        &self,
        map: &FeatureMap,
        basis: &PcaBasis,
        components: &[usize],
    ) -> Result<Vec<f32>, GpuError> {
        assert_eq!(basis.dim(), map.dim(), "basis and map: channels");
        let map = self.upload(map)?;
        let scales = vec![1.0; components.len()];
        let buffers = self.projection_buffers(&map, basis, components, &scales)?;
        let bytes = (map.patches() * components.len() * 4) as u64;
        let out = self.buffer("projections", bytes)?;
        let mut frame = self.frame()?;
        for bound in self.bind_project(&map, &buffers, &out)? {
            frame.run(&bound);
        }
        let mut values: Vec<f32> = one(frame.read(&[&out])?);
        values.truncate(map.patches() * components.len());
        Ok(values)
    }

    /// Mean, chosen components and the factor of each on the device.
    pub(in super::super) fn projection_buffers(
        &self,
        map: &GpuMap,
        basis: &PcaBasis,
        components: &[usize],
        scales: &[f32],
    ) -> Result<ProjectionBuffers, GpuError> {
        let rows: Vec<&[f32]> = components
            .iter()
            .map(|&index| basis.component(index))
            .collect();
        Ok(ProjectionBuffers {
            mean: self.buffer_of("mean", &padded(&[&basis.mean], map.quads()))?,
            components: self.buffer_of("components", &padded(&rows, map.quads()))?,
            scales: self.buffer_of("scales", scales)?,
            k: components.len(),
        })
    }

    /// `project` over every part of a map.
    pub(in super::super) fn bind_project(
        &self,
        map: &GpuMap,
        from: &ProjectionBuffers,
        out: &Buffer,
    ) -> Result<Vec<Bound>, GpuError> {
        let bind = |part: &super::super::map::Part| {
            let params = self.params(&Project {
                first: word(part.first),
                count: word(part.count),
                quads: word(map.quads()),
                k: word(from.k),
            })?;
            let buffers = [
                &part.buffer,
                &from.mean,
                &from.components,
                &from.scales,
                out,
                &params,
            ];
            self.bind(
                "project",
                &buffers.map(Input::Buffer),
                [groups_for(part.count, PATCHES_PER_GROUP), 1, 1],
            )
        };
        map.parts.iter().map(bind).collect()
    }
}
