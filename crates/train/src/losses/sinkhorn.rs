//! Targets that use every prototype alike: Sinkhorn-Knopp in the log domain.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend, Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension,
};
use burn::tensor::{Tensor, TensorData};
use dinoscope_model::exp_in_place;
use rayon::prelude::*;

/// Probabilities `[rows, prototypes]` near `softmax(logits / temperature)` whose prototypes are used about equally.
///
/// `Q = exp(logits / temperature)`, then `iterations` times: each prototype's column divided by its sum and the number of
/// prototypes, each row by its sum and the number of rows; rows of the result add up to 1. In the log domain, so that
/// no logit overflows (the plain exponential does above 3.5 at temperature 0.04). No gradient flows through it.
/// `logits`: `[rows, prototypes]`, all rows that are balanced together. Source: `spec/02`, section 4.1.
///
/// # Panics
/// If the temperature is not above 0.
pub fn sinkhorn(logits: Tensor<2>, temperature: f32, iterations: usize) -> Tensor<2> {
    assert!(
        temperature > 0.0,
        "sinkhorn: temperature {temperature}, expected a number above 0"
    );
    Tensor::from_dispatch(<Dispatch as Balance>::balance(
        logits.detach().into_dispatch(),
        temperature,
        iterations,
    ))
}

/// What [`sinkhorn`] dispatches to.
#[backend_extension(Flex, Cube, Autodiff)]
pub(crate) trait Balance: Backend {
    /// See [`sinkhorn`].
    fn balance(
        logits: FloatTensor<Self>,
        temperature: f32,
        iterations: usize,
    ) -> FloatTensor<Self> {
        composed::<Self>(logits, temperature, iterations)
    }
}

/// See [`sinkhorn`]; out of operations that every backend has.
fn composed<B: Backend>(
    logits: FloatTensor<B>,
    temperature: f32,
    iterations: usize,
) -> FloatTensor<B> {
    let counts = logits.shape().dims::<2>();
    let [rows, prototypes] = counts.map(|count| (count as f64).ln());
    let less = |log_q: FloatTensor<B>, axis, count: f64| {
        let sums = log_sum_exp::<B>(log_q.clone(), axis);
        B::float_sub(log_q, B::float_add_scalar(sums, count.into()))
    };
    let mut log_q = B::float_div_scalar(logits, f64::from(temperature).into());
    for _ in 0..iterations {
        log_q = less(log_q, 0, prototypes);
        log_q = less(log_q, 1, rows);
    }
    B::float_exp(B::float_add_scalar(log_q, rows.into()))
}

/// `ln Σ exp` along `axis`, which stays with length 1.
fn log_sum_exp<B: Backend>(values: FloatTensor<B>, axis: usize) -> FloatTensor<B> {
    let largest = B::float_max_dim(values.clone(), axis);
    let powers = B::float_exp(B::float_sub(values, largest.clone()));
    B::float_add(B::float_log(B::float_sum_dim(powers, axis)), largest)
}

impl Balance for Cube {}

impl<B: Balance, C: CheckpointStrategy> Balance for Autodiff<B, C> {
    fn balance(
        logits: FloatTensor<Self>,
        temperature: f32,
        iterations: usize,
    ) -> FloatTensor<Self> {
        // Targets have no gradient.
        Self::from_inner(B::balance(Self::inner(logits), temperature, iterations))
    }
}

impl Balance for Flex {
    fn balance(
        logits: FloatTensor<Self>,
        temperature: f32,
        iterations: usize,
    ) -> FloatTensor<Self> {
        let logits = logits.to_contiguous();
        let shape = logits.layout().shape().clone();
        let [_, prototypes] = shape.dims::<2>();
        let values = logits
            .as_slice::<f32>()
            .expect("contiguous copies are slices");
        let balanced = balanced(values, prototypes, temperature, iterations);
        FloatTensor::<Self>::from_data(TensorData::new(balanced, shape))
    }
}

/// [`sinkhorn`] of rows in memory; all NaN if a logit is not finite, so that the step that made it is found out.
fn balanced(logits: &[f32], prototypes: usize, temperature: f32, iterations: usize) -> Vec<f32> {
    if !logits.iter().all(|logit| logit.is_finite()) {
        return vec![f32::NAN; logits.len()];
    }
    let rows = (logits.len() / prototypes.max(1)) as f32;
    let mut log_q: Vec<f32> = logits.par_iter().map(|logit| logit / temperature).collect();
    for _ in 0..iterations {
        let columns = column_shift(&log_q, prototypes);
        log_q
            .par_chunks_exact_mut(prototypes)
            .for_each_init(Vec::new, |powers, row| {
                for (value, shift) in row.iter_mut().zip(&columns) {
                    *value -= shift;
                }
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                powers.clear();
                powers.extend(row.iter().map(|value| value - largest));
                exp_in_place(powers);
                let shift = largest + powers.iter().sum::<f32>().ln() + rows.ln();
                for value in row {
                    *value -= shift;
                }
            });
    }
    log_q.par_chunks_mut(BLOCK).for_each(|values| {
        for value in values.iter_mut() {
            *value += rows.ln();
        }
        exp_in_place(values);
    });
    log_q
}

/// Values that one task raises.
const BLOCK: usize = 1 << 14;
/// Rows that one task adds up; the order of the sums does not depend on the threads.
const ROWS: usize = 32;

/// `ln Σ exp` of each column, and the logarithm of the number of columns.
fn column_shift(log_q: &[f32], prototypes: usize) -> Vec<f32> {
    let blocks = || log_q.par_chunks(ROWS * prototypes);
    let merged = |parts: Vec<Vec<f32>>, start: f32, merge: fn(f32, f32) -> f32| {
        let mut all = vec![start; prototypes];
        for part in parts {
            for (all, value) in all.iter_mut().zip(part) {
                *all = merge(*all, value);
            }
        }
        all
    };
    let largest = blocks().map(|rows| {
        let mut most = vec![f32::NEG_INFINITY; prototypes];
        for row in rows.chunks_exact(prototypes) {
            for (most, value) in most.iter_mut().zip(row) {
                *most = most.max(*value);
            }
        }
        most
    });
    let largest = merged(largest.collect(), f32::NEG_INFINITY, f32::max);
    let sums = blocks().map(|rows| {
        let (mut sums, mut powers) = (vec![0.0; prototypes], Vec::new());
        for row in rows.chunks_exact(prototypes) {
            powers.clear();
            powers.extend(row.iter().zip(&largest).map(|(value, most)| value - most));
            exp_in_place(&mut powers);
            for (sum, power) in sums.iter_mut().zip(&powers) {
                *sum += power;
            }
        }
        sums
    });
    let mut shifts = merged(sums.collect(), 0.0, |a, b| a + b);
    for (shift, most) in shifts.iter_mut().zip(largest) {
        *shift = shift.ln() + most + (prototypes as f32).ln();
    }
    shifts
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn rows_in_memory_are_balanced_as_tensors_are() {
        let (rows, prototypes) = (70, 45);
        let logits: Vec<f32> = (0..rows * prototypes)
            .map(|i| ((i * 7919) % 1013) as f32 / 90.0 - 5.0)
            .collect();
        let data = TensorData::new(logits.clone(), [rows, prototypes]);
        let tensor = FloatTensor::<Flex>::from_data(data);
        let expected = composed::<Flex>(tensor, 0.07, 3);
        let expected = expected.to_contiguous();
        let found = balanced(&logits, prototypes, 0.07, 3);
        for (found, expected) in found.iter().zip(expected.as_slice::<f32>().unwrap()) {
            assert!((found - expected).abs() < 2e-6, "{found} {expected}");
        }
        for row in found.chunks_exact(prototypes) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let data = TensorData::new(vec![1.0, f32::NAN, 0.0, 2.0], [2, 2]);
        let logits = Tensor::<2>::from_data(data, &Device::flex());
        let found: Vec<f32> = sinkhorn(logits, 0.1, 3).into_data().try_to_vec().unwrap();
        assert!(found.iter().all(|value| value.is_nan()));
    }
}
