//! `config.json` and `preprocessor_config.json` of transformers ↔ [`BackboneConfig`] and picture statistics.
//!
//! Source: transformers 5.23.0, `configuration_dinov3_vit.py` and `configuration_dinov3_convnext.py`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::one_line;
use super::periods::nearest_base;
use crate::config::{
    AttentionBias, BackboneConfig, ConvNextConfig, Ffn, RopeConfig, RopeCoords, RopePeriods,
    VitConfig,
};

const VIT: &str = "dinov3_vit";
const CONVNEXT: &str = "dinov3_convnext";

/// Whether a `config.json` describes a DINOv3 backbone at all.
pub(super) fn is_dinov3(json: &Value) -> bool {
    json["model_type"] == VIT || json["model_type"] == CONVNEXT
}

/// Reads a `config.json`; the error is the reason. `local_cls_norm` is not in it and left false.
pub(super) fn parse(json: &Value) -> Result<BackboneConfig, String> {
    match json["model_type"].as_str() {
        Some(VIT) => parse_vit(json),
        Some(CONVNEXT) => parse_convnext(json),
        Some(other) => Err(format!(
            "its model_type is {other:?}, expected {VIT:?} or {CONVNEXT:?}"
        )),
        None => Err(format!(
            "it has no model_type, expected {VIT:?} or {CONVNEXT:?}"
        )),
    }
}

/// Fields that fix the network, with the defaults of transformers.
#[derive(Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "mirrors the file")]
struct Vit {
    patch_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_register_tokens: usize,
    num_channels: usize,
    hidden_act: String,
    use_gated_mlp: bool,
    layer_norm_eps: f64,
    rope_theta: f64,
    query_bias: bool,
    key_bias: bool,
    value_bias: bool,
    proj_bias: bool,
    mlp_bias: bool,
}

impl Default for Vit {
    fn default() -> Self {
        Self {
            patch_size: 16,
            hidden_size: 384,
            intermediate_size: 1536,
            num_hidden_layers: 12,
            num_attention_heads: 6,
            num_register_tokens: 0,
            num_channels: 3,
            hidden_act: "gelu".into(),
            use_gated_mlp: false,
            layer_norm_eps: 1e-5,
            rope_theta: 100.0,
            query_bias: true,
            key_bias: false,
            value_bias: true,
            proj_bias: true,
            mlp_bias: true,
        }
    }
}

fn parse_vit(json: &Value) -> Result<BackboneConfig, String> {
    let vit = Vit::deserialize(json).map_err(one_line)?;
    three_channels(vit.num_channels)?;
    let ffn = match (vit.use_gated_mlp, vit.hidden_act.as_str()) {
        (false, "gelu") => Ffn::Mlp,
        (true, "silu") => Ffn::SwiGlu,
        (true, "gelu") => Ffn::GeGlu,
        (gated, act) => {
            return Err(format!(
                "hidden_act {act:?} with use_gated_mlp {gated}, expected gelu, or silu where gated"
            ));
        }
    };
    Ok(BackboneConfig::Vit(VitConfig {
        dim: vit.hidden_size,
        depth: vit.num_hidden_layers,
        heads: vit.num_attention_heads,
        ffn,
        ffn_hidden: vit.intermediate_size,
        patch: vit.patch_size,
        registers: vit.num_register_tokens,
        attention_bias: AttentionBias {
            query: vit.query_bias,
            key: vit.key_bias,
            value: vit.value_bias,
            out: vit.proj_bias,
        },
        ffn_bias: vit.mlp_bias,
        norm_eps: vit.layer_norm_eps,
        rope: RopeConfig {
            periods: RopePeriods::Base(vit.rope_theta),
            coords: RopeCoords::Separate,
        },
        local_cls_norm: false,
    }))
}

/// As [`Vit`].
#[derive(Deserialize)]
#[serde(default)]
struct ConvNext {
    hidden_sizes: Option<[usize; 4]>,
    depths: Option<[usize; 4]>,
    num_channels: usize,
    hidden_act: String,
    layer_norm_eps: f64,
}

impl Default for ConvNext {
    fn default() -> Self {
        Self {
            hidden_sizes: None,
            depths: None,
            num_channels: 3,
            hidden_act: "gelu".into(),
            layer_norm_eps: 1e-6,
        }
    }
}

fn parse_convnext(json: &Value) -> Result<BackboneConfig, String> {
    let convnext = ConvNext::deserialize(json).map_err(one_line)?;
    three_channels(convnext.num_channels)?;
    if convnext.hidden_act != "gelu" {
        return Err(format!(
            "hidden_act {:?}, expected \"gelu\"",
            convnext.hidden_act
        ));
    }
    Ok(BackboneConfig::ConvNext(ConvNextConfig {
        depths: convnext.depths.unwrap_or([3, 3, 9, 3]),
        dims: convnext.hidden_sizes.unwrap_or([96, 192, 384, 768]),
        norm_eps: convnext.layer_norm_eps,
    }))
}

fn three_channels(channels: usize) -> Result<(), String> {
    if channels == 3 {
        Ok(())
    } else {
        Err(format!("num_channels {channels}, expected 3"))
    }
}

/// `image_mean` and `image_std` of a `preprocessor_config.json`, or those of timm's `config.json`.
pub(super) fn statistics(
    preprocessor: Option<&Value>,
    config: Option<&Value>,
) -> Option<([f32; 3], [f32; 3])> {
    let pair = |json: &Value, mean: &str, std: &str| {
        let triple = |key: &str| <[f32; 3]>::deserialize(&json[key]).ok();
        Some((triple(mean)?, triple(std)?))
    };
    preprocessor
        .and_then(|json| pair(json, "image_mean", "image_std"))
        .or_else(|| config.and_then(|json| pair(&json["pretrained_cfg"], "mean", "std")))
}

/// The `config.json` that transformers needs for this backbone.
pub(super) fn to_json(config: &BackboneConfig, dtype: &str) -> Value {
    match config {
        BackboneConfig::Vit(vit) => vit_json(vit, dtype),
        BackboneConfig::ConvNext(convnext) => convnext_json(convnext, dtype),
    }
}

fn vit_json(vit: &VitConfig, dtype: &str) -> Value {
    let theta = match &vit.rope.periods {
        RopePeriods::Base(base) => *base,
        // transformers cannot say it: the nearest base here, the exact values in the metadata of the weights.
        other => nearest_base(&crate::rope::periods(other, vit.head_dim())),
    };
    json!({
        "architectures": ["DINOv3ViTModel"],
        "model_type": VIT,
        "dtype": dtype,
        "hidden_size": vit.dim,
        "num_hidden_layers": vit.depth,
        "num_attention_heads": vit.heads,
        "intermediate_size": vit.ffn_hidden,
        "use_gated_mlp": vit.ffn.is_gated(),
        "hidden_act": if vit.ffn == Ffn::SwiGlu { "silu" } else { "gelu" },
        "patch_size": vit.patch,
        "num_register_tokens": vit.registers,
        "num_channels": 3,
        "image_size": 224,
        "query_bias": vit.attention_bias.query,
        "key_bias": vit.attention_bias.key,
        "value_bias": vit.attention_bias.value,
        "proj_bias": vit.attention_bias.out,
        "mlp_bias": vit.ffn_bias,
        "layer_norm_eps": vit.norm_eps,
        "rope_theta": theta,
    })
}

fn convnext_json(convnext: &ConvNextConfig, dtype: &str) -> Value {
    json!({
        "architectures": ["DINOv3ConvNextModel"],
        "model_type": CONVNEXT,
        "dtype": dtype,
        "hidden_sizes": convnext.dims,
        "depths": convnext.depths,
        "hidden_act": "gelu",
        "num_channels": 3,
        "image_size": 224,
        "layer_norm_eps": convnext.norm_eps,
    })
}

/// The `preprocessor_config.json` that transformers needs.
pub(super) fn preprocessor_json(mean: [f32; 3], std: [f32; 3]) -> Value {
    // Through the shortest decimal: 0.485, and not the nearest f32 in 17 digits.
    let decimal =
        |values: [f32; 3]| values.map(|v| v.to_string().parse::<f64>().unwrap_or(f64::from(v)));
    json!({
        "image_processor_type": "DINOv3ViTImageProcessorFast",
        "do_resize": true,
        "size": { "height": 224, "width": 224 },
        "resample": 2,
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": decimal(mean),
        "image_std": decimal(std),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::VARIANTS;

    #[test]
    fn every_variant_survives_its_own_config_json() {
        for variant in VARIANTS {
            let mut expected = variant.config();
            if let BackboneConfig::Vit(vit) = &mut expected {
                vit.local_cls_norm = false;
            }
            assert_eq!(
                parse(&to_json(&expected, "float32")),
                Ok(expected),
                "{}",
                variant.name
            );
        }
    }

    #[test]
    fn a_gated_mlp_with_gelu_is_not_mistaken_for_swiglu() {
        let json = json!({ "model_type": VIT, "use_gated_mlp": true, "hidden_act": "gelu" });
        let Ok(BackboneConfig::Vit(vit)) = parse(&json) else {
            panic!("{json}")
        };
        assert_eq!((vit.ffn, vit.registers), (Ffn::GeGlu, 0));
    }

    #[test]
    fn what_no_network_here_can_be_is_refused_with_the_field() {
        let refused = [
            (json!({ "model_type": "llama" }), "model_type"),
            (json!([1, 2]), "model_type"),
            (
                json!({ "model_type": VIT, "hidden_act": "relu" }),
                "hidden_act",
            ),
            (
                json!({ "model_type": VIT, "num_channels": 4 }),
                "num_channels",
            ),
            (
                json!({ "model_type": VIT, "hidden_size": -1 }),
                "invalid value",
            ),
            (
                json!({ "model_type": CONVNEXT, "depths": [1, 2] }),
                "invalid length",
            ),
        ];
        for (json, field) in refused {
            let error = parse(&json).unwrap_err();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn statistics_come_from_either_project() {
        let expected = Some(([0.43, 0.411, 0.296], [0.213, 0.156, 0.143]));
        let transformers = preprocessor_json([0.43, 0.411, 0.296], [0.213, 0.156, 0.143]);
        assert_eq!(transformers["image_mean"], json!([0.43, 0.411, 0.296]));
        assert_eq!(statistics(Some(&transformers), None), expected);
        let timm = json!({ "pretrained_cfg": { "mean": [0.43, 0.411, 0.296], "std": [0.213, 0.156, 0.143] } });
        assert_eq!(statistics(None, Some(&timm)), expected);
        assert_eq!(
            statistics(None, Some(&json!({ "pretrained_cfg": 3 }))),
            None
        );
    }
}
