//! Regions of a picture as weights on its patch grid: a box, a lasso, a soft mask.
//!
//! Input: pixels of the original picture (continuous points, see `Grid`) or a mask image. Output: `[rows · cols]` weights
//! in [0, 1], the part of each patch that the region covers. What lies outside the picture does not count.

use image::GrayImage;

use super::patch_means::patch_means;
use super::{AnalysisError, bad_setting};
use crate::grid::Grid;

/// Samples of a patch along either axis when a lasso's coverage is measured.
const SAMPLES: usize = 8;

/// Coverage of each patch by the box between two opposite corners, in pixels of the original picture. Exact.
pub fn box_region(
    grid: &Grid,
    corner: [f64; 2],
    opposite: [f64; 2],
) -> Result<Vec<f32>, AnalysisError> {
    finite(&[corner, opposite])?;
    let (width, height) = grid.patch_px();
    let covered = |axis: usize, patch: f64, count: usize| -> Vec<f64> {
        let (from, to) = (corner[axis] / patch, opposite[axis] / patch);
        let part = |at: usize| {
            let (start, end) = (
                from.min(to).max(at as f64),
                from.max(to).min(at as f64 + 1.0),
            );
            (end - start).max(0.0)
        };
        (0..count).map(part).collect()
    };
    let (across, down) = (covered(0, width, grid.cols), covered(1, height, grid.rows));
    let row = |y: f64| across.iter().map(move |x| (x * y) as f32);
    Ok(down.into_iter().flat_map(row).collect())
}

/// Coverage of each patch by the closed polygon through `points`, in pixels of the original picture: the part of
/// 8 × 8 samples that lies inside by the even-odd rule. A shared edge of two polygons belongs to one of them only.
pub fn lasso_region(grid: &Grid, points: &[[f64; 2]]) -> Result<Vec<f32>, AnalysisError> {
    if points.len() < 3 {
        let found = format!("{} points", points.len());
        return Err(bad_setting(
            "region",
            "a lasso of at least 3 points",
            &found,
        ));
    }
    finite(points)?;
    let (rows, cols) = (grid.rows * SAMPLES, grid.cols * SAMPLES);
    let (width, height) = grid.patch_px();
    let samples = SAMPLES as f64;
    // Sample (row, col) lies at the whole numbers (col, row) of these coordinates.
    let scaled = |[x, y]: [f64; 2]| [x / width * samples - 0.5, y / height * samples - 0.5];
    // Whether the border is crossed an odd number of times just before each sample of a line.
    let mut crossed = vec![false; rows * cols];
    let next = points.iter().cycle().skip(1);
    for (&from, &to) in points.iter().zip(next) {
        // Always from top to bottom: an edge shared by two polygons is rounded alike in both.
        let (top, end) = if from[1] <= to[1] {
            (from, to)
        } else {
            (to, from)
        };
        let ([top_x, top_y], [end_x, end_y]) = (scaled(top), scaled(end));
        let slope = (end_x - top_x) / (end_y - top_y);
        // A line through the top of an edge crosses it, one through its end does not: corners count once.
        for row in first_at(top_y, rows)..first_at(end_y, rows) {
            let col = first_at(top_x + (row as f64 - top_y) * slope, cols);
            if col < cols {
                crossed[row * cols + col] ^= true;
            }
        }
    }
    let mut counts = vec![0_u32; grid.patches()];
    for (row, line) in crossed.chunks_exact(cols).enumerate() {
        let mut inside = false;
        for (col, crossed) in line.iter().enumerate() {
            inside ^= crossed;
            counts[row / SAMPLES * grid.cols + col / SAMPLES] += u32::from(inside);
        }
    }
    let whole = (SAMPLES * SAMPLES) as f32;
    Ok(counts
        .into_iter()
        .map(|count| count as f32 / whole)
        .collect())
}

/// Mean of a mask under each patch, 255 counting as 1. The mask covers the whole picture at any size.
pub fn mask_region(grid: &Grid, mask: &GrayImage) -> Result<Vec<f32>, AnalysisError> {
    patch_means(mask.as_raw(), mask.dimensions(), (grid.rows, grid.cols))
}

/// The first whole number at or after `position`, from 0 to `count`.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
fn first_at(position: f64, count: usize) -> usize {
    (position.ceil().max(0.0) as usize).min(count)
}

fn finite(points: &[[f64; 2]]) -> Result<(), AnalysisError> {
    match points
        .iter()
        .find(|point| !(point[0].is_finite() && point[1].is_finite()))
    {
        Some([x, y]) => Err(bad_setting(
            "region",
            "finite points",
            &format!("({x}, {y})"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    /// 3 rows and 4 columns of patches of 20 × 10 pixels.
    fn grid() -> Grid {
        Grid::new((80, 30), (64, 48), 16)
    }

    #[test]
    fn a_box_covers_whole_and_partial_patches_whatever_its_corners() {
        let expected = [0.0, 0.25, 0.5, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        for (corner, opposite) in [([30.0, 5.0], [60.0, 20.0]), ([60.0, 5.0], [30.0, 20.0])] {
            let found = box_region(&grid(), corner, opposite).unwrap();
            assert_close(&found, &expected, 1e-6, "box");
        }
        let beyond = box_region(&grid(), [-1e300, -5.0], [1e300, 10.0]).unwrap();
        assert_close(&beyond[..4], &[1.0; 4], 1e-6, "first row");
        assert_close(&beyond[4..], &[0.0; 8], 0.0, "other rows");
    }

    #[test]
    fn a_lasso_around_a_box_covers_what_the_box_covers() {
        let corners = [[30.0, 5.0], [60.0, 5.0], [60.0, 20.0], [30.0, 20.0]];
        let found = lasso_region(&grid(), &corners).unwrap();
        let expected = box_region(&grid(), corners[0], corners[2]).unwrap();
        assert_close(&found, &expected, 1e-6, "lasso");
    }

    #[test]
    fn what_is_surrounded_twice_is_outside() {
        // A pentagram: the middle is surrounded twice, the tips once.
        let grid = Grid::new((90, 90), (9, 9), 1);
        let corner = |i: i32| {
            let angle = f64::from(i * 144 - 90).to_radians();
            [45.0 + 44.0 * angle.cos(), 45.0 + 44.0 * angle.sin()]
        };
        let star: Vec<[f64; 2]> = (0..5).map(corner).collect();
        let found = lasso_region(&grid, &star).unwrap();
        assert_close(&found[40..41], &[0.0], 0.0, "middle");
        assert!(found[9 + 4] > 0.6, "tip: {}", found[9 + 4]);
        assert_close(&found[..1], &[0.0], 0.0, "corner");
    }

    #[test]
    fn a_mask_of_any_size_is_averaged() {
        let half = GrayImage::from_fn(8, 1, |x, _| image::Luma([if x < 3 { 255 } else { 0 }]));
        let found = mask_region(&grid(), &half).unwrap();
        let row = [1.0, 0.5, 0.0, 0.0];
        assert_close(&found, &[row, row, row].concat(), 1e-6, "mask");
        assert!(mask_region(&grid(), &GrayImage::new(0, 4)).is_err());
    }

    #[test]
    fn regions_that_are_none_are_errors() {
        let nan = [f64::NAN, 0.0];
        assert!(box_region(&grid(), nan, [1.0, 1.0]).is_err());
        assert!(lasso_region(&grid(), &[[0.0; 2], [1.0; 2]]).is_err());
        let error = lasso_region(&grid(), &[[0.0; 2], [1.0; 2], [f64::INFINITY, 3.0]]).unwrap_err();
        assert!(error.to_string().contains("finite points"), "{error}");
    }

    proptest! {
        #[test]
        fn two_halves_of_a_lasso_make_the_whole(
            points in proptest::collection::vec((-20.0_f64..100.0, -20.0_f64..50.0), 4..12), cut in 2_usize..10,
        ) {
            // Even-odd: cutting along a chord gives each sample to an odd number of exactly the parts it should.
            let points: Vec<[f64; 2]> = points.into_iter().map(|(x, y)| [x, y]).collect();
            let cut = 2 + cut % (points.len() - 3);
            let whole = lasso_region(&grid(), &points).unwrap();
            let first = lasso_region(&grid(), &points[..=cut]).unwrap();
            let second: Vec<[f64; 2]> = [&points[cut..], &points[..1]].concat();
            let second = lasso_region(&grid(), &second).unwrap();
            for at in 0..whole.len() {
                prop_assert!((0.0..=1.0).contains(&whole[at]));
                let sum = first[at] + second[at];
                prop_assert!(whole[at] <= sum + 1e-6, "{} of {}", whole[at], sum);
                // Samples in both parts are in neither of the whole.
                let twice = (sum - whole[at]) / 2.0;
                prop_assert!(twice <= first[at].min(second[at]) + 1e-6);
            }
        }

        #[test]
        fn a_lasso_covers_the_area_of_its_triangle(
            a in (0.0_f64..80.0, 0.0_f64..30.0), b in (0.0_f64..80.0, 0.0_f64..30.0), c in (0.0_f64..80.0, 0.0_f64..30.0),
        ) {
            let points = [[a.0, a.1], [b.0, b.1], [c.0, c.1]];
            let found = lasso_region(&grid(), &points).unwrap();
            let area = ((b.0 - a.0) * (c.1 - a.1) - (c.0 - a.0) * (b.1 - a.1)).abs() / 2.0;
            let covered: f32 = found.iter().sum();
            // A sample stands for 2.5 × 1.25 pixels; a border of at most 160 + 60 pixels crosses under 120 of them.
            prop_assert!((f64::from(covered) * 200.0 - area).abs() < 120.0 * 3.125, "{} {}", covered, area);
        }
    }
}
