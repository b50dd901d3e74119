//! Products of rows with rows, the arithmetic under everything here.
//!
//! Loops over sixteen lanes inside `pulp`'s run-time dispatch. Sums are f32, in an order that depends on the lengths
//! alone.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Arch, Simd, WithSimd};

/// Independent sums of a product: two AVX2 registers wide, one of AVX-512.
const LANES: usize = 16;
/// Rows that are multiplied at a time, so that a value is loaded once for all.
const TOGETHER: usize = 4;

/// `out[i, j] = a[i] · b[j]`. `a`: `[rows, dim]`; `b`: `[others, dim]`; `out`: `[rows, others]`.
///
/// # Panics
/// If the lengths do not fit.
pub(crate) fn products(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    assert_eq!(
        (a.len() / dim) * (b.len() / dim),
        out.len(),
        "products: values of the result"
    );
    Arch::new().dispatch(Products { a, b, dim, out });
}

/// `out[k] += Σ_i weights[i, k] · rows[i]`. `weights`: `[rows, outputs]`; `rows`: `[rows, dim]`; `out`: `[outputs, dim]`.
///
/// # Panics
/// If the lengths do not fit.
pub(super) fn add_weighted(weights: &[f32], rows: &[f32], dim: usize, out: &mut [f32]) {
    let outputs = out.len() / dim;
    assert_eq!(
        weights.len(),
        (rows.len() / dim) * outputs,
        "add_weighted: weights"
    );
    Arch::new().dispatch(Weighted {
        weights,
        rows,
        dim,
        out,
    });
}

struct Products<'a> {
    a: &'a [f32],
    b: &'a [f32],
    dim: usize,
    out: &'a mut [f32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let dim = self.dim;
        let others = self.b.len() / dim;
        let rows = self.a.chunks_exact(dim);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(others)) {
            let mut groups = self.b.chunks_exact(TOGETHER * dim);
            let mut outs = out.chunks_exact_mut(TOGETHER);
            for (group, out) in (&mut groups).zip(&mut outs) {
                out.copy_from_slice(&four(row, group));
            }
            let rest = groups.remainder().chunks_exact(dim);
            for (other, out) in rest.zip(outs.into_remainder()) {
                *out = dot(row, other);
            }
        }
    }
}

/// Products of one row with four.
#[inline(always)]
fn four(row: &[f32], group: &[f32]) -> [f32; TOGETHER] {
    let dim = row.len();
    let mut sums = [[0.0; LANES]; TOGETHER];
    let whole = dim - dim % LANES;
    for first in (0..whole).step_by(LANES) {
        let own = &row[first..first + LANES];
        for (at, sums) in sums.iter_mut().enumerate() {
            let other = &group[at * dim + first..][..LANES];
            for lane in 0..LANES {
                sums[lane] += own[lane] * other[lane];
            }
        }
    }
    let mut out = [0.0; TOGETHER];
    for at in 0..TOGETHER {
        let other = &group[at * dim + whole..(at + 1) * dim];
        out[at] = total(&sums[at], &row[whole..], other);
    }
    out
}

/// The same for one other row, with the same rounding.
#[inline(always)]
fn dot(row: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let whole = row.len() - row.len() % LANES;
    for first in (0..whole).step_by(LANES) {
        let (own, other) = (&row[first..first + LANES], &other[first..first + LANES]);
        for lane in 0..LANES {
            sums[lane] += own[lane] * other[lane];
        }
    }
    total(&sums, &row[whole..], &other[whole..])
}

#[inline(always)]
fn total(sums: &[f32; LANES], row: &[f32], other: &[f32]) -> f32 {
    let tail: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + tail
}

struct Weighted<'a> {
    weights: &'a [f32],
    rows: &'a [f32],
    dim: usize,
    out: &'a mut [f32],
}

impl WithSimd for Weighted<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let dim = self.dim;
        let outputs = self.out.len() / dim;
        let count = self.rows.len() / dim;
        let weight = |row: usize, output: usize| self.weights[row * outputs + output];
        let row = |at: usize| &self.rows[at * dim..][..dim];
        for (output, out) in self.out.chunks_exact_mut(dim).enumerate() {
            let mut at = 0;
            while at + TOGETHER <= count {
                let [w, x, y, z] = [0, 1, 2, 3].map(|next| weight(at + next, output));
                let [a, b, c, d] = [0, 1, 2, 3].map(|next| row(at + next));
                for channel in 0..dim {
                    let sum = w * a[channel] + x * b[channel];
                    out[channel] += sum + (y * c[channel] + z * d[channel]);
                }
                at += TOGETHER;
            }
            for at in at..count {
                let weight = weight(at, output);
                for (out, value) in out.iter_mut().zip(row(at)) {
                    *out += weight * value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scattered(count: usize, seed: u32) -> Vec<f32> {
        let value =
            |i: u32| (i ^ seed.wrapping_mul(97)).wrapping_mul(2_654_435_761) as f32 / 2e9 - 1.0;
        (0..count as u32).map(value).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn products_are_sums_of_products(
            rows in 1_usize..9, others in 1_usize..11, dim in 1_usize..40, seed: u32,
        ) {
            let (a, b) = (scattered(rows * dim, seed), scattered(others * dim, seed ^ 5));
            let mut out = vec![0.0; rows * others];
            products(&a, &b, dim, &mut out);
            let mut weighted = vec![1.0; others * dim];
            add_weighted(&out, &a, dim, &mut weighted);
            for i in 0..rows {
                for j in 0..others {
                    let expected: f32 = (0..dim).map(|d| a[i * dim + d] * b[j * dim + d]).sum();
                    // f32 sums of 40 terms below 1.
                    prop_assert!((out[i * others + j] - expected).abs() < 1e-4);
                }
            }
            for j in 0..others {
                for d in 0..dim {
                    let sum: f32 = (0..rows).map(|i| out[i * others + j] * a[i * dim + d]).sum();
                    prop_assert!((weighted[j * dim + d] - 1.0 - sum).abs() < 1e-3);
                }
            }
        }
    }

    #[test]
    fn a_product_does_not_depend_on_its_neighbors() {
        let (a, b) = (scattered(3 * 37, 1), scattered(7 * 37, 2));
        let mut all = vec![0.0; 21];
        products(&a, &b, 37, &mut all);
        for i in 0..3 {
            for j in 0..7 {
                let mut one = [0.0];
                products(&a[i * 37..][..37], &b[j * 37..][..37], 37, &mut one);
                assert_eq!(one[0].to_bits(), all[i * 7 + j].to_bits());
            }
        }
    }
}
