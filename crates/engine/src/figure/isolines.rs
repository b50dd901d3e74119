//! Lines of equal value.
//!
//! Input: the height of a map around a point, in units of the distance between two levels. Output: how much of the
//! pixel a line covers, and which level it is. Twin of the lines in `shaders/colorize.wgsl`.

use serde::{Deserialize, Serialize};

use super::FigureError;
use super::view::{check_number, luma};

/// A field flatter than this many levels a pixel has no lines: there rounding alone would decide.
const FLAT: f32 = 1e-5;
const MOST_LEVELS: u32 = 64;
pub(super) const LINE_OPACITY: f32 = 0.9;
const DARK: [f32; 3] = [0.08; 3];
const WHITE: [f32; 3] = [1.0; 3];

/// Settings of lines of equal value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Isolines {
    /// Number of levels, equally spaced between the limits of the colors and not on them: 1 to 64.
    pub levels: u32,
    /// Width in output pixels, 0.5 to 16.
    pub width_px: f32,
}

impl Default for Isolines {
    fn default() -> Self {
        Self {
            levels: 5,
            width_px: 1.5,
        }
    }
}

/// What a line does to one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Part of the pixel that it covers, in [0, 1].
    pub coverage: f32,
    /// Number of its level, 1 to `levels`.
    pub level: f32,
}

impl Isolines {
    /// An error unless the number of levels and the width are allowed.
    pub fn check(self) -> Result<(), FigureError> {
        if !(1..=MOST_LEVELS).contains(&self.levels) {
            return Err(FigureError::Setting {
                name: "levels",
                expected: format!("1 to {MOST_LEVELS}"),
                found: self.levels.to_string(),
            });
        }
        check_number("width_px", self.width_px, 0.5, 16.0)
    }

    /// The height of a value at `position` between the limits: levels are at 1, 2 … `levels`.
    pub fn height(self, position: f32) -> f32 {
        position * (self.levels + 1) as f32
    }

    /// Position between the limits of a level.
    pub fn position(self, level: f32) -> f32 {
        level / (self.levels + 1) as f32
    }

    /// The line in an interpolated map: `own` is the height at the pixel's center, `slope` its change across one pixel
    /// along x and y. The distance to the level is `|own − level| / |slope|` pixels.
    pub fn line(self, own: f32, slope: [f32; 2]) -> Line {
        let steepness = (slope[0] * slope[0] + slope[1] * slope[1]).sqrt();
        let level = (own + 0.5).floor().clamp(1.0, self.levels as f32);
        if steepness < FLAT {
            return Line {
                coverage: 0.0,
                level,
            };
        }
        let away_px = (own - level).abs() / steepness;
        Line {
            coverage: (0.5 * self.width_px + 0.5 - away_px).clamp(0.0, 1.0),
            level,
        }
    }

    /// The line in a map that is not interpolated: along the edges between two bands of heights. `around`: the heights
    /// half a line's width to the left, right, above and below.
    pub fn edge(self, own: f32, around: [f32; 4]) -> Line {
        let band = |height: f32| height.floor().clamp(0.0, self.levels as f32);
        // Bands are whole numbers.
        let differs = |at: &f32| (at - band(own)).abs() > 0.5;
        let other = around.map(band).into_iter().find(differs);
        Line {
            coverage: if other.is_some() { 1.0 } else { 0.0 },
            level: other.unwrap_or(1.0).max(band(own)),
        }
    }
}

/// Dark or white, whichever is seen on the color of the line's level.
pub(super) fn ink_on(color: [f32; 3]) -> [f32; 3] {
    if luma(color) < 0.5 { WHITE } else { DARK }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_wide_as_asked_for_on_any_slope() {
        let lines = Isolines {
            levels: 3,
            width_px: 1.5,
        };
        for slope in [0.01_f32, 0.05, 0.2] {
            // Heights along a row of pixels from below the second level to above it.
            let pixels = (-20..=20).map(|x| 2.0 + (x as f32 + 0.3) * slope);
            let near = pixels.filter(|height| (height - 2.0).abs() < 0.45);
            let covered: f32 = near
                .map(|height| lines.line(height, [slope, 0.0]).coverage)
                .sum();
            assert!((covered - 1.5).abs() < 1e-3, "{slope}: {covered}");
        }
    }

    #[test]
    fn there_are_no_lines_at_the_limits_and_none_in_flat_parts() {
        let lines = Isolines::default();
        assert_eq!(lines.line(0.0, [0.1, 0.0]).coverage, 0.0);
        assert_eq!(lines.line(6.0, [0.0, 0.1]).coverage, 0.0);
        assert_eq!(lines.line(3.0, [0.0, 0.0]).coverage, 0.0);
        assert_eq!(lines.line(3.0, [0.1, 0.0]).coverage, 1.0);
        assert_eq!(lines.position(3.0), 0.5);
    }

    #[test]
    fn edges_run_between_bands_and_bear_the_upper_level() {
        let lines = Isolines::default();
        assert_eq!(lines.edge(2.4, [2.0, 2.9, 2.4, 2.4]).coverage, 0.0);
        let edge = lines.edge(2.4, [2.4, 3.1, 2.4, 2.4]);
        assert_eq!((edge.coverage, edge.level), (1.0, 3.0));
        // Beyond the limits there is no further band.
        assert_eq!(lines.edge(-3.0, [0.5; 4]).coverage, 0.0);
    }

    #[test]
    fn bad_settings_are_errors() {
        let good = Isolines::default();
        assert!(good.check().is_ok());
        assert!(Isolines { levels: 0, ..good }.check().is_err());
        let width_px = f32::NAN;
        assert!(Isolines { width_px, ..good }.check().is_err());
    }
}
