//! Layers that both families share. Each has one formula and, where its weights are packed, one fused kernel.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation};

use crate::config::Ffn as FfnKind;
use crate::cpu::{self, Activation};
use crate::exact;
use crate::ops;
use crate::watch::Stop;
use crate::weights::{Placement, Weights, WeightsError};

/// `y = x · weight + bias`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`; packed: `[panels · inputs, 32]`.
    weight: Param<Tensor<2>>,
    /// `[outputs]`; always there when packed.
    bias: Option<Param<Tensor<1>>>,
    packed: bool,
}

impl Linear {
    /// Reads `name.weight` `[outputs, inputs]` and, if `bias`, `name.bias`.
    pub(crate) fn load(
        weights: &dyn Weights,
        name: &str,
        [inputs, outputs]: [usize; 2],
        bias: bool,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let rows = weights.get(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = if bias {
            Some(weights.get(&format!("{name}.bias"), &[outputs])?)
        } else {
            None
        };
        Ok(Self::from_rows(&rows, bias, inputs, at))
    }

    /// From rows `[outputs, inputs]`, as checkpoints store them.
    pub(crate) fn from_rows(
        rows: &[f32],
        bias: Option<Vec<f32>>,
        inputs: usize,
        at: &Placement,
    ) -> Self {
        let outputs = rows.len() / inputs;
        let (values, shape, bias) = if at.packed {
            let mut panels = vec![0.0; cpu::packed_len(inputs, outputs)];
            cpu::pack_rows(rows, inputs, &mut panels);
            let height = panels.len() / cpu::PANEL;
            (
                panels,
                [height, cpu::PANEL],
                Some(bias.unwrap_or_else(|| vec![0.0; outputs])),
            )
        } else {
            (transposed(rows, inputs), [inputs, outputs], bias)
        };
        Self {
            weight: parameter(values, shape, &at.device),
            bias: bias.map(|bias| parameter(bias, [outputs], &at.device)),
            packed: at.packed,
        }
    }

    /// Channels that come out of a layer that is not packed.
    pub(crate) fn outputs(&self) -> usize {
        let [_, outputs] = self.weight.val().dims();
        outputs
    }

    /// `[batch, tokens, inputs]` → `[batch, tokens, outputs]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.forward_until(x, &Stop::default())
    }

    /// As [`Linear::forward`]; worth nothing once `stop` is set.
    pub(crate) fn forward_until(&self, x: Tensor<3>, stop: &Stop) -> Tensor<3> {
        if self.packed {
            return ops::linear(x, self.panels(), stop);
        }
        exact::linear(x, self.weight.val(), self.bias.as_ref().map(Param::val))
    }

    /// `onto + scale · forward(x)`: the end of a residual branch. All `[batch, tokens, channels]`.
    pub(crate) fn add_to(
        &self,
        onto: Tensor<3>,
        x: Tensor<3>,
        scale: &LayerScale,
        stop: &Stop,
    ) -> Tensor<3> {
        if self.packed {
            return ops::linear_onto(onto, x, self.panels(), scale.gamma.val(), stop);
        }
        exact::residual(onto, self.forward(x), scale.gamma.val())
    }

    /// Gradients of the weight `[inputs, outputs]` and of the bias `[outputs]`.
    #[cfg(test)]
    pub(crate) fn gradients(
        &self,
        found: &burn::tensor::Gradients,
    ) -> (Tensor<2>, Option<Tensor<1>>) {
        let weight = self.weight.val().grad(found);
        let bias = self.bias.as_ref().map(|bias| bias.val().grad(found));
        (
            weight.expect("the weight has a gradient"),
            bias.map(|bias| bias.expect("the bias has a gradient")),
        )
    }

    fn panels(&self) -> ops::Packed {
        (
            self.weight.val(),
            self.bias.as_ref().expect("a packed layer has a bias").val(),
        )
    }
}

/// Layer norm over channels.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[channels]`.
    weight: Param<Tensor<1>>,
    /// `[channels]`.
    bias: Param<Tensor<1>>,
    eps: f64,
    packed: bool,
}

impl LayerNorm {
    pub(crate) fn load(
        weights: &dyn Weights,
        name: &str,
        channels: usize,
        eps: f64,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let get = |part: &str| weights.get(&format!("{name}.{part}"), &[channels]);
        Ok(Self {
            weight: parameter(get("weight")?, [channels], &at.device),
            bias: parameter(get("bias")?, [channels], &at.device),
            eps,
            packed: at.packed,
        })
    }

    /// `(x − mean) / √(variance + eps) · weight + bias` over the last axis; `x` of any rank, channels last.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.packed {
            return ops::layer_norm(x, self.weight.val(), self.bias.val(), self.eps as f32);
        }
        exact::layer_norm(x, self.weight.val(), self.bias.val(), self.eps as f32)
    }
}

/// Learned factor a channel at the end of a residual branch.
#[derive(Module, Debug)]
pub struct LayerScale {
    /// `[channels]`.
    gamma: Param<Tensor<1>>,
}

impl LayerScale {
    /// Reads `name`, `[channels]`.
    pub(crate) fn load(
        weights: &dyn Weights,
        name: &str,
        channels: usize,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            gamma: parameter(weights.get(name, &[channels])?, [channels], &at.device),
        })
    }
}

/// Feed-forward part of a block, plain or gated.
#[derive(Module, Debug)]
pub struct Ffn {
    gate: Option<Linear>,
    up: Linear,
    down: Linear,
    silu: bool,
}

impl Ffn {
    /// `names`: gate, up, down; the gate is read for gated kinds only.
    pub(crate) fn load(
        weights: &dyn Weights,
        [gate, up, down]: [&str; 3],
        kind: FfnKind,
        [channels, hidden]: [usize; 2],
        bias: bool,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let wide = |name: &str| Linear::load(weights, name, [channels, hidden], bias, at);
        Ok(Self {
            gate: if kind.is_gated() {
                Some(wide(gate)?)
            } else {
                None
            },
            up: wide(up)?,
            down: Linear::load(weights, down, [hidden, channels], bias, at)?,
            silu: kind == FfnKind::SwiGlu,
        })
    }

    /// `onto + scale · down(f(up(x)))`, or with a gate `onto + scale · down(f(gate(x)) · up(x))`.
    pub(crate) fn add_to(
        &self,
        onto: Tensor<3>,
        x: Tensor<3>,
        scale: &LayerScale,
        stop: &Stop,
    ) -> Tensor<3> {
        if self.up.packed {
            let activation = if self.silu {
                Activation::Silu
            } else {
                Activation::Gelu
            };
            let layers = [self.up.panels(), self.down.panels()];
            return ops::ffn(
                onto,
                x,
                scale.gamma.val(),
                self.gate.as_ref().map(Linear::panels),
                layers,
                activation,
                stop,
            );
        }
        let f = |x| {
            if self.silu {
                activation::silu(x)
            } else {
                exact::gelu(x)
            }
        };
        let hidden = match &self.gate {
            Some(gate) => f(gate.forward(x.clone())) * self.up.forward(x),
            None => f(self.up.forward(x)),
        };
        self.down.add_to(onto, hidden, scale, stop)
    }
}

/// A trainable tensor on `device`.
pub(crate) fn parameter<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

/// `[rows, columns]` → `[columns, rows]`.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    let mut out = vec![0.0; values.len()];
    // Blocks of 16 × 16 read and write whole cache lines.
    for top in (0..rows).step_by(16) {
        for left in (0..columns).step_by(16) {
            for row in top..rows.min(top + 16) {
                for column in left..columns.min(left + 16) {
                    out[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    out
}
