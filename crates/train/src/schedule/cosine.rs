//! The first builder's curve: linear warm-up, then a cosine that approaches its last value.
//!
//! Input: settings, the run's length and a step. Output: the value at that step. Source: `spec/02`, section 6
//! (v1, `CosineScheduler` of the reference), with its truncated form.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::length::{Length, Span};
use super::ramp::blend;

/// A value that rises from `warmup_from` to `base` and then follows half a cosine to `last`.
///
/// Warm-up of `n` steps: `linspace(warmup_from, base, n)`, both ends included. Then, for the remaining `len` steps,
/// `last + (base − last)/2 · (1 + cos(π·i/len))`, which does not reach `last` inside the run.
/// Source: `spec/02`, section 6.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// Value at the first step of the warm-up.
    #[serde(default)]
    pub warmup_from: f64,
    /// Value at the last step of the warm-up and at the first of the cosine.
    pub base: f64,
    /// Value that the cosine approaches, and the value after the run.
    pub last: f64,
    /// How long the warm-up is.
    #[serde(default)]
    pub warmup: Span,
    /// Part by which the cosine is laid out longer than the run and then cut and stretched, 0 for the plain cosine.
    ///
    /// With more than 0 the value falls faster at the end, and the last step has exactly `last`.
    #[serde(default)]
    pub trunc_extra: f64,
}

impl Cosine {
    /// One value at all steps.
    pub const fn constant(value: f64) -> Self {
        Self::between(value, value)
    }

    /// The plain cosine from `base` to `last`, without warm-up.
    pub const fn between(base: f64, last: f64) -> Self {
        Self {
            warmup_from: 0.0,
            base,
            last,
            warmup: Span::NONE,
            trunc_extra: 0.0,
        }
    }

    /// The value at a step; from the end of the run on it is `last`.
    pub fn at(&self, step: u64, length: Length) -> f64 {
        let warmup = self.warmup.warmup_steps(length);
        if step >= length.steps {
            return self.last;
        }
        if step < warmup {
            // One step of warm-up starts, and does not reach, the base: so does linspace with one point.
            let intervals = (warmup - 1).max(1);
            return blend(self.warmup_from, self.base, step, intervals);
        }
        let part = self.falling(step - warmup, length.steps - warmup);
        self.last + (self.base - self.last) * part
    }

    /// Part of the way that is left at step `i` of `len` steps of cosine: 1 at first, near or at 0 at the end.
    fn falling(&self, i: u64, len: u64) -> f64 {
        if self.trunc_extra <= 0.0 {
            return f64::midpoint(1.0, (PI * i as f64 / len as f64).cos());
        }
        let points = ((1.0 + self.trunc_extra) * len as f64).floor();
        let cosine = |i: u64| (PI * i as f64 / (points - 1.0).max(1.0)).cos();
        let end = cosine(len - 1);
        // A cosine of one step is its own end.
        if len == 1 {
            0.0
        } else {
            (cosine(i) - end) / (1.0 - end)
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "ends and constants are exact")]
mod tests {
    use super::*;

    fn all(curve: Cosine, steps: u64) -> Vec<f64> {
        let length = Length::epochs(1, steps);
        (0..steps).map(|step| curve.at(step, length)).collect()
    }

    #[test]
    fn the_warmup_includes_the_base_and_the_cosine_never_ends() {
        let mut curve = Cosine::between(1.0, 0.0);
        curve.warmup = Span::Steps(3);
        let found = all(curve, 7);
        let root = 0.5 + 0.125_f64.sqrt();
        let expected = [0.0, 0.5, 1.0, 1.0, root, 0.5, 1.0 - root];
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-15,
                "{found} is not {expected}"
            );
        }
        assert_eq!(curve.at(7, Length::epochs(1, 7)), 0.0);
    }

    #[test]
    fn a_truncated_cosine_ends_at_its_last_value() {
        for steps in [1, 2, 3, 10, 50] {
            let mut curve = Cosine::between(2.0, 0.5);
            curve.trunc_extra = 0.25;
            let found = all(curve, steps);
            assert_eq!(found.last(), Some(&0.5));
            assert!(found.is_sorted_by(|a, b| a >= b), "{found:?}");
            assert!(found.iter().all(|value| (0.5..=2.0).contains(value)));
        }
    }

    #[test]
    fn a_constant_is_the_same_at_all_steps() {
        assert_eq!(all(Cosine::constant(0.996), 9), [0.996; 9]);
    }

    #[test]
    fn a_warmup_over_the_whole_run_ends_at_the_base() {
        let mut curve = Cosine::between(1.0, 0.0);
        curve.warmup = Span::Fraction(1.0);
        assert_eq!(all(curve, 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
        curve.warmup = Span::Steps(1);
        assert_eq!(all(curve, 1), [0.0]);
    }
}
