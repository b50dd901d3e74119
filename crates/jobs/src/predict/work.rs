//! Arithmetic of a forward pass. Source of the shapes: `spec/01`, sections 2 and 3.

use dinoscope_model::BackboneConfig;
use dinoscope_model::config::{ConvNextConfig, Ffn, VitConfig};
use serde::{Deserialize, Serialize};

/// Floating-point operations, a multiplication and an addition being two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Products with weights: linear in the tokens.
    pub linear: f64,
    /// Products of tokens with tokens: quadratic in them. Of a `ConvNeXt`, its depthwise convolutions, which are as
    /// much slower than its products with weights.
    pub mixing: f64,
}

impl Work {
    /// Work of one picture whose network input is `(width, height)` pixels.
    pub fn of(config: &BackboneConfig, input_px: (u32, u32)) -> Self {
        match config {
            BackboneConfig::Vit(vit) => Self::of_vit(vit, input_px),
            BackboneConfig::ConvNext(convnext) => Self::of_convnext(convnext, input_px),
        }
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.linear + self.mixing
    }

    fn of_vit(config: &VitConfig, input_px: (u32, u32)) -> Self {
        let patches = positions(input_px, config.patch);
        let tokens = patches + config.prefix() as f64;
        let [dim, hidden, patch, depth] =
            [config.dim, config.ffn_hidden, config.patch, config.depth].map(|side| side as f64);
        let layers = if config.ffn == Ffn::Mlp { 2.0 } else { 3.0 };
        // Query, key, value and projection are four times dim × dim.
        let block = 2.0 * tokens * (4.0 * dim * dim + layers * dim * hidden);
        Self {
            linear: 2.0 * patches * 3.0 * patch * patch * dim + depth * block,
            mixing: depth * 4.0 * tokens * tokens * dim,
        }
    }

    fn of_convnext(config: &ConvNextConfig, input_px: (u32, u32)) -> Self {
        let mut work = Self::default();
        let mut inputs = 48.0;
        for (stage, (&dim, &depth)) in config.dims.iter().zip(&config.depths).enumerate() {
            let at = positions(input_px, 4 << stage);
            let (dim, depth) = (dim as f64, depth as f64);
            work.linear += 2.0 * at * inputs * dim + depth * 16.0 * at * dim * dim;
            work.mixing += depth * 2.0 * 49.0 * at * dim;
            inputs = 4.0 * dim;
        }
        work
    }
}

/// Squares of `side` pixels in a picture.
pub(super) fn positions((width, height): (u32, u32), side: usize) -> f64 {
    let along = |pixels: u32| f64::from(pixels / side as u32);
    along(width) * along(height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_model::{VARIANTS, Variant};

    #[test]
    fn a_vit_s_at_224_pixels_takes_nine_billion_operations() {
        let config = Variant::by_name("vits16").unwrap().config();
        let work = Work::of(&config, (224, 224));
        // 12 blocks · 2 · 201 tokens · (4 · 384² + 2 · 384 · 1536), and 2 · 196 · 768 · 384 for the patches.
        assert!((work.linear - 8_651_538_432.0).abs() < 1.0, "{work:?}");
        // 12 blocks · 4 · 201² · 384.
        assert!((work.mixing - 744_671_232.0).abs() < 1.0, "{work:?}");
    }

    #[test]
    fn work_grows_with_every_size_and_every_model() {
        for variant in VARIANTS {
            let config = variant.config();
            let step = config.patch();
            let mut last = 0.0;
            for side in (224..=4096).step_by(step) {
                let total = Work::of(&config, (side, side)).total();
                assert!(total > last, "{} at {side}", variant.name);
                last = total;
            }
        }
    }
}
