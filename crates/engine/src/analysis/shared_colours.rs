//! The same colors for the same things in two pictures.
//!
//! Input: two maps and their correspondences. Output: for either map three principal components as colors, fitted on the
//! patches of both that are each other's best partner; all other patches are dimmed. Whoever matches has the same color.
//! Source: `spec/05`, sections 1 and 3.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::knobs::Knobs;
use super::matching::{Match, Side};
use super::projection::{colours, project, whiten};
use super::subject::{Context, Found, FoundMap, Layer, Number, Subject};
use super::transfer::check_patches;
use super::{AnalysisError, Analyze, Correspondence, PcaBasis, PcaMap, bad_setting, same_channels};
use crate::feature_map::FeatureMap;

/// Components shown: red, green and blue.
const COMPONENTS: usize = 3;

/// Settings of shared colors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SharedColours {
    /// Brightness of patches without a mutual partner, in [0, 1]: 0 is black as in the paper, 1 does not dim.
    pub dimmed: f32,
    /// Least cosine of a pair that counts, in [-1, 1].
    pub min_similarity: f32,
}

impl Default for SharedColours {
    fn default() -> Self {
        Self {
            dimmed: 0.2,
            min_similarity: -1.0,
        }
    }
}

/// Colors of two maps from one basis.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedColoursResult {
    /// Fitted on the matched patches of both maps at length one.
    pub basis: PcaBasis,
    /// The first map.
    pub a: SharedMap,
    /// The second map.
    pub b: SharedMap,
}

/// Colors of one map.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedMap {
    /// `[rows, cols, 3]` in [0, 1], dimmed where there is no partner; `[rows, cols, dim]` for fewer channels than three.
    pub colours: Vec<f32>,
    /// `[rows · cols]`: whether the patch has a mutual partner.
    pub matched: Vec<bool>,
}

impl SharedColours {
    /// Colors `a` and `b` by their `matches`, of which only mutual ones count. At least four patches must match.
    pub fn colour_both(
        &self,
        a: &FeatureMap,
        b: &FeatureMap,
        matches: &[Correspondence],
    ) -> Result<SharedColoursResult, AnalysisError> {
        for (name, value, least) in [
            ("dimmed", self.dimmed, 0.0),
            ("min_similarity", self.min_similarity, -1.0),
        ] {
            if !(least..=1.0).contains(&value) {
                let expected = "a number in [0, 1] for dimmed, in [-1, 1] for min_similarity";
                return Err(bad_setting(name, expected, &value));
            }
        }
        same_channels("the second map", a.dim(), b.dim())?;
        check_patches(matches, a.patches(), b.patches())?;
        let mut masks = [vec![false; a.patches()], vec![false; b.patches()]];
        let counted =
            |pair: &&Correspondence| pair.mutual && pair.similarity >= self.min_similarity;
        for pair in matches.iter().filter(counted) {
            masks[0][pair.a] = true;
            masks[1][pair.b] = true;
        }
        // Cosines made the matches: lengths must not make the colors.
        let maps = [a.normalised(), b.normalised()];
        let basis = PcaBasis::fit(&maps, Some(&masks), COMPONENTS.min(a.dim()))?;
        let [matched_a, matched_b] = masks;
        Ok(SharedColoursResult {
            a: self.colour(&maps[0], &basis, matched_a)?,
            b: self.colour(&maps[1], &basis, matched_b)?,
            basis,
        })
    }

    fn colour(
        self,
        map: &FeatureMap,
        basis: &PcaBasis,
        matched: Vec<bool>,
    ) -> Result<SharedMap, AnalysisError> {
        let components: Vec<usize> = (0..basis.len()).collect();
        let values = project(map, basis, &components)?;
        let mut colours = colours(&whiten(&values, basis, &components));
        for (colour, matched) in colours.chunks_exact_mut(basis.len()).zip(&matched) {
            if !matched {
                for value in colour {
                    *value *= self.dimmed;
                }
            }
        }
        Ok(SharedMap { colours, matched })
    }
}

impl Analyze for SharedColours {
    fn id(&self) -> &'static str {
        "shared_colors"
    }

    fn title(&self) -> &'static str {
        "Shared colors"
    }

    fn about(&self) -> &'static str {
        "The same colors for what matches in two pictures; the rest is dimmed."
    }

    fn pictures(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let help = "Brightness of patches without a partner.";
        knobs.real("dimmed", help, &mut self.dimmed, 0.0..=1.0);
        let help = "Least cosine of a pair that counts.";
        knobs.real("min_similarity", help, &mut self.min_similarity, -1.0..=1.0);
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let sides = (Side::of(&subjects[0]), Side::of(&subjects[1]));
        let pairs = Match::default().pairs(&[], &sides.0, &sides.1, cx)?;
        let maps = (&subjects[0].features, &subjects[1].features);
        let result = self.colour_both(maps.0, maps.1, &pairs)?;
        let ratio = result.basis.explained_variance_ratio.clone();
        let shown = [(0, maps.0, result.a), (1, maps.1, result.b)];
        let map = |(subject, map, shared): (usize, &FeatureMap, SharedMap)| FoundMap {
            subject,
            title: "principal components of the matched patches".to_owned(),
            layer: Layer::Components {
                map: PcaMap {
                    rows: map.rows(),
                    cols: map.cols(),
                    k: ratio.len(),
                    values: shared.colours.clone(),
                    colours: shared.colours,
                    foreground: None,
                },
                components: (0..ratio.len()).collect(),
                explained: ratio.clone(),
            },
        };
        let mutual = pairs.iter().filter(|pair| pair.mutual).count();
        Ok(Found {
            maps: shown.into_iter().map(map).collect(),
            numbers: vec![Number {
                name: "mutual_pairs",
                title: "pairs that are each other's best partner",
                value: mutual as f64,
                subject: None,
            }],
            basis: Some(result.basis),
            ..Found::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::super::transfer::tests::pair;
    use super::*;

    fn scattered(patches: usize, dim: usize, seed: u32) -> FeatureMap {
        let value = |i: u32| {
            let bits = (i + seed).wrapping_mul(2_654_435_761);
            (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519) as f32 / 2_147_483_648.0 - 1.0
        };
        let values: Vec<f32> = (0..(patches * dim) as u32).map(value).collect();
        FeatureMap::new(1, patches, dim, values).unwrap()
    }

    /// `a` and the same patches in reverse and three times as long, with one stranger in front.
    fn pictures() -> (FeatureMap, FeatureMap, Vec<Correspondence>) {
        let a = scattered(12, 6, 1);
        let mut values = scattered(1, 6, 500).values().to_vec();
        for at in (0..12).rev() {
            values.extend(a.patch(at).iter().map(|value| 3.0 * value));
        }
        let b = FeatureMap::new(1, 13, 6, values).unwrap();
        // The last pair is not mutual.
        let matches = (0..12)
            .map(|at| pair(at, 12 - at, 1.0, at < 11, 0.0))
            .collect();
        (a, b, matches)
    }

    #[test]
    fn partners_have_the_same_color_and_others_are_dim() {
        let (a, b, matches) = pictures();
        let found = SharedColours::default()
            .colour_both(&a, &b, &matches)
            .unwrap();
        for at in 0..11 {
            let (own, other) = (
                &found.a.colours[at * 3..][..3],
                &found.b.colours[(12 - at) * 3..][..3],
            );
            assert_close(own, other, 1e-5, "partners");
        }
        assert_eq!((found.basis.len(), found.basis.origin.patches), (3, 22));
        let unmatched: Vec<usize> = (0..13).filter(|&at| !found.b.matched[at]).collect();
        assert_eq!(unmatched, [0, 1]);
        let bright = SharedColours {
            dimmed: 1.0,
            ..SharedColours::default()
        };
        let bright = bright.colour_both(&a, &b, &matches).unwrap();
        let dim: Vec<f32> = bright.b.colours[..6]
            .iter()
            .map(|value| 0.2 * value)
            .collect();
        assert_close(&found.b.colours[..6], &dim, 1e-6, "strangers");
        assert_close(
            &found.b.colours[6..],
            &bright.b.colours[6..],
            0.0,
            "matched",
        );
    }

    #[test]
    fn two_channels_give_two_components() {
        let map = scattered(6, 2, 3);
        let matches: Vec<Correspondence> = (0..6).map(|at| pair(at, at, 1.0, true, 0.0)).collect();
        let found = SharedColours::default()
            .colour_both(&map, &map, &matches)
            .unwrap();
        assert_eq!((found.a.colours.len(), found.basis.len()), (12, 2));
    }

    #[test]
    fn too_few_partners_and_bad_settings_are_errors() {
        let (a, b, matches) = pictures();
        let settings = SharedColours::default();
        let few = settings.colour_both(&a, &b, &matches[..1]).unwrap_err();
        assert!(
            matches!(few, AnalysisError::TooFewPatches { found: 2, .. }),
            "{few}"
        );
        let strict = SharedColours {
            min_similarity: 1.0,
            ..settings
        };
        let unlike = vec![pair(0, 0, 0.9, true, 0.0); 12];
        assert!(strict.colour_both(&a, &b, &unlike).is_err());
        let nan = SharedColours {
            dimmed: f32::NAN,
            ..settings
        };
        assert!(nan.colour_both(&a, &b, &matches).is_err());
        assert!(
            settings
                .colour_both(&a, &scattered(13, 5, 1), &matches)
                .is_err()
        );
        let outside = settings
            .colour_both(&a, &b, &[pair(0, 13, 1.0, true, 0.0)])
            .unwrap_err();
        assert!(outside.to_string().contains("of 12 and 13"), "{outside}");
    }
}
