//! Cross-entropy of a linear head and its gradient.
//!
//! Input: standardized features `[rows, dim]`, labels, weights. Output: sums over the rows. Products are f32 within a
//! block of rows, blocks are added in f64 and in their order, on however many threads.

use rayon::prelude::*;

use super::product::{add_weighted, products};

/// Rows of a block.
const BLOCK_ROWS: usize = 64;
/// Blocks whose gradients are in memory at a time.
const GROUP: usize = 16;

/// Loss and gradient, summed over rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slope {
    /// Sum of `−ln softmax(logits)[label]`, nats.
    pub(super) loss: f64,
    /// Rows whose largest logit is that of their label.
    pub(super) right: usize,
    /// `[classes, dim]`.
    pub(super) weights: Vec<f64>,
    /// `[classes]`.
    pub(super) bias: Vec<f64>,
}

/// One block's part.
struct Part {
    loss: f64,
    right: usize,
    weights: Vec<f32>,
    bias: Vec<f64>,
}

/// Loss and gradient of a head. `rows`: `[rows, dim]`; `labels`: `[rows]`; `weights`: `[classes, dim]`; `bias`: `[classes]`.
pub(super) fn slope(rows: &[f32], labels: &[u32], weights: &[f32], bias: &[f32]) -> Slope {
    let dim = weights.len() / bias.len();
    let mut sum = Slope {
        loss: 0.0,
        right: 0,
        weights: vec![0.0; weights.len()],
        bias: vec![0.0; bias.len()],
    };
    let groups = rows.chunks(GROUP * BLOCK_ROWS * dim);
    for (rows, labels) in groups.zip(labels.chunks(GROUP * BLOCK_ROWS)) {
        let blocks = rows.par_chunks(BLOCK_ROWS * dim);
        let parts: Vec<Part> = blocks
            .zip(labels.par_chunks(BLOCK_ROWS))
            .map(|(rows, labels)| part(rows, labels, weights, bias))
            .collect();
        for part in parts {
            sum.loss += part.loss;
            sum.right += part.right;
            let pairs = sum.weights.iter_mut().zip(part.weights);
            pairs.for_each(|(sum, value)| *sum += f64::from(value));
            let pairs = sum.bias.iter_mut().zip(part.bias);
            pairs.for_each(|(sum, value)| *sum += value);
        }
    }
    sum
}

fn part(rows: &[f32], labels: &[u32], weights: &[f32], bias: &[f32]) -> Part {
    let classes = bias.len();
    let dim = weights.len() / classes;
    let mut logits = vec![0.0; labels.len() * classes];
    products(rows, weights, dim, &mut logits);
    let mut part = Part {
        loss: 0.0,
        right: 0,
        weights: vec![0.0; weights.len()],
        bias: vec![0.0; classes],
    };
    for (logits, label) in logits.chunks_exact_mut(classes).zip(labels) {
        let (loss, right) = to_residual(logits, bias, *label as usize);
        part.loss += loss;
        part.right += usize::from(right);
        for (sum, residual) in part.bias.iter_mut().zip(&*logits) {
            *sum += f64::from(*residual);
        }
    }
    add_weighted(&logits, rows, dim, &mut part.weights);
    part
}

/// Turns products into `softmax(products + bias) − one-hot(label)`; the loss of the row and whether it is right.
fn to_residual(row: &mut [f32], bias: &[f32], label: usize) -> (f64, bool) {
    for (logit, bias) in row.iter_mut().zip(bias) {
        *logit += bias;
    }
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let own = row[label];
    let mut sum = 0.0;
    for logit in row.iter_mut() {
        *logit = (*logit - largest).exp();
        sum += f64::from(*logit);
    }
    let scale = (1.0 / sum) as f32;
    for value in row.iter_mut() {
        *value *= scale;
    }
    row[label] -= 1.0;
    (sum.ln() - f64::from(own - largest), own >= largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_of_zeros_has_the_loss_ln_k() {
        let rows = [1.0, 2.0, 3.0, 4.0];
        let found = slope(&rows, &[0, 2], &[0.0; 6], &[0.0; 3]);
        assert!((found.loss - 2.0 * 3.0_f64.ln()).abs() < 1e-6);
        // Residuals (−2/3, 1/3, 1/3) and (1/3, 1/3, −2/3).
        let expected = [1.0 / 3.0, 0.0, 4.0 / 3.0, 2.0, -5.0 / 3.0, -2.0];
        for (found, expected) in found.weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let rows: Vec<f32> = (0..200 * 5).map(|i| (i as f32 * 0.37).sin()).collect();
        let labels: Vec<u32> = (0..200).map(|i| i % 3).collect();
        let weights: Vec<f32> = (0..15).map(|i| (i as f32).cos()).collect();
        let bias = [0.1, -0.2, 0.3];
        let found = slope(&rows, &labels, &weights, &bias);
        for at in 0..15 {
            let moved = |by: f32| {
                let mut weights = weights.clone();
                weights[at] += by;
                slope(&rows, &labels, &weights, &bias).loss
            };
            let difference = (moved(0.01) - moved(-0.01)) / 0.02;
            // f32 logits: the loss of 200 rows is known to 1e-4 or so.
            assert!(
                (difference - found.weights[at]).abs() < 0.02,
                "{at}: {difference}"
            );
        }
    }

    #[test]
    fn the_threads_do_not_change_a_bit() {
        let rows: Vec<f32> = (0..3000 * 7).map(|i| (i as f32 * 0.73).sin()).collect();
        let labels: Vec<u32> = (0..3000).map(|i| i % 4).collect();
        let weights: Vec<f32> = (0..28).map(|i| (i as f32).cos()).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
                .install(|| slope(&rows, &labels, &weights, &[0.0; 4]))
        };
        assert_eq!(with(1), with(3));
    }
}
