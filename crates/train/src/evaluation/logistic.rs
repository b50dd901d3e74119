//! Logistic regression on standardized features, its strength chosen on a part of the rows.
//!
//! Input: features and labels. Output: a [`LinearHead`] and how it was chosen. Deterministic. Source: `spec/05`,
//! section 10; the loss is scikit-learn's, `C · Σ cross-entropy + ½ ‖weights‖²`, the bias being free.

use serde::{Deserialize, Serialize};

use super::error::ensure;
use super::lbfgs::{Limits, minimize};
use super::softmax::slope;
use super::{Confusion, EvaluationError, Labeled, LinearHead, Rows, Standardization, stratified};

/// What can be chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticSettings {
    /// Values of `C` to try, ascending; larger ones regularize less. One value is taken as it is.
    pub costs: Vec<f64>,
    /// Part of each class that the choice of `C` is made on, between 0 and 1.
    pub validation_share: f64,
    /// Most iterations of L-BFGS for each value.
    pub rounds: usize,
    /// Largest entry of the gradient of the mean loss at the end.
    pub tolerance: f64,
    /// What the split is drawn from.
    pub seed: u64,
}

impl Default for LogisticSettings {
    /// 45 values from 1e-6 to 1e5, a tenth of the rows.
    fn default() -> Self {
        let cost = |at: usize| 10.0_f64.powf(-6.0 + 11.0 * at as f64 / 44.0);
        Self {
            costs: (0..45).map(cost).collect(),
            validation_share: 0.1,
            rounds: 300,
            tolerance: 1e-5,
            seed: 0,
        }
    }
}

/// A fitted logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticFit {
    /// Fitted on all rows.
    pub head: LinearHead,
    /// The value of `C` that it was fitted with.
    pub cost: f64,
    /// Each value that was tried and the accuracy on the part that was left out; empty with one value.
    pub validation: Vec<(f64, f64)>,
    /// Iterations of the last fit.
    pub rounds: usize,
    /// Whether the last fit came to its end.
    pub converged: bool,
}

/// Chooses `C` on a part of `train`, then fits on all of it. Of equally good values the smallest is taken.
pub fn logistic_fit(
    train: Labeled<'_>,
    settings: &LogisticSettings,
) -> Result<LogisticFit, EvaluationError> {
    check(settings)?;
    train.two_classes()?;
    let (cost, validation) = match settings.costs[..] {
        [only] => (only, Vec::new()),
        _ => choose(train, settings)?,
    };
    let mut solver = Solver::new(train);
    let (rounds, converged) = solver.fit(cost, settings);
    Ok(LogisticFit {
        head: solver.head()?,
        cost,
        validation,
        rounds,
        converged,
    })
}

/// The value of `C` with the best accuracy on a part of the rows, and all accuracies.
fn choose(
    train: Labeled<'_>,
    settings: &LogisticSettings,
) -> Result<(f64, Vec<(f64, f64)>), EvaluationError> {
    let split = stratified(train.labels(), settings.validation_share, settings.seed)?;
    let part = |rows: &[usize]| {
        let labels: Vec<u32> = rows.iter().map(|&row| train.labels()[row]).collect();
        (train.rows().pick(rows), labels)
    };
    let dim = train.rows().dim();
    let (own_rows, own_labels) = part(&split.train);
    let own = Labeled::new("training rows", &own_rows, dim, &own_labels)?;
    let (other_rows, other_labels) = part(&split.test);
    // No class has two rows: there is nothing to choose on but what was learned from.
    let (other_rows, other_labels) = if other_labels.is_empty() {
        (&own_rows, &own_labels)
    } else {
        (&other_rows, &other_labels)
    };
    let other = Rows::new("validation rows", other_rows, dim)?;
    let mut solver = Solver::new(own);
    let mut accuracies: Vec<(f64, f64)> = Vec::new();
    for &cost in &settings.costs {
        // From where the last value ended: neighbors are near.
        solver.fit(cost, settings);
        let found = solver.head()?.predict(other)?;
        let scores = Confusion::of(other_labels, &found).scores();
        accuracies.push((cost, scores.accuracy));
    }
    let mut best = accuracies[0];
    for &(cost, accuracy) in &accuracies {
        if accuracy > best.1 {
            best = (cost, accuracy);
        }
    }
    Ok((best.0, accuracies))
}

/// Rows that are standardized once, and the weights so far.
struct Solver<'a> {
    labels: &'a [u32],
    standardization: Standardization,
    /// `[rows, dim]`.
    rows: Vec<f32>,
    /// Weights `[classes, dim]` and then bias `[classes]`.
    at: Vec<f64>,
    classes: usize,
}

impl<'a> Solver<'a> {
    fn new(train: Labeled<'a>) -> Self {
        let standardization = Standardization::of(train.rows());
        Self {
            labels: train.labels(),
            rows: standardization.apply(train.rows().values()),
            standardization,
            at: vec![0.0; train.classes() * (train.rows().dim() + 1)],
            classes: train.classes(),
        }
    }

    /// Goes on to the minimum for `cost`. Iterations, and whether it was reached.
    fn fit(&mut self, cost: f64, settings: &LogisticSettings) -> (usize, bool) {
        let limits = Limits {
            rounds: settings.rounds,
            tolerance: settings.tolerance,
        };
        let count = self.labels.len() as f64;
        // Of the mean loss, so that the tolerance does not depend on the number of rows.
        let decay = 1.0 / (cost * count);
        let found = minimize(std::mem::take(&mut self.at), limits, |at| {
            let (weights, bias) = parts(at, self.classes);
            let slope = slope(&self.rows, self.labels, &weights, &bias);
            let own = &at[..weights.len()];
            let square: f64 = own.iter().map(|w| w * w).sum();
            let pairs = slope.weights.iter().zip(own);
            let mut gradient: Vec<f64> = pairs.map(|(g, w)| g / count + decay * w).collect();
            gradient.extend(slope.bias.iter().map(|g| g / count));
            (slope.loss / count + 0.5 * decay * square, gradient)
        });
        self.at = found.at;
        (found.rounds, found.converged)
    }

    fn head(&self) -> Result<LinearHead, EvaluationError> {
        let (weights, bias) = parts(&self.at, self.classes);
        if !weights.iter().chain(&bias).all(|value| value.is_finite()) {
            return Err(EvaluationError::Diverged {
                what: "logistic regression",
            });
        }
        Ok(LinearHead {
            standardization: self.standardization.clone(),
            weights,
            bias,
        })
    }
}

/// Weights and bias in f32.
fn parts(at: &[f64], classes: usize) -> (Vec<f32>, Vec<f32>) {
    let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
    let (weights, bias) = at.split_at(at.len() - classes);
    (narrow(weights), narrow(bias))
}

fn check(settings: &LogisticSettings) -> Result<(), EvaluationError> {
    let fine = |cost: &f64| cost.is_finite() && *cost > 0.0;
    let costs = &settings.costs;
    let fine = !costs.is_empty() && costs.iter().all(fine) && costs.is_sorted();
    ensure(fine, "costs", "ascending numbers above 0", costs)?;
    let rounds = settings.rounds;
    ensure(rounds > 0, "rounds", "a number of at least 1", &rounds)?;
    let tolerance = settings.tolerance;
    ensure(tolerance > 0.0, "tolerance", "a number above 0", &tolerance)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Blobs around corners: features `[rows, 6]` and labels, with strong and constant channels.
    pub(in super::super) fn blobs(rows: usize, scatter: f32, seed: u32) -> (Vec<f32>, Vec<u32>) {
        let labels: Vec<u32> = (0..rows as u32).map(|row| row % 3).collect();
        let noise = |at: u32| {
            let bits = (at ^ seed.wrapping_mul(0x9E37)).wrapping_mul(2_654_435_761);
            let bits = (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519);
            ((bits >> 8) as f32 / 8_388_608.0 - 1.0) * scatter
        };
        let row = |(row, label): (usize, &u32)| {
            let near = |class: u32, at: u32| {
                noise(row as u32 * 8 + at) + f32::from(u8::from(*label == class))
            };
            [
                near(0, 0),
                near(1, 1),
                near(2, 2),
                1000.0 * noise(row as u32 * 8 + 3),
                5.0,
                noise(row as u32 * 8 + 4),
            ]
        };
        let values = labels.iter().enumerate().flat_map(row).collect();
        (values, labels)
    }

    fn accuracy(head: &LinearHead, values: &[f32], labels: &[u32]) -> f64 {
        let found = head.predict(Rows::new("rows", values, 6).unwrap()).unwrap();
        Confusion::of(labels, &found).scores().accuracy
    }

    #[test]
    fn separate_blobs_are_told_apart() {
        let (values, labels) = blobs(150, 0.4, 1);
        let train = Labeled::new("train", &values, 6, &labels).unwrap();
        let fit = logistic_fit(train, &LogisticSettings::default()).unwrap();
        assert_eq!(fit.validation.len(), 45);
        assert!(fit.validation.iter().any(|(_, accuracy)| *accuracy > 0.99));
        let (values, labels) = blobs(90, 0.4, 2);
        assert!(accuracy(&fit.head, &values, &labels) > 0.99);
        assert!(serde_json::to_string(&fit).is_ok());
    }

    #[test]
    fn the_fit_is_the_minimum_of_its_loss() {
        // Two rows of opposite sign, one channel: with weights ±w/2 the mean loss is ln(1 + e^(−w)) and the
        // penalty w²/(4·C·2), so that at the minimum sigmoid(−w) = w/(4·C).
        let train = Labeled::new("train", &[1.0, -1.0], 1, &[0, 1]).unwrap();
        let settings = LogisticSettings {
            costs: vec![0.7],
            ..LogisticSettings::default()
        };
        let fit = logistic_fit(train, &settings).unwrap();
        assert!(fit.converged && fit.validation.is_empty());
        let w = f64::from(fit.head.weights[0] - fit.head.weights[1]);
        let slope = 1.0 / (1.0 + w.exp()) - w / (4.0 * 0.7);
        assert!(slope.abs() < 1e-4, "{w}: {slope}");
        assert!((fit.head.bias[0] - fit.head.bias[1]).abs() < 1e-4);
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let (values, labels) = blobs(300, 1.2, 3);
        let settings = LogisticSettings {
            costs: vec![0.01, 1.0, 100.0],
            ..LogisticSettings::default()
        };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                let train = Labeled::new("train", &values, 6, &labels).unwrap();
                logistic_fit(train, &settings).unwrap()
            })
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn one_class_and_bad_settings_are_errors() {
        let one = Labeled::new("train", &[1.0, 2.0], 1, &[1, 1]).unwrap();
        let error = logistic_fit(one, &LogisticSettings::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "train has 1 classes with a row, expected at least 2"
        );
        let two = Labeled::new("train", &[1.0, 2.0], 1, &[0, 1]).unwrap();
        for costs in [vec![], vec![0.0], vec![2.0, 1.0], vec![f64::NAN]] {
            let settings = LogisticSettings {
                costs,
                ..LogisticSettings::default()
            };
            assert!(logistic_fit(two, &settings).is_err());
        }
        // One row a class: nothing is left to validate with, and there is a fit all the same.
        assert!(logistic_fit(two, &LogisticSettings::default()).is_ok());
    }
}
