//! The projection head of self-supervised training: features to prototype logits.
//!
//! Input: class tokens or masked patches `[rows, inputs]`. Output: logits `[rows, prototypes]`. Published checkpoints
//! have no heads; training starts them fresh. Source: `spec/02`, section 1; golden case `dino_head`.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::exact;
use crate::layers::Linear;
use crate::weights::{Placement, Weights, WeightsError};

/// Smallest length that a bottleneck row is divided by.
const EPS: f64 = 1e-12;

/// Sizes of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HeadConfig {
    /// Channels that come in.
    pub inputs: usize,
    /// Channels between the linear layers; of no effect with one layer.
    pub hidden: usize,
    /// Channels before the prototypes.
    pub bottleneck: usize,
    /// Prototypes.
    pub prototypes: usize,
    /// Linear layers before the prototypes, at least 1.
    pub layers: usize,
}

/// `prototypes · normalise(linear(gelu(… linear(x))))`; the prototypes have neither a bias nor a norm of their own.
#[derive(Module, Debug)]
pub struct Head {
    mlp: Vec<Linear>,
    last_layer: Linear,
}

impl Head {
    /// Reads `name.mlp.0`, `name.mlp.2` … (of one layer `name.mlp`) and `name.last_layer`.
    ///
    /// # Panics
    /// Without a layer.
    pub fn load(
        config: &HeadConfig,
        weights: &dyn Weights,
        name: &str,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        assert!(config.layers > 0, "head: 0 layers, expected at least 1");
        let last = config.layers - 1;
        let layer = |index: usize| {
            let inputs = if index == 0 {
                config.inputs
            } else {
                config.hidden
            };
            let outputs = if index == last {
                config.bottleneck
            } else {
                config.hidden
            };
            // Activations stand between the layers and take the odd numbers.
            let part = match last {
                0 => format!("{name}.mlp"),
                _ => format!("{name}.mlp.{}", 2 * index),
            };
            Linear::load(weights, &part, [inputs, outputs], true, at)
        };
        Ok(Self {
            mlp: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            last_layer: Linear::load(
                weights,
                &format!("{name}.last_layer"),
                [config.bottleneck, config.prototypes],
                false,
                at,
            )?,
        })
    }

    /// Linear layers before the prototypes.
    pub(crate) fn layers(&self) -> usize {
        self.mlp.len()
    }

    /// Logits: `[rows, inputs]` → `[rows, prototypes]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let unit = self.bottleneck(x).unsqueeze_dim::<3>(0);
        self.last_layer.forward(unit).squeeze_dim(0)
    }

    /// Rows of length one before the prototypes: `[rows, inputs]` → `[rows, bottleneck]`.
    pub fn bottleneck(&self, x: Tensor<2>) -> Tensor<2> {
        let mut x = x.unsqueeze_dim::<3>(0);
        for (index, linear) in self.mlp.iter().enumerate() {
            if index > 0 {
                x = exact::gelu(x);
            }
            x = linear.forward(x);
        }
        // Clamped before the root, whose slope at 0 is infinite.
        let squares = x.clone().square().sum_dim(2);
        (x / squares.clamp_min(EPS * EPS).sqrt()).squeeze_dim(0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use burn::tensor::{Device, TensorData};
    use safetensors::SafeTensors;

    use super::*;

    /// Tensors of the golden case.
    struct Golden(Vec<u8>);

    impl Golden {
        fn folder() -> PathBuf {
            let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
                || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
                PathBuf::from,
            );
            folder.join("dino_head")
        }

        fn floats(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
            let tensors = SafeTensors::deserialize(&self.0).unwrap();
            let view = tensors
                .tensor(name)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let words = view.data().as_chunks().0.iter();
            let values = words.map(|word| f32::from_le_bytes(*word)).collect();
            (view.shape().to_vec(), values)
        }

        fn tensor(&self, name: &str, device: &Device) -> Tensor<2> {
            let (shape, values) = self.floats(name);
            Tensor::from_data(TensorData::new(values, shape), device)
        }
    }

    impl Weights for Golden {
        fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
            let (head, rest) = name.split_once('.').unwrap();
            let (found, values) = self.floats(&format!("{head}.weight.{rest}"));
            assert_eq!(found, shape, "{name}");
            Ok(values)
        }
    }

    fn close(what: &str, found: Tensor<2>, expected: &[f32]) {
        let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
        assert_eq!(found.len(), expected.len(), "{what}: length");
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            // The tolerance of the case.
            let allowed = 1e-5 + 1e-4 * expected.abs();
            assert!(
                (found - expected).abs() <= allowed,
                "{what}[{at}]: {found}, expected {expected}"
            );
        }
    }

    #[test]
    fn heads_of_every_depth_give_the_golden_values_and_gradients() {
        let folder = Golden::folder();
        let case = std::fs::read(folder.join("case.json")).unwrap();
        let case: serde_json::Value = serde_json::from_slice(&case).unwrap();
        let golden = Golden(std::fs::read(folder.join("data.safetensors")).unwrap());
        let device = Device::flex().autodiff();
        for (name, sizes) in case["heads"].as_object().unwrap() {
            let size = |key: &str| usize::try_from(sizes[key].as_u64().unwrap()).unwrap();
            let config = HeadConfig {
                inputs: size("in"),
                hidden: size("hidden"),
                bottleneck: size("bottleneck"),
                prototypes: size("prototypes"),
                layers: size("layers"),
            };
            let head = Head::load(&config, &golden, name, &Placement::plain(&device)).unwrap();
            let tensor = |part: &str| golden.tensor(&format!("{name}.{part}"), &device);
            let expected = |part: &str| golden.floats(&format!("{name}.{part}")).1;
            let x = tensor("input.x").require_grad();
            close(
                &format!("{name} bottleneck"),
                head.bottleneck(x.clone()).inner(),
                &expected("expected.bottleneck"),
            );
            let logits = head.forward(x.clone());
            let found = logits.clone().inner();
            close(
                &format!("{name} logits"),
                found,
                &expected("expected.logits"),
            );
            let gradients = (logits * tensor("input.grad_output")).sum().backward();
            let by_input = x.grad(&gradients).unwrap();
            close(&format!("{name} x"), by_input, &expected("grad.input.x"));
            let layers = (0..config.layers).map(|index| match config.layers {
                1 => ("mlp".to_owned(), &head.mlp[index]),
                _ => (format!("mlp.{}", 2 * index), &head.mlp[index]),
            });
            for (part, linear) in layers.chain([("last_layer".to_owned(), &head.last_layer)]) {
                let (weight, bias) = linear.gradients(&gradients);
                let what = format!("{name} {part}");
                // Stored as rows of outputs.
                let rows = expected(&format!("grad.weight.{part}.weight"));
                close(&what, weight.transpose(), &rows);
                if let Some(bias) = bias {
                    let outputs = bias.dims()[0];
                    let expected = expected(&format!("grad.weight.{part}.bias"));
                    close(&what, bias.reshape([1, outputs]), &expected);
                }
            }
        }
    }
}
