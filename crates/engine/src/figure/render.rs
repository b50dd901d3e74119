//! A scene as pixels.
//!
//! Input: a `Scene` and a whole number of pixels a point. Output: RGB8. Crisp rasters are repeated exactly, smooth ones
//! are resized by Catmull-Rom; lines and texts are drawn at that scale.

use image::{Rgb, RgbImage};

use super::FigureError;
use super::canvas::{disc, fill, frame, line, whole};
use super::scene::{GROUND, Item, Rect, Scaling, Scene};
use crate::resize::{Packed, Resample, resize_uint8};

/// Scales of a PNG.
pub const SCALES: std::ops::RangeInclusive<u32> = 1..=4;
/// Most pixels of a PNG: 768 MiB of RGB8.
const MAX_PIXELS: u64 = 1 << 28;

impl Scene {
    /// Draws the scene with `scale` pixels a point.
    pub fn draw(&self, scale: u32) -> Result<RgbImage, FigureError> {
        if !SCALES.contains(&scale) {
            return Err(FigureError::Setting {
                name: "scale",
                expected: format!("{} to {}", SCALES.start(), SCALES.end()),
                found: scale.to_string(),
            });
        }
        let sides = [self.width, self.height].map(|side| u64::from(side) * u64::from(scale));
        let [Ok(width), Ok(height)] = sides.map(u32::try_from) else {
            return Err(too_large(sides));
        };
        // Two sides of 32 bits cannot overflow 64.
        if sides[0] * sides[1] > MAX_PIXELS {
            return Err(too_large(sides));
        }
        let mut image = RgbImage::from_pixel(width, height, Rgb(GROUND));
        for item in &self.items {
            draw_item(item, &mut image, scale as f32);
        }
        Ok(image)
    }
}

fn too_large(sides: [u64; 2]) -> FigureError {
    FigureError::Sides {
        what: "figure",
        expected: format!("at most {MAX_PIXELS} pixels"),
        found: format!("{} x {}", sides[0], sides[1]),
    }
}

fn draw_item(item: &Item, image: &mut RgbImage, scale: f32) {
    let at = |point: [f32; 2]| point.map(|number| number * scale);
    let scaled = |rect: Rect| rect.moved([0.0; 2], scale);
    match item {
        Item::Raster {
            image: raster,
            rect,
            scaling,
        } => draw_raster(raster, scaled(*rect), *scaling, image),
        Item::Line {
            from,
            to,
            width,
            ink,
        } => line(image, at(*from), at(*to), width * scale, *ink),
        Item::Disc {
            centre,
            radius,
            ink,
        } => disc(image, at(*centre), radius * scale, *ink),
        Item::Frame {
            rect,
            radius,
            width,
            ink,
        } => frame(image, scaled(*rect), radius * scale, width * scale, *ink),
        Item::Fill { rect, radius, ink } => fill(image, scaled(*rect), radius * scale, *ink),
        Item::Text(text) => text.draw(image, scale),
    }
}

/// Stretches a raster over the whole pixels nearest to `rect`; what lies outside the image is cut off.
fn draw_raster(raster: &RgbImage, rect: Rect, scaling: Scaling, image: &mut RgbImage) {
    let edge = |at: f32| whole(at.into());
    let (left, top) = (edge(rect.x), edge(rect.y));
    let width = edge(rect.x + rect.width).saturating_sub(left);
    let height = edge(rect.y + rect.height).saturating_sub(top);
    if raster.is_empty() || width == 0 || height == 0 || !rect.is_finite() {
        return;
    }
    match scaling {
        _ if raster.dimensions() == (width, height) => {
            image::imageops::replace(image, raster, left.into(), top.into());
        }
        Scaling::Smooth => {
            let source = Packed::rgb(raster, raster.width(), raster.height());
            let pixels = resize_uint8(&source, width, height, Resample::Bicubic);
            let resized =
                RgbImage::from_raw(width, height, pixels).expect("the resize fills its size");
            image::imageops::replace(image, &resized, left.into(), top.into());
        }
        Scaling::Crisp => {
            let cell = |at: u32, length: u32, count: u32| {
                (u64::from(at) * 2 + 1) * u64::from(count) / (2 * u64::from(length))
            };
            let columns: Vec<u32> = (0..width.min(image.width().saturating_sub(left)))
                .map(|x| cell(x, width, raster.width()) as u32)
                .collect();
            for y in 0..height.min(image.height().saturating_sub(top)) {
                let row = cell(y, height, raster.height()) as u32;
                for (x, &column) in (left..).zip(&columns) {
                    image.put_pixel(x, top + y, *raster.get_pixel(column, row));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let mixed = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503 << 7);
            Rgb([(mixed >> 8) as u8, (mixed >> 16) as u8, (mixed >> 24) as u8])
        })
    }

    #[test]
    fn cells_are_repeated_exactly_at_every_scale() {
        let cells = noise(7, 5);
        let scene = Scene::cells(cells.clone(), (21, 10)).unwrap();
        for scale in SCALES {
            let image = scene.draw(scale).unwrap();
            assert_eq!(image.dimensions(), (21 * scale, 10 * scale));
            for (x, y, pixel) in image.enumerate_pixels() {
                assert_eq!(pixel, cells.get_pixel(x / 3 / scale, y / 2 / scale));
            }
        }
    }

    #[test]
    fn a_picture_is_itself_at_scale_1_and_smooth_above() {
        let picture = RgbImage::from_fn(16, 4, |x, _| Rgb([(x * 10) as u8; 3]));
        let scene = Scene::picture(picture.clone()).unwrap();
        assert_eq!(scene.draw(1).unwrap(), picture);
        let large = scene.draw(4).unwrap();
        // A ramp stays a ramp: 2.5 levels a pixel away from the borders.
        for x in 12..48 {
            let expected = f32::from(large.get_pixel(x, 8).0[0]) + 2.5;
            let found = f32::from(large.get_pixel(x + 1, 8).0[0]);
            assert!((found - expected).abs() <= 1.0, "{x}: {found} {expected}");
        }
    }

    #[test]
    fn rasters_may_reach_past_the_figure() {
        let mut scene = Scene::new(6, 4);
        for (x, y, width, height) in [(4.0, 2.0, 9.0, 9.0), (1e9, 0.0, 4.0, 4.0)] {
            for scaling in [Scaling::Crisp, Scaling::Smooth] {
                scene.items.push(Item::Raster {
                    image: RgbImage::new(3, 3),
                    rect: Rect::new(x, y, width, height),
                    scaling,
                });
            }
        }
        let image = scene.draw(1).unwrap();
        assert_eq!(image.get_pixel(5, 3).0, [0; 3]);
        assert_eq!(image.get_pixel(3, 3).0, GROUND);
    }

    #[test]
    fn other_scales_and_figures_without_end_are_errors() {
        for scale in [0, 5, u32::MAX] {
            let error = Scene::new(4, 4).draw(scale).unwrap_err();
            assert!(error.to_string().contains("expected 1 to 4"), "{error}");
        }
        assert!(Scene::new(u32::MAX, 1).draw(4).is_err());
        assert!(Scene::new(30_000, 30_000).draw(1).is_err());
    }
}
