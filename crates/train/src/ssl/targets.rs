//! What the teacher says about a step's batches: prototypes of class tokens and of masked patches.
//!
//! Micro-batches are balanced together, so that accumulating gradients does not raise the entropy floor of the targets
//! (`spec/06`, section 1).

use burn::tensor::{Int, Tensor, TensorData};
use dinoscope_model::TrainingPass;

use super::batch::Batch;
use super::settings::Settings;
use crate::block_masks::BlockMasks;
use crate::losses::sinkhorn;
use crate::networks::Networks;

/// The targets of one batch, without gradient.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    /// `[2, pictures, prototypes]`.
    pub(super) cls: Tensor<3>,
    /// `[masked, prototypes]`, if any patch is masked.
    pub(super) patches: Option<Tensor<2>>,
    /// The teacher's own patches `[2 · pictures, patches, dim]`, normed.
    pub(super) tokens: Tensor<3>,
    /// The teacher's logits of class tokens before they are balanced, `[2 · pictures, prototypes]`.
    pub(super) cls_logits: Tensor<2>,
}

/// Runs the teacher on the global crops of all batches, not masked.
///
/// # Panics
/// If the teacher has no heads.
pub(super) fn targets(
    teacher: &Networks,
    batches: &[Batch],
    temperature: f64,
    settings: &Settings,
) -> Vec<Targets> {
    let (Some(dino), Some(ibot)) = (&teacher.dino, &teacher.ibot) else {
        panic!("targets: the teacher has no heads");
    };
    let mut cls_logits = Vec::with_capacity(batches.len());
    let mut patch_logits = Vec::with_capacity(batches.len());
    let mut tokens = Vec::with_capacity(batches.len());
    for batch in batches {
        let seen = teacher
            .backbone
            .training(batch.global.clone(), &TrainingPass::default());
        cls_logits.push(dino.forward(seen.cls));
        patch_logits.push(masked(&seen.patches, &batch.masks).map(|rows| ibot.forward(rows)));
        tokens.push(seen.patches);
    }
    let cls = balanced(cls_logits.iter().cloned().map(Some), temperature, settings);
    let patches = balanced(patch_logits.into_iter(), temperature, settings);
    let parts = cls.into_iter().zip(patches).zip(tokens).zip(cls_logits);
    batches
        .iter()
        .zip(parts)
        .map(|(batch, (((cls, patches), tokens), cls_logits))| {
            let cls = cls.expect("every batch has class tokens");
            let [_, prototypes] = cls.dims();
            Targets {
                cls: cls.reshape([2, batch.pictures, prototypes]),
                patches,
                tokens,
                cls_logits,
            }
        })
        .collect()
}

/// The masked patches of `[crops, patches, dim]`, one a row: `[masked, dim]`; none where nothing is masked.
pub(super) fn masked(patches: &Tensor<3>, masks: &BlockMasks) -> Option<Tensor<2>> {
    if masks.indices.is_empty() {
        return None;
    }
    let [crops, count, dim] = patches.dims();
    let indices: Vec<i32> = masks
        .indices
        .iter()
        .map(|&index| i32::try_from(index).expect("a batch has fewer patches than 2^31"))
        .collect();
    let length = indices.len();
    let data = TensorData::new(indices, [length]);
    let indices = Tensor::<1, Int>::from_data(data, &patches.device());
    let rows = patches.clone().reshape([crops * count, dim]);
    Some(rows.select(0, indices))
}

/// Balances the rows of all parts together.
fn balanced(
    parts: impl Iterator<Item = Option<Tensor<2>>>,
    temperature: f64,
    settings: &Settings,
) -> Vec<Option<Tensor<2>>> {
    let parts: Vec<_> = parts.collect();
    let rows: Vec<_> = parts.iter().flatten().cloned().collect();
    if rows.is_empty() {
        return parts;
    }
    let all = Tensor::cat(rows, 0);
    let all = sinkhorn(all, temperature as f32, settings.sinkhorn_iterations);
    let mut first = 0;
    parts
        .into_iter()
        .map(|part| {
            let [count, _] = part?.dims();
            let own = all.clone().narrow(0, first, count);
            first += count;
            Some(own)
        })
        .collect()
}
