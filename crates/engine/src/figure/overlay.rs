//! A map of numbers drawn over its picture, with pins and outlines.
//!
//! Input: the original picture, a `[rows, cols]` map that covers it, marks. Output: RGB8 of the picture's size. The
//! value of a patch stands at its centre; between centres it is interpolated or the nearest one is taken.

use image::RgbImage;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::canvas::{Ink, blend, byte, disc, frame, whole};
use super::colormap::{Colormap, Range, position};
use crate::analysis::{Patch, ScalarMap};

/// How values between patch centres are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Linear between the four nearest centres.
    #[default]
    Bilinear,
    /// The patch itself, with crisp edges.
    Nearest,
}

/// Settings of an overlay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overlay {
    /// Weight of the map over the picture, in [0, 1].
    pub alpha: f32,
    /// Colours of the values.
    pub colormap: Colormap,
    /// Values of the first and the last colour.
    pub range: Range,
    /// Interpolation between patches.
    pub sampling: Sampling,
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            alpha: 0.6,
            colormap: Colormap::Viridis,
            range: Range::Auto,
            sampling: Sampling::Bilinear,
        }
    }
}

/// Something pointed out in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// A positive prompt at (x, y) in pixels of the picture: a green pin.
    Positive([f32; 2]),
    /// A negative prompt: a red pin.
    Negative([f32; 2]),
    /// A patch: a white outline.
    Patch(Patch),
}

impl Overlay {
    /// Draws `map` over `picture`, then the marks. Patches that are NaN stay transparent.
    pub fn draw(
        &self,
        picture: &RgbImage,
        map: &ScalarMap,
        marks: &[Mark],
    ) -> Result<RgbImage, FigureError> {
        self.check(picture, map)?;
        let limits = self.range.limits(&map.values, self.colormap)?;
        let table = self.colormap.table();
        let mut out = picture.clone();
        let (width, height) = (picture.width(), picture.height());
        // Pixel centres in units of patches, from the outer edge of the first one.
        let across: Vec<f32> = (0..width)
            .map(|x| (x as f32 + 0.5) / width as f32 * map.cols as f32)
            .collect();
        out.par_chunks_exact_mut(width as usize * 3)
            .enumerate()
            .for_each(|(y, line)| {
                let down = (y as f32 + 0.5) / height as f32 * map.rows as f32;
                for (pixel, &x) in line.chunks_exact_mut(3).zip(&across) {
                    if let Some(value) = sample(map, [x, down], self.sampling) {
                        let at = position(value, limits);
                        let ink = Ink {
                            colour: table[usize::from(byte(at))],
                            alpha: self.alpha,
                        };
                        blend_bytes(pixel, ink);
                    }
                }
            });
        for mark in marks {
            mark.draw(&mut out, map);
        }
        Ok(out)
    }

    fn check(&self, picture: &RgbImage, map: &ScalarMap) -> Result<(), FigureError> {
        if !(0.0..=1.0).contains(&self.alpha) {
            return Err(FigureError::Setting {
                name: "alpha",
                expected: "a number in [0, 1]".to_owned(),
                found: self.alpha.to_string(),
            });
        }
        let filled =
            map.rows.checked_mul(map.cols) == Some(map.values.len()) && !map.values.is_empty();
        if !filled || picture.is_empty() {
            return Err(FigureError::Sides {
                what: "overlay",
                expected: "a picture and as many values as patches".to_owned(),
                found: format!(
                    "{:?} pixels, {} values",
                    picture.dimensions(),
                    map.values.len()
                ),
            });
        }
        Ok(())
    }
}

impl Mark {
    fn draw(self, image: &mut RgbImage, map: &ScalarMap) {
        let unit = (image.width().min(image.height()) / 256).max(1);
        match self {
            Self::Positive(at) => pin(image, at, [46, 204, 64], unit as f32),
            Self::Negative(at) => pin(image, at, [229, 41, 41], unit as f32),
            Self::Patch(patch) => {
                let [left, top, right, bottom] = patch_px(patch, map, image.dimensions());
                frame(
                    image,
                    [left, top, right, bottom],
                    2 * unit,
                    Ink::solid([0; 3]),
                );
                frame(
                    image,
                    [left, top, right, bottom],
                    unit,
                    Ink::solid([255; 3]),
                );
            }
        }
    }
}

/// The value at (x, y) in units of patches from the upper left corner of the map; `None` where the patch is NaN.
///
/// Neighbours that are NaN take no part in the interpolation; beyond the outer centres the border value goes on.
pub fn sample(map: &ScalarMap, [x, y]: [f32; 2], sampling: Sampling) -> Option<f32> {
    let own = map.values[cell(y, map.rows) * map.cols + cell(x, map.cols)];
    if own.is_nan() || sampling == Sampling::Nearest {
        return Some(own).filter(|own| !own.is_nan());
    }
    let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
    let (part_x, part_y) = (x - 0.5 - left, y - 0.5 - top);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (dy, weight_y) in [(0.0, 1.0 - part_y), (1.0, part_y)] {
        for (dx, weight_x) in [(0.0, 1.0 - part_x), (1.0, part_x)] {
            let (row, col) = (cell(top + dy, map.rows), cell(left + dx, map.cols));
            let (value, weight) = (map.values[row * map.cols + col], weight_x * weight_y);
            if !value.is_nan() {
                sum += weight * value;
                weights += weight;
            }
        }
    }
    // The own patch has a weight of at least a quarter.
    Some(sum / weights)
}

/// The cell of `count` under `at`; beyond either end the outer one.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
fn cell(at: f32, count: usize) -> usize {
    (at.max(0.0) as usize).min(count - 1)
}

fn blend_bytes(pixel: &mut [u8], ink: Ink) {
    let mut colour = image::Rgb([pixel[0], pixel[1], pixel[2]]);
    blend(&mut colour, ink, 1.0);
    pixel.copy_from_slice(&colour.0);
}

/// A dot with a white and a thin dark ring, visible on any ground.
fn pin(image: &mut RgbImage, at: [f32; 2], colour: [u8; 3], unit: f32) {
    disc(image, at, 6.5 * unit, Ink::solid([20; 3]));
    disc(image, at, 5.5 * unit, Ink::solid([255; 3]));
    disc(image, at, 3.5 * unit, Ink::solid(colour));
}

/// Left, top, right, bottom (exclusive) of a patch in pixels, at least one pixel.
fn patch_px(patch: Patch, map: &ScalarMap, (width, height): (u32, u32)) -> [u32; 4] {
    let edge =
        |at: usize, count: usize, side: u32| whole(at as f64 * f64::from(side) / count as f64);
    let (left, top) = (
        edge(patch.col, map.cols, width),
        edge(patch.row, map.rows, height),
    );
    let right = edge(patch.col.saturating_add(1), map.cols, width).max(left.saturating_add(1));
    let bottom = edge(patch.row.saturating_add(1), map.rows, height).max(top.saturating_add(1));
    [left, top, right, bottom]
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;

    fn map(rows: usize, cols: usize, values: &[f32]) -> ScalarMap {
        ScalarMap {
            rows,
            cols,
            values: values.to_vec(),
        }
    }

    #[test]
    fn values_stand_at_patch_centres_and_are_linear_between_them() {
        let ramp = map(1, 3, &[0.0, 1.0, 4.0]);
        let at = |x: f32| sample(&ramp, [x, 0.3], Sampling::Bilinear).unwrap();
        assert_eq!([0.5, 1.5, 2.5].map(at), [0.0, 1.0, 4.0]);
        assert_eq!([1.0, 2.0].map(at), [0.5, 2.5]);
        assert_eq!([0.1, 2.9].map(at), [0.0, 4.0]);
        assert_eq!(sample(&ramp, [1.99, 0.3], Sampling::Nearest), Some(1.0));
    }

    #[test]
    fn patches_left_out_are_transparent_and_do_not_leak() {
        let holed = map(1, 2, &[1.0, f32::NAN]);
        let picture = RgbImage::from_pixel(8, 4, image::Rgb([10, 20, 30]));
        for sampling in [Sampling::Nearest, Sampling::Bilinear] {
            let settings = Overlay {
                alpha: 1.0,
                colormap: Colormap::Grey,
                range: Range::Fixed { min: 0.0, max: 1.0 },
                sampling,
            };
            let out = settings.draw(&picture, &holed, &[]).unwrap();
            assert!(
                out.enumerate_pixels()
                    .all(|(x, _, pixel)| pixel.0 == if x < 4 { [255; 3] } else { [10, 20, 30] })
            );
        }
    }

    #[test]
    fn alpha_mixes_picture_and_colour() {
        let picture = RgbImage::from_pixel(5, 3, image::Rgb([100; 3]));
        let settings = Overlay {
            alpha: 0.25,
            colormap: Colormap::Grey,
            range: Range::Fixed { min: 0.0, max: 1.0 },
            ..Overlay::default()
        };
        let out = settings.draw(&picture, &map(1, 1, &[1.0]), &[]).unwrap();
        assert!(out.pixels().all(|pixel| pixel.0 == [139; 3]));
    }

    #[test]
    fn marks_are_drawn_where_they_belong() {
        let picture = RgbImage::new(64, 48);
        let scores = map(3, 4, &[0.0; 12]);
        let settings = Overlay {
            alpha: 0.0,
            ..Overlay::default()
        };
        let marks = [
            Mark::Patch(Patch { row: 1, col: 2 }),
            Mark::Positive([8.0, 8.0]),
            Mark::Negative([1e9, 0.0]),
        ];
        let out = settings.draw(&picture, &scores, &marks).unwrap();
        assert_eq!(out.get_pixel(32, 16).0, [255; 3]);
        assert_eq!(out.get_pixel(47, 31).0, [255; 3]);
        assert_eq!(out.get_pixel(40, 24).0, [0; 3]);
        assert_eq!(out.get_pixel(8, 8).0, [46, 204, 64]);
    }

    #[test]
    fn bad_alpha_and_empty_maps_are_errors() {
        let picture = RgbImage::new(4, 4);
        let alpha = Overlay {
            alpha: f32::NAN,
            ..Overlay::default()
        };
        assert!(alpha.draw(&picture, &map(1, 1, &[0.0]), &[]).is_err());
        assert!(
            Overlay::default()
                .draw(&picture, &map(0, 0, &[]), &[])
                .is_err()
        );
        assert!(
            Overlay::default()
                .draw(&RgbImage::new(0, 4), &map(1, 1, &[0.0]), &[])
                .is_err()
        );
    }
}
