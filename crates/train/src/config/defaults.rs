//! Defaults by recipe and by the number of pictures. Source: `spec/06`, section 4; `spec/02` and `spec/03` for the stages.

use std::path::PathBuf;

use super::{
    Config, Crops, Data, DistillSection, GramSection, Heads, LoraSection, Loss, Model, Optimizer,
    Preview, ProbeKind, ProbeSection, Run, ScheduleKind, TeacherSection,
};
use crate::augment::Preset;
use crate::block_masks::BlockMasking;
use crate::recipes::RecipeId;
use crate::schedule::{Scaling, SmallRun, Start};

/// One column of the table of starting points.
struct Column {
    size: &'static str,
    sides: [u32; 2],
    locals: usize,
    batch: usize,
    prototypes: [usize; 2],
    head: [usize; 2],
    momentum: [f64; 2],
    temperature: [f64; 2],
    decay_end: f64,
    clip: f64,
    frozen: f64,
    steps: u64,
}

fn column(scale: SmallRun) -> Column {
    match scale {
        SmallRun::Smoke => Column {
            size: "nano",
            sides: [64, 32],
            locals: 2,
            batch: 8,
            prototypes: [64, 64],
            head: [128, 32],
            momentum: [0.9, 0.9],
            temperature: [0.05, 0.05],
            decay_end: 0.04,
            clip: 1.0,
            frozen: 0.05,
            steps: 20,
        },
        SmallRun::Hundreds => Column {
            size: "tiny",
            sides: [128, 64],
            locals: 4,
            batch: 32,
            prototypes: [256, 512],
            head: [256, 64],
            momentum: [0.97, 1.0],
            temperature: [0.04, 0.04],
            decay_end: 0.04,
            clip: 1.0,
            frozen: 0.05,
            steps: 2_000,
        },
        SmallRun::Thousands => Column {
            size: "tiny",
            sides: [160, 64],
            locals: 6,
            batch: 64,
            prototypes: [1024, 1024],
            head: [512, 128],
            momentum: [0.99, 1.0],
            temperature: [0.04, 0.05],
            decay_end: 0.04,
            clip: 3.0,
            frozen: 0.05,
            steps: 10_000,
        },
        SmallRun::TensOfThousands => Column {
            size: "small",
            sides: [224, 96],
            locals: 8,
            batch: 128,
            prototypes: [2048, 4096],
            head: [1024, 256],
            momentum: [0.992, 1.0],
            temperature: [0.04, 0.07],
            decay_end: 0.2,
            clip: 3.0,
            frozen: 0.01,
            steps: 50_000,
        },
    }
}

/// Prototypes of the class tokens' and of the patches' head, where as many rows are balanced as in the column.
pub(super) fn prototypes(scale: SmallRun) -> [usize; 2] {
    column(scale).prototypes
}

/// The column's crops, but what a preset has of its own: a medical one is not cut as small as a photograph.
fn crops(column: &Column, preset: Preset) -> Crops {
    let (own, usual) = (preset.multicrop(), Preset::Reference.multicrop());
    let side = |own: u32, usual: u32, default: u32| if own == usual { default } else { own };
    Crops {
        preset,
        global_px: side(own.global_px, usual.global_px, column.sides[0]),
        local_px: side(own.local_px, usual.local_px, column.sides[1]),
        locals: column.locals,
        global_area: own.global.area,
        local_area: own.local.area,
        mixed: Vec::new(),
    }
}

impl Config {
    /// What holds where a file says nothing.
    pub fn defaults(recipe: RecipeId, scale: SmallRun) -> Self {
        Self::defaults_with(recipe, scale, Preset::Reference)
    }

    /// As [`Config::defaults`], with another preset of the crops.
    #[expect(clippy::too_many_lines, reason = "a table of one line a key")]
    pub(super) fn defaults_with(recipe: RecipeId, scale: SmallRun, preset: Preset) -> Self {
        let column = column(scale);
        let mut config = Self {
            recipe,
            seed: 0,
            data: Data {
                folder: PathBuf::new(),
                list: PathBuf::new(),
                manifest: PathBuf::new(),
                classes: false,
                masks: PathBuf::new(),
                held_out: PathBuf::new(),
                held_out_share: 0.0,
                homogeneous: Vec::new(),
                homogeneous_share: 0.1,
                max_broken: 0.5,
                threads: 0,
                cache_mib: 512,
            },
            model: Model {
                start: "scratch".into(),
                size: column.size.into(),
                dim: 0,
                depth: 0,
                heads: 0,
                patch: 0,
                registers: 4,
                mean: [0.485, 0.456, 0.406],
                std: [0.229, 0.224, 0.225],
            },
            heads: Heads {
                dino_prototypes: column.prototypes[0],
                ibot_prototypes: column.prototypes[1],
                hidden: column.head[0],
                bottleneck: column.head[1],
                layers: 3,
            },
            crops: crops(&column, preset),
            masks: BlockMasking::default(),
            run: Run {
                scale,
                steps: column.steps,
                batch: column.batch,
                accumulate: 1,
                log_every: if scale == SmallRun::Smoke { 1 } else { 10 },
                monitor_every: if scale == SmallRun::Smoke { 5 } else { 100 },
                checkpoint_every: 0,
                keep_last: 2,
                keep_every: 0,
                max_broken_steps: 3,
                activation_checkpointing: false,
            },
            optimizer: Optimizer {
                lr: scale.lr(Start::Scratch),
                min_lr: 1e-6,
                scaling: Scaling::None,
                schedule: ScheduleKind::Cosine,
                warmup: 0.1,
                weight_decay: 0.04,
                weight_decay_end: column.decay_end,
                betas: [0.9, 0.999],
                eps: 1e-8,
                clip: column.clip,
                layer_decay: 0.9,
                patch_embed_lr: 0.2,
                backbone_lr: 1.0,
                warm_heads: 0,
            },
            teacher: TeacherSection {
                momentum: column.momentum[0],
                momentum_end: column.momentum[1],
                temperature: column.temperature[0],
                temperature_end: column.temperature[1],
                temperature_warmup: 0.3,
                freeze_last_layer: column.frozen,
            },
            loss: Loss {
                dino: 1.0,
                local: 1.0,
                ibot: 1.0,
                koleo: 0.1,
                drop_path: 0.0,
                rope_rescale: 2.0,
                rope_jitter: 1.0,
                rope_shift: 0.0,
            },
            gram: GramSection {
                weight: 0.0,
                teacher: "copy".into(),
                px: 0,
                first: 0,
                every: 0,
                times: 0,
            },
            distill: DistillSection {
                teacher: String::new(),
                features: PathBuf::new(),
                students: Vec::new(),
                teacher_px: 0,
                feature: 1.0,
                relation: 1.0,
                cls: 1.0,
                temperature: 0.07,
                momentum: 0.999,
            },
            probe: ProbeSection {
                kinds: vec![ProbeKind::Knn, ProbeKind::Logistic],
                px: 224,
                neighbours: vec![1, 10, 20],
                test_share: 0.2,
            },
            lora: LoraSection {
                rank: 8,
                alpha: 16.0,
                anchor: 0.0,
                blocks: 0,
            },
            preview: Preview {
                pictures: Vec::new(),
                every: 0,
                px: 256,
            },
        };
        config.for_recipe(scale);
        config.follow(&|_| false);
        config
    }

    fn for_recipe(&mut self, scale: SmallRun) {
        let smoke = scale == SmallRun::Smoke;
        match self.recipe {
            RecipeId::Pretrain => {}
            RecipeId::Gram => {
                self.gram.weight = 2.0;
                self.gram.times = 2;
                self.loss.local = 0.5;
                self.teacher.momentum = self.teacher.momentum.max(if smoke { 0.9 } else { 0.99 });
                self.teacher.freeze_last_layer = 0.0;
                self.optimizer.lr *= 0.6;
            }
            RecipeId::Hires => {
                self.gram.weight = 1.5;
                self.loss.local = 0.5;
                self.teacher.freeze_last_layer = 0.0;
                self.teacher.temperature = self.teacher.temperature_end;
                self.optimizer.lr *= 0.2;
                self.optimizer.schedule = ScheduleKind::Constant;
                self.crops.global_px *= 2;
                self.run.batch = (self.run.batch / 4).max(2);
            }
            RecipeId::Distill => {
                self.crops.locals = 0;
                self.optimizer.lr = if smoke { 1e-3 } else { 1.5e-3 };
                self.optimizer.clip = 1.0;
                self.optimizer.layer_decay = 1.0;
                self.optimizer.patch_embed_lr = 1.0;
                self.crops.global_area = [0.14, 1.0];
            }
            RecipeId::Probe => {
                self.data.classes = true;
                self.model.start = "builtin".into();
            }
            RecipeId::Lora | RecipeId::Finetune => {
                self.data.classes = true;
                self.model.start = "builtin".into();
                self.crops.locals = 0;
                self.data.held_out_share = 0.2;
                self.optimizer.layer_decay = 0.75;
                self.optimizer.patch_embed_lr = 1.0;
                self.optimizer.clip = 1.0;
                let lora = self.recipe == RecipeId::Lora;
                self.optimizer.lr = if lora { 3e-4 } else { 5e-5 };
                self.optimizer.weight_decay = if lora { 0.01 } else { 0.04 };
                self.optimizer.weight_decay_end = self.optimizer.weight_decay;
                self.run.steps = self.run.steps.min(500);
            }
        }
    }
}
