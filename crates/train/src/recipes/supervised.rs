//! What fine-tuning and low-rank adaptation share: a linear head over features, cross-entropy, an anchor.
//!
//! Classes come from the class token and the mean patch, masks from each patch. Source: `spec/06`, section 4.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use dinoscope_model::{
    Backbone, BackboneConfig, Fresh, LayerTokens, MapParams, Params, Placement, Projection,
    TrainingPass, VisitParams,
};
use image::{DynamicImage, GrayImage, RgbImage};
use rayon::prelude::*;

use super::lora::Adapters;
use super::self_supervised::{adamw, other_network};
use super::{Context, Export, Report, Task};
use crate::augment::normalized;
use crate::augment::resample::crop_bicubic;
use crate::data::{DataSet, Loader, LoaderSettings, Order};
use crate::error::TrainError;
use crate::losses::{Gram, gram};
use crate::networks::{Networks, first_broken_layer};
use crate::optimizer::{AdamW, Gradients, Keep, StepRates};
use crate::schedule::Values;
use crate::start::{StartModel, Statistics};
use crate::state::State;

/// A class that does not count.
const IGNORED: u8 = 255;

/// What of a backbone learns.
#[derive(Clone, Debug)]
pub(super) enum Learned {
    /// All weights, or those of the last blocks; 0 blocks: all.
    Weights { backbone: Backbone, blocks: usize },
    /// Small matrices beside frozen weights.
    Adapters { base: Backbone, adapters: Adapters },
}

/// Backbone and head, as the optimizer moves them.
#[derive(Clone, Debug)]
struct Learner {
    learned: Learned,
    head: Projection,
}

/// What the head says about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Classes,
    Masks,
}

/// A crop with what it shows: one class, or the class of each patch; −1 where none counts.
#[derive(Clone, Debug)]
struct Sample {
    picture: RgbImage,
    classes: Vec<i32>,
}

pub(super) struct SupervisedTask {
    context: Context,
    learner: Learner,
    /// What the patches' similarities are held to.
    anchor: Option<Backbone>,
    /// The trained backbone as it is now, without its graph.
    exported: Backbone,
    adamw: AdamW,
    target: Target,
    outputs: usize,
    statistics: Statistics,
    lineage: Vec<(String, String)>,
    loader: Option<Loader<Sample>>,
    /// What was found before the first step.
    warnings: Vec<String>,
}

impl SupervisedTask {
    pub(super) fn new(
        context: &Context,
        start: &StartModel,
        learned: Learned,
    ) -> Result<Self, TrainError> {
        let config = &context.config;
        let (target, outputs) = target(context)?;
        let dim = start.config.dim();
        let inputs = match target {
            Target::Classes => 2 * dim,
            Target::Masks => dim,
        };
        let device = context.device.clone().autodiff();
        let fresh = Fresh { seed: config.seed };
        let at = Placement::plain(&device);
        let head = Projection::load([inputs, outputs], &fresh, "head", &at)?;
        let exported = start.backbone(&context.device)?;
        let anchor = (config.lora.anchor > 0.0)
            .then(|| start.backbone(&context.device))
            .transpose()?;
        let side = config.crops.global_px as usize;
        let patch = start.config.patch();
        if !side.is_multiple_of(patch) {
            return Err(crate::config::ConfigError::Value {
                key: "crops.global_px".into(),
                found: side.to_string(),
                expected: format!("a multiple of the patch, {patch}"),
            }
            .into());
        }
        let depth = match &start.config {
            BackboneConfig::Vit(vit) => vit.depth,
            BackboneConfig::ConvNext(_) => 0,
        };
        Ok(Self {
            context: context.clone(),
            learner: Learner { learned, head },
            anchor,
            exported,
            adamw: adamw(config, depth),
            target,
            outputs,
            statistics: start.statistics,
            lineage: start.lineage.clone(),
            loader: None,
            warnings: untested(context, target).into_iter().collect(),
        })
    }

    fn logits(&self, seen: &LayerTokens) -> Tensor<2> {
        let rows = match self.target {
            Target::Classes => {
                let mean = seen.patches.clone().mean_dim(1).squeeze_dim(1);
                Tensor::cat(vec![seen.cls.clone(), mean], 1)
            }
            Target::Masks => {
                let [pictures, patches, dim] = seen.patches.dims();
                seen.patches.clone().reshape([pictures * patches, dim])
            }
        };
        self.learner.head.forward(rows)
    }

    fn refresh_export(&mut self) {
        self.exported = plain(&self.learner.learned.backbone());
    }
}

impl Task for SupervisedTask {
    fn steps(&self) -> u64 {
        self.context.config.run.steps
    }

    fn seek(&mut self, step: u64) -> Result<(), TrainError> {
        let config = &self.context.config;
        let order = Order::new(config, &self.context.data, 0)?;
        let mut multicrop = config
            .multicrop()
            .map_err(crate::config::ConfigError::from)?;
        multicrop.locals = 0;
        let side = multicrop.global_px;
        let grid = side as usize / self.exported.config().patch();
        let target = self.target;
        self.loader = Some(Loader::start(
            Arc::clone(&self.context.data),
            order,
            step * config.run.accumulate as u64,
            LoaderSettings::of(config),
            move |picture, item, rng| {
                let (width, height) = picture.dimensions();
                let region = multicrop.global.draw(width, height, rng);
                let symmetry = multicrop.orientation.draw(rng);
                let mut crop = symmetry.apply(crop_bicubic(picture, region, side, side));
                let chances = multicrop.global_chances[0];
                multicrop.distortions.draw(chances, rng).apply(&mut crop);
                let classes = match target {
                    Target::Classes => vec![item.label().map_or(-1, u32::cast_signed)],
                    Target::Masks => {
                        let parts = [
                            f64::from(region.left) / f64::from(width),
                            f64::from(region.top) / f64::from(height),
                            f64::from(region.width) / f64::from(width),
                            f64::from(region.height) / f64::from(height),
                        ];
                        patch_classes(item.mask(), parts, grid, |row, column| {
                            symmetry.source(row, column, grid)
                        })
                    }
                };
                Sample {
                    picture: crop,
                    classes,
                }
            },
        )?);
        Ok(())
    }

    fn step(&mut self, _: u64, values: &Values, _: bool) -> Result<Report, TrainError> {
        let mut report = Report::default();
        let device = self.context.device.clone().autodiff();
        let backbone = self.learner.learned.backbone();
        let accumulate = self.context.config.run.accumulate;
        let mut gradients = Gradients::default();
        let mut sums = [0.0; 4];
        // All of the step's, also where it ends early: the steps behind it see the pictures that are theirs.
        let mut batches = Vec::with_capacity(accumulate);
        for _ in 0..accumulate {
            let loader = self.loader.as_mut();
            let loader = loader.expect("a task is sought before its first step");
            batches.push(loader.next()?.samples);
        }
        // One graph through merged weights is spent by its first backward pass.
        for samples in &batches {
            report.pictures += samples.len();
            let pixels = self.pixels(samples, &device);
            let backbone = match accumulate {
                1 => backbone.clone(),
                _ => self.learner.learned.backbone(),
            };
            let pass = TrainingPass::default();
            let (seen, segments) = if self.checkpoints() {
                backbone.training_segments(pixels.clone().inner(), &pass)
            } else {
                (backbone.training(pixels.clone(), &pass), None)
            };
            let logits = self.logits(&seen);
            let classes: Vec<i32> = samples.iter().flat_map(|s| s.classes.clone()).collect();
            let (loss, correct) = cross_entropy(&logits, &classes);
            let mut total = loss.clone();
            let mut anchor = 0.0;
            if let Some(frozen) = &self.anchor {
                let held = frozen.training(pixels.inner(), &TrainingPass::default());
                let held = Tensor::from_inner(held.patches);
                let own = gram(seen.patches, held, Gram::default());
                anchor = scalar(&own);
                total = total + own * self.context.config.lora.anchor;
            }
            let share = 1.0 / accumulate as f64;
            for (sum, value) in
                sums.iter_mut()
                    .zip([scalar(&total), scalar(&loss), anchor, correct])
            {
                *sum += value * share;
            }
            if !sums[0].is_finite() {
                report.broken = Some(format!("loss total, first in {}", self.module(samples)));
                break;
            }
            let mut found = (total * share).backward();
            if let Some(segments) = segments {
                backbone.backward_segments(segments, &mut found, |part| {
                    gradients.add(&self.learner, part, self.learner.keep());
                });
            }
            gradients.add(&self.learner, found, self.learner.keep());
        }
        let names = [
            "loss/total",
            "loss/classes",
            "loss/anchor",
            "train/accuracy",
        ];
        let numbers = names.iter().zip(sums);
        report.numbers = numbers
            .map(|(name, sum)| ((*name).to_owned(), sum))
            .collect();
        if report.broken.is_some() {
            return Ok(report);
        }
        let norms = gradients.norms();
        if norms.values().any(|norm| !norm.is_finite()) {
            let name = gradients.first_broken().unwrap_or_default();
            let modules = batches.iter().map(|samples| self.module(samples));
            // The first that is found in the network, else what lies behind it.
            let module = modules.min_by_key(|module| !module.starts_with("backbone"));
            let module = module.unwrap_or_default();
            report.broken = Some(format!("the gradient of {name}, first in {module}"));
            return Ok(report);
        }
        let lengths = norms.iter();
        report
            .numbers
            .extend(lengths.map(|(part, norm)| (format!("grad_norm/{part}"), *norm)));
        let clip = self.context.config.optimizer.clip;
        if clip > 0.0 {
            gradients.clip(&norms, clip);
        }
        let rates = StepRates {
            lr: values.lr,
            last_layer_lr: values.lr,
            weight_decay: values.weight_decay,
        };
        self.learner = self.adamw.step(self.learner.clone(), gradients, rates);
        self.refresh_export();
        Ok(report)
    }

    fn exports(&self) -> Vec<Export<'_>> {
        vec![Export {
            name: "student".into(),
            backbone: &self.exported,
            statistics: self.statistics,
        }]
    }

    fn extras(&self) -> Vec<(String, State)> {
        let head = State {
            tensors: self.learner.head.read_params("head."),
            ..State::default()
        };
        vec![("head".into(), head)]
    }

    fn lineage(&self) -> Vec<(String, String)> {
        let mut lineage = self.lineage.clone();
        lineage.push(("classes".into(), self.context.data.classes().join("\n")));
        lineage
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.put("learner.", self.learner.read_params(""));
        state.put_adamw("adamw.", &self.adamw);
        state
    }

    fn restore(&mut self, mut state: State) -> Result<(), TrainError> {
        let shape = self.exported.config();
        let saved = state.take("learner.");
        let device = self.context.device.clone();
        self.learner
            .restore(saved, self.outputs, &shape, &device.clone().autodiff())?;
        state.take_adamw("adamw.", &mut self.adamw, &device);
        self.refresh_export();
        Ok(())
    }

    fn waited(&self) -> Duration {
        self.loader.as_ref().map_or(Duration::ZERO, Loader::waited)
    }

    fn warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        // Those of the loader, of held-out pictures and of masks.
        warnings.extend(self.context.data.take_warnings());
        warnings
    }

    fn evaluate(&mut self) -> Result<Vec<(String, f64)>, TrainError> {
        let Some(held_out) = &self.context.held_out else {
            return Ok(Vec::new());
        };
        let side = self.context.config.crops.global_px;
        let (mut loss, mut correct, mut count) = (0.0, 0.0, 0);
        let mut hits = Vec::new();
        for index in 0..held_out.len() {
            let item = held_out.item(index);
            let picture = match super::embed::square(item.path(), side) {
                Ok(picture) => picture,
                Err(error) => {
                    held_out.note_broken(item.path(), error.to_string());
                    continue;
                }
            };
            let sample = self.whole(picture, item);
            // Nothing to be right about, which is not to be wrong.
            if sample.classes.iter().all(|&class| class < 0) {
                continue;
            }
            let pixels = self.pixels(std::slice::from_ref(&sample), &self.context.device);
            let seen = self.exported.training(pixels, &TrainingPass::default());
            let tracked = LayerTokens {
                cls: Tensor::from_inner(seen.cls),
                patches: Tensor::from_inner(seen.patches),
                ..seen
            };
            let logits = self.logits(&tracked);
            let (own, right) = cross_entropy(&logits, &sample.classes);
            if self.target == Target::Masks {
                hits.extend(predicted(&logits).into_iter().zip(sample.classes));
            }
            loss += scalar(&own);
            correct += right;
            count += 1;
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let mean = |sum: f64| sum / f64::from(count);
        let mut numbers = vec![
            ("eval/accuracy".to_owned(), mean(correct)),
            ("eval/loss".to_owned(), mean(loss)),
        ];
        if self.target == Target::Masks {
            numbers.insert(0, ("eval/miou".into(), mean_iou(&hits, self.outputs)));
        }
        Ok(numbers)
    }
}

impl SupervisedTask {
    /// Whether blocks are computed a second time for the gradient: weights that are merged anew have one graph only.
    fn checkpoints(&self) -> bool {
        self.context.config.run.activation_checkpointing
            && matches!(self.learner.learned, Learned::Weights { .. })
    }

    /// A picture that is tested with, not distorted.
    fn whole(&self, picture: RgbImage, item: &crate::data::Item) -> Sample {
        let grid = picture.width() as usize / self.exported.config().patch();
        let classes = match self.target {
            Target::Classes => vec![item.label().map_or(-1, u32::cast_signed)],
            Target::Masks => {
                let region = super::embed::square_of(item.path());
                patch_classes(item.mask(), region, grid, |row, column| (row, column))
            }
        };
        Sample { picture, classes }
    }

    /// The first part of the network, in the order of the data flow, whose output for samples is not finite.
    fn module(&self, samples: &[Sample]) -> String {
        let pixels = self.pixels(samples, &self.context.device);
        let layer = first_broken_layer(&self.exported, &pixels);
        layer.unwrap_or_else(|| "the head or a loss".into())
    }

    /// What the network sees of samples.
    fn pixels(&self, samples: &[Sample], device: &Device) -> Tensor<4> {
        let pictures = samples.iter().map(|sample| &sample.picture);
        normalized(pictures, self.statistics, device)
    }
}

impl Learned {
    /// The backbone that a step runs.
    fn backbone(&self) -> Backbone {
        match self {
            Self::Weights { backbone, .. } => backbone.clone(),
            Self::Adapters { base, adapters } => adapters.merged(base),
        }
    }
}

impl Learner {
    fn keep(&self) -> impl Fn(&str) -> Keep + use<> {
        let (depth, blocks, keep) = match &self.learned {
            Learned::Weights { backbone, blocks } => {
                let networks = Networks {
                    backbone: backbone.clone(),
                    dino: None,
                    ibot: None,
                };
                (networks.depth(), *blocks, Some(networks.keep()))
            }
            Learned::Adapters { .. } => (0, 0, None),
        };
        let first = depth.saturating_sub(blocks);
        move |name| {
            let Some(keep) = &keep else { return Keep::All };
            let Some(part) = name.strip_prefix("backbone.") else {
                return Keep::All;
            };
            if blocks == 0 || depth == 0 {
                return keep(name);
            }
            let block = part
                .strip_prefix("blocks.")
                .and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
            let learns = block.map_or(part.starts_with("norm"), |block| block >= first);
            if learns { keep(name) } else { Keep::Nothing }
        }
    }

    fn restore(
        &mut self,
        saved: BTreeMap<String, Vec<f32>>,
        outputs: usize,
        shape: &BackboneConfig,
        device: &Device,
    ) -> Result<(), TrainError> {
        let refused = |error| other_network(&error, shape);
        let at = Placement::plain(device);
        let inputs = saved
            .get("head.weight")
            .map_or(0, |rows| rows.len() / outputs);
        self.head = Projection::load([inputs, outputs], &saved, "head", &at).map_err(refused)?;
        match &mut self.learned {
            Learned::Weights { backbone, .. } => {
                let networks = Networks::load(shape, None, &saved, device).map_err(refused)?;
                *backbone = networks.backbone;
            }
            Learned::Adapters { adapters, .. } => {
                if !adapters.restore(saved) {
                    return Err(TrainError::OtherNetwork {
                        found: "other low-rank matrices".into(),
                        expected: "those of this configuration".into(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl Params for Learner {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        self.head.visit_params(&format!("{prefix}head."), visitor);
        match &self.learned {
            Learned::Weights { backbone, .. } => {
                backbone.visit_params(&format!("{prefix}backbone."), visitor);
            }
            Learned::Adapters { adapters, .. } => adapters.visit_params(prefix, visitor),
        }
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        let head = self.head.map_params(&format!("{prefix}head."), mapper);
        let learned = match self.learned {
            Learned::Weights { backbone, blocks } => Learned::Weights {
                backbone: backbone.map_params(&format!("{prefix}backbone."), mapper),
                blocks,
            },
            Learned::Adapters { base, adapters } => Learned::Adapters {
                base,
                adapters: adapters.map_params(prefix, mapper),
            },
        };
        Self { learned, head }
    }
}

/// What the pictures have: masks if all have them, else classes.
fn target(context: &Context) -> Result<(Target, usize), TrainError> {
    let data = &context.data;
    let needs = |expected: &str, found: String| TrainError::Needs {
        recipe: context.config.recipe.id(),
        expected: expected.into(),
        found,
    };
    let without = data.without_masks();
    if without < data.len() {
        if without > 0 {
            let found = format!("{without} of {} without one", data.len());
            return Err(needs("a mask for every picture", found));
        }
        let mut largest = largest_class(data)?;
        // A class that only held-out pictures have is never found, but has to have its place.
        if let Some(held_out) = &context.held_out {
            largest = largest.max(largest_class(held_out)?);
        }
        let classes = largest.map_or(0, |largest| usize::from(largest) + 1);
        return if classes > 1 {
            Ok((Target::Masks, classes))
        } else {
            Err(needs("masks with at least 2 classes", classes.to_string()))
        };
    }
    let classes = data.classes().len();
    if classes < 2 {
        let expected = "at least 2 classes (folders in data.folder, or labels in data.manifest)";
        return Err(needs(expected, classes.to_string()));
    }
    Ok((Target::Classes, classes))
}

/// How many held-out pictures nothing is known of that could be tested, in words, if there are some.
pub(super) fn untested(context: &Context, target: Target) -> Option<String> {
    let held_out = context.held_out.as_deref()?;
    let (what, without) = match target {
        Target::Masks => ("mask", held_out.without_masks()),
        Target::Classes => {
            let labels = (0..held_out.len()).map(|index| held_out.item(index).label());
            let without = labels.filter(Option::is_none).count();
            ("class that is learned", without)
        }
    };
    (without > 0).then(|| {
        format!(
            "{without} of {} held-out pictures have no {what} and are not tested with",
            held_out.len()
        )
    })
}

/// Why a mask has no class numbers.
#[derive(Debug)]
pub(super) enum MaskError {
    /// The file cannot be read: what the system or the decoder says.
    Broken(String),
    /// What it has instead of levels that are class numbers.
    Levels(&'static str),
}

/// The class numbers of a mask. Only 8-bit gray levels are read, as they are: other kinds of pictures decode to levels
/// that are no class numbers any more.
pub(super) fn mask_levels(path: &Path) -> Result<GrayImage, MaskError> {
    let bytes = std::fs::read(path).map_err(|error| MaskError::Broken(error.to_string()))?;
    if let Some(found) = other_png(&bytes) {
        return Err(MaskError::Levels(found));
    }
    let decoded = image::load_from_memory(&bytes);
    let decoded = decoded.map_err(|error| MaskError::Broken(error.to_string()))?;
    match decoded {
        DynamicImage::ImageLuma8(mask) => Ok(mask),
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => {
            gray(&decoded.to_rgb8()).ok_or(MaskError::Levels("colors"))
        }
        _ => Err(MaskError::Levels("levels of more than 8 bits")),
    }
}

/// What a PNG has instead of 8 bits a level: decoding would give the colors of a palette, not its indices, and spread few
/// bits over all levels.
fn other_png(bytes: &[u8]) -> Option<&'static str> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    // Length and name of the header, width and height come first.
    match (*header.get(16)?, *header.get(17)?) {
        (_, 3) => Some("a palette"),
        (16, _) => Some("16-bit levels"),
        (1 | 2 | 4, _) => Some("levels of fewer than 8 bits"),
        _ => None,
    }
}

/// The levels of a picture whose colors are all gray.
fn gray(picture: &RgbImage) -> Option<GrayImage> {
    let level = |pixel: &image::Rgb<u8>| {
        let [red, green, blue] = pixel.0;
        (red == green && green == blue).then_some(red)
    };
    let levels: Option<Vec<u8>> = picture.pixels().map(level).collect();
    GrayImage::from_raw(picture.width(), picture.height(), levels?)
}

/// The largest class number in all masks. Masks that cannot be read are noted and count nowhere; those without class
/// numbers are refused.
pub(super) fn largest_class(data: &DataSet) -> Result<Option<u8>, TrainError> {
    let masks: Vec<&Path> = (0..data.len())
        .filter_map(|index| data.item(index).mask())
        .collect();
    let largest_of = |levels: GrayImage| {
        let levels = levels.into_raw().into_iter();
        levels.filter(|level| *level != IGNORED).max()
    };
    let found: Vec<_> = masks
        .par_iter()
        .map(|mask| mask_levels(mask).map(largest_of))
        .collect();
    let mut largest: Option<u8> = None;
    for (mask, found) in masks.into_iter().zip(found) {
        match found {
            Ok(level) => largest = largest.max(level),
            Err(MaskError::Broken(reason)) => {
                let text = format!("cannot read the mask, {reason}: {}", mask.display());
                data.note_broken(mask, text);
            }
            Err(MaskError::Levels(found)) => {
                return Err(TrainError::Read {
                    what: "the class numbers of a mask",
                    reason: format!("found {found}, expected 8-bit gray levels"),
                    path: mask.to_path_buf(),
                });
            }
        }
    }
    Ok(largest)
}

/// The class at the center of each patch of a region of the picture, −1 where none counts.
fn patch_classes(
    mask: Option<&Path>,
    [left, top, width, height]: [f64; 4],
    grid: usize,
    place: impl Fn(usize, usize) -> (usize, usize),
) -> Vec<i32> {
    let Some(levels) = mask.and_then(|mask| mask_levels(mask).ok()) else {
        return vec![-1; grid * grid];
    };
    let at = |index: usize, first: f64, length: f64, count: u32| {
        let part = first + length * (index as f64 + 0.5) / grid as f64;
        #[expect(clippy::cast_sign_loss, reason = "clamped to the mask")]
        let place = (part * f64::from(count)).clamp(0.0, f64::from(count) - 1.0) as u32;
        place
    };
    let mut classes = Vec::with_capacity(grid * grid);
    for row in 0..grid {
        for column in 0..grid {
            let (row, column) = place(row, column);
            let y = at(row, top, height, levels.height());
            let x = at(column, left, width, levels.width());
            let level = levels.get_pixel(x, y).0[0];
            classes.push(if level == IGNORED {
                -1
            } else {
                i32::from(level)
            });
        }
    }
    classes
}

/// Mean cross-entropy over rows whose class counts, in nats, and the part of them that is right.
fn cross_entropy(logits: &Tensor<2>, classes: &[i32]) -> (Tensor<1>, f64) {
    let [rows, _] = logits.dims();
    let device = logits.device();
    let counts: Vec<f32> = classes.iter().map(|&class| f32::from(class >= 0)).collect();
    let total = counts.iter().sum::<f32>().max(1.0);
    let safe: Vec<i32> = classes.iter().map(|&class| class.max(0)).collect();
    let safe = Tensor::<2, Int>::from_data(TensorData::new(safe, [rows, 1]), &device);
    let counts = Tensor::<2>::from_data(TensorData::new(counts, [rows, 1]), &device);
    let picked = log_softmax(logits.clone(), 1).gather(1, safe) * counts;
    let right = predicted(logits)
        .into_iter()
        .zip(classes)
        .filter(|(found, class)| found == *class)
        .count();
    let loss = picked.sum().neg().div_scalar(total);
    (loss, right as f64 / f64::from(total))
}

/// The likeliest class of each row.
fn predicted(logits: &Tensor<2>) -> Vec<i32> {
    let [_, outputs] = logits.dims();
    let values: Vec<f32> = logits
        .clone()
        .inner()
        .into_data()
        .try_to_vec()
        .expect("logits are f32");
    let best = |row: &[f32]| {
        let mut best = 0;
        for (at, value) in row.iter().enumerate() {
            if *value > row[best] {
                best = at;
            }
        }
        i32::try_from(best).unwrap_or(0)
    };
    values.chunks_exact(outputs).map(best).collect()
}

/// Mean over classes that occur of intersection by union, from pairs of predicted and true class.
fn mean_iou(pairs: &[(i32, i32)], classes: usize) -> f64 {
    let mut both = vec![0.0; classes];
    let mut either = vec![0.0; classes];
    for &(found, truth) in pairs.iter().filter(|(_, truth)| *truth >= 0) {
        let index = |class: i32| usize::try_from(class).unwrap_or(0).min(classes - 1);
        either[index(truth)] += 1.0;
        if found == truth {
            both[index(truth)] += 1.0;
        } else {
            either[index(found)] += 1.0;
        }
    }
    let seen: Vec<f64> = both
        .iter()
        .zip(&either)
        .filter(|(_, either)| **either > 0.0)
        .map(|(both, either)| both / either)
        .collect();
    seen.iter().sum::<f64>() / seen.len().max(1) as f64
}

fn scalar(tensor: &Tensor<1>) -> f64 {
    let values = tensor.clone().inner().into_data().try_to_vec::<f32>();
    values.map_or(f64::NAN, |values| f64::from(values[0]))
}

/// The network without its graph.
fn plain(backbone: &Backbone) -> Backbone {
    struct Inner;
    impl MapParams for Inner {
        fn map<const D: usize>(
            &mut self,
            _: &dinoscope_model::ParamName,
            value: Tensor<D>,
        ) -> Tensor<D> {
            if value.is_autodiff() {
                value.inner()
            } else {
                value
            }
        }
    }
    backbone.clone().map_params("", &mut Inner)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use image::Luma;

    use super::*;
    use crate::data::Source;

    /// Gray pictures with masks of these levels, in a table.
    fn masked(folder: &Path, levels: &[u8]) -> DataSet {
        let mut text = String::from("path,mask\n");
        for (index, level) in levels.iter().enumerate() {
            let mask = format!("mask-{index}.png");
            let picture = GrayImage::from_pixel(4, 4, Luma([*level]));
            picture.save(folder.join(&mask)).unwrap();
            writeln!(text, "picture-{index}.png,{mask}").unwrap();
        }
        let manifest = folder.join("m.csv");
        std::fs::write(&manifest, text).unwrap();
        DataSet::open(&Source {
            manifest,
            ..Source::default()
        })
        .unwrap()
    }

    fn context(data: DataSet, held_out: DataSet) -> Context {
        let text = "recipe = \"finetune\"\ndata.folder = \"/pictures\"\nrun.scale = \"smoke\"";
        Context {
            config: crate::config::Config::read(text, &[], 2).unwrap(),
            device: dinoscope_engine::ComputeDevice::cpu().burn().clone(),
            data: Arc::new(data),
            held_out: Some(Arc::new(held_out)),
        }
    }

    #[test]
    fn a_class_that_only_held_out_masks_have_has_its_place() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = masked(own.path(), &[0, 1, IGNORED]);
        let context = context(data, masked(other.path(), &[0, 4]));
        assert_eq!(target(&context).unwrap(), (Target::Masks, 5));
    }

    #[test]
    fn held_out_pictures_that_cannot_be_tested_with_are_told() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = masked(own.path(), &[0, 1]);
        let held_out = masked(other.path(), &[0, 1]);
        let context = context(data, held_out);
        assert_eq!(untested(&context, Target::Masks), None);
        let told = untested(&context, Target::Classes).unwrap();
        assert!(
            told.starts_with("2 of 2 held-out pictures have no class"),
            "{told}"
        );
    }

    /// Signature and header of a PNG, whose pixels are missing.
    fn header(bits: u8, color: u8) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01".to_vec();
        bytes.extend([bits, color, 0, 0, 0]);
        bytes
    }

    #[test]
    fn masks_that_would_decode_to_other_numbers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask-0.png");
        let data = masked(folder.path(), &[3]);
        let error = || largest_class(&data).unwrap_err().to_string();
        for (bytes, found) in [
            (header(8, 3), "found a palette"),
            (header(16, 0), "found 16-bit levels"),
            (header(1, 0), "found levels of fewer than 8 bits"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = error();
            assert!(
                error.contains(found) && error.ends_with("mask-0.png"),
                "{error}"
            );
        }
        let color = image::Rgb([7, 7, 8]);
        RgbImage::from_pixel(2, 2, color).save(&path).unwrap();
        assert!(error().contains("found colors"));
        // What a program saved as colors though it is gray is what it was.
        let color = image::Rgb([7; 3]);
        RgbImage::from_pixel(2, 2, color).save(&path).unwrap();
        assert_eq!(largest_class(&data).unwrap(), Some(7));
    }

    #[test]
    fn a_mask_that_cannot_be_read_is_named_and_counts_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let data = masked(folder.path(), &[1, 6]);
        std::fs::write(folder.path().join("mask-1.png"), "no mask").unwrap();
        assert_eq!(largest_class(&data).unwrap(), Some(1));
        let warnings = data.take_warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].ends_with("mask-1.png"), "{warnings:?}");
        let classes = patch_classes(
            data.item(1).mask(),
            [0.0, 0.0, 1.0, 1.0],
            2,
            |row, column| (row, column),
        );
        assert_eq!(classes, [-1; 4]);
    }
}
