//! Queries: one vector that stands for a region of a picture, for its class token or for a register.
//!
//! Input: a map with a weight for each patch, or a token. Output: a vector `[dim]` for `cosine::cosine`. A region's
//! query is the weighted mean of its patches' directions, so that its map is the mean of the cosines to them.
//! Source: `spec/05`, section 2.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{AnalysisError, bad_setting, same_channels};
use crate::feature_map::{FeatureMap, NORM_EPS, PATCHES_PER_TASK, dot};

/// `Σ weights[p] · features[p] / max(‖features[p]‖, NORM_EPS)`: `[dim]`.
///
/// `weights`: `[patches]`, any sign. Blocks of patches are summed in f32, the blocks in f64.
///
/// # Panics
/// If there is not one weight a patch.
pub fn weighted_sum(map: &FeatureMap, weights: &[f32]) -> Vec<f32> {
    let (patches, dim) = (map.patches(), map.dim());
    assert_eq!(
        weights.len(),
        patches,
        "weighted sum: {} weights, the map has {patches} patches",
        weights.len()
    );
    let block_sum = |(patches, weights): (&[f32], &[f32])| {
        let mut sums = vec![0.0; dim];
        let sum = WeightedSum {
            patches,
            weights,
            sums: &mut sums,
        };
        Arch::new().dispatch(sum);
        sums
    };
    // Collected in order before the last sum: the result does not depend on the threads.
    let blocks: Vec<Vec<f32>> = map
        .values()
        .par_chunks(PATCHES_PER_TASK * dim)
        .zip(weights.par_chunks(PATCHES_PER_TASK))
        .map(block_sum)
        .collect();
    let mut total = vec![0.0; dim];
    for block in &blocks {
        let terms = total.iter_mut().zip(block);
        terms.for_each(|(sum, value)| *sum += f64::from(*value));
    }
    total.into_iter().map(|sum| sum as f32).collect()
}

/// The weighted sum of some patches. A type and not a closure: its loop is sure to be compiled for the vector units at
/// hand.
struct WeightedSum<'a> {
    /// `[patches, dim]`.
    patches: &'a [f32],
    /// `[patches]`.
    weights: &'a [f32],
    /// `[dim]`, added to.
    sums: &'a mut [f32],
}

impl WithSimd for WeightedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let patches = self.patches.chunks_exact(self.sums.len());
        for (patch, &weight) in patches.zip(self.weights) {
            // A region is mostly a small part of its picture: what lies outside costs nothing.
            if weight != 0.0 {
                let scale = weight / dot(patch, patch).sqrt().max(NORM_EPS);
                for (sum, value) in self.sums.iter_mut().zip(patch) {
                    *sum += scale * value;
                }
            }
        }
    }
}

/// The query `[dim]` of a region: its product with a unit patch is the weighted mean of the cosines to its patches.
///
/// `weights`: `[patches]`, at least 0 and not all 0; see `regions`. The query is not longer than one, and as short as
/// the region is mixed.
pub fn region_query(map: &FeatureMap, weights: &[f32]) -> Result<Vec<f32>, AnalysisError> {
    Ok(weighted_sum(map, &region_weights(map, weights)?))
}

/// `weights` `[patches]` of a region, checked and divided by their sum.
pub fn region_weights(map: &FeatureMap, weights: &[f32]) -> Result<Vec<f32>, AnalysisError> {
    let patches = map.patches();
    if weights.len() != patches {
        let found = format!("{} weights for {patches} patches", weights.len());
        return Err(bad_setting("region", "one weight a patch", &found));
    }
    if let Some(bad) = weights
        .iter()
        .find(|weight| !weight.is_finite() || **weight < 0.0)
    {
        return Err(bad_setting("region", "weights of at least 0", bad));
    }
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    if total <= 0.0 {
        return Err(bad_setting(
            "region",
            "at least a part of a patch",
            &"empty",
        ));
    }
    let share = |&weight: &f32| (f64::from(weight) / total) as f32;
    Ok(weights.iter().map(share).collect())
}

/// The query `[dim]` of a class token or a register of the same network as `map`: the token at length one.
pub fn token_query(map: &FeatureMap, token: &[f32]) -> Result<Vec<f32>, AnalysisError> {
    same_channels("the token", map.dim(), token.len())?;
    if let Some(bad) = token.iter().find(|value| !value.is_finite()) {
        return Err(bad_setting("token", "finite features", bad));
    }
    let scale = 1.0 / dot(token, token).sqrt().max(NORM_EPS);
    Ok(token.iter().map(|value| value * scale).collect())
}

#[cfg(test)]
mod tests {
    use super::super::cosine::cosine;
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    fn scattered(patches: usize, dim: usize, seed: u32) -> FeatureMap {
        let value =
            |i: u32| ((i + seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
        let values: Vec<f32> = (0..(patches * dim) as u32).map(value).collect();
        FeatureMap::new(1, patches, dim, values).unwrap()
    }

    #[test]
    fn the_sum_is_that_of_weighted_directions() {
        let map = scattered(300, 19, 3);
        let weights: Vec<f32> = (0..300).map(|i| (i % 5) as f32 - 1.5).collect();
        let mut expected = vec![0.0; 19];
        for (at, &weight) in weights.iter().enumerate() {
            let patch = map.patch(at).iter().map(|&value| f64::from(value));
            let length = patch.clone().map(|value| value * value).sum::<f64>().sqrt();
            let terms = expected.iter_mut().zip(patch);
            terms.for_each(|(sum, value)| *sum += f64::from(weight) * value / length);
        }
        let expected: Vec<f32> = expected.into_iter().map(|sum: f64| sum as f32).collect();
        // Sums of 300 terms of at most 2.5 in f32.
        assert_close(&weighted_sum(&map, &weights), &expected, 1e-4, "sum");
    }

    #[test]
    fn a_regions_map_is_the_mean_of_its_patches_maps() {
        let map = scattered(70, 8, 11);
        let mut weights = vec![0.0; 70];
        (weights[3], weights[66]) = (3.0, 1.0);
        let found = cosine(&map, &region_query(&map, &weights).unwrap()).values;
        let single = |at: usize| {
            let mut weights = vec![0.0; 70];
            weights[at] = 0.5;
            cosine(&map, &region_query(&map, &weights).unwrap()).values
        };
        let (three, last) = (single(3), single(66));
        assert!((three[3] - 1.0).abs() < 1e-6);
        let mean = three.iter().zip(&last).map(|(a, b)| 0.75 * a + 0.25 * b);
        assert_close(&found, &mean.collect::<Vec<_>>(), 1e-6, "mean");
    }

    #[test]
    fn zero_patches_add_nothing() {
        let map = FeatureMap::new(1, 2, 2, vec![0.0, 0.0, 3.0, 4.0]).unwrap();
        let found = weighted_sum(&map, &[5.0, 2.0]);
        assert_close(&found, &[1.2, 1.6], 1e-6, "sum");
    }

    #[test]
    fn a_token_becomes_a_direction() {
        let map = scattered(4, 2, 1);
        let query = token_query(&map, &[3.0, -4.0]).unwrap();
        assert_close(&query, &[0.6, -0.8], 1e-6, "token");
        assert!(token_query(&map, &[1.0]).is_err());
        assert!(token_query(&map, &[1.0, f32::NAN]).is_err());
    }

    #[test]
    fn regions_without_weight_and_bad_weights_are_errors() {
        let map = scattered(3, 2, 1);
        for weights in [
            vec![0.0; 3],
            vec![1.0; 2],
            vec![1.0, -0.5, 0.0],
            vec![1.0, f32::NAN, 0.0],
        ] {
            let error = region_query(&map, &weights).unwrap_err();
            assert!(error.to_string().contains("region"), "{error}");
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let map = scattered(1000, 33, 5);
        let weights: Vec<f32> = (0..1000).map(|i| (i % 7) as f32).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| weighted_sum(&map, &weights))
        };
        assert_eq!(with(1), with(3));
    }

    proptest! {
        #[test]
        fn the_lengths_of_the_patches_and_the_scale_of_the_weights_are_of_no_effect(
            patches in 1_usize..80, dim in 1_usize..20, seed in 0_u32..1000, scale in 0.01_f32..100.0,
        ) {
            let map = scattered(patches, dim, seed);
            let stretch = |(i, value): (usize, &f32)| value * (1.0 + (i / dim % 9) as f32);
            let values: Vec<f32> = map.values().iter().enumerate().map(stretch).collect();
            let stretched = FeatureMap::new(1, patches, dim, values).unwrap();
            let weights: Vec<f32> = (0..patches).map(|i| 0.1 + (i % 4) as f32).collect();
            let scaled: Vec<f32> = weights.iter().map(|weight| weight * scale).collect();
            let plain = region_query(&map, &weights).unwrap();
            let other = region_query(&stretched, &scaled).unwrap();
            for (a, b) in plain.iter().zip(&other) {
                prop_assert!((a - b).abs() < 1e-5, "{} {}", a, b);
            }
        }
    }
}
