//! A linear layer whose weight changes at every step: `[inputs, outputs]`, packed anew by each call.
//!
//! Products go through the kernel of [`super::gemm`]; packing reads a weight once, which the product does many times.

use pulp::Arch;
use rayon::prelude::*;

use super::gemm::{Epilogue, Linear, PANEL, linear, pack_rows, packed_len};
use crate::watch::Stop;

/// Rows that the gradient of a weight adds up at a time: a panel of them stays in the second-level cache.
const ROWS: usize = 1024;

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
    let mut panels = vec![0.0; packed_len(outputs, inputs)];
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

/// `out = inputᵀ · gradient`: `[rows, inputs]`, `[rows, outputs]` → `[inputs, outputs]`.
pub(crate) fn dense_weight_backward(
    arch: Arch,
    input: &[f32],
    gradient: &[f32],
    [inputs, outputs]: [usize; 2],
    out: &mut [f32],
) {
    let ones = vec![1.0; outputs];
    let blocks = input
        .chunks(ROWS * inputs)
        .zip(gradient.chunks(ROWS * outputs));
    for (index, (input, gradient)) in blocks.enumerate() {
        let rows = gradient.len() / outputs;
        let transposed = transposed(input, inputs);
        let panels = pack_columns(gradient, outputs);
        let layer = Linear {
            panels: &panels,
            bias: &[],
            inputs: rows,
            outputs,
            stop: &Stop::default(),
        };
        let epilogue = if index == 0 {
            Epilogue::Store
        } else {
            Epilogue::Add(&ones)
        };
        linear(arch, layer, &transposed, epilogue, out);
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
    let mut panels = vec![0.0; packed_len(rows, columns)];
    panels
        .par_chunks_exact_mut(PANEL * rows)
        .enumerate()
        .for_each(|(index, panel)| {
            let first = index * PANEL;
            let width = PANEL.min(columns - first);
            for (to, from) in panel
                .chunks_exact_mut(PANEL)
                .zip(matrix.chunks_exact(columns))
            {
                to[..width].copy_from_slice(&from[first..][..width]);
            }
        });
    panels
}

/// `[rows, columns]` → `[columns, rows]`.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    /// Side of the blocks that are read and written in whole cache lines.
    const SIDE: usize = 16;
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    out.par_chunks_mut(SIDE * rows)
        .enumerate()
        .for_each(|(index, out)| {
            let first = index * SIDE;
            let width = out.len() / rows;
            for top in (0..rows).step_by(SIDE) {
                for row in top..rows.min(top + SIDE) {
                    let from = &matrix[row * columns + first..][..width];
                    for (column, value) in from.iter().enumerate() {
                        out[column * rows + row] = *value;
                    }
                }
            }
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
