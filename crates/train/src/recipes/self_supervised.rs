//! What the three stages of self-supervised training share: crops from the loader, the step, what is saved.

use std::sync::Arc;
use std::time::Duration;

use burn::tensor::Device;
use dinoscope_model::{Backbone, BackboneConfig, HeadConfig, Params, Placement};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::embed::embed;
use super::{Context, Export, Report, Task};
use crate::augment::{Crops, GramCrops, Multicrop};
use crate::block_masks::BlockMasks;
use crate::config::{Config, Loss, MixedCrops};
use crate::data::{Decoded, Loader, LoaderSettings, Order};
use crate::error::TrainError;
use crate::monitors::{Monitor, Reading, gram_drift};
use crate::networks::{HeadConfigs, Networks};
use crate::optimizer::{AdamW, AdamWConfig, Grouping};
use crate::schedule::Values;
use crate::ssl::{Batch, GramTeacher, RopeJitter, SelfSupervised, Settings, Teacher};
use crate::start::{HEADS, StartModel, Statistics, saved_heads};
use crate::state::State;

/// Streams of a step's generator.
const SIZES: u64 = 1 << 40;
const MASKS: u64 = 2 << 40;
const NETWORK: u64 = 3 << 40;

/// A stage of self-supervised training between two steps.
pub(super) struct SelfSupervisedTask {
    training: SelfSupervised,
    crops: Vec<CropSource>,
    context: Context,
    statistics: Statistics,
    lineage: Vec<(String, String)>,
    patch: usize,
    anchor: Option<Anchor>,
    /// Sizes of the student's heads.
    heads: HeadConfigs,
    /// Whether the heads came with the network, and need no warm-up.
    with_heads: bool,
}

/// Pictures, and what the network that the run started from saw in them: how far patch similarities have moved.
struct Anchor {
    indices: Vec<usize>,
    /// `[pictures, patches, dim]`, as `shape`.
    before: Vec<f32>,
    shape: [usize; 3],
}

impl Anchor {
    /// Of a network that has learned something; what random weights see is nothing to stay with.
    fn of(
        context: &Context,
        start: &StartModel,
        gram: Option<&Backbone>,
    ) -> Result<Option<Self>, TrainError> {
        /// Pictures that are looked at.
        const PICTURES: usize = 8;
        let config = &context.config;
        if config.run.monitor_every == 0 || config.model.start == "scratch" {
            return Ok(None);
        }
        let count = PICTURES.min(context.data.len());
        let every = context.data.len() / count.max(1);
        let indices = (0..count).map(|index| index * every).collect();
        let own = match gram {
            Some(_) => None,
            None => Some(start.backbone(&context.device)?),
        };
        let mut anchor = Self {
            indices,
            before: Vec::new(),
            shape: [0; 3],
        };
        if let Some(network) = gram.or(own.as_ref()) {
            let dim = network.config().dim();
            let (patches, pictures) = anchor.see(context, network, start.statistics);
            if pictures == 0 {
                return Ok(None);
            }
            anchor.shape = [pictures, patches.len() / pictures / dim, dim];
            anchor.before = patches;
        }
        Ok(Some(anchor))
    }

    /// Patches of the pictures that can be read, and their count.
    fn see(
        &self,
        context: &Context,
        network: &Backbone,
        statistics: Statistics,
    ) -> (Vec<f32>, usize) {
        let px = context.config.crops.global_px;
        let seen = embed(
            network,
            &context.data,
            &self.indices,
            px,
            statistics,
            true,
            &context.device,
        );
        (seen.patches, seen.indices.len())
    }

    /// How far the network is from where the run started; nothing if a picture is gone since.
    fn drift(&self, context: &Context, network: &Backbone, statistics: Statistics) -> Option<f64> {
        let (now, pictures) = self.see(context, network, statistics);
        let [before, patches, dim] = self.shape;
        let own = network.config().dim();
        let same = pictures == before && now.len() == pictures * patches * own;
        same.then(|| gram_drift(&now, &self.before, [pictures, patches], [own, dim]))
    }
}

/// Crops of one size.
struct CropSource {
    multicrop: Multicrop,
    share: f64,
    loader: Option<Loader<Crops>>,
}

impl SelfSupervisedTask {
    /// Networks and pictures of a configuration.
    pub(super) fn new(context: &Context) -> Result<Self, TrainError> {
        let config = &context.config;
        let start = StartModel::of(config)?;
        check_network(config, &start)?;
        let heads = match start.heads() {
            Some(heads) => heads,
            None => heads(config, start.config.dim()),
        };
        let device = &context.device;
        let student = start.networks(Some(&heads), config.seed, &device.clone().autodiff())?;
        let teacher = start.networks(Some(&heads), config.seed, device)?;
        let adamw = adamw(config, student.depth());
        let mut lineage = start.lineage.clone();
        let gram = gram_teacher(config, &start, device, &mut lineage)?;
        let anchor = Anchor::of(context, &start, gram.as_ref())?;
        let training = SelfSupervised {
            student,
            teacher,
            average: None,
            gram,
            gram_taken: 0,
            adamw,
            settings: settings(config),
            only_heads: false,
        };
        Ok(Self {
            training,
            crops: crop_sources(config)?,
            context: context.clone(),
            statistics: start.statistics,
            lineage,
            patch: start.config.patch(),
            anchor,
            heads,
            with_heads: start.heads().is_some(),
        })
    }

    /// A student that follows a frozen network with heads. Source: `spec/03`, section 3.
    pub(super) fn following(
        context: &Context,
        start: &StartModel,
        teacher: &StartModel,
        own: HeadConfigs,
        lineage: Vec<(String, String)>,
    ) -> Result<Self, TrainError> {
        let config = &context.config;
        check_network(config, start)?;
        let sized = |head: HeadConfig| HeadConfig {
            inputs: start.config.dim(),
            ..head
        };
        let heads = HeadConfigs {
            dino: sized(own.dino),
            ibot: sized(own.ibot),
        };
        let device = &context.device;
        let student = start.networks(Some(&heads), config.seed, &device.clone().autodiff())?;
        let adamw = adamw(config, student.depth());
        let training = SelfSupervised {
            student,
            teacher: teacher.networks(Some(&own), config.seed, device)?,
            average: Some(start.networks(Some(&heads), config.seed, device)?),
            gram: None,
            gram_taken: 0,
            adamw,
            settings: Settings {
                teacher: Teacher::Frozen,
                gram: None,
                ..settings(config)
            },
            only_heads: false,
        };
        Ok(Self {
            training,
            crops: crop_sources(config)?,
            context: context.clone(),
            statistics: start.statistics,
            lineage,
            patch: start.config.patch(),
            anchor: None,
            heads,
            with_heads: true,
        })
    }

    /// What is exported, and what heads are saved of: the student's average.
    fn average(&self) -> &Networks {
        self.training
            .average
            .as_ref()
            .unwrap_or(&self.training.teacher)
    }

    fn rng(&self, stream: u64, step: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.context.config.seed);
        rng.set_stream(stream + step);
        rng
    }

    /// Which of the sizes the step has.
    fn source_of(&self, step: u64) -> usize {
        if self.crops.len() == 1 {
            return 0;
        }
        let total: f64 = self.crops.iter().map(|source| source.share).sum();
        let mut left = self.rng(SIZES, step).random::<f64>() * total;
        for (index, source) in self.crops.iter().enumerate() {
            left -= source.share;
            if left < 0.0 {
                return index;
            }
        }
        self.crops.len() - 1
    }

    /// Crops and masks of the batches of a step.
    fn crops(&mut self, step: u64) -> Result<Vec<(Vec<Crops>, BlockMasks)>, TrainError> {
        let mut rng = self.rng(MASKS, step);
        let index = self.source_of(step);
        let source = &mut self.crops[index];
        let loader = source
            .loader
            .as_mut()
            .expect("a task is sought before its first step");
        let side = source.multicrop.global_px as usize / self.patch;
        let masking = self.context.config.masks;
        let mut batches = Vec::new();
        for _ in 0..self.context.config.run.accumulate {
            let crops = loader.next()?.samples;
            let masks = masking.draw(2 * crops.len(), [side, side], &mut rng);
            batches.push((crops, masks));
        }
        Ok(batches)
    }
}

impl Task for SelfSupervisedTask {
    fn steps(&self) -> u64 {
        self.context.config.run.steps
    }

    fn seek(&mut self, step: u64) -> Result<(), TrainError> {
        let config = &self.context.config;
        let mut used = vec![0; self.crops.len()];
        if self.crops.len() == 1 {
            used[0] = step;
        } else {
            for past in 0..step {
                used[self.source_of(past)] += 1;
            }
        }
        let accumulate = config.run.accumulate as u64;
        let settings = LoaderSettings::of(config);
        let decoded = Decoded::new(settings.cache_bytes);
        for (index, (source, used)) in self.crops.iter_mut().zip(used).enumerate() {
            let order = Order::new(config, &self.context.data, index as u64)?;
            let multicrop = source.multicrop.clone();
            source.loader = Some(Loader::sharing(
                Arc::clone(&self.context.data),
                order,
                used * accumulate,
                settings,
                decoded.clone(),
                move |picture, _, rng| multicrop.crops(picture, rng),
            )?);
        }
        Ok(())
    }

    fn step(&mut self, step: u64, values: &Values, reads: bool) -> Result<Report, TrainError> {
        let crops = self.crops(step)?;
        let (statistics, device) = (self.statistics, self.context.device.clone());
        let batches = || -> Vec<Batch> {
            let batch = |(crops, masks): &(Vec<Crops>, BlockMasks)| {
                Batch::new(crops, masks.clone(), statistics, &device)
            };
            crops.iter().map(batch).collect()
        };
        let warm = self.context.config.optimizer.warm_heads;
        self.training.only_heads = !self.with_heads && step < warm;
        let mut rng = self.rng(NETWORK, step);
        let outcome = self
            .training
            .step(batches(), &batches, (step, values), reads, &mut rng);
        let losses = outcome.losses.iter();
        let mut numbers: Vec<_> = losses
            .map(|(name, value)| (format!("loss/{name}"), *value))
            .collect();
        let norms = outcome.norms.iter();
        numbers.extend(norms.map(|(part, norm)| (format!("grad_norm/{part}"), *norm)));
        let norm = outcome.norms.get("backbone").copied();
        let reading = outcome.readings.map(|found| {
            let mut reading = Reading::self_supervised(&found, &self.training, step, values);
            if let Some(norm) = norm {
                reading.set(Monitor::GradientNorm, norm);
            }
            let drift = self.anchor.as_ref().and_then(|anchor| {
                anchor.drift(
                    &self.context,
                    &self.training.teacher.backbone,
                    self.statistics,
                )
            });
            if let Some(drift) = drift {
                reading.set(Monitor::GramDrift, drift);
            }
            reading
        });
        Ok(Report {
            numbers,
            reading,
            broken: outcome
                .broken
                .map(|broken| format!("{}, first in {}", broken.what, broken.module)),
            pictures: crops.iter().map(|(crops, _)| crops.len()).sum(),
        })
    }

    fn exports(&self) -> Vec<Export<'_>> {
        let export = |name: &str, backbone| Export {
            name: name.into(),
            backbone,
            statistics: self.statistics,
        };
        vec![
            export("teacher", &self.average().backbone),
            export("student", &self.training.student.backbone),
        ]
    }

    fn extras(&self) -> Vec<(String, State)> {
        vec![(HEADS.to_owned(), saved_heads(self.average(), &self.heads))]
    }

    fn lineage(&self) -> Vec<(String, String)> {
        self.lineage.clone()
    }

    fn state(&self) -> State {
        let training = &self.training;
        let mut state = State::default();
        state.put("student.", training.student.read_params(""));
        state.put("teacher.", self.average().read_params(""));
        if let Some(gram) = &training.gram {
            state.put("gram.", gram.read_params(""));
        }
        state.put_adamw("adamw.", &training.adamw);
        state
            .counters
            .insert("gram_taken".into(), training.gram_taken);
        state
    }

    fn restore(&mut self, mut state: State) -> Result<(), TrainError> {
        let device = self.context.device.clone();
        let training = &mut self.training;
        let heads = self.heads;
        let shape = training.student.backbone.config();
        training.student = load(
            &mut state,
            "student.",
            &shape,
            &heads,
            &device.clone().autodiff(),
        )?;
        let average = load(&mut state, "teacher.", &shape, &heads, &device)?;
        match &mut training.average {
            Some(own) => *own = average,
            None => training.teacher = average,
        }
        let gram = state.take("gram.");
        let taken = state.counters.get("gram_taken").copied();
        training.gram_taken = taken.unwrap_or(0);
        if let Some(own) = training.gram.as_mut().filter(|_| !gram.is_empty()) {
            let at = Placement::plain(&device);
            // A teacher that was taken anew is one of the student's shape, whatever the first one was.
            let config = if training.gram_taken > 0 {
                shape.clone()
            } else {
                own.config()
            };
            *own = Backbone::load(&config, &gram, &at)
                .map_err(|error| other_network(&error, &shape))?;
        }
        state.take_adamw("adamw.", &mut training.adamw, &device);
        Ok(())
    }

    fn waited(&self) -> Duration {
        let loaders = self
            .crops
            .iter()
            .filter_map(|source| source.loader.as_ref());
        loaders.map(Loader::waited).sum()
    }

    fn warnings(&mut self) -> Vec<String> {
        let loaders = self.crops.iter_mut();
        loaders
            .filter_map(|source| source.loader.as_mut())
            .flat_map(Loader::take_warnings)
            .collect()
    }

    fn evaluate(&mut self) -> Result<Vec<(String, f64)>, TrainError> {
        super::probe::held_out(&self.context, &self.average().backbone, self.statistics)
    }
}

/// Refuses a network that cannot be trained so, and crops that do not fit its patches.
fn check_network(config: &Config, start: &StartModel) -> Result<(), TrainError> {
    if let BackboneConfig::ConvNext(_) = start.config {
        return Err(TrainError::Needs {
            recipe: config.recipe.id(),
            expected: "a vision transformer, whose patches can be hidden".into(),
            found: "a ConvNeXt (which distill can train)".into(),
        });
    }
    let mut sides = vec![("crops.global_px", config.crops.global_px)];
    if config.crops.locals > 0 {
        sides.push(("crops.local_px", config.crops.local_px));
    }
    if config.gram.px > 0 {
        sides.push(("gram.px", config.gram.px));
    }
    for mixed in &config.crops.mixed {
        sides.extend([
            ("crops.mixed global_px", mixed.global_px),
            ("crops.mixed local_px", mixed.local_px),
        ]);
        if mixed.gram_px > 0 {
            sides.push(("crops.mixed gram_px", mixed.gram_px));
        }
    }
    for (key, side) in sides {
        check_side(key, side, start.config.patch())?;
    }
    Ok(())
}

/// Refuses a side that is not a whole number of patches.
pub(super) fn check_side(key: &str, side: u32, patch: usize) -> Result<(), TrainError> {
    if side > 0 && (side as usize).is_multiple_of(patch) {
        return Ok(());
    }
    Err(crate::config::ConfigError::Value {
        key: key.into(),
        found: side.to_string(),
        expected: format!("a multiple of {patch}, the network's patch"),
    }
    .into())
}

/// Networks from a saved state; another architecture is refused in words.
fn load(
    state: &mut State,
    prefix: &str,
    shape: &BackboneConfig,
    heads: &HeadConfigs,
    device: &Device,
) -> Result<Networks, TrainError> {
    let weights = state.take(prefix);
    Networks::load(shape, Some(heads), &weights, device)
        .map_err(|error| other_network(&error, shape))
}

/// A saved network that does not fill this one.
pub(super) fn other_network(
    error: &dinoscope_model::WeightsError,
    shape: &BackboneConfig,
) -> TrainError {
    TrainError::OtherNetwork {
        found: error.to_string(),
        expected: format!("a {} of {} channels", shape.family(), shape.dim()),
    }
}

/// Sizes of both heads over a backbone of `dim` channels.
pub(super) fn heads(config: &Config, dim: usize) -> HeadConfigs {
    let head = |prototypes| HeadConfig {
        inputs: dim,
        hidden: config.heads.hidden,
        bottleneck: config.heads.bottleneck,
        prototypes,
        layers: config.heads.layers,
    };
    HeadConfigs {
        dino: head(config.heads.dino_prototypes),
        ibot: head(config.heads.ibot_prototypes),
    }
}

/// How the coordinates of the patches are changed.
pub(super) fn rope(loss: &Loss) -> RopeJitter {
    RopeJitter {
        shift: loss.rope_shift,
        jitter: loss.rope_jitter,
        rescale: loss.rope_rescale,
    }
}

/// The optimizer of a configuration.
pub(super) fn adamw(config: &Config, depth: usize) -> AdamW {
    let optimizer = &config.optimizer;
    AdamW::new(
        AdamWConfig {
            betas: optimizer.betas,
            eps: optimizer.eps,
        },
        Grouping {
            layer_decay: optimizer.layer_decay,
            patch_embed: optimizer.patch_embed_lr,
            backbone: optimizer.backbone_lr,
        },
        depth,
    )
}

fn settings(config: &Config) -> Settings {
    let loss = &config.loss;
    let gram = &config.gram;
    let source = match gram.teacher.as_str() {
        "average" => GramTeacher::Average,
        _ => GramTeacher::Copy {
            first: gram.first,
            every: gram.every,
            times: gram.times,
        },
    };
    Settings {
        dino_weight: loss.dino,
        ibot_weight: loss.ibot,
        koleo_weight: loss.koleo,
        masks: config.masks,
        rope: rope(loss),
        drop_path: loss.drop_path,
        clip: config.optimizer.clip,
        checkpointing: config.run.activation_checkpointing,
        gram: (gram.weight > 0.0).then_some(source),
        ..Settings::default()
    }
}

/// The Gram teacher, where it is a copy or a file; `None` where it is the live teacher or there is none.
fn gram_teacher(
    config: &Config,
    start: &StartModel,
    device: &Device,
    lineage: &mut Vec<(String, String)>,
) -> Result<Option<Backbone>, TrainError> {
    if config.gram.weight <= 0.0 || config.gram.teacher == "average" {
        return Ok(None);
    }
    if config.gram.teacher == "copy" {
        return Ok(Some(start.backbone(device)?));
    }
    let teacher = StartModel::open(&config.gram.teacher)?;
    let needs = |expected: String, found: String| TrainError::Needs {
        recipe: config.recipe.id(),
        expected,
        found,
    };
    if teacher.config.patch() != start.config.patch() {
        let expected = format!("a Gram teacher of patch {}", start.config.patch());
        return Err(needs(expected, format!("patch {}", teacher.config.patch())));
    }
    if teacher.statistics != start.statistics {
        let (mean, std) = start.statistics;
        let expected = format!("a Gram teacher whose input has mean {mean:?} and std {std:?}");
        let (mean, std) = teacher.statistics;
        return Err(needs(expected, format!("mean {mean:?} and std {std:?}")));
    }
    lineage.push(("gram_teacher".into(), config.gram.teacher.clone()));
    let license = teacher.lineage.iter().find(|(key, _)| key == "license");
    if let Some((_, license)) = license {
        lineage.push(("gram_teacher_license".into(), license.clone()));
    }
    Ok(Some(teacher.backbone(device)?))
}

fn crop_sources(config: &Config) -> Result<Vec<CropSource>, TrainError> {
    let plain = MixedCrops {
        global_px: config.crops.global_px,
        local_px: config.crops.local_px,
        gram_px: config.gram.px,
        share: 1.0,
    };
    let sizes = if config.crops.mixed.is_empty() {
        vec![plain]
    } else {
        config.crops.mixed.clone()
    };
    let copies = config.gram.weight > 0.0 && config.gram.teacher != "average";
    sizes
        .into_iter()
        .map(|size| {
            let own = Config {
                crops: crate::config::Crops {
                    global_px: size.global_px,
                    local_px: size.local_px,
                    ..config.crops.clone()
                },
                ..config.clone()
            };
            let mut multicrop =
                own.multicrop()
                    .map_err(|error| crate::config::ConfigError::Value {
                        key: format!("crops.{}", error.name),
                        found: error.found,
                        expected: error.expected.into(),
                    })?;
            // Undistorted crops of the same places, also where they are no larger.
            multicrop.gram = copies.then_some(GramCrops {
                px: if size.gram_px > 0 {
                    size.gram_px
                } else {
                    size.global_px
                },
                distorted: false,
            });
            Ok(CropSource {
                multicrop,
                share: size.share,
                loader: None,
            })
        })
        .collect()
}
