//! Cosine similarity of patches to one or several prompts.
//!
//! Input: a map, positive and negative patches of it, and other maps. Output: `[rows, cols]` cosines a map, and the
//! best patches. One pass over the features a map: each patch is read once, for its dot products and its length.
//! Source: `spec/05`, section 2.

use std::cmp::Ordering;

use pulp::Arch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{AnalysisError, Patch, ScalarMap, bad_setting, same_channels};
use crate::feature_map::{FeatureMap, NORM_EPS, PATCHES_PER_TASK, dot};

/// How the cosines to several prompts become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The mean: what the prompts have in common.
    #[default]
    Mean,
    /// The largest: whatever resembles any of the prompts.
    Max,
}

/// Settings of a similarity map: `positive − negative_weight · negative`, each side combined over its prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Similarity {
    /// Patches to look for; at least one.
    pub positive: Vec<Patch>,
    /// Patches to look away from.
    pub negative: Vec<Patch>,
    /// Weight λ of the negative side, at least 0.
    pub negative_weight: f32,
    /// Mean or maximum over the prompts of a side.
    pub combine: Combine,
    /// Leaves out patches of the prompts' own picture that are at most so many patches (Euclidean) from a positive
    /// prompt: they win trivially. 0 leaves out the prompts alone.
    pub exclude_radius: Option<f32>,
    /// How many of the best patches to report for each map.
    pub top: usize,
}

impl Default for Similarity {
    fn default() -> Self {
        Self {
            positive: Vec::new(),
            negative: Vec::new(),
            negative_weight: 1.0,
            combine: Combine::Mean,
            exclude_radius: None,
            top: 0,
        }
    }
}

/// Similarity of one map to the prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarityMap {
    /// `[rows, cols]`; a cosine in [-1, 1] when there are no negative prompts; NaN where left out.
    pub map: ScalarMap,
    /// The best patches, best first.
    pub top: Vec<Peak>,
}

/// One of the best patches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Where.
    pub patch: Patch,
    /// Its value in the map.
    pub similarity: f32,
}

impl Similarity {
    /// Maps the prompts of `source` onto `source` itself (first result) and onto each of `others`.
    pub fn run(
        &self,
        source: &FeatureMap,
        others: &[FeatureMap],
    ) -> Result<Vec<SimilarityMap>, AnalysisError> {
        self.check()?;
        let positive = unit_patches(source, &self.positive)?;
        let negative = unit_patches(source, &self.negative)?;
        let onto = |map: &FeatureMap| -> Result<ScalarMap, AnalysisError> {
            same_channels("the other map", source.dim(), map.dim())?;
            Ok(match self.combine {
                Combine::Mean => {
                    let query = mean_query(&positive, &negative, self.negative_weight);
                    cosine(map, &query)
                }
                Combine::Max => cosine_max(map, &positive, &negative, self.negative_weight),
            })
        };
        let mut own = onto(source)?;
        if let Some(radius) = self.exclude_radius {
            exclude(&mut own, &self.positive, radius);
        }
        let others = others.iter().map(onto).collect::<Result<Vec<_>, _>>()?;
        let maps = std::iter::once(own).chain(others);
        let with_top = |map: ScalarMap| SimilarityMap {
            top: top_k(&map, self.top),
            map,
        };
        Ok(maps.map(with_top).collect())
    }

    fn check(&self) -> Result<(), AnalysisError> {
        if self.positive.is_empty() {
            return Err(bad_setting("positive", "at least one patch", &"empty"));
        }
        let weight = self.negative_weight;
        if !weight.is_finite() || weight < 0.0 {
            return Err(bad_setting(
                "negative_weight",
                "a number of at least 0",
                &weight,
            ));
        }
        match self.exclude_radius {
            Some(radius) if radius.is_nan() || radius < 0.0 => Err(bad_setting(
                "exclude_radius",
                "a number of at least 0",
                &radius,
            )),
            _ => Ok(()),
        }
    }
}

/// Features of `patches`, each divided by its length: `[prompts][dim]`.
pub fn unit_patches(map: &FeatureMap, patches: &[Patch]) -> Result<Vec<Vec<f32>>, AnalysisError> {
    let unit = |patch: &Patch| {
        let values = map.patch(patch.index_in(map)?);
        let scale = 1.0 / dot(values, values).sqrt().max(NORM_EPS);
        Ok(values.iter().map(|value| value * scale).collect())
    };
    patches.iter().map(unit).collect()
}

/// The one vector `[dim]` whose product with a unit patch is `mean(positive) − weight · mean(negative)` of cosines.
///
/// `positive`, `negative`: unit vectors `[prompts][dim]`; the result is not normalised, or it would not be a mean.
/// Panics if `positive` is empty.
pub fn mean_query(positive: &[Vec<f32>], negative: &[Vec<f32>], weight: f32) -> Vec<f32> {
    let mut query = vec![0.0; positive[0].len()];
    let mut add = |prompts: &[Vec<f32>], weight: f32| {
        for prompt in prompts {
            let scale = weight / prompts.len() as f32;
            let terms = query.iter_mut().zip(prompt);
            terms.for_each(|(sum, value)| *sum += scale * value);
        }
    };
    add(positive, 1.0);
    add(negative, -weight);
    query
}

/// `out[p] = query · features[p] / max(‖features[p]‖, NORM_EPS)`: the cosine if `query` `[dim]` has length one.
pub fn cosine(map: &FeatureMap, query: &[f32]) -> ScalarMap {
    each_patch(map, |patch, scale| dot(query, patch) * scale)
}

/// `out[p] = max cos(positive, features[p]) − weight · max cos(negative, features[p])`.
///
/// `positive`, `negative`: unit vectors `[prompts][dim]`; without negatives their term is 0.
pub fn cosine_max(
    map: &FeatureMap,
    positive: &[Vec<f32>],
    negative: &[Vec<f32>],
    weight: f32,
) -> ScalarMap {
    each_patch(map, |patch, scale| {
        let largest = |prompts: &[Vec<f32>]| {
            let cosines = prompts.iter().map(|prompt| dot(prompt, patch) * scale);
            cosines.reduce(f32::max).unwrap_or(0.0)
        };
        largest(positive) - weight * largest(negative)
    })
}

/// Sets every patch at most `radius` patches (Euclidean) from one of `centres` to NaN.
pub fn exclude(map: &mut ScalarMap, centres: &[Patch], radius: f32) {
    let cols = map.cols;
    for (index, value) in map.values.iter_mut().enumerate() {
        let patch = Patch::from_index(index, cols);
        let near = |centre: &Patch| {
            let rows = patch.row.abs_diff(centre.row) as f32;
            rows.hypot(patch.col.abs_diff(centre.col) as f32) <= radius
        };
        if centres.iter().any(near) {
            *value = f32::NAN;
        }
    }
}

/// The `count` largest values, largest first; equal values in the order of the patches; NaN never counts.
pub fn top_k(map: &ScalarMap, count: usize) -> Vec<Peak> {
    let order = |a: &usize, b: &usize| -> Ordering {
        let by_value = map.values[*b].total_cmp(&map.values[*a]);
        by_value.then(a.cmp(b))
    };
    let mut indices: Vec<usize> = (0..map.values.len())
        .filter(|&index| !map.values[index].is_nan())
        .collect();
    if count > 0 && count < indices.len() {
        indices.select_nth_unstable_by(count - 1, order);
    }
    indices.truncate(count);
    indices.sort_unstable_by(order);
    let peak = |index| Peak {
        patch: Patch::from_index(index, map.cols),
        similarity: map.values[index],
    };
    indices.into_iter().map(peak).collect()
}

/// `out[p] = value(features[p], 1 / ‖features[p]‖)`, in parallel.
fn each_patch(map: &FeatureMap, value: impl Fn(&[f32], f32) -> f32 + Sync) -> ScalarMap {
    let mut values = vec![0.0; map.patches()];
    values
        .par_chunks_mut(PATCHES_PER_TASK)
        .zip(map.values().par_chunks(PATCHES_PER_TASK * map.dim()))
        .for_each(|(out, task)| {
            Arch::new().dispatch(|| {
                for (out, patch) in out.iter_mut().zip(task.chunks_exact(map.dim())) {
                    let scale = 1.0 / dot(patch, patch).sqrt().max(NORM_EPS);
                    *out = value(patch, scale);
                }
            });
        });
    ScalarMap {
        rows: map.rows(),
        cols: map.cols(),
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, assert_close};
    use super::*;

    fn map(rows: usize, cols: usize, values: &[f32]) -> FeatureMap {
        let dim = values.len() / (rows * cols);
        FeatureMap::new(rows, cols, dim, values.to_vec()).unwrap()
    }

    fn at(row: usize, col: usize) -> Patch {
        Patch { row, col }
    }

    #[test]
    fn every_row_of_the_golden_similarity_is_a_map() {
        let golden = Golden::open("matching");
        let a = golden.map("input.features_a");
        let b = golden.map("input.features_b");
        let expected = golden.floats("expected.similarity");
        for (index, expected) in expected.chunks(b.patches()).enumerate() {
            let settings = Similarity {
                positive: vec![Patch::from_index(index, a.cols())],
                ..Similarity::default()
            };
            let maps = settings.run(&a, std::slice::from_ref(&b)).unwrap();
            // The golden case allows 1e-5.
            assert_close(&maps[1].map.values, expected, 1e-5, "similarity");
        }
    }

    #[test]
    fn negative_prompts_are_subtracted_with_their_weight() {
        let features = map(1, 3, &[1.0, 0.0, 0.0, 2.0, 3.0, 3.0]);
        let settings = Similarity {
            positive: vec![at(0, 0)],
            negative: vec![at(0, 1)],
            negative_weight: 0.5,
            ..Similarity::default()
        };
        let diagonal = 0.5 * std::f32::consts::FRAC_1_SQRT_2;
        let found = &settings.run(&features, &[]).unwrap()[0].map.values;
        assert_close(found, &[1.0, -0.5, diagonal], 1e-6, "mean");
    }

    #[test]
    fn several_prompts_are_averaged_or_the_best_counts() {
        let features = map(1, 3, &[1.0, 0.0, 0.0, 2.0, -1.0, 0.0]);
        let mut settings = Similarity {
            positive: vec![at(0, 0), at(0, 1)],
            ..Similarity::default()
        };
        let mean = settings.run(&features, &[]).unwrap();
        assert_close(&mean[0].map.values, &[0.5, 0.5, -0.5], 1e-6, "mean");
        settings.combine = Combine::Max;
        let max = settings.run(&features, &[]).unwrap();
        assert_close(&max[0].map.values, &[1.0, 1.0, 0.0], 1e-6, "max");
    }

    #[test]
    fn the_excluded_disc_is_nan_on_the_own_picture_only() {
        let features = map(3, 3, &[1.0; 9]);
        let settings = Similarity {
            positive: vec![at(0, 0)],
            exclude_radius: Some(1.0),
            top: 9,
            ..Similarity::default()
        };
        let maps = settings
            .run(&features, std::slice::from_ref(&features))
            .unwrap();
        let left_out: Vec<usize> = (0..9).filter(|&i| maps[0].map.values[i].is_nan()).collect();
        assert_eq!(left_out, [0, 1, 3]);
        assert!(maps[1].map.values.iter().all(|value| value.is_finite()));
        assert_eq!((maps[0].top.len(), maps[1].top.len()), (6, 9));
    }

    #[test]
    fn ties_of_the_top_go_to_the_first_patch() {
        let scores = ScalarMap {
            rows: 2,
            cols: 2,
            values: vec![0.5, f32::NAN, 0.9, 0.5],
        };
        let patches: Vec<Patch> = top_k(&scores, 2).iter().map(|peak| peak.patch).collect();
        assert_eq!(patches, [at(1, 0), at(0, 0)]);
        assert_eq!(top_k(&scores, 0), []);
    }

    #[test]
    fn bad_settings_and_bad_maps_are_errors() {
        let features = map(1, 2, &[1.0, 0.0, 0.0, 1.0]);
        let none = Similarity::default().run(&features, &[]).unwrap_err();
        assert!(none.to_string().contains("at least one patch"), "{none}");
        let one = Similarity {
            positive: vec![at(0, 2)],
            ..Similarity::default()
        };
        let outside = one.run(&features, &[]).unwrap_err();
        assert!(outside.to_string().contains("column 2"), "{outside}");
        let one = Similarity {
            positive: vec![at(0, 0)],
            ..Similarity::default()
        };
        let other = map(1, 1, &[1.0, 0.0, 0.0]);
        let channels = one.run(&features, &[other]).unwrap_err();
        assert!(
            channels.to_string().contains("3 channels, expected 2"),
            "{channels}"
        );
    }
}
