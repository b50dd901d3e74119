//! Gradients of layer norm over the last axis.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::dense::column_sums;
use super::norm::sum;
use super::{math, zeros};

/// Rows that one task takes.
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
    // The gradient times the normed row, whose columns add up to the gain's.
    let mut by_gain = zeros(input.len());
    by_input
        .par_chunks_mut(ROWS * dim)
        .zip(by_gain.par_chunks_mut(ROWS * dim))
        .zip(input.par_chunks(ROWS * dim))
        .zip(gradient.par_chunks(ROWS * dim))
        .for_each(|(((out, scaled), input), gradient)| {
            arch.dispatch(Backward {
                input,
                gain,
                eps,
                gradient,
                out,
                scaled,
            });
        });
    let by_gain = column_sums(arch, &by_gain, dim);
    let by_shift = column_sums(arch, gradient, dim);
    [by_input, by_gain, by_shift]
}

struct Backward<'a> {
    input: &'a [f32],
    gain: &'a [f32],
    eps: f32,
    gradient: &'a [f32],
    out: &'a mut [f32],
    scaled: &'a mut [f32],
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
            .zip(
                self.out
                    .chunks_exact_mut(dim)
                    .zip(self.scaled.chunks_exact_mut(dim)),
            );
        for ((x, gradient), (out, unit)) in rows {
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
        }
    }
}
