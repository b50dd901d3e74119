//! The two steps of a round of k-means in one pass over a table: rows to their nearest centroid, and sums of the rows of
//! each centroid.
//!
//! Distances come from products relative to the middle of the centroids: a large common offset would drown the
//! differences in f32. Sums are in f64 and in the order of the rows, so that they do not depend on the threads.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use std::ops::Range;

use pulp::Simd;
use rayon::prelude::*;

use super::error::bad_shape;
use super::features::square;
use super::kernel::{PANEL, Panels, ROWS_PER_TASK, Visit, scores};
use super::{CurationError, FeatureTable, Reporter, Stage, Watch};

/// Products that a thread computes between two reports: some 50 ms.
const PRODUCTS_PER_REPORT: usize = 1 << 31;
/// Most tasks of a thread between two reports: bounds the rows in memory.
const MOST_TASKS: usize = 16;

/// Whether a pass also sums the rows of each label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sums {
    /// Labels and distances alone.
    No,
    /// Sums and counts too.
    Yes,
}

/// What a pass over a table found.
#[derive(Debug)]
pub(super) struct Assigned {
    /// `[rows]`.
    pub(super) labels: Vec<u32>,
    /// Squared, `[rows]`.
    pub(super) distances: Vec<f32>,
    /// Sum of the squared distances.
    pub(super) inertia: f64,
    /// Middle of the centroids, `[dim]`.
    pub(super) middle: Vec<f32>,
    /// Sums of the rows of each centroid, relative to the middle, `[k, dim]`; empty without sums.
    pub(super) sums: Vec<f64>,
    /// Rows of each centroid, `[k]`.
    pub(super) counts: Vec<usize>,
}

/// The nearest of `centroids` `[k, dim]` for each row of a table: its number, the first of equals, and the squared
/// Euclidean distance to it, both `[rows]`.
pub fn nearest_centroids(
    table: &FeatureTable<'_>,
    centroids: &[f32],
    watch: Watch<'_>,
) -> Result<(Vec<u32>, Vec<f32>), CurationError> {
    let reporter = Reporter::new(watch, Stage::Assigning);
    let found = assign(table, centroids, Sums::No, &|done| {
        reporter.tell(done, table.rows())
    })?;
    Ok((found.labels, found.distances))
}

/// One pass; `tell` is told how many rows are done.
pub(super) fn assign(
    table: &FeatureTable<'_>,
    centroids: &[f32],
    sums: Sums,
    tell: &dyn Fn(usize) -> Result<(), CurationError>,
) -> Result<Assigned, CurationError> {
    let (rows, dim) = (table.rows(), table.dim());
    if centroids.is_empty() || !centroids.len().is_multiple_of(dim) {
        let found = format!("{} values", centroids.len());
        return Err(bad_shape("centroids", format!("rows of {dim}"), found));
    }
    let mut pass = Pass::new(table, centroids, sums);
    let products = ROWS_PER_TASK * centroids.len();
    let tasks = (PRODUCTS_PER_REPORT / products).clamp(1, MOST_TASKS);
    let wave = (ROWS_PER_TASK * tasks * rayon::current_num_threads()).min(rows);
    let mut values = vec![0.0; wave * dim];
    for first in (0..rows).step_by(wave) {
        let end = rows.min(first + wave);
        let values = &mut values[..(end - first) * dim];
        pass.measure(first..end, values)?;
        pass.add_up(first..end, values);
        tell(end)?;
    }
    Ok(pass.found)
}

/// The state of a pass.
struct Pass<'a> {
    table: &'a FeatureTable<'a>,
    panels: Panels,
    found: Assigned,
    sums: Sums,
}

impl<'a> Pass<'a> {
    fn new(table: &'a FeatureTable<'a>, centroids: &[f32], sums: Sums) -> Self {
        let (rows, dim) = (table.rows(), table.dim());
        let middle = middle(centroids, dim);
        let mut centered = centroids.to_vec();
        subtract(&mut centered, &middle);
        let len = if sums == Sums::Yes {
            centroids.len()
        } else {
            0
        };
        Self {
            table,
            // |x − c|² = |x|² − 2·(x·c − |c|²/2): the nearest centroid has the largest score.
            panels: Panels::pack(&centered, dim, |row| (-0.5 * square(row)) as f32),
            found: Assigned {
                labels: vec![0; rows],
                distances: vec![0.0; rows],
                inertia: 0.0,
                middle,
                sums: vec![0.0; len],
                counts: vec![0; centroids.len() / dim],
            },
            sums,
        }
    }

    /// Reads rows into `values` relative to the middle, and finds their labels and distances.
    fn measure(&mut self, rows: Range<usize>, values: &mut [f32]) -> Result<(), CurationError> {
        let (table, panels, dim) = (self.table, &self.panels, self.table.dim());
        let found = &mut self.found;
        let middle = &found.middle;
        let labels = found.labels[rows.clone()].par_chunks_mut(ROWS_PER_TASK);
        values
            .par_chunks_mut(ROWS_PER_TASK * dim)
            .zip(labels)
            .zip(found.distances[rows.clone()].par_chunks_mut(ROWS_PER_TASK))
            .enumerate()
            .try_for_each_init(
                || Nearest::new(ROWS_PER_TASK),
                |nearest, (task, ((values, labels), distances))| {
                    let first = rows.start + task * ROWS_PER_TASK;
                    table.read(first..first + labels.len(), values)?;
                    subtract(values, middle);
                    nearest.clear();
                    scores(values, panels, nearest);
                    let out = labels.iter_mut().zip(distances);
                    for (at, (row, (label, distance))) in
                        values.chunks_exact(dim).zip(out).enumerate()
                    {
                        let (column, score) = nearest.best(at);
                        *label = column;
                        // Rounding can make the square of a tiny distance negative.
                        *distance = (square(row) - 2.0 * f64::from(score)).max(0.0) as f32;
                    }
                    Ok(())
                },
            )
    }

    /// Adds rows to the sums of their labels, each label by one task and in the order of the rows.
    fn add_up(&mut self, rows: Range<usize>, values: &[f32]) {
        let found = &mut self.found;
        let labels = &found.labels[rows.clone()];
        for (&label, &distance) in labels.iter().zip(&found.distances[rows]) {
            found.counts[label as usize] += 1;
            found.inertia += f64::from(distance);
        }
        if self.sums == Sums::No {
            return;
        }
        let dim = self.table.dim();
        let per_task = found
            .counts
            .len()
            .div_ceil(4 * rayon::current_num_threads());
        found
            .sums
            .par_chunks_mut(per_task * dim)
            .enumerate()
            .for_each(|(task, sums)| {
                let (first, own) = (task * per_task, sums.len() / dim);
                for (&label, row) in labels.iter().zip(values.chunks_exact(dim)) {
                    let label = (label as usize).wrapping_sub(first);
                    if label < own {
                        let sums = &mut sums[label * dim..][..dim];
                        let terms = sums.iter_mut().zip(row);
                        terms.for_each(|(sum, &value)| *sum += f64::from(value));
                    }
                }
            });
    }
}

/// The best score of each row in each lane of a panel, and the panel it was in.
struct Nearest {
    best: Vec<[f32; PANEL]>,
    panels: Vec<[u32; PANEL]>,
}

impl Nearest {
    fn new(rows: usize) -> Self {
        Self {
            best: vec![[0.0; PANEL]; rows],
            panels: vec![[0; PANEL]; rows],
        }
    }

    fn clear(&mut self) {
        self.best.fill([f32::NEG_INFINITY; PANEL]);
        self.panels.fill([0; PANEL]);
    }

    /// The column with the largest score of a row, the first of equals, and the score.
    fn best(&self, row: usize) -> (u32, f32) {
        let mut best = (u32::MAX, f32::NEG_INFINITY);
        let lanes = self.best[row].iter().zip(&self.panels[row]);
        for (lane, (&score, &panel)) in lanes.enumerate() {
            let column = panel * PANEL as u32 + lane as u32;
            if score > best.1 || (score >= best.1 && column < best.0) {
                best = (column, score);
            }
        }
        best
    }
}

impl Visit for Nearest {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, simd: S, row: usize, first: usize, scores: &[f32; PANEL]) {
        let (scores, _) = S::as_simd_f32s(scores);
        let (best, _) = S::as_mut_simd_f32s(&mut self.best[row]);
        let (panels, _) = S::as_mut_simd_u32s(&mut self.panels[row]);
        let panel = simd.splat_u32s((first / PANEL) as u32);
        for ((&score, best), panels) in scores.iter().zip(best).zip(panels) {
            let better = simd.greater_than_f32s(score, *best);
            *best = simd.select_f32s(better, score, *best);
            *panels = simd.select_u32s(better, panel, *panels);
        }
    }
}

/// The mean of some rows, `[dim]`.
fn middle(rows: &[f32], dim: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dim];
    for row in rows.chunks_exact(dim) {
        let terms = sums.iter_mut().zip(row);
        terms.for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let count = (rows.len() / dim) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// Takes `middle` `[dim]` off each row.
fn subtract(rows: &mut [f32], middle: &[f32]) {
    for row in rows.chunks_exact_mut(middle.len()) {
        let terms = row.iter_mut().zip(middle);
        terms.for_each(|(value, middle)| *value -= middle);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::curation::fixtures::{noise, on_threads};
    use crate::curation::unwatched;

    /// Squared distances of a row to all centroids in f64.
    fn distances(row: &[f32], centroids: &[f32]) -> Vec<f64> {
        let distance = |centroid: &[f32]| -> f64 {
            let pairs = row.iter().zip(centroid);
            let squares = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            squares.sum()
        };
        centroids.chunks(row.len()).map(distance).collect()
    }

    proptest! {
        #[test]
        fn labels_are_those_of_a_search_of_all_pairs_also_far_from_the_origin(
            rows in 1_usize..600, dim in 1_usize..40, k in 1_usize..100, seed in 0_u64..1000, offset in 0_u8..2,
        ) {
            let offset = f32::from(offset) * 100.0;
            let mut values = noise(rows, dim, seed);
            let mut centroids = noise(k, dim, seed + 1000);
            values.iter_mut().chain(&mut centroids).for_each(|value| *value += offset);
            let table = FeatureTable::from_f32(&values, dim).unwrap();
            let (labels, found) = nearest_centroids(&table, &centroids, &unwatched).unwrap();
            for (row, (&label, &distance)) in values.chunks(dim).zip(labels.iter().zip(&found)) {
                let all = distances(row, &centroids);
                let least = all.iter().copied().fold(f64::INFINITY, f64::min);
                // 40 products in f32; nearer ones than that may change places.
                prop_assert!((f64::from(distance) - all[label as usize]).abs() < 3e-5);
                prop_assert!(all[label as usize] - least < 3e-5);
            }
        }
    }

    #[test]
    fn equal_centroids_leave_everything_to_the_first() {
        let values = noise(70, 5, 1);
        let table = FeatureTable::from_f32(&values, 5).unwrap();
        let many = values[15..20].repeat(100);
        let (labels, _) = nearest_centroids(&table, &many, &unwatched).unwrap();
        assert_eq!(labels, [0; 70]);
    }

    #[test]
    fn sums_and_counts_are_those_of_the_labels_on_any_threads() {
        let (rows, dim, k) = (3000, 33, 70);
        let (values, centroids) = (noise(rows, dim, 1), noise(k, dim, 2));
        let table = FeatureTable::from_f32(&values, dim).unwrap();
        let pass = || assign(&table, &centroids, Sums::Yes, &|_| Ok(())).unwrap();
        let found = on_threads(1, pass);
        let mut sums = vec![0.0; k * dim];
        let mut counts = vec![0; k];
        for (row, &label) in values.chunks(dim).zip(&found.labels) {
            counts[label as usize] += 1;
            for (channel, (&value, &middle)) in row.iter().zip(&found.middle).enumerate() {
                sums[label as usize * dim + channel] += f64::from(value - middle);
            }
        }
        assert_eq!((&found.sums, &found.counts), (&sums, &counts));
        let again = on_threads(4, pass);
        assert_eq!(found.sums, again.sums);
        assert_eq!(found.labels, again.labels);
        assert_eq!(found.distances, again.distances);
        assert_eq!(found.inertia.to_bits(), again.inertia.to_bits());
    }

    #[test]
    fn centroids_of_another_width_are_an_error() {
        let values = noise(3, 5, 1);
        let table = FeatureTable::from_f32(&values, 5).unwrap();
        for centroids in [&[0.0; 7][..], &[]] {
            let error = nearest_centroids(&table, centroids, &unwatched).unwrap_err();
            assert!(error.to_string().contains("expected rows of 5"), "{error}");
        }
    }
}
