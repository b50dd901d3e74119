//! Figures: pixels with a caption, written as PNG.
//!
//! Input: what the analyses found and the original pictures. Output: RGB8 images whose PNG files say in their
//! metadata how they were made, and in the picture itself when the model was untrained.

use std::io::{self, Write};
use std::path::Path;

use image::{Rgb, RgbImage};

pub mod canvas;
pub mod caption;
pub mod colormap;
pub mod match_lines;
pub mod overlay;

pub use caption::Caption;
pub use colormap::{Colormap, Range};
pub use match_lines::MatchFigure;
pub use overlay::{Mark, Overlay, Sampling};

use canvas::{byte, whole};

use crate::values::{Existing, ValuesError, write_file};

/// Least side of a patch in a grid figure, in pixels: one pixel a patch would not be seen.
const MIN_CELL_PX: u32 = 8;
/// A cell's aspect may differ by this much from that of a patch in the picture.
const ASPECT_TOLERANCE: f64 = 0.01;

/// Why a figure cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// A picture or a grid without pixels, or values that do not fill their grid.
    #[error("{what} has {found}, expected {expected}")]
    Sides {
        /// The thing that is wrong.
        what: &'static str,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A setting is outside its range.
    #[error("setting {name} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] ValuesError),
}

/// A finished picture and how it was made.
#[derive(Clone, Debug)]
pub struct Figure {
    pixels: RgbImage,
    caption: Caption,
}

impl Figure {
    /// Joins pixels and caption; an untrained model's pictures get a bar at the bottom that says so.
    pub fn new(pixels: RgbImage, caption: Caption) -> Self {
        let pixels = if caption.provenance.untrained {
            caption::with_bar(&pixels)
        } else {
            pixels
        };
        Self { pixels, caption }
    }

    /// The pixels, bar included.
    pub fn pixels(&self) -> &RgbImage {
        &self.pixels
    }

    /// Writes an RGB8 PNG with the caption as text chunks.
    pub fn write(&self, path: &Path, existing: Existing) -> Result<(), FigureError> {
        Ok(write_file(path, existing, |out| self.encode(out))?)
    }

    /// The same PNG, to any writer.
    pub fn encode(&self, out: impl Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.pixels.width(), self.pixels.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        for (key, text) in self.caption.entries() {
            // tEXt holds Latin-1 only.
            if text.chars().all(|c| u32::from(c) < 256) {
                encoder.add_text_chunk(key.to_owned(), text)?;
            } else {
                encoder.add_itxt_chunk(key.to_owned(), text)?;
            }
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_raw())?;
        Ok(writer.finish()?)
    }
}

/// Draws colours `[rows, cols, k]` in [0, 1] as crisp cells: every patch the same whole number of pixels, in the
/// aspect of a picture of `picture_px` (width, height), and at least as large.
///
/// One component is drawn grey, two as red and green over mid blue, of more than three the first three.
pub fn grid_figure(
    colours: &[f32],
    (rows, cols): (usize, usize),
    picture_px: (u32, u32),
) -> Result<RgbImage, FigureError> {
    let patches = rows.checked_mul(cols).filter(|&patches| patches > 0);
    let filled =
        patches.is_some_and(|patches| !colours.is_empty() && colours.len().is_multiple_of(patches));
    if !filled || picture_px.0 == 0 || picture_px.1 == 0 {
        return Err(FigureError::Sides {
            what: "colour grid",
            expected: format!("{rows} x {cols} patches over a picture"),
            found: format!("{} values, picture {picture_px:?}", colours.len()),
        });
    }
    let k = colours.len() / (rows * cols);
    let cell = cell_px((rows, cols), picture_px);
    let (width, height) = (
        cols as u64 * u64::from(cell.0),
        rows as u64 * u64::from(cell.1),
    );
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(FigureError::Sides {
            what: "colour grid",
            expected: "a figure of at most 2^32 pixels a side".to_owned(),
            found: format!("{width} x {height}"),
        });
    };
    Ok(RgbImage::from_fn(width, height, |x, y| {
        let patch = (y / cell.1) as usize * cols + (x / cell.0) as usize;
        rgb_of(&colours[patch * k..][..k])
    }))
}

/// Sides (width, height) of a patch's cell in pixels: near the patch's size in the picture, in its aspect.
fn cell_px((rows, cols): (usize, usize), (width, height): (u32, u32)) -> (u32, u32) {
    let patch = (
        f64::from(width) / cols as f64,
        f64::from(height) / rows as f64,
    );
    let aspect = patch.0 / patch.1;
    let least = whole(patch.1).max(MIN_CELL_PX);
    let cell = |high: u32| (whole(f64::from(high) * aspect).max(1), high);
    let error = |(wide, high): (u32, u32)| (f64::from(wide) / f64::from(high) / aspect).ln().abs();
    let mut best = cell(least);
    for high in least..=least.saturating_mul(2) {
        if error(best) <= ASPECT_TOLERANCE {
            break;
        }
        if error(cell(high)) < error(best) {
            best = cell(high);
        }
    }
    best
}

fn rgb_of(colour: &[f32]) -> Rgb<u8> {
    match *colour {
        [grey] => Rgb([byte(grey); 3]),
        [red, green] => Rgb([byte(red), byte(green), 128]),
        [red, green, blue, ..] => Rgb([byte(red), byte(green), byte(blue)]),
        [] => Rgb([0; 3]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_has_the_same_whole_number_of_pixels() {
        let colours: Vec<f32> = (0..18).map(|i| i as f32 / 17.0).collect();
        let image = grid_figure(&colours, (2, 3), (101, 67)).unwrap();
        let cell = (image.width() / 3, image.height() / 2);
        assert_eq!((image.width() % 3, image.height() % 2), (0, 0));
        for (x, y, pixel) in image.enumerate_pixels() {
            let patch = (y / cell.1 * 3 + x / cell.0) as usize;
            assert_eq!(*pixel, rgb_of(&colours[patch * 3..][..3]));
        }
    }

    #[test]
    fn the_figure_keeps_the_pictures_aspect_also_for_stretched_and_tiny_patches() {
        for (grid, picture) in [
            ((14, 14), (224, 224)),
            ((32, 48), (451, 300)),
            ((7, 31), (97, 61)),
            ((40, 30), (33, 57)),
        ] {
            let colours = vec![0.5; grid.0 * grid.1 * 3];
            let image = grid_figure(&colours, grid, picture).unwrap();
            let aspect = f64::from(image.width()) / f64::from(image.height());
            let expected = f64::from(picture.0) / f64::from(picture.1);
            assert!(
                (aspect / expected - 1.0).abs() < 0.02,
                "{grid:?} {picture:?}: {aspect}, {expected}"
            );
        }
    }

    #[test]
    fn values_that_do_not_fill_the_grid_are_an_error() {
        assert!(grid_figure(&[0.0; 5], (2, 3), (8, 8)).is_err());
        assert!(grid_figure(&[], (2, 3), (8, 8)).is_err());
        assert!(grid_figure(&[0.0; 6], (usize::MAX, 2), (8, 8)).is_err());
        assert!(grid_figure(&[0.0; 6], (2, 3), (0, 8)).is_err());
    }
}
