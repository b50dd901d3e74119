//! Sizes of networks by name, and those that are told number by number.

use dinoscope_model::config::{
    AttentionBias, BackboneConfig, ConvNextConfig, Ffn, RopeConfig, VitConfig,
};
use dinoscope_model::{VARIANTS, Variant};

use super::{ConfigError, Model};

/// The shape of the network that learns.
pub type Shape = BackboneConfig;

/// Small vision transformers: name, channels, blocks, heads, patch. Source: `spec/06`, section 4.
const VITS: [(&str, usize, usize, usize, usize); 5] = [
    ("nano", 64, 4, 2, 8),
    ("micro", 192, 4, 3, 16),
    ("mini", 192, 6, 3, 16),
    ("tiny", 192, 12, 3, 16),
    ("small", 384, 12, 6, 16),
];

/// Small `ConvNeXt`s: name, blocks, channels of the stages.
const CONVNEXTS: [(&str, [usize; 4], [usize; 4]); 2] = [
    ("convnext_nano", [1, 1, 2, 1], [16, 32, 64, 128]),
    ("convnext_micro", [2, 2, 6, 2], [40, 80, 160, 320]),
];

impl Model {
    /// The shape that the section describes.
    pub fn shape(&self) -> Result<Shape, ConfigError> {
        self.shape_of(&self.size)
    }

    /// As [`Model::shape`] with another size.
    pub fn shape_of(&self, size: &str) -> Result<Shape, ConfigError> {
        let named = VITS.iter().find(|row| row.0 == size);
        let convnext = CONVNEXTS.iter().find(|row| row.0 == size);
        let mut shape = if let Some(&(_, dim, depth, heads, patch)) = named {
            Shape::Vit(vit(dim, depth, heads, patch, self.registers))
        } else if let Some(&(_, depths, dims)) = convnext {
            Shape::ConvNext(ConvNextConfig {
                depths,
                dims,
                norm_eps: 1e-6,
            })
        } else if let Some(variant) = Variant::by_name(size) {
            variant.config()
        } else {
            let known = VITS.iter().map(|row| row.0);
            let known = known.chain(CONVNEXTS.iter().map(|row| row.0));
            let known: Vec<_> = known.chain(VARIANTS.iter().map(|v| v.name)).collect();
            return Err(ConfigError::value(
                "model.size",
                format!("\"{size}\""),
                format!("one of {}", known.join(", ")),
            ));
        };
        if let Shape::Vit(vit) = &mut shape {
            self.override_sizes(vit)?;
        }
        Ok(shape)
    }

    fn override_sizes(&self, vit: &mut VitConfig) -> Result<(), ConfigError> {
        let ratio = vit.ffn_hidden / vit.dim;
        for (own, target) in [
            (self.dim, &mut vit.dim),
            (self.depth, &mut vit.depth),
            (self.heads, &mut vit.heads),
            (self.patch, &mut vit.patch),
        ] {
            if own > 0 {
                *target = own;
            }
        }
        if self.dim > 0 {
            vit.ffn_hidden = ratio * vit.dim;
        }
        let fine = vit.dim.is_multiple_of(4 * vit.heads);
        if fine {
            return Ok(());
        }
        Err(ConfigError::value(
            "model.dim",
            vit.dim,
            format!("a multiple of 4 x {} heads", vit.heads),
        ))
    }
}

fn vit(dim: usize, depth: usize, heads: usize, patch: usize, registers: usize) -> VitConfig {
    VitConfig {
        dim,
        depth,
        heads,
        ffn: Ffn::Mlp,
        ffn_hidden: 4 * dim,
        patch,
        registers,
        attention_bias: AttentionBias::MASKED_KEY,
        ffn_bias: true,
        norm_eps: 1e-5,
        rope: RopeConfig::default(),
        local_cls_norm: false,
    }
}
