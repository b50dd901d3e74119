//! Channels brought to mean 0 and deviation 1, as a batch norm without its own weights does.
//!
//! Input: features `[rows, dim]`. Output: mean and factor of each channel. Some channels of a transformer are ten to a
//! hundred times stronger than others; a linear head that sees them raw learns little else. Source: `spec/05`, section 8.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Rows;

/// Rows that are summed at a time.
const BLOCK_ROWS: usize = 512;
/// Channels whose variance is below this part of the largest are constant: they become 0.
const NO_VARIANCE: f64 = 1e-12;

/// Mean and factor of each channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    /// `[dim]`.
    pub mean: Vec<f32>,
    /// One over the standard deviation (divisor `rows`) of each channel, 0 for a constant one: `[dim]`.
    pub factor: Vec<f32>,
}

impl Standardization {
    /// Measures `rows`.
    pub fn of(rows: Rows<'_>) -> Self {
        let dim = rows.dim();
        let count = rows.len() as f64;
        let sums = summed(rows, dim, |_, value| value);
        let mean: Vec<f64> = sums.into_iter().map(|sum| sum / count).collect();
        let squares = summed(rows, dim, |channel, value| {
            (value - mean[channel]) * (value - mean[channel])
        });
        let largest = squares
            .iter()
            .fold(0.0, |most: f64, square| most.max(*square));
        let factor = squares.into_iter().map(|square| {
            if square > NO_VARIANCE * largest {
                (count / square).sqrt() as f32
            } else {
                0.0
            }
        });
        Self {
            factor: factor.collect(),
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
        }
    }

    /// `(rows − mean) · factor`, `[rows, dim]`.
    ///
    /// # Panics
    /// If `rows` `[rows, dim]` are of another width.
    pub fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let dim = self.mean.len();
        assert!(
            rows.len().is_multiple_of(dim),
            "standardization: {} values, expected rows of {dim}",
            rows.len()
        );
        let mut out = rows.to_vec();
        out.par_chunks_mut(BLOCK_ROWS * dim).for_each(|block| {
            for row in block.chunks_exact_mut(dim) {
                for ((value, mean), factor) in row.iter_mut().zip(&self.mean).zip(&self.factor) {
                    *value = (*value - mean) * factor;
                }
            }
        });
        out
    }
}

/// Sum over the rows of a function of channel and value, `[dim]`; blocks are added in their order.
fn summed(rows: Rows<'_>, dim: usize, term: impl Fn(usize, f64) -> f64 + Sync) -> Vec<f64> {
    let block = |block: &[f32]| {
        let mut sums = vec![0.0; dim];
        for row in block.chunks_exact(dim) {
            for (channel, (sum, value)) in sums.iter_mut().zip(row).enumerate() {
                *sum += term(channel, f64::from(*value));
            }
        }
        sums
    };
    let blocks: Vec<Vec<f64>> = rows
        .values()
        .par_chunks(BLOCK_ROWS * dim)
        .map(block)
        .collect();
    let mut sums = vec![0.0; dim];
    for block in blocks {
        let pairs = sums.iter_mut().zip(block);
        pairs.for_each(|(sum, value)| *sum += value);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_mean_zero_and_deviation_one() {
        let values: Vec<f32> = (0..2000)
            .flat_map(|i| [i as f32, 7.0, -1e-3 * i as f32])
            .collect();
        let rows = Rows::new("rows", &values, 3).unwrap();
        let found = Standardization::of(rows);
        assert!((found.mean[0] - 999.5).abs() < 1e-3);
        assert!(found.factor[1].abs() < f32::EPSILON);
        let out = found.apply(&values);
        let of = |channel: usize| out.iter().skip(channel).step_by(3).map(|v| f64::from(*v));
        for channel in [0, 2] {
            let mean = of(channel).sum::<f64>() / 2000.0;
            let square = of(channel).map(|v| v * v).sum::<f64>() / 2000.0;
            assert!(
                mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-5,
                "{mean} {square}"
            );
        }
        assert!(of(1).all(|value| value.abs() < 1e-12));
    }

    #[test]
    fn one_row_becomes_zero() {
        let rows = Rows::new("rows", &[1.0, 2.0], 2).unwrap();
        let found = Standardization::of(rows);
        assert_eq!(found.apply(&[1.0, 2.0]), [0.0, 0.0]);
    }
}
