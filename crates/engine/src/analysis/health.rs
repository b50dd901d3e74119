//! A few numbers that tell whether dense features are healthy.
//!
//! Input: a map and, if there is one, the class token. Output: cosines and an effective rank. Patches that grow alike,
//! or alike to the class token, carry less of their own: what long training does to dense features without Gram
//! anchoring. Source: DINOv3 paper, figure 5; `spec/05`, section 2; Roy and Vetterli 2007, "The Effective Rank".

use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

use super::channels::{Channels, ChannelsResult};
use super::cosine::cosine;
use super::knobs::Knobs;
use super::prompts::{token_query, weighted_sum};
use super::spectrum::{covariance, gram, mean};
use super::subject::{Context, Found, FoundMap, Number, Scale, Subject};
use super::{AnalysisError, Analyze};
use crate::feature_map::FeatureMap;

/// Most patches whose covariance is decomposed; the rest would cost minutes and change the rank by little.
const MAX_RANK_PATCHES: usize = 2048;
/// Eigenvalues below this part of their sum are rounding: they count as zero.
const NO_VARIANCE: f64 = 1e-12;
/// Patches whose mean cosine is above this are called alike.
pub const PATCHES_ALIKE: f32 = 0.95;

/// Health of the patch features of one map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// Mean cosine between the class token and the patches, in [-1, 1]; `None` without a class token.
    pub cls_cosine: Option<f32>,
    /// Mean cosine between two different patches, in [-1, 1]; `None` for a single patch. Near 1 all are alike.
    pub patch_cosine: Option<f32>,
    /// How many directions the patches really use, from 1 to `min(patches − 1, dim)`; see `effective_rank`.
    pub effective_rank: f32,
    /// Patches that the rank was measured on, and which bound it.
    pub rank_patches: usize,
}

impl Health {
    /// Measures `map`; `cls` is the class token `[dim]` of the same picture.
    pub fn of(map: &FeatureMap, cls: Option<&[f32]>) -> Result<Self, AnalysisError> {
        let patches = spread(map.patches(), MAX_RANK_PATCHES);
        let rows: Vec<&[f32]> = patches.iter().map(|&at| map.patch(at)).collect();
        Ok(Self {
            cls_cosine: cls.map(|cls| mean_cosine(map, cls)).transpose()?,
            patch_cosine: patch_cosine(map),
            effective_rank: effective_rank(&rows)?,
            rank_patches: rows.len(),
        })
    }
}

/// Mean over the patches of their cosine to `token` `[dim]`.
pub fn mean_cosine(map: &FeatureMap, token: &[f32]) -> Result<f32, AnalysisError> {
    let cosines = cosine(map, &token_query(map, token)?).values;
    let sum: f64 = cosines.iter().map(|&value| f64::from(value)).sum();
    Ok((sum / cosines.len() as f64) as f32)
}

/// Mean cosine over all pairs of different patches; `None` for a single patch.
///
/// Without a matrix of all pairs: with unit patches `u`, `‖Σ u‖² = Σ ‖u‖² + Σ over pairs`. A zero patch is a unit patch
/// of length 0.
pub fn patch_cosine(map: &FeatureMap) -> Option<f32> {
    let patches = map.patches();
    let sum = weighted_sum(map, &vec![1.0; patches]);
    let square: f64 = sum
        .iter()
        .map(|&value| f64::from(value) * f64::from(value))
        .sum();
    let is_zero = |&at: &usize| map.patch(at).iter().all(|&value| value == 0.0);
    let units = (patches - (0..patches).filter(is_zero).count()) as f64;
    let pairs = patches as f64 * (patches as f64 - 1.0);
    (patches > 1).then(|| ((square - units) / pairs) as f32)
}

/// `exp(−Σ p·ln p)` with `p` the eigenvalues of the covariance of `rows` divided by their sum.
///
/// As many equal variances as the result would have the same entropy. Rows that are all equal have rank 0.
/// `rows`: `[rows][dim]`, at least one, all of one length.
pub fn effective_rank(rows: &[&[f32]]) -> Result<f32, AnalysisError> {
    if rows.len() < 2 {
        return Ok(0.0);
    }
    let mean = mean(rows);
    let matrix = if rows.len() < mean.len() {
        let away = |row: usize, channel: usize| f64::from(rows[row][channel]) - mean[channel];
        gram(Mat::from_fn(rows.len(), mean.len(), away).as_ref())
    } else {
        covariance(rows, &mean)
    };
    let size = matrix.nrows();
    // The solver's error says only that it did not converge; the size is what a reader needs.
    let Ok(values) = matrix.self_adjoint_eigenvalues(Side::Lower) else {
        return Err(AnalysisError::Eigenvalues { size });
    };
    let total: f64 = values.iter().sum();
    let parts = values.iter().map(|value| value / total);
    let entropy: f64 = parts
        .filter(|&part| part > NO_VARIANCE)
        .map(|part| -part * part.ln())
        .sum();
    Ok(if total > 0.0 {
        entropy.exp() as f32
    } else {
        0.0
    })
}

/// At most `limit` of the numbers below `count`, spread evenly and not in step with the columns of a grid.
fn spread(count: usize, limit: usize) -> Vec<usize> {
    if count <= limit {
        return (0..count).collect();
    }
    let is_coprime = |step: &usize| {
        let (mut a, mut b) = (count, *step);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    // A step of the golden section falls into the widest gap each time; a coprime one never meets itself.
    let golden = count * 618 / 1000;
    let step = (golden..count).find(is_coprime).unwrap_or(1);
    (0..limit)
        .scan(0, |at, _| {
            let now = *at;
            *at = (*at + step) % count;
            Some(now)
        })
        .collect()
}

/// Settings of a health table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DenseHealth {
    /// When channels outweigh the others.
    pub channels: Channels,
}

impl Analyze for DenseHealth {
    fn id(&self) -> &'static str {
        "health"
    }

    fn title(&self) -> &'static str {
        "Health of dense features"
    }

    fn about(&self) -> &'static str {
        "Channels that outweigh all others, how alike the patches are, and how many directions they use."
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let help = "Least strength of an outlier channel, in units of the median channel's.";
        knobs.real("factor", help, &mut self.channels.factor, 1.01..=1e6);
        let help = "How many of the strongest channels the share of energy is of.";
        knobs.int("top", help, &mut self.channels.top, 1..=64);
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let mut found = Found::default();
        let mut verdicts = Vec::new();
        for (at, subject) in subjects.iter().enumerate() {
            cx.cancel.check()?;
            let map = &subject.features;
            let channels = self.channels.judge(cx.compute.channel_moments(map))?;
            let cls = (!subject.cls.is_empty()).then_some(&subject.cls[..]);
            let health = Health::of(map, cls)?;
            let mut add = |name, title, value: Option<f32>| {
                found.numbers.extend(value.map(|value| Number {
                    name,
                    title,
                    value: f64::from(value),
                    subject: Some(at),
                }));
            };
            let count = channels.outliers.len();
            add(
                "outlier_channels",
                "channels that outweigh the others",
                Some(count as f32),
            );
            let strongest = channels.outliers.first().map(|&channel| channel as f32);
            add("strongest_channel", "the strongest of them", strongest);
            add(
                "top_channel_share",
                "energy in the strongest channels",
                Some(channels.top_share),
            );
            add(
                "median_channel_rms",
                "strength of the median channel",
                Some(channels.median_rms),
            );
            add(
                "cls_patch_cosine",
                "mean cosine of class token and patches",
                health.cls_cosine,
            );
            add(
                "patch_patch_cosine",
                "mean cosine of two patches",
                health.patch_cosine,
            );
            add(
                "effective_rank",
                "directions that the patches use",
                Some(health.effective_rank),
            );
            let patches = health.rank_patches as f32;
            add(
                "effective_rank_patches",
                "patches that this was measured on",
                Some(patches),
            );
            verdicts.push(format!("{}: {}", subject.name, verdict(&channels, &health)));
            if let Some(cls) = cls {
                let cosines = cx.compute.cosine(map, &token_query(map, cls)?);
                let title = "similarity to the class token";
                found
                    .maps
                    .push(FoundMap::scalar(at, title, cosines, Scale::Cosine, 0));
            }
        }
        found.verdict = Some(verdicts.join(" "));
        Ok(found)
    }
}

/// What the numbers mean, in a sentence or two.
fn verdict(channels: &ChannelsResult, health: &Health) -> String {
    let mut text = match channels.outliers.len() {
        0 => "No channel outweighs the others.".to_owned(),
        1 => format!(
            "One channel outweighs the others and holds {:.0} % of the energy: it decides every cosine.",
            100.0 * channels.top_share
        ),
        count => format!("{count} channels outweigh the others: they decide every cosine."),
    };
    if health
        .patch_cosine
        .is_some_and(|cosine| cosine > PATCHES_ALIKE)
    {
        text.push_str(" All patches are nearly alike: little of their own is left in them.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scattered(patches: usize, dim: usize, seed: u32) -> FeatureMap {
        let value = |i: u32| {
            let bits = (i + seed).wrapping_mul(2_654_435_761);
            (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519) as f32 / 2_147_483_648.0 - 1.0
        };
        let values: Vec<f32> = (0..(patches * dim) as u32).map(value).collect();
        FeatureMap::new(1, patches, dim, values).unwrap()
    }

    fn rank(map: &FeatureMap) -> f32 {
        Health::of(map, None).unwrap().effective_rank
    }

    #[test]
    fn the_pairs_cosine_is_the_mean_over_all_pairs() {
        let map = scattered(9, 5, 7);
        let unit = map.normalised();
        let mut sum = 0.0;
        for (a, b) in (0..81).map(|i| (i / 9, i % 9)).filter(|(a, b)| a != b) {
            let pairs = unit.patch(a).iter().zip(unit.patch(b));
            sum += pairs.map(|(x, y)| x * y).sum::<f32>();
        }
        let found = patch_cosine(&map).unwrap();
        assert!((found - sum / 72.0).abs() < 1e-6, "{found}");
        assert_eq!(patch_cosine(&scattered(1, 5, 7)), None);
        let half = FeatureMap::new(1, 2, 2, vec![0.0, 0.0, 1.0, 1.0]).unwrap();
        assert!(patch_cosine(&half).unwrap().abs() < 1e-6);
    }

    #[test]
    fn the_class_tokens_cosine_is_a_mean() {
        let map = FeatureMap::new(1, 2, 2, vec![2.0, 0.0, 0.0, 5.0]).unwrap();
        let found = Health::of(&map, Some(&[3.0, 4.0])).unwrap();
        assert!((found.cls_cosine.unwrap() - 0.7).abs() < 1e-6);
        assert!(Health::of(&map, Some(&[3.0])).is_err());
    }

    #[test]
    fn the_rank_counts_equal_directions_and_weighs_others() {
        // Along five of eight axes the same variance.
        let axes = |i: usize| match (i / 8, i % 8) {
            (patch, channel) if patch / 2 != channel => 0.0,
            (patch, _) if patch.is_multiple_of(2) => 1.0,
            _ => -1.0,
        };
        let five = FeatureMap::new(1, 10, 8, (0..80).map(axes).collect::<Vec<f32>>()).unwrap();
        assert!((rank(&five) - 5.0).abs() < 1e-4, "{}", rank(&five));
        // Variances 9 and 1: exp(entropy of 0.9, 0.1).
        let two = [3.0, 0.0, -3.0, 0.0, 0.0, 1.0, 0.0, -1.0];
        let two = FeatureMap::new(1, 4, 2, two.to_vec()).unwrap();
        let expected = (-(0.9_f32 * 0.9_f32.ln() + 0.1 * 0.1_f32.ln())).exp();
        assert!((rank(&two) - expected).abs() < 1e-5);
    }

    #[test]
    fn collapsed_features_have_rank_one_or_none() {
        let line: Vec<f32> = (0..60)
            .map(|i| (i / 6) as f32 * (i % 6 + 1) as f32)
            .collect();
        let line = FeatureMap::new(1, 10, 6, line).unwrap();
        assert!((rank(&line) - 1.0).abs() < 1e-4, "{}", rank(&line));
        let equal = FeatureMap::new(1, 10, 6, vec![0.1; 60]).unwrap();
        assert!(rank(&equal).abs() < 1e-6);
        assert!(rank(&scattered(1, 6, 1)).abs() < 1e-6);
    }

    #[test]
    fn few_and_many_patches_take_both_roads_and_stay_in_bounds() {
        let few = rank(&scattered(20, 64, 3));
        assert!(few > 15.0 && few <= 19.0, "{few}");
        let many = rank(&scattered(600, 16, 3));
        assert!(many > 15.0 && many <= 16.0, "{many}");
    }

    #[test]
    fn a_large_map_is_measured_on_patches_from_everywhere() {
        for count in [2049, 4096, 65_536] {
            let mut chosen = spread(count, 2048);
            let columns: std::collections::BTreeSet<usize> =
                chosen.iter().map(|at| at % 64).collect();
            assert_eq!(columns.len(), 64, "{count}");
            chosen.sort_unstable();
            chosen.dedup();
            assert_eq!(chosen.len(), 2048);
            let widest = chosen
                .windows(2)
                .map(|pair| pair[1] - pair[0])
                .max()
                .unwrap();
            assert!(widest <= 4 * count / 2048 + 4, "{widest} of {count}");
        }
    }

    proptest! {
        #[test]
        fn scale_does_not_change_any_number(seed in 0_u32..1000, exponent in -6_i32..6) {
            let map = scattered(12, 7, seed);
            let scale = 2.0_f32.powi(exponent);
            let scaled: Vec<f32> = map.values().iter().map(|value| value * scale).collect();
            let scaled = FeatureMap::new(1, 12, 7, scaled).unwrap();
            let cls = map.patch(3).to_vec();
            let (a, b) = (Health::of(&map, Some(&cls)).unwrap(), Health::of(&scaled, Some(&cls)).unwrap());
            prop_assert!((a.effective_rank - b.effective_rank).abs() < 1e-4);
            prop_assert!((a.patch_cosine.unwrap() - b.patch_cosine.unwrap()).abs() < 1e-6);
            prop_assert!((a.cls_cosine.unwrap() - b.cls_cosine.unwrap()).abs() < 1e-6);
        }
    }
}
