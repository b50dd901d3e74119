//! Gradients of layer norm over the last axis.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::norm::sum;
use super::{math, zeros};

/// Rows that one task takes; sums over them do not depend on the threads.
const ROWS: usize = 64;

/// Gradients of [`super::layer_norm`] by input, gain and shift; means and deviations are taken anew.
///
/// With `x̂` the normed row and `h = gradient · gain`: `(h − mean(h) − x̂ · mean(h · x̂)) / √(variance + eps)`.
/// `input`, `gradient`: `[rows, dim]`.
pub(crate) fn layer_norm_backward(
    arch: Arch,
    input: &[f32],
    gain: &[f32],
    eps: f32,
    gradient: &[f32],
) -> [Vec<f32>; 3] {
    let dim = gain.len();
    let mut by_input = zeros(input.len());
    let parts: Vec<[Vec<f32>; 2]> = by_input
        .par_chunks_mut(ROWS * dim)
        .zip(input.par_chunks(ROWS * dim))
        .zip(gradient.par_chunks(ROWS * dim))
        .map(|((out, input), gradient)| {
            let mut sums = [vec![0.0; dim], vec![0.0; dim]];
            let [by_gain, by_shift] = &mut sums;
            arch.dispatch(Backward {
                input,
                gain,
                eps,
                gradient,
                out,
                by_gain,
                by_shift,
                unit: &mut vec![0.0; dim],
            });
            sums
        })
        .collect();
    let total = |which: usize| {
        let mut sums = vec![0.0; dim];
        for part in &parts {
            for (sum, value) in sums.iter_mut().zip(&part[which]) {
                *sum += value;
            }
        }
        sums
    };
    let [by_gain, by_shift] = [total(0), total(1)];
    [by_input, by_gain, by_shift]
}

struct Backward<'a> {
    input: &'a [f32],
    gain: &'a [f32],
    eps: f32,
    gradient: &'a [f32],
    out: &'a mut [f32],
    /// Sums over the rows.
    by_gain: &'a mut [f32],
    by_shift: &'a mut [f32],
    /// Room for a normed row.
    unit: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dim = self.gain.len();
        let count = dim as f32;
        let rows = self
            .input
            .chunks_exact(dim)
            .zip(self.gradient.chunks_exact(dim))
            .zip(self.out.chunks_exact_mut(dim));
        let unit = self.unit;
        for ((x, gradient), out) in rows {
            let mean = simd.splat_f32s(
                sum(
                    simd,
                    x,
                    #[inline(always)]
                    |v| v,
                ) / count,
            );
            unit.copy_from_slice(x);
            math::map(
                simd,
                unit,
                #[inline(always)]
                |v| simd.sub_f32s(v, mean),
            );
            let squares = sum(
                simd,
                unit,
                #[inline(always)]
                |v| simd.mul_f32s(v, v),
            );
            let inverse = simd.splat_f32s(1.0 / (squares / count + self.eps).sqrt());
            math::map(
                simd,
                unit,
                #[inline(always)]
                |v| simd.mul_f32s(v, inverse),
            );
            // h in `out`, then h · x̂ summed by way of `unit`, which becomes gradient · x̂ at the end.
            out.copy_from_slice(gradient);
            math::zip(
                simd,
                out,
                self.gain,
                #[inline(always)]
                |g, gain| simd.mul_f32s(g, gain),
            );
            let mean_h = simd.splat_f32s(
                sum(
                    simd,
                    out,
                    #[inline(always)]
                    |v| v,
                ) / count,
            );
            let along = math::dot(simd, out, unit);
            let mean_along = simd.splat_f32s(along / count);
            math::zip(
                simd,
                out,
                unit,
                #[inline(always)]
                |h, u| {
                    let left =
                        simd.sub_f32s(simd.sub_f32s(h, mean_h), simd.mul_f32s(u, mean_along));
                    simd.mul_f32s(left, inverse)
                },
            );
            math::zip(
                simd,
                unit,
                gradient,
                #[inline(always)]
                |u, g| simd.mul_f32s(u, g),
            );
            for (sum, value) in self.by_gain.iter_mut().zip(&*unit) {
                *sum += value;
            }
            for (sum, value) in self.by_shift.iter_mut().zip(gradient) {
                *sum += value;
            }
        }
    }
}
