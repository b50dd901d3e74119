//! A linear head by gradient steps, with early stop.
//!
//! Input: features and labels, computed once. Output: the [`LinearHead`] of the best epoch. Deterministic. Source:
//! `spec/05`, sections 8 (`AdamW`) and 10 (SGD, several learning rates).

use std::f64::consts::PI;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::error::ensure;
use super::softmax::slope;
use super::{EvaluationError, Labeled, LinearHead, Standardization, stratified};

/// Momenta of the mean and of the mean square of the gradient.
const BETAS: [f64; 2] = [0.9, 0.999];
/// What is added to the root of the mean square.
const EPS: f64 = 1e-8;

/// How weights follow the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinearOptimizer {
    /// Gradient steps with momentum; decay is added to the gradient.
    Sgd {
        /// Part of the last step that is taken again, 0 to below 1.
        momentum: f64,
    },
    /// Adam with decoupled decay.
    AdamW,
}

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearSettings {
    /// How weights follow the gradient.
    pub optimizer: LinearOptimizer,
    /// Learning rate at the start; it falls to 0 on a cosine.
    pub lr: f64,
    /// Weight decay; the bias has none.
    pub weight_decay: f64,
    /// Rows of a step.
    pub batch: usize,
    /// Passes over the rows.
    pub epochs: usize,
    /// Epochs without a lower validation loss after which it ends.
    pub patience: usize,
    /// Part of each class that the early stop looks at, between 0 and 1.
    pub validation_share: f64,
    /// What split and order are drawn from.
    pub seed: u64,
}

impl Default for LinearSettings {
    fn default() -> Self {
        Self {
            optimizer: LinearOptimizer::AdamW,
            lr: 1e-3,
            weight_decay: 1e-3,
            batch: 128,
            epochs: 100,
            patience: 10,
            validation_share: 0.1,
            seed: 0,
        }
    }
}

/// What one pass over the rows came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean cross-entropy of the rows as they were learned from, nats.
    pub train_loss: f64,
    /// Mean cross-entropy of the rows that were left out, nats.
    pub validation_loss: f64,
    /// Part of those that is right, 0 to 1.
    pub validation_accuracy: f64,
}

/// A fitted linear head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearFit {
    /// Of the best epoch.
    pub head: LinearHead,
    /// All epochs that were run.
    pub epochs: Vec<Epoch>,
    /// The one with the lowest validation loss, from 0.
    pub best: usize,
    /// The learning rate at the start.
    pub lr: f64,
}

/// Fits a head to a part of `train` and stops when the rest is not predicted better any more.
pub fn linear_fit(
    train: Labeled<'_>,
    settings: &LinearSettings,
) -> Result<LinearFit, EvaluationError> {
    check(settings)?;
    train.two_classes()?;
    let split = stratified(train.labels(), settings.validation_share, settings.seed)?;
    // No class has two rows: what was learned from is all there is to look at.
    let held_out = if split.test.is_empty() {
        &split.train
    } else {
        &split.test
    };
    let (own, held_out) = (Set::of(train, &split.train), Set::of(train, held_out));
    let dim = train.rows().dim();
    let standardization = Standardization::of(super::Rows::new("training rows", &own.rows, dim)?);
    let (own, held_out) = (
        own.apply(&standardization),
        held_out.apply(&standardization),
    );
    let mut state = State::new(train.classes(), dim);
    let mut order: Vec<usize> = (0..own.labels.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut epochs: Vec<Epoch> = Vec::new();
    let (mut best, mut kept) = (0, state.narrow());
    for epoch in 0..settings.epochs {
        order.shuffle(&mut rng);
        let loss = state.pass(&own, &order, settings);
        let (weights, bias) = state.narrow();
        let seen = slope(&held_out.rows, &held_out.labels, &weights, &bias);
        let count = held_out.labels.len() as f64;
        epochs.push(Epoch {
            train_loss: loss / order.len() as f64,
            validation_loss: seen.loss / count,
            validation_accuracy: seen.right as f64 / count,
        });
        if !seen.loss.is_finite() {
            return Err(EvaluationError::Diverged {
                what: "the linear head",
            });
        }
        if epoch == 0 || epochs[epoch].validation_loss < epochs[best].validation_loss {
            (best, kept) = (epoch, (weights, bias));
        } else if epoch - best >= settings.patience {
            break;
        }
    }
    let (weights, bias) = kept;
    Ok(LinearFit {
        head: LinearHead {
            standardization,
            weights,
            bias,
        },
        epochs,
        best,
        lr: settings.lr,
    })
}

/// [`linear_fit`] with each of `lrs`; the fit with the best validation accuracy, of equals that with the lower loss.
///
/// A learning rate that diverges is left out, unless all do.
pub fn linear_sweep(
    train: Labeled<'_>,
    settings: &LinearSettings,
    lrs: &[f64],
) -> Result<LinearFit, EvaluationError> {
    ensure(!lrs.is_empty(), "lrs", "at least one learning rate", &lrs)?;
    let mut best: Option<LinearFit> = None;
    let mut diverged = None;
    for &lr in lrs {
        let fit = match linear_fit(train, &LinearSettings { lr, ..*settings }) {
            Ok(fit) => fit,
            Err(error @ EvaluationError::Diverged { .. }) => {
                diverged = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let is_better = best.as_ref().is_none_or(|best| fit.beats(best));
        if is_better {
            best = Some(fit);
        }
    }
    match (best, diverged) {
        (Some(best), _) => Ok(best),
        (None, Some(error)) => Err(error),
        (None, None) => Err(EvaluationError::Diverged {
            what: "the linear head",
        }),
    }
}

impl LinearFit {
    fn beats(&self, other: &Self) -> bool {
        let (own, other) = (self.epochs[self.best], other.epochs[other.best]);
        if own.validation_accuracy > other.validation_accuracy {
            return true;
        }
        own.validation_accuracy >= other.validation_accuracy
            && own.validation_loss < other.validation_loss
    }
}

/// Some of the rows.
struct Set {
    /// `[rows, dim]`.
    rows: Vec<f32>,
    labels: Vec<u32>,
}

impl Set {
    fn of(all: Labeled<'_>, indices: &[usize]) -> Self {
        Self {
            rows: all.rows().pick(indices),
            labels: indices.iter().map(|&at| all.labels()[at]).collect(),
        }
    }

    fn apply(self, standardization: &Standardization) -> Self {
        Self {
            rows: standardization.apply(&self.rows),
            labels: self.labels,
        }
    }
}

/// Weights `[classes, dim]` and bias `[classes]`, one after the other, and what the optimizer keeps of each.
struct State {
    at: Vec<f64>,
    mean: Vec<f64>,
    square: Vec<f64>,
    classes: usize,
    /// Steps so far.
    count: u32,
}

impl State {
    fn new(classes: usize, dim: usize) -> Self {
        let count = classes * (dim + 1);
        Self {
            at: vec![0.0; count],
            mean: vec![0.0; count],
            square: vec![0.0; count],
            classes,
            count: 0,
        }
    }

    fn narrow(&self) -> (Vec<f32>, Vec<f32>) {
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
        let (weights, bias) = self.at.split_at(self.at.len() - self.classes);
        (narrow(weights), narrow(bias))
    }

    /// One step for each batch of `order`; the sum of the losses of all rows.
    fn pass(&mut self, set: &Set, order: &[usize], settings: &LinearSettings) -> f64 {
        let steps = (settings.epochs * order.len().div_ceil(settings.batch)) as f64;
        let mut loss = 0.0;
        for batch in order.chunks(settings.batch) {
            let part = f64::from(self.count) / steps;
            let lr = settings.lr * f64::midpoint(1.0, (PI * part).cos());
            loss += self.step(set, batch, lr, settings);
        }
        loss
    }

    /// One step on the rows `batch` of `set`; the sum of their losses before it.
    fn step(&mut self, set: &Set, batch: &[usize], lr: f64, settings: &LinearSettings) -> f64 {
        let (weights, bias) = self.narrow();
        let dim = weights.len() / bias.len();
        let rows = batch.iter().flat_map(|&at| &set.rows[at * dim..][..dim]);
        let rows: Vec<f32> = rows.copied().collect();
        let labels: Vec<u32> = batch.iter().map(|&at| set.labels[at]).collect();
        let found = slope(&rows, &labels, &weights, &bias);
        self.count += 1;
        let corrections = BETAS.map(|beta| 1.0 - beta.powf(f64::from(self.count)));
        let gradient = found.weights.iter().chain(&found.bias);
        for (at, gradient) in gradient.enumerate() {
            let gradient = gradient / batch.len() as f64;
            let decay = if at < weights.len() {
                settings.weight_decay
            } else {
                0.0
            };
            let (value, mean) = (&mut self.at[at], &mut self.mean[at]);
            match settings.optimizer {
                LinearOptimizer::Sgd { momentum } => {
                    *mean = momentum * *mean + gradient + decay * *value;
                    *value -= lr * *mean;
                }
                LinearOptimizer::AdamW => {
                    let square = &mut self.square[at];
                    *mean += (1.0 - BETAS[0]) * (gradient - *mean);
                    *square += (1.0 - BETAS[1]) * (gradient * gradient - *square);
                    let root = (*square / corrections[1]).sqrt() + EPS;
                    *value -= lr * (decay * *value + *mean / corrections[0] / root);
                }
            }
        }
        found.loss
    }
}

fn check(settings: &LinearSettings) -> Result<(), EvaluationError> {
    let LinearSettings {
        lr, weight_decay, ..
    } = *settings;
    ensure(lr.is_finite() && lr > 0.0, "lr", "a number above 0", &lr)?;
    let fine = weight_decay.is_finite() && weight_decay >= 0.0;
    ensure(
        fine,
        "weight_decay",
        "a number of at least 0",
        &weight_decay,
    )?;
    if let LinearOptimizer::Sgd { momentum } = settings.optimizer {
        let fine = (0.0..1.0).contains(&momentum);
        ensure(fine, "momentum", "0 to below 1", &momentum)?;
    }
    for (name, found) in [
        ("batch", settings.batch),
        ("epochs", settings.epochs),
        ("patience", settings.patience),
    ] {
        ensure(found > 0, name, "a number of at least 1", &found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::logistic::tests::blobs;
    use super::super::{Confusion, Rows};
    use super::*;

    fn accuracy(head: &LinearHead, seed: u32) -> f64 {
        let (values, labels) = blobs(90, 0.4, seed);
        let found = head
            .predict(Rows::new("rows", &values, 6).unwrap())
            .unwrap();
        Confusion::of(&labels, &found).scores().accuracy
    }

    #[test]
    fn separate_blobs_are_told_apart_by_either_optimizer() {
        let (values, labels) = blobs(300, 0.4, 1);
        let train = Labeled::new("train", &values, 6, &labels).unwrap();
        for optimizer in [
            LinearOptimizer::AdamW,
            LinearOptimizer::Sgd { momentum: 0.9 },
        ] {
            let settings = LinearSettings {
                optimizer,
                lr: 0.02,
                batch: 32,
                ..LinearSettings::default()
            };
            let fit = linear_fit(train, &settings).unwrap();
            let score = accuracy(&fit.head, 2);
            assert!(score > 0.98, "{optimizer:?}: {score}");
            let (first, best) = (fit.epochs[0], fit.epochs[fit.best]);
            assert!(best.validation_loss < first.validation_loss);
        }
    }

    #[test]
    fn it_stops_where_nothing_more_is_learned() {
        // Labels that features say nothing about.
        let values: Vec<f32> = (0..240).map(|i| (i as f32 * 1.7).sin()).collect();
        let labels: Vec<u32> = (0..60).map(|i: u32| (i * i + i / 7) % 2).collect();
        let train = Labeled::new("train", &values, 4, &labels).unwrap();
        let settings = LinearSettings {
            lr: 0.1,
            epochs: 1000,
            patience: 3,
            batch: 8,
            ..LinearSettings::default()
        };
        let fit = linear_fit(train, &settings).unwrap();
        assert!(fit.epochs.len() < 1000);
        assert_eq!(fit.epochs.len(), fit.best + 4);
    }

    #[test]
    fn a_sweep_takes_the_best_rate_and_the_threads_do_not_matter() {
        let (values, labels) = blobs(200, 0.8, 4);
        let settings = LinearSettings {
            epochs: 5,
            ..LinearSettings::default()
        };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                let train = Labeled::new("train", &values, 6, &labels).unwrap();
                linear_sweep(train, &settings, &[1e-7, 1e-2]).unwrap()
            })
        };
        let fit = with(1);
        assert!((fit.lr - 1e-2).abs() < 1e-12);
        assert_eq!(fit, with(3));
    }

    #[test]
    fn one_class_and_bad_settings_are_errors() {
        let settings = LinearSettings::default();
        let one = Labeled::new("train", &[1.0, 2.0], 1, &[0, 0]).unwrap();
        assert!(linear_fit(one, &settings).is_err());
        let two = Labeled::new("train", &[1.0, 2.0], 1, &[0, 1]).unwrap();
        assert!(linear_fit(two, &settings).is_ok());
        assert!(linear_sweep(two, &settings, &[]).is_err());
        for bad in [
            LinearSettings {
                lr: f64::NAN,
                ..settings
            },
            LinearSettings {
                batch: 0,
                ..settings
            },
            LinearSettings {
                optimizer: LinearOptimizer::Sgd { momentum: 1.0 },
                ..settings
            },
            LinearSettings {
                validation_share: 1.0,
                ..settings
            },
        ] {
            assert!(linear_fit(two, &bad).is_err(), "{bad:?}");
        }
    }
}
