//! Matches of the patches of two pictures of one plane, against the homography between them.
//!
//! Input: two maps of patches, or matches of points, and the truth. Output: the share of matches that land near it. As
//! `tests/pck.py` counts: a row whose true target is outside of the second picture does not count.
//! Source: `spec/05`, section 3.

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::nearest::nearest;
use serde::{Deserialize, Serialize};

use super::error::ensure;
use super::{EvaluationError, Rows};

/// A projective map of points of the first picture to points of the second, both in pixels; row-major.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Homography(pub [f64; 9]);

/// Patches of a picture.
#[derive(Clone, Copy, Debug)]
pub struct PatchGrid<'a> {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// `[rows, cols, dim]`.
    pub features: &'a [f32],
    /// Width and height of the picture in pixels, which the patches cover.
    pub picture_px: [f64; 2],
}

/// How many matches land near the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pck {
    /// Matches given.
    pub rows: usize,
    /// Matches whose true target is inside of the second picture; only these count.
    pub inside: usize,
    /// In the order of the radii.
    pub shares: Vec<PckShare>,
    /// The middle distance from the truth in pixels; `None` without a match inside.
    pub median_error_px: Option<f64>,
}

/// The share of matches within one radius.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PckShare {
    /// Largest distance in pixels.
    pub radius_px: f64,
    /// Part of the matches inside, 0 to 1; `None` without one.
    pub share: Option<f64>,
}

impl Homography {
    /// Points stay where they are.
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

    /// Where the plane shows the point `(x, y)` in the second picture; `None` at or behind its horizon.
    pub fn apply(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let w = g * x + h * y + i;
        (w > 0.0).then(|| [(a * x + b * y + c) / w, (d * x + e * y + f) / w])
    }
}

impl PatchGrid<'_> {
    /// Middle of the patch with the flat number `at`, in pixels of the picture.
    fn centre_px(&self, at: usize) -> [f64; 2] {
        let (row, col) = (at / self.cols, at % self.cols);
        let [width, height] = self.picture_px;
        [
            (col as f64 + 0.5) * width / self.cols as f64,
            (row as f64 + 0.5) * height / self.rows as f64,
        ]
    }

    fn map(&self, dim: usize) -> Result<FeatureMap, EvaluationError> {
        let rows = Rows::new("patches", self.features, dim)?;
        if rows.len() != self.rows * self.cols {
            return Err(EvaluationError::Shape {
                what: "patches",
                expected: format!("{} x {} x {dim}", self.rows, self.cols),
                found: self.features.len(),
            });
        }
        let fine = self
            .picture_px
            .iter()
            .all(|side| side.is_finite() && *side > 0.0);
        ensure(fine, "picture_px", "two numbers above 0", &self.picture_px)?;
        let map = FeatureMap::new(self.rows, self.cols, dim, self.features);
        Ok(map.expect("the patches are finite and as many as the sides say"))
    }
}

/// Matches each patch of `a` with the most similar patch of `b` by cosine, and counts those near the truth.
///
/// One direction, without a mutual check. `dim`: channels of both; `radii_px`: largest distances, in pixels of `b`.
///
/// # Panics
/// Never: both maps are checked before they are compared.
pub fn pck(
    a: &PatchGrid<'_>,
    b: &PatchGrid<'_>,
    dim: usize,
    truth: &Homography,
    radii_px: &[f64],
) -> Result<Pck, EvaluationError> {
    let (first, second) = (a.map(dim)?, b.map(dim)?);
    let found = nearest(&first, &second).expect("both maps have the same channels");
    let partners = found.a_to_b.index.iter().enumerate();
    let matches: Vec<_> = partners
        .map(|(at, &partner)| (a.centre_px(at), b.centre_px(partner as usize)))
        .collect();
    pck_of_matches(&matches, truth, b.picture_px, radii_px)
}

/// Counts the matches that land near the truth.
///
/// `matches`: a point of the first picture and one of the second, in pixels; `size_px`: width and height of the second.
pub fn pck_of_matches(
    matches: &[([f64; 2], [f64; 2])],
    truth: &Homography,
    size_px: [f64; 2],
    radii_px: &[f64],
) -> Result<Pck, EvaluationError> {
    let fine = truth.0.iter().all(|value| value.is_finite());
    ensure(fine, "homography", "9 finite numbers", &truth.0)?;
    let [width, height] = size_px;
    let mut errors: Vec<f64> = matches
        .iter()
        .filter_map(|&(from, to)| {
            let [x, y] = truth.apply(from)?;
            let inside = (0.0..width).contains(&x) && (0.0..height).contains(&y);
            inside.then(|| (x - to[0]).hypot(y - to[1]))
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    let inside = errors.len();
    let share = |&radius_px: &f64| {
        let hits = errors.iter().filter(|error| **error <= radius_px).count();
        PckShare {
            radius_px,
            share: (inside > 0).then(|| hits as f64 / inside as f64),
        }
    };
    Ok(Pck {
        rows: matches.len(),
        inside,
        shares: radii_px.iter().map(share).collect(),
        median_error_px: (inside > 0)
            .then(|| f64::midpoint(errors[(inside - 1) / 2], errors[inside / 2])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_hot(order: &[usize]) -> Vec<f32> {
        let row =
            |&at: &usize| (0..order.len()).map(move |channel| f32::from(u8::from(channel == at)));
        order
            .iter()
            .flat_map(|at| row(at).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn shares_are_those_that_the_script_counts() {
        // The truth moves everything right by 10.
        let truth = Homography([1.0, 0.0, 10.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let matches = [
            ([0.0, 0.0], [10.0, 0.0]),
            ([20.0, 5.0], [30.0, 13.0]),
            ([40.0, 5.0], [62.0, 14.0]),
            // Its target, 100, is outside of a picture 100 wide.
            ([90.0, 5.0], [99.0, 5.0]),
        ];
        let found = pck_of_matches(&matches, &truth, [100.0, 50.0], &[8.0, 16.0]).unwrap();
        assert_eq!((found.rows, found.inside), (4, 3));
        let shares: Vec<_> = found.shares.iter().map(|share| share.share).collect();
        // Errors 0, 8 and 15: a distance of the radius counts.
        assert_eq!(shares, [Some(2.0 / 3.0), Some(1.0)]);
        assert_eq!(found.median_error_px, Some(8.0));
        let none = pck_of_matches(&[], &truth, [100.0, 50.0], &[8.0]).unwrap();
        assert_eq!((none.shares[0].share, none.median_error_px), (None, None));
    }

    #[test]
    fn what_is_behind_the_horizon_does_not_count() {
        let truth = Homography([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -0.1, 0.0, 1.0]);
        assert_eq!(truth.apply([5.0, 1.0]), Some([10.0, 2.0]));
        assert_eq!(truth.apply([10.0, 1.0]), None);
        assert_eq!(truth.apply([20.0, 1.0]), None);
    }

    #[test]
    fn patches_are_matched_and_measured_at_their_middles() {
        // Two rows of three patches; in the second picture the first two columns have changed places.
        let (a, b) = (one_hot(&[0, 1, 2, 3, 4, 5]), one_hot(&[1, 0, 2, 4, 3, 5]));
        let grid = |features| PatchGrid {
            rows: 2,
            cols: 3,
            features,
            picture_px: [48.0, 32.0],
        };
        let (a, b) = (grid(&a), grid(&b));
        let same = pck(&a, &a, 6, &Homography::IDENTITY, &[0.0]).unwrap();
        assert_eq!(same.shares[0].share, Some(1.0));
        let found = pck(&a, &b, 6, &Homography::IDENTITY, &[8.0, 16.0]).unwrap();
        let shares: Vec<_> = found.shares.iter().map(|share| share.share).collect();
        assert_eq!(shares, [Some(1.0 / 3.0), Some(1.0)]);
        assert_eq!(found.median_error_px, Some(16.0));
        assert!(
            serde_json::to_string(&found)
                .unwrap()
                .contains("\"inside\":6")
        );
    }

    #[test]
    fn degenerate_input_is_an_error() {
        let features = one_hot(&[0, 1]);
        let grid = PatchGrid {
            rows: 1,
            cols: 2,
            features: &features,
            picture_px: [32.0, 16.0],
        };
        let truth = Homography::IDENTITY;
        assert!(pck(&grid, &grid, 1, &truth, &[8.0]).is_err());
        let nan = [f32::NAN; 4];
        let broken = PatchGrid {
            features: &nan,
            ..grid
        };
        assert!(pck(&grid, &broken, 2, &truth, &[8.0]).is_err());
        let flat = PatchGrid {
            picture_px: [0.0, 16.0],
            ..grid
        };
        assert!(pck(&flat, &grid, 2, &truth, &[8.0]).is_err());
        let bad = Homography([f64::NAN; 9]);
        assert!(pck(&grid, &grid, 2, &bad, &[8.0]).is_err());
    }
}
