//! A linear head over frozen features.
//!
//! Input: features `[rows, dim]`. Output: logits or classes. The features are standardized first, as they were when the
//! head was fitted.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::product::products;
use super::{EvaluationError, Rows, Standardization};

/// Rows that one task multiplies.
const BLOCK_ROWS: usize = 64;

/// `weights · standardized features + bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearHead {
    /// What is done to features first.
    pub standardization: Standardization,
    /// `[classes, dim]`.
    pub weights: Vec<f32>,
    /// `[classes]`.
    pub bias: Vec<f32>,
}

impl LinearHead {
    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.bias.len()
    }

    /// Channels of the features.
    pub fn dim(&self) -> usize {
        self.standardization.mean.len()
    }

    /// Logits of raw features: `[rows, classes]`.
    pub fn logits(&self, rows: Rows<'_>) -> Result<Vec<f32>, EvaluationError> {
        if rows.dim() != self.dim() {
            return Err(EvaluationError::Channels {
                what: "features",
                expected: self.dim(),
                found: rows.dim(),
            });
        }
        let standardized = self.standardization.apply(rows.values());
        Ok(logits(&standardized, &self.weights, &self.bias))
    }

    /// The likeliest class of each row; the first of equals.
    pub fn predict(&self, rows: Rows<'_>) -> Result<Vec<u32>, EvaluationError> {
        let logits = self.logits(rows)?;
        Ok(logits.chunks_exact(self.classes()).map(largest).collect())
    }
}

/// `rows · weightsᵀ + bias`: `[rows, classes]`. `rows`: `[rows, dim]`; `weights`: `[classes, dim]`.
pub(super) fn logits(rows: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
    let classes = bias.len();
    let dim = weights.len() / classes;
    let mut out = vec![0.0; rows.len() / dim * classes];
    out.par_chunks_mut(BLOCK_ROWS * classes)
        .zip(rows.par_chunks(BLOCK_ROWS * dim))
        .for_each(|(out, rows)| {
            products(rows, weights, dim, out);
            for out in out.chunks_exact_mut(classes) {
                for (out, bias) in out.iter_mut().zip(bias) {
                    *out += bias;
                }
            }
        });
    out
}

/// Place of the largest value; the first of equals.
pub(super) fn largest(values: &[f32]) -> u32 {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_standardizes_multiplies_and_takes_the_largest() {
        let head = LinearHead {
            standardization: Standardization {
                mean: vec![1.0, 0.0],
                factor: vec![2.0, 1.0],
            },
            weights: vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            bias: vec![0.0, 0.5, 1.0],
        };
        let values = [2.0, 0.0, 1.0, 3.0, 1.0, 0.5];
        let rows = Rows::new("rows", &values, 2).unwrap();
        let logits = head.logits(rows).unwrap();
        assert_eq!(logits, [2.0, 0.5, 1.0, 0.0, 3.5, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!(head.predict(rows).unwrap(), [0, 1, 1]);
        let text = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<LinearHead>(&text).unwrap(), head);
        let narrow = Rows::new("rows", &values, 3).unwrap();
        assert!(head.predict(narrow).is_err());
    }
}
