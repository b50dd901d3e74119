//! GELU, its derivative and the exponential on whole arrays.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::math;

/// Values that one task takes: they and their gradients fit the second-level cache.
const CHUNK: usize = 1 << 15;

/// GELU of each value.
pub(crate) fn gelu(arch: Arch, x: &[f32], out: &mut [f32]) {
    let chunks = out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    chunks.for_each(|(values, x)| {
        values.copy_from_slice(x);
        arch.dispatch(Gelu { values });
    });
}

/// Multiplies each gradient by the slope of GELU at `x`.
pub(crate) fn gelu_backward(arch: Arch, x: &[f32], gradient: &mut [f32]) {
    let chunks = gradient.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    chunks.for_each(|(gradient, x)| arch.dispatch(Slope { x, gradient }));
}

/// Replaces each value by `e^value`, relative error below 2e-7; clamped outside of `[-87, 88]`, where NaN goes too.
pub fn exp_in_place(values: &mut [f32]) {
    Arch::new().dispatch(Exp { values });
}

struct Exp<'a> {
    values: &'a mut [f32],
}

impl WithSimd for Exp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        math::map(
            simd,
            self.values,
            #[inline(always)]
            |x| math::exp(simd, x),
        );
    }
}

struct Gelu<'a> {
    values: &'a mut [f32],
}

impl WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        math::map(
            simd,
            self.values,
            #[inline(always)]
            |x| math::gelu(simd, x),
        );
    }
}

struct Slope<'a> {
    x: &'a [f32],
    gradient: &'a mut [f32],
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        math::zip(
            simd,
            self.gradient,
            self.x,
            #[inline(always)]
            |gradient, x| simd.mul_f32s(gradient, math::gelu_slope(simd, x)),
        );
    }
}
