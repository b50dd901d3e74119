//! Pairs of rows above a threshold of cosine similarity: lists of rows, block by block, with themselves or each other.
//!
//! Input: a table and pairs of lists. Output: the rows joined into groups. A block of pairs joins its rows on its own
//! and hands over only what joined them, so that a block of equal rows does not give millions of pairs.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::Simd;
use rayon::prelude::*;

use super::groups::Groups;
use super::kernel::{PANEL, Panels, Visit, largest, scores};
use super::{CurationError, FeatureTable, Members, Reporter};

/// Rows of a block of a list: a block of pairs takes some 50 ms at 384 features.
const BLOCK: usize = 2048;

/// A block of rows of one list with a block of another one, or with itself.
#[derive(Clone, Copy)]
struct Block<'a> {
    rows: &'a [u32],
    columns: &'a [u32],
}

/// Joins all rows with a similarity of at least `threshold` in lists that meet.
///
/// `meetings`: pairs of lists of `members`; a list that meets itself is compared within.
pub(super) fn join_similar(
    table: &FeatureTable<'_>,
    members: &Members,
    meetings: &[(usize, usize)],
    threshold: f32,
    reporter: Reporter<'_>,
) -> Result<Groups, CurationError> {
    let mut blocks = Vec::new();
    for &(a, b) in meetings {
        for (at, rows) in members.of(a).chunks(BLOCK).enumerate() {
            let skipped = if a == b { at } else { 0 };
            let columns = members.of(b).chunks(BLOCK).skip(skipped);
            blocks.extend(columns.map(|columns| Block { rows, columns }));
        }
    }
    let mut groups = Groups::new(table.rows());
    let (mut done, wave) = (0, 4 * rayon::current_num_threads());
    for wave in blocks.chunks(wave) {
        let found: Vec<Vec<(u32, u32)>> = wave
            .par_iter()
            .map(|block| block.similar(table, threshold))
            .collect::<Result<_, _>>()?;
        for (a, b) in found.into_iter().flatten() {
            groups.join(a, b);
        }
        done += wave.len();
        reporter.tell(done, blocks.len())?;
    }
    Ok(groups)
}

impl Block<'_> {
    /// Pairs of rows that join all similar ones of the block.
    fn similar(
        &self,
        table: &FeatureTable<'_>,
        threshold: f32,
    ) -> Result<Vec<(u32, u32)>, CurationError> {
        let dim = table.dim();
        let mut columns = vec![0.0; self.columns.len() * dim];
        table.gather_as(self.columns, true, &mut columns)?;
        let panels = Panels::pack(&columns, dim, |_| 0.0);
        let mut rows = columns;
        rows.resize(self.rows.len() * dim, 0.0);
        table.gather_as(self.rows, true, &mut rows)?;
        let mut visit = Similar {
            block: self,
            threshold,
            groups: Groups::new(self.rows.len() + self.columns.len()),
            found: Vec::new(),
        };
        scores(&rows, &panels, &mut visit);
        Ok(visit.found)
    }
}

struct Similar<'a> {
    block: &'a Block<'a>,
    threshold: f32,
    /// Places of rows, then places of columns.
    groups: Groups,
    found: Vec<(u32, u32)>,
}

impl Visit for Similar<'_> {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, simd: S, row: usize, first: usize, scores: &[f32; PANEL]) {
        if largest(simd, scores) >= self.threshold {
            self.take(row, first, scores);
        }
    }
}

impl Similar<'_> {
    #[inline(never)]
    fn take(&mut self, row: usize, first: usize, scores: &[f32; PANEL]) {
        let (rows, columns) = (self.block.rows, self.block.columns);
        let similar = scores.iter().enumerate();
        for (lane, _) in similar.filter(|(_, score)| **score >= self.threshold) {
            let column = first + lane;
            let place = (rows.len() + column) as u32;
            // A row of a block that meets itself stands in both halves: that its two places join costs nothing.
            if self.groups.join(row as u32, place) && rows[row] != columns[column] {
                self.found.push((rows[row], columns[column]));
            }
        }
    }
}
