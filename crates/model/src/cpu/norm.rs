//! Layer norm over the last axis.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{math, rows_per_task};

/// `out = (x − mean) / √(variance + eps) · gain + shift`, each row of `gain.len()` values by itself.
///
/// Variance is the biased one, taken in a second pass over the centred row: one pass loses digits
/// where a few channels are huge, as they are in deep layers.
pub(crate) fn layer_norm(
    arch: Arch,
    input: &[f32],
    gain: &[f32],
    shift: &[f32],
    eps: f32,
    out: &mut [f32],
) {
    let dim = gain.len();
    let rows = rows_per_task(out.len() / dim);
    out.par_chunks_mut(rows * dim)
        .zip(input.par_chunks(rows * dim))
        .for_each(|(out, input)| {
            arch.dispatch(Norm {
                input,
                gain,
                shift,
                eps,
                out,
            });
        });
}

struct Norm<'a> {
    input: &'a [f32],
    gain: &'a [f32],
    shift: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl WithSimd for Norm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dim = self.gain.len();
        for (x, out) in self
            .input
            .chunks_exact(dim)
            .zip(self.out.chunks_exact_mut(dim))
        {
            let mean = sum(
                simd,
                x,
                #[inline(always)]
                |v| v,
            ) / dim as f32;
            let mean_v = simd.splat_f32s(mean);
            let mut squares = 0.0;
            out.copy_from_slice(x);
            math::map(
                simd,
                out,
                #[inline(always)]
                |v| simd.sub_f32s(v, mean_v),
            );
            squares += sum(
                simd,
                out,
                #[inline(always)]
                |v| simd.mul_f32s(v, v),
            );
            let inverse = simd.splat_f32s(1.0 / (squares / dim as f32 + self.eps).sqrt());
            math::zip(
                simd,
                out,
                self.gain,
                #[inline(always)]
                |v, g| simd.mul_f32s(simd.mul_f32s(v, inverse), g),
            );
            math::zip(
                simd,
                out,
                self.shift,
                #[inline(always)]
                |v, s| simd.add_f32s(v, s),
            );
        }
    }
}

/// Sum of `f(x)` in four interleaved vector sums. `f(0)` must be 0, since the tail is padded with zeros.
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, x: &[f32], f: impl Fn(S::f32s) -> S::f32s) -> f32 {
    let (vectors, tail) = S::as_simd_f32s(x);
    let (fours, rest) = vectors.as_chunks::<4>();
    let mut sums = [simd.splat_f32s(0.0); 4];
    for four in fours {
        for (sum, &v) in sums.iter_mut().zip(four) {
            *sum = simd.add_f32s(*sum, f(v));
        }
    }
    for &v in rest {
        sums[0] = simd.add_f32s(sums[0], f(v));
    }
    sums[1] = simd.add_f32s(sums[1], f(simd.partial_load_f32s(tail)));
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}
