//! Mean colors of a picture's patches: what joint bilateral sampling compares pixels with.
//!
//! Input: a picture and the grid over it. Output: `[rows, cols, 3]` sRGB values in [0, 1], the buffer `guide` of the
//! kernels.

use image::RgbImage;

use super::FigureError;
use crate::analysis::patch_means::patch_means;

/// Mean color of each patch, computed once a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    rows: usize,
    cols: usize,
    colors: Vec<f32>,
}

impl Guide {
    /// Averages the pixels under each of `rows` × `cols` patches; one on a border counts by its part inside.
    pub fn of(picture: &RgbImage, rows: usize, cols: usize) -> Result<Self, FigureError> {
        let few = rows
            .checked_mul(cols)
            .is_some_and(|n| u32::try_from(n).is_ok());
        let means = || patch_means(picture.as_raw(), picture.dimensions(), (rows, cols)).ok();
        let Some(colors) = few.then(means).flatten() else {
            return Err(FigureError::Sides {
                what: "guide",
                expected: "at least one patch and one pixel".to_owned(),
                found: format!("{rows} x {cols} patches, {:?} pixels", picture.dimensions()),
            });
        };
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

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn patches_have_the_mean_of_their_pixels() {
        let picture = RgbImage::from_fn(4, 2, |x, _| Rgb([if x < 2 { 51 } else { 204 }, 0, 255]));
        let guide = Guide::of(&picture, 1, 2).unwrap();
        assert_eq!(guide.color(0), [0.2, 0.0, 1.0]);
        assert_eq!(guide.color(1), [0.8, 0.0, 1.0]);
        assert_eq!(Guide::of(&picture, 1, 1).unwrap().color(0)[0], 0.5);
    }

    #[test]
    fn patches_smaller_than_a_pixel_have_its_color_or_the_mixture_of_two() {
        let picture = RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8 * 255; 3]));
        let guide = Guide::of(&picture, 3, 7).unwrap();
        let reds: Vec<f32> = (0..7).map(|col| guide.color(col)[0]).collect();
        assert_eq!(reds, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn grids_without_patches_are_errors() {
        assert!(Guide::of(&RgbImage::new(4, 4), 0, 3).is_err());
        assert!(Guide::of(&RgbImage::new(4, 4), usize::MAX, 3).is_err());
        assert!(Guide::of(&RgbImage::new(0, 4), 1, 1).is_err());
    }
}
