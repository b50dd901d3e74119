//! The step itself: targets, student, losses, gradients, update, average.

use std::collections::BTreeMap;

use burn::tensor::{Bool, Device, Tensor, TensorData};
use dinoscope_model::{Backbone, LayerTokens, Segments, TrainingPass};
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::draws::kept;
use super::settings::{GramTeacher, Settings, Teacher};
use super::targets::{Targets, masked, targets};
use crate::losses::{Gram, Pairs, dino, downsample, gram, ibot, koleo};
use crate::networks::{Networks, finite, first_broken_layer};
use crate::optimizer::{AdamW, Gradients, Keep, Norms, StepRates, follow};
use crate::schedule::Values;

/// Student, teacher and optimizer.
#[derive(Clone, Debug)]
pub struct SelfSupervised {
    /// What learns; on the autodiff device.
    pub student: Networks,
    /// What the student follows; on the plain device.
    pub teacher: Networks,
    /// The running average of a student whose teacher is frozen.
    pub average: Option<Networks>,
    /// The Gram teacher, where it is a copy.
    pub gram: Option<Backbone>,
    /// Times that the Gram teacher was taken anew.
    pub gram_taken: u64,
    /// The optimizer of the student.
    pub adamw: AdamW,
    /// What was chosen.
    pub settings: Settings,
    /// Whether the backbone stays, while fresh heads learn what it says.
    pub only_heads: bool,
}

/// What a step did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The losses by name, `total` among them, dimensionless or in nats.
    pub losses: BTreeMap<&'static str, f64>,
    /// Length of the gradient of each part before it was clipped.
    pub norms: Norms,
    /// Why nothing was learned from this step, if so.
    pub broken: Option<Broken>,
    /// Numbers for monitors, if they were asked for.
    pub readings: Option<Readings>,
}

/// A loss or a gradient that is not finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is not finite: `loss ibot`, `the gradient of backbone.norm.weight`.
    pub what: String,
    /// The first part of the network, in the order of the data flow, whose output is not finite.
    pub module: String,
}

/// Copies of a step's tensors for monitors, of its first batch.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// Targets of the class tokens, `[2 · pictures, prototypes]`.
    pub targets: Vec<f32>,
    /// The teacher's logits of them before they were balanced, of the same shape.
    pub teacher_logits: Vec<f32>,
    /// The student's logits of the same crops.
    pub student_logits: Vec<f32>,
    /// Number of prototypes.
    pub prototypes: usize,
    /// The student's class tokens `[2 · pictures, dim]`.
    pub cls: Vec<f32>,
    /// Patches `[2 · pictures, patches, dim]`: the teacher's, since those of the student are masked; the student's own
    /// where its teacher is frozen and nothing is masked.
    pub patches: Vec<f32>,
    /// Number of crops, patches of each, channels.
    pub shape: [usize; 3],
    /// Batches whose targets are balanced together.
    pub batches: usize,
}

impl SelfSupervised {
    /// One step on one or several batches, which are balanced together and whose gradients are added up.
    ///
    /// The crops of a batch go once the student has seen them, before its gradient needs the most memory; `again` makes
    /// the batches a second time, to look for what broke. `step` counts from 0. Nothing is learned from a step whose loss
    /// or gradient is not finite.
    ///
    /// # Panics
    /// Without a batch, or if networks lack heads.
    pub fn step(
        &mut self,
        batches: Vec<Batch>,
        again: &dyn Fn() -> Vec<Batch>,
        (step, values): (u64, &Values),
        reads: bool,
        rng: &mut ChaCha8Rng,
    ) -> Outcome {
        assert!(!batches.is_empty(), "step: no batch");
        let count = batches.len();
        let targets = targets(&self.teacher, &batches, values.teacher_temp, &self.settings);
        let mut gradients = Gradients::default();
        let mut outcome = Outcome::default();
        let share = 1.0 / count as f64;
        for (index, (batch, targets)) in batches.into_iter().zip(&targets).enumerate() {
            let pass = self.student_pass(batch, targets, values, rng);
            let losses = pass.losses.read(share);
            for (name, value) in losses {
                *outcome.losses.entry(name).or_default() += value;
            }
            if reads && index == 0 {
                // Those of an average's student are masked.
                let own = self.settings.teacher == Teacher::Frozen;
                outcome.readings = Some(pass.readings(targets, own, count));
            }
            if !outcome.losses.values().all(|value| value.is_finite()) {
                break;
            }
            let mut found = (pass.losses.total * share).backward();
            for segments in pass.segments {
                let backbone = &self.student.backbone;
                backbone.backward_segments(segments, &mut found, |part| {
                    gradients.add(&self.student, part, self.keep());
                });
            }
            gradients.add(&self.student, found, self.keep());
        }
        outcome.broken = self.broken(&mut outcome, &gradients, again);
        if outcome.broken.is_none() {
            self.learn(gradients, &outcome.norms, step, values);
        }
        outcome
    }

    fn keep(&self) -> impl Fn(&str) -> Keep + use<> {
        let (keep, only_heads) = (self.student.keep(), self.only_heads);
        move |name| {
            if only_heads && name.starts_with("backbone.") {
                Keep::Nothing
            } else {
                keep(name)
            }
        }
    }

    /// The gradients of one batch.
    #[cfg(test)]
    pub(super) fn gradients(
        &self,
        batch: &Batch,
        values: &Values,
        rng: &mut ChaCha8Rng,
    ) -> Gradients {
        let batches = std::slice::from_ref(batch);
        let targets = targets(&self.teacher, batches, values.teacher_temp, &self.settings);
        let pass = self.student_pass(batch.clone(), &targets[0], values, rng);
        let mut gradients = Gradients::default();
        gradients.add(
            &self.student,
            pass.losses.total.backward(),
            self.student.keep(),
        );
        gradients
    }

    /// What is not finite, if anything; measures the gradients.
    fn broken(
        &self,
        outcome: &mut Outcome,
        gradients: &Gradients,
        again: &dyn Fn() -> Vec<Batch>,
    ) -> Option<Broken> {
        let loss = outcome
            .losses
            .iter()
            .find(|(_, value)| !value.is_finite())
            .map(|(name, _)| format!("loss {name}"));
        let what = loss.or_else(|| {
            outcome.norms = gradients.norms();
            let fine = outcome.norms.values().all(|norm| norm.is_finite());
            (!fine).then(|| {
                let name = gradients.first_broken();
                format!("the gradient of {}", name.as_deref().unwrap_or("a part"))
            })
        })?;
        let module = first_broken_module(&self.student, &again());
        Some(Broken { what, module })
    }

    /// Clips, updates, averages, and takes the Gram teacher anew where that is due.
    fn learn(&mut self, mut gradients: Gradients, norms: &Norms, step: u64, values: &Values) {
        if self.settings.clip > 0.0 {
            gradients.clip(norms, self.settings.clip);
        }
        let rates = StepRates {
            lr: values.lr,
            last_layer_lr: values.last_layer_lr,
            weight_decay: values.weight_decay,
        };
        let student = self.student.clone();
        self.student = self.adamw.step(student, gradients, rates);
        let averaged = match self.settings.teacher {
            Teacher::Average => Some(&mut self.teacher),
            Teacher::Frozen => self.average.as_mut(),
        };
        if let Some(average) = averaged {
            *average = follow(average.clone(), &self.student, values.momentum);
        }
        if let Some(source) = self.settings.gram
            && source.is_due(step, self.gram_taken)
        {
            self.gram = Some(self.teacher.backbone.clone());
            self.gram_taken += 1;
        }
    }

    fn student_pass(
        &self,
        batch: Batch,
        targets: &Targets,
        values: &Values,
        rng: &mut ChaCha8Rng,
    ) -> StudentPass {
        let anchor =
            (self.settings.gram.is_some() && values.gram_weight > 0.0).then(|| self.anchor(&batch));
        let hidden = self.masks(&batch);
        let Batch {
            pictures,
            global,
            local,
            masks,
            ..
        } = batch;
        let mut pass =
            |pictures: usize, masks: Option<Tensor<2, Bool>>, local: bool| TrainingPass {
                masks,
                rope: self.settings.rope.draw(rng),
                kept: kept(self.settings.drop_path, self.student.depth(), pictures, rng),
                local,
            };
        let global_pass = pass(2 * pictures, hidden, false);
        let mut segments = Vec::new();
        let mut see = |crops: Tensor<4>, pass: &TrainingPass| {
            let backbone = &self.student.backbone;
            if !self.settings.checkpointing {
                return backbone.training(tracked(crops), pass);
            }
            let (tokens, kept) = backbone.training_segments(crops, pass);
            segments.extend(kept);
            tokens
        };
        let global = see(global, &global_pass);
        let local = local.map(|crops| {
            let [count, ..] = crops.dims();
            see(crops, &pass(count, None, true))
        });
        let head = |name: &str| panic!("step: the student has no {name} head");
        let dino_head = self.student.dino.as_ref().unwrap_or_else(|| head("dino"));
        let ibot_head = self.student.ibot.as_ref().unwrap_or_else(|| head("ibot"));
        let mut cls = vec![global.cls.clone()];
        cls.extend(local.map(|local| local.cls));
        let logits = dino_head.forward(Tensor::cat(cls, 0));
        let patches = masked(&global.patches, &masks).map(|rows| ibot_head.forward(rows));
        let gram = anchor.map(|anchor| {
            let anchor = anchor.map_or_else(
                || targets.tokens.clone(),
                |seen| downsample(seen.patches, seen.grid, global.grid),
            );
            gram(global.patches.clone(), tracked(anchor), Gram::default())
        });
        let seen = (pictures, &masks.weights[..]);
        let losses = self.losses(seen, targets, &global, &logits, patches, gram, values);
        StudentPass {
            losses,
            global,
            logits,
            pictures,
            segments,
        }
    }

    /// What the student does not see; a student of a frozen teacher sees everything.
    fn masks(&self, batch: &Batch) -> Option<Tensor<2, Bool>> {
        let hidden = self.settings.teacher == Teacher::Average && !batch.masks.indices.is_empty();
        hidden.then(|| {
            let crops = 2 * batch.pictures;
            let shape = [crops, batch.masks.masks.len() / crops];
            let data = TensorData::new(batch.masks.masks.clone(), shape);
            Tensor::from_data(data, &batch.global.device().autodiff())
        })
    }

    /// What a Gram teacher that is a copy sees in a batch; without one the teacher's own patches are the anchor.
    fn anchor(&self, batch: &Batch) -> Option<LayerTokens> {
        match (self.settings.gram, &self.gram) {
            (Some(GramTeacher::Copy { .. }), Some(teacher)) => {
                let pictures = batch.gram.as_ref().unwrap_or(&batch.global).clone();
                Some(teacher.training(pictures, &TrainingPass::default()))
            }
            _ => None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one pass has made")]
    fn losses(
        &self,
        (pictures, weights): (usize, &[f32]),
        targets: &Targets,
        global: &LayerTokens,
        logits: &Tensor<2>,
        patches: Option<Tensor<2>>,
        gram: Option<Tensor<1>>,
        values: &Values,
    ) -> Losses {
        let settings = &self.settings;
        let [rows, prototypes] = logits.dims();
        let locals = rows / pictures - 2;
        let crops = |first: usize, count: usize| {
            let rows = logits.clone().narrow(0, first * pictures, count * pictures);
            rows.reshape([count, pictures, prototypes])
        };
        let teacher = tracked(targets.cls.clone());
        // Pairs of different global crops, and of every local with every global crop: shares of all pairs.
        let pairs = (2 + 2 * locals) as f64;
        let mut losses = Losses::new(&logits.device());
        let across = dino(teacher.clone(), crops(0, 2), Pairs::Different);
        losses.add("dino_global", across, settings.dino_weight * 2.0 / pairs);
        if locals > 0 {
            let loss = dino(teacher, crops(2, locals), Pairs::All);
            let share = 2.0 * locals as f64 / pairs * values.local_weight;
            losses.add("dino_local", loss, settings.dino_weight * share);
        }
        if let (Some(student), Some(teacher)) = (patches, targets.patches.clone()) {
            let [count, _] = student.dims();
            let weights = TensorData::new(weights.to_vec(), [count]);
            let weights = Tensor::from_data(weights, &student.device());
            let loss = ibot(tracked(teacher), student, weights, 2 * pictures);
            losses.add("ibot", loss, settings.ibot_weight);
        }
        // One picture has no neighbour.
        if settings.koleo_weight > 0.0 && pictures > 1 {
            let crop = |index| koleo(global.cls.clone().narrow(0, index * pictures, pictures), 1);
            let mean = (crop(0) + crop(1)) * 0.5;
            losses.add("koleo", mean, 2.0 * settings.koleo_weight);
        }
        if let Some(gram) = gram {
            losses.add("gram", gram, values.gram_weight);
        }
        losses
    }
}

/// What the student made of a batch.
struct StudentPass {
    losses: Losses,
    global: LayerTokens,
    /// Class tokens of all crops, `[crops · pictures, prototypes]`.
    logits: Tensor<2>,
    pictures: usize,
    /// What gives the gradients of the blocks, with activation checkpointing.
    segments: Vec<Segments>,
}

impl StudentPass {
    /// Copies for monitors; `own`: patches of the student, which are not masked, instead of the teacher's.
    fn readings(&self, targets: &Targets, own: bool, batches: usize) -> Readings {
        let [_, _, prototypes] = targets.cls.dims();
        let tokens = if own {
            self.global.patches.clone()
        } else {
            targets.tokens.clone()
        };
        let [crops, patches, dim] = tokens.dims();
        Readings {
            targets: read(targets.cls.clone()),
            teacher_logits: read(targets.cls_logits.clone()),
            student_logits: read(self.logits.clone().narrow(0, 0, 2 * self.pictures)),
            prototypes,
            cls: read(self.global.cls.clone()),
            patches: read(tokens),
            shape: [crops, patches, dim],
            batches,
        }
    }
}

/// Losses by name, and their weighted sum.
struct Losses {
    parts: Vec<(&'static str, Tensor<1>)>,
    total: Tensor<1>,
}

impl Losses {
    fn new(device: &Device) -> Self {
        Self {
            parts: Vec::new(),
            total: Tensor::zeros([1], device),
        }
    }

    fn add(&mut self, name: &'static str, loss: Tensor<1>, weight: f64) {
        self.total = self.total.clone() + loss.clone() * weight;
        self.parts.push((name, loss.inner()));
    }

    /// The values, times `share`; one read-back.
    fn read(&self, share: f64) -> Vec<(&'static str, f64)> {
        let mut names = vec!["total"];
        let mut tensors = vec![self.total.clone().inner()];
        for (name, loss) in &self.parts {
            names.push(name);
            tensors.push(loss.clone());
        }
        let values = read(Tensor::cat(tensors, 0));
        let values = values.into_iter().map(|value| f64::from(value) * share);
        names.into_iter().zip(values).collect()
    }
}

/// The first part of the student, in the order of the data flow, whose output is not finite.
fn first_broken_module(student: &Networks, batches: &[Batch]) -> String {
    for batch in batches {
        if !finite(&batch.global) || batch.local.as_ref().is_some_and(|local| !finite(local)) {
            return "the pictures of the batch".into();
        }
        let plain = student.copied_to(&batch.global.device());
        if let Some(layer) = first_broken_layer(&plain.backbone, &batch.global) {
            return layer;
        }
    }
    "a head or a loss".into()
}

/// All values, on the host.
fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let tensor = if tensor.is_autodiff() {
        tensor.inner()
    } else {
        tensor
    };
    tensor
        .into_data()
        .try_to_vec()
        .expect("the tensors of a step are f32")
}

/// The tensor as a constant of the student's graph.
fn tracked<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_inner(tensor)
}
