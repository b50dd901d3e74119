//! Gradients by the name of their parameter: added up over micro-batches, measured, clipped by part.

use std::collections::BTreeMap;

use burn::tensor::{Gradients as Found, Tensor};
use dinoscope_model::{ParamName, Params, VisitParams};

use super::{flat, plain};

/// The gradients of one step. Every tensor is `[values]`, on the plain device.
#[derive(Debug, Default)]
pub struct Gradients {
    by_name: BTreeMap<String, Tensor<1>>,
}

/// Lengths of the gradient of each part of a network, by the first word of the names: `backbone`, `dino_head` …
pub type Norms = BTreeMap<String, f64>;

impl Gradients {
    /// Takes the gradients of the parameters that `keep` names out of `found`, and adds them to those that are here.
    pub fn add(&mut self, network: &impl Params, mut found: Found, keep: impl Fn(&str) -> Keep) {
        struct Take<'a, F> {
            found: &'a mut Found,
            sums: &'a mut BTreeMap<String, Tensor<1>>,
            keep: F,
        }
        impl<F: Fn(&str) -> Keep> VisitParams for Take<'_, F> {
            fn visit<const D: usize>(&mut self, name: &ParamName, value: &Tensor<D>) {
                let keep = (self.keep)(&name.name);
                if keep == Keep::Nothing {
                    return;
                }
                let Some(gradient) = value.grad_remove(self.found) else {
                    return;
                };
                let mut gradient = flat(gradient);
                if let Keep::Thirds(thirds) = keep {
                    gradient = only_thirds(&gradient, thirds);
                }
                let sum = match self.sums.remove(&name.name) {
                    Some(sum) => sum + gradient,
                    None => gradient,
                };
                self.sums.insert(name.name.clone(), sum);
            }
        }
        network.visit_params(
            "",
            &mut Take {
                found: &mut found,
                sums: &mut self.by_name,
                keep,
            },
        );
    }

    /// Whether no parameter has a gradient.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Names of all parameters that have a gradient.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The gradient of a parameter, `[values]`.
    pub fn get(&self, name: &str) -> Option<&Tensor<1>> {
        self.by_name.get(name)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Tensor<1>> {
        self.by_name.remove(name)
    }

    /// Length of the gradient of each part. Reads one number a part back from the device.
    ///
    /// # Panics
    /// Never: gradients are f32.
    pub fn norms(&self) -> Norms {
        let mut squares: BTreeMap<&str, Tensor<1>> = BTreeMap::new();
        for (name, gradient) in &self.by_name {
            let square = gradient.clone().square().sum();
            let part = part(name);
            let sum = match squares.remove(part) {
                Some(sum) => sum + square,
                None => square,
            };
            squares.insert(part, sum);
        }
        let names: Vec<_> = squares.keys().map(|&name| name.to_owned()).collect();
        if names.is_empty() {
            return Norms::new();
        }
        let all = Tensor::cat(squares.into_values().collect(), 0).sqrt();
        let values: Vec<f32> = plain(all)
            .into_data()
            .try_to_vec()
            .expect("gradients are f32");
        names
            .into_iter()
            .zip(values.into_iter().map(f64::from))
            .collect()
    }

    /// Shortens the gradient of each part that is longer than `longest`, as PyTorch's `clip_grad_norm_` does.
    pub fn clip(&mut self, norms: &Norms, longest: f64) {
        for (name, gradient) in &mut self.by_name {
            let factor = longest / (norms.get(part(name)).copied().unwrap_or(0.0) + 1e-6);
            if factor < 1.0 {
                *gradient = gradient.clone().mul_scalar(factor);
            }
        }
    }

    /// The first parameter, by name, whose gradient is not finite. Reads gradients back until it is found.
    pub fn first_broken(&self) -> Option<String> {
        self.by_name.iter().find_map(|(name, gradient)| {
            let values: Vec<f32> = gradient.clone().into_data().try_to_vec().ok()?;
            (!values.iter().all(|value| value.is_finite())).then(|| name.clone())
        })
    }
}

/// Which part of a parameter's gradient counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    All,
    /// Those of the query, key and value of a fused projection.
    Thirds([bool; 3]),
    /// None: the parameter is frozen.
    Nothing,
}

/// Zero where a third does not count.
fn only_thirds(gradient: &Tensor<1>, thirds: [bool; 3]) -> Tensor<1> {
    let [count] = gradient.dims();
    let third = count / 3;
    let parts = (0..3).map(|i| {
        let part = gradient.clone().narrow(0, i * third, third);
        if thirds[i] { part } else { part.zeros_like() }
    });
    Tensor::cat(parts.collect(), 0)
}

/// The first word of a name.
fn part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
