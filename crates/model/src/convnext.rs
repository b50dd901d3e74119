//! The `ConvNeXt`: a stem and three halvings, blocks of a depthwise 7×7 convolution and two pointwise layers.
//!
//! Maps are channels-last, so that norms and pointwise layers are those of the transformer.
//! `[batch, 3, height, width]` normalised pixels → `[batch, height / 32, width / 32, dim]`; the class token is the
//! average of the last map. Source: `spec/01`, section 3.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, module, ops::ConvOptions};

use crate::config::{ConvNextConfig, Ffn as FfnKind};
use crate::layers::{Ffn, LayerNorm, LayerScale, Linear, parameter};
use crate::ops;
use crate::watch::{Stop, Watch};
use crate::weights::{Placement, Weights, WeightsError};

/// A `ConvNeXt` of four stages.
#[derive(Module, Debug)]
pub struct ConvNext {
    stages: Vec<Stage>,
    norm: LayerNorm,
    #[module(skip)]
    config: ConvNextConfig,
}

impl ConvNext {
    /// Fills a network of this shape from `weights`.
    pub fn load(
        config: &ConvNextConfig,
        weights: &dyn Weights,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            stages: (0..4)
                .map(|stage| Stage::load(config, weights, stage, at))
                .collect::<Result<_, _>>()?,
            norm: LayerNorm::load(weights, "norm", config.dims[3], config.norm_eps, at)?,
            config: config.clone(),
        })
    }

    /// The network's shape.
    pub fn config(&self) -> &ConvNextConfig {
        &self.config
    }

    /// Map after each stage in `layers` (0 to 3), ascending: `[batch, rows, columns, channels]`, before any norm.
    ///
    /// Stage `i` has one value every `4 · 2^i` pixels; what is left over at the right and below is not seen.
    #[expect(
        clippy::missing_panics_doc,
        reason = "nobody watches, so nobody ends it"
    )]
    pub fn forward_layers(&self, images: Tensor<4>, layers: &[usize]) -> Vec<Tensor<4>> {
        self.forward_layers_until(images, layers, &mut Watch::default())
            .expect("nobody watches, so nobody ends it")
    }

    /// As [`ConvNext::forward_layers`], watched block by block; nothing if the run was ended.
    pub fn forward_layers_until(
        &self,
        images: Tensor<4>,
        layers: &[usize],
        watch: &mut Watch<'_>,
    ) -> Option<Vec<Tensor<4>>> {
        let mut x = images.permute([0, 2, 3, 1]);
        let mut out = Vec::with_capacity(layers.len());
        let needed = layers.iter().max().map_or(0, |last| last + 1);
        let blocks = self.config.depths[..needed].iter().sum();
        let mut done = 0;
        for (i, stage) in self.stages.iter().enumerate().take(needed) {
            x = stage.down.forward(x);
            for block in &stage.blocks {
                x = block.forward_until(x, watch.stop());
                done += 1;
                watch.passed(done, blocks)?;
            }
            if layers.contains(&i) {
                out.push(x.clone());
            }
        }
        Some(out)
    }

    /// The final norm: class token (the average of the map) and patches through the same norm.
    ///
    /// `map` `[batch, rows, columns, dim]` → `[batch, 1, dim]` and `[batch, rows · columns, dim]`.
    pub fn norm<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.norm.forward(x)
    }
}

/// Resizes maps `[batch, rows, columns, channels]` to `[rows, columns]`, bilinear and antialiased.
///
/// The reference brings the stages to one grid this way, before any norm (its pseudo patch size).
pub fn resize_maps(map: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, from_rows, from_columns, channels] = map.dims();
    let device = map.device();
    let matrix = |from: usize, to: usize| {
        Tensor::<2>::from_data(
            TensorData::new(resize_weights(from, to), [to, from]),
            &device,
        )
    };
    let down = matrix(from_rows, rows).unsqueeze::<3>();
    let across = matrix(from_columns, columns).unsqueeze::<4>();
    let tall = down.expand([batch, rows, from_rows]).matmul(map.reshape([
        batch,
        from_rows,
        from_columns * channels,
    ]));
    let tall = tall.reshape([batch, rows, from_columns, channels]);
    across
        .expand([batch, rows, columns, from_columns])
        .matmul(tall)
}

/// Weights `[to, from]` of an antialiased linear filter, `align_corners` false.
fn resize_weights(from: usize, to: usize) -> Vec<f32> {
    let scale = from as f64 / to as f64;
    // The filter widens only where it shrinks.
    let width = scale.max(1.0);
    let mut weights = vec![0.0; to * from];
    for (i, row) in weights.chunks_exact_mut(from).enumerate() {
        let center = (i as f64 + 0.5) * scale;
        let tent = |j: usize| (1.0 - ((j as f64 + 0.5 - center) / width).abs()).max(0.0);
        let total: f64 = (0..from).map(tent).sum();
        for (j, weight) in row.iter_mut().enumerate() {
            *weight = (tent(j) / total) as f32;
        }
    }
    weights
}

/// Smaller map, more channels, then blocks.
#[derive(Module, Debug)]
struct Stage {
    down: Down,
    blocks: Vec<Block>,
}

impl Stage {
    fn load(
        config: &ConvNextConfig,
        weights: &dyn Weights,
        stage: usize,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let blocks =
            (0..config.depths[stage]).map(|block| Block::load(config, weights, [stage, block], at));
        Ok(Self {
            down: Down::load(config, weights, stage, at)?,
            blocks: blocks.collect::<Result<_, _>>()?,
        })
    }
}

/// A convolution whose stride is its size, as a projection of blocks of pixels, with a norm after or before it.
#[derive(Module, Debug)]
struct Down {
    norm: LayerNorm,
    conv: Linear,
    side: usize,
    norm_first: bool,
}

impl Down {
    fn load(
        config: &ConvNextConfig,
        weights: &dyn Weights,
        stage: usize,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let channels = config.dims[stage];
        let name = |part: usize| format!("downsample_layers.{stage}.{part}");
        // The stem projects, then norms; the others norm, then project.
        let (side, inputs, norm, conv) = match stage {
            0 => (4, 3, name(1), name(0)),
            _ => (2, config.dims[stage - 1], name(0), name(1)),
        };
        let kernel = weights.get(&format!("{conv}.weight"), &[channels, inputs, side, side])?;
        let bias = weights.get(&format!("{conv}.bias"), &[channels])?;
        let normed = if stage == 0 { channels } else { inputs };
        Ok(Self {
            norm: LayerNorm::load(weights, &norm, normed, config.norm_eps, at)?,
            conv: Linear::from_rows(
                &channels_last(&kernel, inputs, side),
                Some(bias),
                inputs * side * side,
                at,
            ),
            side,
            norm_first: stage > 0,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if self.norm_first {
            self.project(self.norm.forward(x))
        } else {
            self.norm.forward(self.project(x))
        }
    }

    fn project(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, height, width, channels] = x.dims();
        let side = self.side;
        let (rows, columns) = (height / side, width / side);
        let blocks = x
            .narrow(1, 0, rows * side)
            .narrow(2, 0, columns * side)
            .reshape([batch, rows, side, columns, side * channels])
            .permute([0, 1, 3, 2, 4])
            .reshape([batch, rows * columns, side * side * channels]);
        let y = self.conv.forward(blocks);
        let [_, _, channels] = y.dims();
        y.reshape([batch, rows, columns, channels])
    }
}

/// `x + γ · pw2(gelu(pw1(norm(dw(x)))))`.
#[derive(Module, Debug)]
struct Block {
    /// `[channels, 1, 7, 7]`; packed: `[7, 7, channels, 1]`.
    depthwise: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    norm: LayerNorm,
    ffn: Ffn,
    scale: LayerScale,
    packed: bool,
}

impl Block {
    fn load(
        config: &ConvNextConfig,
        weights: &dyn Weights,
        [stage, block]: [usize; 2],
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let channels = config.dims[stage];
        let name = |part: &str| format!("stages.{stage}.{block}.{part}");
        let kernel = weights.get(&name("dwconv.weight"), &[channels, 1, 7, 7])?;
        let depthwise = if at.packed {
            parameter(
                channels_last(&kernel, channels, 7),
                [7, 7, channels, 1],
                &at.device,
            )
        } else {
            parameter(kernel, [channels, 1, 7, 7], &at.device)
        };
        let ffn_names = ["", &name("pwconv1"), &name("pwconv2")];
        Ok(Self {
            depthwise,
            bias: parameter(
                weights.get(&name("dwconv.bias"), &[channels])?,
                [channels],
                &at.device,
            ),
            norm: LayerNorm::load(weights, &name("norm"), channels, config.norm_eps, at)?,
            ffn: Ffn::load(
                weights,
                ffn_names,
                FfnKind::Mlp,
                [channels, 4 * channels],
                true,
                at,
            )?,
            scale: LayerScale::load(weights, &name("gamma"), channels, at)?,
            packed: at.packed,
        })
    }

    fn forward_until(&self, x: Tensor<4>, stop: &Stop) -> Tensor<4> {
        let [batch, rows, columns, channels] = x.dims();
        let tokens = [batch, rows * columns, channels];
        let convolved = self.convolve(x.clone(), stop).reshape(tokens);
        let y = self.norm.forward(convolved);
        self.ffn
            .add_to(x.reshape(tokens), y, &self.scale, stop)
            .reshape([batch, rows, columns, channels])
    }

    /// The depthwise convolution, channels last on both sides.
    fn convolve(&self, x: Tensor<4>, stop: &Stop) -> Tensor<4> {
        let (weight, bias) = (self.depthwise.val(), self.bias.val());
        if self.packed {
            return ops::depthwise(x, weight, bias, stop);
        }
        let [_, _, _, channels] = x.dims();
        let options = ConvOptions::new([1, 1], [3, 3], [1, 1], channels);
        module::conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1])
    }
}

/// `[outputs, channels, side, side]` → `[outputs, side, side, channels]`; for one input channel a kernel,
/// `[channels, 1, side, side]` → `[side, side, channels]`.
fn channels_last(kernel: &[f32], channels: usize, side: usize) -> Vec<f32> {
    let area = side * side;
    let mut out = vec![0.0; kernel.len()];
    for (from, to) in kernel
        .chunks_exact(channels * area)
        .zip(out.chunks_exact_mut(channels * area))
    {
        for (channel, taps) in from.chunks_exact(area).enumerate() {
            for (tap, &value) in taps.iter().enumerate() {
                to[tap * channels + channel] = value;
            }
        }
    }
    out
}
