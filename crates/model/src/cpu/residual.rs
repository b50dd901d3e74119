//! The end of a residual branch, scaled by channel, and its gradient.

use pulp::Arch;
use rayon::prelude::*;

/// Rows that one task takes; sums over them do not depend on the threads.
const ROWS: usize = 128;

/// `out = onto + gamma · y`: `[rows, dim]`, `gamma` `[dim]`.
pub(crate) fn residual(arch: Arch, onto: &[f32], y: &[f32], gamma: &[f32], out: &mut [f32]) {
    let block = ROWS * gamma.len();
    out.par_chunks_mut(block)
        .zip(onto.par_chunks(block).zip(y.par_chunks(block)))
        .for_each(|(out, (onto, y))| {
            arch.dispatch(
                #[inline(always)]
                || {
                    let rows = onto
                        .chunks_exact(gamma.len())
                        .zip(y.chunks_exact(gamma.len()));
                    for (out, (onto, y)) in out.chunks_exact_mut(gamma.len()).zip(rows) {
                        let values = onto.iter().zip(y).zip(gamma);
                        for (out, ((onto, y), gamma)) in out.iter_mut().zip(values) {
                            *out = onto + y * gamma;
                        }
                    }
                },
            );
        });
}

/// Gradients by `y` (into `out`) and by gamma, which is returned; that by `onto` is `gradient` itself.
pub(crate) fn residual_backward(
    arch: Arch,
    y: &[f32],
    gamma: &[f32],
    gradient: &[f32],
    out: &mut [f32],
) -> Vec<f32> {
    let dim = gamma.len();
    let block = ROWS * dim;
    let parts: Vec<Vec<f32>> = out
        .par_chunks_mut(block)
        .zip(y.par_chunks(block).zip(gradient.par_chunks(block)))
        .map(|(out, (y, gradient))| {
            let mut sums = vec![0.0; dim];
            arch.dispatch(
                #[inline(always)]
                || {
                    let rows = y.chunks_exact(dim).zip(gradient.chunks_exact(dim));
                    for (out, (y, gradient)) in out.chunks_exact_mut(dim).zip(rows) {
                        let values = y.iter().zip(gradient).zip(gamma);
                        let places = out.iter_mut().zip(&mut sums);
                        for ((out, sum), ((y, gradient), gamma)) in places.zip(values) {
                            *out = gradient * gamma;
                            *sum += gradient * y;
                        }
                    }
                },
            );
            sums
        })
        .collect();
    let mut sums = vec![0.0; dim];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}
