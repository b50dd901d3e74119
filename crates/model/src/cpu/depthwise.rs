//! Depthwise 7×7 convolution on channels-last maps, zero padding 3, stride 1.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::watch::Stop;

/// Side of the kernel.
const SIDE: usize = 7;

/// One depthwise layer and the shape of its maps.
#[derive(Clone, Copy)]
pub(crate) struct Depthwise<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// `[7, 7, channels]`.
    pub(crate) weight: &'a [f32],
    /// `[channels]`.
    pub(crate) bias: &'a [f32],
    /// Once set, rows are left as they are.
    pub(crate) stop: &'a Stop,
}

/// `input` and `out`: `[batch, rows, columns, channels]`.
pub(crate) fn depthwise(arch: Arch, layer: Depthwise<'_>, input: &[f32], out: &mut [f32]) {
    let Depthwise {
        rows,
        columns,
        bias,
        stop,
        ..
    } = layer;
    let line = columns * bias.len();
    out.par_chunks_exact_mut(line)
        .enumerate()
        .for_each(|(i, out)| {
            if stop.is_set() {
                return;
            }
            let picture = &input[i / rows * rows * line..][..rows * line];
            arch.dispatch(Line {
                layer,
                picture,
                row: i % rows,
                out,
            });
        });
}

struct Line<'a> {
    layer: Depthwise<'a>,
    picture: &'a [f32],
    row: usize,
    out: &'a mut [f32],
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            layer:
                Depthwise {
                    rows,
                    columns,
                    weight,
                    bias,
                    ..
                },
            picture,
            row,
            out,
        } = self;
        let channels = bias.len();
        // Output row `row` reads input rows `row − 3 ..= row + 3`, those inside the picture.
        let (top, bottom) = (row.saturating_sub(SIDE / 2), (row + SIDE / 2 + 1).min(rows));
        for (column, out) in out.chunks_exact_mut(channels).enumerate() {
            let (left, right) = (
                column.saturating_sub(SIDE / 2),
                (column + SIDE / 2 + 1).min(columns),
            );
            out.copy_from_slice(bias);
            let mut first = 0;
            // Four vectors of channels at a time keep their sums in registers over all taps.
            while first < channels {
                let count = (4 * S::F32_LANES).min(channels - first);
                let (vectors, tail) = S::as_mut_simd_f32s(&mut out[first..][..count]);
                let mut sums = [simd.splat_f32s(0.0); 4];
                let mut tail_sum = simd.partial_load_f32s(tail);
                for (sum, &v) in sums.iter_mut().zip(vectors.iter()) {
                    *sum = v;
                }
                for y in top..bottom {
                    for x in left..right {
                        let tap = (y + SIDE / 2 - row) * SIDE + (x + SIDE / 2 - column);
                        let (w, w_tail) =
                            S::as_simd_f32s(&weight[tap * channels + first..][..count]);
                        let (v, v_tail) = S::as_simd_f32s(
                            &picture[(y * columns + x) * channels + first..][..count],
                        );
                        for ((sum, &w), &v) in sums.iter_mut().zip(w).zip(v) {
                            *sum = simd.mul_add_e_f32s(w, v, *sum);
                        }
                        if !w_tail.is_empty() {
                            let (w, v) = (
                                simd.partial_load_f32s(w_tail),
                                simd.partial_load_f32s(v_tail),
                            );
                            tail_sum = simd.mul_add_e_f32s(w, v, tail_sum);
                        }
                    }
                }
                for (v, sum) in vectors.iter_mut().zip(sums) {
                    *v = sum;
                }
                simd.partial_store_f32s(tail, tail_sum);
                first += count;
            }
        }
    }
}
