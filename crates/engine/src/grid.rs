//! The patch grid laid over a picture: pixels of the original picture ↔ pixels of the network's input ↔ patches.
//!
//! Points are continuous and in pixels of the original picture after the EXIF turn: the origin is the top left corner
//! of the first pixel, whose middle is (0.5, 0.5). The resize maps the whole picture onto the whole input
//! (`align_corners = false`), so both mappings are one factor an axis.

use serde::{Deserialize, Serialize};

/// Rows and columns of square patches over one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grid {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// Side of a patch in pixels of the network's input.
    pub patch: u32,
    /// Width of the original picture in pixels.
    pub picture_width: u32,
    /// Height of the original picture in pixels.
    pub picture_height: u32,
}

impl Grid {
    /// Grid of a picture of `picture` (width, height) pixels that enters the network at `network` (width, height).
    ///
    /// # Panics
    /// If a side is zero or if a network side is not a multiple of `patch`.
    pub fn new(picture: (u32, u32), network: (u32, u32), patch: u32) -> Self {
        assert!(
            picture.0 > 0 && picture.1 > 0,
            "grid: picture is {picture:?}, expected sides of at least 1"
        );
        assert!(
            patch > 0
                && network.0 >= patch
                && network.1 >= patch
                && network.0.is_multiple_of(patch)
                && network.1.is_multiple_of(patch),
            "grid: network input is {network:?}, expected positive multiples of the patch {patch}",
        );
        Self {
            rows: (network.1 / patch) as usize,
            cols: (network.0 / patch) as usize,
            patch,
            picture_width: picture.0,
            picture_height: picture.1,
        }
    }

    /// Number of patches.
    pub fn patches(&self) -> usize {
        self.rows * self.cols
    }

    /// Size of one patch in pixels of the original picture: (width, height).
    pub fn patch_px(&self) -> (f64, f64) {
        let (width, height) = self.picture_size();
        (width / self.cols as f64, height / self.rows as f64)
    }

    /// The patch (row, column) under the point `(x, y)` of the original picture; `None` outside the picture.
    pub fn patch_at(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let (width, height) = self.picture_size();
        Some((cell(y, height, self.rows)?, cell(x, width, self.cols)?))
    }

    /// Middle of the patch at (`row`, `col`) as a point (x, y) of the original picture.
    pub fn centre_px(&self, row: usize, col: usize) -> (f64, f64) {
        let (width, height) = self.patch_px();
        ((col as f64 + 0.5) * width, (row as f64 + 0.5) * height)
    }

    /// Point of the network's input, in its pixels, that shows the point `(x, y)` of the original picture.
    pub fn network_from_picture(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = self.patch_px();
        let patch = f64::from(self.patch);
        (x / width * patch, y / height * patch)
    }

    /// Point of the original picture that the point `(x, y)` of the network's input shows.
    pub fn picture_from_network(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = self.patch_px();
        let patch = f64::from(self.patch);
        (x / patch * width, y / patch * height)
    }

    fn picture_size(&self) -> (f64, f64) {
        (
            f64::from(self.picture_width),
            f64::from(self.picture_height),
        )
    }
}

/// Which of `count` equal cells of `[0, extent)` holds `position`; `None` outside, and for NaN.
#[expect(clippy::cast_sign_loss, reason = "the position is inside [0, extent)")]
fn cell(position: f64, extent: f64, count: usize) -> Option<usize> {
    let inside = (0.0..extent).contains(&position);
    // The largest float under the extent can round up to `count`.
    inside.then(|| ((position * count as f64 / extent) as usize).min(count - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grids() -> impl Strategy<Value = Grid> {
        (1..9000_u32, 1..9000_u32, 1..200_u32, 1..200_u32, 1..33_u32).prop_map(
            |(width, height, cols, rows, patch)| {
                Grid::new((width, height), (cols * patch, rows * patch), patch)
            },
        )
    }

    proptest! {
        #[test]
        fn the_middle_of_a_patch_lies_in_that_patch(grid in grids(), row: usize, col: usize) {
            let patch = (row % grid.rows, col % grid.cols);
            let (x, y) = grid.centre_px(patch.0, patch.1);
            prop_assert_eq!(grid.patch_at(x, y), Some(patch));
        }

        #[test]
        fn every_point_is_within_half_a_patch_of_the_middle_of_its_patch(
            grid in grids(), across in 0.0..1.0_f64, down in 0.0..1.0_f64,
        ) {
            let (x, y) = (across * f64::from(grid.picture_width), down * f64::from(grid.picture_height));
            let (row, col) = grid.patch_at(x, y).expect("the point is inside");
            let ((middle_x, middle_y), (width, height)) = (grid.centre_px(row, col), grid.patch_px());
            prop_assert!((x - middle_x).abs() <= width / 2.0 + 1e-9, "{x} {middle_x} {width}");
            prop_assert!((y - middle_y).abs() <= height / 2.0 + 1e-9, "{y} {middle_y} {height}");
        }

        #[test]
        fn pictures_and_network_inputs_map_onto_each_other(grid in grids(), x in -50.0..9000.0_f64, y in -50.0..9000.0_f64) {
            let (network_x, network_y) = grid.network_from_picture(x, y);
            let (back_x, back_y) = grid.picture_from_network(network_x, network_y);
            prop_assert!((back_x - x).abs() < 1e-8 && (back_y - y).abs() < 1e-8);
        }

        #[test]
        fn a_patch_is_the_square_of_network_pixels_under_it(grid in grids(), across in 0.0..1.0_f64, down in 0.0..1.0_f64) {
            let (x, y) = (across * f64::from(grid.picture_width), down * f64::from(grid.picture_height));
            let (row, col) = grid.patch_at(x, y).expect("the point is inside");
            let (network_x, network_y) = grid.network_from_picture(x, y);
            let patch = f64::from(grid.patch);
            prop_assert!((network_x / patch - col as f64 - 0.5).abs() < 0.5 + 1e-9);
            prop_assert!((network_y / patch - row as f64 - 0.5).abs() < 0.5 + 1e-9);
        }
    }

    #[test]
    fn points_outside_the_picture_have_no_patch() {
        let grid = Grid::new((100, 50), (96, 48), 16);
        assert_eq!(grid.patch_at(0.0, 0.0), Some((0, 0)));
        assert_eq!(grid.patch_at(99.999, 49.999), Some((2, 5)));
        assert_eq!(
            grid.patch_at(100.0_f64.next_down(), 50.0_f64.next_down()),
            Some((2, 5))
        );
        for (x, y) in [
            (100.0, 0.0),
            (0.0, 50.0),
            (-0.001, 0.0),
            (f64::NAN, 1.0),
            (1.0, f64::INFINITY),
        ] {
            assert_eq!(grid.patch_at(x, y), None, "({x}, {y})");
        }
    }

    #[test]
    #[should_panic(expected = "multiples of the patch 16")]
    fn a_network_input_that_is_no_multiple_of_the_patch_is_refused() {
        Grid::new((100, 100), (100, 96), 16);
    }
}
