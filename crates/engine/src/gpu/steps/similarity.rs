//! Similarities, lengths and region queries.

use bytemuck::{Pod, Zeroable};
use wgpu::Buffer;

use super::super::kernel::{Bound, Input, groups_for};
use super::super::map::{GpuMap, OMITTED, PATCHES_PER_GROUP, padded, scalar_map, word};
use super::super::{Gpu, GpuError};
use crate::analysis::{Patch, ScalarMap};
use crate::feature_map::FeatureMap;

/// Patches of one slice of a sum that is made in parts.
pub(super) const PER_SLICE: usize = 512;
/// Invocations of a workgroup over plain lists.
pub(super) const GROUP: usize = 64;

/// Parameters of `cosine`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct Cosine {
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) quads: u32,
    pub(crate) logistic: u32,
    pub(crate) bias: f32,
    pub(crate) _pad: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct CosineMax {
    first: u32,
    count: u32,
    quads: u32,
    positives: u32,
    negatives: u32,
    weight: f32,
    _pad: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Exclude {
    count: u32,
    cols: u32,
    centers: u32,
    radius: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct WeightedSum {
    first: u32,
    count: u32,
    quads: u32,
    first_slice: u32,
    per_slice: u32,
    slices: u32,
    _pad: [u32; 2],
}

impl Gpu {
    /// Length of every patch `[patches]`. Twin: `analysis::norms::lengths`.
    pub fn lengths(&self, map: &FeatureMap) -> Result<Vec<f32>, GpuError> {
        let uploaded = self.upload(map)?;
        let read = self.frame()?.read(&[&uploaded.lengths])?;
        Ok(scalar_map(&uploaded, one(read)).values)
    }

    /// Products of a query `[dim]` with the unit patches. Twin: `analysis::similarity::cosine`.
    pub fn cosine(&self, map: &FeatureMap, query: &[f32]) -> Result<ScalarMap, GpuError> {
        self.linear(map, query, None)
    }

    /// Logistic function of the products plus `bias`. Twin: `analysis::logistic`.
    pub fn logistic(
        &self,
        map: &FeatureMap,
        weights: &[f32],
        bias: f32,
    ) -> Result<ScalarMap, GpuError> {
        self.linear(map, weights, Some(bias))
    }

    fn linear(
        &self,
        map: &FeatureMap,
        query: &[f32],
        logistic_bias: Option<f32>,
    ) -> Result<ScalarMap, GpuError> {
        let map = self.upload(map)?;
        let query = self.buffer_of("query", &padded(&[query], map.quads()))?;
        let out = self.buffer("similarities", map.patches() as u64 * 4)?;
        let mut frame = self.frame()?;
        for bound in self.bind_cosine(&map, &query, &out, logistic_bias)? {
            frame.run(&bound);
        }
        Ok(scalar_map(&map, one(frame.read(&[&out])?)))
    }

    /// `cosine` over every part of a map.
    pub(in super::super) fn bind_cosine(
        &self,
        map: &GpuMap,
        query: &Buffer,
        out: &Buffer,
        logistic_bias: Option<f32>,
    ) -> Result<Vec<Bound>, GpuError> {
        let bind = |part: &super::super::map::Part| {
            let params = self.params(&Cosine {
                first: word(part.first),
                count: word(part.count),
                quads: word(map.quads()),
                logistic: u32::from(logistic_bias.is_some()),
                bias: logistic_bias.unwrap_or(0.0),
                _pad: [0; 3],
            })?;
            let inputs = [&part.buffer, &map.lengths, query, out, &params].map(Input::Buffer);
            self.bind(
                "cosine",
                &inputs,
                [groups_for(part.count, PATCHES_PER_GROUP), 1, 1],
            )
        };
        map.parts.iter().map(bind).collect()
    }

    /// Largest cosine to the positives less `weight` times that to the negatives. Twin:
    /// `analysis::similarity::cosine_max`.
    ///
    /// `positive`, `negative`: unit vectors `[prompts][dim]`.
    pub fn cosine_max(
        &self,
        map: &FeatureMap,
        positive: &[Vec<f32>],
        negative: &[Vec<f32>],
        weight: f32,
    ) -> Result<ScalarMap, GpuError> {
        let map = self.upload(map)?;
        let rows: Vec<&[f32]> = positive.iter().chain(negative).map(Vec::as_slice).collect();
        let prompts = self.buffer_of("prompts", &padded(&rows, map.quads()))?;
        let out = self.buffer("similarities", map.patches() as u64 * 4)?;
        let mut frame = self.frame()?;
        for part in &map.parts {
            let params = self.params(&CosineMax {
                first: word(part.first),
                count: word(part.count),
                quads: word(map.quads()),
                positives: word(positive.len()),
                negatives: word(negative.len()),
                weight,
                _pad: [0; 2],
            })?;
            let inputs = [&part.buffer, &map.lengths, &prompts, &out, &params].map(Input::Buffer);
            let groups = [groups_for(part.count, PATCHES_PER_GROUP), 1, 1];
            frame.run(&self.bind("cosine_max", &inputs, groups)?);
        }
        Ok(scalar_map(&map, one(frame.read(&[&out])?)))
    }

    /// `map` with every patch at most `radius` patches from a centre as NaN. Twin: `analysis::similarity::exclude`.
    pub fn exclude(
        &self,
        map: &ScalarMap,
        centres: &[Patch],
        radius: f32,
    ) -> Result<ScalarMap, GpuError> {
        let spelled: Vec<f32> = map
            .values
            .iter()
            .map(|&value| if value.is_nan() { OMITTED } else { value })
            .collect();
        let values = self.buffer_of("similarities", &spelled)?;
        let places: Vec<[u32; 2]> = centres
            .iter()
            .map(|patch| [word(patch.row), word(patch.col)])
            .collect();
        let centers = self.buffer_of("prompts", &places)?;
        let params = self.params(&Exclude {
            count: word(spelled.len()),
            cols: word(map.cols),
            centers: word(centres.len()),
            radius,
        })?;
        let inputs = [&centers, &values, &params].map(Input::Buffer);
        let mut frame = self.frame()?;
        frame.run(&self.bind("exclude", &inputs, [groups_for(spelled.len(), GROUP), 1, 1])?);
        let read: Vec<f32> = one(frame.read(&[&values])?);
        let restored = read.into_iter().take(spelled.len());
        Ok(ScalarMap {
            rows: map.rows,
            cols: map.cols,
            values: restored
                .map(|value| {
                    if value < OMITTED / 2.0 {
                        f32::NAN
                    } else {
                        value
                    }
                })
                .collect(),
        })
    }

    /// `Σ weights[p] · unit(features[p])` `[dim]`. Twin: `analysis::prompts::weighted_sum`.
    pub fn weighted_sum(&self, map: &FeatureMap, weights: &[f32]) -> Result<Vec<f32>, GpuError> {
        let map = self.upload(map)?;
        let weights = self.buffer_of("weights", weights)?;
        let quads = map.quads();
        let slices = map.parts.iter().map(|part| part.count.div_ceil(PER_SLICE));
        let total: usize = slices.clone().sum();
        let slice_sums = self.buffer("slice sums", (total * quads * 16) as u64)?;
        let out = self.buffer("query", quads as u64 * 16)?;
        let mut frame = self.frame()?;
        let mut first_slice = 0;
        for (part, slices) in map.parts.iter().zip(slices) {
            let params = self.params(&WeightedSum {
                first: word(part.first),
                count: word(part.count),
                quads: word(quads),
                first_slice: word(first_slice),
                per_slice: word(PER_SLICE),
                slices: word(slices),
                _pad: [0; 2],
            })?;
            let buffers = [&part.buffer, &map.lengths, &weights, &slice_sums, &params];
            let groups = [groups_for(quads, GROUP), groups_for(slices, 1), 1];
            frame.run(&self.bind("weighted_sum", &buffers.map(Input::Buffer), groups)?);
            first_slice += slices;
        }
        let params = self.params(&[word(total), word(quads), 0, 0])?;
        let inputs = [&slice_sums, &out, &params].map(Input::Buffer);
        frame.run(&self.bind("sum_slices", &inputs, [groups_for(quads, GROUP), 1, 1])?);
        let mut sum: Vec<f32> = one(frame.read(&[&out])?);
        sum.truncate(map.dim());
        Ok(sum)
    }
}

/// The only one of what was read.
pub(super) fn one<T>(mut read: Vec<Vec<T>>) -> Vec<T> {
    read.pop().unwrap_or_default()
}
