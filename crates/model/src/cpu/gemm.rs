//! Matrix product of row-major activations with weights that were packed once into panels.
//!
//! `out[m, n] = input[m, k] · weight[k, n]`, followed by an [`Epilogue`] while the tile is in the cache.
//! Panels are `[n / 32, k, 32]`: a kernel reads its weights front to back, and no call packs anything.
//! A tile of up to 14 rows (AVX-512; 6 elsewhere) by 32 columns stays in registers over the whole of `k`.

use std::array;

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};
use rayon::prelude::*;

use super::{copy, math, rows_per_task};
use crate::watch::Stop;

/// Columns of a panel.
pub(crate) const PANEL: usize = 32;

/// Floats that `pack_rows` writes for a layer of `inputs` × `outputs`.
pub(crate) fn packed_len(inputs: usize, outputs: usize) -> usize {
    outputs.div_ceil(PANEL) * PANEL * inputs
}

/// Packs rows `[outputs, inputs]`, as checkpoints store them, into panels; missing columns are zero.
pub(crate) fn pack_rows(rows: &[f32], inputs: usize, panels: &mut [f32]) {
    assert_eq!(
        panels.len(),
        packed_len(inputs, rows.len() / inputs),
        "panels: wrong length"
    );
    let sources = rows.par_chunks(PANEL * inputs);
    panels
        .par_chunks_exact_mut(PANEL * inputs)
        .zip(sources)
        .for_each(|(panel, rows)| {
            panel.fill(0.0);
            for (column, row) in rows.chunks_exact(inputs).enumerate() {
                for (i, &value) in row.iter().enumerate() {
                    panel[i * PANEL + column] = value;
                }
            }
        });
}

/// A packed layer.
#[derive(Clone, Copy)]
pub(crate) struct Linear<'a> {
    /// `[outputs / 32, inputs, 32]`.
    pub(crate) panels: &'a [f32],
    /// `[outputs]`, or empty for none.
    pub(crate) bias: &'a [f32],
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Once set, rows are left as they are.
    pub(crate) stop: &'a Stop,
}

/// Elementwise function behind a hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Gelu,
    Silu,
}

impl Activation {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Gelu => math::gelu(simd, x),
            Self::Silu => math::silu(simd, x),
        }
    }
}

/// What happens to a finished row of a tile, bias included.
#[derive(Clone, Copy)]
pub(crate) enum Epilogue<'a> {
    /// `out = y`.
    Store,
    /// `out = f(y)`.
    Activate(Activation),
    /// `out = f(out) · y`: the value half of a gated layer, where `out` holds the gate.
    Gate(Activation),
    /// `out = out + scale · y`: a residual branch, `scale` `[outputs]`.
    Add(&'a [f32]),
}

/// `out = epilogue(input · weight + bias)`. `input` `[m, inputs]`, `out` `[m, outputs]`, rows shared out over threads.
pub(crate) fn linear(
    arch: Arch,
    layer: Linear<'_>,
    input: &[f32],
    epilogue: Epilogue<'_>,
    out: &mut [f32],
) {
    let rows = rows_per_task(out.len() / layer.outputs);
    out.par_chunks_mut(rows * layer.outputs)
        .zip(input.par_chunks(rows * layer.inputs))
        .for_each(|(out, input)| {
            arch.dispatch(Rows {
                layer,
                input,
                epilogue,
                out,
            });
        });
}

/// A feed-forward part with a residual: `out += scale · down(hidden)`, the hidden rows never leaving the cache.
///
/// `hidden = f(up(input))`, or `f(gate(input)) · up(input)` where there is a gate.
pub(crate) fn ffn(
    arch: Arch,
    gate: Option<Linear<'_>>,
    [up, down]: [Linear<'_>; 2],
    activation: Activation,
    input: &[f32],
    scale: &[f32],
    out: &mut [f32],
) {
    // Hidden rows and one weight panel have to fit the second-level cache together.
    let rows = rows_per_task(out.len() / down.outputs).min((160 * 1024 / up.outputs).max(14));
    let tasks = out
        .par_chunks_mut(rows * down.outputs)
        .zip(input.par_chunks(rows * up.inputs));
    tasks.for_each_init(Vec::new, |hidden: &mut Vec<f32>, (out, input)| {
        let rows = out.len() / down.outputs;
        hidden.resize(rows * up.outputs, 0.0);
        let hidden = &mut hidden[..rows * up.outputs];
        if let Some(gate) = gate {
            arch.dispatch(Rows {
                layer: gate,
                input,
                epilogue: Epilogue::Store,
                out: hidden,
            });
            arch.dispatch(Rows {
                layer: up,
                input,
                epilogue: Epilogue::Gate(activation),
                out: hidden,
            });
        } else {
            arch.dispatch(Rows {
                layer: up,
                input,
                epilogue: Epilogue::Activate(activation),
                out: hidden,
            });
        }
        arch.dispatch(Rows {
            layer: down,
            input: hidden,
            epilogue: Epilogue::Add(scale),
            out,
        });
    });
}

struct Rows<'a> {
    layer: Linear<'a>,
    input: &'a [f32],
    epilogue: Epilogue<'a>,
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        run_by_lanes!(self, S, simd);
    }
}

impl Rows<'_> {
    /// `TILE` rows at a time; a panel is `WIDTH` vectors wide.
    #[inline(always)]
    fn run<S: Simd, const TILE: usize, const WIDTH: usize>(self, simd: S) {
        // Input rows of one block, which every panel reads again, stay in the second-level cache.
        const BLOCK_FLOATS: usize = 96 * 1024;
        let Self {
            layer:
                Linear {
                    panels,
                    bias,
                    inputs,
                    outputs,
                    stop,
                },
            input,
            epilogue,
            out,
        } = self;
        let rows = out.len() / outputs;
        let tiles = rows.div_ceil(TILE);
        let block = (BLOCK_FLOATS / inputs / TILE).max(1);
        let mut y = [0.0; MOST_ROWS * PANEL];
        for first in (0..tiles).step_by(block) {
            if stop.is_set() {
                return;
            }
            for (p, panel) in panels.chunks_exact(inputs * PANEL).enumerate() {
                let column = p * PANEL;
                let columns = PANEL.min(outputs - column);
                let (vectors, _) = S::as_simd_f32s(panel);
                let (panel, _) = vectors.as_chunks::<WIDTH>();
                for tile in first..tiles.min(first + block) {
                    // Tiles of nearly equal height, so that no small one is left over.
                    let (top, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
                    let input = &input[top * inputs..];
                    let out = &mut out[top * outputs + column..];
                    if columns == PANEL && matches!(epilogue, Epilogue::Store) {
                        let into = Tile {
                            rows: end - top,
                            out: &mut *out,
                            stride: outputs,
                            add: false,
                        };
                        product::<S, TILE, WIDTH>(simd, input, inputs, panel, into);
                        if !bias.is_empty() {
                            for out in out.chunks_mut(outputs).take(end - top) {
                                math::zip(
                                    simd,
                                    &mut out[..PANEL],
                                    &bias[column..][..PANEL],
                                    #[inline(always)]
                                    |v, b| simd.add_f32s(v, b),
                                );
                            }
                        }
                        continue;
                    }
                    let into = Tile {
                        rows: end - top,
                        out: &mut y,
                        stride: PANEL,
                        add: false,
                    };
                    product::<S, TILE, WIDTH>(simd, input, inputs, panel, into);
                    for (r, y) in y.chunks_exact_mut(PANEL).take(end - top).enumerate() {
                        let bias = if bias.is_empty() {
                            bias
                        } else {
                            &bias[column..][..columns]
                        };
                        finish(
                            simd,
                            &mut y[..columns],
                            bias,
                            epilogue,
                            column,
                            &mut out[r * outputs..][..columns],
                        );
                    }
                }
            }
        }
    }
}

/// Adds the bias to a row of a tile and writes it by the epilogue.
#[inline(always)]
fn finish<S: Simd>(
    simd: S,
    y: &mut [f32],
    bias: &[f32],
    epilogue: Epilogue<'_>,
    column: usize,
    out: &mut [f32],
) {
    if !bias.is_empty() {
        math::zip(
            simd,
            y,
            bias,
            #[inline(always)]
            |v, b| simd.add_f32s(v, b),
        );
    }
    match epilogue {
        Epilogue::Store => copy::<PANEL>(out, y),
        Epilogue::Activate(kind) => {
            copy::<PANEL>(out, y);
            math::map(
                simd,
                out,
                #[inline(always)]
                |v| kind.apply(simd, v),
            );
        }
        Epilogue::Gate(kind) => math::zip(
            simd,
            out,
            y,
            #[inline(always)]
            |gate, v| simd.mul_f32s(kind.apply(simd, gate), v),
        ),
        Epilogue::Add(scale) => {
            math::zip(
                simd,
                y,
                &scale[column..][..out.len()],
                #[inline(always)]
                |v, s| simd.mul_f32s(v, s),
            );
            math::zip(
                simd,
                out,
                y,
                #[inline(always)]
                |o, v| simd.add_f32s(o, v),
            );
        }
    }
}

/// Rows of the tallest tile on any machine.
pub(super) const MOST_ROWS: usize = 14;

/// Where a tile of 32 columns goes.
pub(super) struct Tile<'a> {
    /// Height of the tile.
    pub(super) rows: usize,
    /// First row of the tile; the others follow `stride` floats apart.
    pub(super) out: &'a mut [f32],
    pub(super) stride: usize,
    /// Whether the product is added to what is there.
    pub(super) add: bool,
}

/// `out[r, ..32] = input[r, ..k] · panel` for the rows of `tile`; rows are `stride` floats apart in `input`.
///
/// `panel` is `[k, 32]`. The height is a constant of each copy of the kernel: sums never leave the registers.
#[inline(always)]
pub(super) fn product<S: Simd, const TILE: usize, const WIDTH: usize>(
    simd: S,
    input: &[f32],
    stride: usize,
    panel: &[[S::f32s; WIDTH]],
    tile: Tile<'_>,
) {
    product_of::<S, TILE, WIDTH, false>(simd, input, stride, panel, tile);
}

/// As [`product`] of the transposed input: row `r` of the product reads `input[k * stride + r]`.
#[inline(always)]
pub(super) fn product_across<S: Simd, const TILE: usize, const WIDTH: usize>(
    simd: S,
    input: &[f32],
    stride: usize,
    panel: &[[S::f32s; WIDTH]],
    tile: Tile<'_>,
) {
    product_of::<S, TILE, WIDTH, true>(simd, input, stride, panel, tile);
}

/// [`product`] or [`product_across`].
#[inline(always)]
pub(super) fn product_of<S: Simd, const TILE: usize, const WIDTH: usize, const ACROSS: bool>(
    simd: S,
    input: &[f32],
    stride: usize,
    panel: &[[S::f32s; WIDTH]],
    tile: Tile<'_>,
) {
    macro_rules! height {
        ($($rows:literal)+) => {
            match tile.rows {
                $($rows => simd.vectorize(
                    Product::<S, $rows, WIDTH, ACROSS> { simd, input, stride, panel, tile }
                ),)+
                rows => unreachable!("a tile has 1 to {TILE} rows, found {rows}"),
            }
        };
    }
    if TILE > 6 {
        height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    } else {
        height!(1 2 3 4 5 6);
    }
}

struct Product<'a, S: Simd, const ROWS: usize, const WIDTH: usize, const ACROSS: bool> {
    simd: S,
    input: &'a [f32],
    stride: usize,
    panel: &'a [[S::f32s; WIDTH]],
    tile: Tile<'a>,
}

impl<S: Simd, const ROWS: usize, const WIDTH: usize, const ACROSS: bool> NullaryFnOnce
    for Product<'_, S, ROWS, WIDTH, ACROSS>
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            simd,
            input,
            stride,
            panel,
            tile,
        } = self;
        // By rows, a slice each; across, one row of the input after the other.
        let rows: [&[f32]; ROWS] = array::from_fn(|r| {
            if ACROSS {
                &[][..]
            } else {
                &input[r * stride..][..panel.len()]
            }
        });
        // Two vectors at a time: ROWS × 2 sums, two weights and one input fill the registers.
        for first in (0..WIDTH).step_by(2) {
            let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
            for (k, weights) in panel.iter().enumerate() {
                let weights = [weights[first], weights[first + 1]];
                let column = if ACROSS {
                    &input[k * stride..][..ROWS]
                } else {
                    &[]
                };
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = simd.splat_f32s(if ACROSS { column[r] } else { rows[r][k] });
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(x, weight, *sum);
                    }
                }
            }
            for (r, sums) in sums.into_iter().enumerate() {
                let (out, _) = S::as_mut_simd_f32s(&mut tile.out[r * tile.stride..][..PANEL]);
                for (out, sum) in out[first..first + 2].iter_mut().zip(sums) {
                    *out = if tile.add {
                        simd.add_f32s(*out, sum)
                    } else {
                        sum
                    };
                }
            }
        }
    }
}
