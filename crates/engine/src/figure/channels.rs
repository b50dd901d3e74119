//! Channels of a map as red, green and blue over its picture: how principal components are looked at.
//!
//! Input: the original picture, `[rows, cols, k]` values, a choice of channels. Output: RGB8 of the picture's size, or of
//! a part of it. Twin of `shaders/colorize_rgb.wgsl`.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::sampling::{Sampler, Sampling};
use super::view::{Ground, check_share, desaturated, mix};

/// Which channels become red, green and blue, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Channels {
    /// Number of the channel for red, green, blue; without one the color is in the middle.
    pub channels: [Option<usize>; 3],
    /// One minus the color, for red, green, blue: turns a component around.
    pub inverted: [bool; 3],
    /// Takes the logistic function of twice the value first, for values that are not colors yet.
    pub logistic: bool,
}

impl Default for Channels {
    fn default() -> Self {
        Self::first(3)
    }
}

impl Channels {
    /// The first three of `k` channels that are colors already; one channel is grey, two are red and green.
    pub fn first(k: usize) -> Self {
        let channels = match k {
            0 | 1 => [Some(0); 3],
            2 => [Some(0), Some(1), None],
            _ => [Some(0), Some(1), Some(2)],
        };
        Self {
            channels,
            inverted: [false; 3],
            logistic: false,
        }
    }

    /// Color in [0, 1] of a patch with these values `[k]`. Panics if a chosen channel is not among them.
    pub fn color(&self, values: &[f32]) -> [f32; 3] {
        [0, 1, 2].map(|i| {
            let Some(channel) = self.channels[i] else {
                return 0.5;
            };
            let mut value = values[channel];
            if self.logistic {
                value = 1.0 / (1.0 + (-2.0 * value).exp());
            }
            let value = value.clamp(0.0, 1.0);
            if self.inverted[i] { 1.0 - value } else { value }
        })
    }

    /// Colors `[patches, 3]` of `values` `[patches, k]`. Panics if a chosen channel is not below `k`.
    pub fn colors(&self, values: &[f32], k: usize) -> Vec<[f32; 3]> {
        values
            .chunks_exact(k)
            .map(|patch| self.color(patch))
            .collect()
    }
}

/// Values of several channels on the patch grid.
#[derive(Clone, Copy, Debug)]
pub struct ChannelMap<'a> {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// Channels of a patch.
    pub k: usize,
    /// `[rows, cols, k]`.
    pub values: &'a [f32],
    /// `[rows, cols]`: patches that are false are left out.
    pub foreground: Option<&'a [bool]>,
}

/// Settings of colors over a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelOverlay {
    /// Weight of the colors over the picture, in [0, 1].
    pub alpha: f32,
    /// How grey the picture becomes below them, in [0, 1].
    pub desaturate: f32,
    /// How dark the picture becomes below them, in [0, 1].
    pub darken: f32,
    /// Interpolation of the colors between patches.
    pub sampling: Sampling,
    /// The choice of channels.
    pub channels: Channels,
}

impl Default for ChannelOverlay {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            desaturate: 0.0,
            darken: 0.0,
            sampling: Sampling::Bilinear,
            channels: Channels::default(),
        }
    }
}

impl ChannelOverlay {
    /// Draws `map` over all of `picture`. Patches outside the foreground stay transparent.
    pub fn draw(&self, picture: &RgbImage, map: &ChannelMap<'_>) -> Result<RgbImage, FigureError> {
        self.draw_on(&Ground::of(picture), map)
    }

    /// Draws `map` over the part of a picture that the ground's view shows.
    pub fn draw_on(
        &self,
        ground: &Ground<'_>,
        map: &ChannelMap<'_>,
    ) -> Result<RgbImage, FigureError> {
        self.check(ground, map)?;
        let grid = (map.rows, map.cols);
        let guide = ground.guide_for(self.sampling, grid)?;
        let sampler = Sampler::new(grid, self.sampling, guide.as_deref());
        let scale = ground.scale(grid);
        let colors = self.channels.colors(map.values, map.k);
        let left_out = |patch: usize| map.foreground.is_some_and(|inside| !inside[patch]);
        Ok(ground.paint(|point, photo| {
            let below =
                desaturated(photo, self.desaturate).map(|level| (1.0 - self.darken) * level);
            let at = [0, 1].map(|axis| point[axis] * scale[axis]);
            let found = sampler.blend(at, photo, left_out, |patch| colors[patch]);
            found.map_or(below, |color| mix(below, color, self.alpha))
        }))
    }

    fn check(&self, ground: &Ground<'_>, map: &ChannelMap<'_>) -> Result<(), FigureError> {
        check_share("alpha", self.alpha)?;
        check_share("desaturate", self.desaturate)?;
        check_share("darken", self.darken)?;
        self.sampling.check()?;
        let whole = map.k > 0 && map.values.len().is_multiple_of(map.k);
        let patches = if whole { map.values.len() / map.k } else { 0 };
        ground.check("channel map", (map.rows, map.cols), patches)?;
        if let Some(foreground) = map.foreground {
            ground.check("foreground", (map.rows, map.cols), foreground.len())?;
        }
        match self.channels.channels.into_iter().flatten().max() {
            Some(most) if most >= map.k => Err(FigureError::Setting {
                name: "channels",
                expected: format!("numbers below {}", map.k),
                found: most.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;
    use image::Rgb;

    fn map(rows: usize, cols: usize, values: &[f32]) -> ChannelMap<'_> {
        ChannelMap {
            rows,
            cols,
            k: values.len() / (rows * cols),
            values,
            foreground: None,
        }
    }

    #[test]
    fn channels_are_chosen_turned_around_and_squashed() {
        let chosen = Channels {
            channels: [Some(2), None, Some(0)],
            inverted: [false, false, true],
            logistic: false,
        };
        assert_eq!(chosen.color(&[0.25, 0.5, 7.0]), [1.0, 0.5, 0.75]);
        let logistic = Channels {
            logistic: true,
            ..Channels::default()
        };
        let turned = Channels {
            inverted: [true; 3],
            ..logistic
        };
        let (a, b) = (
            logistic.color(&[0.7, 0.0, -2.0]),
            turned.color(&[-0.7, 0.0, 2.0]),
        );
        for (a, b) in a.into_iter().zip(b) {
            assert!((a - b).abs() < 1e-6, "{a}, {b}");
        }
        assert_eq!(logistic.color(&[0.0; 3])[0], 0.5);
    }

    #[test]
    fn one_channel_is_grey_and_two_leave_blue_in_the_middle() {
        assert_eq!(Channels::first(1).color(&[0.3]), [0.3; 3]);
        assert_eq!(Channels::first(2).color(&[0.3, 0.6]), [0.3, 0.6, 0.5]);
    }

    #[test]
    fn colors_meet_in_the_middle_and_the_background_shows_the_picture() {
        let picture = RgbImage::from_pixel(9, 3, Rgb([10, 20, 30]));
        let values = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let mut colors = map(1, 3, &values);
        let settings = ChannelOverlay::default();
        let out = settings.draw(&picture, &colors).unwrap();
        assert_eq!(out.get_pixel(1, 1).0, [255, 0, 0]);
        assert_eq!(out.get_pixel(3, 1).0, [85, 170, 0]);
        colors.foreground = Some(&[true, true, false]);
        for sampling in Sampling::ALL {
            let settings = ChannelOverlay {
                sampling,
                ..ChannelOverlay::default()
            };
            let out = settings.draw(&picture, &colors).unwrap();
            assert_eq!(out.get_pixel(6, 0).0, [10, 20, 30], "{sampling:?}");
            assert_eq!(out.get_pixel(5, 0).0[2], 0, "{sampling:?}");
        }
    }

    #[test]
    fn channels_and_masks_that_do_not_fit_are_errors() {
        let picture = RgbImage::new(4, 4);
        let values = [0.0; 8];
        let settings = ChannelOverlay::default();
        assert!(settings.draw(&picture, &map(2, 2, &values)).is_err());
        let grey = ChannelOverlay {
            channels: Channels::first(1),
            ..settings
        };
        assert!(grey.draw(&picture, &map(2, 2, &values)).is_ok());
        let mut masked = map(2, 2, &values);
        masked.foreground = Some(&[true; 3]);
        assert!(grey.draw(&picture, &masked).is_err());
        let none = ChannelMap { k: 0, ..masked };
        assert!(grey.draw(&picture, &none).is_err());
    }
}
