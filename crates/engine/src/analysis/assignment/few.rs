//! Squared distances to a few centroids, in one pass over the patches.
//!
//! Input: patches and at most `MOST` centroids. Output: `[patches, k]`. A matrix product with so few columns spends its
//! time on copies of the patches; here each is read once and centered in registers.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Simd, WithSimd};

use super::Centered;
use crate::analysis::channel_sums::channel_sums;

/// Most centroids that are faster here than in a matrix product.
pub(super) const MOST: usize = 16;
/// Centroids of one pass over a patch: with its own length and two rows, their sums fill the registers.
const TOGETHER: usize = 8;
/// Patches that share the loads of the centroids.
const ROWS: usize = 2;

/// Fills `distances` `[height, k]` for `patches` `[height, dim]`.
pub(super) struct Few<'a> {
    pub(super) patches: &'a [f32],
    pub(super) centroids: &'a Centered,
    pub(super) distances: &'a mut [f32],
}

impl WithSimd for Few<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (dim, k) = (self.centroids.middle.len(), self.centroids.squares.len());
        let lines = self.distances.chunks_mut(ROWS * k);
        for (patches, lines) in self.patches.chunks(ROWS * dim).zip(lines) {
            let (first, second) = patches.split_at(dim);
            if second.is_empty() {
                measure(simd, [first], self.centroids, lines);
            } else {
                measure(simd, [first, second], self.centroids, lines);
            }
        }
    }
}

/// `lines`: `[ROWS, k]`.
#[inline(always)]
fn measure<S: Simd, const ROWS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    centroids: &Centered,
    lines: &mut [f32],
) {
    let dim = centroids.middle.len();
    let whole = centroids.squares.len() / TOGETHER * TOGETHER;
    let centroid = |at: usize| &centroids.values[at * dim..][..dim];
    for first in (0..whole).step_by(TOGETHER) {
        let mut shared = [centroids.middle.as_slice(); TOGETHER + 1];
        for (at, shared) in shared[1..].iter_mut().enumerate() {
            *shared = centroid(first + at);
        }
        let sums = products(simd, rows, shared);
        finish(&sums, centroids, first, lines);
    }
    for at in whole..centroids.squares.len() {
        let sums = products(simd, rows, [&centroids.middle, centroid(at)]);
        finish(&sums, centroids, at, lines);
    }
}

/// For each row relative to the first of `shared`: its squared length, then its products with the others.
#[inline(always)]
fn products<S: Simd, const ROWS: usize, const SUMS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    shared: [&[f32]; SUMS],
) -> [[f32; SUMS]; ROWS] {
    channel_sums(
        simd,
        rows,
        shared,
        #[inline(always)]
        |mut sums: [S::f32s; SUMS], value, mut shared| {
            shared[0] = simd.sub_f32s(value, shared[0]);
            for (sum, factor) in sums.iter_mut().zip(shared) {
                *sum = simd.mul_add_e_f32s(shared[0], factor, *sum);
            }
            sums
        },
    )
}

/// Turns the sums of `products` into the distances to the centroids `first ..`.
#[inline(always)]
fn finish<const SUMS: usize>(
    sums: &[[f32; SUMS]],
    centroids: &Centered,
    first: usize,
    lines: &mut [f32],
) {
    let squares = &centroids.squares[first..];
    let lines = lines.chunks_exact_mut(centroids.squares.len());
    for (line, sums) in lines.zip(sums) {
        let terms = sums[1..].iter().zip(squares);
        for (distance, (product, square)) in line[first..].iter_mut().zip(terms) {
            // Rounding can make the square of a tiny distance negative.
            *distance = (sums[0] - 2.0 * product + square).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::super::super::golden::assert_close;
    use super::*;

    #[test]
    fn any_number_of_patches_and_centroids_has_the_distances_in_double_precision() {
        let noise = |count: usize, seed: usize| -> Vec<f32> {
            let value = |i: usize| ((i * 7919 + seed * 104_729) % 211) as f32 / 100.0 + 30.0;
            (0..count).map(value).collect()
        };
        for (height, k, dim) in [(1, 1, 1), (2, 8, 16), (5, 3, 37), (4, 16, 19), (7, 11, 50)] {
            let (patches, values) = (noise(height * dim, 1), noise(k * dim, 2));
            let mut found = vec![0.0; height * k];
            Arch::new().dispatch(Few {
                patches: &patches,
                centroids: &Centered::new(&values, dim),
                distances: &mut found,
            });
            let distance = |patch: &[f32], centroid: &[f32]| {
                let pairs = patch.iter().zip(centroid);
                let squares = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                squares.sum::<f64>() as f32
            };
            let lines = patches.chunks(dim);
            let expected: Vec<f32> = lines
                .flat_map(|patch| values.chunks(dim).map(move |row| distance(patch, row)))
                .collect();
            // At most 50 squares below 5 each; the offset of 30 would cost 1e-2 if it were not taken off.
            assert_close(&found, &expected, 1e-3, "distance");
        }
    }
}
