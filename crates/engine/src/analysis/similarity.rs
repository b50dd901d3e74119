//! Cosine similarity of patches to one or several points.
//!
//! Input: a picture with points to look for and to look away from, and other pictures. Output: `[rows, cols]` cosines a
//! picture, and the best patches. Source: `spec/05`, section 2.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::knobs::{Knobs, Point};
use super::logistic::{self, LogisticQuery};
use super::subject::{Context, Found, FoundMap, Scale, Subject};
use super::{AnalysisError, Analyze, Patch, ScalarMap, bad_setting};
use crate::feature_map::{FeatureMap, NORM_EPS, dot};

pub use super::cosine::{cosine, cosine_max};

/// How the cosines to several points become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The mean: what the points have in common.
    #[default]
    Mean,
    /// The largest: whatever resembles any of the points.
    Max,
    /// A logistic regression that separates the positive points from the negative ones.
    Logistic,
}

impl Combine {
    const NAMES: &'static [&'static str] = &["mean", "max", "logistic"];
    const ALL: [Self; 3] = [Self::Mean, Self::Max, Self::Logistic];
}

/// Settings of a similarity map: `positive − negative_weight · negative`, each side combined over its points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Similarity {
    /// Points of the first picture to look for, in its pixels; at least one.
    pub at: Vec<Point>,
    /// Points of the first picture to look away from.
    pub not: Vec<Point>,
    /// Weight λ of the negative side, at least 0. Without effect on `Combine::Logistic`.
    pub negative_weight: f32,
    /// How several points become one number.
    pub combine: Combine,
    /// How strongly the logistic regression is held back, above 0: the smaller, the sharper its border.
    pub regularization: f32,
    /// Leaves out patches of the first picture that are at most so many patches (Euclidean) from a point to look for:
    /// they win trivially. 0 leaves out those of the points alone.
    pub exclude_radius: Option<f32>,
    /// How many of the best patches to report for each map.
    pub top: usize,
}

impl Default for Similarity {
    fn default() -> Self {
        Self {
            at: Vec::new(),
            not: Vec::new(),
            negative_weight: 1.0,
            combine: Combine::Mean,
            regularization: 0.01,
            exclude_radius: None,
            top: 0,
        }
    }
}

/// One of the best patches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Where.
    pub patch: Patch,
    /// Its value in the map.
    pub similarity: f32,
}

impl Analyze for Similarity {
    fn id(&self) -> &'static str {
        "similarity"
    }

    fn title(&self) -> &'static str {
        "Similarity"
    }

    fn about(&self) -> &'static str {
        "How alike every patch is to the patches at some points of the first picture."
    }

    fn pictures(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        knobs.points("at", "Points to look for.", &mut self.at);
        knobs.points("not", "Points to look away from.", &mut self.not);
        let help = "Weight of the points to look away from.";
        knobs.real(
            "negative_weight",
            help,
            &mut self.negative_weight,
            0.0..=10.0,
        );
        let mut combine = self.combine as usize;
        let help = "How several points become one number.";
        knobs.choice("combine", help, &mut combine, Combine::NAMES);
        self.combine = Combine::ALL[combine];
        let help = "How strongly the logistic regression is held back.";
        knobs.real("regularization", help, &mut self.regularization, 1e-7..=1e3);
        let help = "Leaves out patches this near to a point, in patches.";
        knobs.maybe("exclude_radius", help, &mut self.exclude_radius, 0.0..=1e6);
        knobs.int(
            "top",
            "How many of the best patches to point out.",
            &mut self.top,
            0..=64,
        );
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        self.check()?;
        let source = &subjects[0];
        let centres = source.patches_at(&self.at)?;
        let positive = unit_patches(&source.features, &centres)?;
        let negative = unit_patches(&source.features, &source.patches_at(&self.not)?)?;
        let query = self.query(&positive, &negative)?;
        let mut found = Found::default();
        for (at, subject) in subjects.iter().enumerate() {
            cx.cancel.check()?;
            let mut map = match &query {
                Query::Linear(query) => cx.compute.cosine(&subject.features, query),
                Query::Logistic(fit) => {
                    cx.compute
                        .logistic(&subject.features, &fit.weights, fit.bias)
                }
                Query::Best => {
                    let weight = self.negative_weight;
                    cx.compute
                        .cosine_max(&subject.features, &positive, &negative, weight)
                }
            };
            if let Some(radius) = self.exclude_radius.filter(|_| at == 0) {
                exclude(&mut map, &centres, radius);
            }
            let (title, scale) = (self.title_of(source), self.scale());
            found
                .maps
                .push(FoundMap::scalar(at, title, map, scale, self.top));
        }
        Ok(found)
    }
}

/// What the maps are products with.
enum Query {
    Linear(Vec<f32>),
    Logistic(LogisticQuery),
    Best,
}

impl Similarity {
    fn query(&self, positive: &[Vec<f32>], negative: &[Vec<f32>]) -> Result<Query, AnalysisError> {
        Ok(match self.combine {
            Combine::Mean => Query::Linear(mean_query(positive, negative, self.negative_weight)),
            Combine::Max => Query::Best,
            Combine::Logistic => {
                Query::Logistic(logistic::fit(positive, negative, self.regularization)?)
            }
        })
    }

    fn scale(&self) -> Scale {
        match self.combine {
            Combine::Logistic => Scale::Probability,
            _ if self.not.is_empty() => Scale::Cosine,
            _ => Scale::Difference,
        }
    }

    fn title_of(&self, source: &Subject) -> String {
        let points = |count: usize| format!("{count} point{}", if count == 1 { "" } else { "s" });
        let less = match self.not.len() {
            0 => String::new(),
            count => format!(" against {}", points(count)),
        };
        format!(
            "similarity to {}{less} of {}",
            points(self.at.len()),
            source.name
        )
    }

    fn check(&self) -> Result<(), AnalysisError> {
        if self.at.is_empty() {
            return Err(bad_setting("at", "at least one point", &"empty"));
        }
        let weight = self.negative_weight;
        if !weight.is_finite() || weight < 0.0 {
            let expected = "a number of at least 0";
            return Err(bad_setting("negative_weight", expected, &weight));
        }
        match self.exclude_radius {
            Some(radius) if radius.is_nan() || radius < 0.0 => {
                let expected = "a number of at least 0";
                Err(bad_setting("exclude_radius", expected, &radius))
            }
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

#[cfg(test)]
mod tests {
    use super::super::Layer;
    use super::super::golden::{Golden, assert_close, centre, subject, values};
    use super::*;

    fn map(rows: usize, cols: usize, values: &[f32]) -> FeatureMap {
        let dim = values.len() / (rows * cols);
        FeatureMap::new(rows, cols, dim, values.to_vec()).unwrap()
    }

    fn at(row: usize, col: usize) -> Patch {
        Patch { row, col }
    }

    fn run(settings: &Similarity, maps: &[&FeatureMap]) -> Result<Found, AnalysisError> {
        let subjects: Vec<Subject> = maps.iter().map(|map| subject(map)).collect();
        settings.run(&subjects, &Context::default())
    }

    #[test]
    fn every_row_of_the_golden_similarity_is_a_map() {
        let golden = Golden::open("matching");
        let a = golden.map("input.features_a");
        let b = golden.map("input.features_b");
        let expected = golden.floats("expected.similarity");
        for (index, expected) in expected.chunks(b.patches()).enumerate() {
            let settings = Similarity {
                at: vec![centre(index / a.cols(), index % a.cols())],
                ..Similarity::default()
            };
            let found = run(&settings, &[&a, &b]).unwrap();
            // The golden case allows 1e-5.
            assert_close(&values(&found, 1), expected, 1e-5, "similarity");
        }
    }

    #[test]
    fn negative_prompts_are_subtracted_with_their_weight() {
        let features = map(1, 3, &[1.0, 0.0, 0.0, 2.0, 3.0, 3.0]);
        let settings = Similarity {
            at: vec![centre(0, 0)],
            not: vec![centre(0, 1)],
            negative_weight: 0.5,
            ..Similarity::default()
        };
        let diagonal = 0.5 * std::f32::consts::FRAC_1_SQRT_2;
        let found = run(&settings, &[&features]).unwrap();
        assert_close(&values(&found, 0), &[1.0, -0.5, diagonal], 1e-6, "mean");
    }

    #[test]
    fn several_prompts_are_averaged_or_the_best_counts() {
        let features = map(1, 3, &[1.0, 0.0, 0.0, 2.0, -1.0, 0.0]);
        let mut settings = Similarity {
            at: vec![centre(0, 0), centre(0, 1)],
            ..Similarity::default()
        };
        let mean = run(&settings, &[&features]).unwrap();
        assert_close(&values(&mean, 0), &[0.5, 0.5, -0.5], 1e-6, "mean");
        settings.combine = Combine::Max;
        let max = run(&settings, &[&features]).unwrap();
        assert_close(&values(&max, 0), &[1.0, 1.0, 0.0], 1e-6, "max");
    }

    #[test]
    fn the_excluded_disc_is_nan_on_the_own_picture_only() {
        let features = map(3, 3, &[1.0; 9]);
        let settings = Similarity {
            at: vec![centre(0, 0)],
            exclude_radius: Some(1.0),
            top: 9,
            ..Similarity::default()
        };
        let found = run(&settings, &[&features, &features]).unwrap();
        let own = values(&found, 0);
        let left_out: Vec<usize> = (0..9).filter(|&i| own[i].is_nan()).collect();
        assert_eq!(left_out, [0, 1, 3]);
        assert!(values(&found, 1).iter().all(|value| value.is_finite()));
        let counts = found.maps.iter().map(|map| match &map.layer {
            Layer::Scalar { top, .. } => top.len(),
            other => panic!("{other:?}"),
        });
        assert_eq!(counts.collect::<Vec<_>>(), [6, 9]);
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
    fn a_logistic_fit_gives_probabilities_that_separate_its_points() {
        let features = map(1, 4, &[1.0, 0.1, 0.9, 0.2, 0.0, 1.0, 0.2, 0.9]);
        let settings = Similarity {
            at: vec![centre(0, 0)],
            not: vec![centre(0, 2)],
            combine: Combine::Logistic,
            ..Similarity::default()
        };
        let found = values(&run(&settings, &[&features]).unwrap(), 0);
        assert!(
            found.iter().all(|value| (0.0..=1.0).contains(value)),
            "{found:?}"
        );
        assert!(
            found[0] > 0.5 && found[1] > 0.5 && found[2] < 0.5 && found[3] < 0.5,
            "{found:?}"
        );
        let alone = Similarity {
            not: Vec::new(),
            ..settings
        };
        assert!(run(&alone, &[&features]).is_err());
    }

    #[test]
    fn bad_settings_and_bad_maps_are_errors() {
        let features = map(1, 2, &[1.0, 0.0, 0.0, 1.0]);
        let none = run(&Similarity::default(), &[&features]).unwrap_err();
        assert!(none.to_string().contains("at least one point"), "{none}");
        let beyond = Similarity {
            at: vec![[32.0, 0.0]],
            ..Similarity::default()
        };
        let outside = run(&beyond, &[&features]).unwrap_err();
        assert!(outside.to_string().contains("32x16"), "{outside}");
        let one = Similarity {
            at: vec![centre(0, 0)],
            ..Similarity::default()
        };
        let other = map(1, 1, &[1.0, 0.0, 0.0]);
        let subjects = [subject(&features), subject(&other)];
        let channels = super::super::Analysis::from(one)
            .run(&subjects, &Context::default())
            .unwrap_err();
        assert!(
            channels.to_string().contains("3 channels, expected 2"),
            "{channels}"
        );
    }
}
