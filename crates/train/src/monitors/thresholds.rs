//! Where a healthy run ends and a warning begins. Source: `spec/06`, section 7; calibrated guesses, not laws.

use serde::{Deserialize, Serialize};

/// Limits of the [`super::Watcher`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Steps at the start in which only broken numbers are told: a fresh network looks collapsed.
    pub warm_up_steps: u64,
    /// Readings in a row that must be bad before a slow change is told.
    pub readings: u32,
    /// How far a value must come back behind its limit before it counts as recovered, as a part of the limit.
    pub margin: f64,
    /// Teacher entropy, as a part of `ln prototypes`, above which targets say nothing.
    pub flat_entropy: f64,
    /// Teacher entropy, as a part of `ln prototypes`, below which targets are one-hot.
    pub sharp_entropy: f64,
    /// Divergence in nats below which flat targets are a trivial solution.
    pub trivial_divergence: f64,
    /// Least part of the prototypes in use, times the part that so many rows could reach.
    pub least_usage: f64,
    /// Least spread of class tokens.
    pub least_std: f64,
    /// Largest mean cosine of two class tokens.
    pub most_pair_cosine: f64,
    /// Largest mean cosine of two patches, if it has risen.
    pub most_patch_cosine: f64,
    /// Mean cosine of two patches that is too large even if it has not risen.
    pub alike_patches: f64,
    /// Largest mean cosine of class token and patches, if it has risen.
    pub most_cls_patch_cosine: f64,
    /// How far a cosine must be above its lowest value to have risen.
    pub cosine_rise: f64,
    /// Least effective rank above 1, as a part of the largest possible.
    pub least_rank: f64,
    /// Largest part of patches that are far too long.
    pub most_outliers: f64,
    /// Distance of teacher and student below which they are one.
    pub least_gap: f64,
    /// Distance of teacher and student above which steady growth is told.
    pub most_gap: f64,
    /// Readings over which the distance must have grown each time.
    pub gap_readings: usize,
    /// Largest logit by its temperature: f32 exponentials overflow there.
    pub most_logit: f64,
    /// How many times the median a gradient's length may be.
    pub gradient_burst: f64,
    /// Largest part of the last gradients that were clipped.
    pub most_clipped: f64,
    /// Change of patch similarities below which nothing is told.
    pub least_drift: f64,
    /// How many times its lowest value the change of patch similarities may be.
    pub drift_rise: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            warm_up_steps: 200,
            readings: 2,
            margin: 0.1,
            flat_entropy: 0.98,
            sharp_entropy: 0.05,
            trivial_divergence: 0.02,
            least_usage: 0.05,
            least_std: 0.3,
            most_pair_cosine: 0.9,
            most_patch_cosine: 0.7,
            alike_patches: 0.95,
            most_cls_patch_cosine: 0.5,
            cosine_rise: 0.1,
            least_rank: 0.05,
            most_outliers: 0.01,
            least_gap: 1e-9,
            most_gap: 0.2,
            gap_readings: 10,
            most_logit: 88.0,
            gradient_burst: 100.0,
            most_clipped: 0.9,
            least_drift: 0.01,
            drift_rise: 2.0,
        }
    }
}
