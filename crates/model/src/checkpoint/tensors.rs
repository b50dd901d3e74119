//! Every tensor of a backbone: configuration → names, shapes, and how each layout stores them.
//!
//! The names come from the tables of [`super::names`]. Source: `spec/01`, sections 1.1, 3 and 4.

use serde::Serialize;

use crate::config::{BackboneConfig, ConvNextConfig, VitConfig};

use super::Layout;
use super::names::{self, Row, Stage};

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Learned.
    Weight,
    /// Rotary periods: a buffer of Meta's layout.
    Periods,
    /// 0 where a bias of the fused projection does not count: a buffer of Meta's layout.
    BiasMask,
    /// A second name of another tensor in Meta's layout.
    Alias,
}

/// What a tensor belongs to: how a person thinks of a network's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Pixels to tokens; of a `ConvNeXt`, its stem.
    PatchEmbedding,
    /// The class token.
    ClassToken,
    /// The register tokens.
    Registers,
    /// What stands for a masked patch.
    MaskToken,
    /// Rotary periods.
    Rope,
    /// Blocks.
    Blocks,
    /// Layers between the stages of a `ConvNeXt`.
    Downsampling,
    /// The last norm, and that for local crops.
    FinalNorm,
}

impl Group {
    /// Every group, in the order of the data flow.
    pub const ALL: [Self; 8] = [
        Self::PatchEmbedding,
        Self::ClassToken,
        Self::Registers,
        Self::MaskToken,
        Self::Rope,
        Self::Blocks,
        Self::Downsampling,
        Self::FinalNorm,
    ];

    /// The group of a tensor by its canonical name.
    fn of(name: &str) -> Self {
        let first = name.split('.').next().unwrap_or(name);
        match first {
            "patch_embed" => Self::PatchEmbedding,
            "cls_token" => Self::ClassToken,
            "storage_tokens" => Self::Registers,
            "mask_token" => Self::MaskToken,
            "rope_embed" => Self::Rope,
            "downsample_layers" if name.starts_with("downsample_layers.0.") => Self::PatchEmbedding,
            "downsample_layers" => Self::Downsampling,
            "blocks" | "stages" => Self::Blocks,
            _ => Self::FinalNorm,
        }
    }
}

/// One tensor of a backbone.
#[derive(Clone, Debug)]
pub struct TensorSpec {
    /// Name in Meta's layout, which is the canonical one.
    pub name: String,
    /// Shape in Meta's layout.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
    hf: String,
    timm: String,
    /// Which thirds are stored where they are separate tensors.
    thirds: [bool; 3],
}

/// A tensor as one layout stores it: a whole canonical tensor, or one third of its rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// 0, 1, 2 for query, key, value.
    pub(super) third: Option<usize>,
}

impl TensorSpec {
    /// What it belongs to.
    pub fn group(&self) -> Group {
        Group::of(&self.name)
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements: the register tokens of a model without any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How a layout stores this tensor; no part means not at all.
    pub(super) fn parts(&self, layout: Layout) -> Vec<Part> {
        let pattern = match layout {
            Layout::Meta => &self.name,
            Layout::Hf => &self.hf,
            Layout::Timm => &self.timm,
        };
        // Only transformers writes a tensor of zero registers.
        if pattern.is_empty() || (self.is_empty() && layout != Layout::Hf) {
            return Vec::new();
        }
        let Some((head, tail)) = pattern.split_once("{qkv}") else {
            let mut shape = self.shape.clone();
            if layout == Layout::Hf && self.name == "mask_token" {
                shape.insert(0, 1);
            }
            return vec![Part {
                name: pattern.clone(),
                shape,
                third: None,
            }];
        };
        let mut shape = self.shape.clone();
        shape[0] /= 3;
        let part = |(third, letter)| Part {
            name: format!("{head}{letter}{tail}"),
            shape: shape.clone(),
            third: Some(third),
        };
        ["q", "k", "v"]
            .into_iter()
            .enumerate()
            .filter(|&(third, _)| self.thirds[third])
            .map(part)
            .collect()
    }
}

/// Every tensor of a backbone in Meta's layout, in the order of the data flow.
pub fn tensors(config: &BackboneConfig) -> Vec<TensorSpec> {
    all_tensors(config)
        .into_iter()
        .filter(|spec| !spec.is_empty())
        .collect()
}

/// Learnable parameters in Meta's layout, the masked key biases included.
pub fn parameter_count(config: &BackboneConfig) -> u64 {
    tensors(config)
        .iter()
        .filter(|spec| spec.role == Role::Weight)
        .map(|spec| spec.len() as u64)
        .sum()
}

/// As [`tensors`], with the empty register tensor that one layout stores.
pub(super) fn all_tensors(config: &BackboneConfig) -> Vec<TensorSpec> {
    match config {
        BackboneConfig::Vit(vit) => vit_tensors(vit),
        BackboneConfig::ConvNext(convnext) => convnext_tensors(convnext),
    }
}

fn vit_tensors(config: &VitConfig) -> Vec<TensorSpec> {
    let bias = config.attention_bias;
    let spec = |row: &Row<VitConfig>, prefix: [&str; 3], block: usize| TensorSpec {
        name: row.name(Layout::Meta, prefix, 0, block),
        shape: (row.shape)(config),
        role: row.role,
        hf: row.name(Layout::Hf, prefix, 0, block),
        timm: row.name(Layout::Timm, prefix, 0, block),
        // The weights always have three thirds, the biases those that the configuration names.
        thirds: if row.names[0] == "attn.qkv.bias" {
            [bias.query, bias.key, bias.value]
        } else {
            [true; 3]
        },
    };
    let rows = |rows: &'static [Row<VitConfig>]| rows.iter().filter(|row| (row.when)(config));
    let mut specs: Vec<_> = rows(names::VIT_STEM)
        .map(|row| spec(row, [""; 3], 0))
        .collect();
    for block in 0..config.depth {
        specs.extend(rows(names::VIT_BLOCK).map(|row| spec(row, names::BLOCK_PREFIX, block)));
    }
    specs.extend(rows(names::VIT_TAIL).map(|row| spec(row, [""; 3], 0)));
    specs
}

fn convnext_tensors(config: &ConvNextConfig) -> Vec<TensorSpec> {
    let mut specs = Vec::new();
    let mut input = 3;
    for (index, (&dim, &depth)) in config.dims.iter().zip(&config.depths).enumerate() {
        let stage = Stage { input, dim };
        let spec = |row: &Row<Stage>, block: usize| TensorSpec {
            name: row.name(Layout::Meta, [""; 3], index, block),
            shape: (row.shape)(&stage),
            role: row.role,
            hf: row.name(Layout::Hf, [""; 3], index, block),
            timm: row.name(Layout::Timm, [""; 3], index, block),
            thirds: [true; 3],
        };
        let entry = if index == 0 {
            names::CONVNEXT_STEM
        } else {
            names::CONVNEXT_DOWNSAMPLE
        };
        specs.extend(entry.iter().map(|row| spec(row, 0)));
        for block in 0..depth {
            specs.extend(names::CONVNEXT_BLOCK.iter().map(|row| spec(row, block)));
        }
        if index == 3 {
            specs.extend(names::CONVNEXT_TAIL.iter().map(|row| spec(row, 0)));
        }
        input = dim;
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::{VARIANTS, Variant};

    #[test]
    fn every_variant_has_the_published_parameters_and_tensors() {
        for variant in VARIANTS {
            let config = variant.config();
            assert_eq!(parameter_count(&config), variant.params, "{}", variant.name);
            assert_eq!(
                tensors(&config).len(),
                variant.meta_tensors,
                "{}",
                variant.name
            );
        }
    }

    #[test]
    fn transformers_has_as_many_tensors_as_its_own_save() {
        let count = |name: &str| {
            let config = Variant::by_name(name).unwrap().config();
            all_tensors(&config)
                .iter()
                .map(|spec| spec.parts(Layout::Hf).len())
                .sum::<usize>()
        };
        // Counted in transformers 5.23.0.
        assert_eq!(count("vits16"), 211);
        assert_eq!(count("convnext_tiny"), 180);
    }

    #[test]
    fn timm_has_as_many_tensors_as_its_own_state_dict() {
        let count = |name: &str| {
            let config = Variant::by_name(name).unwrap().config();
            all_tensors(&config)
                .iter()
                .map(|spec| spec.parts(Layout::Timm).len())
                .sum::<usize>()
        };
        // Counted in timm 1.0.31, the `_qkvb` variants for S and S+.
        let counted = [
            ("vits16", 186),
            ("vits16plus", 210),
            ("vit7b16", 606),
            ("convnext_tiny", 180),
        ];
        for (name, tensors) in counted {
            assert_eq!(count(name), tensors, "{name}");
        }
    }

    #[test]
    fn no_two_tensors_share_a_name_in_any_layout() {
        for variant in VARIANTS {
            for layout in [Layout::Meta, Layout::Hf, Layout::Timm] {
                let specs = all_tensors(&variant.config());
                let parts: Vec<_> = specs
                    .iter()
                    .flat_map(|spec| spec.parts(layout))
                    .map(|part| part.name)
                    .collect();
                let unique: std::collections::BTreeSet<_> = parts.iter().collect();
                assert_eq!(unique.len(), parts.len(), "{} {layout}", variant.name);
                assert!(
                    parts.iter().all(|name| !name.contains('{')),
                    "{} {layout}",
                    variant.name
                );
            }
        }
    }

    #[test]
    fn the_fused_projection_splits_into_the_biases_that_exist() {
        let specs = all_tensors(&Variant::by_name("vits16").unwrap().config());
        let bias = specs
            .iter()
            .find(|spec| spec.name == "blocks.3.attn.qkv.bias")
            .unwrap();
        let names: Vec<_> = bias
            .parts(Layout::Hf)
            .into_iter()
            .map(|part| part.name)
            .collect();
        assert_eq!(
            names,
            [
                "layer.3.attention.q_proj.bias",
                "layer.3.attention.v_proj.bias"
            ]
        );
        assert_eq!(bias.parts(Layout::Timm)[1].name, "blocks.3.attn.v_bias");
        assert_eq!(bias.parts(Layout::Timm)[1].shape, [384]);
    }

    #[test]
    fn only_transformers_stores_the_registers_of_a_model_without_any() {
        let BackboneConfig::Vit(mut vit) = VARIANTS[0].config() else {
            panic!("vits16 is a ViT")
        };
        vit.registers = 0;
        let specs = all_tensors(&BackboneConfig::Vit(vit));
        let registers = specs
            .iter()
            .find(|spec| spec.name == "storage_tokens")
            .unwrap();
        assert_eq!(registers.parts(Layout::Hf)[0].shape, [1, 0, 384]);
        assert!(
            registers.parts(Layout::Meta).is_empty() && registers.parts(Layout::Timm).is_empty()
        );
    }
}
