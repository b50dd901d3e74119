//! Correspondences between two pictures.
//!
//! Input: two maps with the size of a patch in pixels, optional foregrounds. Output: for each kept patch of the first
//! picture its partner in the second, with cosine, mutual check and cycle error. Source: `spec/05`, section 3.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::knobs::{Knobs, Point};
use super::nearest::{Neighbours, mutual};
use super::stratify::stratify;
use super::subject::{Context, Found, FoundMap, Scale, Subject};
use super::{AnalysisError, Analyze, Patch, ScalarMap, bad_setting};
use crate::feature_map::FeatureMap;

/// Foreground values above this keep a patch.
const FOREGROUND: f32 = 0.5;

/// Settings of a match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Match {
    /// Only the patches under these points of the first picture, in this order; all when empty.
    pub points: Vec<Point>,
    /// Keep only pairs that are each other's best partner.
    pub mutual: bool,
    /// Keep only pairs whose `Correspondence::ratio` is at most this, in (0, 1].
    pub max_ratio: Option<f32>,
    /// Keep only pairs whose `Correspondence::cycle_error_px` is at most this.
    pub max_cycle_px: Option<f32>,
    /// Thin the pairs so that their points in the first picture are at least so many pixels apart.
    pub stratify_px: Option<f32>,
    /// Place the partner between patches: soft-argmax over the 3 × 3 patches around the best one.
    pub refine: bool,
    /// Temperature of that soft-argmax in units of cosine. At 0.05 a neighbour that is 0.05 less similar weighs 1/e;
    /// smaller stays nearer to the best patch.
    pub refine_temperature: f32,
}

impl Default for Match {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            mutual: false,
            max_ratio: None,
            max_cycle_px: None,
            stratify_px: None,
            refine: false,
            refine_temperature: 0.05,
        }
    }
}

/// One of the two pictures of a match.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Features, normalised or not.
    pub features: &'a FeatureMap,
    /// Size (width, height) of a patch in pixels of the original picture.
    pub patch_px: (f64, f64),
    /// `[rows · cols]` in [0, 1]; patches at or below 0.5 are dropped.
    pub foreground: Option<&'a [f32]>,
}

/// One pair of patches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correspondence {
    /// Flat patch number in the first picture.
    pub a: usize,
    /// Flat number of its best partner in the second.
    pub b: usize,
    /// Centre (x, y) of the patch in pixels of the first picture.
    pub a_px: [f32; 2],
    /// Centre (x, y) of the partner in pixels of the second picture; between centres when refined.
    pub b_px: [f32; 2],
    /// Cosine of the two, in [-1, 1].
    pub similarity: f32,
    /// Cosine of the second best partner; -∞ if the second picture has one patch only.
    pub second: f32,
    /// Whether the first patch is also the best partner of the second.
    pub mutual: bool,
    /// Distance in pixels of the first picture between the patch and the best partner of its partner.
    pub cycle_error_px: f32,
}

impl Correspondence {
    /// Distance of unit vectors to the best partner over that to the second best, in [0, 1]: near 1 is ambiguous.
    pub fn ratio(&self) -> f32 {
        let distance = |cosine: f32| (2.0 - 2.0 * cosine).max(0.0).sqrt();
        let second = distance(self.second);
        // Two perfect partners: nothing tells them apart.
        if second > 0.0 {
            distance(self.similarity) / second
        } else {
            1.0
        }
    }
}

impl Analyze for Match {
    fn id(&self) -> &'static str {
        "match"
    }

    fn title(&self) -> &'static str {
        "Correspondence"
    }

    fn about(&self) -> &'static str {
        "Which patch of the second picture is most like each patch of the first one."
    }

    fn pictures(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let help = "Only these points of the first picture; all patches without any.";
        knobs.points("points", help, &mut self.points);
        knobs.toggle(
            "mutual",
            "Only pairs that are each other's best partner.",
            &mut self.mutual,
        );
        let help = "Only pairs whose distance is at most so large a part of the second best one's.";
        knobs.maybe("max_ratio", help, &mut self.max_ratio, 0.0..=1.0);
        let help = "Only pairs that come back to within so many pixels.";
        knobs.maybe("max_cycle_px", help, &mut self.max_cycle_px, 0.0..=1e6);
        let help = "Thins the pairs to this distance in the first picture, in pixels.";
        knobs.maybe("stratify", help, &mut self.stratify_px, 0.0..=1e6);
        knobs.toggle(
            "refine",
            "Places partners between patches.",
            &mut self.refine,
        );
        let help = "Temperature of that placing, in units of cosine.";
        knobs.real(
            "refine_temperature",
            help,
            &mut self.refine_temperature,
            1e-3..=10.0,
        );
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let (first, second) = (&subjects[0], &subjects[1]);
        let wanted = first.patches_at(&self.points)?;
        let pairs = self.pairs(&wanted, &Side::of(first), &Side::of(second), cx)?;
        // What the pairs of all patches say of every patch of the first picture.
        let complete = self.points.is_empty() && self.stratify_px.is_none();
        let map = |title: &str, scale: Scale, value: fn(&Correspondence) -> f32| {
            let mut values = vec![f32::NAN; first.features.patches()];
            for pair in &pairs {
                values[pair.a] = value(pair);
            }
            let (rows, cols) = (first.features.rows(), first.features.cols());
            let (title, map) = (
                format!("{title} in {}", second.name),
                ScalarMap { rows, cols, values },
            );
            FoundMap::scalar(0, title, map, scale, 0)
        };
        let maps = if complete {
            vec![
                map("cosine to the best partner", Scale::Cosine, |pair| {
                    pair.similarity
                }),
                map(
                    "cycle error by way of the partner",
                    Scale::DistancePx,
                    |pair| pair.cycle_error_px,
                ),
            ]
        } else {
            Vec::new()
        };
        Ok(Found {
            maps,
            matches: Some(pairs),
            ..Found::default()
        })
    }
}

impl Match {
    /// Matches `a` to `b`; the pairs are in the order of the patches of `a`, or of `wanted` if that is not empty.
    pub fn pairs(
        &self,
        wanted: &[Patch],
        a: &Side<'_>,
        b: &Side<'_>,
        cx: &Context,
    ) -> Result<Vec<Correspondence>, AnalysisError> {
        self.check()?;
        a.check()?;
        b.check()?;
        let wanted = match wanted {
            [] => (0..a.features.patches()).collect(),
            wanted => wanted
                .iter()
                .map(|patch| patch.index_in(a.features))
                .collect::<Result<Vec<_>, _>>()?,
        };
        let neighbours = cx.compute.nearest(a.features, b.features, &cx.cancel)?;
        let is_mutual = mutual(&neighbours);
        let mut found: Vec<Correspondence> = wanted
            .into_iter()
            .map(|at| correspondence(at, &neighbours, is_mutual[at], a, b))
            .filter(|pair| a.keeps(pair.a) && b.keeps(pair.b))
            .filter(|pair| pair.mutual || !self.mutual)
            .filter(|pair| self.max_ratio.is_none_or(|limit| pair.ratio() <= limit))
            .filter(|pair| {
                self.max_cycle_px
                    .is_none_or(|limit| pair.cycle_error_px <= limit)
            })
            .collect();
        if let Some(distance) = self.stratify_px {
            let points: Vec<[f32; 2]> = found.iter().map(|pair| pair.a_px).collect();
            found = stratify(&points, distance)
                .into_iter()
                .map(|at| found[at])
                .collect();
        }
        if self.refine {
            let partner = &neighbours.a_to_b.index;
            let temperature = self.refine_temperature;
            let offsets = cx
                .compute
                .soft_offsets(a.features, b.features, partner, temperature);
            for pair in &mut found {
                pair.b_px = b.point_px(pair.b, offsets[pair.a]);
            }
        }
        Ok(found)
    }

    fn check(&self) -> Result<(), AnalysisError> {
        let temperature = self.refine_temperature;
        if !temperature.is_finite() || temperature <= 0.0 {
            return Err(bad_setting(
                "refine_temperature",
                "a number above 0",
                &temperature,
            ));
        }
        if let Some(ratio) = self
            .max_ratio
            .filter(|ratio| !(*ratio > 0.0 && *ratio <= 1.0))
        {
            return Err(bad_setting("max_ratio", "a number in (0, 1]", &ratio));
        }
        if let Some(px) = self.max_cycle_px.filter(|px| px.is_nan() || *px < 0.0) {
            return Err(bad_setting("max_cycle_px", "a number of at least 0", &px));
        }
        if let Some(px) = self.stratify_px.filter(|px| !px.is_finite() || *px < 0.0) {
            return Err(bad_setting("stratify_px", "a number of at least 0", &px));
        }
        Ok(())
    }
}

impl<'a> Side<'a> {
    /// A whole picture.
    pub fn of(subject: &'a Subject) -> Self {
        Self {
            features: &subject.features,
            patch_px: subject.grid.patch_px(),
            foreground: None,
        }
    }

    fn check(&self) -> Result<(), AnalysisError> {
        let (width, height) = self.patch_px;
        if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
            let found = format!("{width} x {height}");
            return Err(bad_setting("patch_px", "two numbers above 0", &found));
        }
        match self.foreground {
            Some(mask) if mask.len() != self.features.patches() => Err(AnalysisError::Mask {
                expected: self.features.patches(),
                found: mask.len(),
            }),
            _ => Ok(()),
        }
    }

    fn keeps(&self, patch: usize) -> bool {
        self.foreground.is_none_or(|mask| mask[patch] > FOREGROUND)
    }

    /// Point (x, y) in pixels, `offset` (x, y) patches from the centre of `patch`.
    fn point_px(&self, patch: usize, offset: [f32; 2]) -> [f32; 2] {
        let patch = Patch::from_index(patch, self.features.cols());
        let x = (patch.col as f64 + 0.5 + f64::from(offset[0])) * self.patch_px.0;
        let y = (patch.row as f64 + 0.5 + f64::from(offset[1])) * self.patch_px.1;
        [x as f32, y as f32]
    }
}

fn correspondence(
    at: usize,
    neighbours: &Neighbours,
    mutual: bool,
    a: &Side<'_>,
    b: &Side<'_>,
) -> Correspondence {
    let partner = neighbours.a_to_b.index[at] as usize;
    let back = neighbours.b_to_a.index[partner] as usize;
    let (a_px, back_px) = (a.point_px(at, [0.0; 2]), a.point_px(back, [0.0; 2]));
    Correspondence {
        a: at,
        b: partner,
        a_px,
        b_px: b.point_px(partner, [0.0; 2]),
        similarity: neighbours.a_to_b.similarity[at],
        second: neighbours.a_to_b.second[at],
        mutual,
        cycle_error_px: (a_px[0] - back_px[0]).hypot(a_px[1] - back_px[1]),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::super::golden::{Golden, assert_close};
    use super::*;

    fn side(features: &FeatureMap) -> Side<'_> {
        Side {
            features,
            patch_px: (16.0, 16.0),
            foreground: None,
        }
    }

    #[test]
    fn foreground_points_and_thinning_equal_the_golden_case() {
        let golden = Golden::open("matching");
        let (map_a, map_b) = (
            golden.map("input.features_a"),
            golden.map("input.features_b"),
        );
        let (mask_a, mask_b) = (
            golden.floats("input.foreground_a"),
            golden.floats("input.foreground_b"),
        );
        let (mut a, mut b) = (side(&map_a), side(&map_b));
        (a.foreground, b.foreground) = (Some(&mask_a[..]), Some(&mask_b[..]));
        let found = Match::default()
            .pairs(&[], &a, &b, &Context::default())
            .unwrap();
        let kept: Vec<usize> = found.iter().map(|pair| pair.a).collect();
        assert_eq!(kept, golden.indices("expected.kept_after_foreground"));
        // The golden points are (row, col).
        let flat = |point: fn(&Correspondence) -> [f32; 2]| -> Vec<f32> {
            found
                .iter()
                .flat_map(|pair| [point(pair)[1], point(pair)[0]])
                .collect()
        };
        assert_eq!(flat(|pair| pair.a_px), golden.floats("expected.points_a"));
        assert_eq!(flat(|pair| pair.b_px), golden.floats("expected.points_b"));
        let prefix = "expected.stratified.distance";
        for name in golden
            .names()
            .iter()
            .filter(|name| name.starts_with(prefix))
        {
            let settings = Match {
                stratify_px: Some(name[prefix.len()..].parse().unwrap()),
                ..Match::default()
            };
            let thinned = settings.pairs(&[], &a, &b, &Context::default()).unwrap();
            let expected: Vec<usize> = golden.indices(name).iter().map(|&at| kept[at]).collect();
            assert_eq!(
                thinned.iter().map(|pair| pair.a).collect::<Vec<_>>(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn mutual_pairs_equal_the_golden_case_and_have_no_cycle_error() {
        let golden = Golden::open("matching");
        let (a, b) = (
            golden.map("input.features_a"),
            golden.map("input.features_b"),
        );
        let settings = Match {
            mutual: true,
            ..Match::default()
        };
        let found = settings
            .pairs(&[], &side(&a), &side(&b), &Context::default())
            .unwrap();
        let pairs: Vec<usize> = found.iter().flat_map(|pair| [pair.a, pair.b]).collect();
        assert_eq!(pairs, golden.indices("expected.mutual_pairs"));
        let similarity: Vec<f32> = found.iter().map(|pair| pair.similarity).collect();
        assert_close(
            &similarity,
            &golden.floats("expected.mutual_similarity"),
            1e-5,
            "similarity",
        );
        assert!(
            found
                .iter()
                .all(|pair| pair.mutual && pair.cycle_error_px == 0.0)
        );
        let all = Match::default()
            .pairs(&[], &side(&a), &side(&b), &Context::default())
            .unwrap();
        assert!(
            all.iter()
                .all(|pair| pair.mutual == (pair.cycle_error_px == 0.0))
        );
    }

    #[test]
    fn a_picture_matches_itself_and_points_keep_their_order() {
        let golden = Golden::open("matching");
        let map = golden.map("input.features_a");
        let points = vec![Patch { row: 3, col: 2 }, Patch { row: 0, col: 1 }];
        let mut half = side(&map);
        half.patch_px = (8.0, 4.0);
        let found = Match::default()
            .pairs(&points, &half, &side(&map), &Context::default())
            .unwrap();
        assert_eq!(found[0].a_px, [20.0, 14.0]);
        assert_eq!(found[0].b_px, [40.0, 56.0]);
        assert_eq!(found[1].a_px, [12.0, 2.0]);
        assert!(
            found
                .iter()
                .all(|pair| pair.a == pair.b && pair.similarity > 0.999)
        );
    }

    #[test]
    fn ambiguous_pairs_fall_to_the_ratio() {
        let a = FeatureMap::new(1, 2, 2, vec![1.0, 0.0, 0.6, 0.8]).unwrap();
        let b = FeatureMap::new(1, 3, 2, vec![1.0, 0.01, 0.0, 1.0, 1.0, -0.011]).unwrap();
        let settings = Match {
            max_ratio: Some(0.8),
            ..Match::default()
        };
        let found = settings
            .pairs(&[], &side(&a), &side(&b), &Context::default())
            .unwrap();
        assert_eq!(found.iter().map(|pair| pair.a).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn bad_settings_masks_and_sizes_are_errors() {
        let map = FeatureMap::new(1, 2, 2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        let with = |change: fn(&mut Match)| {
            let mut settings = Match::default();
            change(&mut settings);
            settings.pairs(&[], &side(&map), &side(&map), &Context::default())
        };
        assert!(with(|settings| settings.refine_temperature = 0.0).is_err());
        assert!(with(|settings| settings.max_ratio = Some(f32::NAN)).is_err());
        assert!(with(|settings| settings.stratify_px = Some(-1.0)).is_err());
        let below = [Patch { row: 1, col: 0 }];
        let pairs = Match::default().pairs(&below, &side(&map), &side(&map), &Context::default());
        assert!(pairs.is_err());
        assert!(with(|settings| settings.max_cycle_px = Some(f32::NAN)).is_err());
        let mut short = side(&map);
        short.foreground = Some(&[1.0]);
        assert!(matches!(
            Match::default().pairs(&[], &short, &side(&map), &Context::default()),
            Err(AnalysisError::Mask { .. })
        ));
        let mut flat = side(&map);
        flat.patch_px = (16.0, 0.0);
        assert!(
            Match::default()
                .pairs(&[], &side(&map), &flat, &Context::default())
                .is_err()
        );
    }
}
