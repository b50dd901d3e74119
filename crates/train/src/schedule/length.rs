//! How long a run is, and parts of it. Input: a [`Span`] in epochs, steps or a fraction. Output: steps.
//!
//! Source: `spec/02`, section 6 (epochs of a fixed number of steps); `spec/06`, section 4 (fractions for small runs,
//! and no warm-up longer than the run).

use serde::{Deserialize, Serialize};

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// Optimizer steps of the whole run.
    pub steps: u64,
    /// Steps that count as one epoch, whatever the size of the data set.
    pub steps_per_epoch: u64,
}

impl Length {
    /// A run of `epochs` times `steps_per_epoch` steps.
    pub fn epochs(epochs: u64, steps_per_epoch: u64) -> Self {
        Self {
            steps: epochs * steps_per_epoch,
            steps_per_epoch,
        }
    }
}

/// A part of a run; in a file `{ epochs = 10 }`, `{ steps = 500 }` or `{ fraction = 0.1 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// This many epochs.
    Epochs(f64),
    /// This many steps.
    Steps(u64),
    /// This part of the run's steps, 0 to 1.
    Fraction(f64),
}

impl Default for Span {
    fn default() -> Self {
        Self::NONE
    }
}

impl Span {
    /// No time at all.
    pub const NONE: Self = Self::Steps(0);

    /// Steps of this part, rounded to the nearest; it may be longer than the run.
    pub fn steps(self, length: Length) -> u64 {
        match self {
            Self::Epochs(epochs) => rounded(epochs * length.steps_per_epoch as f64),
            Self::Steps(steps) => steps,
            Self::Fraction(part) => rounded(part * length.steps as f64),
        }
    }

    /// Steps of a warm-up: one that is longer than the run ends with the last step but one.
    ///
    /// As long as the run is allowed: some recipes let a value rise over all of it.
    pub(super) fn warmup_steps(self, length: Length) -> u64 {
        let steps = self.steps(length);
        if steps <= length.steps {
            steps
        } else {
            length.steps.saturating_sub(1)
        }
    }
}

#[expect(
    clippy::cast_sign_loss,
    reason = "a negative or undefined span is no time, which is what the cast gives"
)]
fn rounded(steps: f64) -> u64 {
    steps.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Length = Length {
        steps: 200,
        steps_per_epoch: 20,
    };

    #[test]
    fn the_three_ways_to_say_a_span_agree() {
        assert_eq!(Length::epochs(10, 20), LENGTH);
        for span in [Span::Epochs(2.5), Span::Steps(50), Span::Fraction(0.25)] {
            assert_eq!(span.steps(LENGTH), 50);
            assert_eq!(span.warmup_steps(LENGTH), 50);
        }
    }

    #[test]
    fn a_warmup_longer_than_the_run_ends_inside_it() {
        assert_eq!(Span::Epochs(10.0).warmup_steps(LENGTH), 200);
        assert_eq!(Span::Steps(201).warmup_steps(LENGTH), 199);
        assert_eq!(Span::Steps(u64::MAX).warmup_steps(LENGTH), 199);
        assert_eq!(Span::Steps(100_000).steps(LENGTH), 100_000);
        let empty = Length::epochs(0, 20);
        assert_eq!(Span::Steps(1).warmup_steps(empty), 0);
    }

    #[test]
    fn a_negative_or_undefined_span_is_no_time() {
        assert_eq!(Span::Epochs(-1.0).steps(LENGTH), 0);
        assert_eq!(Span::Fraction(f64::NAN).steps(LENGTH), 0);
    }

    #[test]
    fn a_span_names_its_unit_in_a_file() {
        for (span, text) in [
            (Span::Epochs(1.5), r#"{"epochs":1.5}"#),
            (Span::Steps(7), r#"{"steps":7}"#),
            (Span::Fraction(0.1), r#"{"fraction":0.1}"#),
        ] {
            assert_eq!(serde_json::to_string(&span).unwrap(), text);
            assert_eq!(serde_json::from_str::<Span>(text).unwrap(), span);
        }
    }
}
