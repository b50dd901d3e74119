//! Fused f32 kernels for the CPU: slices in, slices out, no tensor library.
//!
//! Each kernel is written once over `pulp`'s vectors and compiled for AVX-512, AVX2, NEON and plain code;
//! the machine decides at run time which one runs. [`crate::ops`] puts them behind tensor operations.

#![expect(
    clippy::inline_always,
    reason = "vector code has to be inlined into the function that is compiled for the machine's features"
)]

use rayon::prelude::*;

/// Calls `run::<S, TILE, WIDTH>` with the rows of a tile that fit the machine's registers and the vectors of a panel.
macro_rules! run_by_lanes {
    ($self:ident, $s:ident, $simd:ident) => {
        match $s::F32_LANES {
            16 => $self.run::<$s, 14, 2>($simd),
            8 => $self.run::<$s, 6, 4>($simd),
            4 => $self.run::<$s, 6, 8>($simd),
            _ => $self.run::<$s, 4, 32>($simd),
        }
    };
}

mod attention;
mod attention_backward;
mod dense;
mod depthwise;
mod gemm;
mod math;
mod norm;
mod norm_backward;
mod residual;
mod slope;

pub(crate) use attention::{Attention, attention};
pub(crate) use attention_backward::attention_backward;
pub(crate) use dense::{column_sums, dense, dense_input_backward, dense_weight_backward};
pub(crate) use depthwise::{Depthwise, depthwise};
pub(crate) use gemm::{Activation, Epilogue, Linear, PANEL, ffn, linear, pack_rows, packed_len};
pub(crate) use norm::layer_norm;
pub(crate) use norm_backward::layer_norm_backward;
pub(crate) use residual::{residual, residual_backward};
pub use slope::exp_in_place;
pub(crate) use slope::{gelu, gelu_backward};

/// Rows that one task takes: one task a thread while its rows fit the cache, more of equal size beyond.
///
/// A task reads all weights of a layer once, so fewer tasks move fewer bytes.
fn rows_per_task(rows: usize) -> usize {
    const LARGEST: usize = 224;
    let threads = rayon::current_num_threads();
    let tasks = rows.div_ceil(LARGEST).next_multiple_of(threads);
    rows.div_ceil(tasks).max(1)
}

/// As `copy_from_slice`; `N` values, the usual number, go through registers instead of a call.
#[inline(always)]
fn copy<const N: usize>(to: &mut [f32], from: &[f32]) {
    match (
        <&mut [f32; N]>::try_from(&mut *to),
        <&[f32; N]>::try_from(from),
    ) {
        (Ok(to), Ok(from)) => *to = *from,
        _ => to.copy_from_slice(from),
    }
}

/// `len` zeros, written by all threads: a pass over memory that one of them would make alone.
pub(crate) fn zeros(len: usize) -> Vec<f32> {
    const FEW: usize = 1 << 14;
    /// Values that are written at a time: a cache line.
    const LINE: usize = 16;
    if len < FEW {
        return vec![0.0; len];
    }
    let mut lines = Vec::new();
    lines.par_extend(rayon::iter::repeat_n([0.0_f32; LINE], len.div_ceil(LINE)));
    let mut values = lines.into_flattened();
    values.truncate(len);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulp::Arch;

    use crate::watch::Stop;

    /// Every road that this machine can take.
    fn archs() -> Vec<Arch> {
        let mut archs = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        archs.extend(pulp::x86::V3::try_new().map(Arch::V3));
        archs
    }

    fn values(len: usize, seed: usize) -> Vec<f32> {
        (0..len)
            .map(|i| ((i * 37 + seed * 101) % 1009) as f32 / 504.5 - 1.0)
            .collect()
    }

    /// `weight` is `[outputs, inputs]`.
    fn product(input: &[f32], weight: &[f32], bias: &[f32], inputs: usize) -> Vec<f64> {
        let dot = |x: &[f32], w: &[f32]| {
            x.iter()
                .zip(w)
                .map(|(&x, &w)| f64::from(x) * f64::from(w))
                .sum::<f64>()
        };
        let row = |x: &[f32]| {
            let outputs = weight.chunks_exact(inputs).zip(bias);
            outputs
                .map(|(w, &b)| dot(x, w) + f64::from(b))
                .collect::<Vec<_>>()
        };
        input.chunks_exact(inputs).flat_map(row).collect()
    }

    fn packed(weight: &[f32], inputs: usize) -> Vec<f32> {
        let mut panels = vec![0.0; packed_len(inputs, weight.len() / inputs)];
        pack_rows(weight, inputs, &mut panels);
        panels
    }

    fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(found) - expected).abs();
            assert!(
                error <= tolerance * (1.0 + expected.abs()),
                "[{i}]: {found} found, {expected} expected"
            );
        }
    }

    fn gelu(x: f64) -> f64 {
        // Simpson's rule on the normal density: good to 1e-9 on the range used here.
        let steps = 2000;
        let h = x / f64::from(steps);
        let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
        let weight = |i: i32| {
            if i == 0 || i == steps {
                1.0
            } else {
                f64::from(2 + 2 * (i % 2))
            }
        };
        let sum: f64 = (0..=steps)
            .map(|i| weight(i) * density(f64::from(i) * h))
            .sum();
        x * (0.5 + sum * h / 3.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn linear_layers_match_f64(rows in 1_usize..70, inputs in 1_usize..90, outputs in 1_usize..100) {
            let (input, weight) = (values(rows * inputs, 1), values(outputs * inputs, 2));
            let (bias, scale) = (values(outputs, 3), values(outputs, 4));
            let panels = packed(&weight, inputs);
            let layer = Linear { panels: &panels, bias: &bias, inputs, outputs, stop: &Stop::default() };
            let plain = product(&input, &weight, &bias, inputs);
            let onto = values(rows * outputs, 5);
            for arch in archs() {
                let mut out = vec![0.0; rows * outputs];
                linear(arch, layer, &input, Epilogue::Store, &mut out);
                assert_close(&out, &plain, 2e-5);
                linear(arch, layer, &input, Epilogue::Activate(Activation::Gelu), &mut out);
                assert_close(&out, &plain.iter().map(|&y| gelu(y)).collect::<Vec<_>>(), 2e-5);
                let mut out = onto.clone();
                linear(arch, layer, &input, Epilogue::Add(&scale), &mut out);
                let added = |(i, y): (usize, &f64)| f64::from(onto[i]) + f64::from(scale[i % outputs]) * y;
                assert_close(&out, &plain.iter().enumerate().map(added).collect::<Vec<_>>(), 2e-5);
                let mut out = onto.clone();
                linear(arch, layer, &input, Epilogue::Gate(Activation::Silu), &mut out);
                let silu = |x: f64| x / (1.0 + (-x).exp());
                let gated = |(i, y): (usize, &f64)| silu(f64::from(onto[i])) * y;
                assert_close(&out, &plain.iter().enumerate().map(gated).collect::<Vec<_>>(), 2e-5);
            }
        }

        #[test]
        fn attention_matches_f64(tokens in 2_usize..300, heads in 1_usize..4, quarter in 1_usize..18, prefix in 0_usize..5) {
            let (head_dim, prefix) = (4 * quarter, prefix.min(tokens - 1));
            let dim = heads * head_dim;
            let qkv = values(tokens * 3 * dim, 6);
            let angles = values((tokens - prefix) * head_dim / 2, 7);
            let cos: Vec<f32> = angles.iter().map(|a| (a * 6.0).cos()).collect();
            let sin: Vec<f32> = angles.iter().map(|a| (a * 6.0).sin()).collect();
            let expected = attention_f64(&qkv, &cos, &sin, [tokens, heads, head_dim, prefix]);
            for arch in archs() {
                let mut out = vec![0.0; tokens * dim];
                let shape = Attention { tokens, heads, head_dim, cos: &cos, sin: &sin, stop: &Stop::default() };
                attention(arch, shape, &qkv, &mut out);
                assert_close(&out, &expected, 1e-5);
            }
        }

        #[test]
        fn attention_gradients_are_slopes(tokens in 2_usize..120, heads in 1_usize..3, quarter in 1_usize..18, prefix in 0_usize..5) {
            let (head_dim, prefix) = (4 * quarter, prefix.min(tokens - 1));
            let dim = heads * head_dim;
            let qkv = values(tokens * 3 * dim, 6);
            let angles = values((tokens - prefix) * head_dim / 2, 7);
            let cos: Vec<f32> = angles.iter().map(|a| (a * 6.0).cos()).collect();
            let sin: Vec<f32> = angles.iter().map(|a| (a * 6.0).sin()).collect();
            let gradient = values(tokens * dim, 8);
            let sizes = [tokens, heads, head_dim, prefix];
            let loss = |qkv: &[f32]| -> f64 {
                let out = attention_f64(qkv, &cos, &sin, sizes);
                out.iter().zip(&gradient).map(|(y, &g)| y * f64::from(g)).sum()
            };
            // Along one direction: the loss changes by the gradient times the step.
            let direction = values(qkv.len(), 11);
            let moved = |step: f32| -> Vec<f32> {
                qkv.iter().zip(&direction).map(|(x, d)| x + step * d).collect()
            };
            let (ahead, behind) = (moved(1.0 / 1024.0), moved(-1.0 / 1024.0));
            let slope = (loss(&ahead) - loss(&behind)) * 512.0;
            for arch in archs() {
                let mut out = vec![0.0; qkv.len()];
                let shape = Attention { tokens, heads, head_dim, cos: &cos, sin: &sin, stop: &Stop::default() };
                attention_backward(arch, shape, &qkv, &gradient, &mut out);
                // The direction that was really taken, after rounding.
                let taken = ahead.iter().zip(&behind).map(|(a, b)| (f64::from(*a) - f64::from(*b)) * 512.0);
                let found: f64 = out.iter().zip(taken).map(|(&o, d)| f64::from(o) * d).sum();
                prop_assert!((found - slope).abs() <= 1e-3 * (1.0 + slope.abs()), "{found} found, slope {slope}");
            }
        }

        #[test]
        fn layer_norms_match_f64(rows in 1_usize..20, dim in 1_usize..90, offset in -50.0_f32..50.0) {
            let input: Vec<f32> = values(rows * dim, 8).iter().map(|x| x + offset).collect();
            let (gain, shift) = (values(dim, 9), values(dim, 10));
            let expected: Vec<f64> = input.chunks_exact(dim).flat_map(|row| {
                let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
                let mean = row.iter().sum::<f64>() / dim as f64;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / dim as f64;
                let scale = 1.0 / (variance + 1e-5).sqrt();
                let norm = |(i, x): (usize, f64)| (x - mean) * scale * f64::from(gain[i]) + f64::from(shift[i]);
                row.into_iter().enumerate().map(norm).collect::<Vec<_>>()
            }).collect();
            for arch in archs() {
                let mut out = vec![0.0; rows * dim];
                layer_norm(arch, &input, &gain, &shift, 1e-5, &mut out);
                // The mean of f32 values near 50 is good to about 4e-6, which a small deviation magnifies.
                assert_close(&out, &expected, 2e-4);
            }
        }

        #[test]
        fn depthwise_convolutions_match_f64(rows in 1_usize..12, columns in 1_usize..12, channels in 1_usize..80) {
            let input = values(2 * rows * columns * channels, 11);
            let (weight, bias) = (values(49 * channels, 12), values(channels, 13));
            let at = |picture: usize, y: usize, x: usize, c: usize| f64::from(input[((picture * rows + y) * columns + x) * channels + c]);
            let mut expected = Vec::new();
            for picture in 0..2 {
                for y in 0..rows { for x in 0..columns { for c in 0..channels {
                    let mut sum = f64::from(bias[c]);
                    for dy in 0..7 { for dx in 0..7 {
                        let (Some(sy), Some(sx)) = ((y + dy).checked_sub(3), (x + dx).checked_sub(3)) else { continue };
                        if sy < rows && sx < columns {
                            sum += f64::from(weight[(dy * 7 + dx) * channels + c]) * at(picture, sy, sx, c);
                        }
                    } }
                    expected.push(sum);
                } } }
            }
            for arch in archs() {
                let mut out = vec![0.0; input.len()];
                depthwise(arch, Depthwise { rows, columns, weight: &weight, bias: &bias, stop: &Stop::default() }, &input, &mut out);
                assert_close(&out, &expected, 2e-5);
            }
        }
    }

    #[test]
    fn stopped_kernels_leave_rows_as_they_are() {
        let stop = &Stop::default();
        stop.set();
        let (rows, dim) = (40, 32);
        let (input, scale) = (values(rows * dim * 3, 1), values(dim, 2));
        let panels = packed(&values(dim * dim, 3), dim);
        let layer = Linear {
            panels: &panels,
            bias: &scale,
            inputs: dim,
            outputs: dim,
            stop,
        };
        let shape = Attention {
            tokens: rows,
            heads: 1,
            head_dim: dim,
            cos: &[],
            sin: &[],
            stop,
        };
        let taps = values(49 * dim, 4);
        let convolution = Depthwise {
            rows: 5,
            columns: 8,
            weight: &taps,
            bias: &scale,
            stop,
        };
        let (arch, plain) = (Arch::new(), &input[..rows * dim]);
        let kept = vec![9.0; rows * dim];
        let mut out = kept.clone();
        linear(arch, layer, plain, Epilogue::Store, &mut out);
        ffn(
            arch,
            Some(layer),
            [layer; 2],
            Activation::Silu,
            plain,
            &scale,
            &mut out,
        );
        attention(arch, shape, &input, &mut out);
        depthwise(arch, convolution, plain, &mut out);
        assert_eq!(out, kept);
    }

    fn attention_f64(
        qkv: &[f32],
        cos: &[f32],
        sin: &[f32],
        [tokens, heads, head_dim, prefix]: [usize; 4],
    ) -> Vec<f64> {
        let (dim, half) = (heads * head_dim, head_dim / 2);
        let part = |part: usize, token: usize, head: usize| -> Vec<f64> {
            let x: Vec<f64> = qkv[(token * 3 + part) * dim + head * head_dim..][..head_dim]
                .iter()
                .map(|&x| f64::from(x))
                .collect();
            if token < prefix || part == 2 {
                return x;
            }
            let angle = |j: usize| (token - prefix) * half + j % half;
            let turned = |j: usize| {
                let (cos, sin) = (f64::from(cos[angle(j)]), f64::from(sin[angle(j)]));
                if j < half {
                    x[j] * cos - x[j + half] * sin
                } else {
                    x[j] * cos + x[j - half] * sin
                }
            };
            (0..head_dim).map(turned).collect()
        };
        let mut out = vec![0.0; tokens * dim];
        for head in 0..heads {
            let keys: Vec<_> = (0..tokens).map(|token| part(1, token, head)).collect();
            for token in 0..tokens {
                let query = part(0, token, head);
                let dot = |key: &Vec<f64>| {
                    key.iter().zip(&query).map(|(k, q)| k * q).sum::<f64>()
                        / (head_dim as f64).sqrt()
                };
                let scores: Vec<f64> = keys.iter().map(dot).collect();
                let most = scores.iter().copied().fold(f64::MIN, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                let total: f64 = weights.iter().sum();
                for (other, weight) in weights.iter().enumerate() {
                    for (j, value) in part(2, other, head).into_iter().enumerate() {
                        out[token * dim + head * head_dim + j] += weight / total * value;
                    }
                }
            }
        }
        out
    }
}
