//! Fine-tuning: all weights, or those of the last blocks, learn classes or masks.
//!
//! With `lora.anchor` the patches' similarities are held to those of the frozen network. Source: `spec/06`, section 4.

use dinoscope_model::BackboneConfig;

use super::supervised::{Learned, SupervisedTask};
use super::{Context, Recipe, Task};
use crate::error::TrainError;
use crate::start::StartModel;

/// See the module.
pub(super) struct Finetune;

impl Recipe for Finetune {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        let start = StartModel::of(&context.config)?;
        let blocks = context.config.lora.blocks;
        check_blocks(blocks, &start.config)?;
        let backbone = start.backbone(&context.device.clone().autodiff())?;
        let learned = Learned::Weights { backbone, blocks };
        Ok(Box::new(SupervisedTask::new(context, &start, learned)?))
    }
}

/// Refuses a number of last blocks for a network that has stages instead: all of it would learn.
fn check_blocks(blocks: usize, network: &BackboneConfig) -> Result<(), TrainError> {
    if blocks == 0 || matches!(network, BackboneConfig::Vit(_)) {
        return Ok(());
    }
    Err(TrainError::Needs {
        recipe: "finetune",
        expected: "a vision transformer, or lora.blocks = 0 to train all weights".into(),
        found: format!("a {} and lora.blocks = {blocks}", network.family()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn last_blocks_of_a_network_without_blocks_are_refused() {
        let text = "recipe = \"finetune\"\ndata.folder = \"/pictures\"\nrun.scale = \"smoke\"";
        let config = Config::read(text, &[], 8).unwrap();
        let shape = |size: &str| config.model.shape_of(size).unwrap();
        let error = check_blocks(2, &shape("convnext_nano")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "finetune needs a vision transformer, or lora.blocks = 0 to train all weights, \
             found a convnext and lora.blocks = 2"
        );
        assert!(check_blocks(0, &shape("convnext_nano")).is_ok());
        assert!(check_blocks(2, &shape("nano")).is_ok());
    }
}
