//! Either family behind one door: pictures in, class token, registers and patches of any layers out.

use burn::module::Module;
use burn::tensor::{Gradients, Tensor};

use crate::config::BackboneConfig;
use crate::convnext::ConvNext;
use crate::segments::Segments;
use crate::vit::{TrainingPass, Vit};
use crate::watch::Watch;
use crate::weights::{Placement, Weights, WeightsError};

/// A network that turns pictures into features.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a model: a box would only be one more thing to follow"
)]
pub enum Backbone {
    /// Vision transformer.
    Vit(Vit),
    /// Convolutional network.
    ConvNext(ConvNext),
}

/// Whether the final norm is applied to a layer's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// The model's final norm, on every layer of a ViT and on the last stage of a `ConvNeXt`, as the reference does.
    #[default]
    Final,
    /// The layer's own output.
    None,
}

/// Tokens of one layer for a batch of pictures.
#[derive(Clone, Debug)]
pub struct LayerTokens {
    /// Block of a ViT or stage of a `ConvNeXt`, from 0.
    pub layer: usize,
    /// `[batch, dim]`.
    pub cls: Tensor<2>,
    /// `[batch, registers, dim]`; none for a network without registers.
    pub registers: Option<Tensor<3>>,
    /// `[batch, rows · columns, dim]`, row by row.
    pub patches: Tensor<3>,
    /// Rows and columns of patches.
    pub grid: [usize; 2],
}

impl Backbone {
    /// Fills a network of this shape from `weights`.
    pub fn load(
        config: &BackboneConfig,
        weights: &dyn Weights,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        Ok(match config {
            BackboneConfig::Vit(config) => Self::Vit(Vit::load(config, weights, at)?),
            BackboneConfig::ConvNext(config) => {
                Self::ConvNext(ConvNext::load(config, weights, at)?)
            }
        })
    }

    /// The network's shape.
    pub fn config(&self) -> BackboneConfig {
        match self {
            Self::Vit(vit) => BackboneConfig::Vit(vit.config().clone()),
            Self::ConvNext(convnext) => BackboneConfig::ConvNext(convnext.config().clone()),
        }
    }

    /// Parameters that the network holds.
    pub fn num_params(&self) -> usize {
        match self {
            Self::Vit(vit) => vit.num_params(),
            Self::ConvNext(convnext) => convnext.num_params(),
        }
    }

    /// The last layer's tokens in a pass of training, normed. `images` `[batch, 3, height, width]`.
    ///
    /// A `ConvNeXt` has neither masks nor rotary positions: `pass` does nothing there.
    ///
    /// # Panics
    /// If a picture is smaller than one patch, or a `ConvNeXt` is given masks.
    pub fn training(&self, images: Tensor<4>, pass: &TrainingPass) -> LayerTokens {
        match self {
            Self::Vit(vit) => {
                let [_, _, height, width] = images.dims();
                let grid = vit.grid([height, width]);
                split(
                    vit,
                    vit.config().depth - 1,
                    vit.forward_training(images, pass),
                    grid,
                )
            }
            Self::ConvNext(convnext) => {
                assert!(pass.masks.is_none(), "masks: a ConvNeXt has no mask token");
                convnext_features(convnext, images, &[3], Norm::Final, &mut Watch::default())
                    .and_then(|mut layers| layers.pop())
                    .expect("nobody watches, so nobody ends it")
            }
        }
    }

    /// As [`Backbone::training`] with activation checkpointing, where the network has it; `images` on the plain device.
    ///
    /// Returns what gives the gradients of everything before the final norm, or nothing where the graph has them.
    ///
    /// # Panics
    /// As [`Backbone::training`].
    pub fn training_segments(
        &self,
        images: Tensor<4>,
        pass: &TrainingPass,
    ) -> (LayerTokens, Option<Segments>) {
        match self {
            Self::Vit(vit) => {
                let [_, _, height, width] = images.dims();
                let grid = vit.grid([height, width]);
                let (tokens, segments) = vit.forward_segments(images, pass.clone());
                let tokens = split(vit, vit.config().depth - 1, tokens, grid);
                (tokens, Some(segments))
            }
            Self::ConvNext(_) => (self.training(Tensor::from_inner(images), pass), None),
        }
    }

    /// The gradients of such a pass.
    pub fn backward_segments(
        &self,
        segments: Segments,
        found: &mut Gradients,
        each: impl FnMut(Gradients),
    ) {
        if let Self::Vit(vit) = self {
            segments.backward(vit, found, each);
        }
    }

    /// Tokens of each layer in `layers`, in ascending order. `images` `[batch, 3, height, width]`, normalised.
    ///
    /// # Panics
    /// If a layer does not exist or a picture is smaller than one patch.
    pub fn features(&self, images: Tensor<4>, layers: &[usize], norm: Norm) -> Vec<LayerTokens> {
        self.features_until(images, layers, norm, &mut Watch::default())
            .expect("nobody watches, so nobody ends it")
    }

    /// As [`Backbone::features`], watched block by block; nothing if the run was ended.
    ///
    /// # Panics
    /// As [`Backbone::features`].
    pub fn features_until(
        &self,
        images: Tensor<4>,
        layers: &[usize],
        norm: Norm,
        watch: &mut Watch<'_>,
    ) -> Option<Vec<LayerTokens>> {
        let count = self.config().layers();
        assert!(
            layers.iter().all(|&layer| layer < count),
            "layers: {layers:?} asked for, network has {count}"
        );
        let mut layers = layers.to_vec();
        layers.sort_unstable();
        layers.dedup();
        match self {
            Self::Vit(vit) => vit_features(vit, images, &layers, norm, watch),
            Self::ConvNext(convnext) => convnext_features(convnext, images, &layers, norm, watch),
        }
    }
}

fn vit_features(
    vit: &Vit,
    images: Tensor<4>,
    layers: &[usize],
    norm: Norm,
    watch: &mut Watch<'_>,
) -> Option<Vec<LayerTokens>> {
    let [_, _, height, width] = images.dims();
    let grid = vit.grid([height, width]);
    let tokens = vit.forward_layers_until(images, None, layers, watch)?;
    let part = |(&layer, tokens): (&usize, Tensor<3>)| {
        let tokens = if norm == Norm::Final {
            vit.norm(tokens)
        } else {
            tokens
        };
        split(vit, layer, tokens, grid)
    };
    Some(layers.iter().zip(tokens).map(part).collect())
}

/// Tokens `[batch, tokens, dim]` of a layer as what they are.
fn split(vit: &Vit, layer: usize, tokens: Tensor<3>, grid: [usize; 2]) -> LayerTokens {
    let (registers, prefix) = (vit.config().registers, vit.config().prefix());
    let [_, count, _] = tokens.dims();
    LayerTokens {
        layer,
        cls: tokens.clone().narrow(1, 0, 1).squeeze_dim(1),
        registers: (registers > 0).then(|| tokens.clone().narrow(1, 1, registers)),
        patches: tokens.narrow(1, prefix, count - prefix),
        grid,
    }
}

fn convnext_features(
    convnext: &ConvNext,
    images: Tensor<4>,
    layers: &[usize],
    norm: Norm,
    watch: &mut Watch<'_>,
) -> Option<Vec<LayerTokens>> {
    let maps = convnext.forward_layers_until(images, layers, watch)?;
    let split = |(&layer, map): (&usize, Tensor<4>)| {
        let [batch, rows, columns, channels] = map.dims();
        let patches = map.reshape([batch, rows * columns, channels]);
        let cls = patches.clone().mean_dim(1).squeeze_dim::<2>(1);
        // The reference norms the last stage only; the others pass as they are.
        let (cls, patches) = if norm == Norm::Final && layer == 3 {
            (convnext.norm(cls), convnext.norm(patches))
        } else {
            (cls, patches)
        };
        LayerTokens {
            layer,
            cls,
            registers: None,
            patches,
            grid: [rows, columns],
        }
    };
    Some(layers.iter().zip(maps).map(split).collect())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use burn::tensor::Distribution;

    use super::*;
    use crate::config::ConvNextConfig;
    use crate::watch::Stop;
    use crate::{Fresh, Variant};

    /// A ViT of three blocks and a `ConvNeXt` of five, plain and packed.
    fn networks() -> Vec<(Backbone, usize)> {
        let BackboneConfig::Vit(mut vit) = Variant::by_name("vits16").unwrap().config() else {
            panic!("a ViT");
        };
        (vit.dim, vit.depth, vit.heads, vit.ffn_hidden) = (32, 3, 2, 64);
        let convnext = BackboneConfig::ConvNext(ConvNextConfig {
            depths: [1, 1, 2, 1],
            dims: [8, 16, 24, 32],
            norm_eps: 1e-6,
        });
        let plain = Placement::plain(&burn::tensor::Device::flex());
        let mut networks = Vec::new();
        for (config, blocks) in [(BackboneConfig::Vit(vit), 3), (convnext, 5)] {
            for at in [Placement::packed_cpu(), plain.clone()] {
                let network = Backbone::load(&config, &Fresh { seed: 1 }, &at).unwrap();
                networks.push((network, blocks));
            }
        }
        networks
    }

    fn images() -> Tensor<4> {
        let device = burn::tensor::Device::flex();
        Tensor::random([1, 3, 64, 64], Distribution::Default, &device)
    }

    #[test]
    fn a_watched_run_gives_the_same_and_tells_of_every_block() {
        for (network, blocks) in networks() {
            let last = network.config().layers() - 1;
            let images = images();
            let mut heard = Vec::new();
            let mut observer = |done, total| {
                heard.push((done, total));
                ControlFlow::Continue(())
            };
            let mut watch = Watch::new(Stop::default(), &mut observer);
            let watched = network.features_until(images.clone(), &[last], Norm::Final, &mut watch);
            let plain = network.features(images, &[last], Norm::Final);
            let values = |tokens: &[LayerTokens]| tokens[0].patches.clone().into_data();
            assert_eq!(values(&watched.unwrap()), values(&plain));
            let expected: Vec<_> = (1..=blocks).map(|done| (done, blocks)).collect();
            assert_eq!(heard, expected);
        }
    }

    #[test]
    fn only_the_blocks_that_are_needed_run() {
        let (network, _) = &networks()[0];
        let mut last = (0, 0);
        let mut observer = |done, total| {
            last = (done, total);
            ControlFlow::Continue(())
        };
        let mut watch = Watch::new(Stop::default(), &mut observer);
        network.features_until(images(), &[1], Norm::None, &mut watch);
        assert_eq!(last, (2, 2));
    }

    #[test]
    fn the_observer_and_the_flag_both_end_a_run() {
        for (network, _) in networks() {
            let mut heard = 0;
            let mut observer = |_, _| {
                heard += 1;
                ControlFlow::Break(())
            };
            let mut watch = Watch::new(Stop::default(), &mut observer);
            let ended = network.features_until(images(), &[1], Norm::Final, &mut watch);
            assert!(ended.is_none() && heard == 1);
            let stop = Stop::default();
            let from_within = stop.clone();
            let mut observer = |_, _| {
                from_within.set();
                ControlFlow::Continue(())
            };
            let mut watch = Watch::new(stop, &mut observer);
            let ended = network.features_until(images(), &[1], Norm::Final, &mut watch);
            assert!(ended.is_none());
        }
    }
}
