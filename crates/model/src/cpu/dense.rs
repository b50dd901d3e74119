//! A linear layer whose weight changes at every step: `[inputs, outputs]`, packed anew by each call.
//!
//! Products go through the kernel of [`super::gemm`]; packing reads a weight once, which the product does many times.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::attention::tiles;
use super::gemm::{
    Epilogue, Linear, MOST_ROWS, PANEL, Tile, linear, pack_rows, packed_len, product_across,
};
use super::{copy, zeros};
use crate::watch::Stop;

/// Rows that the gradient of a weight adds up at a time: a panel of them stays in the first-level cache. No power of two,
/// whose multiples share few places there.
const ROWS: usize = 240;

/// `out = input · weight + bias`: `[rows, inputs]`, `[inputs, outputs]`, `[outputs]` or empty → `[rows, outputs]`.
pub(crate) fn dense(
    arch: Arch,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    [inputs, outputs]: [usize; 2],
    out: &mut [f32],
) {
    let panels = pack_columns(weight, outputs);
    let layer = Linear {
        panels: &panels,
        bias,
        inputs,
        outputs,
        stop: &Stop::default(),
    };
    linear(arch, layer, input, Epilogue::Store, out);
}

/// `out = gradient · weightᵀ`: `[rows, outputs]`, `[inputs, outputs]` → `[rows, inputs]`.
pub(crate) fn dense_input_backward(
    arch: Arch,
    gradient: &[f32],
    weight: &[f32],
    [inputs, outputs]: [usize; 2],
    out: &mut [f32],
) {
    // The weight's rows are the rows of the transposed layer.
    let mut panels = zeros(packed_len(outputs, inputs));
    pack_rows(weight, outputs, &mut panels);
    let layer = Linear {
        panels: &panels,
        bias: &[],
        inputs: outputs,
        outputs: inputs,
        stop: &Stop::default(),
    };
    linear(arch, layer, gradient, Epilogue::Store, out);
}

/// `out = inputᵀ · gradient`: `[rows, inputs]`, `[rows, outputs]` → `[inputs, outputs]`, which is zeros before.
pub(crate) fn dense_weight_backward(
    arch: Arch,
    input: &[f32],
    gradient: &[f32],
    [inputs, outputs]: [usize; 2],
    out: &mut [f32],
) {
    /// Columns of the input that one task takes at most: with `ROWS` rows they stay in the second-level cache.
    const COLUMNS: usize = 112;
    let panels = pack_columns(gradient, outputs);
    let tasks = inputs
        .div_ceil(COLUMNS)
        .next_multiple_of(rayon::current_num_threads());
    let columns = inputs.div_ceil(tasks);
    out.par_chunks_mut(columns * outputs)
        .enumerate()
        .for_each_init(Vec::new, |block, (index, out)| {
            arch.dispatch(WeightRows {
                input,
                inputs,
                first: index * columns,
                panels: &panels,
                outputs,
                block,
                out,
            });
        });
}

/// Some rows of a weight's gradient.
struct WeightRows<'a> {
    input: &'a [f32],
    inputs: usize,
    /// First row, a column of the input.
    first: usize,
    /// The gradient in panels `[outputs / 32, rows, 32]`.
    panels: &'a [f32],
    outputs: usize,
    /// Room for a block of the input.
    block: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

impl WithSimd for WeightRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        run_by_lanes!(self, S, simd);
    }
}

impl WeightRows<'_> {
    #[inline(always)]
    fn run<S: Simd, const TILE: usize, const WIDTH: usize>(self, simd: S) {
        let Self {
            input,
            inputs,
            first,
            panels,
            outputs,
            block,
            out,
        } = self;
        let (rows, count) = (input.len() / inputs, out.len() / outputs);
        let mut y = [0.0; MOST_ROWS * PANEL];
        for top in (0..rows).step_by(ROWS) {
            let height = ROWS.min(rows - top);
            block.resize(count * height, 0.0);
            // Each tile's columns next to each other, row by row.
            tiles::<TILE>(
                count,
                #[inline(always)]
                |column, width| {
                    let rows = input[top * inputs + first + column..].chunks(inputs);
                    let tile = &mut block[column * height..][..width * height];
                    for (to, from) in tile.chunks_exact_mut(width).zip(rows) {
                        copy::<TILE>(to, &from[..width]);
                    }
                },
            );
            for (index, panel) in panels.chunks_exact(rows * PANEL).enumerate() {
                let column = index * PANEL;
                let width = PANEL.min(outputs - column);
                let (vectors, _) = S::as_simd_f32s(&panel[top * PANEL..][..height * PANEL]);
                let (panel, _) = vectors.as_chunks::<WIDTH>();
                tiles::<TILE>(
                    count,
                    #[inline(always)]
                    |row, rows| {
                        let into = Tile {
                            rows,
                            out: &mut y,
                            stride: PANEL,
                            add: false,
                        };
                        let input = &block[row * height..];
                        product_across::<S, TILE, WIDTH>(simd, input, rows, panel, into);
                        for (r, y) in y.chunks_exact(PANEL).take(rows).enumerate() {
                            let out = &mut out[(row + r) * outputs + column..][..width];
                            for (out, y) in out.iter_mut().zip(y) {
                                *out += y;
                            }
                        }
                    },
                );
            }
        }
    }
}

/// Sums of columns: `[rows, columns]` → `[columns]`, in blocks whose order does not depend on the threads.
pub(crate) fn column_sums(arch: Arch, values: &[f32], columns: usize) -> Vec<f32> {
    const BLOCK: usize = 256;
    let sum = |values: &[f32]| {
        let mut sums = vec![0.0; columns];
        arch.dispatch(
            #[inline(always)]
            || {
                for row in values.chunks_exact(columns) {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum += value;
                    }
                }
            },
        );
        sums
    };
    let parts: Vec<Vec<f32>> = values.par_chunks(BLOCK * columns).map(sum).collect();
    let mut sums = vec![0.0; columns];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}

/// Panels `[columns / 32, rows, 32]` of a matrix `[rows, columns]`; missing columns are zero.
fn pack_columns(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    // Collected, so that no pass writes zeros first.
    (0..columns.div_ceil(PANEL) * rows)
        .into_par_iter()
        .with_min_len(512)
        .map(|at| {
            let (first, row) = (at / rows * PANEL, at % rows);
            let width = PANEL.min(columns - first);
            let mut line = [0.0; PANEL];
            copy::<PANEL>(
                &mut line[..width],
                &matrix[row * columns + first..][..width],
            );
            line
        })
        .collect::<Vec<_>>()
        .into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[rows, columns]` → `[columns, rows]`.
    fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
        let rows = matrix.len() / columns;
        (0..matrix.len())
            .map(|at| matrix[at % rows * columns + at / rows])
            .collect()
    }

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 37 + seed * 101) % 1009) as f32 / 504.5 - 1.0)
            .collect()
    }

    fn product(a: &[f32], b: &[f32], [rows, inner, columns]: [usize; 3]) -> Vec<f64> {
        let at = |i: usize| (i / columns, i % columns);
        (0..rows * columns)
            .map(|i| {
                let (row, column) = at(i);
                let terms = (0..inner)
                    .map(|k| f64::from(a[row * inner + k]) * f64::from(b[k * columns + column]));
                terms.sum()
            })
            .collect()
    }

    fn assert_close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            // Sums of at most 2,100 products of numbers up to 1.
            assert!(
                (f64::from(*found) - expected).abs() < 2e-3,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn products_and_their_gradients_are_those_of_plain_sums() {
        for arch in [Arch::Scalar, Arch::new()] {
            for [rows, inputs, outputs] in [[1, 1, 1], [7, 20, 33], [2100, 12, 40]] {
                let (x, w) = (values(rows * inputs, 1), values(inputs * outputs, 2));
                let g = values(rows * outputs, 3);
                let sizes = [inputs, outputs];
                let mut out = vec![0.0; rows * outputs];
                dense(arch, &x, &w, &[], sizes, &mut out);
                assert_close(&out, &product(&x, &w, [rows, inputs, outputs]));
                let mut by_input = vec![0.0; rows * inputs];
                dense_input_backward(arch, &g, &w, sizes, &mut by_input);
                let wt = transposed(&w, outputs);
                assert_close(&by_input, &product(&g, &wt, [rows, outputs, inputs]));
                let mut by_weight = vec![0.0; inputs * outputs];
                dense_weight_backward(arch, &x, &g, sizes, &mut by_weight);
                let xt = transposed(&x, inputs);
                assert_close(&by_weight, &product(&xt, &g, [inputs, rows, outputs]));
                let ones = vec![1.0; rows];
                let sums = column_sums(arch, &g, outputs);
                assert_close(&sums, &product(&ones, &g, [1, rows, outputs]));
            }
        }
    }
}
