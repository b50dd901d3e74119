//! The losses of self-supervised training, each a function of tensors.
//!
//! Input: student tensors on an autodiff device, teacher tensors without gradient. Output: `[1]`, a scalar whose
//! gradient reaches the student alone. All arithmetic is f32. Source: `spec/02`, section 4, and `spec/03`, section 1.

mod dino;
mod distill;
mod downsample;
mod gram;
mod ibot;
mod koleo;
mod sinkhorn;

pub use dino::{Pairs, dino};
pub use distill::{feature, relation};
pub use downsample::downsample;
pub use gram::{Gram, Level, Negatives, gram};
pub use ibot::ibot;
pub use koleo::koleo;
pub use sinkhorn::sinkhorn;

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Temperature of the student's softmax.
const STUDENT_TEMPERATURE: f32 = 0.1;

/// `−Σ_k targets[.., k] · log softmax(logits / 0.1)[.., k]`, the last axis summed: `[a, b, 1]`.
///
/// `targets`, `logits`: `[a, b, prototypes]`.
fn cross_entropy(targets: Tensor<3>, logits: Tensor<3>) -> Tensor<3> {
    let predicted = log_softmax(logits.div_scalar(STUDENT_TEMPERATURE), 2);
    (targets * predicted).sum_dim(2).neg()
}

/// Rows `[.., dim]` divided by their length, at least `least`: a zero row stays zero and has no gradient.
fn normalised<const D: usize>(rows: Tensor<D>, least: f32) -> Tensor<D> {
    // Clamped before the root, whose slope at 0 is infinite.
    let squares = rows.clone().square().sum_dim(D - 1);
    rows / squares
        .clamp_min(f64::from(least) * f64::from(least))
        .sqrt()
}

#[cfg(test)]
mod golden;
