//! Dense color transfer: the first picture drawn in the colors of its partners in the second.
//!
//! Input: correspondences from A to B and one color a patch of B. Output: one color a patch of A, and which of them to
//! trust. What matches well looks like the first picture made of pieces of the second.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::knobs::Knobs;
use super::matching::{Match, Side};
use super::patch_means::patch_means;
use super::subject::{Context, Found, FoundMap, Layer, Number, Subject};
use super::{AnalysisError, Analyze, Correspondence, bad_setting};

/// Which partners a transfer trusts; by default all of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transfer {
    /// Least cosine of the two patches, in [-1, 1].
    pub min_similarity: f32,
    /// Trust only pairs that are each other's best partner.
    pub mutual: bool,
    /// Largest cycle error in pixels of the first picture.
    pub max_cycle_px: Option<f32>,
}

impl Default for Transfer {
    fn default() -> Self {
        Self {
            min_similarity: -1.0,
            mutual: false,
            max_cycle_px: None,
        }
    }
}

/// Colors that were carried over.
#[derive(Clone, Debug, PartialEq)]
pub struct Transferred {
    /// `[patches of A, channels]`: the color of the partner; NaN for a patch without one.
    pub colours: Vec<f32>,
    /// `[patches of A]`: whether the pair passes the settings.
    pub confident: Vec<bool>,
}

impl Transfer {
    /// Whether a pair passes.
    pub fn trusts(&self, pair: &Correspondence) -> bool {
        pair.similarity >= self.min_similarity
            && (pair.mutual || !self.mutual)
            && self
                .max_cycle_px
                .is_none_or(|limit| pair.cycle_error_px <= limit)
    }

    /// Gives each of the `patches` of A the color of its partner.
    ///
    /// `colours`: `[patches of B, channels]`, for example of `patch_means`. Of several pairs of a patch the last counts.
    pub fn carry(
        &self,
        matches: &[Correspondence],
        patches: usize,
        colours: &[f32],
        channels: usize,
    ) -> Result<Transferred, AnalysisError> {
        self.check()?;
        if channels == 0 || !colours.len().is_multiple_of(channels) {
            let found = format!("{} values of {channels} channels", colours.len());
            return Err(bad_setting("colours", "one color a patch", &found));
        }
        check_patches(matches, patches, colours.len() / channels)?;
        let mut out = Transferred {
            colours: vec![f32::NAN; patches * channels],
            confident: vec![false; patches],
        };
        for pair in matches {
            let colour = &colours[pair.b * channels..][..channels];
            out.colours[pair.a * channels..][..channels].copy_from_slice(colour);
            out.confident[pair.a] = self.trusts(pair);
        }
        Ok(out)
    }

    fn check(&self) -> Result<(), AnalysisError> {
        let similarity = self.min_similarity;
        if !(-1.0..=1.0).contains(&similarity) {
            return Err(bad_setting(
                "min_similarity",
                "a number in [-1, 1]",
                &similarity,
            ));
        }
        match self.max_cycle_px {
            Some(limit) if limit.is_nan() || limit < 0.0 => Err(bad_setting(
                "max_cycle_px",
                "a number of at least 0",
                &limit,
            )),
            _ => Ok(()),
        }
    }
}

/// Refuses pairs of patches that two pictures of `patches_a` and `patches_b` patches do not have.
pub(super) fn check_patches(
    matches: &[Correspondence],
    patches_a: usize,
    patches_b: usize,
) -> Result<(), AnalysisError> {
    match matches
        .iter()
        .find(|pair| pair.a >= patches_a || pair.b >= patches_b)
    {
        Some(pair) => {
            let found = format!("{} to {} of {patches_a} and {patches_b}", pair.a, pair.b);
            Err(bad_setting(
                "matches",
                "patches of the two pictures",
                &found,
            ))
        }
        None => Ok(()),
    }
}

impl Analyze for Transfer {
    fn id(&self) -> &'static str {
        "transfer"
    }

    fn title(&self) -> &'static str {
        "Color transfer"
    }

    fn about(&self) -> &'static str {
        "The first picture in the colors of its partners in the second one."
    }

    fn pictures(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let help = "Least cosine of two patches.";
        knobs.real("min_similarity", help, &mut self.min_similarity, -1.0..=1.0);
        knobs.toggle(
            "mutual",
            "Only pairs that are each other's best partner.",
            &mut self.mutual,
        );
        let help = "Only pairs that come back to within so many pixels.";
        knobs.maybe("max_cycle_px", help, &mut self.max_cycle_px, 0.0..=1e6);
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let (first, second) = (&subjects[0], &subjects[1]);
        let picture = second
            .picture
            .as_deref()
            .ok_or_else(|| AnalysisError::Missing {
                what: "the picture",
                reason: "its colors are carried over",
                subject: second.name.clone(),
            })?;
        let sides = (Side::of(first), Side::of(second));
        let pairs = Match::default().pairs(&[], &sides.0, &sides.1, cx)?;
        let grid = (second.grid.rows, second.grid.cols);
        let means = patch_means(picture.as_raw(), picture.dimensions(), grid)?;
        let moved = self.carry(&pairs, first.features.patches(), &means, 3)?;
        let mut partners = vec![u32::MAX; first.features.patches()];
        let mut colours = moved.colours;
        for pair in &pairs {
            partners[pair.a] = pair.b as u32;
        }
        for (patch, &confident) in moved.confident.iter().enumerate() {
            if !confident {
                partners[patch] = u32::MAX;
                colours[patch * 3..][..3].fill(f32::NAN);
            }
        }
        let kept = moved
            .confident
            .iter()
            .filter(|&&confident| confident)
            .count();
        Ok(Found {
            maps: vec![FoundMap {
                subject: 0,
                title: format!("colors of {} on {}", second.name, first.name),
                layer: Layer::Transfer {
                    rows: first.features.rows(),
                    cols: first.features.cols(),
                    colours,
                    partners,
                    other: 1,
                    other_grid: (second.features.rows(), second.features.cols()),
                },
            }],
            numbers: vec![Number {
                name: "carried_patches",
                title: "patches with a partner that is trusted",
                value: kept as f64,
                subject: Some(0),
            }],
            ..Found::default()
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A pair with the given cosine, mutual check and cycle error.
    pub(crate) fn pair(
        a: usize,
        b: usize,
        similarity: f32,
        mutual: bool,
        cycle: f32,
    ) -> Correspondence {
        Correspondence {
            a,
            b,
            a_px: [0.0; 2],
            b_px: [0.0; 2],
            similarity,
            second: 0.0,
            mutual,
            cycle_error_px: cycle,
        }
    }

    #[test]
    fn patches_take_their_partners_colors_and_the_rest_has_none() {
        let matches = [pair(2, 0, 0.9, true, 0.0), pair(0, 1, 0.2, false, 40.0)];
        let colours = [0.1, 0.2, 0.3, 0.7, 0.8, 0.9];
        let found = Transfer::default().carry(&matches, 3, &colours, 3).unwrap();
        assert_eq!(found.colours[6..], colours[..3]);
        assert_eq!(found.colours[..3], colours[3..]);
        assert!(found.colours[3..6].iter().all(|value| value.is_nan()));
        assert_eq!(found.confident, [true, false, true]);
    }

    #[test]
    fn each_limit_drops_what_fails_it() {
        let matches = [
            pair(0, 0, 0.9, true, 0.0),
            pair(1, 0, 0.4, true, 0.0),
            pair(2, 0, 0.9, false, 8.0),
            pair(3, 0, 0.9, false, 32.0),
        ];
        let trusted =
            |settings: Transfer| settings.carry(&matches, 4, &[0.5], 1).unwrap().confident;
        let base = Transfer::default();
        let similar = Transfer {
            min_similarity: 0.5,
            ..base
        };
        assert_eq!(trusted(similar), [true, false, true, true]);
        let mutual = Transfer {
            mutual: true,
            ..base
        };
        assert_eq!(trusted(mutual), [true, true, false, false]);
        let near = Transfer {
            max_cycle_px: Some(8.0),
            ..base
        };
        assert_eq!(trusted(near), [true, true, true, false]);
    }

    #[test]
    fn patches_that_are_not_there_and_bad_limits_are_errors() {
        let settings = Transfer::default();
        for (a, b) in [(3, 0), (0, 2), (usize::MAX, 0)] {
            let error = settings
                .carry(&[pair(a, b, 1.0, true, 0.0)], 3, &[0.0; 6], 3)
                .unwrap_err();
            assert!(error.to_string().contains("of 3 and 2"), "{error}");
        }
        assert!(settings.carry(&[], 3, &[0.0; 5], 3).is_err());
        assert!(settings.carry(&[], 3, &[], 0).is_err());
        for bad in [
            Transfer {
                min_similarity: f32::NAN,
                ..settings
            },
            Transfer {
                min_similarity: 2.0,
                ..settings
            },
            Transfer {
                max_cycle_px: Some(-1.0),
                ..settings
            },
        ] {
            assert!(bad.carry(&[], 3, &[0.0; 6], 3).is_err());
        }
    }

    proptest! {
        #[test]
        fn the_order_of_the_pairs_is_of_no_effect_when_each_patch_has_one(
            partners in proptest::collection::vec(0_usize..9, 1..40), turn: usize,
        ) {
            let colours: Vec<f32> = (0..9).map(|at| at as f32).collect();
            let pairs = partners.iter().enumerate();
            let mut matches: Vec<Correspondence> =
                pairs.map(|(a, &b)| pair(a, b, b as f32 / 9.0, true, 0.0)).collect();
            let settings = Transfer { min_similarity: 0.4, ..Transfer::default() };
            let plain = settings.carry(&matches, partners.len(), &colours, 1).unwrap();
            matches.rotate_left(turn % partners.len());
            prop_assert_eq!(&plain, &settings.carry(&matches, partners.len(), &colours, 1).unwrap());
            let expected: Vec<f32> = partners.iter().map(|&partner| partner as f32).collect();
            prop_assert_eq!(plain.colours, expected);
        }
    }
}
