//! Nearest neighbours between the patches of two maps, in both directions at once.
//!
//! Input: two maps. Output: for each patch of either map the most similar patch of the other one, its cosine and the
//! second best cosine. The matrix of all cosines exists only as tiles of at most 256 × 512 a thread, and no normalised
//! copy of a map is made: the products of a tile are divided by the lengths while they are in the cache.
//! Source: `spec/05`, section 3; golden case `matching`.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Arch;
use rayon::prelude::*;

use super::norms::lengths;
use super::{AnalysisError, CancelToken, same_channels};
use crate::feature_map::{FeatureMap, NORM_EPS};

/// Patches of the first map in a tile.
const TILE_ROWS: usize = 256;
/// Patches of the second map in a tile.
const TILE_COLS: usize = 512;

/// Best and second best partners of a list of patches. An entry without a partner has `-∞`.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// Flat number of the best partner; the first of equals.
    pub index: Vec<u32>,
    /// Its cosine.
    pub similarity: Vec<f32>,
    /// The second largest cosine; equal to `similarity` on a tie, `-∞` with one candidate.
    pub second: Vec<f32>,
}

/// Nearest neighbours of two maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// For each patch of the first map, in the second.
    pub a_to_b: Nearest,
    /// For each patch of the second map, in the first.
    pub b_to_a: Nearest,
}

/// Nearest neighbours by cosine between two maps of the same number of channels, normalised or not.
pub fn nearest(a: &FeatureMap, b: &FeatureMap) -> Result<Neighbours, AnalysisError> {
    nearest_until(a, b, &CancelToken::default())
}

/// [`nearest`], which ends with an error soon after `cancel` asks for it.
pub fn nearest_until(
    a: &FeatureMap,
    b: &FeatureMap,
    cancel: &CancelToken,
) -> Result<Neighbours, AnalysisError> {
    same_channels("the second map", a.dim(), b.dim())?;
    let pair = Pair {
        a,
        b,
        scale_a: inverse_lengths(a),
        scale_b: inverse_lengths(b),
    };
    let tiles: Vec<usize> = (0..a.patches()).step_by(TILE_ROWS).collect();
    let start = || (Vec::new(), Nearest::none(b.patches()));
    let (mut rows, b_to_a) = tiles
        .into_par_iter()
        .fold(start, |(mut rows, mut cols), first| {
            // A band takes milliseconds; the error below tells that some were left out.
            if !cancel.is_cancelled() {
                rows.push((first, pair.search_rows(first, &mut cols)));
            }
            (rows, cols)
        })
        .reduce(start, |(mut rows, mut cols), (more_rows, more_cols)| {
            rows.extend(more_rows);
            cols.merge(&more_cols);
            (rows, cols)
        });
    cancel.check()?;
    rows.sort_unstable_by_key(|(first, _)| *first);
    let mut a_to_b = Nearest::none(0);
    for (_, found) in rows {
        a_to_b.extend(found);
    }
    Ok(Neighbours { a_to_b, b_to_a })
}

/// Whether each patch of the first map is the best partner of its own best partner.
pub fn mutual(neighbours: &Neighbours) -> Vec<bool> {
    let back = |(a, b): (usize, &u32)| neighbours.b_to_a.index[*b as usize] as usize == a;
    neighbours
        .a_to_b
        .index
        .iter()
        .enumerate()
        .map(back)
        .collect()
}

/// Two maps and the inverse lengths of their patches.
struct Pair<'a> {
    a: &'a FeatureMap,
    b: &'a FeatureMap,
    scale_a: Vec<f32>,
    scale_b: Vec<f32>,
}

/// `1 / max(‖features[p]‖, NORM_EPS)`.
pub(super) fn inverse_lengths(map: &FeatureMap) -> Vec<f32> {
    let mut values = lengths(map);
    for value in &mut values {
        *value = 1.0 / value.max(NORM_EPS);
    }
    values
}

impl Pair<'_> {
    /// Searches one band of rows, `first ..` of `a`, through all of `b`; what it finds for `b` goes into `cols`.
    fn search_rows(&self, first: usize, cols: &mut Nearest) -> Nearest {
        let (patches_a, patches_b) = (self.a.patches(), self.b.patches());
        let height = TILE_ROWS.min(patches_a - first);
        let scale_a = &self.scale_a[first..][..height];
        let mut rows = Nearest::none(height);
        let mut tile = vec![0.0; height * TILE_COLS.min(patches_b)];
        for left in (0..patches_b).step_by(TILE_COLS) {
            let width = TILE_COLS.min(patches_b - left);
            let scale_b = &self.scale_b[left..][..width];
            let tile = &mut tile[..height * width];
            self.products(first..first + height, left..left + width, tile);
            Arch::new().dispatch(|| {
                for (row, line) in tile.chunks_exact_mut(width).enumerate() {
                    for (product, scale) in line.iter_mut().zip(scale_b) {
                        *product *= scale_a[row] * scale;
                    }
                    rows.offer_line(row, line, left);
                    cols.offer_to_each(left, line, first + row);
                }
            });
        }
        rows
    }

    /// `tile[i, j] = a[rows[i]] · b[cols[j]]`, row-major.
    fn products(&self, rows: Range<usize>, cols: Range<usize>, tile: &mut [f32]) {
        let dim = self.a.dim();
        let (height, width) = (rows.len(), cols.len());
        let a = &self.a.values()[rows.start * dim..rows.end * dim];
        let b = &self.b.values()[cols.start * dim..cols.end * dim];
        matmul(
            MatMut::from_row_major_slice_mut(tile, height, width),
            Accum::Replace,
            MatRef::from_row_major_slice(a, height, dim),
            MatRef::from_row_major_slice(b, width, dim).transpose(),
            1.0,
            // The bands already fill the threads.
            Par::Seq,
        );
    }
}

impl Nearest {
    /// `count` patches that have met nobody yet.
    fn none(count: usize) -> Self {
        Self {
            index: vec![0; count],
            similarity: vec![f32::NEG_INFINITY; count],
            second: vec![f32::NEG_INFINITY; count],
        }
    }

    /// Offers the patches `left ..` with the cosines `line` to the patch `at`.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "takes on the vector features of the caller's dispatch"
    )]
    fn offer_line(&mut self, at: usize, line: &[f32], left: usize) {
        let (mut index, mut best, mut second) =
            (self.index[at], self.similarity[at], self.second[at]);
        for (offset, &cosine) in line.iter().enumerate() {
            // Rarely true: most candidates are worse than the two best so far.
            if cosine > second {
                if cosine > best {
                    (second, best) = (best, cosine);
                    index = (left + offset) as u32;
                } else {
                    second = cosine;
                }
            }
        }
        (self.index[at], self.similarity[at], self.second[at]) = (index, best, second);
    }

    /// Offers the patch `candidate` to the patches `left ..`, with the cosines `line`; without branches.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "takes on the vector features of the caller's dispatch"
    )]
    fn offer_to_each(&mut self, left: usize, line: &[f32], candidate: usize) {
        let candidate = candidate as u32;
        let index = &mut self.index[left..][..line.len()];
        let best = &mut self.similarity[left..][..line.len()];
        let second = &mut self.second[left..][..line.len()];
        for (at, &cosine) in line.iter().enumerate() {
            let old = best[at];
            let better = cosine > old;
            let loser = if better { old } else { cosine };
            second[at] = if loser > second[at] {
                loser
            } else {
                second[at]
            };
            index[at] = if better { candidate } else { index[at] };
            best[at] = if better { cosine } else { old };
        }
    }

    /// Takes over what `other` found for the same patches among other candidates. The order of merges is of no effect.
    fn merge(&mut self, other: &Self) {
        for at in 0..self.index.len() {
            let (own, new) = (self.similarity[at], other.similarity[at]);
            let loser = own.min(new);
            self.second[at] = self.second[at].max(other.second[at]).max(loser);
            if new > own || (new.total_cmp(&own).is_eq() && other.index[at] < self.index[at]) {
                self.similarity[at] = new;
                self.index[at] = other.index[at];
            }
        }
    }

    fn extend(&mut self, more: Self) {
        self.index.extend(more.index);
        self.similarity.extend(more.similarity);
        self.second.extend(more.second);
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, assert_close};
    use super::*;

    fn scattered(patches: usize, dim: usize, seed: u32) -> FeatureMap {
        let value =
            |i: u32| ((i + seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
        let values: Vec<f32> = (0..(patches * dim) as u32).map(value).collect();
        FeatureMap::new(1, patches, dim, values)
            .unwrap()
            .normalised()
    }

    #[test]
    fn a_cancelled_search_ends_with_an_error() {
        let map = FeatureMap::new(30, 30, 4, vec![1.0; 3600]).unwrap();
        let cancel = CancelToken::default();
        cancel.cancel();
        let error = nearest_until(&map, &map, &cancel).unwrap_err();
        assert!(matches!(error, AnalysisError::Cancelled), "{error}");
    }

    #[test]
    fn both_directions_equal_the_golden_case() {
        let golden = Golden::open("matching");
        let a = golden.map("input.features_a").normalised();
        let b = golden.map("input.features_b").normalised();
        let found = nearest(&a, &b).unwrap();
        for (direction, found) in [("a_to_b", &found.a_to_b), ("b_to_a", &found.b_to_a)] {
            let index: Vec<usize> = found.index.iter().map(|&index| index as usize).collect();
            assert_eq!(
                index,
                golden.indices(&format!("expected.nearest_{direction}"))
            );
            let expected = golden.floats(&format!("expected.nearest_similarity_{direction}"));
            // The golden case allows 1e-5.
            assert_close(&found.similarity, &expected, 1e-5, direction);
        }
        let pairs = mutual(&found)
            .into_iter()
            .enumerate()
            .filter(|(_, mutual)| *mutual);
        let pairs: Vec<usize> = pairs
            .flat_map(|(a, _)| [a, found.a_to_b.index[a] as usize])
            .collect();
        assert_eq!(pairs, golden.indices("expected.mutual_pairs"));
    }

    #[test]
    fn tiles_give_what_a_plain_search_gives() {
        // Neither side is a multiple of a tile, both need several.
        let (a, b) = (scattered(600, 20, 1), scattered(1100, 20, 7));
        let found = nearest(&a, &b).unwrap();
        let search = |from: &FeatureMap, to: &FeatureMap, at: usize| {
            let cosine = |other: usize| -> f64 {
                let pairs = from.patch(at).iter().zip(to.patch(other));
                pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let mut all: Vec<f64> = (0..to.patches()).map(cosine).collect();
            all.sort_unstable_by(|a, b| b.total_cmp(a));
            (all[0] as f32, all[1] as f32)
        };
        for (from, to, found) in [(&a, &b, &found.a_to_b), (&b, &a, &found.b_to_a)] {
            let (best, second): (Vec<f32>, Vec<f32>) =
                (0..from.patches()).map(|at| search(from, to, at)).unzip();
            assert_close(&found.similarity, &best, 1e-6, "best");
            assert_close(&found.second, &second, 1e-6, "second");
        }
    }

    #[test]
    fn the_lengths_of_the_patches_have_no_effect_and_zero_patches_are_orthogonal_to_all() {
        let (a, b) = (scattered(40, 12, 1), scattered(50, 12, 7));
        let stretched = |map: &FeatureMap| {
            let stretch = |(at, value): (usize, &f32)| value * [1e-3, 7.0, 300.0][at / 12 % 3];
            let mut values: Vec<f32> = map.values().iter().enumerate().map(stretch).collect();
            values[36..48].fill(0.0);
            FeatureMap::new(1, map.patches(), 12, values).unwrap()
        };
        let plain = nearest(&stretched(&a).normalised(), &stretched(&b).normalised()).unwrap();
        let found = nearest(&stretched(&a), &stretched(&b)).unwrap();
        for (found, plain) in [
            (&found.a_to_b, &plain.a_to_b),
            (&found.b_to_a, &plain.b_to_a),
        ] {
            assert_eq!(found.index, plain.index);
            assert_close(&found.similarity, &plain.similarity, 1e-6, "best");
            assert_close(&found.second, &plain.second, 1e-6, "second");
            assert_eq!((found.index[3], found.similarity[3]), (0, 0.0));
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let (a, b) = (scattered(900, 8, 3), scattered(700, 8, 5));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| nearest(&a, &b).unwrap())
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn the_first_of_equal_patches_wins_and_is_the_second_too() {
        let ones = FeatureMap::new(1, 700, 1, vec![1.0; 700]).unwrap();
        let found = nearest(&ones, &ones).unwrap();
        for direction in [&found.a_to_b, &found.b_to_a] {
            assert!(direction.index.iter().all(|&index| index == 0));
            assert_eq!(direction.second, direction.similarity);
        }
        assert_eq!(mutual(&found).iter().filter(|&&mutual| mutual).count(), 1);
    }

    #[test]
    fn a_single_candidate_has_no_second() {
        let (a, b) = (scattered(5, 4, 1), scattered(1, 4, 9));
        let found = nearest(&a, &b).unwrap();
        assert_eq!(found.a_to_b.second, [f32::NEG_INFINITY; 5]);
        assert!(nearest(&a, &scattered(1, 3, 9)).is_err());
    }
}
