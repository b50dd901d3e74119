//! Low-rank adaptation: the weights stay, small matrices beside them learn.
//!
//! `W + (α/r) · A·B` for the query, the value and the output of every attention; merged into the weights for export.
//! Source: `spec/06`, section 4; Hu et al. 2021.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use dinoscope_model::{Backbone, BackboneConfig, MapParams, ParamName, Params, VisitParams};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::supervised::{Learned, SupervisedTask};
use super::{Context, Recipe, Task};
use crate::config::LoraSection;
use crate::error::TrainError;
use crate::start::StartModel;

/// See the module.
pub(super) struct Lora;

impl Recipe for Lora {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        let config = &context.config;
        let start = StartModel::of(config)?;
        let BackboneConfig::Vit(vit) = &start.config else {
            return Err(TrainError::Needs {
                recipe: "lora",
                expected: "a vision transformer".into(),
                found: format!("a {}", start.config.family()),
            });
        };
        let device = context.device.clone().autodiff();
        let adapters = Adapters::new(vit.depth, vit.dim, &config.lora, config.seed, &device);
        let base = start.backbone(&context.device)?;
        let learned = Learned::Adapters { base, adapters };
        Ok(Box::new(SupervisedTask::new(context, &start, learned)?))
    }
}

/// The matrices of every adapted layer: `lora.blocks.0.query.a` `[dim, rank]` and `.b` `[rank, dim]`.
#[derive(Clone, Debug)]
pub(super) struct Adapters {
    matrices: BTreeMap<String, Tensor<2>>,
    weight: f64,
}

impl Adapters {
    /// A drawn uniformly within ±1/√dim, B zero: nothing changes before the first step.
    fn new(depth: usize, dim: usize, lora: &LoraSection, seed: u64, device: &Device) -> Self {
        let rank = lora.rank.clamp(1, dim);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let bound = 1.0 / (dim as f32).sqrt();
        let mut matrices = BTreeMap::new();
        for block in 0..depth {
            for part in ["query", "value", "output"] {
                let a: Vec<f32> = (0..dim * rank)
                    .map(|_| rng.random_range(-bound..bound))
                    .collect();
                let b = vec![0.0; rank * dim];
                for (side, values, shape) in [("a", a, [dim, rank]), ("b", b, [rank, dim])] {
                    let data = TensorData::new(values, shape);
                    let matrix = Tensor::from_data(data, device).require_grad();
                    matrices.insert(format!("lora.blocks.{block}.{part}.{side}"), matrix);
                }
            }
        }
        Self {
            matrices,
            weight: lora.alpha / rank as f64,
        }
    }

    /// The backbone with the matrices in its weights, part of the graph that leads to them.
    pub(super) fn merged(&self, base: &Backbone) -> Backbone {
        struct Merge<'a>(&'a Adapters);
        impl MapParams for Merge<'_> {
            fn map<const D: usize>(&mut self, name: &ParamName, value: Tensor<D>) -> Tensor<D> {
                let value = Tensor::<D>::from_inner(value);
                match self.0.delta(&name.name) {
                    Some(delta) => {
                        let shape = value.dims();
                        value + delta.reshape(shape)
                    }
                    None => value,
                }
            }
        }
        base.clone().map_params("", &mut Merge(self))
    }

    /// What is added to the weight of this name, `[inputs, outputs]`.
    fn delta(&self, name: &str) -> Option<Tensor<2>> {
        let (block, layer) = name.strip_prefix("blocks.")?.split_once('.')?;
        let product = |part: &str| {
            let matrix = |side: &str| {
                let name = format!("lora.blocks.{block}.{part}.{side}");
                self.matrices.get(&name).cloned()
            };
            Some(matrix("a")?.matmul(matrix("b")?) * self.weight)
        };
        match layer {
            "attn.qkv.weight" => {
                let (query, value) = (product("query")?, product("value")?);
                let key = query.zeros_like();
                Some(Tensor::cat(vec![query, key, value], 1))
            }
            "attn.proj.weight" => product("output"),
            _ => None,
        }
    }

    /// Puts saved matrices into place; `false` if some are missing or of another size.
    pub(super) fn restore(&mut self, mut saved: BTreeMap<String, Vec<f32>>) -> bool {
        self.matrices.iter_mut().all(|(name, matrix)| {
            let shape = matrix.dims();
            let values = saved.remove(name);
            let fits = values.filter(|values| values.len() == shape[0] * shape[1]);
            fits.is_some_and(|values| {
                let data = TensorData::new(values, shape);
                *matrix = Tensor::from_data(data, &matrix.device()).require_grad();
                true
            })
        })
    }
}

impl Params for Adapters {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        for (name, matrix) in &self.matrices {
            visitor.visit(&ParamName::plain(format!("{prefix}{name}")), matrix);
        }
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        let matrices = self.matrices.into_iter().map(|(name, matrix)| {
            let matrix = mapper.map(&ParamName::plain(format!("{prefix}{name}")), matrix);
            (name, matrix)
        });
        Self {
            matrices: matrices.collect(),
            weight: self.weight,
        }
    }
}
