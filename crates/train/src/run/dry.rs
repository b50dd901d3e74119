//! What a run would take: a few real steps are timed, memory and disk follow from the sizes. Nothing is written.

use std::time::Instant;

use dinoscope_model::{Backbone, BackboneConfig};
use serde::Serialize;

use super::schedules::schedules;
use super::{RunOptions, configuration, context};
use crate::config::Config;
use crate::error::TrainError;
use crate::recipes::{Advice, Context, RecipeId, Task};

/// Steps that are timed, after one that warms caches and compiles kernels.
const TIMED: u64 = 3;

/// What a run would take.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// Steps of the run.
    pub steps: u64,
    /// Time of a step in milliseconds, on average over a few.
    pub step_ms: f64,
    /// Time of the run in seconds, checkpoints and previews not counted.
    pub seconds: f64,
    /// Part of the timed steps in which the network waited for pictures, 0 to 1.
    pub waiting: f64,
    /// Weights, gradients, moments, averages and activations in bytes, by formula.
    pub memory_bytes: u64,
    /// One checkpoint in bytes.
    pub checkpoint_bytes: u64,
    /// All checkpoints that are kept, in bytes.
    pub disk_bytes: u64,
    /// Pictures to learn from.
    pub pictures: usize,
    /// What is known not to work well, and what to change.
    pub advice: Vec<Advice>,
}

/// Times a few steps of the run.
pub fn dry_run(options: &RunOptions) -> Result<Forecast, TrainError> {
    let text = configuration(options)?;
    let context = context(&text, &options.sets, &options.device)?;
    let recipe = context.config.recipe.recipe();
    let mut task = recipe.prepare(&context)?;
    let steps = task.steps();
    let (step_ms, waiting) = time(&mut *task, &context)?;
    let checkpoint_bytes = checkpoint_bytes(&*task);
    let config = &context.config;
    let made = steps.div_ceil(config.run.checkpoint_every.max(1));
    let for_ever = steps.checked_div(config.run.keep_every).unwrap_or(0);
    // One more than is kept while the newest is written, and the best one.
    let kept = (config.run.keep_last as u64 + 2).min(made + 1) + for_ever;
    Ok(Forecast {
        steps,
        step_ms,
        seconds: step_ms / 1e3 * steps as f64,
        waiting,
        memory_bytes: memory_bytes(&context, &*task),
        checkpoint_bytes,
        disk_bytes: kept * checkpoint_bytes,
        pictures: context.data.len(),
        advice: recipe.advice(&context),
    })
}

/// Milliseconds of a step, and the part of them that waits for pictures.
fn time(task: &mut dyn Task, context: &Context) -> Result<(f64, f64), TrainError> {
    let steps = task.steps();
    if steps == 0 {
        return Ok((0.0, 0.0));
    }
    let schedules = schedules(&context.config, steps);
    task.seek(0)?;
    task.step(0, &schedules.at(0), false)?;
    let (since, waited) = (Instant::now(), task.waited());
    let mut timed = 0;
    for step in 1..=TIMED.min(steps.saturating_sub(1)).max(1) {
        task.step(step, &schedules.at(step), false)?;
        timed += 1;
    }
    let elapsed = since.elapsed().as_secs_f64();
    let waiting = task.waited().saturating_sub(waited).as_secs_f64() / elapsed.max(1e-9);
    Ok((elapsed * 1e3 / f64::from(timed), waiting.min(1.0)))
}

/// The exported networks, and the state with moments.
fn checkpoint_bytes(task: &dyn Task) -> u64 {
    let state = task.state();
    let values: usize = state.tensors.values().map(Vec::len).sum();
    let exported: usize = task
        .exports()
        .iter()
        .map(|export| export.backbone.num_params())
        .sum();
    4 * (values + exported) as u64
}

/// States and activations of a step. Source: `spec/06`, section 5.
pub(super) fn memory_bytes(context: &Context, task: &dyn Task) -> u64 {
    let config = &context.config;
    // Weights, gradients and two moments of what learns, and an average of it: what the state holds, and gradients.
    let state: usize = task.state().tensors.values().map(Vec::len).sum();
    let exports = task.exports();
    let Some(network) = exports.last().map(|export| export.backbone) else {
        return 4 * state as u64;
    };
    let states = state + network.num_params();
    let crops = crops(config, network);
    let tokens: usize = crops.iter().map(|(count, tokens)| count * tokens).sum();
    let mut activations = tokens as f64 * activations_per_token(network);
    if let BackboneConfig::Vit(vit) = network.config()
        && config.run.activation_checkpointing
        && config.recipe != RecipeId::Lora
    {
        // What goes into each block, and one block.
        activations = activations / vit.depth as f64 + (tokens * vit.depth * vit.dim) as f64;
    }
    let batch = config.run.batch as f64;
    let pixels = batch * 3.0 * f64::from(config.crops.global_px).powi(2) * 2.0;
    let total = states as f64 + activations * batch + logits(config, network) * batch + pixels;
    #[expect(clippy::cast_sign_loss, reason = "sizes are positive")]
    let bytes = (4.0 * total) as u64;
    bytes
}

/// Crops of a picture that a gradient flows through: how many, and tokens of each.
fn crops(config: &Config, network: &Backbone) -> Vec<(usize, usize)> {
    let shape = network.config();
    let tokens = |px: u32| {
        let side = px as usize / shape.patch();
        side * side + 1 + shape.registers()
    };
    let globals = match config.recipe {
        RecipeId::Lora | RecipeId::Finetune => 1,
        RecipeId::Probe => 0,
        _ => 2,
    };
    vec![
        (globals, tokens(config.crops.global_px)),
        (config.crops.locals, tokens(config.crops.local_px)),
    ]
}

/// Values that the backward pass needs of each token.
fn activations_per_token(network: &Backbone) -> f64 {
    match network.config() {
        BackboneConfig::Vit(vit) => {
            let each = if vit.ffn.is_gated() { 29.4 } else { 21.4 };
            each * (vit.depth * vit.dim) as f64
        }
        // Tokens of all stages, in units of the last one's: measured for ConvNeXt-T at 224 px as 116 MB.
        BackboneConfig::ConvNext(convnext) => {
            let stages = convnext.depths.iter().zip(&convnext.dims).enumerate();
            stages
                .map(|(stage, (depth, dim))| {
                    let denser = 4_f64.powi(3 - i32::try_from(stage).unwrap_or(3));
                    denser * (depth * dim) as f64 * 12.0
                })
                .sum()
        }
    }
}

/// Prototype logits of a picture, with their copies for softmax, targets and gradient.
fn logits(config: &Config, network: &Backbone) -> f64 {
    if !matches!(
        config.recipe,
        RecipeId::Pretrain | RecipeId::Gram | RecipeId::Hires
    ) {
        return 0.0;
    }
    let side = config.crops.global_px as usize / network.config().patch();
    let masked = 2.0
        * (side * side) as f64
        * config.masks.crop_fraction
        * f64::from(config.masks.min_ratio + config.masks.max_ratio)
        / 2.0;
    let cls = (3 * (2 + config.crops.locals) + 3 * 2) * config.heads.dino_prototypes;
    cls as f64 + 6.0 * masked * config.heads.ibot_prototypes as f64
}
