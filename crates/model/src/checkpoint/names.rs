//! The names of a backbone's tensors in the three layouts: tables, one row a tensor.
//!
//! Columns: Meta, Hugging Face, timm, shape. `{i}` is a block, `{s}` a stage; `{qkv}` stands for three tensors `q`,
//! `k`, `v` that are the thirds of Meta's fused one; an empty name means that the layout has no place for the tensor.
//! Sources: `spec/01`, section 4; timm 1.0.31, `models/eva.py` and `models/convnext.py`.

use crate::config::VitConfig;

use super::{Layout, Role};

/// One tensor, or one for each block.
pub(super) struct Row<C: 'static> {
    /// Names in the order of [`Layout`].
    pub(super) names: [&'static str; 3],
    pub(super) role: Role,
    /// Shape in Meta's layout.
    pub(super) shape: fn(&C) -> Vec<usize>,
    /// Whether a model of this configuration has it.
    pub(super) when: fn(&C) -> bool,
}

/// What fixes the shapes in one stage of a `ConvNeXt`.
pub(super) struct Stage {
    /// Channels that enter.
    pub(super) input: usize,
    /// Channels inside.
    pub(super) dim: usize,
}

/// In front of the names of [`VIT_BLOCK`].
pub(super) const BLOCK_PREFIX: [&str; 3] = ["blocks.{i}.", "layer.{i}.", "blocks.{i}."];

#[rustfmt::skip] // A table: one row a line.
pub(super) const VIT_STEM: &[Row<VitConfig>] = &[
    row("cls_token", "embeddings.cls_token", "cls_token", |c| vec![1, 1, c.dim]),
    row("storage_tokens", "embeddings.register_tokens", "reg_token", |c| vec![1, c.registers, c.dim]),
    row("mask_token", "embeddings.mask_token", "", |c| vec![1, c.dim]),
    row("patch_embed.proj.weight", "embeddings.patch_embeddings.weight", "patch_embed.proj.weight", |c| vec![c.dim, 3, c.patch, c.patch]),
    row("patch_embed.proj.bias", "embeddings.patch_embeddings.bias", "patch_embed.proj.bias", dim),
    row("rope_embed.periods", "", "", quarter_head).of(Role::Periods),
];

#[rustfmt::skip] // A table: one row a line.
pub(super) const VIT_BLOCK: &[Row<VitConfig>] = &[
    row("norm1.weight", "norm1.weight", "norm1.weight", dim),
    row("norm1.bias", "norm1.bias", "norm1.bias", dim),
    row("attn.qkv.weight", "attention.{qkv}_proj.weight", "attn.qkv.weight", |c| vec![3 * c.dim, c.dim]),
    row("attn.qkv.bias", "attention.{qkv}_proj.bias", "attn.{qkv}_bias", three_dims).when(|c| c.attention_bias.any_qkv()),
    row("attn.qkv.bias_mask", "", "", three_dims).of(Role::BiasMask).when(masked_bias),
    row("attn.proj.weight", "attention.o_proj.weight", "attn.proj.weight", |c| vec![c.dim, c.dim]),
    row("attn.proj.bias", "attention.o_proj.bias", "attn.proj.bias", dim).when(|c| c.attention_bias.out),
    row("ls1.gamma", "layer_scale1.lambda1", "gamma_1", dim),
    row("norm2.weight", "norm2.weight", "norm2.weight", dim),
    row("norm2.bias", "norm2.bias", "norm2.bias", dim),
    row("mlp.fc1.weight", "mlp.up_proj.weight", "mlp.fc1.weight", hidden_by_dim).when(plain),
    row("mlp.fc1.bias", "mlp.up_proj.bias", "mlp.fc1.bias", hidden).when(plain_bias),
    row("mlp.fc2.weight", "mlp.down_proj.weight", "mlp.fc2.weight", dim_by_hidden).when(plain),
    row("mlp.fc2.bias", "mlp.down_proj.bias", "mlp.fc2.bias", dim).when(plain_bias),
    row("mlp.w1.weight", "mlp.gate_proj.weight", "mlp.fc1_g.weight", hidden_by_dim).when(gated),
    row("mlp.w1.bias", "mlp.gate_proj.bias", "mlp.fc1_g.bias", hidden).when(gated_bias),
    row("mlp.w2.weight", "mlp.up_proj.weight", "mlp.fc1_x.weight", hidden_by_dim).when(gated),
    row("mlp.w2.bias", "mlp.up_proj.bias", "mlp.fc1_x.bias", hidden).when(gated_bias),
    row("mlp.w3.weight", "mlp.down_proj.weight", "mlp.fc2.weight", dim_by_hidden).when(gated),
    row("mlp.w3.bias", "mlp.down_proj.bias", "mlp.fc2.bias", dim).when(gated_bias),
    row("ls2.gamma", "layer_scale2.lambda1", "gamma_2", dim),
];

// transformers has no use for the local norm and skips it with a notice, so there it may stay; timm refuses a file
// that has a tensor too many.
#[rustfmt::skip] // A table: one row a line.
pub(super) const VIT_TAIL: &[Row<VitConfig>] = &[
    row("norm.weight", "norm.weight", "norm.weight", dim),
    row("norm.bias", "norm.bias", "norm.bias", dim),
    row("local_cls_norm.weight", "local_cls_norm.weight", "", dim).when(|c| c.local_cls_norm),
    row("local_cls_norm.bias", "local_cls_norm.bias", "", dim).when(|c| c.local_cls_norm),
];

#[rustfmt::skip] // A table: one row a line.
pub(super) const CONVNEXT_STEM: &[Row<Stage>] = &[
    row("downsample_layers.0.0.weight", "stages.0.downsample_layers.0.weight", "stem.0.weight", |s| vec![s.dim, s.input, 4, 4]),
    row("downsample_layers.0.0.bias", "stages.0.downsample_layers.0.bias", "stem.0.bias", stage_dim),
    row("downsample_layers.0.1.weight", "stages.0.downsample_layers.1.weight", "stem.1.weight", stage_dim),
    row("downsample_layers.0.1.bias", "stages.0.downsample_layers.1.bias", "stem.1.bias", stage_dim),
];

#[rustfmt::skip] // A table: one row a line.
pub(super) const CONVNEXT_DOWNSAMPLE: &[Row<Stage>] = &[
    row("downsample_layers.{s}.0.weight", "stages.{s}.downsample_layers.0.weight", "stages.{s}.downsample.0.weight", |s| vec![s.input]),
    row("downsample_layers.{s}.0.bias", "stages.{s}.downsample_layers.0.bias", "stages.{s}.downsample.0.bias", |s| vec![s.input]),
    row("downsample_layers.{s}.1.weight", "stages.{s}.downsample_layers.1.weight", "stages.{s}.downsample.1.weight", |s| vec![s.dim, s.input, 2, 2]),
    row("downsample_layers.{s}.1.bias", "stages.{s}.downsample_layers.1.bias", "stages.{s}.downsample.1.bias", stage_dim),
];

#[rustfmt::skip] // A table: one row a line.
pub(super) const CONVNEXT_BLOCK: &[Row<Stage>] = &[
    row("stages.{s}.{i}.dwconv.weight", "stages.{s}.layers.{i}.depthwise_conv.weight", "stages.{s}.blocks.{i}.conv_dw.weight", |s| vec![s.dim, 1, 7, 7]),
    row("stages.{s}.{i}.dwconv.bias", "stages.{s}.layers.{i}.depthwise_conv.bias", "stages.{s}.blocks.{i}.conv_dw.bias", stage_dim),
    row("stages.{s}.{i}.norm.weight", "stages.{s}.layers.{i}.layer_norm.weight", "stages.{s}.blocks.{i}.norm.weight", stage_dim),
    row("stages.{s}.{i}.norm.bias", "stages.{s}.layers.{i}.layer_norm.bias", "stages.{s}.blocks.{i}.norm.bias", stage_dim),
    row("stages.{s}.{i}.pwconv1.weight", "stages.{s}.layers.{i}.pointwise_conv1.weight", "stages.{s}.blocks.{i}.mlp.fc1.weight", |s| vec![4 * s.dim, s.dim]),
    row("stages.{s}.{i}.pwconv1.bias", "stages.{s}.layers.{i}.pointwise_conv1.bias", "stages.{s}.blocks.{i}.mlp.fc1.bias", |s| vec![4 * s.dim]),
    row("stages.{s}.{i}.pwconv2.weight", "stages.{s}.layers.{i}.pointwise_conv2.weight", "stages.{s}.blocks.{i}.mlp.fc2.weight", |s| vec![s.dim, 4 * s.dim]),
    row("stages.{s}.{i}.pwconv2.bias", "stages.{s}.layers.{i}.pointwise_conv2.bias", "stages.{s}.blocks.{i}.mlp.fc2.bias", stage_dim),
    row("stages.{s}.{i}.gamma", "stages.{s}.layers.{i}.gamma", "stages.{s}.blocks.{i}.gamma", stage_dim),
];

#[rustfmt::skip] // A table: one row a line.
pub(super) const CONVNEXT_TAIL: &[Row<Stage>] = &[
    row("norm.weight", "layer_norm.weight", "head.norm.weight", stage_dim),
    row("norm.bias", "layer_norm.bias", "head.norm.bias", stage_dim),
    row("norms.3.weight", "", "", stage_dim).of(Role::Alias),
    row("norms.3.bias", "", "", stage_dim).of(Role::Alias),
];

impl<C> Row<C> {
    const fn when(mut self, when: fn(&C) -> bool) -> Self {
        self.when = when;
        self
    }

    const fn of(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The name in one layout, for block `i` and stage `s`; empty where the layout has no place for it.
    pub(super) fn name(
        &self,
        layout: Layout,
        prefix: [&str; 3],
        stage: usize,
        block: usize,
    ) -> String {
        let name = self.names[layout as usize];
        if name.is_empty() {
            return String::new();
        }
        let name = format!("{}{name}", prefix[layout as usize]);
        name.replace("{s}", &stage.to_string())
            .replace("{i}", &block.to_string())
    }
}

/// The name that a layout gives to a row of the tables for ViT, before the configuration is known; of `{qkv}` the
/// wanted third. `None` where the layout has no place for it.
pub(super) fn vit_name(layout: Layout, meta: &str, block: usize, third: usize) -> Option<String> {
    let find = |rows: &'static [Row<VitConfig>]| rows.iter().find(|row| row.names[0] == meta);
    let name = match find(VIT_BLOCK) {
        Some(row) => row.name(layout, BLOCK_PREFIX, 0, block),
        None => find(VIT_STEM)
            .or_else(|| find(VIT_TAIL))?
            .name(layout, [""; 3], 0, 0),
    };
    (!name.is_empty()).then(|| name.replace("{qkv}", ["q", "k", "v"][third]))
}

/// As [`vit_name`], for the blocks of a `ConvNeXt`.
pub(super) fn convnext_name(
    layout: Layout,
    meta: &str,
    stage: usize,
    block: usize,
) -> Option<String> {
    let row = CONVNEXT_BLOCK.iter().find(|row| row.names[0] == meta)?;
    Some(row.name(layout, [""; 3], stage, block))
}

/// Names of all tensors that a block of a ViT can have, in one layout.
pub(super) fn vit_block_names(layout: Layout, block: usize) -> impl Iterator<Item = String> {
    VIT_BLOCK
        .iter()
        .filter_map(move |row| vit_name(layout, row.names[0], block, 0))
}

const fn row<C>(
    meta: &'static str,
    hf: &'static str,
    timm: &'static str,
    shape: fn(&C) -> Vec<usize>,
) -> Row<C> {
    Row {
        names: [meta, hf, timm],
        role: Role::Weight,
        shape,
        when: |_| true,
    }
}

/// Meta stores a mask where the fused bias has a third that does not count.
fn masked_bias(c: &VitConfig) -> bool {
    let bias = c.attention_bias;
    bias.any_qkv() && !(bias.query && bias.key && bias.value)
}

fn gated(c: &VitConfig) -> bool {
    c.ffn.is_gated()
}

fn gated_bias(c: &VitConfig) -> bool {
    c.ffn.is_gated() && c.ffn_bias
}

fn plain(c: &VitConfig) -> bool {
    !c.ffn.is_gated()
}

fn plain_bias(c: &VitConfig) -> bool {
    !c.ffn.is_gated() && c.ffn_bias
}

fn dim(c: &VitConfig) -> Vec<usize> {
    vec![c.dim]
}

fn three_dims(c: &VitConfig) -> Vec<usize> {
    vec![3 * c.dim]
}

fn quarter_head(c: &VitConfig) -> Vec<usize> {
    vec![c.head_dim() / 4]
}

fn hidden(c: &VitConfig) -> Vec<usize> {
    vec![c.ffn_hidden]
}

fn hidden_by_dim(c: &VitConfig) -> Vec<usize> {
    vec![c.ffn_hidden, c.dim]
}

fn dim_by_hidden(c: &VitConfig) -> Vec<usize> {
    vec![c.dim, c.ffn_hidden]
}

fn stage_dim(s: &Stage) -> Vec<usize> {
    vec![s.dim]
}
