//! Gradient of self-attention by the fused qkv projection.
//!
//! A task takes one head of one picture. Scores are computed anew for a block of query rows at a time, so that
//! the forward pass keeps nothing: `P = softmax(Q Kᵀ)`, `dP = dO Vᵀ`, `dS = P ∘ (dP − rowsum(P ∘ dP))`,
//! `dQ = dS K`, `dK = dSᵀ Q`, `dV = Pᵀ dO`.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::attention::{Attention, largest, powers, tiles};
use super::gemm::{PANEL, Tile, product_of};
use super::{copy, math, zeros};

/// Query rows whose scores are in memory at once, at most: whole tiles of every machine.
const ROWS: usize = 84;

/// `qkv` `[batch, tokens, 3, heads, head_dim]`, `gradient` `[batch, tokens, heads, head_dim]` → `out` as `qkv`.
pub(crate) fn attention_backward(
    arch: Arch,
    shape: Attention<'_>,
    qkv: &[f32],
    gradient: &[f32],
    out: &mut [f32],
) {
    let Attention {
        tokens,
        heads,
        head_dim,
        ..
    } = shape;
    let (dim, width) = (heads * head_dim, shape.width());
    let pictures = out.len() / (3 * dim * tokens);
    // `[pictures, heads, 3, tokens, width]`.
    let mut parts = zeros(pictures * heads * 3 * tokens * width);
    parts
        .par_chunks_exact_mut(3 * tokens * width)
        .enumerate()
        .for_each_init(Scratch::default, |scratch, (index, parts)| {
            let picture = index / heads;
            arch.dispatch(OneHead {
                shape,
                index: index % heads,
                qkv: &qkv[picture * tokens * 3 * dim..],
                gradient: &gradient[picture * tokens * dim..],
                scratch,
                parts,
            });
        });
    // Queries came in scaled, in units of ln 2.
    let factors = [1.0 / (head_dim as f32).sqrt(), std::f32::consts::LN_2, 1.0];
    out.par_chunks_exact_mut(3 * dim)
        .with_min_len(64)
        .enumerate()
        .for_each(|(row, out)| {
            let (picture, token) = (row / tokens, row % tokens);
            for (index, out) in out.chunks_exact_mut(head_dim).enumerate() {
                let (part, head) = (index / heads, index % heads);
                let row = ((picture * heads + head) * 3 + part) * tokens + token;
                let from = &parts[row * width..][..head_dim];
                if part == 2 {
                    out.copy_from_slice(from);
                } else {
                    shape.turn_back(token, from, factors[part], out);
                }
            }
        });
}

impl Attention<'_> {
    /// Channels of a head, in whole panels.
    fn width(&self) -> usize {
        self.head_dim.next_multiple_of(PANEL)
    }

    /// Turns the gradient of a turned query or key back, times `factor`.
    fn turn_back(&self, token: usize, x: &[f32], factor: f32, out: &mut [f32]) {
        let half = self.head_dim / 2;
        let prefix = self.tokens - self.cos.len() / half;
        let Some(patch) = token.checked_sub(prefix) else {
            for (out, x) in out.iter_mut().zip(x) {
                *out = x * factor;
            }
            return;
        };
        let cos = &self.cos[patch * half..][..half];
        let sin = &self.sin[patch * half..][..half];
        let (x0, x1) = x.split_at(half);
        let (out0, out1) = out.split_at_mut(half);
        for j in 0..half {
            out0[j] = factor * (x0[j] * cos[j] + x1[j] * sin[j]);
            out1[j] = factor * (x1[j] * cos[j] - x0[j] * sin[j]);
        }
    }
}

/// Buffers of one task, kept from head to head.
#[derive(Default)]
struct Scratch {
    /// Rows `[tokens, width]`, channels beyond the head's zero: turned and scaled queries, turned keys, gradients.
    queries: Vec<f32>,
    keys: Vec<f32>,
    gradient: Vec<f32>,
    /// Panels over tokens, `[tokens / 32, head_dim, 32]`: turned keys, values.
    key_columns: Vec<f32>,
    value_columns: Vec<f32>,
    /// Panels over channels, `[width / 32, tokens, 32]`: turned keys; of one block, queries and gradients.
    key_rows: Vec<f32>,
    query_rows: Vec<f32>,
    gradient_rows: Vec<f32>,
    /// Weights, then those of their gradient `[rows, tokens padded to 32]`.
    weights: Vec<f32>,
    by_scores: Vec<f32>,
}

struct OneHead<'a> {
    shape: Attention<'a>,
    index: usize,
    /// From the picture's first token on.
    qkv: &'a [f32],
    gradient: &'a [f32],
    scratch: &'a mut Scratch,
    /// Gradients by queries, keys and values: `[3, tokens, width]`, zeros.
    parts: &'a mut [f32],
}

impl WithSimd for OneHead<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        run_by_lanes!(self, S, simd);
    }
}

impl OneHead<'_> {
    #[inline(always)]
    fn run<S: Simd, const TILE: usize, const WIDTH: usize>(self, simd: S) {
        let shape = self.shape;
        let (tokens, head_dim, width) = (shape.tokens, shape.head_dim, shape.width());
        let columns = tokens.next_multiple_of(PANEL);
        let scratch = self.scratch;
        scratch.load(shape, self.index, self.qkv, self.gradient);
        let (by_queries, rest) = self.parts.split_at_mut(tokens * width);
        let (by_keys, by_values) = rest.split_at_mut(tokens * width);
        let blocks = tokens.div_ceil(ROWS);
        for block in 0..blocks {
            let (first, end) = (block * tokens / blocks, (block + 1) * tokens / blocks);
            let rows = end - first;
            scratch.weights.resize(rows * columns, 0.0);
            scratch.by_scores.resize(rows * columns, 0.0);
            let queries = &scratch.queries[first * width..end * width];
            let gradient = &scratch.gradient[first * width..end * width];
            panels_of_rows(queries, width, &mut scratch.query_rows);
            panels_of_rows(gradient, width, &mut scratch.gradient_rows);
            // `P = softmax(Q Kᵀ)` and `dP = dO Vᵀ`.
            let products = [
                (queries, &scratch.key_columns, &mut scratch.weights),
                (gradient, &scratch.value_columns, &mut scratch.by_scores),
            ];
            for (rows_of, panels, out) in products {
                multiply::<S, TILE, WIDTH, false>(
                    simd,
                    (rows_of, width),
                    (panels, head_dim),
                    rows,
                    (out, columns),
                );
            }
            let pairs = scratch.weights.chunks_exact_mut(columns);
            for (weights, by_scores) in pairs.zip(scratch.by_scores.chunks_exact_mut(columns)) {
                slope(simd, &mut weights[..tokens], &mut by_scores[..tokens]);
            }
            // `dQ = dS K`, `dK = dSᵀ Q`, `dV = Pᵀ dO`.
            let out = &mut by_queries[first * width..end * width];
            let by_scores = &scratch.by_scores[..];
            multiply::<S, TILE, WIDTH, false>(
                simd,
                (by_scores, columns),
                (&scratch.key_rows, tokens),
                rows,
                (out, width),
            );
            let sums = [
                (by_scores, &scratch.query_rows, &mut *by_keys),
                (
                    &scratch.weights[..],
                    &scratch.gradient_rows,
                    &mut *by_values,
                ),
            ];
            for (columns_of, panels, out) in sums {
                multiply::<S, TILE, WIDTH, true>(
                    simd,
                    (columns_of, columns),
                    (panels, rows),
                    tokens,
                    (out, width),
                );
            }
        }
    }
}

impl Scratch {
    /// Gathers one head of one picture.
    #[inline(always)]
    fn load(&mut self, shape: Attention<'_>, head: usize, qkv: &[f32], gradient: &[f32]) {
        let (tokens, head_dim, width) = (shape.tokens, shape.head_dim, shape.width());
        let dim = shape.heads * head_dim;
        // Scores in units of ln 2, so that weights are plain powers of two.
        let scale = std::f32::consts::LOG2_E / (head_dim as f32).sqrt();
        for rows in [&mut self.queries, &mut self.keys, &mut self.gradient] {
            rows.clear();
            rows.resize(tokens * width, 0.0);
        }
        for token in 0..tokens {
            let query = &mut self.queries[token * width..][..head_dim];
            shape.rotate(token, shape.part(qkv, 0, token, head), query);
            for q in query {
                *q *= scale;
            }
            let key = &mut self.keys[token * width..][..head_dim];
            shape.rotate(token, shape.part(qkv, 1, token, head), key);
            self.gradient[token * width..][..head_dim]
                .copy_from_slice(&gradient[token * dim + head * head_dim..][..head_dim]);
        }
        panels_of_rows(&self.keys, width, &mut self.key_rows);
        let keys = |token: usize| &self.keys[token * width..][..head_dim];
        panels_of_columns(tokens, head_dim, keys, &mut self.key_columns);
        let values = |token: usize| shape.part(qkv, 2, token, head);
        panels_of_columns(tokens, head_dim, values, &mut self.value_columns);
    }
}

/// `[rows, width]` → panels `[width / 32, rows, 32]`.
#[inline(always)]
fn panels_of_rows(matrix: &[f32], width: usize, panels: &mut Vec<f32>) {
    let rows = matrix.len() / width;
    panels.resize(matrix.len(), 0.0);
    for (index, panel) in panels.chunks_exact_mut(rows * PANEL).enumerate() {
        for (to, from) in panel
            .chunks_exact_mut(PANEL)
            .zip(matrix.chunks_exact(width))
        {
            copy::<PANEL>(to, &from[index * PANEL..][..PANEL]);
        }
    }
}

/// `tokens` rows of `head_dim` channels → panels `[tokens / 32, head_dim, 32]`; tokens beyond the last are zero.
#[inline(always)]
fn panels_of_columns<'a>(
    tokens: usize,
    head_dim: usize,
    row: impl Fn(usize) -> &'a [f32],
    panels: &mut Vec<f32>,
) {
    panels.clear();
    panels.resize(tokens.next_multiple_of(PANEL) * head_dim, 0.0);
    for (index, panel) in panels.chunks_exact_mut(head_dim * PANEL).enumerate() {
        let first = index * PANEL;
        for column in 0..PANEL.min(tokens - first) {
            for (to, value) in panel.chunks_exact_mut(PANEL).zip(row(first + column)) {
                to[column] = *value;
            }
        }
    }
}

/// Scores to weights, and the gradient by weights to that by scores.
#[inline(always)]
fn slope<S: Simd>(simd: S, weights: &mut [f32], gradient: &mut [f32]) {
    let most = largest(simd, weights);
    let inverse = simd.splat_f32s(1.0 / powers(simd, weights, most));
    math::map(
        simd,
        weights,
        #[inline(always)]
        |weight| simd.mul_f32s(weight, inverse),
    );
    let along = simd.splat_f32s(math::dot(simd, weights, gradient));
    math::zip(
        simd,
        gradient,
        weights,
        #[inline(always)]
        |slope, weight| simd.mul_f32s(weight, simd.sub_f32s(slope, along)),
    );
}

/// `out = input · panels`, or with `ACROSS` `out += inputᵀ · panels`: rows of `input` and `out` so many floats apart,
/// panels of `inner` rows.
#[inline(always)]
fn multiply<S: Simd, const TILE: usize, const WIDTH: usize, const ACROSS: bool>(
    simd: S,
    (input, stride): (&[f32], usize),
    (panels, inner): (&[f32], usize),
    rows: usize,
    (out, out_stride): (&mut [f32], usize),
) {
    for (p, panel) in panels.chunks_exact(inner * PANEL).enumerate() {
        let (vectors, _) = S::as_simd_f32s(panel);
        let (panel, _) = vectors.as_chunks::<WIDTH>();
        tiles::<TILE>(
            rows,
            #[inline(always)]
            |top, height| {
                let into = Tile {
                    rows: height,
                    out: &mut out[top * out_stride + p * PANEL..],
                    stride: out_stride,
                    add: ACROSS,
                };
                let first = if ACROSS { top } else { top * stride };
                let input = &input[first..];
                product_of::<S, TILE, WIDTH, ACROSS>(simd, input, stride, panel, into);
            },
        );
    }
}
