//! What a run would take: a few real steps are timed, memory and disk follow from the sizes. Nothing is written.

use std::time::Instant;

use dinoscope_model::{BackboneConfig, Variant};
use serde::Serialize;

use super::schedules::schedules;
use super::{RunOptions, configuration, context, idle, take_heads};
use crate::config::Config;
use crate::data::AHEAD;
use crate::error::TrainError;
use crate::recipes::{Advice, Context, RecipeId, Task};
use crate::start::{HEADS, StartModel};

/// Steps that are timed, after one that warms caches and compiles kernels.
const TIMED: u64 = 3;

/// What the program itself takes, with its libraries and the pages that its allocator keeps: measured on Linux.
const PROGRAM_BYTES: u64 = 90 << 20;

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
    /// Weights, gradients, moments, averages, activations and decoded pictures in bytes, by formula, and the program.
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
    let mut context = context(&text, &options.sets, &options.device)?;
    take_heads(&mut context.config)?;
    let recipe = context.config.recipe.recipe();
    let mut advice = recipe.advice(&context);
    advice.extend(idle(&context.config, options)?);
    // Heads that learn alone at first would hide what the backbone takes, in time and in memory.
    context.config.optimizer.warm_heads = 0;
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
        advice,
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

/// The exported networks, heads, and the state with moments.
fn checkpoint_bytes(task: &dyn Task) -> u64 {
    let state = task.state();
    let mut values: usize = state.tensors.values().map(Vec::len).sum();
    values += extras(task);
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
    let mut learning: Vec<_> = exports
        .iter()
        .filter(|export| export.name.starts_with("student"))
        .map(|export| export.backbone)
        .collect();
    if learning.is_empty() {
        learning.extend(exports.last().map(|export| export.backbone));
    }
    let gradients: usize = learning.iter().map(|network| network.num_params()).sum();
    let prototypes = prototypes(task);
    // Students learn one after the other.
    let steps = learning
        .iter()
        .map(|network| step(config, &network.config(), prototypes));
    let step = steps.fold(0.0, f64::max);
    let frozen = teacher_shape(config).map_or(0.0, |shape| frozen(config, &shape));
    let total = (state + gradients + extras(task)) as f64 + step + frozen;
    #[expect(clippy::cast_sign_loss, reason = "sizes are positive")]
    let bytes = (4.0 * total) as u64;
    PROGRAM_BYTES + bytes + decoded_bytes(context)
}

/// Values of what a checkpoint has beside networks and state: heads, of which there are gradients as well.
fn extras(task: &dyn Task) -> usize {
    let extras = task.extras();
    let tensors = extras.iter().flat_map(|(_, state)| state.tensors.values());
    tensors.map(Vec::len).sum()
}

/// Prototypes of the heads of class tokens and of masked patches, if the task has such.
fn prototypes(task: &dyn Task) -> Option<[usize; 2]> {
    let extras = task.extras();
    let (_, heads) = extras.iter().find(|(name, _)| name == HEADS)?;
    let of = |head: &str| {
        let found = heads.counters.get(&format!("{head}.prototypes"));
        found.map_or(0, |&count| usize::try_from(count).unwrap_or(0))
    };
    Some([of("dino_head"), of("ibot_head")])
}

/// Decoded pictures that stay in memory, from the sizes of some.
fn decoded_bytes(context: &Context) -> u64 {
    const ASKED: usize = 32;
    let (data, limit) = (&context.data, (context.config.data.cache_mib as u64) << 20);
    let asked = (0..ASKED.min(data.len())).map(|index| index * data.len() / ASKED.min(data.len()));
    let sizes: Vec<u64> = asked
        .filter_map(|index| image::image_dimensions(data.item(index).path()).ok())
        .map(|(width, height)| 3 * u64::from(width) * u64::from(height))
        .collect();
    let Some(mean) = sizes.iter().sum::<u64>().checked_div(sizes.len() as u64) else {
        return 0;
    };
    // The network sees every picture only in a run that is long enough.
    let config = &context.config.run;
    let shown = config.steps * (config.batch * config.accumulate) as u64;
    (mean * shown.min(data.len() as u64)).min(limit)
}

/// Values of a step beside the states, with the largest of the crops that are drawn.
fn step(config: &Config, shape: &BackboneConfig, prototypes: Option<[usize; 2]>) -> f64 {
    let crops = &config.crops;
    let plain = [crops.global_px, crops.local_px, config.gram.px];
    let mixed = crops.mixed.iter();
    let mut sizes: Vec<_> = mixed
        .map(|size| [size.global_px, size.local_px, size.gram_px])
        .collect();
    if sizes.is_empty() {
        sizes.push(plain);
    }
    let loaders = sizes.len();
    let pictures = sizes
        .into_iter()
        .map(|size| picture(config, shape, size, (prototypes, loaders)));
    config.run.batch as f64 * pictures.fold(0.0, f64::max)
}

/// Activations, logits and pixels of one picture whose global, local and Gram crops have these sides.
fn picture(
    config: &Config,
    shape: &BackboneConfig,
    [global, local, gram]: [u32; 3],
    (prototypes, loaders): (Option<[usize; 2]>, usize),
) -> f64 {
    let tokens =
        globals(config) * tokens(shape, global) + config.crops.locals * tokens(shape, local);
    let mut activations = tokens as f64 * activations_per_token(shape);
    if let BackboneConfig::Vit(vit) = shape
        && config.run.activation_checkpointing
        && config.recipe != RecipeId::Lora
    {
        // What goes into each block, and one block.
        activations = activations / vit.depth as f64 + (tokens * vit.depth * vit.dim) as f64;
    }
    // Levels of the batches that wait and of the one that is put together, values of the one that is learned from, or
    // of all whose targets are balanced together.
    let together = match prototypes {
        Some(_) => config.run.accumulate.max(1) as f64,
        None => 1.0,
    };
    let copies = (AHEAD * loaders + 1) as f64 / 4.0 + together;
    let square = |px: u32| f64::from(px).powi(2);
    let mut of_crops =
        globals(config).max(1) as f64 * square(global) + config.crops.locals as f64 * square(local);
    if prototypes.is_some() && config.gram.weight > 0.0 && config.gram.teacher != "average" {
        of_crops += 2.0 * square(if gram > 0 { gram } else { global });
    }
    let pixels = 3.0 * copies * of_crops;
    activations + logits(config, shape, global, (prototypes, together)) + pixels
}

/// Global crops of a picture that a gradient flows through.
fn globals(config: &Config) -> usize {
    match config.recipe {
        RecipeId::Lora | RecipeId::Finetune => 1,
        RecipeId::Probe => 0,
        _ => 2,
    }
}

/// Tokens of a crop of this side.
fn tokens(shape: &BackboneConfig, px: u32) -> usize {
    let side = px as usize / shape.patch();
    side * side + 1 + shape.registers()
}

/// Values that the backward pass needs of each token.
fn activations_per_token(shape: &BackboneConfig) -> f64 {
    match shape {
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

/// Prototype logits of a picture, with their copies for softmax, targets and gradient; those of the teacher for
/// `together` batches.
fn logits(
    config: &Config,
    shape: &BackboneConfig,
    global: u32,
    (prototypes, together): (Option<[usize; 2]>, f64),
) -> f64 {
    let Some([dino, ibot]) = prototypes.map(|counts| counts.map(|count| count as f64)) else {
        return 0.0;
    };
    let side = global as usize / shape.patch();
    let masked = 2.0
        * (side * side) as f64
        * config.masks.crop_fraction
        * f64::from(config.masks.min_ratio + config.masks.max_ratio)
        / 2.0;
    let student = (2 + config.crops.locals) as f64 * dino + masked * ibot;
    let teacher = 2.0 * dino + masked * ibot;
    3.0 * (student + together * teacher)
}

/// The shape of the network that a distillation learns from, if it has one and that can be opened.
fn teacher_shape(config: &Config) -> Option<BackboneConfig> {
    let name = config.distill.teacher.as_str();
    if config.recipe != RecipeId::Distill || name.is_empty() {
        return None;
    }
    // A released one is not opened again: that would hash all of its file.
    match Variant::by_name(name) {
        Some(variant) => Some(variant.config()),
        None => StartModel::open(name).ok().map(|model| model.config),
    }
}

/// Values of a network that is only asked: its weights, and without a gradient one layer's activations at a time.
fn frozen(config: &Config, shape: &BackboneConfig) -> f64 {
    let px = match config.distill.teacher_px {
        0 => config.crops.global_px,
        px => px,
    };
    let tokens = config.run.batch * globals(config) * tokens(shape, px);
    params(shape) + tokens as f64 * activations_per_token(shape) / shape.layers() as f64
}

/// Parameters of a network, but for norms, biases and tokens.
fn params(shape: &BackboneConfig) -> f64 {
    let values = match shape {
        BackboneConfig::Vit(vit) => {
            let matrices = if vit.ffn.is_gated() { 3 } else { 2 };
            let block = 4 * vit.dim * vit.dim + matrices * vit.dim * vit.ffn_hidden;
            vit.depth * block + 3 * vit.patch * vit.patch * vit.dim
        }
        BackboneConfig::ConvNext(convnext) => {
            let stages = convnext.depths.iter().zip(&convnext.dims);
            let blocks: usize = stages
                .map(|(depth, dim)| depth * (8 * dim * dim + 49 * dim))
                .sum();
            let between: usize = convnext.dims.windows(2).map(|dims| dims[0] * dims[1]).sum();
            blocks + 4 * between
        }
    };
    values as f64
}

#[cfg(test)]
mod tests {
    use dinoscope_model::VARIANTS;

    use super::*;
    use crate::config::MixedCrops;
    use crate::schedule::SmallRun;

    fn shape(config: &Config) -> BackboneConfig {
        config.model.shape().unwrap()
    }

    #[test]
    fn a_run_of_mixed_crops_takes_what_its_largest_ones_take() {
        let mut config = Config::defaults(RecipeId::Hires, SmallRun::Hundreds);
        let network = shape(&config);
        let mixed = |global_px, local_px| MixedCrops {
            global_px,
            local_px,
            gram_px: 0,
            share: 1.0,
        };
        config.crops.mixed = vec![mixed(256, 64), mixed(384, 128), mixed(384, 64)];
        let heads = Some([config.heads.dino_prototypes, config.heads.ibot_prototypes]);
        let found = step(&config, &network, heads);
        config.crops.mixed.clear();
        let small = step(&config, &network, heads);
        (config.crops.global_px, config.crops.local_px) = (384, 128);
        let large = step(&config, &network, heads);
        // And the batches of the other sizes that wait.
        assert!(found >= large && found < 1.1 * large, "{found} {large}");
        assert!(found > 2.0 * small, "{found} {small}");
    }

    #[test]
    fn batches_that_are_balanced_together_take_their_pixels_and_targets_together() {
        let mut config = Config::defaults(RecipeId::Pretrain, SmallRun::Hundreds);
        let network = shape(&config);
        let one = step(&config, &network, Some([1_000, 2_000]));
        config.run.accumulate = 4;
        let four = step(&config, &network, Some([1_000, 2_000]));
        let masks = &config.masks;
        let side = (config.crops.global_px as usize / network.patch()) as f64;
        let rows = masks.crop_fraction * f64::from(masks.min_ratio + masks.max_ratio);
        let targets = 3.0 * (2.0 * 1_000.0 + rows * side * side * 2_000.0);
        let pixels = 3.0
            * (2.0 * f64::from(config.crops.global_px).powi(2)
                + config.crops.locals as f64 * f64::from(config.crops.local_px).powi(2));
        let more = 3.0 * config.run.batch as f64 * (targets + pixels);
        assert!(
            ((four - one) / more - 1.0).abs() < 1e-9,
            "{four} {one} {more}"
        );
        // Without heads each batch is forgotten before the next one.
        let plain = step(&config, &network, None);
        config.run.accumulate = 1;
        assert!((step(&config, &network, None) / plain - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_frozen_teacher_takes_its_weights_and_little_more() {
        let mut config = Config::defaults(RecipeId::Distill, SmallRun::Hundreds);
        assert!(teacher_shape(&config).is_none());
        config.distill.teacher = "vitl16".into();
        let teacher = teacher_shape(&config).unwrap();
        let weights = params(&teacher);
        let found = frozen(&config, &teacher);
        let learning = step(&config, &teacher, None);
        assert!(found > weights && found - weights < 0.1 * learning);
        config.distill.teacher_px = 64;
        assert!(frozen(&config, &teacher) < found);
    }

    #[test]
    fn parameters_by_formula_are_those_of_the_released_networks() {
        for variant in VARIANTS {
            let part = params(&variant.config()) / variant.params as f64;
            // Norms, biases and tokens are less than one in a hundred.
            assert!((part - 1.0).abs() < 0.01, "{}: {part}", variant.name);
        }
    }
}
