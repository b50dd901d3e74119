//! Memory of a forward pass: the most that is held at one time, over what the loaded model holds.
//!
//! Held against the peak of the resident memory on the CPU, at 224, 512 and 1024 pixels: the built-in ViT and a ViT-S
//! take about 0.95 to 1.1 times what is predicted.

use dinoscope_model::BackboneConfig;
use dinoscope_model::config::{ConvNextConfig, VitConfig};

use super::work::positions;

/// Bytes of one f32.
const FLOAT: f64 = 4.0;

/// Most bytes that one picture of `(width, height)` pixels of network input takes at one time.
///
/// `fused` for the CPU's kernels, which keep neither scores nor hidden rows; plain tensor operations keep both.
pub fn forward_bytes(config: &BackboneConfig, input_px: (u32, u32), fused: bool) -> u64 {
    let floats = match config {
        BackboneConfig::Vit(vit) => vit_floats(vit, input_px, fused),
        BackboneConfig::ConvNext(convnext) => convnext_floats(convnext, input_px, fused),
    };
    #[expect(clippy::cast_sign_loss, reason = "sums of products of sizes")]
    let bytes = (floats * FLOAT) as u64;
    bytes
}

fn vit_floats(config: &VitConfig, input_px: (u32, u32), fused: bool) -> f64 {
    let patches = positions(input_px, config.patch);
    let tokens = patches + config.prefix() as f64;
    let dim = config.dim as f64;
    let pixels = 3.0 * patches * (config.patch * config.patch) as f64;
    // The picture and its patches in rows; then these and their tokens, before and after the class token is put in front.
    let embedding = (2.0 * pixels).max(pixels + 2.0 * tokens * dim);
    // The residual stream; query, key and value; what comes out. And the rotary table.
    let attention = tokens * (5.0 * dim + config.head_dim() as f64);
    let scores = if fused {
        // Keys and values once more, packed.
        2.0 * tokens * dim
    } else {
        // Turned queries, keys and values, and scores of 1024 queries with all keys before and after the softmax.
        3.0 * tokens * dim + 3.0 * config.heads as f64 * tokens.min(1024.0) * tokens
    };
    let hidden = if fused {
        0.0
    } else {
        3.0 * tokens * (config.ffn_hidden as f64 + dim)
    };
    embedding.max(attention + scores).max(hidden)
}

fn convnext_floats(config: &ConvNextConfig, input_px: (u32, u32), fused: bool) -> f64 {
    let pixels = 3.0 * f64::from(input_px.0) * f64::from(input_px.1);
    let stage = |(stage, &dim): (usize, &usize)| {
        let map = positions(input_px, 4 << stage) * dim as f64;
        // The map, the convolved one and its norm; without fused kernels four times as many hidden channels, twice.
        map * if fused { 3.0 } else { 10.0 }
    };
    let largest = config
        .dims
        .iter()
        .enumerate()
        .map(stage)
        .fold(0.0, f64::max);
    largest.max(2.0 * pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_model::VARIANTS;

    #[test]
    fn memory_grows_with_every_size() {
        for variant in VARIANTS {
            for fused in [true, false] {
                let config = variant.config();
                let mut last = 0;
                for side in (224..=4096).step_by(config.patch()) {
                    let bytes = forward_bytes(&config, (side, side), fused);
                    assert!(bytes > last, "{} at {side}", variant.name);
                    last = bytes;
                }
            }
        }
    }
}
