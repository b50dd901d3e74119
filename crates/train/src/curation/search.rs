//! The rows of a pool nearest to some queries by cosine: exact, in blocks.
//!
//! Input: a pool and queries. Output: for each query its nearest rows, the nearest first. The pool is read once, a block
//! after the other; each task keeps the best rows of its queries in heaps.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use pulp::Simd;
use rayon::prelude::*;

use super::kernel::{PANEL, Panels, ROWS_PER_TASK, Visit, largest, scores};
use super::{CurationError, FeatureTable, Reporter};

/// Products that a thread computes between two reports: some 50 ms.
const PRODUCTS_PER_REPORT: usize = 1 << 31;
/// Fewest and most rows of the pool between two reports.
const BLOCK_ROWS: (usize, usize) = (1024, 16_384);
/// Queries of a task are a multiple of so many: whole tiles.
const TILE: usize = 14;

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Its number in the pool.
    pub row: u32,
    /// Cosine of the angle to the query, −1 to 1 but for rounding.
    pub similarity: f32,
}

/// A search for the nearest rows of a pool.
pub(super) struct Search<'a> {
    pub(super) pool: &'a FeatureTable<'a>,
    /// `[queries, dim]`, of length one.
    pub(super) queries: &'a [f32],
    /// Most rows for a query.
    pub(super) neighbors: usize,
    /// Least similarity of a row that is found.
    pub(super) least: f32,
    /// Whether a query (its number) does not want a row.
    pub(super) is_unwanted: &'a (dyn Fn(usize, u32) -> bool + Sync),
}

impl Search<'_> {
    /// `[queries]` lists, the most similar row first, the first of equals first.
    pub(super) fn run(&self, reporter: Reporter<'_>) -> Result<Vec<Vec<Neighbor>>, CurationError> {
        let (rows, dim) = (self.pool.rows(), self.pool.dim());
        let threads = rayon::current_num_threads();
        let per_task = (self.queries.len() / dim)
            .div_ceil(2 * threads)
            .next_multiple_of(TILE)
            .clamp(TILE, ROWS_PER_TASK);
        let block = (PRODUCTS_PER_REPORT * threads / self.queries.len().max(1))
            .clamp(BLOCK_ROWS.0, BLOCK_ROWS.1)
            .min(rows);
        let mut found = vec![Nearest::new(self.neighbors, self.least); self.queries.len() / dim];
        let mut values = vec![0.0; block * dim];
        for first in (0..rows).step_by(block) {
            let end = rows.min(first + block);
            let values = &mut values[..(end - first) * dim];
            self.read(first, values)?;
            let panels = Panels::pack(values, dim, |_| 0.0);
            found
                .par_chunks_mut(per_task)
                .zip(self.queries.par_chunks(per_task * dim))
                .enumerate()
                .for_each(|(task, (found, queries))| {
                    let mut visit = Best {
                        found,
                        first_query: task * per_task,
                        first_row: first,
                        is_unwanted: self.is_unwanted,
                    };
                    scores(queries, &panels, &mut visit);
                });
            reporter.tell(end, rows)?;
        }
        Ok(found.into_iter().map(Nearest::sorted).collect())
    }

    /// Reads rows of the pool from `first` on, of length one.
    fn read(&self, first: usize, values: &mut [f32]) -> Result<(), CurationError> {
        let dim = self.pool.dim();
        values
            .par_chunks_mut(ROWS_PER_TASK * dim)
            .enumerate()
            .try_for_each(|(task, values)| {
                let first = first + task * ROWS_PER_TASK;
                let rows = first..first + values.len() / dim;
                self.pool.read_as(rows, true, values)
            })
    }
}

/// A neighbor ordered so that the worst one is the greatest: the less similar, then the later one.
#[derive(Clone, Copy, PartialEq)]
struct Ranked(Neighbor);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let similarity = other.0.similarity.total_cmp(&self.0.similarity);
        similarity.then(self.0.row.cmp(&other.0.row))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best rows so far of one query.
#[derive(Clone)]
struct Nearest {
    heap: BinaryHeap<Ranked>,
    most: usize,
    /// A row has to be more similar than this.
    bar: f32,
}

impl Nearest {
    fn new(most: usize, least: f32) -> Self {
        Self {
            heap: BinaryHeap::new(),
            most,
            bar: least.next_down(),
        }
    }

    /// Takes a row that is over the bar. Rows come in ascending order: of equals the first one stays.
    fn push(&mut self, neighbor: Neighbor) {
        if self.heap.len() == self.most {
            self.heap.pop();
        }
        self.heap.push(Ranked(neighbor));
        if self.heap.len() == self.most
            && let Some(worst) = self.heap.peek()
        {
            self.bar = worst.0.similarity;
        }
    }

    fn sorted(self) -> Vec<Neighbor> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|ranked| ranked.0).collect()
    }
}

struct Best<'a> {
    found: &'a mut [Nearest],
    first_query: usize,
    first_row: usize,
    is_unwanted: &'a (dyn Fn(usize, u32) -> bool + Sync),
}

impl Visit for Best<'_> {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, simd: S, row: usize, first: usize, scores: &[f32; PANEL]) {
        if largest(simd, scores) > self.found[row].bar {
            self.take(row, first, scores);
        }
    }
}

impl Best<'_> {
    /// Takes the scores that are over the bar.
    #[inline(never)]
    fn take(&mut self, query: usize, first: usize, scores: &[f32; PANEL]) {
        let found = &mut self.found[query];
        for (lane, &similarity) in scores.iter().enumerate() {
            let row = (self.first_row + first + lane) as u32;
            let is_better = similarity > found.bar;
            if is_better && !(self.is_unwanted)(self.first_query + query, row) {
                found.push(Neighbor { row, similarity });
            }
        }
    }
}
