//! A map of numbers drawn over its picture.
//!
//! Input: the original picture, a `[rows, cols]` map that covers it. Output: RGB8 of the picture's size, or of a part of
//! it. Twin of `shaders/colorize.wgsl`.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::colormap::{Colormap, table_color};
use super::isolines::{Isolines, LINE_OPACITY, Line, ink_on};
use super::range::{Range, position};
use super::sampling::{Sampler, Sampling};
use super::view::{Ground, check_share, desaturated, mix};
use crate::analysis::ScalarMap;

/// Settings of an overlay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overlay {
    /// Weight of the map over the picture, in [0, 1].
    pub alpha: f32,
    /// Colors of the values.
    pub colormap: Colormap,
    /// Values of the first and the last color.
    pub range: Range,
    /// Interpolation between patches.
    pub sampling: Sampling,
    /// How grey the picture becomes below the map, in [0, 1].
    pub desaturate: f32,
    /// Lines of equal value.
    pub isolines: Option<Isolines>,
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            alpha: 0.6,
            colormap: Colormap::Viridis,
            range: Range::Auto,
            sampling: Sampling::Bilinear,
            desaturate: 0.0,
            isolines: None,
        }
    }
}

impl Overlay {
    /// Draws `map` over all of `picture`. Patches that are NaN stay transparent.
    pub fn draw(&self, picture: &RgbImage, map: &ScalarMap) -> Result<RgbImage, FigureError> {
        self.draw_on(&Ground::of(picture), map)
    }

    /// Draws `map` over the part of a picture that the ground's view shows.
    pub fn draw_on(&self, ground: &Ground<'_>, map: &ScalarMap) -> Result<RgbImage, FigureError> {
        self.check()?;
        let grid = (map.rows, map.cols);
        ground.check("overlay", grid, map.values.len())?;
        let limits = self.range.limits(&map.values, self.colormap)?;
        let guide = ground.guide_for(self.sampling, grid)?;
        let brush = Brush {
            settings: self,
            values: &map.values,
            limits,
            table: self.colormap.table(),
            sampler: Sampler::new(grid, self.sampling, guide.as_deref()),
            lines: Sampler::new(grid, self.sampling.of_lines(), None),
            scale: ground.scale(grid),
            step: ground.view.step(),
        };
        Ok(ground.paint(|point, photo| brush.color(point, photo)))
    }

    /// What is interpolated, for a legend.
    pub fn note(&self) -> String {
        let lines = self.sampling.of_lines();
        if self.isolines.is_none() || lines == self.sampling {
            return self.sampling.note().to_owned();
        }
        format!("{} Lines: {}", self.sampling.note(), lines.note())
    }

    /// An error unless all settings are allowed.
    pub fn check(&self) -> Result<(), FigureError> {
        check_share("alpha", self.alpha)?;
        check_share("desaturate", self.desaturate)?;
        self.range.check()?;
        self.sampling.check()?;
        self.isolines.map_or(Ok(()), Isolines::check)
    }
}

/// Everything that the color of a pixel depends on.
struct Brush<'a> {
    settings: &'a Overlay,
    values: &'a [f32],
    limits: (f32, f32),
    table: [[u8; 3]; 256],
    sampler: Sampler<'a>,
    lines: Sampler<'a>,
    scale: [f32; 2],
    step: [f32; 2],
}

impl Brush<'_> {
    fn color(&self, point: [f32; 2], photo: [f32; 3]) -> [f32; 3] {
        let below = desaturated(photo, self.settings.desaturate);
        let found = self
            .sampler
            .value(self.values, self.grid_from(point), photo);
        let Some(value) = found else {
            return below;
        };
        let place = position(value, self.limits);
        let color = mix(below, table_color(&self.table, place), self.settings.alpha);
        let Some(isolines) = self.settings.isolines else {
            return color;
        };
        let line = self.line(isolines, point);
        let ink = ink_on(table_color(&self.table, isolines.position(line.level)));
        mix(color, ink, line.coverage * LINE_OPACITY)
    }

    fn grid_from(&self, point: [f32; 2]) -> [f32; 2] {
        [point[0] * self.scale[0], point[1] * self.scale[1]]
    }

    fn line(&self, isolines: Isolines, point: [f32; 2]) -> Line {
        let crisp = self.lines.sampling() == Sampling::Nearest;
        let reach = if crisp { 0.5 * isolines.width_px } else { 0.5 };
        let height = |x: f32, y: f32| {
            let there = [
                point[0] + x * reach * self.step[0],
                point[1] + y * reach * self.step[1],
            ];
            let value = self
                .lines
                .value(self.values, self.grid_from(there), [0.0; 3]);
            value.map(|value| isolines.height(position(value, self.limits)))
        };
        let own = height(0.0, 0.0).unwrap_or(0.0);
        // A patch that was left out is level with the pixel beside it.
        let around = [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]
            .map(|(x, y)| height(x, y).unwrap_or(own));
        if crisp {
            return isolines.edge(own, around);
        }
        let [left, right, above, below] = around;
        isolines.line(own, [right - left, below - above])
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::View;
    use super::*;
    use image::Rgb;

    fn map(rows: usize, cols: usize, values: &[f32]) -> ScalarMap {
        ScalarMap {
            rows,
            cols,
            values: values.to_vec(),
        }
    }

    /// The map's grey alone, black at 0 and white at 1.
    fn plain(sampling: Sampling) -> Overlay {
        Overlay {
            alpha: 1.0,
            colormap: Colormap::Grey,
            range: Range::Fixed { min: 0.0, max: 1.0 },
            sampling,
            ..Overlay::default()
        }
    }

    #[test]
    fn patches_left_out_are_transparent_and_do_not_leak() {
        let holed = map(1, 2, &[1.0, f32::NAN]);
        let picture = RgbImage::from_pixel(8, 4, Rgb([10, 20, 30]));
        for sampling in Sampling::ALL {
            let out = plain(sampling).draw(&picture, &holed).unwrap();
            let expected = |x: u32| if x < 4 { [255; 3] } else { [10, 20, 30] };
            assert!(
                out.enumerate_pixels()
                    .all(|(x, _, pixel)| pixel.0 == expected(x))
            );
        }
    }

    #[test]
    fn alpha_mixes_picture_and_colour() {
        let picture = RgbImage::from_pixel(5, 3, Rgb([100; 3]));
        let settings = Overlay {
            alpha: 0.25,
            ..plain(Sampling::Bilinear)
        };
        let out = settings.draw(&picture, &map(1, 1, &[1.0])).unwrap();
        assert!(out.pixels().all(|pixel| pixel.0 == [139; 3]));
    }

    #[test]
    fn a_desaturated_picture_is_grey_where_the_map_is_transparent() {
        let picture = RgbImage::from_pixel(4, 2, Rgb([255, 0, 0]));
        let settings = Overlay {
            alpha: 0.0,
            desaturate: 1.0,
            ..Overlay::default()
        };
        let out = settings
            .draw(&picture, &map(1, 2, &[1.0, f32::NAN]))
            .unwrap();
        assert!(out.pixels().all(|pixel| pixel.0 == [54; 3]));
    }

    #[test]
    fn a_view_shows_the_same_colors_as_that_part_of_the_whole() {
        let picture = RgbImage::from_fn(24, 16, |x, y| Rgb([x as u8 * 9, y as u8 * 9, 80]));
        let values: Vec<f32> = (0..6).map(|i| ((i * 5) % 7) as f32 / 7.0).collect();
        let scores = map(2, 3, &values);
        for sampling in Sampling::ALL {
            let settings = Overlay {
                isolines: Some(Isolines::default()),
                sampling,
                ..Overlay::default()
            };
            let whole = settings.draw(&picture, &scores).unwrap();
            let mut ground = Ground::of(&picture);
            ground.view = View {
                origin_px: [5.0, 3.0],
                size_px: [12.0, 8.0],
                out_px: [12, 8],
            };
            let part = settings.draw_on(&ground, &scores).unwrap();
            let cut = image::imageops::crop_imm(&whole, 5, 3, 12, 8).to_image();
            assert_eq!(part, cut, "{sampling:?}");
        }
    }

    #[test]
    fn isolines_cross_a_ramp_at_their_levels() {
        let ramp: Vec<f32> = (0..20).map(|i| (i as f32 + 0.5) / 20.0).collect();
        let picture = RgbImage::new(200, 10);
        for sampling in Sampling::ALL {
            let lines = Isolines {
                levels: 3,
                width_px: 2.0,
            };
            let with = Overlay {
                isolines: Some(lines),
                ..plain(sampling)
            };
            let out = with.draw(&picture, &map(1, 20, &ramp)).unwrap();
            let bare = plain(sampling).draw(&picture, &map(1, 20, &ramp)).unwrap();
            let changed: Vec<u32> = (0..200)
                .filter(|&x| {
                    let (a, b) = (out.get_pixel(x, 5).0[0], bare.get_pixel(x, 5).0[0]);
                    a.abs_diff(b) > 60
                })
                .collect();
            assert_eq!(changed, [49, 50, 99, 100, 149, 150], "{sampling:?}");
        }
    }

    #[test]
    fn bad_settings_and_empty_maps_are_errors() {
        let picture = RgbImage::new(4, 4);
        let alpha = Overlay {
            alpha: f32::NAN,
            ..Overlay::default()
        };
        assert!(alpha.draw(&picture, &map(1, 1, &[0.0])).is_err());
        let grey = Overlay {
            desaturate: 1.5,
            ..Overlay::default()
        };
        assert!(grey.draw(&picture, &map(1, 1, &[0.0])).is_err());
        let settings = Overlay::default();
        assert!(settings.draw(&picture, &map(0, 0, &[])).is_err());
        assert!(settings.draw(&picture, &map(2, 2, &[0.0])).is_err());
        let empty = RgbImage::new(0, 4);
        assert!(settings.draw(&empty, &map(1, 1, &[0.0])).is_err());
    }
}
