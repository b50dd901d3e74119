//! Self-attention with rotary positions, straight from the fused qkv projection; never `[tokens, tokens]`.
//!
//! Keys and values of a picture are packed once; then each task takes a block of query rows through all
//! heads, walking the keys in blocks with a running maximum and sum (online softmax).

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::gemm::{PANEL, Tile, product};
use super::{copy, math, rows_per_task};
use crate::watch::Stop;

/// Keys that are scored before the running sums are updated.
const KEY_BLOCK: usize = 8 * PANEL;

/// Shape and rotary table of an attention layer.
#[derive(Clone, Copy)]
pub(crate) struct Attention<'a> {
    /// Tokens of one picture.
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
    pub(crate) head_dim: usize,
    /// `[patches, head_dim / 2]`, for the last `patches` tokens.
    pub(crate) cos: &'a [f32],
    /// As `cos`.
    pub(crate) sin: &'a [f32],
    /// Once set, rows are left as they are.
    pub(crate) stop: &'a Stop,
}

/// `qkv` `[batch, tokens, 3, heads, head_dim]` → `out` `[batch, tokens, heads, head_dim]`.
pub(crate) fn attention(arch: Arch, shape: Attention<'_>, qkv: &[f32], out: &mut [f32]) {
    let Attention {
        tokens,
        heads,
        head_dim,
        ..
    } = shape;
    let dim = heads * head_dim;
    let key_len = tokens.div_ceil(PANEL) * PANEL * head_dim;
    let value_len = head_dim.div_ceil(PANEL) * PANEL * tokens;
    let mut keys = vec![0.0; heads * key_len];
    let mut values = vec![0.0; heads * value_len];
    let rows = rows_per_task(tokens).min(112);
    for (qkv, out) in qkv
        .chunks_exact(3 * dim * tokens)
        .zip(out.chunks_exact_mut(dim * tokens))
    {
        keys.par_chunks_exact_mut(PANEL * head_dim)
            .enumerate()
            .for_each(|(i, panel)| {
                let panels = tokens.div_ceil(PANEL);
                shape.pack_keys(qkv, i / panels, i % panels * PANEL, panel);
            });
        values
            .par_chunks_exact_mut(PANEL * tokens)
            .enumerate()
            .for_each(|(i, panel)| {
                let panels = head_dim.div_ceil(PANEL);
                shape.pack_values(qkv, i / panels, i % panels * PANEL, panel);
            });
        let (keys, values) = (&keys[..], &values[..]);
        out.par_chunks_mut(rows * dim).enumerate().for_each_init(
            Scratch::default,
            |scratch, (i, out)| {
                arch.dispatch(Queries {
                    shape,
                    qkv,
                    keys,
                    values,
                    first: i * rows,
                    scratch,
                    out,
                });
            },
        );
    }
}

impl Attention<'_> {
    /// Part 0, 1 or 2 (query, key, value) of one token and head: `[head_dim]`.
    #[inline(always)]
    pub(super) fn part<'q>(
        &self,
        qkv: &'q [f32],
        part: usize,
        token: usize,
        head: usize,
    ) -> &'q [f32] {
        let dim = self.heads * self.head_dim;
        &qkv[(token * 3 + part) * dim + head * self.head_dim..][..self.head_dim]
    }

    /// Turns a query or key by its position; tokens in front of the patches stay as they are.
    #[inline(always)]
    pub(super) fn rotate(&self, token: usize, x: &[f32], out: &mut [f32]) {
        let half = self.head_dim / 2;
        let prefix = self.tokens - self.cos.len() / half;
        let Some(patch) = token.checked_sub(prefix) else {
            return out.copy_from_slice(x);
        };
        let (cos, sin) = (
            &self.cos[patch * half..][..half],
            &self.sin[patch * half..][..half],
        );
        let (x0, x1) = x.split_at(half);
        let (out0, out1) = out.split_at_mut(half);
        for j in 0..half {
            out0[j] = x0[j] * cos[j] - x1[j] * sin[j];
            out1[j] = x1[j] * cos[j] + x0[j] * sin[j];
        }
    }

    /// Turned keys `[head_dim, 32]` of 32 tokens from `first`; tokens beyond the last are zero.
    fn pack_keys(&self, qkv: &[f32], head: usize, first: usize, panel: &mut [f32]) {
        let mut turned = vec![0.0; self.head_dim];
        for column in 0..PANEL.min(self.tokens - first) {
            self.rotate(
                first + column,
                self.part(qkv, 1, first + column, head),
                &mut turned,
            );
            for (row, &value) in turned.iter().enumerate() {
                panel[row * PANEL + column] = value;
            }
        }
    }

    /// Values `[tokens, 32]` of 32 channels from `first`; channels beyond the last are zero.
    fn pack_values(&self, qkv: &[f32], head: usize, first: usize, panel: &mut [f32]) {
        let channels = PANEL.min(self.head_dim - first);
        for (token, row) in panel.chunks_exact_mut(PANEL).enumerate() {
            let values = &self.part(qkv, 2, token, head)[first..][..channels];
            copy::<PANEL>(&mut row[..channels], values);
        }
    }
}

/// Buffers of one task, kept from block to block.
#[derive(Default)]
struct Scratch {
    /// Turned and scaled queries `[rows, head_dim]`.
    queries: Vec<f32>,
    /// Scores, then weights, of one block of keys `[rows, KEY_BLOCK]`.
    scores: Vec<f32>,
    /// Weighted values so far `[rows, head_dim, padded to 32]`.
    sums: Vec<f32>,
    /// Largest score and sum of weights so far, a pair a row.
    running: Vec<[f32; 2]>,
}

struct Queries<'a> {
    shape: Attention<'a>,
    qkv: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    first: usize,
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl WithSimd for Queries<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        run_by_lanes!(self, S, simd);
    }
}

impl Queries<'_> {
    #[inline(always)]
    fn run<S: Simd, const TILE: usize, const WIDTH: usize>(mut self, simd: S) {
        let Attention {
            tokens,
            heads,
            head_dim,
            stop,
            ..
        } = self.shape;
        let width = head_dim.next_multiple_of(PANEL);
        let rows = self.out.len() / (heads * head_dim);
        for head in 0..heads {
            self.load_queries(head, rows);
            self.scratch.scores.resize(rows * KEY_BLOCK, 0.0);
            self.scratch.sums.clear();
            self.scratch.sums.resize(rows * width, 0.0);
            self.scratch.running.clear();
            self.scratch.running.resize(rows, [f32::NEG_INFINITY, 0.0]);
            for first_key in (0..tokens).step_by(KEY_BLOCK) {
                if stop.is_set() {
                    return;
                }
                let keys = KEY_BLOCK.min(tokens - first_key);
                self.score::<S, TILE, WIDTH>(simd, head, first_key, keys, rows);
                self.soften(simd, keys, width);
                self.gather::<S, TILE, WIDTH>(simd, head, first_key, keys, rows);
            }
            self.store(head, width);
        }
    }

    /// Queries of one head, turned and scaled.
    #[inline(always)]
    fn load_queries(&mut self, head: usize, rows: usize) {
        let Self {
            shape,
            qkv,
            first,
            scratch,
            ..
        } = self;
        // Scores in units of ln 2, so that weights are plain powers of two.
        let scale = std::f32::consts::LOG2_E / (shape.head_dim as f32).sqrt();
        scratch.queries.resize(rows * shape.head_dim, 0.0);
        for (r, query) in scratch.queries.chunks_exact_mut(shape.head_dim).enumerate() {
            shape.rotate(*first + r, shape.part(qkv, 0, *first + r, head), query);
            for q in query {
                *q *= scale;
            }
        }
    }

    /// `scores = queries · keysᵀ` for one block of keys.
    #[inline(always)]
    fn score<S: Simd, const TILE: usize, const WIDTH: usize>(
        &mut self,
        simd: S,
        head: usize,
        first_key: usize,
        keys: usize,
        rows: usize,
    ) {
        let Attention {
            tokens, head_dim, ..
        } = self.shape;
        let head_keys = &self.keys[head * tokens.div_ceil(PANEL) * PANEL * head_dim..];
        let block = &head_keys[first_key * head_dim..][..keys.div_ceil(PANEL) * PANEL * head_dim];
        for (p, panel) in block.chunks_exact(PANEL * head_dim).enumerate() {
            let (vectors, _) = S::as_simd_f32s(panel);
            let (panel, _) = vectors.as_chunks::<WIDTH>();
            tiles::<TILE>(
                rows,
                #[inline(always)]
                |top, height| {
                    let Scratch {
                        queries, scores, ..
                    } = &mut *self.scratch;
                    let out = &mut scores[top * KEY_BLOCK + p * PANEL..];
                    let into = Tile {
                        rows: height,
                        out,
                        stride: KEY_BLOCK,
                        add: false,
                    };
                    product::<S, TILE, WIDTH>(
                        simd,
                        &queries[top * head_dim..],
                        head_dim,
                        panel,
                        into,
                    );
                },
            );
        }
    }

    /// Scores to weights `2^(score − maximum)`; rescales what was summed under a smaller maximum.
    #[inline(always)]
    fn soften<S: Simd>(&mut self, simd: S, keys: usize, width: usize) {
        let Scratch {
            scores,
            sums,
            running,
            ..
        } = &mut *self.scratch;
        let rows = scores
            .chunks_exact_mut(KEY_BLOCK)
            .zip(sums.chunks_exact_mut(width))
            .zip(running);
        for ((scores, sums), [maximum, total]) in rows {
            let scores = &mut scores[..keys];
            let new = largest(simd, scores).max(*maximum);
            if new > *maximum {
                let shrink = (*maximum - new).exp2();
                *total *= shrink;
                math::map(
                    simd,
                    sums,
                    #[inline(always)]
                    |v| simd.mul_f32s(v, simd.splat_f32s(shrink)),
                );
                *maximum = new;
            }
            *total += powers(simd, scores, new);
        }
    }

    /// `sums += weights · values` for one block of keys.
    #[inline(always)]
    fn gather<S: Simd, const TILE: usize, const WIDTH: usize>(
        &mut self,
        simd: S,
        head: usize,
        first_key: usize,
        keys: usize,
        rows: usize,
    ) {
        let Attention {
            tokens, head_dim, ..
        } = self.shape;
        let panels = head_dim.div_ceil(PANEL);
        let head_values = &self.values[head * panels * PANEL * tokens..][..panels * PANEL * tokens];
        for (p, panel) in head_values.chunks_exact(PANEL * tokens).enumerate() {
            let (vectors, _) = S::as_simd_f32s(&panel[first_key * PANEL..][..keys * PANEL]);
            let (panel, _) = vectors.as_chunks::<WIDTH>();
            tiles::<TILE>(
                rows,
                #[inline(always)]
                |top, height| {
                    let Scratch { scores, sums, .. } = &mut *self.scratch;
                    let out = &mut sums[(top * panels + p) * PANEL..];
                    let into = Tile {
                        rows: height,
                        out,
                        stride: panels * PANEL,
                        add: true,
                    };
                    product::<S, TILE, WIDTH>(
                        simd,
                        &scores[top * KEY_BLOCK..],
                        KEY_BLOCK,
                        panel,
                        into,
                    );
                },
            );
        }
    }

    /// Divides by the sums of weights and writes the head's columns.
    #[inline(always)]
    fn store(&mut self, head: usize, width: usize) {
        let Attention {
            heads, head_dim, ..
        } = self.shape;
        let rows = self
            .out
            .chunks_exact_mut(heads * head_dim)
            .zip(self.scratch.sums.chunks_exact(width));
        for ((out, sums), [_, total]) in rows.zip(&self.scratch.running) {
            let inverse = 1.0 / total;
            for (out, sum) in out[head * head_dim..][..head_dim].iter_mut().zip(sums) {
                *out = sum * inverse;
            }
        }
    }
}

/// Calls `f(top, height)` for tiles of nearly equal height, at most `TILE`.
#[inline(always)]
pub(super) fn tiles<const TILE: usize>(rows: usize, mut f: impl FnMut(usize, usize)) {
    let tiles = rows.div_ceil(TILE);
    for tile in 0..tiles {
        let (top, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
        f(top, end - top);
    }
}

#[inline(always)]
pub(super) fn largest<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (vectors, tail) = S::as_simd_f32s(x);
    let (pairs, rest) = vectors.as_chunks::<2>();
    let mut most = [simd.splat_f32s(f32::NEG_INFINITY); 2];
    for pair in pairs {
        most = [
            simd.max_f32s(most[0], pair[0]),
            simd.max_f32s(most[1], pair[1]),
        ];
    }
    for &v in rest {
        most[0] = simd.max_f32s(most[0], v);
    }
    let most = simd.reduce_max_f32s(simd.max_f32s(most[0], most[1]));
    tail.iter().fold(most, |a, &b| a.max(b))
}

/// Replaces `x` by `2^(x − maximum)` and returns the sum.
#[inline(always)]
pub(super) fn powers<S: Simd>(simd: S, x: &mut [f32], maximum: f32) -> f32 {
    let shift = simd.splat_f32s(maximum);
    let mut sum = simd.splat_f32s(0.0);
    let (vectors, tail) = S::as_mut_simd_f32s(x);
    for v in vectors {
        *v = math::exp2(simd, simd.sub_f32s(*v, shift));
        sum = simd.add_f32s(sum, *v);
    }
    let mut sum = simd.reduce_sum_f32s(sum);
    if !tail.is_empty() {
        let v = math::exp2(simd, simd.sub_f32s(simd.partial_load_f32s(tail), shift));
        simd.partial_store_f32s(tail, v);
        sum += tail.iter().sum::<f32>();
    }
    sum
}
