//! The released models, one row each. Source: `spec/01`, sections 1 and 3.

use crate::config::{AttentionBias, BackboneConfig, ConvNextConfig, Ffn, RopeConfig, VitConfig};

/// One released model: its name, its shape and where its weights are published.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Short name, as the command line takes it: `vits16`.
    pub name: &'static str,
    /// Short name of the weights' data: web pictures or satellite tiles.
    pub data: Data,
    /// Repository on the Hugging Face hub, if the weights are there.
    pub repository: Option<&'static str>,
    /// First eight hexadecimal digits of the hash that ends the name of Meta's file.
    pub meta_hash: &'static str,
    /// Learnable parameters of Meta's layout, the masked key biases included.
    pub params: u64,
    /// Tensors in Meta's state dict.
    pub meta_tensors: usize,
    shape: Shape,
}

/// What the weights were trained on; fixes the input statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// LVD-1689M: web pictures, ImageNet statistics.
    Lvd,
    /// SAT-493M: satellite tiles, statistics of their own.
    Sat,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Vit {
        dim: usize,
        depth: usize,
        heads: usize,
        ffn: Ffn,
        hidden: usize,
        bias: AttentionBias,
        local_norm: bool,
    },
    ConvNext {
        depths: [usize; 4],
        dims: [usize; 4],
    },
}

impl Variant {
    /// The full configuration of this row.
    pub fn config(&self) -> BackboneConfig {
        match self.shape {
            Shape::Vit {
                dim,
                depth,
                heads,
                ffn,
                hidden,
                bias,
                local_norm,
            } => BackboneConfig::Vit(VitConfig {
                dim,
                depth,
                heads,
                ffn,
                ffn_hidden: hidden,
                patch: 16,
                registers: 4,
                attention_bias: bias,
                ffn_bias: true,
                norm_eps: 1e-5,
                rope: RopeConfig::default(),
                local_cls_norm: local_norm,
            }),
            Shape::ConvNext { depths, dims } => BackboneConfig::ConvNext(ConvNextConfig {
                depths,
                dims,
                norm_eps: 1e-6,
            }),
        }
    }

    /// Looks a row up by its name, `vitl16-sat` style for satellite weights.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        VARIANTS.iter().find(|variant| variant.name == name)
    }
}

/// Every released model, in the order of the model card. One row each, so that columns can be compared.
#[rustfmt::skip]
pub const VARIANTS: &[Variant] = &[
    Variant { name: "vits16", data: Data::Lvd, repository: Some("facebook/dinov3-vits16-pretrain-lvd1689m"), meta_hash: "08c60483", params: 21_601_152, meta_tensors: 188, shape: Shape::Vit { dim: 384, depth: 12, heads: 6, ffn: Ffn::Mlp, hidden: 1536, bias: AttentionBias::MASKED_KEY, local_norm: false } },
    Variant { name: "vits16plus", data: Data::Lvd, repository: Some("facebook/dinov3-vits16plus-pretrain-lvd1689m"), meta_hash: "4057cbaa", params: 28_697_472, meta_tensors: 212, shape: Shape::Vit { dim: 384, depth: 12, heads: 6, ffn: Ffn::SwiGlu, hidden: 1536, bias: AttentionBias::MASKED_KEY, local_norm: false } },
    Variant { name: "vitb16", data: Data::Lvd, repository: Some("facebook/dinov3-vitb16-pretrain-lvd1689m"), meta_hash: "73cec8be", params: 85_669_632, meta_tensors: 188, shape: Shape::Vit { dim: 768, depth: 12, heads: 12, ffn: Ffn::Mlp, hidden: 3072, bias: AttentionBias::MASKED_KEY, local_norm: false } },
    Variant { name: "vitl16", data: Data::Lvd, repository: Some("facebook/dinov3-vitl16-pretrain-lvd1689m"), meta_hash: "8aa4cbdd", params: 303_154_176, meta_tensors: 368, shape: Shape::Vit { dim: 1024, depth: 24, heads: 16, ffn: Ffn::Mlp, hidden: 4096, bias: AttentionBias::MASKED_KEY, local_norm: false } },
    Variant { name: "vitl16-sat", data: Data::Sat, repository: Some("facebook/dinov3-vitl16-pretrain-sat493m"), meta_hash: "eadcf0ff", params: 303_156_224, meta_tensors: 370, shape: Shape::Vit { dim: 1024, depth: 24, heads: 16, ffn: Ffn::Mlp, hidden: 4096, bias: AttentionBias::MASKED_KEY, local_norm: true } },
    Variant { name: "vitl16plus", data: Data::Lvd, repository: None, meta_hash: "46503df0", params: 403_915_776, meta_tensors: 416, shape: Shape::Vit { dim: 1024, depth: 24, heads: 16, ffn: Ffn::SwiGlu, hidden: 4096, bias: AttentionBias::MASKED_KEY, local_norm: false } },
    Variant { name: "vith16plus", data: Data::Lvd, repository: Some("facebook/dinov3-vith16plus-pretrain-lvd1689m"), meta_hash: "7c1da9a5", params: 840_633_600, meta_tensors: 552, shape: Shape::Vit { dim: 1280, depth: 32, heads: 20, ffn: Ffn::SwiGlu, hidden: 5120, bias: AttentionBias::MASKED_KEY, local_norm: false } },
    Variant { name: "vit7b16", data: Data::Lvd, repository: Some("facebook/dinov3-vit7b16-pretrain-lvd1689m"), meta_hash: "a955f4ea", params: 6_716_043_264, meta_tensors: 610, shape: Shape::Vit { dim: 4096, depth: 40, heads: 32, ffn: Ffn::SwiGlu, hidden: 8192, bias: AttentionBias::OUT_ONLY, local_norm: true } },
    Variant { name: "vit7b16-sat", data: Data::Sat, repository: Some("facebook/dinov3-vit7b16-pretrain-sat493m"), meta_hash: "a6675841", params: 6_716_043_264, meta_tensors: 610, shape: Shape::Vit { dim: 4096, depth: 40, heads: 32, ffn: Ffn::SwiGlu, hidden: 8192, bias: AttentionBias::OUT_ONLY, local_norm: true } },
    Variant { name: "convnext_tiny", data: Data::Lvd, repository: Some("facebook/dinov3-convnext-tiny-pretrain-lvd1689m"), meta_hash: "21b726bb", params: 27_820_128, meta_tensors: 182, shape: Shape::ConvNext { depths: [3, 3, 9, 3], dims: [96, 192, 384, 768] } },
    Variant { name: "convnext_small", data: Data::Lvd, repository: Some("facebook/dinov3-convnext-small-pretrain-lvd1689m"), meta_hash: "296db49d", params: 49_454_688, meta_tensors: 344, shape: Shape::ConvNext { depths: [3, 3, 27, 3], dims: [96, 192, 384, 768] } },
    Variant { name: "convnext_base", data: Data::Lvd, repository: Some("facebook/dinov3-convnext-base-pretrain-lvd1689m"), meta_hash: "801f2ba9", params: 87_566_464, meta_tensors: 344, shape: Shape::ConvNext { depths: [3, 3, 27, 3], dims: [128, 256, 512, 1024] } },
    Variant { name: "convnext_large", data: Data::Lvd, repository: Some("facebook/dinov3-convnext-large-pretrain-lvd1689m"), meta_hash: "61fa432d", params: 196_230_336, meta_tensors: 344, shape: Shape::ConvNext { depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536] } },
];
