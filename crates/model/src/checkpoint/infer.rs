//! A backbone's configuration out of its tensors alone: shapes and names → [`BackboneConfig`].
//!
//! Sizes are what most tensors agree on, so that one damaged tensor is reported as such and does not bend the rest.

use std::collections::BTreeMap;

use super::CheckpointError;
use super::layout::{Family, Layout};
use super::names::{convnext_name, vit_block_names, vit_name};
use super::source::Source;
use crate::config::{
    AttentionBias, BackboneConfig, ConvNextConfig, Ffn, RopeConfig, RopePeriods, VitConfig,
};
use crate::variants::VARIANTS;

/// No network here is deeper; block numbers beyond are strays.
pub(super) const MAX_DEPTH: usize = 256;
/// A block counts when it has this many of its tensors: a stray name makes no block.
const TENSORS_OF_A_BLOCK: usize = 4;

/// Infers the configuration of a checkpoint that brings none.
pub(super) fn infer(
    source: &Source,
    layout: Layout,
    family: Family,
) -> Result<BackboneConfig, CheckpointError> {
    let refuse = |reason: &str| CheckpointError::Config {
        reason: reason.to_owned(),
        path: source.path.clone(),
    };
    match family {
        Family::Vit => Probe { source, layout }.vit(),
        Family::ConvNext => Probe { source, layout }
            .convnext()
            .ok_or_else(|| refuse("no depthwise convolution tells the width of each stage")),
    }
}

struct Probe<'a> {
    source: &'a Source,
    layout: Layout,
}

impl Probe<'_> {
    fn vit(&self) -> Result<BackboneConfig, CheckpointError> {
        let path = || self.source.path.clone();
        let depth = self.depth();
        let dim = self.dim(depth).ok_or_else(|| CheckpointError::Config {
            reason: "no norm tells the number of channels".to_owned(),
            path: path(),
        })?;
        let ffn = if self.any(depth, "mlp.w1.weight", 0) {
            Ffn::SwiGlu
        } else {
            Ffn::Mlp
        };
        let ffn_hidden = self
            .ffn_hidden(depth, ffn)
            .ok_or_else(|| CheckpointError::Config {
                reason: "no feed-forward tensor tells its width".to_owned(),
                path: path(),
            })?;
        let released = released(dim, depth, ffn, ffn_hidden);
        let periods = self.periods();
        let heads = match (released, &periods) {
            (Some(variant), _) => variant.heads,
            // A checkpoint with periods tells the head's width: four channels a period.
            (None, Some(periods))
                if !periods.is_empty() && dim.is_multiple_of(4 * periods.len()) =>
            {
                dim / (4 * periods.len())
            }
            _ => return Err(CheckpointError::UnknownHeads { dim, path: path() }),
        };
        let patch_side = self
            .trunk("patch_embed.proj.weight")
            .and_then(|shape| shape.get(2).copied());
        let registers = self
            .trunk("storage_tokens")
            .and_then(|shape| shape.get(1).copied());
        Ok(BackboneConfig::Vit(VitConfig {
            dim,
            depth,
            heads,
            ffn,
            ffn_hidden,
            patch: patch_side.unwrap_or(16),
            registers: registers.unwrap_or(released.map_or(0, |variant| variant.registers)),
            attention_bias: self.attention_bias(depth, dim),
            ffn_bias: self.any(depth, "mlp.fc2.bias", 0) || self.any(depth, "mlp.w3.bias", 0),
            norm_eps: 1e-5,
            rope: RopeConfig {
                // Periods that do not fit the heads are a damaged tensor; the report says so.
                periods: periods
                    .filter(|periods| 4 * periods.len() * heads == dim)
                    .map_or(RopePeriods::Base(100.0), RopePeriods::Stored),
                ..RopeConfig::default()
            },
            local_cls_norm: ["local_cls_norm.weight", "local_cls_norm.bias"]
                .iter()
                .any(|name| self.trunk(name).is_some()),
        }))
    }

    fn convnext(&self) -> Option<BackboneConfig> {
        let name =
            |meta: &str, stage: usize, block: usize| convnext_name(self.layout, meta, stage, block);
        let mut depths = [0; 4];
        let mut dims = [0; 4];
        for stage in 0..4 {
            let rows = [
                "gamma",
                "dwconv.weight",
                "norm.weight",
                "pwconv1.bias",
                "pwconv2.bias",
            ];
            let tensor = |row: &str, block: usize| {
                self.source
                    .shape(&name(&format!("stages.{{s}}.{{i}}.{row}"), stage, block)?)
            };
            let present = |&block: &usize| {
                rows.iter()
                    .filter(|row| tensor(row, block).is_some())
                    .count()
                    >= TENSORS_OF_A_BLOCK
            };
            depths[stage] = (0..MAX_DEPTH).rev().find(present)? + 1;
            let widths = (0..depths[stage]).flat_map(|block| {
                rows.iter()
                    .filter(|row| !row.starts_with("pwconv1"))
                    .filter_map(move |row| tensor(row, block)?.first())
            });
            dims[stage] = most_common(widths.copied())?;
        }
        Some(BackboneConfig::ConvNext(ConvNextConfig {
            depths,
            dims,
            norm_eps: 1e-6,
        }))
    }

    fn depth(&self) -> usize {
        let present = |&block: &usize| {
            let names = vit_block_names(self.layout, block);
            names
                .filter(|name| self.source.tensors.contains_key(name))
                .count()
                >= TENSORS_OF_A_BLOCK
        };
        (0..MAX_DEPTH)
            .rev()
            .find(present)
            .map_or(1, |last| last + 1)
    }

    fn dim(&self, depth: usize) -> Option<usize> {
        let rows = ["norm1.weight", "norm2.weight", "ls1.gamma", "ls2.gamma"];
        let in_blocks = (0..depth)
            .flat_map(|block| rows.iter().filter_map(move |row| self.block(row, block, 0)));
        let trunk = ["norm.weight", "patch_embed.proj.bias"]
            .into_iter()
            .filter_map(|row| self.trunk(row));
        most_common(
            trunk
                .chain(in_blocks)
                .filter_map(|shape| shape.first().copied()),
        )
    }

    fn ffn_hidden(&self, depth: usize, ffn: Ffn) -> Option<usize> {
        let rows = if ffn.is_gated() {
            ["mlp.w1.weight", "mlp.w2.weight"]
        } else {
            ["mlp.fc1.weight", "mlp.fc1.bias"]
        };
        let shapes = (0..depth)
            .flat_map(|block| rows.iter().filter_map(move |row| self.block(row, block, 0)));
        most_common(shapes.filter_map(|shape| shape.first().copied()))
    }

    fn attention_bias(&self, depth: usize, dim: usize) -> AttentionBias {
        let out = self.any(depth, "attn.proj.bias", 0);
        if self.layout != Layout::Meta {
            let has = |third| self.any(depth, "attn.qkv.bias", third);
            return AttentionBias {
                query: has(0),
                key: has(1),
                value: has(2),
                out,
            };
        }
        let fused = self.any(depth, "attn.qkv.bias", 0);
        let masks = (0..depth).filter_map(|block| {
            self.source
                .values(&vit_name(self.layout, "attn.qkv.bias_mask", block, 0)?)
        });
        match masks.into_iter().find(|mask| mask.len() == 3 * dim) {
            // A mask that was never filled holds NaN: then only the key is masked, as in every released model.
            Some(mask) => AttentionBias {
                query: fused && mask[0] != 0.0,
                key: fused && mask[dim].to_bits() == 1.0_f32.to_bits(),
                value: fused && mask[2 * dim] != 0.0,
                out,
            },
            None => AttentionBias {
                query: fused,
                key: fused,
                value: fused,
                out,
            },
        }
    }

    fn periods(&self) -> Option<Vec<f32>> {
        self.source
            .values(&vit_name(self.layout, "rope_embed.periods", 0, 0)?)
    }

    fn trunk(&self, meta: &str) -> Option<&[usize]> {
        self.source.shape(&vit_name(self.layout, meta, 0, 0)?)
    }

    fn block(&self, meta: &str, block: usize, third: usize) -> Option<&[usize]> {
        self.source
            .shape(&vit_name(self.layout, meta, block, third)?)
    }

    fn any(&self, depth: usize, meta: &str, third: usize) -> bool {
        (0..depth).any(|block| self.block(meta, block, third).is_some())
    }
}

/// The released model of these sizes: it tells what tensors cannot, such as the heads.
fn released(dim: usize, depth: usize, ffn: Ffn, ffn_hidden: usize) -> Option<Released> {
    VARIANTS.iter().find_map(|variant| match variant.config() {
        BackboneConfig::Vit(vit)
            if (vit.dim, vit.depth, vit.ffn, vit.ffn_hidden) == (dim, depth, ffn, ffn_hidden) =>
        {
            Some(Released {
                heads: vit.heads,
                registers: vit.registers,
            })
        }
        _ => None,
    })
}

#[derive(Clone, Copy)]
struct Released {
    heads: usize,
    registers: usize,
}

fn most_common(values: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(_, count)| count)
        .map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_decides_a_size() {
        assert_eq!(most_common([5, 96, 96, 7, 96].into_iter()), Some(96));
        assert_eq!(most_common([].into_iter()), None);
    }

    #[test]
    fn the_7b_has_wider_heads_than_the_others() {
        let found = released(4096, 40, Ffn::SwiGlu, 8192).unwrap();
        assert_eq!((found.heads, found.registers), (32, 4));
        assert!(released(4096, 40, Ffn::Mlp, 8192).is_none());
    }
}
