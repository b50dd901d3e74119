//! Cosines of every patch of a map to one query or to several prompts.
//!
//! Input: a map and vectors `[dim]`. Output: `[rows, cols]`. One pass over the features: each patch is read once, for
//! its dot product and its length. Source: `spec/05`, section 2.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::ScalarMap;
use super::channel_sums::{ROWS, channel_sums, rows_together};
use crate::feature_map::{FeatureMap, NORM_EPS, PATCHES_PER_TASK};

/// `out[p] = query · features[p] / max(‖features[p]‖, NORM_EPS)`: the cosine if `query` `[dim]` has length one.
///
/// # Panics
/// If the query has another number of channels.
pub fn cosine(map: &FeatureMap, query: &[f32]) -> ScalarMap {
    assert_eq!(query.len(), map.dim(), "query: wrong number of channels");
    each_patch(map, ToOne { query })
}

/// `out[p] = max cos(positive, features[p]) − weight · max cos(negative, features[p])`.
///
/// `positive`, `negative`: unit vectors `[prompts][dim]`; without negatives their term is 0.
///
/// # Panics
/// If a prompt has another number of channels.
pub fn cosine_max(
    map: &FeatureMap,
    positive: &[Vec<f32>],
    negative: &[Vec<f32>],
    weight: f32,
) -> ScalarMap {
    for prompt in positive.iter().chain(negative) {
        assert_eq!(prompt.len(), map.dim(), "prompt: wrong number of channels");
    }
    let best = ToBest {
        positive,
        negative,
        weight,
    };
    each_patch(map, best)
}

/// One number for each of a few patches.
trait Score: Copy + Sync {
    fn score<S: Simd, const ROWS: usize>(self, simd: S, patches: [&[f32]; ROWS]) -> [f32; ROWS];
}

#[derive(Clone, Copy)]
struct ToOne<'a> {
    query: &'a [f32],
}

impl Score for ToOne<'_> {
    #[inline(always)]
    fn score<S: Simd, const ROWS: usize>(self, simd: S, patches: [&[f32]; ROWS]) -> [f32; ROWS] {
        let sums = channel_sums(
            simd,
            patches,
            [self.query],
            #[inline(always)]
            |[dot, square], x, [query]| {
                [
                    simd.mul_add_e_f32s(x, query, dot),
                    simd.mul_add_e_f32s(x, x, square),
                ]
            },
        );
        sums.map(|[dot, square]| dot * inverse_length(square))
    }
}

#[derive(Clone, Copy)]
struct ToBest<'a> {
    positive: &'a [Vec<f32>],
    negative: &'a [Vec<f32>],
    weight: f32,
}

impl Score for ToBest<'_> {
    #[inline(always)]
    fn score<S: Simd, const ROWS: usize>(self, simd: S, patches: [&[f32]; ROWS]) -> [f32; ROWS] {
        let squares = channel_sums(
            simd,
            patches,
            [],
            #[inline(always)]
            |[sum], x, []| [simd.mul_add_e_f32s(x, x, sum)],
        );
        let positive = largest(simd, patches, self.positive);
        let negative = largest(simd, patches, self.negative);
        array::from_fn(|row| {
            let [square] = squares[row];
            (positive[row] - self.weight * negative[row]) * inverse_length(square)
        })
    }
}

/// Largest dot product of each patch with one of `prompts`; 0 without prompts.
#[inline(always)]
fn largest<S: Simd, const ROWS: usize>(
    simd: S,
    patches: [&[f32]; ROWS],
    prompts: &[Vec<f32>],
) -> [f32; ROWS] {
    let Some((first, others)) = prompts.split_first() else {
        return [0.0; ROWS];
    };
    let mut best = dots(simd, patches, first);
    for prompt in others {
        let found = dots(simd, patches, prompt);
        for (best, found) in best.iter_mut().zip(found) {
            *best = best.max(found);
        }
    }
    best
}

#[inline(always)]
fn dots<S: Simd, const ROWS: usize>(
    simd: S,
    patches: [&[f32]; ROWS],
    prompt: &[f32],
) -> [f32; ROWS] {
    let sums = channel_sums(
        simd,
        patches,
        [prompt],
        #[inline(always)]
        |[sum], x, [prompt]| [simd.mul_add_e_f32s(x, prompt, sum)],
    );
    sums.map(|[dot]| dot)
}

#[inline(always)]
fn inverse_length(square: f32) -> f32 {
    1.0 / square.sqrt().max(NORM_EPS)
}

/// `out[p] = score(features[p])`, in parallel.
fn each_patch(map: &FeatureMap, score: impl Score) -> ScalarMap {
    let together = rows_together(map.values());
    let mut values = vec![0.0; map.patches()];
    values
        .par_chunks_mut(PATCHES_PER_TASK)
        .zip(map.values().par_chunks(PATCHES_PER_TASK * map.dim()))
        .for_each(|(out, patches)| {
            Arch::new().dispatch(Task {
                score,
                together,
                patches,
                dim: map.dim(),
                out,
            });
        });
    ScalarMap {
        rows: map.rows(),
        cols: map.cols(),
        values,
    }
}

struct Task<'a, F> {
    score: F,
    together: bool,
    /// `[patches, dim]`.
    patches: &'a [f32],
    dim: usize,
    out: &'a mut [f32],
}

impl<F: Score> WithSimd for Task<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (mut out, mut patches) = (self.out, self.patches);
        if self.together {
            let (groups, rest) = out.as_chunks_mut::<ROWS>();
            let (grouped, last) = patches.split_at(groups.len() * ROWS * self.dim);
            let grouped = grouped.chunks_exact(ROWS * self.dim);
            for (out, group) in groups.iter_mut().zip(grouped) {
                let rows = array::from_fn(|row| &group[row * self.dim..][..self.dim]);
                *out = self.score.score::<S, ROWS>(simd, rows);
            }
            (out, patches) = (rest, last);
        }
        for (out, patch) in out.iter_mut().zip(patches.chunks_exact(self.dim)) {
            [*out] = self.score.score(simd, [patch]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let value =
            |i: u32| ((i + seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
        (0..count as u32).map(value).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    /// Neither the patches nor the channels fill the last group.
    fn odd_map() -> FeatureMap {
        FeatureMap::new(7, 29, 37, noise(7 * 29 * 37, 1)).unwrap()
    }

    #[test]
    fn cosines_of_odd_sizes_equal_those_in_double_precision() {
        let (map, query) = (odd_map(), noise(37, 9));
        let plain = |at| {
            let patch = map.patch(at);
            (dot(patch, &query) / dot(patch, patch).sqrt()) as f32
        };
        let expected: Vec<f32> = (0..map.patches()).map(plain).collect();
        let found = cosine(&map, &query);
        assert_eq!((found.rows, found.cols), (7, 29));
        // 37 terms of f32, query of length 3.5.
        assert_close(&found.values, &expected, 2e-6, "cosine");
    }

    #[test]
    fn the_best_of_several_prompts_equals_the_largest_single_cosine() {
        let map = odd_map();
        let prompts: Vec<Vec<f32>> = (0..5).map(|seed| noise(37, 100 * seed)).collect();
        let (positive, negative) = prompts.split_at(3);
        let found = cosine_max(&map, positive, negative, 0.5).values;
        let best = |prompts: &[Vec<f32>], at: usize| {
            let cosines = prompts.iter().map(|prompt| cosine(&map, prompt).values[at]);
            cosines.fold(f32::NEG_INFINITY, f32::max)
        };
        let expected: Vec<f32> = (0..map.patches())
            .map(|at| best(positive, at) - 0.5 * best(negative, at))
            .collect();
        assert_close(&found, &expected, 2e-6, "maximum");
        let without = cosine_max(&map, &prompts[..1], &[], 0.5);
        assert_close(
            &without.values,
            &cosine(&map, &prompts[0]).values,
            1e-6,
            "one",
        );
    }

    #[test]
    fn a_zero_patch_has_no_similarity() {
        let map = FeatureMap::new(1, 2, 3, vec![0.0, 0.0, 0.0, 0.0, 2.0, 0.0]).unwrap();
        assert_close(
            &cosine(&map, &[0.0, 1.0, 0.0]).values,
            &[0.0, 1.0],
            0.0,
            "zero",
        );
    }

    #[test]
    fn a_map_beyond_the_cache_has_the_same_cosines() {
        // 20 MB of the same 4 rows of patches: one row at a time instead of four.
        let part = FeatureMap::new(4, 64, 160, noise(4 * 64 * 160, 5)).unwrap();
        let whole = FeatureMap::new(512, 64, 160, part.values().repeat(128)).unwrap();
        let query = noise(160, 2);
        let expected = cosine(&part, &query).values.repeat(128);
        assert_eq!(cosine(&whole, &query).values, expected);
    }
}
