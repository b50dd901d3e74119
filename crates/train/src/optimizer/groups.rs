//! How fast each parameter learns and whether it decays, by its name. Source: `spec/02`, section 7.

use serde::{Deserialize, Serialize};

/// How the learning rate falls towards the input of a backbone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grouping {
    /// Factor from each block to the one below, above 0 and at most 1.
    pub layer_decay: f64,
    /// Further factor of the patch embedding.
    pub patch_embed: f64,
    /// Factor of the whole backbone against the heads.
    pub backbone: f64,
}

impl Default for Grouping {
    fn default() -> Self {
        Self {
            layer_decay: 1.0,
            patch_embed: 1.0,
            backbone: 1.0,
        }
    }
}

/// What a parameter's name says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Factor of the learning rate.
    pub lr: f64,
    /// Whether weight decay applies.
    pub decays: bool,
    /// Whether it is a head's last layer, which has a schedule of its own.
    pub last_layer: bool,
}

impl Grouping {
    /// The group of a parameter: `backbone.blocks.0.norm1.weight`; `depth` is the number of blocks of a ViT, 0 for a
    /// network without blocks of one kind.
    ///
    /// Class, register and mask tokens decay, as in the reference.
    pub fn of(&self, name: &str, depth: usize) -> Group {
        let decays = !(name.ends_with("bias") || name.contains("norm") || name.contains("gamma"));
        let last_layer = name.contains("last_layer");
        let Some(part) = name.strip_prefix("backbone.") else {
            return Group {
                lr: 1.0,
                decays,
                last_layer,
            };
        };
        let mut lr = self.backbone;
        if depth > 0 {
            let below = depth + 1 - layer(part, depth);
            lr *= self
                .layer_decay
                .powi(i32::try_from(below).unwrap_or(i32::MAX));
        }
        if part.contains("patch_embed") {
            lr *= self.patch_embed;
        }
        Group {
            lr,
            decays,
            last_layer,
        }
    }
}

/// 0 for what makes tokens, `i + 1` for block `i`, `depth + 1` for what follows the blocks.
fn layer(part: &str, depth: usize) -> usize {
    let tokens = ["patch_embed", "cls_token", "mask_token", "storage_tokens"];
    if tokens.iter().any(|token| part.starts_with(token)) {
        return 0;
    }
    part.strip_prefix("blocks.")
        .and_then(|rest| rest.split('.').next()?.parse::<usize>().ok())
        .map_or(depth + 1, |block| block + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_towards_the_input() {
        let grouping = Grouping {
            layer_decay: 0.5,
            patch_embed: 0.2,
            backbone: 1.0,
        };
        let lr = |name: &str| grouping.of(name, 2).lr;
        for (name, expected) in [
            ("backbone.patch_embed.proj.weight", 0.125 * 0.2),
            ("backbone.cls_token", 0.125),
            ("backbone.storage_tokens", 0.125),
            ("backbone.blocks.0.attn.qkv.weight", 0.25),
            ("backbone.blocks.1.mlp.fc1.weight", 0.5),
            ("backbone.norm.weight", 1.0),
            ("dino_head.last_layer.weight", 1.0),
        ] {
            assert!((lr(name) - expected).abs() < 1e-12, "{name}: {}", lr(name));
        }
        // A network without blocks has one rate.
        let convnext = grouping.of("backbone.stages.0.0.gamma", 0);
        assert!((convnext.lr - 1.0).abs() < 1e-12);
    }

    #[test]
    fn biases_norms_and_scales_do_not_decay_and_tokens_do() {
        let decays = |name: &str| Grouping::default().of(name, 2).decays;
        for name in [
            "backbone.blocks.0.norm1.weight",
            "backbone.blocks.0.ls1.gamma",
            "backbone.patch_embed.proj.bias",
            "dino_head.mlp.0.bias",
        ] {
            assert!(!decays(name), "{name}");
        }
        for name in [
            "backbone.cls_token",
            "backbone.mask_token",
            "backbone.storage_tokens",
            "ibot_head.last_layer.weight",
            // The reference's test of names misses these two norms.
            "backbone.downsample_layers.1.0.weight",
        ] {
            assert!(decays(name), "{name}");
        }
        assert!(
            Grouping::default()
                .of("dino_head.last_layer.weight", 2)
                .last_layer
        );
    }
}
