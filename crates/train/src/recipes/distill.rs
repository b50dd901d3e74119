//! Distillation: one or several networks learn the features of a frozen one, which runs once for all of them.
//!
//! The teacher is a model, or a folder of its features. Losses: the direction of each patch and class token behind a
//! linear layer, and how the patches of a picture relate. Source: `spec/06`, section 2; `spec/03`, section 3 (one
//! teacher's pass for several students).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use dinoscope_model::{
    Backbone, BackboneConfig, Fresh, MapParams, Params, Placement, Projection, TrainingPass,
    VisitParams, WeightsError,
};

use super::self_supervised::{adamw, other_network};
use super::views::{TeacherFeatures, Views, features_folder, target_statistics, views};
use super::{Context, Export, Recipe, Report, Task};
use crate::data::{Loader, LoaderSettings, Order};
use crate::error::TrainError;
use crate::losses::{downsample, feature, relation};
use crate::networks::Networks;
use crate::optimizer::{AdamW, Gradients, StepRates, follow};
use crate::schedule::Values;
use crate::start::{StartModel, Statistics};
use crate::state::State;

/// See the module.
pub(super) struct Distill;

impl Recipe for Distill {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        Ok(Box::new(DistillTask::new(context)?))
    }
}

/// What the students learn from.
enum Teacher {
    Network { backbone: Box<Backbone> },
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
    fn new(context: &Context) -> Result<Self, TrainError> {
        let config = &context.config;
        let device = &context.device;
        let mut lineage = Vec::new();
        let start = StartModel::of(config)?;
        let statistics = start.statistics;
        let (teacher, dim) = if config.distill.teacher.is_empty() {
            let features = features_folder(&config.distill.features, &context.data)?;
            lineage.extend(features.lineage().iter().cloned());
            let dim = features.dim();
            (Teacher::Features(Arc::new(features)), dim)
        } else {
            let model = StartModel::open(&config.distill.teacher)?;
            lineage.push(("teacher".into(), config.distill.teacher.clone()));
            let license = model.lineage.iter().find(|(key, _)| key == "license");
            if let Some((_, license)) = license {
                // What is learned from a licensed network stays under its licence.
                lineage.push(("license".into(), license.clone()));
            }
            let dim = model.config.dim();
            let backbone = Box::new(model.backbone(device)?);
            (Teacher::Network { backbone }, dim)
        };
        let students = students(context, &start, dim)?;
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
            Teacher::Network { backbone } => {
                let pictures = Views::teacher_pixels(batch, device);
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

    fn learn(
        &self,
        student: &mut Student,
        batch: &[Views],
        targets: &Targets,
        values: &Values,
        report: &mut Report,
    ) {
        let config = &self.context.config;
        let device = self.context.device.clone().autodiff();
        let pictures = Views::pixels(batch, &self.context.device);
        let backbone = &student.learner.networks.backbone;
        let pass = TrainingPass::default();
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
        let found: Vec<f32> = Tensor::cat(tensors, 0)
            .into_data()
            .try_to_vec()
            .expect("losses are f32");
        let names = ["total", "feature", "relation", "cls"];
        let ending = &student.ending;
        for (name, value) in names.into_iter().zip(&found) {
            let name = format!("loss/{name}{ending}");
            report.numbers.push((name, f64::from(*value)));
        }
        if let Some(at) = found.iter().position(|value| !value.is_finite()) {
            report.broken = Some(format!("loss {}{ending}, first in a loss", names[at]));
            return;
        }
        let mut gradients = Gradients::default();
        let keep = student.learner.networks.keep();
        let mut found = total.backward();
        if let Some(segments) = segments {
            backbone.backward_segments(segments, &mut found, |part| {
                gradients.add(&student.learner, part, &keep);
            });
        }
        gradients.add(&student.learner, found, &keep);
        let norms = gradients.norms();
        if let Some((part, _)) = norms.iter().find(|(_, norm)| !norm.is_finite()) {
            let name = gradients.first_broken().unwrap_or_else(|| part.clone());
            report.broken = Some(format!("the gradient of {name}, first in a loss"));
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
        let make = views(config, features, self.statistics, grid)?;
        self.loader = Some(Loader::start(
            Arc::clone(&self.context.data),
            order,
            step,
            LoaderSettings::of(config),
            make,
        )?);
        Ok(())
    }

    fn step(&mut self, _: u64, values: &Values, _: bool) -> Result<Report, TrainError> {
        let batch = self.next()?;
        let targets = self.targets(&batch);
        let mut report = Report {
            pictures: batch.len(),
            ..Report::default()
        };
        let mut students = std::mem::take(&mut self.students);
        for student in &mut students {
            self.learn(student, &batch, &targets, values, &mut report);
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
