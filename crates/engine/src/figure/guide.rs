//! Mean colors of a picture's patches: what joint bilateral sampling compares pixels with.
//!
//! Input: a picture and the grid over it. Output: `[rows, cols, 3]` sRGB values in [0, 1], the buffer `guide` of the
//! kernels.

use std::ops::Range;

use image::RgbImage;
use rayon::prelude::*;

use super::FigureError;

/// Mean color of each patch, computed once a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    rows: usize,
    cols: usize,
    colors: Vec<f32>,
}

impl Guide {
    /// Averages the pixels whose centers lie in each of `rows` × `cols` patches; a patch smaller than a pixel has the
    /// color of the pixel under its center.
    pub fn of(picture: &RgbImage, rows: usize, cols: usize) -> Result<Self, FigureError> {
        let patches = rows
            .checked_mul(cols)
            .filter(|&n| n > 0 && u32::try_from(n).is_ok());
        if patches.is_none() || picture.is_empty() {
            return Err(FigureError::Sides {
                what: "guide",
                expected: "at least one patch and one pixel".to_owned(),
                found: format!("{rows} x {cols} patches, {:?} pixels", picture.dimensions()),
            });
        }
        let mut colors = vec![0.0; rows * cols * 3];
        colors
            .par_chunks_exact_mut(cols * 3)
            .enumerate()
            .for_each(|(row, line)| {
                let ys = pixels_of(row, rows, picture.height());
                for (col, color) in line.chunks_exact_mut(3).enumerate() {
                    let xs = pixels_of(col, cols, picture.width());
                    color.copy_from_slice(&mean(picture, xs, ys.clone()));
                }
            });
        Ok(Self { rows, cols, colors })
    }

    /// Patches from top to bottom and from left to right.
    pub fn grid(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// `[rows, cols, 3]` in [0, 1].
    pub fn colors(&self) -> &[f32] {
        &self.colors
    }

    /// Color of the patch with the flat number `index`. Panics past the last patch.
    pub fn color(&self, index: usize) -> [f32; 3] {
        [0, 1, 2].map(|channel| self.colors[index * 3 + channel])
    }
}

/// Pixels along a side whose centers lie in patch `at` of `count`; the one under its center if there are none.
fn pixels_of(at: usize, count: usize, side: u32) -> Range<u32> {
    // Pixel x is inside from `at · side / count ≤ x + 1/2`, here in whole numbers.
    let first = |at: usize| {
        let edge = (2 * at as u128 * u128::from(side)).saturating_sub(count as u128);
        u32::try_from(edge.div_ceil(2 * count as u128)).unwrap_or(side)
    };
    let (start, end) = (first(at), first(at + 1).min(side));
    if start < end {
        return start..end;
    }
    let center = (2 * at as u128 + 1) * u128::from(side) / (2 * count as u128);
    let center = u32::try_from(center).unwrap_or(side).min(side - 1);
    center..center + 1
}

/// Whole sums, so that the result is the same however the work is divided.
fn mean(picture: &RgbImage, xs: Range<u32>, ys: Range<u32>) -> [f32; 3] {
    let pixels = u64::from(xs.end - xs.start) * u64::from(ys.end - ys.start);
    let mut sums = [0_u64; 3];
    for y in ys {
        for x in xs.clone() {
            let pixel = picture.get_pixel(x, y).0;
            sums.iter_mut()
                .zip(pixel)
                .for_each(|(sum, byte)| *sum += u64::from(byte));
        }
    }
    sums.map(|sum| (sum as f64 / (pixels as f64 * 255.0)) as f32)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn every_pixel_belongs_to_one_patch() {
        for (count, side) in [(1, 1), (3, 10), (7, 97), (13, 61), (61, 61)] {
            let mut next = 0;
            for at in 0..count {
                let pixels = pixels_of(at, count, side);
                assert_eq!(pixels.start, next, "{at} of {count} over {side}");
                next = pixels.end;
            }
            assert_eq!(next, side);
        }
    }

    #[test]
    fn patches_have_the_mean_of_their_pixels() {
        let picture = RgbImage::from_fn(4, 2, |x, _| Rgb([if x < 2 { 51 } else { 204 }, 0, 255]));
        let guide = Guide::of(&picture, 1, 2).unwrap();
        assert_eq!(guide.color(0), [0.2, 0.0, 1.0]);
        assert_eq!(guide.color(1), [0.8, 0.0, 1.0]);
        assert_eq!(Guide::of(&picture, 1, 1).unwrap().color(0)[0], 0.5);
    }

    #[test]
    fn patches_smaller_than_a_pixel_have_its_color() {
        let picture = RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8 * 255; 3]));
        let guide = Guide::of(&picture, 3, 7).unwrap();
        let reds: Vec<f32> = (0..7).map(|col| guide.color(col)[0]).collect();
        assert_eq!(reds, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn grids_without_patches_are_errors() {
        assert!(Guide::of(&RgbImage::new(4, 4), 0, 3).is_err());
        assert!(Guide::of(&RgbImage::new(4, 4), usize::MAX, 3).is_err());
        assert!(Guide::of(&RgbImage::new(0, 4), 1, 1).is_err());
    }
}
