//! Lengths of patch features, and the patches that are far too long.
//!
//! Input: a map, before any normalization. Output: one length a patch, and the outliers among them. A few patches of
//! plain background with several times the usual length carry facts about the whole picture in place of their own:
//! DINOv2 has such artifact tokens, the registers of DINOv3 take their load.
//! Source: Darcet et al. 2023, "Vision Transformers Need Registers".
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::knobs::Knobs;
use super::subject::{Context, Found, FoundMap, Layer, Number, Scale, Subject};
use super::{AnalysisError, Analyze, Patch, ScalarMap, bad_setting};
use crate::feature_map::{FeatureMap, PATCHES_PER_TASK, dot};

/// A normal distribution's standard deviation in units of its median absolute deviation.
const DEVIATION_OF_MAD: f64 = 1.482_602_218_505_602;

/// Settings of a search for patches that are too long.
///
/// A patch must pass both limits. Deviations alone would name harmless patches after a layer norm, where all lengths
/// are nearly equal and the deviation is next to nothing; the ratio alone would name the tail of a wide but healthy
/// distribution. Median and median absolute deviation do not move with the outliers themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Norms {
    /// Least distance above the median in robust standard deviations (1.4826 median absolute deviations), at least 0.
    pub deviations: f32,
    /// Least length in units of the median, at least 1.
    pub ratio: f32,
}

impl Default for Norms {
    fn default() -> Self {
        Self {
            deviations: 5.0,
            ratio: 1.5,
        }
    }
}

/// Lengths of one map and what is wrong with them.
#[derive(Clone, Debug, PartialEq)]
pub struct NormsResult {
    /// `[rows, cols]`, in the unit of the features.
    pub lengths: ScalarMap,
    /// The middle length.
    pub median: f32,
    /// 1.4826 median absolute deviations: the standard deviation of the lengths without their outliers.
    pub deviation: f32,
    /// Patches longer than this are outliers.
    pub threshold: f32,
    /// The patches that are too long, longest first.
    pub outliers: Vec<Patch>,
}

impl Norms {
    /// Finds the outliers among the `lengths` `[rows · cols]` of a map of `(rows, cols)`.
    pub fn judge(
        &self,
        lengths: Vec<f32>,
        (rows, cols): (usize, usize),
    ) -> Result<NormsResult, AnalysisError> {
        if !self.deviations.is_finite() || self.deviations < 0.0 {
            let found = self.deviations;
            return Err(bad_setting("deviations", "a number of at least 0", &found));
        }
        if !self.ratio.is_finite() || self.ratio < 1.0 {
            return Err(bad_setting("ratio", "a number of at least 1", &self.ratio));
        }
        let (middle, deviation) = robust_scale(&lengths);
        let by_deviation = middle + f64::from(self.deviations) * deviation;
        let threshold = by_deviation.max(f64::from(self.ratio) * middle);
        let mut outliers: Vec<usize> = (0..lengths.len())
            .filter(|&at| f64::from(lengths[at]) > threshold)
            .collect();
        outliers.sort_by(|&a, &b| lengths[b].total_cmp(&lengths[a]));
        let patch = |at| Patch::from_index(at, cols);
        Ok(NormsResult {
            lengths: ScalarMap {
                rows,
                cols,
                values: lengths,
            },
            median: middle as f32,
            deviation: deviation as f32,
            threshold: threshold as f32,
            outliers: outliers.into_iter().map(patch).collect(),
        })
    }
}

impl NormsResult {
    /// Part of the patches that are outliers, in [0, 1].
    pub fn share(&self) -> f32 {
        self.outliers.len() as f32 / self.lengths.values.len() as f32
    }

    /// What the numbers mean, in one or two sentences.
    pub fn verdict(&self) -> String {
        let (patches, median) = (self.lengths.values.len(), self.median);
        let Some(longest) = self.outliers.first() else {
            let threshold = self.threshold;
            return format!(
                "None of {patches} patches is longer than {threshold:.4} (median {median:.4}): no artifact patches."
            );
        };
        let longest = self.lengths.values[longest.row * self.lengths.cols + longest.col];
        format!(
            "{} of {patches} patches ({:.2} %) are longer than {:.4} (median {median:.4}), up to {longest:.4}. \
             Such patches hold facts about the whole picture in place of their own, as in DINOv2; \
             models with registers have none.",
            self.outliers.len(),
            100.0 * self.share(),
            self.threshold,
        )
    }
}

/// `out[p] = ‖features[p]‖`, the Euclidean length of each patch: `[patches]`.
pub fn lengths(map: &FeatureMap) -> Vec<f32> {
    let mut out = vec![0.0; map.patches()];
    out.par_chunks_mut(PATCHES_PER_TASK)
        .zip(map.values().par_chunks(PATCHES_PER_TASK * map.dim()))
        .for_each(|(out, patches)| {
            let dim = map.dim();
            Arch::new().dispatch(Lengths { patches, dim, out });
        });
    out
}

/// The lengths of some patches. A type and not a closure: its loop is sure to be compiled for the vector units at hand.
struct Lengths<'a> {
    /// `[patches, dim]`.
    patches: &'a [f32],
    dim: usize,
    /// `[patches]`.
    out: &'a mut [f32],
}

impl WithSimd for Lengths<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (out, patch) in self.out.iter_mut().zip(self.patches.chunks_exact(self.dim)) {
            *out = dot(patch, patch).sqrt();
        }
    }
}

/// Median of `values` and 1.4826 times their median absolute deviation from it; (0, 0) for none.
pub fn robust_scale(values: &[f32]) -> (f64, f64) {
    let middle = median(values.iter().map(|&value| f64::from(value)).collect());
    let away = values
        .iter()
        .map(|&value| (f64::from(value) - middle).abs());
    (middle, DEVIATION_OF_MAD * median(away.collect()))
}

/// The middle of `values`, the mean of the two middle ones of an even number; 0 for none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => 0.0,
        (half, 0) => f64::midpoint(values[half - 1], values[half]),
        (half, _) => values[half],
    }
}

impl Analyze for Norms {
    fn id(&self) -> &'static str {
        "norm"
    }

    fn title(&self) -> &'static str {
        "Patch norm"
    }

    fn about(&self) -> &'static str {
        "How long the vector of every patch is, and which are far too long; without the final norm they stand out most."
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let help = "Least distance of an outlier above the median, in robust standard deviations.";
        knobs.real("deviations", help, &mut self.deviations, 0.0..=1000.0);
        let help = "Least length of an outlier, in units of the median.";
        knobs.real("ratio", help, &mut self.ratio, 1.0..=1000.0);
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let mut found = Found::default();
        let mut verdicts = Vec::new();
        for (at, subject) in subjects.iter().enumerate() {
            cx.cancel.check()?;
            let grid = (subject.features.rows(), subject.features.cols());
            let result = self.judge(cx.compute.lengths(&subject.features), grid)?;
            let number = |name, title, value: f32| Number {
                name,
                title,
                value: f64::from(value),
                subject: Some(at),
            };
            found.numbers.extend([
                number("median_norm", "median length", result.median),
                number(
                    "norm_deviation",
                    "robust standard deviation",
                    result.deviation,
                ),
                number(
                    "outlier_threshold",
                    "outliers are longer than",
                    result.threshold,
                ),
                number("outliers", "outlier patches", result.outliers.len() as f32),
                number("outlier_share", "share of outlier patches", result.share()),
            ]);
            verdicts.push(format!("{}: {}", subject.name, result.verdict()));
            found.maps.push(FoundMap {
                subject: at,
                title: format!("patch norm, {} outliers", result.outliers.len()),
                layer: Layer::Scalar {
                    map: result.lengths,
                    scale: Scale::Length,
                    top: Vec::new(),
                    marked: result.outliers,
                },
            });
        }
        found.verdict = Some(verdicts.join(" "));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::*;

    fn judged(settings: Norms, map: &FeatureMap) -> Result<NormsResult, AnalysisError> {
        settings.judge(lengths(map), (map.rows(), map.cols()))
    }
    use proptest::prelude::*;

    /// One row of patches that point anywhere and have the given lengths.
    fn with_lengths(lengths: &[f32]) -> FeatureMap {
        let patch = |(at, length): (usize, &f32)| {
            let angle = at as f32;
            [length * angle.cos(), 0.0, length * angle.sin()]
        };
        let values: Vec<f32> = lengths.iter().enumerate().flat_map(patch).collect();
        FeatureMap::new(1, lengths.len(), 3, values).unwrap()
    }

    #[test]
    fn long_patches_are_found_longest_first() {
        let mut wanted: Vec<f32> = (0..64).map(|i| 10.0 + 0.1 * (i % 7) as f32).collect();
        (wanted[5], wanted[40]) = (25.0, 60.0);
        let found = judged(Norms::default(), &with_lengths(&wanted)).unwrap();
        assert_close(&found.lengths.values, &wanted, 1e-4, "length");
        let cols: Vec<usize> = found.outliers.iter().map(|patch| patch.col).collect();
        assert_eq!(cols, [40, 5]);
        assert!((found.share() - 2.0 / 64.0).abs() < 1e-7);
        let verdict = found.verdict();
        assert!(verdict.starts_with("2 of 64 patches (3.12 %)"), "{verdict}");
        assert!(verdict.contains("up to 60.0"), "{verdict}");
    }

    #[test]
    fn neither_narrow_nor_wide_healthy_lengths_have_outliers() {
        // Narrow: 30 deviations above the median, yet only 3 % longer. Wide: 4 times the median, yet under 5 deviations.
        let mut narrow: Vec<f32> = (0..50).map(|i| 10.0 + 0.01 * (i % 3) as f32).collect();
        narrow[7] = 10.3;
        let wide: Vec<f32> = (0..50).map(|i| 1.0 + 0.16 * i as f32).collect();
        for lengths in [narrow, wide] {
            let found = judged(Norms::default(), &with_lengths(&lengths)).unwrap();
            assert_eq!(found.outliers, []);
            assert!(found.verdict().contains("no artifact patches"));
        }
    }

    #[test]
    fn half_of_the_patches_may_be_wrong_and_equal_or_zero_ones_are_not() {
        let mut lengths = vec![1.0; 20];
        lengths[..9].fill(30.0);
        let found = judged(Norms::default(), &with_lengths(&lengths)).unwrap();
        assert_eq!(found.outliers.len(), 9);
        let zero = judged(Norms::default(), &with_lengths(&[0.0; 20])).unwrap();
        assert_eq!((zero.outliers.len(), zero.deviation), (0, 0.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let (middle, deviation) = robust_scale(&[4.0, 1.0, 2.0, 100.0]);
        assert!((middle - 3.0).abs() < 1e-12);
        // Away from 3: 1, 1, 2, 97.
        assert!((deviation - 1.5 * DEVIATION_OF_MAD).abs() < 1e-12);
    }

    #[test]
    fn settings_that_are_no_limits_are_errors() {
        let map = with_lengths(&[1.0, 2.0]);
        let low = Norms {
            ratio: 0.9,
            ..Norms::default()
        };
        let nan = Norms {
            deviations: f32::NAN,
            ..Norms::default()
        };
        for settings in [low, nan] {
            let error = judged(settings, &map).unwrap_err();
            assert!(matches!(error, AnalysisError::Setting { .. }), "{error}");
        }
    }

    proptest! {
        #[test]
        fn scaled_features_have_the_same_outliers(
            lengths in proptest::collection::vec(0.1_f32..50.0, 1..200), exponent in -8_i32..8,
        ) {
            let scale = 2.0_f32.powi(exponent);
            let scaled: Vec<f32> = lengths.iter().map(|length| length * scale).collect();
            let plain = judged(Norms::default(), &with_lengths(&lengths)).unwrap();
            let scaled = judged(Norms::default(), &with_lengths(&scaled)).unwrap();
            prop_assert_eq!(plain.outliers, scaled.outliers);
            prop_assert!((plain.median * scale - scaled.median).abs() <= 1e-6 * scaled.median);
        }
    }
}
