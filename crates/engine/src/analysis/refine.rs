//! Places a match between patches.
//!
//! Input: a query, a map and its best patch. Output: an offset in patches: the soft-argmax of the cosines in a window.
//! A patch grid is coarse (16 px); neighbours of the best patch tell on which side of its centre the match lies.

use pulp::Arch;
use rayon::prelude::*;

use super::Patch;
use super::nearest::inverse_lengths;
use crate::feature_map::{FeatureMap, PATCHES_PER_TASK, dot};

/// `soft_offset` of every patch of `a` around its partner in `b`; the maps need not be normalised.
///
/// `partner`: `[patches of a]` flat numbers in `b`. Returns `[patches of a]` offsets (x, y).
pub fn soft_offsets(
    a: &FeatureMap,
    b: &FeatureMap,
    partner: &[u32],
    temperature: f32,
) -> Vec<[f32; 2]> {
    let (scale_a, scale_b) = (inverse_lengths(a), inverse_lengths(b));
    let offset = |(from, &best): (usize, &u32)| {
        let cosine = |to: usize| dot(a.patch(from), b.patch(to)) * (scale_a[from] * scale_b[to]);
        Arch::new().dispatch(|| peak(b, best as usize, temperature, cosine))
    };
    let partners = partner.par_iter().enumerate();
    partners
        .with_min_len(PATCHES_PER_TASK)
        .map(offset)
        .collect()
}

/// Where in a 3 × 3 window around the patch `best` of `map` the cosine to `query` peaks: (x, y) in patches, each in
/// [-1, 1]; `Σ w·(dx, dy)` with `w = softmax(cosine / temperature)`.
///
/// `query` `[dim]` and `map` are L2-normalised. On a border the window is one patch wide across it, so that a missing
/// neighbour does not pull the point inwards.
pub fn soft_offset(query: &[f32], map: &FeatureMap, best: usize, temperature: f32) -> [f32; 2] {
    let cosine = |to: usize| dot(query, map.patch(to));
    Arch::new().dispatch(|| peak(map, best, temperature, cosine))
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "takes on the vector features of the caller's dispatch"
)]
fn peak(
    map: &FeatureMap,
    best: usize,
    temperature: f32,
    cosine: impl Fn(usize) -> f32,
) -> [f32; 2] {
    let centre = Patch::from_index(best, map.cols());
    let top = cosine(best);
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for (dy, row) in window(centre.row, map.rows()) {
        for (dx, col) in window(centre.col, map.cols()) {
            // Relative to the middle, which is the largest: exp cannot overflow.
            let weight = ((cosine(row * map.cols() + col) - top) / temperature).exp();
            sum += weight;
            x += weight * dx;
            y += weight * dy;
        }
    }
    [x / sum, y / sum]
}

/// Offsets and positions of the window around `at`: three, or one at either end.
fn window(at: usize, count: usize) -> impl Iterator<Item = (f32, usize)> {
    let inside = at > 0 && at + 1 < count;
    let reach = usize::from(inside);
    (at - reach..=at + reach).map(move |position| (position as f32 - at as f32, position))
}

#[cfg(test)]
#[expect(
    clippy::float_cmp,
    reason = "an offset that must not exist is exactly 0"
)]
mod tests {
    use super::*;

    #[test]
    fn all_offsets_at_once_equal_each_on_its_own() {
        let value = |i: usize| ((i * 7919) % 101) as f32 - 50.0;
        let map = |count: usize, from: usize| {
            let values: Vec<f32> = (from..from + count * 18).map(value).collect();
            FeatureMap::new(count / 4, 4, 18, values).unwrap()
        };
        let (a, b) = (map(12, 3), map(20, 400));
        let partner: Vec<u32> = (0..12).map(|i| i * 5 % 20).collect();
        let found = soft_offsets(&a, &b, &partner, 5.0);
        let (a, b) = (a.normalised(), b.normalised());
        for (from, (found, &to)) in found.iter().zip(&partner).enumerate() {
            let [x, y] = soft_offset(a.patch(from), &b, to as usize, 5.0);
            // Lengths before or after the product: a few roundings.
            assert!((found[0] - x).abs() < 1e-6 && (found[1] - y).abs() < 1e-6);
        }
    }

    #[test]
    fn refinement_leans_towards_the_more_similar_neighbour_and_not_over_a_border() {
        // Directions on a circle, one patch every 20 degrees; the query lies at 45 degrees, beyond patch 2 of 0..5.
        let unit = |degrees: f32| [degrees.to_radians().cos(), degrees.to_radians().sin()];
        let values: Vec<f32> = (0..5).flat_map(|i| unit(i as f32 * 20.0)).collect();
        let map = FeatureMap::new(1, 5, 2, values).unwrap();
        let [x, y] = soft_offset(&unit(45.0), &map, 2, 0.05);
        assert!(x > 0.05 && x < 0.5, "{x}");
        assert_eq!(y, 0.0);
        let even = soft_offset(&unit(40.0), &map, 2, 0.05);
        assert!(even[0].abs() < 1e-5, "{even:?}");
        assert_eq!(soft_offset(&unit(0.0), &map, 0, 0.05), [0.0, 0.0]);
    }
}
