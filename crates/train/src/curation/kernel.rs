//! Products of rows with many columns, tile by tile: the inner loop of clustering, search and comparison.
//!
//! `score[row, column] = offset[column] + Σ_c rows[row, c] · columns[column, c]`, given to a [`Visit`] 32 columns at a
//! time and never stored. Columns are packed as `[columns / 32, dim, 32]`. A tile of up to 14 rows (AVX-512; 6
//! elsewhere) stays in registers over the whole of `dim`. A score depends on its row and column alone, not on the tile:
//! sums run over `dim` in order.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};
use rayon::prelude::*;

/// Columns of a panel.
pub(super) const PANEL: usize = 32;
/// A multiple of the tile's height on any machine: rows that one task takes.
pub(super) const ROWS_PER_TASK: usize = 252;
/// Rows of the tallest tile on any machine.
const MOST_ROWS: usize = 14;
/// Floats of the rows that every panel reads again: they stay in the second-level cache.
const BLOCK_FLOATS: usize = 96 * 1024;

/// Columns packed for the kernel.
#[derive(Debug)]
pub(super) struct Panels {
    /// `[columns / 32, dim, 32]`, missing columns zero.
    values: Vec<f32>,
    /// `[columns / 32 · 32]`; −∞ for missing columns, which therefore win nothing.
    offsets: Vec<f32>,
    dim: usize,
}

impl Panels {
    /// Packs `columns` `[columns, dim]`; `offset` is added to the scores of a column.
    pub(super) fn pack(columns: &[f32], dim: usize, offset: impl Fn(&[f32]) -> f32 + Sync) -> Self {
        let count = columns.len() / dim;
        let padded = count.next_multiple_of(PANEL);
        let mut values = vec![0.0; padded * dim];
        let mut offsets = vec![f32::NEG_INFINITY; padded];
        values
            .par_chunks_exact_mut(PANEL * dim)
            .zip(offsets.par_chunks_exact_mut(PANEL))
            .zip(columns.par_chunks(PANEL * dim))
            .for_each(|((panel, offsets), columns)| {
                let (panel, _) = panel.as_chunks_mut::<PANEL>();
                for (at, column) in columns.chunks_exact(dim).enumerate() {
                    offsets[at] = offset(column);
                    for (to, &value) in panel.iter_mut().zip(column) {
                        to[at] = value;
                    }
                }
            });
        Self {
            values,
            offsets,
            dim,
        }
    }
}

/// What becomes of the scores.
pub(super) trait Visit {
    /// Takes the scores of one row with the columns `first .. first + 32`; those of missing columns are −∞.
    fn visit<S: Simd>(&mut self, simd: S, row: usize, first: usize, scores: &[f32; PANEL]);
}

/// Shows the scores of all `rows` `[rows, dim]` with all columns to `visit`, a row's columns in ascending order.
pub(super) fn scores<V: Visit>(rows: &[f32], panels: &Panels, visit: &mut V) {
    Arch::new().dispatch(Scores {
        rows,
        panels,
        visit,
    });
}

/// The largest of 32 scores.
#[inline(always)]
pub(super) fn largest<S: Simd>(simd: S, scores: &[f32; PANEL]) -> f32 {
    let (vectors, _) = S::as_simd_f32s(scores);
    let mut most = vectors[0];
    for &vector in &vectors[1..] {
        most = simd.max_f32s(most, vector);
    }
    simd.reduce_max_f32s(most)
}

struct Scores<'a, V> {
    rows: &'a [f32],
    panels: &'a Panels,
    visit: &'a mut V,
}

impl<V: Visit> WithSimd for Scores<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 14, 2>(simd),
            8 => self.run::<S, 6, 4>(simd),
            4 => self.run::<S, 6, 8>(simd),
            _ => self.run::<S, 4, 32>(simd),
        }
    }
}

impl<V: Visit> Scores<'_, V> {
    /// `TILE` rows at a time; a panel is `WIDTH` vectors wide.
    #[inline(always)]
    fn run<S: Simd, const TILE: usize, const WIDTH: usize>(self, simd: S) {
        let dim = self.panels.dim;
        let rows = self.rows.len() / dim;
        let tiles = rows.div_ceil(TILE);
        let block = (BLOCK_FLOATS / dim / TILE).max(1);
        let (offsets, _) = self.panels.offsets.as_chunks::<PANEL>();
        let mut tile_scores = [[0.0; PANEL]; MOST_ROWS];
        for first in (0..tiles).step_by(block) {
            let panels = self.panels.values.chunks_exact(dim * PANEL).zip(offsets);
            for (at, (panel, offsets)) in panels.enumerate() {
                let (panel, _) = S::as_simd_f32s(panel);
                let (panel, _) = panel.as_chunks::<WIDTH>();
                for tile in first..tiles.min(first + block) {
                    // Tiles of nearly equal height, so that no small one is left over.
                    let (top, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
                    let out = &mut tile_scores[..end - top];
                    product::<S, TILE, WIDTH>(simd, &self.rows[top * dim..], panel, offsets, out);
                    for (row, scores) in out.iter().enumerate() {
                        self.visit.visit(simd, top + row, at * PANEL, scores);
                    }
                }
            }
        }
    }
}

/// `out[row] = offsets + rows[row] · panel`, `panel` `[dim, 32]`.
///
/// The height is a constant of each copy of the kernel: sums never leave the registers.
#[inline(always)]
fn product<S: Simd, const TILE: usize, const WIDTH: usize>(
    simd: S,
    rows: &[f32],
    panel: &[[S::f32s; WIDTH]],
    offsets: &[f32; PANEL],
    out: &mut [[f32; PANEL]],
) {
    macro_rules! height {
        ($($height:literal)+) => {
            match out.len() {
                $($height => simd.vectorize(
                    Product::<S, $height, WIDTH> { simd, rows, panel, offsets, out },
                ),)+
                height => unreachable!("a tile has 1 to {TILE} rows, found {height}"),
            }
        };
    }
    if TILE > 6 {
        height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    } else {
        height!(1 2 3 4 5 6);
    }
}

struct Product<'a, S: Simd, const HEIGHT: usize, const WIDTH: usize> {
    simd: S,
    rows: &'a [f32],
    panel: &'a [[S::f32s; WIDTH]],
    offsets: &'a [f32; PANEL],
    out: &'a mut [[f32; PANEL]],
}

impl<S: Simd, const HEIGHT: usize, const WIDTH: usize> NullaryFnOnce
    for Product<'_, S, HEIGHT, WIDTH>
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (simd, panel, dim) = (self.simd, self.panel, self.panel.len());
        let mut rows: [&[f32]; HEIGHT] = [&[]; HEIGHT];
        for (at, row) in rows.iter_mut().enumerate() {
            *row = &self.rows[at * dim..][..dim];
        }
        let (offsets, _) = S::as_simd_f32s(self.offsets);
        // Two vectors at a time: HEIGHT × 2 sums, two weights and one input fill the registers.
        for first in (0..WIDTH).step_by(2) {
            let mut sums = [[offsets[first], offsets[first + 1]]; HEIGHT];
            for (at, columns) in panel.iter().enumerate() {
                let columns = [columns[first], columns[first + 1]];
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let value = simd.splat_f32s(row[at]);
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = simd.mul_add_e_f32s(value, column, *sum);
                    }
                }
            }
            for (out, sums) in self.out.iter_mut().zip(sums) {
                let (out, _) = S::as_mut_simd_f32s(out);
                for (out, sum) in out[first..first + 2].iter_mut().zip(sums) {
                    *out = sum;
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "small whole numbers are exact in f32")]
mod tests {
    use super::*;

    /// All scores, and the order they came in.
    struct Keep {
        columns: usize,
        scores: Vec<f32>,
        next: Vec<usize>,
    }

    impl Visit for Keep {
        fn visit<S: Simd>(&mut self, simd: S, row: usize, first: usize, scores: &[f32; PANEL]) {
            assert_eq!(self.next[row], first);
            self.next[row] += PANEL;
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(simd, scores), most);
            for (lane, &score) in scores.iter().enumerate() {
                if first + lane < self.columns {
                    self.scores[row * self.columns + first + lane] = score;
                } else {
                    assert_eq!(score, f32::NEG_INFINITY);
                }
            }
        }
    }

    #[test]
    fn every_row_meets_every_column_once_and_missing_columns_never_win() {
        let whole = |count: usize, seed: usize| -> Vec<f32> {
            (0..count).map(|i| ((i * seed) % 19) as f32 - 9.0).collect()
        };
        for (rows, columns, dim) in [(1, 1, 1), (13, 31, 3), (15, 33, 16), (600, 70, 384)] {
            let (a, b) = (whole(rows * dim, 7), whole(columns * dim, 11));
            let panels = Panels::pack(&b, dim, |column| column[0] * 0.5);
            let mut keep = Keep {
                columns,
                scores: vec![f32::NAN; rows * columns],
                next: vec![0; rows],
            };
            scores(&a, &panels, &mut keep);
            for (at, &score) in keep.scores.iter().enumerate() {
                let (row, column) = (at / columns * dim, at % columns * dim);
                let pairs = a[row..][..dim].iter().zip(&b[column..][..dim]);
                let product: f32 = pairs.map(|(a, b)| a * b).sum();
                assert_eq!(score, product + b[column] * 0.5);
            }
        }
    }
}
