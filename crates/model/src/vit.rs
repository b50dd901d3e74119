//! The vision transformer: patches, class and register tokens, rotary positions, pre-norm blocks.
//!
//! `[batch, 3, height, width]` normalised pixels → `[batch, 1 + registers + rows · columns, dim]` tokens.
//! Source: `spec/01`, section 2.

use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::config::{BackboneConfig, Ffn as FfnKind, VitConfig};
use crate::exact;
use crate::layers::{Ffn, LayerNorm, LayerScale, Linear, parameter};
use crate::ops;
use crate::rope::{Rope, RopeAugment};
use crate::watch::{Stop, Watch};
use crate::weights::{Placement, Weights, WeightsError};

/// A vision transformer.
#[derive(Module, Debug)]
pub struct Vit {
    /// Patch pixels, channel by channel and row by row, to a token.
    patch_embed: Linear,
    /// `[1, dim]`.
    cls_token: Param<Tensor<2>>,
    /// `[registers, dim]`; none for a network without registers.
    registers: Option<Param<Tensor<2>>>,
    /// `[dim]`, in the place of a masked patch.
    mask_token: Param<Tensor<1>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    /// Norm of the class token of local crops; training uses it, inference never.
    local_cls_norm: Option<LayerNorm>,
    #[module(skip)]
    config: VitConfig,
}

impl Vit {
    /// Fills a network of this shape from `weights`.
    pub fn load(
        config: &VitConfig,
        weights: &dyn Weights,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let VitConfig {
            dim,
            patch,
            registers,
            norm_eps,
            ..
        } = *config;
        let pixels = 3 * patch * patch;
        let kernel = weights.get("patch_embed.proj.weight", &[dim, 3, patch, patch])?;
        let bias = weights.get("patch_embed.proj.bias", &[dim])?;
        let registers = match registers {
            0 => None,
            n => Some(parameter(
                weights.get("storage_tokens", &[1, n, dim])?,
                [n, dim],
                &at.device,
            )),
        };
        let norm = |name: &str| LayerNorm::load(weights, name, dim, norm_eps, at);
        Ok(Self {
            patch_embed: Linear::from_rows(&kernel, Some(bias), pixels, at),
            cls_token: parameter(
                weights.get("cls_token", &[1, 1, dim])?,
                [1, dim],
                &at.device,
            ),
            registers,
            mask_token: parameter(weights.get("mask_token", &[1, dim])?, [dim], &at.device),
            blocks: (0..config.depth)
                .map(|i| Block::load(config, weights, i, at))
                .collect::<Result<_, _>>()?,
            norm: norm("norm")?,
            local_cls_norm: if config.local_cls_norm {
                Some(norm("local_cls_norm")?)
            } else {
                None
            },
            config: config.clone(),
        })
    }

    /// The network's shape.
    pub fn config(&self) -> &VitConfig {
        &self.config
    }

    /// Rows and columns of patches for pictures of `height` × `width`; what is left over is not seen.
    pub fn grid(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        [height / self.config.patch, width / self.config.patch]
    }

    /// Tokens after the last block, before the final norm: `[batch, tokens, dim]`.
    ///
    /// `masks` `[batch, patches]`: true where the mask token takes the patch's place.
    ///
    /// # Panics
    /// If the pictures do not have three channels or are smaller than one patch.
    pub fn forward(&self, images: Tensor<4>, masks: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let last = self.config.depth - 1;
        self.forward_layers(images, masks, &[last])
            .pop()
            .expect("the last block was asked for")
    }

    /// Tokens after each block in `layers`, in ascending order, before any norm: `[batch, tokens, dim]` each.
    #[expect(
        clippy::missing_panics_doc,
        reason = "nobody watches, so nobody ends it"
    )]
    pub fn forward_layers(
        &self,
        images: Tensor<4>,
        masks: Option<Tensor<2, Bool>>,
        layers: &[usize],
    ) -> Vec<Tensor<3>> {
        self.forward_layers_until(images, masks, layers, &mut Watch::default())
            .expect("nobody watches, so nobody ends it")
    }

    /// As [`Vit::forward_layers`], watched; nothing if the run was ended.
    pub fn forward_layers_until(
        &self,
        images: Tensor<4>,
        masks: Option<Tensor<2, Bool>>,
        layers: &[usize],
        watch: &mut Watch<'_>,
    ) -> Option<Vec<Tensor<3>>> {
        let [_, _, height, width] = images.dims();
        let device = images.device();
        let rope = self.rope(self.grid([height, width]), RopeAugment::default(), &device);
        let mut x = self.embed(images, masks);
        let mut out = Vec::with_capacity(layers.len());
        let needed = layers.iter().max().map_or(0, |last| last + 1);
        for (i, block) in self.blocks.iter().enumerate().take(needed) {
            x = block.forward_until(x, &rope, watch.stop());
            watch.passed(i + 1, needed)?;
            if layers.contains(&i) {
                out.push(x.clone());
            }
        }
        Some(out)
    }

    /// A pass of training: normed tokens `[batch, tokens, dim]`, with what training does to positions and branches.
    ///
    /// # Panics
    /// If `pass.kept` is not empty and does not tell of every block.
    pub fn forward_training(&self, images: Tensor<4>, pass: &TrainingPass) -> Tensor<3> {
        let rope = self.rope_of(&images, pass);
        let mut x = self.embed(images, pass.masks.clone());
        pass.check(self.blocks.len());
        for index in 0..self.blocks.len() {
            x = self.training_block(index, x, &rope, pass);
        }
        self.training_norm(x, pass)
    }

    /// Rotary table of a pass over these pictures.
    pub(crate) fn rope_of(&self, images: &Tensor<4>, pass: &TrainingPass) -> Rope {
        let [_, _, height, width] = images.dims();
        self.rope(self.grid([height, width]), pass.rope, &images.device())
    }

    /// One block of a pass of training.
    pub(crate) fn training_block(
        &self,
        index: usize,
        x: Tensor<3>,
        rope: &Rope,
        pass: &TrainingPass,
    ) -> Tensor<3> {
        let block = &self.blocks[index];
        match pass.kept.get(index) {
            None => block.forward(x, rope),
            Some(kept) => block.forward_some(x, rope, kept),
        }
    }

    /// The norms at the end of a pass of training.
    pub(crate) fn training_norm(&self, x: Tensor<3>, pass: &TrainingPass) -> Tensor<3> {
        let Some(local_norm) = self.local_cls_norm.as_ref().filter(|_| pass.local) else {
            return self.norm(x);
        };
        let [_, tokens, _] = x.dims();
        let cls = local_norm.forward(x.clone().narrow(1, 0, 1));
        Tensor::cat(vec![cls, self.norm(x.narrow(1, 1, tokens - 1))], 1)
    }

    /// The final norm over all tokens.
    pub fn norm(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.norm.forward(tokens)
    }

    /// Rotary table of a grid.
    pub fn rope(&self, grid: [usize; 2], augment: RopeAugment, device: &Device) -> Rope {
        Rope::new(
            &self.config.rope,
            self.config.head_dim(),
            grid,
            augment,
            device,
        )
    }

    /// Pixels to tokens: class, registers, patches row by row.
    pub(crate) fn embed(&self, images: Tensor<4>, masks: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let [batch, channels, height, width] = images.dims();
        assert_eq!(
            channels, 3,
            "images: {channels} channels, network expects 3"
        );
        let (patch, dim) = (self.config.patch, self.config.dim);
        let [rows, columns] = self.grid([height, width]);
        assert!(
            rows > 0 && columns > 0,
            "images: {height}×{width} pixels, network expects at least one patch of {patch}"
        );
        let pixels = images
            .narrow(2, 0, rows * patch)
            .narrow(3, 0, columns * patch)
            .reshape([batch, 3, rows, patch, columns, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, rows * columns, 3 * patch * patch]);
        let mut patches = self.patch_embed.forward(pixels);
        if let Some(masks) = masks {
            let token = self
                .mask_token
                .val()
                .reshape([1, 1, dim])
                .expand(patches.dims());
            patches = patches
                .clone()
                .mask_where(masks.unsqueeze_dim::<3>(2).expand(patches.dims()), token);
        }
        let spread = |tokens: &Param<Tensor<2>>| {
            let tokens = tokens.val().unsqueeze::<3>();
            let [_, count, _] = tokens.dims();
            tokens.expand([batch, count, dim])
        };
        let mut parts = vec![spread(&self.cls_token)];
        parts.extend(self.registers.as_ref().map(spread));
        parts.push(patches);
        Tensor::cat(parts, 1)
    }
}

/// What a pass of training does beyond inference. Source: `spec/01`, sections 2.2 and 2.4.
#[derive(Clone, Debug, Default)]
pub struct TrainingPass {
    /// `[batch, patches]`: true where the mask token takes the patch's place.
    pub masks: Option<Tensor<2, Bool>>,
    /// How the coordinates of the patches are changed.
    pub rope: RopeAugment,
    /// Of each block, the pictures whose attention and whose feed-forward branch are computed; the others pass by. The
    /// branches that are computed weigh batch / kept. Empty: all are computed.
    pub kept: Vec<[Vec<i32>; 2]>,
    /// Whether the pictures are local crops, whose class token has a norm of its own in some networks.
    pub local: bool,
}

impl TrainingPass {
    pub(crate) fn check(&self, blocks: usize) {
        assert!(
            self.kept.is_empty() || self.kept.len() == blocks,
            "kept: of {} blocks, network has {blocks}",
            self.kept.len()
        );
    }
}

/// One transformer block.
#[derive(Module, Debug)]
pub struct Block {
    norm1: LayerNorm,
    /// Query, key and value in one projection; the key's bias is zero.
    qkv: Linear,
    proj: Linear,
    scale1: LayerScale,
    norm2: LayerNorm,
    ffn: Ffn,
    scale2: LayerScale,
    heads: usize,
    packed: bool,
}

impl Block {
    fn load(
        config: &VitConfig,
        weights: &dyn Weights,
        index: usize,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        let VitConfig {
            dim,
            heads,
            ffn,
            ffn_hidden,
            attention_bias,
            ffn_bias,
            norm_eps,
            ..
        } = *config;
        let name = |part: &str| format!("blocks.{index}.{part}");
        let norm = |part| LayerNorm::load(weights, &name(part), dim, norm_eps, at);
        let scale = |part| LayerScale::load(weights, &name(part), dim, at);
        let ffn_names = if ffn == FfnKind::Mlp {
            ["", "mlp.fc1", "mlp.fc2"]
        } else {
            ["mlp.w1", "mlp.w2", "mlp.w3"]
        };
        let [gate, up, down] = ffn_names.map(name);
        Ok(Self {
            norm1: norm("norm1")?,
            qkv: Linear::load(
                weights,
                &name("attn.qkv"),
                [dim, 3 * dim],
                attention_bias.any_qkv(),
                at,
            )?,
            proj: Linear::load(
                weights,
                &name("attn.proj"),
                [dim, dim],
                attention_bias.out,
                at,
            )?,
            scale1: scale("ls1.gamma")?,
            norm2: norm("norm2")?,
            ffn: Ffn::load(
                weights,
                [&gate, &up, &down],
                ffn,
                [dim, ffn_hidden],
                ffn_bias,
                at,
            )?,
            scale2: scale("ls2.gamma")?,
            heads,
            packed: at.packed,
        })
    }

    /// `[batch, tokens, dim]` → the same.
    pub fn forward(&self, x: Tensor<3>, rope: &Rope) -> Tensor<3> {
        self.forward_until(x, rope, &Stop::default())
    }

    fn forward_until(&self, x: Tensor<3>, rope: &Rope, stop: &Stop) -> Tensor<3> {
        let qkv = self.qkv.forward_until(self.norm1.forward(x.clone()), stop);
        let mixed = self.attention(qkv, rope, stop);
        let x = self.proj.add_to(x, mixed, &self.scale1, stop);
        let y = self.norm2.forward(x.clone());
        self.ffn.add_to(x, y, &self.scale2, stop)
    }

    /// As [`Block::forward`], each branch for the `kept` pictures only.
    fn forward_some(&self, x: Tensor<3>, rope: &Rope, kept: &[Vec<i32>; 2]) -> Tensor<3> {
        let stop = Stop::default();
        let [attended, fed] = kept;
        let x = onto_some(x, attended, |x| {
            let mixed =
                self.attention(self.qkv.forward(self.norm1.forward(x.clone())), rope, &stop);
            self.proj.add_to(x.zeros_like(), mixed, &self.scale1, &stop)
        });
        onto_some(x, fed, |x| {
            let y = self.norm2.forward(x.clone());
            self.ffn.add_to(x.zeros_like(), y, &self.scale2, &stop)
        })
    }

    /// `[batch, tokens, 3 · dim]` → `[batch, tokens, dim]`: turned queries and keys, softmax over all tokens.
    fn attention(&self, qkv: Tensor<3>, rope: &Rope, stop: &Stop) -> Tensor<3> {
        if self.packed {
            let table = [rope.cos.clone(), rope.sin.clone()];
            return ops::attention(qkv, table, self.heads, stop);
        }
        exact::attention(qkv, rope.cos.clone(), rope.sin.clone(), self.heads)
    }
}

/// `x` with `branch` of the kept pictures added, times batch / kept.
fn onto_some(x: Tensor<3>, kept: &[i32], branch: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
    let [batch, _, _] = x.dims();
    let indices =
        Tensor::<1, Int>::from_data(TensorData::new(kept.to_vec(), [kept.len()]), &x.device());
    let added = branch(x.clone().select(0, indices.clone()));
    let weight = batch as f32 / kept.len() as f32;
    x.select_assign(0, indices, added.mul_scalar(weight), IndexingUpdateOp::Add)
}

impl From<VitConfig> for BackboneConfig {
    fn from(config: VitConfig) -> Self {
        Self::Vit(config)
    }
}
