//! Color maps.
//!
//! Input: a number in [0, 1]. Output: RGB8. Tables of 256 colors sampled from `colorous` (matplotlib's maps, Google's turbo,
//! `ColorBrewer`'s red and blue), the same tables that the kernels read.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FigureError;
use super::view::{bytes, mix};

/// Colors of numbers.
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

    /// Color at `t` in [0, 1]; outside it the nearer end, and black for NaN.
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
            Self::Grey => return bytes([t as f32; 3]),
            // The library's map starts with red.
            Self::Diverging => return colorous::RED_BLUE.eval_continuous(1.0 - t).as_array(),
        };
        gradient.eval_continuous(t).as_array()
    }

    /// 256 colors, from 0 to 1.
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

/// Color in [0, 1] at `place` in [0, 1], linear between the two nearest colors of a `table`; outside the nearer end.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
pub fn table_color(table: &[[u8; 3]; 256], place: f32) -> [f32; 3] {
    let at = place.clamp(0.0, 1.0) * 255.0;
    let below = at as usize;
    let above = (below + 1).min(255);
    let color = |entry: usize| table[entry].map(|byte| f32::from(byte) / 255.0);
    mix(color(below), color(above), at - below as f32)
}

/// Colors as the kernels read them: a word each, red in the lowest byte.
pub fn packed(colors: &[[u8; 3]]) -> Vec<u32> {
    let word = |&[red, green, blue]: &[u8; 3]| u32::from_le_bytes([red, green, blue, 255]);
    colors.iter().map(word).collect()
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
    fn the_table_is_met_at_its_entries_and_linear_between_them() {
        let table = Colormap::Viridis.table();
        let found = table_color(&table, 17.0 / 255.0);
        let expected = table[17].map(|byte| f32::from(byte) / 255.0);
        let off = (0..3).map(|i| (found[i] - expected[i]).abs());
        assert!(off.fold(0.0, f32::max) < 1e-5, "{found:?}");
        let grey = Colormap::Grey.table();
        assert!((table_color(&grey, 0.3337)[0] - 0.3337).abs() < 1e-6);
        assert_eq!(table_color(&grey, 7.0), [1.0; 3]);
        assert_eq!(table_color(&grey, -7.0), [0.0; 3]);
    }

    #[test]
    fn packed_colors_keep_red_in_the_lowest_byte() {
        assert_eq!(packed(&[[1, 2, 3]]), [0xff03_0201]);
    }
}
