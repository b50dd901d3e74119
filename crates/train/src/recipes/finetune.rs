//! Fine-tuning: all weights, or those of the last blocks, learn classes or masks.
//!
//! With `lora.anchor` the patches' similarities are held to those of the frozen network. Source: `spec/06`, section 4.

use super::supervised::{Learned, SupervisedTask};
use super::{Context, Recipe, Task};
use crate::error::TrainError;
use crate::start::StartModel;

/// See the module.
pub(super) struct Finetune;

impl Recipe for Finetune {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        let start = StartModel::of(&context.config)?;
        let backbone = start.backbone(&context.device.clone().autodiff())?;
        let learned = Learned::Weights {
            backbone,
            blocks: context.config.lora.blocks,
        };
        Ok(Box::new(SupervisedTask::new(context, &start, learned)?))
    }
}
