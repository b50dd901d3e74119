//! Maps of colors on the patch grid as crisp cells.
//!
//! Input: colors `[rows, cols, k]` in [0, 1]. Output: a scene, or the pixels alone, in which every patch has the same
//! whole number of pixels.

use image::{Rgb, RgbImage};

use super::FigureError;
use super::canvas::{byte, whole};
use super::scene::Scene;

/// Least side of a patch in a grid figure, in pixels: one pixel a patch would not be seen.
const MIN_CELL_PX: u32 = 8;
/// A cell's aspect may differ by this much from that of a patch in the picture.
const ASPECT_TOLERANCE: f64 = 0.01;

/// Draws colors `[rows, cols, k]` in [0, 1] as crisp cells: every patch the same whole number of points, in the
/// aspect of a picture of `picture_px` (width, height), and at least as large.
///
/// One component is drawn grey, two as red and green over mid blue, of more than three the first three.
pub fn grid_scene(
    colours: &[f32],
    (rows, cols): (usize, usize),
    picture_px: (u32, u32),
) -> Result<Scene, FigureError> {
    let patches = rows.checked_mul(cols).filter(|&patches| patches > 0);
    let filled =
        patches.is_some_and(|patches| !colours.is_empty() && colours.len().is_multiple_of(patches));
    if !filled || picture_px.0 == 0 || picture_px.1 == 0 {
        return Err(FigureError::Sides {
            what: "color grid",
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
            what: "color grid",
            expected: "a figure of at most 2^32 pixels a side".to_owned(),
            found: format!("{width} x {height}"),
        });
    };
    // No side is longer than the figure's, which fits.
    let cells = RgbImage::from_fn(cols as u32, rows as u32, |col, row| {
        let patch = row as usize * cols + col as usize;
        rgb_of(&colours[patch * k..][..k])
    });
    Scene::cells(cells, (width, height))
}

/// The pixels of `grid_scene`.
pub fn grid_figure(
    colours: &[f32],
    grid: (usize, usize),
    picture_px: (u32, u32),
) -> Result<RgbImage, FigureError> {
    grid_scene(colours, grid, picture_px)?.draw(1)
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
