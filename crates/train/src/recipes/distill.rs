//! Distillation: one or several networks learn the features of a frozen one, which runs once for all of them.
//!
//! The teacher is a model, or a folder of its features. Losses: the direction of each patch and class token behind a
//! linear layer, and how the patches of a picture relate. A teacher that came with its heads teaches one student by
//! those, with the losses of self-supervised training. Source: `spec/06`, section 2; `spec/03`, section 3 (one teacher's
//! pass for several students).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::{Device, Tensor, TensorData};
use dinoscope_model::{
    Backbone, BackboneConfig, Fresh, MapParams, Params, Placement, Projection, RopeAugment,
    TrainingPass, VisitParams, WeightsError,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::self_supervised::{SelfSupervisedTask, adamw, check_side, other_network, rope};
use super::views::{TeacherFeatures, Views, features_folder, target_statistics, views};
use super::{Context, Export, Recipe, Report, Task};
use crate::config::Config;
use crate::data::{Loader, LoaderSettings, Order};
use crate::error::TrainError;
use crate::losses::{downsample, feature, relation};
use crate::networks::{Networks, first_broken_layer};
use crate::optimizer::{AdamW, Gradients, StepRates, follow};
use crate::schedule::Values;
use crate::start::{StartModel, Statistics};
use crate::state::State;

/// See the module.
pub(super) struct Distill;

impl Recipe for Distill {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        let config = &context.config;
        let start = StartModel::of(config)?;
        if config.distill.teacher.is_empty() {
            return Ok(Box::new(DistillTask::new(context, &start, None)?));
        }
        let teacher = StartModel::open(&config.distill.teacher)?;
        match teacher.heads() {
            Some(heads) if follows_heads(config, &start, &teacher) => {
                let lineage = lineage(config, &start, Some(&teacher));
                let task =
                    SelfSupervisedTask::following(context, &start, &teacher, heads, lineage)?;
                Ok(Box::new(task))
            }
            _ => Ok(Box::new(DistillTask::new(context, &start, Some(teacher))?)),
        }
    }
}

/// Whether the student can learn what the teacher's heads say: one ViT that sees the same patches of the same pixels.
fn follows_heads(config: &Config, start: &StartModel, teacher: &StartModel) -> bool {
    config.distill.students.is_empty()
        && matches!(start.config, BackboneConfig::Vit(_))
        && start.config.patch() == teacher.config.patch()
        && start.statistics == teacher.statistics
        && [0, config.crops.global_px].contains(&config.distill.teacher_px)
}

/// Where the student comes from: its start, unless it is one of several from scratch, and its teacher.
fn lineage(
    config: &Config,
    start: &StartModel,
    teacher: Option<&StartModel>,
) -> Vec<(String, String)> {
    let mut lineage = if config.distill.students.is_empty() {
        start.lineage.clone()
    } else {
        Vec::new()
    };
    let Some(teacher) = teacher else {
        return lineage;
    };
    lineage.push(("teacher".into(), config.distill.teacher.clone()));
    // What is learned from a licensed network stays under its licence, beside that of what it started from.
    if let Some(license) = teacher.license() {
        match lineage.iter_mut().find(|(key, _)| key == "license") {
            Some((_, own)) if own != license => *own = format!("{own}; teacher: {license}"),
            Some(_) => {}
            None => lineage.push(("license".into(), license.to_owned())),
        }
    }
    lineage
}

/// Factor and summand of each channel, `[1, 3, 1, 1]`, that bring pixels from one mean and deviation to another.
type Renorm = [Tensor<4>; 2];

fn renorm(from: Statistics, to: Statistics, device: &Device) -> Option<Renorm> {
    if from == to {
        return None;
    }
    let factor: [f32; 3] = std::array::from_fn(|i| from.1[i] / to.1[i]);
    let summand: [f32; 3] = std::array::from_fn(|i| (from.0[i] - to.0[i]) / to.1[i]);
    Some(
        [factor, summand]
            .map(|values| Tensor::<1>::from_floats(values, device).reshape([1, 3, 1, 1])),
    )
}

/// What the students learn from.
enum Teacher {
    Network {
        backbone: Box<Backbone>,
        /// To its mean and deviation, where those of the students' input are others.
        renorm: Option<Box<Renorm>>,
    },
    Features(Arc<TeacherFeatures>),
}

/// One student with its projections and optimizer.
#[derive(Clone, Debug)]
struct Student {
    /// Ending of the names of its files: empty where there is one student.
    ending: String,
    learner: Learner,
    average: Networks,
    adamw: AdamW,
}

/// What the optimizer moves.
#[derive(Clone, Debug)]
struct Learner {
    networks: Networks,
    patches: Projection,
    cls: Projection,
}

/// Stream of a step's generator.
const ROPE: u64 = 4 << 40;

/// Names of the channels' mean and inverse deviation in a saved state.
const CHANNELS: [&str; 2] = ["channels.mean", "channels.scale"];

/// Names of the losses, their weighted sum first.
const LOSSES: [&str; 4] = ["total", "feature", "relation", "cls"];

/// What the batches of a step have for one student.
#[derive(Default)]
struct Found {
    losses: [f64; LOSSES.len()],
    gradients: Gradients,
}

struct DistillTask {
    context: Context,
    teacher: Teacher,
    /// Mean and inverse deviation of the teacher's channels, `[1, dim]`.
    channels: [Tensor<2>; 2],
    students: Vec<Student>,
    statistics: Statistics,
    lineage: Vec<(String, String)>,
    loader: Option<Loader<Views>>,
}

/// The teacher's say about a batch, without gradient: patches `[views, patches, dim]`, class tokens `[views, dim]`.
struct Targets {
    patches: Tensor<3>,
    cls: Tensor<2>,
    grid: [usize; 2],
}

impl DistillTask {
    fn new(
        context: &Context,
        start: &StartModel,
        model: Option<StartModel>,
    ) -> Result<Self, TrainError> {
        let config = &context.config;
        let device = &context.device;
        let statistics = start.statistics;
        let mut lineage = lineage(config, start, model.as_ref());
        let (teacher, dim) = match model {
            None => {
                let features = features_folder(&config.distill.features, &context.data)?;
                lineage.extend(features.lineage().iter().cloned());
                let dim = features.dim();
                (Teacher::Features(Arc::new(features)), dim)
            }
            Some(model) => {
                let (key, side) = match config.distill.teacher_px {
                    0 => ("crops.global_px", config.crops.global_px),
                    side => ("distill.teacher_px", side),
                };
                check_side(key, side, model.config.patch())?;
                let teacher = Teacher::Network {
                    backbone: Box::new(model.backbone(device)?),
                    renorm: renorm(statistics, model.statistics, device).map(Box::new),
                };
                (teacher, model.config.dim())
            }
        };
        let students = students(context, start, dim)?;
        let mut task = Self {
            context: context.clone(),
            teacher,
            channels: [
                Tensor::zeros([1, dim], device),
                Tensor::ones([1, dim], device),
            ],
            students,
            statistics,
            lineage,
            loader: None,
        };
        task.channels = task.measure_channels()?;
        Ok(task)
    }

    /// Mean and inverse deviation of the teacher's channels over the first pictures.
    fn measure_channels(&mut self) -> Result<[Tensor<2>; 2], TrainError> {
        const BATCHES: usize = 4;
        self.seek(0)?;
        let mut rows = Vec::new();
        for _ in 0..BATCHES {
            let batch = self.next()?;
            let targets = self.targets(&batch);
            let [views, patches, dim] = targets.patches.dims();
            rows.push(targets.patches.reshape([views * patches, dim]));
        }
        Ok(target_statistics(&Tensor::cat(rows, 0)))
    }

    fn next(&mut self) -> Result<Vec<Views>, TrainError> {
        let loader = self.loader.as_mut();
        let loader = loader.expect("a task is sought before its first step");
        Ok(loader.next()?.samples)
    }

    fn targets(&self, batch: &[Views]) -> Targets {
        let device = &self.context.device;
        match &self.teacher {
            Teacher::Network { backbone, renorm } => {
                let mut pictures = Views::teacher_pixels(batch, self.statistics, device);
                if let Some([factor, summand]) = renorm.as_deref() {
                    pictures = pictures * factor.clone() + summand.clone();
                }
                let seen = backbone.training(pictures, &TrainingPass::default());
                Targets {
                    patches: seen.patches,
                    cls: seen.cls,
                    grid: seen.grid,
                }
            }
            Teacher::Features(_) => {
                let (patches, grid) = Views::targets(batch, device);
                let cls = patches.clone().mean_dim(1).squeeze_dim(1);
                Targets { patches, cls, grid }
            }
        }
    }

    /// Every channel of the teacher with mean 0 and deviation 1: no few channels decide the direction.
    fn standardized(&self, rows: Tensor<2>) -> Tensor<2> {
        let [mean, scale] = self.channels.clone();
        (rows - mean) * scale
    }

    /// Adds the gradients of one batch, times `share`, and its losses to the numbers.
    fn gradients(
        &self,
        student: &Student,
        batch: &[Views],
        targets: &Targets,
        rope: RopeAugment,
        share: f64,
        found: &mut Found,
    ) {
        let config = &self.context.config;
        let device = self.context.device.clone().autodiff();
        let pictures = Views::pixels(batch, self.statistics, &self.context.device);
        let backbone = &student.learner.networks.backbone;
        // A student of small crops would lose its sense of distance where a picture has more patches.
        let pass = TrainingPass {
            rope,
            ..TrainingPass::default()
        };
        let (seen, segments) = if config.run.activation_checkpointing {
            backbone.training_segments(pictures, &pass)
        } else {
            (backbone.training(Tensor::from_inner(pictures), &pass), None)
        };
        let [views, _, dim] = targets.patches.dims();
        let teacher = downsample(targets.patches.clone(), targets.grid, seen.grid);
        let [_, patches, _] = teacher.dims();
        let flat = self.standardized(teacher.reshape([views * patches, dim]));
        let tracked = |rows: Tensor<2>| Tensor::<2>::from_inner(rows);
        let [_, _, own] = seen.patches.dims();
        let projected = seen.patches.clone().reshape([views * patches, own]);
        let projected = student.learner.patches.forward(projected);
        let cls = student.learner.cls.forward(seen.cls);
        let parts = [
            (
                "feature",
                feature(projected, tracked(flat.clone())),
                config.distill.feature,
            ),
            (
                "relation",
                relation(
                    seen.patches,
                    tracked(flat).reshape([views, patches, dim]),
                    config.distill.temperature,
                ),
                config.distill.relation,
            ),
            (
                "cls",
                feature(cls, tracked(self.standardized(targets.cls.clone()))),
                config.distill.cls,
            ),
        ];
        let mut total = Tensor::<1>::zeros([1], &device);
        let mut tensors = Vec::new();
        for (_, loss, weight) in &parts {
            total = total + loss.clone() * *weight;
            tensors.push(loss.clone().inner());
        }
        tensors.insert(0, total.clone().inner());
        let losses: Vec<f32> = Tensor::cat(tensors, 0)
            .into_data()
            .try_to_vec()
            .expect("losses are f32");
        for (sum, loss) in found.losses.iter_mut().zip(&losses) {
            *sum += f64::from(*loss) * share;
        }
        if !losses.iter().all(|loss| loss.is_finite()) {
            return;
        }
        let keep = student.learner.networks.keep();
        let mut graph = (total * share).backward();
        if let Some(segments) = segments {
            backbone.backward_segments(segments, &mut graph, |part| {
                found.gradients.add(&student.learner, part, &keep);
            });
        }
        found.gradients.add(&student.learner, graph, &keep);
    }

    /// The first part of a student, in the order of the data flow, whose output for a step's pictures is not finite.
    fn module(&self, student: &Student, batches: &[Vec<Views>]) -> String {
        let device = &self.context.device;
        let plain = student.learner.networks.copied_to(device);
        let layer = batches.iter().find_map(|batch| {
            let pictures = Views::pixels(batch, self.statistics, device);
            first_broken_layer(&plain.backbone, &pictures)
        });
        layer.unwrap_or_else(|| "a projection or a loss".into())
    }

    /// Moves a student by the gradients of a step, unless something is not finite.
    fn update(
        &self,
        student: &mut Student,
        found: Found,
        (values, batches): (&Values, &[Vec<Views>]),
        report: &mut Report,
    ) {
        let config = &self.context.config;
        let Found {
            losses,
            mut gradients,
        } = found;
        let ending = &student.ending;
        for (name, loss) in LOSSES.into_iter().zip(losses) {
            report.numbers.push((format!("loss/{name}{ending}"), loss));
        }
        if let Some(at) = losses.iter().position(|loss| !loss.is_finite()) {
            let module = self.module(student, batches);
            report.broken = Some(format!("loss {}{ending}, first in {module}", LOSSES[at]));
            return;
        }
        let norms = gradients.norms();
        if let Some((part, _)) = norms.iter().find(|(_, norm)| !norm.is_finite()) {
            let name = gradients.first_broken().unwrap_or_else(|| part.clone());
            let module = self.module(student, batches);
            report.broken = Some(format!("the gradient of {name}, first in {module}"));
            return;
        }
        for (part, norm) in &norms {
            let name = format!("grad_norm/{part}{ending}");
            report.numbers.push((name, *norm));
        }
        if config.optimizer.clip > 0.0 {
            gradients.clip(&norms, config.optimizer.clip);
        }
        let rates = StepRates {
            lr: values.lr,
            last_layer_lr: values.lr,
            weight_decay: values.weight_decay,
        };
        student.learner = student
            .adamw
            .step(student.learner.clone(), gradients, rates);
        student.average = follow(
            student.average.clone(),
            &student.learner.networks,
            config.distill.momentum.min(warmed(student.adamw.count())),
        );
    }
}

/// The largest momentum that forgets the start: an average of `count` weights is no older than they are.
fn warmed(count: u64) -> f64 {
    let count = count as f64;
    (1.0 + count) / (10.0 + count)
}

impl Task for DistillTask {
    fn steps(&self) -> u64 {
        self.context.config.run.steps
    }

    fn seek(&mut self, step: u64) -> Result<(), TrainError> {
        let config = &self.context.config;
        let order = Order::new(config, &self.context.data, 0)?;
        let features = match &self.teacher {
            Teacher::Features(features) => Some(Arc::clone(features)),
            Teacher::Network { .. } => None,
        };
        let grid = self.students[0].learner.networks.backbone.config().patch();
        let make = views(config, features, grid)?;
        self.loader = Some(Loader::start(
            Arc::clone(&self.context.data),
            order,
            step * config.run.accumulate as u64,
            LoaderSettings::of(config),
            make,
        )?);
        Ok(())
    }

    fn step(&mut self, step: u64, values: &Values, _: bool) -> Result<Report, TrainError> {
        let mut report = Report::default();
        let mut found: Vec<Found> = self.students.iter().map(|_| Found::default()).collect();
        let config = &self.context.config;
        let accumulate = config.run.accumulate;
        let share = 1.0 / accumulate as f64;
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream(ROPE + step);
        let mut batches = Vec::with_capacity(accumulate);
        for _ in 0..accumulate {
            let batch = self.next()?;
            report.pictures += batch.len();
            let targets = self.targets(&batch);
            // One draw for all students: what one learns does not depend on how many there are.
            let rope = rope(&self.context.config.loss).draw(&mut rng);
            for (student, found) in self.students.iter().zip(&mut found) {
                self.gradients(student, &batch, &targets, rope, share, found);
            }
            batches.push(batch);
        }
        let mut students = std::mem::take(&mut self.students);
        for (student, found) in students.iter_mut().zip(found) {
            self.update(student, found, (values, &batches), &mut report);
        }
        self.students = students;
        Ok(report)
    }

    fn exports(&self) -> Vec<Export<'_>> {
        let students = self.students.iter().flat_map(|student| {
            [
                ("teacher", &student.average.backbone),
                ("student", &student.learner.networks.backbone),
            ]
            .map(|(name, backbone)| Export {
                name: format!("{name}{}", student.ending),
                backbone,
                statistics: self.statistics,
            })
        });
        students.collect()
    }

    fn lineage(&self) -> Vec<(String, String)> {
        self.lineage.clone()
    }

    fn state(&self) -> State {
        let mut state = State::default();
        for student in &self.students {
            let name = |part: &str| format!("{part}{}.", student.ending);
            state.put(&name("learner"), student.learner.read_params(""));
            state.put(&name("average"), student.average.read_params(""));
            state.put_adamw(&name("adamw"), &student.adamw);
        }
        // Measured on the first pictures: a resumed run goes on with the same targets, whatever pictures it has.
        for (name, tensor) in CHANNELS.into_iter().zip(&self.channels) {
            let values = tensor.clone().into_data().try_to_vec();
            let values = values.expect("statistics are f32");
            state.tensors.insert(name.into(), values);
        }
        state
    }

    fn restore(&mut self, mut state: State) -> Result<(), TrainError> {
        let device = self.context.device.clone();
        for student in &mut self.students {
            let name = |part: &str| format!("{part}{}.", student.ending);
            let shape = student.average.backbone.config();
            let learner = state.take(&name("learner"));
            student.learner = Learner::load(
                &shape,
                student.learner.outputs(),
                &learner,
                &device.clone().autodiff(),
            )
            .map_err(|error| other_network(&error, &shape))?;
            let average = state.take(&name("average"));
            student.average = Networks::load(&shape, None, &average, &device)
                .map_err(|error| other_network(&error, &shape))?;
            state.take_adamw(&name("adamw"), &mut student.adamw, &device);
        }
        for (name, tensor) in CHANNELS.into_iter().zip(&mut self.channels) {
            if let Some(values) = state.tensors.remove(name) {
                let shape = tensor.dims();
                if values.len() != shape[1] {
                    return Err(TrainError::OtherNetwork {
                        found: format!("targets of {} channels", values.len()),
                        expected: format!("a teacher of {}", shape[1]),
                    });
                }
                *tensor = Tensor::from_data(TensorData::new(values, shape), &device);
            }
        }
        Ok(())
    }

    fn waited(&self) -> Duration {
        self.loader.as_ref().map_or(Duration::ZERO, Loader::waited)
    }

    fn warnings(&mut self) -> Vec<String> {
        let loader = self.loader.as_mut();
        loader.map(Loader::take_warnings).unwrap_or_default()
    }

    fn evaluate(&mut self) -> Result<Vec<(String, f64)>, TrainError> {
        let backbone = &self.students[0].average.backbone;
        super::probe::held_out(&self.context, backbone, self.statistics)
    }
}

/// The students of a configuration.
fn students(
    context: &Context,
    start: &StartModel,
    teacher_dim: usize,
) -> Result<Vec<Student>, TrainError> {
    let config = &context.config;
    let sizes = &config.distill.students;
    let mut students = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let ending = format!("-{size}");
        if sizes[..index].contains(size) {
            return Err(crate::config::ConfigError::Value {
                key: "distill.students".into(),
                found: format!("\"{size}\" twice"),
                expected: "every size once".into(),
            }
            .into());
        }
        let start = StartModel::scratch(config, size)?;
        students.push(Student::new(context, &start, ending, teacher_dim)?);
    }
    if students.is_empty() {
        students.push(Student::new(context, start, String::new(), teacher_dim)?);
    }
    let side = config.crops.global_px as usize;
    for student in &students {
        let patch = student.average.backbone.config().patch();
        if !side.is_multiple_of(patch) {
            return Err(crate::config::ConfigError::Value {
                key: "crops.global_px".into(),
                found: side.to_string(),
                expected: format!("a multiple of {patch}, the patch of every student"),
            }
            .into());
        }
    }
    Ok(students)
}

impl Student {
    fn new(
        context: &Context,
        start: &StartModel,
        ending: String,
        teacher_dim: usize,
    ) -> Result<Self, TrainError> {
        let config = &context.config;
        let device = &context.device;
        let networks = start.networks(None, config.seed, &device.clone().autodiff())?;
        let fresh = Fresh { seed: config.seed };
        let at = Placement::plain(&device.clone().autodiff());
        let sizes = [start.config.dim(), teacher_dim];
        let adamw = adamw(config, networks.depth());
        Ok(Self {
            ending,
            average: start.networks(None, config.seed, device)?,
            learner: Learner {
                networks,
                patches: Projection::load(sizes, &fresh, "patches", &at)?,
                cls: Projection::load(sizes, &fresh, "cls", &at)?,
            },
            adamw,
        })
    }
}

impl Learner {
    fn load(
        shape: &BackboneConfig,
        outputs: usize,
        weights: &BTreeMap<String, Vec<f32>>,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let at = Placement::plain(device);
        let sizes = [shape.dim(), outputs];
        Ok(Self {
            networks: Networks::load(shape, None, weights, device)?,
            patches: Projection::load(sizes, weights, "patches", &at)?,
            cls: Projection::load(sizes, weights, "cls", &at)?,
        })
    }

    /// Channels of the teacher.
    fn outputs(&self) -> usize {
        self.patches.outputs()
    }
}

impl Params for Learner {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        self.networks.visit_params(prefix, visitor);
        self.patches
            .visit_params(&format!("{prefix}patches."), visitor);
        self.cls.visit_params(&format!("{prefix}cls."), visitor);
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        Self {
            networks: self.networks.map_params(prefix, mapper),
            patches: self
                .patches
                .map_params(&format!("{prefix}patches."), mapper),
            cls: self.cls.map_params(&format!("{prefix}cls."), mapper),
        }
    }
}
