//! The range of values that the colors of a map span.
//!
//! Input: values, NaN where a patch was left out. Output: two limits, exact. Twin of `shaders/value_range.wgsl`.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::colormap::Colormap;

/// Independent minima and maxima: two AVX2 registers wide, one of AVX-512.
const LANES: usize = 16;

/// Which values the two ends of a color map stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// The smallest and the largest value.
    #[default]
    Auto,
    /// These two, so that pictures can be compared.
    Fixed {
        /// Value of the first color.
        min: f32,
        /// Value of the last color.
        max: f32,
    },
    /// These percentiles in [0, 100], so that a few outliers do not flatten the rest.
    Percentile {
        /// Percentile of the first color.
        low: f32,
        /// Percentile of the last color.
        high: f32,
    },
}

/// What [`value_range`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Value at the low fraction.
    pub low: f32,
    /// Value at the high fraction.
    pub high: f32,
}

impl Range {
    /// The two values for `values`, of which NaN is ignored; (0, 1) without any. Symmetric around 0 for `Diverging`
    /// unless fixed.
    pub fn limits(self, values: &[f32], colormap: Colormap) -> Result<(f32, f32), FigureError> {
        self.check()?;
        let (min, max) = match self {
            Self::Fixed { min, max } => return Ok((min, max)),
            Self::Auto => extremes(values).unwrap_or((0.0, 1.0)),
            Self::Percentile { low, high } => {
                let found = value_range(values, [fraction(low), fraction(high)]);
                (found.low, found.high)
            }
        };
        if colormap == Colormap::Diverging {
            let reach = min.abs().max(max.abs());
            return Ok((-reach, reach));
        }
        Ok((min, max))
    }

    /// An error unless fixed limits ascend and percentiles lie in [0, 100].
    pub fn check(self) -> Result<(), FigureError> {
        match self {
            Self::Fixed { min, max } if !(min.is_finite() && max.is_finite() && min < max) => {
                Err(bad_range("two numbers, min below max", min, max))
            }
            Self::Percentile { low, high }
                if !(0.0..=100.0).contains(&low) || !(low..=100.0).contains(&high) =>
            {
                let expected = "percentiles in [0, 100], low at most high";
                Err(bad_range(expected, low, high))
            }
            _ => Ok(()),
        }
    }

    /// The fractions that `value_range` needs: the percentiles, or both ends.
    pub fn fractions(self) -> [u64; 2] {
        match self {
            Self::Percentile { low, high } => [fraction(low), fraction(high)],
            Self::Auto | Self::Fixed { .. } => [0, u64::MAX],
        }
    }
}

/// Position of `value` between the limits: 0 at the lower, 1 at the upper, 0.5 if they are equal.
pub fn position(value: f32, (min, max): (f32, f32)) -> f32 {
    if max > min {
        (value - min) / (max - min)
    } else {
        0.5
    }
}

/// A percentile in [0, 100] as a 64-bit fixed-point fraction, so that a device without f64 finds the same ranks; the
/// largest number is the whole.
#[expect(clippy::cast_sign_loss, reason = "a percentile is at least 0")]
pub fn fraction(percentile: f32) -> u64 {
    // 2^64; the cast of 100 percent ends at the largest number.
    (f64::from(percentile) / 100.0 * 18_446_744_073_709_551_616.0) as u64
}

/// The extremes of `values` and their values at two `fractions` of the way from the smallest to the largest, linear
/// between neighbors as `numpy.percentile` does. NaN is ignored; (0, 1, 0, 1) without any value.
pub fn value_range(values: &[f32], fractions: [u64; 2]) -> ValueRange {
    let mut kept: Vec<f32> = values.to_vec();
    kept.retain(|value| !value.is_nan());
    let Some((min, max)) = extremes(&kept) else {
        return ValueRange {
            min: 0.0,
            max: 1.0,
            low: 0.0,
            high: 1.0,
        };
    };
    let [low, high] = fractions.map(|fraction| quantile(&mut kept, fraction));
    ValueRange {
        min,
        max,
        low,
        high,
    }
}

/// Smallest and largest of `values`, NaN ignored.
fn extremes(values: &[f32]) -> Option<(f32, f32)> {
    let (mut lows, mut highs) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    Arch::new().dispatch(|| {
        let mut blocks = values.chunks_exact(LANES);
        for block in &mut blocks {
            for lane in 0..LANES {
                // Comparisons with NaN are false, so it never enters.
                let value = block[lane];
                lows[lane] = if value < lows[lane] {
                    value
                } else {
                    lows[lane]
                };
                highs[lane] = if value > highs[lane] {
                    value
                } else {
                    highs[lane]
                };
            }
        }
        for &value in blocks.remainder() {
            lows[0] = lows[0].min(value);
            highs[0] = highs[0].max(value);
        }
    });
    let low = lows.into_iter().fold(f32::INFINITY, f32::min);
    let high = highs.into_iter().fold(f32::NEG_INFINITY, f32::max);
    (low <= high).then_some((low, high))
}

/// The value at a fraction of the ranks; `values` hold no NaN, at least one value, and are left in another order.
fn quantile(values: &mut [f32], fraction: u64) -> f32 {
    let (below, part) = rank(fraction, values.len());
    let (_, value, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let value = *value;
    let next = above.iter().copied().min_by(f32::total_cmp);
    next.map_or(value, |next| value + part * (next - value))
}

/// `fraction · (count − 1)` rounded to 2⁻²⁴: the rank below and the way to the next one.
fn rank(fraction: u64, count: usize) -> (usize, f32) {
    let last = count - 1;
    if fraction == u64::MAX {
        return (last, 0.0);
    }
    // In units of 2^-32.
    let at = (u128::from(fraction) * last as u128) >> 32;
    let rounded = (at + 128) >> 8;
    let below = usize::try_from(rounded >> 24).unwrap_or(last).min(last);
    let part = (rounded & 0xff_ffff) as f32 / 16_777_216.0;
    (below, part)
}

fn bad_range(expected: &str, low: f32, high: f32) -> FigureError {
    FigureError::Setting {
        name: "range",
        expected: expected.to_owned(),
        found: format!("{low} to {high}"),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;

    #[test]
    fn limits_ignore_nan_and_are_symmetric_for_the_diverging_map() {
        let values = [0.2, f32::NAN, -0.1, 0.8];
        let auto = |map| Range::Auto.limits(&values, map).unwrap();
        assert_eq!(auto(Colormap::Viridis), (-0.1, 0.8));
        assert_eq!(auto(Colormap::Diverging), (-0.8, 0.8));
        let none = Range::Auto.limits(&[f32::NAN], Colormap::Grey).unwrap();
        assert_eq!(none, (0.0, 1.0));
    }

    #[test]
    fn percentiles_are_linear_between_neighbours() {
        let values: Vec<f32> = (0..11).map(|i| ((i * 7) % 11) as f32).collect();
        let limits = |low, high| {
            let range = Range::Percentile { low, high };
            range.limits(&values, Colormap::Grey).unwrap()
        };
        assert_eq!(limits(5.0, 100.0), (0.5, 10.0));
        assert_eq!(limits(0.0, 30.0), (0.0, 3.0));
        assert_eq!(limits(50.0, 99.0), (5.0, 9.9));
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list_at_every_length() {
        for count in 1..60_usize {
            let values: Vec<f32> = (0..count)
                .map(|i| ((i * 37) % count) as f32 * 0.25 - 3.0)
                .collect();
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            for percent in [0.0_f32, 0.1, 2.0, 33.3, 50.0, 98.0, 100.0] {
                let at = f64::from(percent) / 100.0 * (count - 1) as f64;
                // Hat functions around the ranks are the same interpolation.
                let share = |rank: usize| (1.0 - (at - rank as f64).abs()).max(0.0);
                let parts = sorted.iter().enumerate();
                let expected: f64 = parts
                    .map(|(rank, &value)| share(rank) * f64::from(value))
                    .sum();
                let found = value_range(&values, [fraction(percent), u64::MAX]);
                // The way between two neighbors is rounded to 2^-24 of it, the result to f32.
                assert!(
                    (f64::from(found.low) - expected).abs() < 1e-6,
                    "{count} values, {percent} %: {found:?}, {expected}"
                );
                assert_eq!(found.high, found.max);
            }
        }
    }

    #[test]
    fn extremes_are_found_in_every_lane_and_in_the_rest() {
        for count in [1, 15, 16, 17, 40] {
            for at in 0..count {
                let mut values = vec![0.5; count];
                values[at] = -2.0;
                values[(at + 1) % count] = if count > 1 { 7.0 } else { -2.0 };
                let found = extremes(&values).unwrap();
                assert_eq!(found, (-2.0, if count > 1 { 7.0 } else { -2.0 }));
            }
        }
        assert_eq!(extremes(&[f32::NAN; 33]), None);
    }

    #[test]
    fn bad_ranges_are_errors_and_equal_limits_are_the_middle() {
        let fixed = Range::Fixed { min: 1.0, max: 1.0 };
        assert!(fixed.limits(&[0.0], Colormap::Grey).is_err());
        let percentile = Range::Percentile {
            low: 90.0,
            high: f32::NAN,
        };
        assert!(percentile.limits(&[0.0], Colormap::Grey).is_err());
        assert_eq!(position(3.0, (3.0, 3.0)), 0.5);
    }
}
