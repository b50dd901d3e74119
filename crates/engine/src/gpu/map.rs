//! Feature maps on the device.
//!
//! Input: a `FeatureMap`. Output: buffers of whole patches, each no larger than a binding may be, and the length of every
//! patch. A map is uploaded once, as long as anybody holds it.

use std::sync::{Arc, Mutex, Weak};

use wgpu::{Buffer, BufferDescriptor, BufferUsages};

use super::kernel::{Input, groups_for};
use super::{Gpu, GpuError, locked};
use crate::analysis::ScalarMap;
use crate::feature_map::FeatureMap;

/// A value that stands for a patch that was left out: NaN means nothing in WGSL.
pub const OMITTED: f32 = -3.4e38;
/// Values below this are left out.
const OMITTED_BELOW: f32 = -3.0e38;

/// Patches that a workgroup of eight lanes a patch handles at a time.
pub(super) const PATCHES_PER_GROUP: usize = 8;

/// A feature map on the device.
#[derive(Debug)]
pub struct GpuMap {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) dim: usize,
    pub(super) parts: Vec<Part>,
    /// `[patches]` f32.
    pub(super) lengths: Buffer,
}

/// Some whole patches of a map: `[count, quads]` vec4.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) buffer: Buffer,
    /// Flat number of the first patch.
    pub(super) first: usize,
    pub(super) count: usize,
}

impl GpuMap {
    /// Patches from top to bottom.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Patches from left to right.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Channels of a patch.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of patches.
    pub fn patches(&self) -> usize {
        self.rows * self.cols
    }

    /// Buffers that the map is split into.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Channels in groups of four, the last one padded.
    pub(super) fn quads(&self) -> usize {
        self.dim.div_ceil(4)
    }
}

/// Maps that are on the device, by the memory that they were made of.
#[derive(Default)]
pub(super) struct Uploads(Mutex<Vec<Upload>>);

/// The memory that a map was made of, and the map.
type Upload = (Weak<[f32]>, Arc<GpuMap>);

impl Gpu {
    /// The map on this device, uploaded the first time.
    pub fn upload(&self, map: &FeatureMap) -> Result<Arc<GpuMap>, GpuError> {
        self.check()?;
        let mut known = locked(&self.shared.uploads.0);
        // What nobody holds any more leaves the device.
        known.retain(|(source, _)| source.strong_count() > 0);
        let source = map.share();
        let same = |known: &Weak<[f32]>| std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(&source));
        if let Some((_, found)) = known.iter().find(|(known, found)| {
            same(known) && (found.rows, found.cols) == (map.rows(), map.cols())
        }) {
            return Ok(Arc::clone(found));
        }
        let uploaded = Arc::new(self.upload_now(map)?);
        known.push((Arc::downgrade(&source), Arc::clone(&uploaded)));
        Ok(uploaded)
    }

    fn upload_now(&self, map: &FeatureMap) -> Result<GpuMap, GpuError> {
        let quads = map.dim().div_ceil(4);
        let patch_bytes = quads as u64 * 16;
        let most = self.shared.part_bytes;
        let per_part = usize::try_from(most / patch_bytes).unwrap_or(usize::MAX);
        if per_part == 0 {
            return Err(GpuError::TooLarge {
                what: "one patch".to_owned(),
                needed: patch_bytes,
                most,
            });
        }
        let part = |first: usize| {
            let count = per_part.min(map.patches() - first);
            let values = &map.values()[first * map.dim()..][..count * map.dim()];
            let buffer = self.feature_buffer(values, map.dim(), quads)?;
            Ok(Part {
                buffer,
                first,
                count,
            })
        };
        let firsts = (0..map.patches()).step_by(per_part);
        let uploaded = GpuMap {
            rows: map.rows(),
            cols: map.cols(),
            dim: map.dim(),
            parts: firsts.map(part).collect::<Result<_, GpuError>>()?,
            lengths: self.buffer("patch lengths", map.patches() as u64 * 4)?,
        };
        self.measure(&uploaded)?;
        Ok(uploaded)
    }

    /// Copies patches straight into the device's memory, channels padded to four with zeros.
    fn feature_buffer(&self, values: &[f32], dim: usize, quads: usize) -> Result<Buffer, GpuError> {
        let patches = values.len() / dim;
        let buffer = self.guarded("features", || {
            self.device().create_buffer(&BufferDescriptor {
                label: Some("features"),
                size: (patches * quads * 16) as u64,
                usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC,
                mapped_at_creation: true,
            })
        })?;
        {
            let mut view =
                buffer
                    .get_mapped_range_mut(..)
                    .map_err(|_unmapped| GpuError::OutOfMemory {
                        what: "features".to_owned(),
                    })?;
            if dim.is_multiple_of(4) {
                view.copy_from_slice(bytemuck::cast_slice(values));
            } else {
                let mut padded = vec![0.0_f32; patches * quads * 4];
                let rows = padded.chunks_exact_mut(quads * 4);
                for (to, from) in rows.zip(values.chunks_exact(dim)) {
                    to[..dim].copy_from_slice(from);
                }
                view.copy_from_slice(bytemuck::cast_slice(&padded));
            }
        }
        self.guarded("features", || buffer.unmap())?;
        Ok(buffer)
    }

    /// Fills the lengths of a map's patches.
    fn measure(&self, map: &GpuMap) -> Result<(), GpuError> {
        let mut frame = self.frame()?;
        for part in &map.parts {
            let params = self.params(&[part.first, part.count, map.quads(), 0].map(word))?;
            frame.run(&self.bind(
                "lengths",
                &[
                    Input::Buffer(&part.buffer),
                    Input::Buffer(&map.lengths),
                    Input::Buffer(&params),
                ],
                [groups_for(part.count, PATCHES_PER_GROUP), 1, 1],
            )?);
        }
        frame.submit()
    }
}

/// A count as a kernel's word. Grids are checked to hold fewer than 2^32 values before they come here.
pub(super) fn word(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Rows `[rows][dim]` one after another, each padded to four channels with zeros.
pub(super) fn padded(rows: &[&[f32]], quads: usize) -> Vec<f32> {
    let mut out = vec![0.0; rows.len() * quads * 4];
    for (to, from) in out.chunks_exact_mut(quads * 4).zip(rows) {
        to[..from.len()].copy_from_slice(from);
    }
    out
}

/// Values read from the device as a map: left-out patches become NaN.
pub(super) fn scalar_map(map: &GpuMap, mut values: Vec<f32>) -> ScalarMap {
    values.truncate(map.patches());
    for value in &mut values {
        if *value < OMITTED_BELOW {
            *value = f32::NAN;
        }
    }
    ScalarMap {
        rows: map.rows,
        cols: map.cols,
        values,
    }
}
