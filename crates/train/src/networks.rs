//! What a recipe trains: a backbone and the heads that its losses need.
//!
//! Names: `backbone.*` in Meta's layout, `dino_head.*`, `ibot_head.*`. Source: `spec/02`, sections 1 and 11.

use burn::tensor::{Device, Tensor};
use dinoscope_model::{
    Backbone, BackboneConfig, Head, HeadConfig, MapParams, Norm, ParamName, Params, Placement,
    VisitParams, Weights, WeightsError,
};

use crate::optimizer::Keep;

/// A backbone with the heads of self-supervised training, where there are any.
#[derive(Clone, Debug)]
pub struct Networks {
    /// Pictures to tokens.
    pub backbone: Backbone,
    /// Class tokens to prototypes.
    pub dino: Option<Head>,
    /// Masked patches to prototypes.
    pub ibot: Option<Head>,
}

/// Sizes of both heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadConfigs {
    /// Of class tokens.
    pub dino: HeadConfig,
    /// Of masked patches.
    pub ibot: HeadConfig,
}

impl Networks {
    /// Fills a backbone and, if `heads` has sizes, both heads from weights with this type's names.
    pub fn load(
        config: &BackboneConfig,
        heads: Option<&HeadConfigs>,
        weights: &dyn Weights,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let at = Placement::plain(device);
        let backbone = Backbone::load(
            config,
            &Prefixed {
                weights,
                prefix: "backbone.",
            },
            &at,
        )?;
        let head = |config: HeadConfig, name: &str| Head::load(&config, weights, name, &at);
        Ok(Self {
            backbone,
            dino: heads
                .map(|heads| head(heads.dino, "dino_head"))
                .transpose()?,
            ibot: heads
                .map(|heads| head(heads.ibot, "ibot_head"))
                .transpose()?,
        })
    }

    /// The same weights on another device; on an autodiff device they are trainable.
    ///
    /// # Panics
    /// Never: what a network gives fills one of the same shape.
    #[must_use]
    pub fn copied_to(&self, device: &Device) -> Self {
        struct Move<'a>(&'a Device);
        impl MapParams for Move<'_> {
            fn map<const D: usize>(&mut self, _: &ParamName, value: Tensor<D>) -> Tensor<D> {
                let value = if value.is_autodiff() {
                    value.inner()
                } else {
                    value
                };
                if self.0.is_autodiff() {
                    Tensor::from_inner(value.to_device(&self.0.clone().inner())).require_grad()
                } else {
                    value.to_device(self.0)
                }
            }
        }
        self.clone().map_params("", &mut Move(device))
    }

    /// Blocks of a ViT, 0 of another network: what the learning rate falls over.
    pub fn depth(&self) -> usize {
        match self.backbone.config() {
            BackboneConfig::Vit(vit) => vit.depth,
            BackboneConfig::ConvNext(_) => 0,
        }
    }

    /// What counts of the gradient of a parameter: the key's bias of a fused projection is no parameter in most models.
    pub fn keep(&self) -> impl Fn(&str) -> Keep + use<> {
        let thirds = match self.backbone.config() {
            BackboneConfig::Vit(vit) => {
                let bias = vit.attention_bias;
                [bias.query, bias.key, bias.value]
            }
            BackboneConfig::ConvNext(_) => [true; 3],
        };
        move |name| {
            if name.ends_with("attn.qkv.bias") && thirds != [true; 3] {
                Keep::Thirds(thirds)
            } else {
                Keep::All
            }
        }
    }
}

impl Params for Networks {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        let name = |part: &str| format!("{prefix}{part}.");
        self.backbone.visit_params(&name("backbone"), visitor);
        if let Some(head) = &self.dino {
            head.visit_params(&name("dino_head"), visitor);
        }
        if let Some(head) = &self.ibot {
            head.visit_params(&name("ibot_head"), visitor);
        }
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        let name = |part: &str| format!("{prefix}{part}.");
        Self {
            backbone: self.backbone.map_params(&name("backbone"), mapper),
            dino: self
                .dino
                .map(|head| head.map_params(&name("dino_head"), mapper)),
            ibot: self
                .ibot
                .map(|head| head.map_params(&name("ibot_head"), mapper)),
        }
    }
}

/// Weights whose names lack the first words of those in a source.
pub(crate) struct Prefixed<'a> {
    pub(crate) weights: &'a dyn Weights,
    pub(crate) prefix: &'a str,
}

impl Weights for Prefixed<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        self.weights.get(&format!("{}{name}", self.prefix), shape)
    }
}
/// The first layer of a network, in the order of the data flow, whose output for pictures `[pictures, 3, rows, cols]`
/// is not finite. On the plain device.
pub(crate) fn first_broken_layer(backbone: &Backbone, pictures: &Tensor<4>) -> Option<String> {
    let layers: Vec<usize> = (0..backbone.config().layers()).collect();
    let seen = backbone.features(pictures.clone(), &layers, Norm::None);
    let broken = seen
        .into_iter()
        .find(|tokens| !finite(&tokens.patches) || !finite(&tokens.cls))?;
    Some(format!("backbone, layer {}", broken.layer))
}

/// Whether all values are finite.
pub(crate) fn finite<const D: usize>(tensor: &Tensor<D>) -> bool {
    let tensor = if tensor.is_autodiff() {
        tensor.clone().inner()
    } else {
        tensor.clone()
    };
    let values: Vec<f32> = tensor.into_data().try_to_vec().expect("features are f32");
    values.iter().all(|value| value.is_finite())
}
