//! `AdamW` over a network whose parameters have names. Source: `spec/02`, sections 6 and 7; Loshchilov and Hutter 2019.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use dinoscope_model::{MapParams, ParamName, Params};
use serde::{Deserialize, Serialize};

use super::gradients::Gradients;
use super::groups::Grouping;
use super::update::{Rates, adamw};
use super::{flat, plain};

/// Constants of [`AdamW`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWConfig {
    /// Momenta of the mean and of the mean square of the gradient, each at least 0 and below 1.
    pub betas: [f64; 2],
    /// What is added to the root of the mean square.
    pub eps: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self {
            betas: [0.9, 0.999],
            eps: 1e-8,
        }
    }
}

/// Running mean and mean square of a parameter's gradient, `[values]` each, and the updates that they are made of.
///
/// The count is the parameter's own: one that begins to learn late is corrected as one that begins now.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean and mean square.
    pub tensors: [Tensor<1>; 2],
    /// Updates so far.
    pub count: u64,
}

/// The numbers of a schedule that an update needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRates {
    /// Learning rate before the factors of the groups.
    pub lr: f64,
    /// That of the heads' last layers.
    pub last_layer_lr: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

/// The optimizer's state.
#[derive(Clone, Debug)]
pub struct AdamW {
    config: AdamWConfig,
    grouping: Grouping,
    depth: usize,
    moments: BTreeMap<String, Moments>,
}

impl AdamW {
    /// Without any update so far. `depth`: blocks of the ViT, 0 for other networks.
    pub fn new(config: AdamWConfig, grouping: Grouping, depth: usize) -> Self {
        Self {
            config,
            grouping,
            depth,
            moments: BTreeMap::new(),
        }
    }

    /// The network after one update; parameters without a gradient stay as they are.
    #[must_use]
    pub fn step<P: Params>(&mut self, network: P, gradients: Gradients, rates: StepRates) -> P {
        struct Apply<'a> {
            adamw: &'a mut AdamW,
            gradients: Gradients,
            rates: StepRates,
        }
        impl MapParams for Apply<'_> {
            fn map<const D: usize>(&mut self, name: &ParamName, value: Tensor<D>) -> Tensor<D> {
                let Some(gradient) = self.gradients.take(&name.name) else {
                    return value;
                };
                let tracked = value.is_autodiff();
                let shape = value.dims();
                let value = flat(plain(value));
                let moved = self
                    .adamw
                    .update(&name.name, value, gradient, self.rates)
                    .reshape(shape);
                if tracked {
                    Tensor::from_inner(moved).require_grad()
                } else {
                    moved
                }
            }
        }
        network.map_params(
            "",
            &mut Apply {
                adamw: self,
                gradients,
                rates,
            },
        )
    }

    fn update(
        &mut self,
        name: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        rates: StepRates,
    ) -> Tensor<1> {
        let group = self.grouping.of(name, self.depth);
        let lr = if group.last_layer {
            rates.last_layer_lr
        } else {
            rates.lr
        };
        let before = self.moments.remove(name);
        let count = 1 + before.as_ref().map_or(0, |moments| moments.count);
        let tensors = match before {
            Some(moments) => moments.tensors,
            None => [value.zeros_like(), value.zeros_like()],
        };
        let rates = Rates {
            lr: lr * group.lr,
            decay: if group.decays {
                rates.weight_decay
            } else {
                0.0
            },
            betas: self.config.betas,
            eps: self.config.eps,
            count,
        };
        let (value, tensors) = adamw(value, gradient, tensors, rates);
        self.moments
            .insert(name.to_owned(), Moments { tensors, count });
        value
    }

    /// Updates so far, of the parameter that had most.
    pub fn count(&self) -> u64 {
        let counts = self.moments.values().map(|moments| moments.count);
        counts.max().unwrap_or(0)
    }

    /// The moments by parameter, to be saved.
    pub fn moments(&self) -> &BTreeMap<String, Moments> {
        &self.moments
    }

    /// Goes on from a saved state.
    pub fn restore(&mut self, moments: BTreeMap<String, Moments>) {
        self.moments = moments;
    }
}
