//! Colour maps and the range of values that they span.
//!
//! Input: a number. Output: RGB8. Tables of 256 colours sampled from `colorous` (matplotlib's maps, Google's turbo,
//! `ColorBrewer`'s red and blue), the same tables that a shader can upload.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FigureError;
use super::canvas::byte;

/// Colours of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colormap {
    /// Dark blue to yellow; even in lightness.
    #[default]
    Viridis,
    /// Black over purple to pale yellow.
    Magma,
    /// Black over red to pale yellow.
    Inferno,
    /// Blue to yellow, the same to colour-blind eyes.
    Cividis,
    /// Rainbow: fine differences, uneven lightness.
    Turbo,
    /// Black to white.
    Grey,
    /// Blue below zero, white at zero, red above; its automatic range is symmetric.
    Diverging,
}

impl Colormap {
    /// All maps, in the order of a menu.
    pub const ALL: [Self; 7] = [
        Self::Viridis,
        Self::Magma,
        Self::Inferno,
        Self::Cividis,
        Self::Turbo,
        Self::Grey,
        Self::Diverging,
    ];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Inferno => "inferno",
            Self::Cividis => "cividis",
            Self::Turbo => "turbo",
            Self::Grey => "grey",
            Self::Diverging => "diverging",
        }
    }

    /// Colour at `t` in [0, 1]; outside it the nearer end, and black for NaN.
    pub fn colour(self, t: f32) -> [u8; 3] {
        if t.is_nan() {
            return [0; 3];
        }
        let t = f64::from(t.clamp(0.0, 1.0));
        let gradient = match self {
            Self::Viridis => colorous::VIRIDIS,
            Self::Magma => colorous::MAGMA,
            Self::Inferno => colorous::INFERNO,
            Self::Cividis => colorous::CIVIDIS,
            Self::Turbo => colorous::TURBO,
            Self::Grey => return [byte(t as f32); 3],
            // The library's map starts with red.
            Self::Diverging => return colorous::RED_BLUE.eval_continuous(1.0 - t).as_array(),
        };
        gradient.eval_continuous(t).as_array()
    }

    /// 256 colours, from 0 to 1.
    pub fn table(self) -> [[u8; 3]; 256] {
        std::array::from_fn(|index| self.colour(index as f32 / 255.0))
    }
}

impl FromStr for Colormap {
    type Err = FigureError;

    fn from_str(name: &str) -> Result<Self, FigureError> {
        let found = Self::ALL.into_iter().find(|map| map.name() == name);
        found.ok_or_else(|| FigureError::Setting {
            name: "colormap",
            expected: format!("one of {}", Self::ALL.map(Self::name).join(", ")),
            found: name.to_owned(),
        })
    }
}

/// Which values the two ends of a colour map stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// The smallest and the largest value.
    #[default]
    Auto,
    /// These two, so that pictures can be compared.
    Fixed {
        /// Value of the first colour.
        min: f32,
        /// Value of the last colour.
        max: f32,
    },
    /// These percentiles in [0, 100], so that a few outliers do not flatten the rest.
    Percentile {
        /// Percentile of the first colour.
        low: f32,
        /// Percentile of the last colour.
        high: f32,
    },
}

impl Range {
    /// The two values for `values`, of which NaN is ignored; (0, 1) without any. Symmetric around 0 for `Diverging`
    /// unless fixed.
    pub fn limits(self, values: &[f32], colormap: Colormap) -> Result<(f32, f32), FigureError> {
        let mut sorted: Vec<f32> = values
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let (min, max) = match self {
            Self::Fixed { min, max } if min.is_finite() && max.is_finite() && min < max => {
                return Ok((min, max));
            }
            Self::Fixed { min, max } => {
                return Err(bad_range("two numbers, min below max", min, max));
            }
            Self::Percentile { low, high }
                if !(0.0..=100.0).contains(&low) || !(low..=100.0).contains(&high) =>
            {
                return Err(bad_range(
                    "percentiles in [0, 100], low at most high",
                    low,
                    high,
                ));
            }
            _ if sorted.is_empty() => return Ok((0.0, 1.0)),
            Self::Auto => (sorted[0], sorted[sorted.len() - 1]),
            Self::Percentile { low, high } => (percentile(&sorted, low), percentile(&sorted, high)),
        };
        if colormap == Colormap::Diverging {
            let reach = min.abs().max(max.abs());
            return Ok((-reach, reach));
        }
        Ok((min, max))
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

/// Percentile of ascending `sorted`, linear between neighbours as `numpy.percentile` does.
#[expect(clippy::cast_sign_loss, reason = "a percentile is at least 0")]
fn percentile(sorted: &[f32], percent: f32) -> f32 {
    let at = f64::from(percent) / 100.0 * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let part = (at - below as f64) as f32;
    sorted[below] + part * (sorted[above] - sorted[below])
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
    fn the_ends_are_those_of_the_published_maps() {
        let ends = |map: Colormap| (map.colour(0.0), map.colour(1.0));
        assert_eq!(ends(Colormap::Viridis), ([68, 1, 84], [253, 231, 37]));
        assert_eq!(ends(Colormap::Magma), ([0, 0, 4], [252, 253, 191]));
        assert_eq!(ends(Colormap::Inferno), ([0, 0, 4], [252, 255, 164]));
        assert_eq!(ends(Colormap::Grey), ([0; 3], [255; 3]));
    }

    #[test]
    fn diverging_is_blue_white_red() {
        let [low, middle, high] = [0.0, 0.5, 1.0].map(|t| Colormap::Diverging.colour(t));
        assert!(low[2] > low[0] && high[0] > high[2]);
        assert!(middle.iter().all(|&channel| channel > 235), "{middle:?}");
    }

    #[test]
    fn names_read_back_and_equal_the_serialised_ones() {
        for map in Colormap::ALL {
            assert_eq!(map.name().parse::<Colormap>().unwrap(), map);
            assert_eq!(serde_json::to_value(map).unwrap(), map.name());
        }
        let error = "jet".parse::<Colormap>().unwrap_err();
        assert!(error.to_string().contains("one of viridis"), "{error}");
    }

    #[test]
    fn limits_ignore_nan_and_are_symmetric_for_the_diverging_map() {
        let values = [0.2, f32::NAN, -0.1, 0.8];
        let auto = |map| Range::Auto.limits(&values, map).unwrap();
        assert_eq!(auto(Colormap::Viridis), (-0.1, 0.8));
        assert_eq!(auto(Colormap::Diverging), (-0.8, 0.8));
        assert_eq!(
            Range::Auto.limits(&[f32::NAN], Colormap::Grey).unwrap(),
            (0.0, 1.0)
        );
    }

    #[test]
    fn percentiles_are_linear_between_neighbours() {
        let values: Vec<f32> = (0..11).map(|i| i as f32).collect();
        let range = Range::Percentile {
            low: 5.0,
            high: 100.0,
        };
        assert_eq!(range.limits(&values, Colormap::Grey).unwrap(), (0.5, 10.0));
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
