//! Round numbers between two limits, and how numbers are written in a legend.
//!
//! Input: the two ends of a color bar. Output: three to five ticks with labels of as many digits as their step needs.

/// Fewest and most ticks of a bar.
const COUNTS: std::ops::RangeInclusive<usize> = 3..=5;
/// Steps in a decade, the roundest first: the later ones are taken only where none of the former gives enough ticks.
const STEPS: [f64; 9] = [1.0, 2.0, 5.0, 2.5, 4.0, 3.0, 1.5, 6.0, 8.0];
/// From here on numbers are written with an exponent.
const LARGE: f64 = 1e5;
/// Steps under this one are written with an exponent.
const SMALL: f64 = 1e-4;

/// A number on a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The number.
    pub value: f64,
    /// As it is written.
    pub label: String,
}

/// Three to five ticks between `min` and `max`, ascending; one if they are equal, none if they are not finite.
pub fn ticks((min, max): (f32, f32)) -> Vec<Tick> {
    let (min, max) = (f64::from(min), f64::from(max));
    if !min.is_finite() || !max.is_finite() || min > max {
        return Vec::new();
    }
    let Some(step) = step(min, max) else {
        let label = written(min, min.abs());
        return vec![Tick { value: min, label }];
    };
    let (first, count) = multiples(min, max, step);
    (0..count)
        .map(|index| {
            let value = (first + index as f64) * step;
            Tick {
                value,
                label: written(value, step),
            }
        })
        .collect()
}

/// Both limits as they are read: `0.12 to 0.98`, with a digit more than the ticks.
pub fn range_text((min, max): (f32, f32)) -> String {
    let (low, high) = (f64::from(min), f64::from(max));
    if !low.is_finite() || !high.is_finite() {
        return String::new();
    }
    let finest = step(low, high).unwrap_or(low.abs()) / 10.0;
    format!("{} to {}", written(low, finest), written(high, finest))
}

/// A count with its thousands apart: `1,536`.
pub fn count_text(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The roundest step that gives enough ticks; `None` if the limits are equal.
fn step(min: f64, max: f64) -> Option<f64> {
    let decade = 10_f64.powf((max - min).log10().floor());
    let fits = |step: &f64| COUNTS.contains(&multiples(min, max, *step).1);
    let candidates = |round: f64| [decade / 10.0, decade].map(|decade| round * decade);
    STEPS.into_iter().flat_map(candidates).find(fits)
}

/// Number of the first multiple of `step` between the limits, and how many there are; a trifle of rounding included.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
fn multiples(min: f64, max: f64, step: f64) -> (f64, usize) {
    let slack = 1e-6 * (max - min) / step;
    let (first, last) = ((min / step - slack).ceil(), (max / step + slack).floor());
    (first, (last - first + 1.0).max(0.0) as usize)
}

/// A number with the decimals that tell it from its neighbor one `step` away.
fn written(value: f64, step: f64) -> String {
    // A quarter step in the last digit decides whether one more is needed.
    let decimals = |step: f64| {
        let mut decimals = 0;
        let mut scaled = step;
        while decimals < 7 && (scaled - scaled.round()).abs() > 1e-3 * scaled.abs() {
            decimals += 1;
            scaled *= 10.0;
        }
        decimals
    };
    let text = if value == 0.0 && !(SMALL..1.0).contains(&step) {
        "0".to_owned()
    } else if value.abs() >= LARGE || (step > 0.0 && step < SMALL) {
        let exponent = value.abs().log10().floor();
        let unit = 10_f64.powf(exponent);
        let digits = decimals(step / unit);
        format!("{:.digits$}e{exponent}", value / unit)
    } else {
        // Without the sign of a negative zero.
        format!("{:.*}", decimals(step), value + 0.0)
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(min: f32, max: f32) -> Vec<String> {
        ticks((min, max))
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn labels_are_round_and_have_the_digits_of_the_step() {
        assert_eq!(labels(0.0, 1.0), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels(-0.103, 0.9), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(-1.0, 1.0), ["−1", "0", "1"]);
        assert_eq!(labels(0.0, 4095.0), ["0", "1000", "2000", "3000", "4000"]);
        assert_eq!(labels(-2e-5, 4e-5), ["−2e−5", "0", "2e−5", "4e−5"]);
        assert_eq!(range_text((-0.123_456, 0.9)), "−0.12 to 0.90");
        assert_eq!(range_text((12.0, 3456.0)), "12 to 3456");
    }

    #[test]
    fn equal_and_broken_limits_are_said_plainly() {
        assert_eq!(labels(0.25, 0.25), ["0.25"]);
        assert!(labels(f32::NAN, 1.0).is_empty());
        assert!(labels(1.0, f32::INFINITY).is_empty());
        assert!(labels(1.0, 0.0).is_empty());
        assert_eq!(range_text((f32::NAN, 1.0)), "");
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        let counts = [0, 12, 999, 1000, 65_536, 1_234_567].map(count_text);
        assert_eq!(counts, ["0", "12", "999", "1,000", "65,536", "1,234,567"]);
    }

    proptest! {
        #[test]
        fn there_are_three_to_five_different_ticks_inside_the_limits(
            low in -1e6..1e6_f32, span in 1e-4..1e6_f32,
        ) {
            let high = low + span;
            prop_assume!(high - low > low.abs() * 1e-5);
            let found = ticks((low, high));
            prop_assert!(COUNTS.contains(&found.len()), "{low} {high} {found:?}");
            for pair in found.windows(2) {
                prop_assert!(pair[0].value < pair[1].value && pair[0].label != pair[1].label, "{found:?}");
            }
            let slack = f64::from(span) * 1e-5;
            for tick in &found {
                prop_assert!(tick.value >= f64::from(low) - slack && tick.value <= f64::from(high) + slack);
                let read: f64 = tick.label.replace('−', "-").parse().unwrap();
                prop_assert!((read - tick.value).abs() <= 1e-3 * f64::from(span), "{tick:?}");
                prop_assert!(tick.label.chars().count() <= 12, "{tick:?}");
            }
        }
    }
}
