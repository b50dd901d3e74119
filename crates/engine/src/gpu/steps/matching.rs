//! Nearest neighbours between two maps.

use bytemuck::{Pod, Zeroable};
use wgpu::Buffer;

use super::super::kernel::{Input, groups_for};
use super::super::map::{GpuMap, OMITTED, Part, word};
use super::super::{Gpu, GpuError};
use super::similarity::{GROUP, one};
use crate::analysis::CancelToken;
use crate::analysis::nearest::{Nearest, Neighbours};
use crate::feature_map::FeatureMap;

/// Patches of the first map in a workgroup.
const TILE: usize = 32;
/// Pairs of patches, times channels, of one submission: drivers end a dispatch that takes seconds.
const PRODUCTS_PER_SUBMISSION: usize = 1 << 34;
/// Patches of the second map that a workgroup walks through before its submission ends.
const BAND: usize = 8192;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    a_first: u32,
    a_from: u32,
    a_to: u32,
    b_first: u32,
    b_from: u32,
    b_to: u32,
    quads: u32,
    _pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Cycle {
    count: u32,
    cols: u32,
    patch_width_px: f32,
    patch_height_px: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct WindowCosines {
    a_first: u32,
    a_count: u32,
    b_first: u32,
    b_count: u32,
    b_rows: u32,
    b_cols: u32,
    quads: u32,
    _pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SoftOffset {
    count: u32,
    b_rows: u32,
    b_cols: u32,
    temperature: f32,
}

/// What `nearest` has found so far.
struct Found {
    index: Buffer,
    best: Buffer,
    second: Buffer,
}

impl Gpu {
    /// Nearest neighbours in both directions. Twin: `analysis::nearest::nearest_until`.
    ///
    /// Once `cancel` asks for the end, what is found is incomplete.
    ///
    /// # Panics
    /// If the maps differ in channels.
    pub fn nearest(
        &self,
        a: &FeatureMap,
        b: &FeatureMap,
        cancel: &CancelToken,
    ) -> Result<Neighbours, GpuError> {
        assert_eq!(a.dim(), b.dim(), "second map: channels");
        let (a, b) = (self.upload(a)?, self.upload(b)?);
        Ok(Neighbours {
            a_to_b: self.nearest_one_way(&a, &b, cancel)?,
            b_to_a: self.nearest_one_way(&b, &a, cancel)?,
        })
    }

    fn nearest_one_way(
        &self,
        a: &GpuMap,
        b: &GpuMap,
        cancel: &CancelToken,
    ) -> Result<Nearest, GpuError> {
        let none = vec![OMITTED; a.patches()];
        let found = Found {
            index: self.buffer_of("partners", &vec![0_u32; a.patches()])?,
            best: self.buffer_of("best cosines", &none)?,
            second: self.buffer_of("second cosines", &none)?,
        };
        for part_a in &a.parts {
            for part_b in &b.parts {
                self.search((a, part_a), (b, part_b), &found, cancel)?;
            }
        }
        let index = one(self.frame()?.read(&[&found.index])?);
        let mut cosines: Vec<Vec<f32>> = self.frame()?.read(&[&found.best, &found.second])?;
        let second = cosines.pop().unwrap_or_default();
        let lowest = |value: f32| {
            if value < OMITTED / 2.0 {
                f32::NEG_INFINITY
            } else {
                value
            }
        };
        let clean = |values: Vec<f32>| values.into_iter().take(a.patches()).map(lowest).collect();
        Ok(Nearest {
            index: index.into_iter().take(a.patches()).collect(),
            similarity: clean(one(cosines)),
            second: clean(second),
        })
    }

    /// Searches one part of a map through one part of another, in submissions that no driver gives up on.
    fn search(
        &self,
        (a, part_a): (&GpuMap, &Part),
        (b, part_b): (&GpuMap, &Part),
        found: &Found,
        cancel: &CancelToken,
    ) -> Result<(), GpuError> {
        let band_b = BAND.min(part_b.count);
        let per_row = band_b * a.quads() * 4;
        let band_a = (PRODUCTS_PER_SUBMISSION / per_row).clamp(TILE, part_a.count.max(TILE));
        for a_from in (0..part_a.count).step_by(band_a) {
            let a_to = (a_from + band_a).min(part_a.count);
            for b_from in (0..part_b.count).step_by(band_b) {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                let b_to = (b_from + band_b).min(part_b.count);
                let params = self.params(&Params {
                    a_first: word(part_a.first),
                    a_from: word(part_a.first + a_from),
                    a_to: word(part_a.first + a_to),
                    b_first: word(part_b.first),
                    b_from: word(part_b.first + b_from),
                    b_to: word(part_b.first + b_to),
                    quads: word(a.quads()),
                    _pad: 0,
                })?;
                let buffers = [
                    &part_a.buffer,
                    &part_b.buffer,
                    &a.lengths,
                    &b.lengths,
                    &found.index,
                    &found.best,
                    &found.second,
                    &params,
                ];
                let groups = [groups_for(a_to - a_from, TILE), 1, 1];
                let mut frame = self.frame()?;
                frame.run(&self.bind("nearest", &buffers.map(Input::Buffer), groups)?);
                frame.finish()?;
            }
        }
        Ok(())
    }

    /// Distance in pixels between each patch and the best partner of its best partner. Twin:
    /// `Correspondence::cycle_error_px`.
    ///
    /// `cols`: columns of the first map; `patch_px`: width and height of its patches.
    pub fn cycle_errors(
        &self,
        neighbours: &Neighbours,
        cols: usize,
        patch_px: (f32, f32),
    ) -> Result<Vec<f32>, GpuError> {
        let count = neighbours.a_to_b.index.len();
        let a_to_b = self.buffer_of("partners", &neighbours.a_to_b.index)?;
        let b_to_a = self.buffer_of("partners", &neighbours.b_to_a.index)?;
        let out = self.buffer("cycle errors", count as u64 * 4)?;
        let params = self.params(&Cycle {
            count: word(count),
            cols: word(cols),
            patch_width_px: patch_px.0,
            patch_height_px: patch_px.1,
        })?;
        let inputs = [&a_to_b, &b_to_a, &out, &params].map(Input::Buffer);
        let mut frame = self.frame()?;
        frame.run(&self.bind("cycle", &inputs, [groups_for(count, GROUP), 1, 1])?);
        let mut errors: Vec<f32> = one(frame.read(&[&out])?);
        errors.truncate(count);
        Ok(errors)
    }

    /// Offset (x, y) in patches from each patch's partner to where between patches the match lies. Twin:
    /// `analysis::refine::soft_offset`.
    ///
    /// `partner`: `[patches of a]` flat numbers in `b`.
    pub fn soft_offsets(
        &self,
        a: &FeatureMap,
        b: &FeatureMap,
        partner: &[u32],
        temperature: f32,
    ) -> Result<Vec<[f32; 2]>, GpuError> {
        let (a, b) = (self.upload(a)?, self.upload(b)?);
        let partner = self.buffer_of("partners", partner)?;
        let cosines = self.buffer("window cosines", a.patches() as u64 * 36)?;
        let out = self.buffer("offsets", a.patches() as u64 * 8)?;
        let mut frame = self.frame()?;
        for part_a in &a.parts {
            for part_b in &b.parts {
                let params = self.params(&WindowCosines {
                    a_first: word(part_a.first),
                    a_count: word(part_a.count),
                    b_first: word(part_b.first),
                    b_count: word(part_b.count),
                    b_rows: word(b.rows()),
                    b_cols: word(b.cols()),
                    quads: word(a.quads()),
                    _pad: 0,
                })?;
                let buffers = [
                    &part_a.buffer,
                    &part_b.buffer,
                    &a.lengths,
                    &b.lengths,
                    &partner,
                    &cosines,
                    &params,
                ];
                let groups = [groups_for(part_a.count * 9, GROUP), 1, 1];
                frame.run(&self.bind("window_cosines", &buffers.map(Input::Buffer), groups)?);
            }
        }
        let params = self.params(&SoftOffset {
            count: word(a.patches()),
            b_rows: word(b.rows()),
            b_cols: word(b.cols()),
            temperature,
        })?;
        let inputs = [&cosines, &partner, &out, &params].map(Input::Buffer);
        let groups = [groups_for(a.patches(), GROUP), 1, 1];
        frame.run(&self.bind("soft_offset", &inputs, groups)?);
        let mut offsets: Vec<[f32; 2]> = one(frame.read(&[&out])?);
        offsets.truncate(a.patches());
        Ok(offsets)
    }
}
