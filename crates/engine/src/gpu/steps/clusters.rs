//! Patches and centroids.

use bytemuck::{Pod, Zeroable};

use super::super::kernel::{Input, groups_for};
use super::super::map::{PATCHES_PER_GROUP, padded, word};
use super::super::{Gpu, GpuError};
use super::similarity::{GROUP, one};
use crate::analysis::assignment::Centered;
use crate::feature_map::FeatureMap;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    first: u32,
    count: u32,
    quads: u32,
    k: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SumParams {
    first: u32,
    begin: u32,
    end: u32,
    quads: u32,
    k: u32,
    _pad: [u32; 3],
}

/// Patches that one dispatch adds up: llvmpipe ends a loop after 65,535 rounds.
const BAND: usize = 16_384;

impl Gpu {
    /// The nearest of `centroids` `[k, dim]` for each patch and the squared distance to it. Twin:
    /// `analysis::clusters::assign`.
    pub fn assign(
        &self,
        map: &FeatureMap,
        centroids: &[f32],
    ) -> Result<(Vec<u32>, Vec<f32>), GpuError> {
        let map = self.upload(map)?;
        let centered = Centered::new(centroids, map.dim());
        let rows: Vec<&[f32]> = centered.values.chunks_exact(map.dim()).collect();
        let (k, quads) = (rows.len(), map.quads());
        let middle = self.buffer_of("middle", &padded(&[&centered.middle], quads))?;
        let centroids = self.buffer_of("centroids", &padded(&rows, quads))?;
        let squares = self.buffer_of("squares", &centered.squares)?;
        let labels = self.buffer("labels", map.patches() as u64 * 4)?;
        let distances = self.buffer("distances", map.patches() as u64 * 4)?;
        let mut frame = self.frame()?;
        for part in &map.parts {
            let params = self.params(&Params {
                first: word(part.first),
                count: word(part.count),
                quads: word(quads),
                k: word(k),
            })?;
            let buffers = [
                &part.buffer,
                &middle,
                &centroids,
                &squares,
                &labels,
                &distances,
                &params,
            ];
            let groups = [groups_for(part.count, PATCHES_PER_GROUP), 1, 1];
            frame.run(&self.bind("assign", &buffers.map(Input::Buffer), groups)?);
        }
        // Labels are words of the same width: read as bits with the distances.
        let mut read: Vec<Vec<u32>> = frame.read(&[&labels, &distances])?;
        let distances = read.pop().unwrap_or_default().into_iter();
        let count = map.patches();
        let labels = one(read).into_iter().take(count).collect();
        let distances = distances.take(count).map(f32::from_bits).collect();
        Ok((labels, distances))
    }

    /// Sums `[k, dim]` and counts `[k]` of the patches of each label. Twin: `analysis::clusters::sums`.
    ///
    /// # Panics
    /// If a label is not below `k`.
    pub fn label_sums(
        &self,
        map: &FeatureMap,
        labels: &[u32],
        k: usize,
    ) -> Result<(Vec<f32>, Vec<usize>), GpuError> {
        let map = self.upload(map)?;
        let quads = map.quads();
        let mut counts = vec![0; k];
        for &label in labels {
            counts[label as usize] += 1;
        }
        let labels = self.buffer_of("labels", labels)?;
        let out = self.buffer("label sums", (k * quads * 16) as u64)?;
        let mut frame = self.frame()?;
        frame.clear(&out);
        for part in &map.parts {
            for begin in (0..part.count).step_by(BAND) {
                let params = self.params(&SumParams {
                    first: word(part.first),
                    begin: word(begin),
                    end: word((begin + BAND).min(part.count)),
                    quads: word(quads),
                    k: word(k),
                    _pad: [0; 3],
                })?;
                let inputs = [&part.buffer, &labels, &out, &params].map(Input::Buffer);
                let groups = [groups_for(quads, GROUP), groups_for(k, 1), 1];
                frame.run(&self.bind("cluster_sum", &inputs, groups)?);
            }
        }
        let padded: Vec<f32> = one(frame.read(&[&out])?);
        let rows = padded.chunks_exact(quads * 4).take(k);
        let sums = rows.flat_map(|row| &row[..map.dim()]).copied().collect();
        Ok((sums, counts))
    }
}
