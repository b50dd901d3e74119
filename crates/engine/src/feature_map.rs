//! One map of patch features and where it came from: what every analysis reads.
//!
//! Input: finite values in row-major order. Output: `FeatureMap` (shared, immutable) and its L2-normalised twin.
//! Vector arithmetic here is written as loops over sixteen lanes inside `pulp`'s run-time dispatch.

use std::sync::Arc;

use pulp::Arch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Smallest length that a vector is divided by, as `torch.nn.functional.normalize` does.
pub const NORM_EPS: f32 = 1e-12;

/// Independent sums of a dot product: two AVX2 registers wide, one of AVX-512.
const LANES: usize = 16;

/// Patches that one task handles: long enough to hide rayon's cost, short enough to balance.
pub(crate) const PATCHES_PER_TASK: usize = 64;

/// Why values are not a feature map.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FeatureMapError {
    /// A side is zero, or the number of values is not `rows · cols · dim`.
    #[error(
        "feature map of {rows} rows, {cols} columns and {dim} channels has {found} values, \
         expected their product and no zero side"
    )]
    Shape {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Channels asked for.
        dim: usize,
        /// Values given.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error(
        "feature map has the value {value} in channel {channel} of patch {patch}, expected finite values"
    )]
    NotFinite {
        /// Flat number of the first such patch.
        patch: usize,
        /// Its channel.
        channel: usize,
        /// The value.
        value: f32,
    },
}

/// Patch features of one picture: `[rows, cols, dim]` f32, row-major, all finite. A clone shares the values.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    rows: usize,
    cols: usize,
    dim: usize,
    values: Arc<[f32]>,
}

impl FeatureMap {
    /// Takes `values` `[rows, cols, dim]`; refuses empty sides, another number of values, NaN and infinity.
    pub fn new(
        rows: usize,
        cols: usize,
        dim: usize,
        values: impl Into<Arc<[f32]>>,
    ) -> Result<Self, FeatureMapError> {
        let values = values.into();
        let expected = rows
            .checked_mul(cols)
            .and_then(|patches| patches.checked_mul(dim));
        if expected != Some(values.len()) || values.is_empty() {
            let found = values.len();
            return Err(FeatureMapError::Shape {
                rows,
                cols,
                dim,
                found,
            });
        }
        if let Some(at) = first_not_finite(&values) {
            return Err(FeatureMapError::NotFinite {
                patch: at / dim,
                channel: at % dim,
                value: values[at],
            });
        }
        Ok(Self {
            rows,
            cols,
            dim,
            values,
        })
    }

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

    /// Number of patches, `rows · cols`.
    pub fn patches(&self) -> usize {
        self.rows * self.cols
    }

    /// All values `[rows, cols, dim]`, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values with a share in their memory: two maps of the same memory are one map.
    pub(crate) fn share(&self) -> Arc<[f32]> {
        Arc::clone(&self.values)
    }

    /// Features `[dim]` of the patch with the flat number `index = row · cols + col`. Panics past the last patch.
    pub fn patch(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim..][..self.dim]
    }

    /// The map with every patch divided by its length (at least `NORM_EPS`): a zero patch stays zero.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the copy has one owner")]
    pub fn normalised(&self) -> Self {
        let mut copy: Arc<[f32]> = Arc::from(self.values());
        Arc::get_mut(&mut copy)
            .expect("nobody else has seen the copy")
            .par_chunks_mut(self.dim * PATCHES_PER_TASK)
            .for_each(|task| {
                Arch::new().dispatch(|| {
                    for patch in task.chunks_exact_mut(self.dim) {
                        let scale = 1.0 / dot(patch, patch).sqrt().max(NORM_EPS);
                        for value in patch {
                            *value *= scale;
                        }
                    }
                });
            });
        Self {
            values: copy,
            ..*self
        }
    }
}

/// Place of the first NaN or infinity.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    const BLOCK: usize = 64 * 1024;
    // Without an early end, so that a block is a loop over vectors.
    let spoiled = |block: &[f32]| {
        Arch::new().dispatch(|| {
            !block
                .iter()
                .fold(true, |fine, value| fine & value.is_finite())
        })
    };
    let block = values.par_chunks(BLOCK).position_first(spoiled)? * BLOCK;
    let within = values[block..].iter().position(|value| !value.is_finite());
    within.map(|at| block + at)
}

/// How a feature map was made; every figure, value file and basis carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The model's name or file name.
    pub model: String,
    /// SHA-256 of the model's weights, hexadecimal.
    pub sha256: String,
    /// Size of the network's input in pixels, `WxH`; several pictures may differ, then the size asked for.
    pub size: String,
    /// The layer, as on the command line: `last` or a 0-based block.
    pub layer: String,
    /// The norm, as on the command line: `final` or `none`.
    pub norm: String,
    /// Whether the weights are random: such a picture shows no learned features and must say so.
    pub untrained: bool,
}

/// Dot product of two vectors of the same length, in sixteen partial f32 sums.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "takes on the vector features of the caller's dispatch"
)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_tail) = a.as_chunks::<LANES>();
    let (b, b_tail) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let tail: f32 = a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_of_values_is_refused() {
        let error = FeatureMap::new(2, 3, 4, vec![0.0; 23]).unwrap_err();
        let shape = FeatureMapError::Shape {
            rows: 2,
            cols: 3,
            dim: 4,
            found: 23,
        };
        assert_eq!(error, shape);
    }

    #[test]
    fn empty_and_overflowing_sides_are_refused() {
        for (rows, cols, dim) in [(0, 3, 4), (2, 0, 4), (2, 3, 0), (usize::MAX, 2, 1)] {
            assert!(FeatureMap::new(rows, cols, dim, Vec::new()).is_err());
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_named() {
        let mut values = vec![0.0; 24];
        values[9] = f32::INFINITY;
        let error = FeatureMap::new(2, 3, 4, values).unwrap_err();
        assert!(
            error.to_string().contains("channel 1 of patch 2"),
            "{error}"
        );
    }

    #[test]
    fn of_several_bad_values_in_a_large_map_the_first_is_named() {
        let mut values = vec![0.5; 70_000 * 4];
        for at in [70_001, 200_003, 279_999] {
            values[at] = f32::NAN;
        }
        let error = FeatureMap::new(700, 100, 4, values).unwrap_err();
        let first = matches!(
            error,
            FeatureMapError::NotFinite {
                patch: 17_500,
                channel: 1,
                ..
            }
        );
        assert!(first, "{error}");
    }

    #[test]
    fn normalised_patches_have_length_one_and_zero_stays_zero() {
        // 19 channels: one full group of lanes and a tail.
        let mut values: Vec<f32> = (0..38).map(|i| i as f32 - 11.0).collect();
        values[19..].fill(0.0);
        let map = FeatureMap::new(1, 2, 19, values).unwrap().normalised();
        assert!((dot(map.patch(0), map.patch(0)) - 1.0).abs() < 1e-6);
        assert!(map.patch(1).iter().all(|&value| value == 0.0));
    }
}
