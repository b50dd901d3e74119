//! The second builder's curve: linear warm-up, a cosine of limited length, then a constant.
//!
//! Input: settings, the run's length and a step. Output: the value at that step. Source: `spec/02`, section 6
//! (v2, `schedules.*` of the reference); `spec/03`, section 1.4 (Gram weight and local loss weight).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::length::{Length, Span};

/// A value that rises from `start` to `peak`, follows half a cosine to `end` and stays there.
///
/// Warm-up of `n` steps: `linspace(start, peak, n)` without its end point. Then, over `m` steps,
/// `end + (peak − end)/2 · (1 + cos(linspace(0, π, m)))` with both ends, then `end`. Source: `spec/02`, section 6.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Value at the first step of the warm-up.
    pub start: f64,
    /// Value just after the warm-up.
    pub peak: f64,
    /// Value at the end of the cosine and from there on.
    pub end: f64,
    /// How long the warm-up is.
    #[serde(default)]
    pub warmup: Span,
    /// How long the cosine is; nothing means the rest of the run, no steps means `end` right after the warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<Span>,
}

impl Ramp {
    /// One value at all steps.
    pub const fn constant(value: f64) -> Self {
        Self::warmed(value, value, Span::NONE)
    }

    /// A linear rise from `start` to `peak` over `warmup`, then `peak`.
    pub const fn warmed(start: f64, peak: f64, warmup: Span) -> Self {
        Self {
            start,
            peak,
            end: peak,
            warmup,
            cosine: None,
        }
    }

    /// `from` for the time `hold`, then half a cosine to `end` over `cosine`, then `end`.
    pub const fn hold_then(from: f64, hold: Span, end: f64, cosine: Span) -> Self {
        Self {
            start: from,
            peak: from,
            end,
            warmup: hold,
            cosine: Some(cosine),
        }
    }

    /// The value at a step; from the end of the run on it is `end`.
    pub fn at(&self, step: u64, length: Length) -> f64 {
        if step >= length.steps {
            return self.end;
        }
        let warmup = self.warmup.warmup_steps(length);
        if step < warmup {
            return blend(self.start, self.peak, step, warmup);
        }
        let rest = length.steps - warmup;
        let cosine = self
            .cosine
            .map_or(rest, |span| span.steps(length).min(rest));
        let i = step - warmup;
        if i >= cosine {
            return self.end;
        }
        // A cosine of one step has only its first point.
        let intervals = (cosine - 1).max(1);
        let angle = PI * i as f64 / intervals as f64;
        (self.peak - self.end) * f64::midpoint(1.0, angle.cos()) + self.end
    }
}

/// The `i`-th of the points that cut the way from `from` to `to` into `intervals` equal parts.
pub(super) fn blend(from: f64, to: f64, i: u64, intervals: u64) -> f64 {
    from + (to - from) * (i as f64 / intervals as f64)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "ends and constants are exact")]
mod tests {
    use super::*;

    fn all(curve: Ramp, steps: u64) -> Vec<f64> {
        let length = Length::epochs(1, steps);
        (0..steps).map(|step| curve.at(step, length)).collect()
    }

    #[test]
    fn the_warmup_excludes_the_peak_and_the_cosine_includes_its_end() {
        let curve = Ramp {
            start: 0.0,
            peak: 1.0,
            end: 0.1,
            warmup: Span::Steps(4),
            cosine: Some(Span::Steps(5)),
        };
        let expected = [0.0, 0.25, 0.5, 0.75, 1.0, 0.868, 0.55, 0.232, 0.1, 0.1, 0.1];
        for (found, expected) in all(curve, 11).iter().zip(expected) {
            assert!((found - expected).abs() < 5e-4, "{found} is not {expected}");
        }
        assert_eq!(curve.at(99, Length::epochs(1, 11)), 0.1);
    }

    #[test]
    fn a_cosine_of_no_steps_is_constant_at_the_end() {
        let curve = Ramp::hold_then(1.0, Span::NONE, 0.5, Span::NONE);
        assert_eq!(all(curve, 4), [0.5; 4]);
        assert_eq!(all(Ramp::constant(3.0), 4), [3.0; 4]);
    }

    #[test]
    fn a_cosine_longer_than_the_run_is_cut_to_it() {
        let curve = Ramp::hold_then(1.0, Span::Steps(2), 0.0, Span::Steps(1000));
        assert_eq!(all(curve, 5), [1.0, 1.0, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn the_gram_weight_of_the_second_stage_turns_on_over_one_epoch() {
        let gram = Ramp::hold_then(0.0, Span::Epochs(1000.0), 2.0, Span::Epochs(1.0));
        let length = Length::epochs(1200, 1000);
        assert_eq!(gram.at(999_999, length), 0.0);
        assert!((gram.at(1_000_500, length) - 1.0016).abs() < 5e-5);
        assert_eq!(gram.at(1_000_999, length), 2.0);
        assert_eq!(gram.at(1_199_999, length), 2.0);
    }
}
