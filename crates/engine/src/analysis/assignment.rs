//! The two steps of k-means: patches to their nearest centroid, and labels to the sums of their patches.
//!
//! Input: a map, with centroids or labels. Output: labels and squared distances, or sums and counts. Distances come from
//! a matrix product over tiles of patches, relative to the middle of the centroids: a large common offset would drown
//! the differences in f32.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

mod few;

use few::Few;

use crate::feature_map::{FeatureMap, PATCHES_PER_TASK, dot};

/// Parts that a map's patches are summed in: enough for many threads.
const MAX_PARTS: usize = 16;
/// Fewest patches of a part.
const PART_PATCHES: usize = 256;
/// Most sums of all parts together: 256 MB of f64.
const MAX_PART_SUMS: usize = 1 << 25;

/// Centroids relative to their middle.
pub(crate) struct Centered {
    /// `[dim]`.
    pub(crate) middle: Vec<f32>,
    /// `[k, dim]`.
    pub(crate) values: Vec<f32>,
    /// Their squared lengths, `[k]`.
    pub(crate) squares: Vec<f32>,
}

/// What a thread needs for one tile.
#[derive(Default)]
struct Tile {
    /// Patches relative to the middle, `[height, dim]`.
    patches: Vec<f32>,
    /// `[height, k]`.
    distances: Vec<f32>,
}

/// The nearest of `centroids` `[k, dim]` for each patch: its label, the first of equals, and the squared Euclidean
/// distance to it, both `[patches]`. Panics if the centroids do not fill rows of `dim` or are none.
pub fn assign(map: &FeatureMap, centroids: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let centroids = Centered::new(centroids, map.dim());
    let k = centroids.squares.len();
    let mut labels = vec![0; map.patches()];
    let mut distances = vec![0.0; map.patches()];
    labels
        .par_chunks_mut(PATCHES_PER_TASK)
        .zip(distances.par_chunks_mut(PATCHES_PER_TASK))
        .zip(map.values().par_chunks(PATCHES_PER_TASK * map.dim()))
        .for_each_init(Tile::default, |tile, ((labels, distances), patches)| {
            tile.measure(patches, &centroids);
            let found = labels.iter_mut().zip(distances);
            for (line, (label, distance)) in tile.distances.chunks_exact(k).zip(found) {
                (*label, *distance) = nearest(line);
            }
        });
    (labels, distances)
}

/// Squared distances `[patches, k]` from each patch to each of `centroids` `[k, dim]`. Panics as `assign` does.
pub fn squared_distances(map: &FeatureMap, centroids: &[f32]) -> Vec<f32> {
    let centroids = Centered::new(centroids, map.dim());
    let k = centroids.squares.len();
    let mut out = vec![0.0; map.patches() * k];
    out.par_chunks_mut(PATCHES_PER_TASK * k)
        .zip(map.values().par_chunks(PATCHES_PER_TASK * map.dim()))
        .for_each_init(Tile::default, |tile, (out, patches)| {
            tile.measure(patches, &centroids);
            out.copy_from_slice(&tile.distances);
        });
    out
}

/// Sums `[k, dim]` and counts `[k]` of the patches with each label. Added up in f64.
///
/// # Panics
/// If there is not one label a patch or if one is not below `k`.
pub fn sums(map: &FeatureMap, labels: &[u32], k: usize) -> (Vec<f32>, Vec<usize>) {
    let (patches, dim) = (map.patches(), map.dim());
    assert_eq!(
        labels.len(),
        patches,
        "label sums: {} labels, the map has {patches} patches",
        labels.len()
    );
    let mut counts = vec![0; k];
    for &label in labels {
        counts[label as usize] += 1;
    }
    let most = (MAX_PART_SUMS / (k * dim).max(1)).clamp(1, MAX_PARTS);
    let per_part = patches.div_ceil(most).max(PART_PATCHES);
    // Parts of a fixed size, collected in order before the last sum: the result does not depend on the threads.
    let parts: Vec<Vec<f64>> = map
        .values()
        .par_chunks(per_part * dim)
        .zip(labels.par_chunks(per_part))
        .map(|(patches, labels)| {
            let mut sums = vec![0.0; k * dim];
            Arch::new().dispatch(PartSums {
                patches,
                labels,
                dim,
                sums: &mut sums,
            });
            sums
        })
        .collect();
    let mut total = vec![0.0; k * dim];
    for part in &parts {
        let terms = total.iter_mut().zip(part);
        terms.for_each(|(sum, value)| *sum += value);
    }
    (total.into_iter().map(|sum| sum as f32).collect(), counts)
}

/// Adds some patches to the sums of their labels. A type and not a closure, like the others here: their loops are sure
/// to be compiled for the vector units at hand.
struct PartSums<'a> {
    /// `[patches, dim]`.
    patches: &'a [f32],
    /// `[patches]`.
    labels: &'a [u32],
    dim: usize,
    /// `[k, dim]`, added to.
    sums: &'a mut [f64],
}

impl WithSimd for PartSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let patches = self.patches.chunks_exact(self.dim);
        for (patch, &label) in patches.zip(self.labels) {
            let sums = &mut self.sums[label as usize * self.dim..][..self.dim];
            for (sum, value) in sums.iter_mut().zip(patch) {
                *sum += f64::from(*value);
            }
        }
    }
}

/// `out = patches − middle`, row by row.
struct Center<'a> {
    /// `[patches, dim]`.
    patches: &'a [f32],
    /// `[dim]`.
    middle: &'a [f32],
    /// `[patches, dim]`.
    out: &'a mut [f32],
}

impl WithSimd for Center<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let dim = self.middle.len();
        let rows = self.out.chunks_exact_mut(dim);
        for (out, patch) in rows.zip(self.patches.chunks_exact(dim)) {
            let terms = patch.iter().zip(self.middle);
            for (out, (value, middle)) in out.iter_mut().zip(terms) {
                *out = value - middle;
            }
        }
    }
}

/// Turns −2 times the products of patches and centroids into squared distances.
struct Finish<'a> {
    /// `[patches, dim]`.
    patches: &'a [f32],
    dim: usize,
    /// Squared lengths of the centroids, `[k]`.
    squares: &'a [f32],
    /// `[patches, k]`.
    distances: &'a mut [f32],
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let lines = self.distances.chunks_exact_mut(self.squares.len());
        for (line, patch) in lines.zip(self.patches.chunks_exact(self.dim)) {
            let own = dot(patch, patch);
            for (distance, square) in line.iter_mut().zip(self.squares) {
                // Rounding can make the square of a tiny distance negative.
                *distance = (*distance + own + square).max(0.0);
            }
        }
    }
}

/// The first of the smallest of `distances`, and its value.
fn nearest(distances: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::INFINITY);
    for (label, &distance) in distances.iter().enumerate() {
        if distance < best.1 {
            best = (label as u32, distance);
        }
    }
    best
}

impl Centered {
    pub(crate) fn new(centroids: &[f32], dim: usize) -> Self {
        assert!(
            !centroids.is_empty() && centroids.len().is_multiple_of(dim),
            "centroids: {} values, expected rows of {dim}",
            centroids.len()
        );
        let k = centroids.len() / dim;
        let mut middle = vec![0.0; dim];
        for centroid in centroids.chunks_exact(dim) {
            let terms = middle.iter_mut().zip(centroid);
            terms.for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let middle: Vec<f32> = middle
            .into_iter()
            .map(|sum: f64| (sum / k as f64) as f32)
            .collect();
        let pairs = centroids.iter().zip(middle.iter().cycle());
        let values: Vec<f32> = pairs.map(|(value, middle)| value - middle).collect();
        let squares = values.chunks_exact(dim).map(|row| dot(row, row)).collect();
        Self {
            middle,
            values,
            squares,
        }
    }
}

impl Tile {
    /// Fills `distances` `[height, k]` for `patches` `[height, dim]`.
    fn measure(&mut self, patches: &[f32], centroids: &Centered) {
        let (dim, k) = (centroids.middle.len(), centroids.squares.len());
        let height = patches.len() / dim;
        self.distances.resize(height * k, 0.0);
        if k <= few::MOST {
            let distances = &mut self.distances;
            return Arch::new().dispatch(Few {
                patches,
                centroids,
                distances,
            });
        }
        self.patches.resize(height * dim, 0.0);
        Arch::new().dispatch(Center {
            patches,
            middle: &centroids.middle,
            out: &mut self.patches,
        });
        matmul(
            MatMut::from_row_major_slice_mut(&mut self.distances, height, k),
            Accum::Replace,
            MatRef::from_row_major_slice(&self.patches, height, dim),
            MatRef::from_row_major_slice(&centroids.values, k, dim).transpose(),
            -2.0,
            // The tiles already fill the threads.
            Par::Seq,
        );
        Arch::new().dispatch(Finish {
            patches: &self.patches,
            dim,
            squares: &centroids.squares,
            distances: &mut self.distances,
        });
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    fn scattered(patches: usize, dim: usize, seed: u32, offset: f32) -> FeatureMap {
        let value = |i: u32| {
            let bits = (i + seed * 7919).wrapping_mul(2_654_435_761);
            (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519) as f32 / 2_147_483_648.0 - 1.0
                + offset
        };
        let values: Vec<f32> = (0..(patches * dim) as u32).map(value).collect();
        FeatureMap::new(1, patches, dim, values).unwrap()
    }

    /// Nearest centroid in f64, one pair at a time.
    fn plainly(map: &FeatureMap, centroids: &[f32]) -> Vec<(u32, f32)> {
        let distance = |at: usize, centroid: &[f32]| -> f64 {
            let pairs = map.patch(at).iter().zip(centroid);
            pairs
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum()
        };
        let all = |at: usize| {
            let rows = centroids.chunks(map.dim()).enumerate();
            let pairs = rows.map(|(label, row)| (label as u32, distance(at, row) as f32));
            pairs.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
        };
        (0..map.patches()).map(all).collect()
    }

    #[test]
    fn tiles_find_what_a_plain_search_finds_also_far_from_the_origin() {
        for (offset, k) in [(0.0, 1), (0.0, 7), (1000.0, 33)] {
            let map = scattered(150, 37, 1, offset);
            let centroids = scattered(k, 37, 2, offset);
            let (labels, distances) = assign(&map, centroids.values());
            for (at, (label, expected)) in plainly(&map, centroids.values()).into_iter().enumerate()
            {
                assert_eq!(labels[at], label, "patch {at}, offset {offset}");
                // 37 products in f32, of numbers as large as the distance itself.
                let away = (distances[at] - expected).abs();
                assert!(
                    away <= 1e-5 * expected.max(1.0),
                    "{}, expected {expected}",
                    distances[at]
                );
            }
        }
    }

    #[test]
    fn all_distances_hold_the_nearest_one() {
        let map = scattered(130, 20, 3, 0.0);
        let centroids = scattered(9, 20, 4, 0.0);
        let all = squared_distances(&map, centroids.values());
        let (labels, distances) = assign(&map, centroids.values());
        for (line, (label, distance)) in all.chunks(9).zip(labels.iter().zip(&distances)) {
            assert_eq!(line[*label as usize], *distance);
            assert!(line.iter().all(|other| other >= distance));
        }
    }

    #[test]
    fn equal_centroids_leave_everything_to_the_first() {
        let map = scattered(70, 5, 1, 0.0);
        let twice = [map.patch(3), map.patch(3)].concat();
        let (labels, distances) = assign(&map, &twice);
        assert!(labels.iter().all(|&label| label == 0));
        assert_eq!(distances[3], 0.0);
    }

    #[test]
    fn sums_add_up_the_points_of_each_label() {
        let map = scattered(200, 130, 5, 0.0);
        let labels: Vec<u32> = (0..200).map(|i| [0, 3, 1, 3][i % 4]).collect();
        let (sums, counts) = sums(&map, &labels, 5);
        assert_eq!(counts, [50, 50, 0, 100, 0]);
        for label in 0..5 {
            let mut expected = vec![0.0; 130];
            for at in (0..200).filter(|&at| labels[at] as usize == label) {
                let terms = expected.iter_mut().zip(map.patch(at));
                terms.for_each(|(sum, value)| *sum += value);
            }
            assert_close(&sums[label * 130..][..130], &expected, 1e-4, "sum");
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let (map, centroids) = (scattered(700, 90, 1, 0.0), scattered(11, 90, 2, 0.0));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                let found = assign(&map, centroids.values());
                let sums = sums(&map, &found.0, 11);
                (found, sums)
            })
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    #[should_panic(expected = "expected rows of 5")]
    fn centroids_of_another_width_are_refused() {
        assign(&scattered(3, 5, 1, 0.0), &[0.0; 7]);
    }

    proptest! {
        #[test]
        fn distances_go_with_their_patches_when_these_are_reordered(
            patches in 2_usize..150, dim in 1_usize..30, k in 1_usize..9, seed in 0_u32..1000, turn: usize,
        ) {
            let (map, centroids) = (scattered(patches, dim, seed, 0.0), scattered(k, dim, seed + 1, 0.0));
            let middle = turn % patches * dim;
            let turned = [&map.values()[middle..], &map.values()[..middle]].concat();
            let turned = FeatureMap::new(1, patches, dim, turned).unwrap();
            let (_, plain) = assign(&map, centroids.values());
            let (_, found) = assign(&turned, centroids.values());
            for (at, found) in found.iter().enumerate() {
                let from = (at + turn % patches) % patches;
                // A patch in another place of its tile may be rounded otherwise, and then equals fall apart.
                prop_assert!((found - plain[from]).abs() < 1e-4);
            }
        }
    }
}
