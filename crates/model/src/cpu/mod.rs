//! Fused f32 kernels for the CPU: slices in, slices out, no tensor library.
//!
//! Each kernel is written once over `pulp`'s vectors and compiled for AVX-512, AVX2, NEON and plain code;
//! the machine decides at run time which one runs. [`crate::ops`] puts them behind tensor operations.

mod attention;
mod depthwise;
mod gemm;
mod math;
mod norm;

pub(crate) use attention::{Attention, attention};
pub(crate) use depthwise::{Depthwise, depthwise};
pub(crate) use gemm::{Activation, Epilogue, Linear, PANEL, ffn, linear, pack_rows, packed_len};
pub(crate) use norm::layer_norm;

/// Rows that one task takes: small enough to share work evenly, large enough to reuse weights from the cache.
///
/// Two tasks a thread at least, so that a thread that was interrupted does not hold up the others.
fn rows_per_task(rows: usize) -> usize {
    const LARGEST: usize = 224;
    let threads = rayon::current_num_threads();
    let tasks = (threads * 2).max(rows.div_ceil(LARGEST)).next_multiple_of(threads);
    rows.div_ceil(tasks).max(1)
}
