//! Projection of patches on principal axes, and its colors.
//!
//! Input: a map and a basis. Output: `[rows, cols, k]`. One pass over the features, three axes at a time.
//! Source: `spec/05`, section 1; golden case `pca`.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::basis::PcaBasis;
use super::channel_sums::{ROWS, channel_sums, rows_together};
use super::{AnalysisError, same_channels};
use crate::feature_map::{FeatureMap, PATCHES_PER_TASK};

/// Axes that share a pass over a patch: red, green and blue.
const AXES: usize = 3;
/// Numbers that one task colors.
const VALUES_PER_TASK: usize = 4096;

/// `out[p, i] = (features[p] − mean) · component[i]`: `[rows, cols, k]` for the chosen components of the basis.
pub fn project(
    map: &FeatureMap,
    basis: &PcaBasis,
    components: &[usize],
) -> Result<Vec<f32>, AnalysisError> {
    same_channels("the feature map", basis.dim(), map.dim())?;
    if let Some(&asked) = components.iter().find(|&&index| index >= basis.len()) {
        let available = basis.len();
        return Err(AnalysisError::Component { asked, available });
    }
    let (k, together) = (components.len(), rows_together(map.values()));
    let axes: Vec<&[f32]> = components
        .iter()
        .map(|&index| basis.component(index))
        .collect();
    let mut out = vec![0.0; map.patches() * k];
    out.par_chunks_mut((PATCHES_PER_TASK * k).max(1))
        .zip(map.values().par_chunks(PATCHES_PER_TASK * map.dim()))
        .for_each(|(out, patches)| {
            Arch::new().dispatch(Task {
                together,
                patches,
                mean: &basis.mean,
                axes: &axes,
                out,
            });
        });
    Ok(out)
}

struct Task<'a> {
    together: bool,
    /// `[patches, dim]`.
    patches: &'a [f32],
    /// `[dim]`.
    mean: &'a [f32],
    /// `[k][dim]`.
    axes: &'a [&'a [f32]],
    /// `[patches, k]`.
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let count = self.patches.len() / self.mean.len();
        let whole = if self.together {
            count - count % ROWS
        } else {
            0
        };
        for first in (0..whole).step_by(ROWS) {
            self.rows::<S, ROWS>(simd, first);
        }
        for first in whole..count {
            self.rows::<S, 1>(simd, first);
        }
    }
}

impl Task<'_> {
    /// All axes of the patches `first ..`, while these are in the cache.
    #[inline(always)]
    fn rows<S: Simd, const ROWS: usize>(&mut self, simd: S, first: usize) {
        let (mean, dim) = (self.mean, self.mean.len());
        let patches: [&[f32]; ROWS] =
            array::from_fn(|row| &self.patches[(first + row) * dim..][..dim]);
        let (triples, rest) = self.axes.as_chunks::<AXES>();
        for (at, &[x, y, z]) in triples.iter().enumerate() {
            let sums = products::<S, ROWS, 4, 3>(simd, patches, [mean, x, y, z]);
            self.store(first, at * AXES, &sums);
        }
        for (at, &axis) in rest.iter().enumerate() {
            let sums = products::<S, ROWS, 2, 1>(simd, patches, [mean, axis]);
            self.store(first, triples.len() * AXES + at, &sums);
        }
    }

    /// Puts `sums` into columns `column ..` of the patches `first ..`.
    #[inline(always)]
    fn store<const AXES: usize>(&mut self, first: usize, column: usize, sums: &[[f32; AXES]]) {
        let rows = self.out.chunks_exact_mut(self.axes.len()).skip(first);
        for (out, sums) in rows.zip(sums) {
            out[column..][..AXES].copy_from_slice(sums);
        }
    }
}

/// `out[row][i] = (patches[row] − mean) · axis[i]`; `shared` is the mean and the axes after it.
#[inline(always)]
fn products<S: Simd, const ROWS: usize, const SHARED: usize, const AXES: usize>(
    simd: S,
    patches: [&[f32]; ROWS],
    shared: [&[f32]; SHARED],
) -> [[f32; AXES]; ROWS] {
    channel_sums(
        simd,
        patches,
        shared,
        #[inline(always)]
        |mut sums: [S::f32s; AXES], value, shared| {
            // Before the product: a large common offset would drown the differences in f32.
            let centred = simd.sub_f32s(value, shared[0]);
            for (sum, axis) in sums.iter_mut().zip(&shared[1..]) {
                *sum = simd.mul_add_e_f32s(centred, *axis, *sum);
            }
            sums
        },
    )
}

/// Divides projections `[rows, cols, k]` by the standard deviation of their component; 0 where it has none.
pub fn whiten(values: &[f32], basis: &PcaBasis, components: &[usize]) -> Vec<f32> {
    let scale = |&index: &usize| {
        let variance = basis.explained_variance[index];
        if variance > 0.0 {
            1.0 / variance.sqrt()
        } else {
            0.0
        }
    };
    let scales: Vec<f32> = components.iter().map(scale).collect();
    let mut out = Vec::with_capacity(values.len());
    for patch in values.chunks_exact(scales.len().max(1)) {
        out.extend(
            patch
                .iter()
                .zip(&scales)
                .map(|(value, scale)| value * scale),
        );
    }
    out
}

/// `sigmoid(2 · whitened)`, element by element, in [0, 1].
pub fn colours(whitened: &[f32]) -> Vec<f32> {
    let sigmoid = |value: &f32| 1.0 / (1.0 + (-2.0 * value).exp());
    let values = whitened.par_iter().with_min_len(VALUES_PER_TASK);
    values.map(sigmoid).collect()
}

#[cfg(test)]
mod tests {
    use super::super::basis::BasisOrigin;
    use super::super::golden::assert_close;
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let value =
            |i: u32| ((i + seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
        (0..count as u32).map(value).collect()
    }

    fn basis(dim: usize, count: usize, offset: f32) -> PcaBasis {
        PcaBasis {
            mean: noise(dim, 3).iter().map(|value| value + offset).collect(),
            components: noise(dim * count, 4),
            explained_variance: (0..count).map(|i| i as f32).collect(),
            explained_variance_ratio: vec![0.1; count],
            origin: BasisOrigin::default(),
        }
    }

    fn plain(map: &FeatureMap, basis: &PcaBasis, components: &[usize]) -> Vec<f32> {
        let product = |at: usize, index: usize| {
            let centred = map.patch(at).iter().zip(&basis.mean);
            let terms = centred
                .zip(basis.component(index))
                .map(|((value, mean), axis)| {
                    (f64::from(*value) - f64::from(*mean)) * f64::from(*axis)
                });
            terms.sum::<f64>() as f32
        };
        let at_patch = |at| components.iter().map(move |&index| product(at, index));
        (0..map.patches()).flat_map(at_patch).collect()
    }

    #[test]
    fn any_choice_of_components_of_any_size_equals_the_plain_product() {
        // Neither the patches nor the channels fill the last group.
        let map = FeatureMap::new(3, 31, 37, noise(3 * 31 * 37, 1)).unwrap();
        let basis = basis(37, 5, 0.0);
        for components in [
            &[2][..],
            &[1, 0],
            &[0, 1, 2],
            &[4, 4, 0, 3],
            &[0, 1, 2, 3, 4, 0],
        ] {
            let found = project(&map, &basis, components).unwrap();
            // 37 terms of f32 of magnitude one.
            assert_close(&found, &plain(&map, &basis, components), 5e-6, "projection");
        }
        assert!(project(&map, &basis, &[]).unwrap().is_empty());
    }

    #[test]
    fn a_large_common_offset_costs_no_precision() {
        let basis = basis(64, 3, 4096.0);
        let values: Vec<f32> = noise(64 * 20, 8)
            .iter()
            .map(|value| value + 4096.0)
            .collect();
        let map = FeatureMap::new(4, 5, 64, values).unwrap();
        let found = project(&map, &basis, &[0, 1, 2]).unwrap();
        // The differences are exact in f32; features times axes alone would be off by 0.1.
        assert_close(&found, &plain(&map, &basis, &[0, 1, 2]), 5e-6, "projection");
    }

    #[test]
    fn a_map_beyond_the_cache_has_the_same_projections() {
        // 20 MB of the same 4 rows of patches: one row at a time instead of four.
        let part = FeatureMap::new(4, 64, 160, noise(4 * 64 * 160, 5)).unwrap();
        let whole = FeatureMap::new(512, 64, 160, part.values().repeat(128)).unwrap();
        let basis = basis(160, 4, 0.5);
        let expected = project(&part, &basis, &[0, 1, 2, 3]).unwrap().repeat(128);
        assert_eq!(project(&whole, &basis, &[0, 1, 2, 3]).unwrap(), expected);
    }

    #[test]
    fn whitening_divides_by_the_deviation_and_colors_are_a_sigmoid() {
        let whitened = whiten(
            &[5.0, 3.0, 4.0, 5.0, -6.0, 8.0],
            &basis(2, 5, 0.0),
            &[0, 1, 4],
        );
        assert_eq!(whitened, [0.0, 3.0, 2.0, 0.0, -6.0, 4.0]);
        let found = colours(&[0.0, 0.5, -100.0, 100.0]);
        assert_close(&found, &[0.5, 0.731_058_6, 0.0, 1.0], 1e-6, "colors");
    }
}
