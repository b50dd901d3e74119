//! Steps of training to be timed, of random pixels: how long a step takes on a device.
//!
//! The network is a ViT of width 192 and depth 4 with patch 16. `scripts/bench-train.py` times the same steps in PyTorch.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Tensor};
use dinoscope_model::{Fresh, HeadConfig, TrainingPass, Weights, WeightsError};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::block_masks::BlockMasking;
use crate::config::Config;
use crate::networks::{HeadConfigs, Networks};
use crate::optimizer::{AdamW, AdamWConfig, Gradients, Grouping, StepRates};
use crate::recipes::RecipeId;
use crate::schedule::{SmallRun, Values};
use crate::ssl::{Batch, SelfSupervised, Settings};

fn networks(heads: Option<&HeadConfigs>, device: &Device) -> Networks {
    let mut config = Config::defaults(RecipeId::Pretrain, SmallRun::Hundreds);
    config.model.size = "micro".into();
    let shape = config.model.shape().expect("the size exists");
    let weights = Named(Fresh { seed: 1 });
    Networks::load(&shape, heads, &weights, device).expect("fresh weights fill every shape")
}

/// Fresh weights whose names may have a first word.
struct Named(Fresh);

impl Weights for Named {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        self.0.get(name.trim_start_matches("backbone."), shape)
    }
}

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Forward, backward and update of the backbone over 8 pictures of 224 px.
    Plain,
    /// A self-supervised step: 4 pictures, 2 global crops of 224 px, 6 local ones of 96 px, both heads with K = 1024.
    Ssl,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Ssl];

    /// As it is named in results.
    pub fn id(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Ssl => "ssl",
        }
    }
}

/// Networks and pictures on a device, ready to step.
pub struct StepBench {
    plain: Plain,
    ssl: Ssl,
}

impl StepBench {
    /// Fresh networks.
    pub fn new(device: &Device) -> Self {
        Self {
            plain: Plain::new(device),
            ssl: Ssl::new(device),
        }
    }

    /// Does one step and waits until it is done.
    pub fn step(&mut self, kind: Kind) -> Duration {
        let since = Instant::now();
        match kind {
            Kind::Plain => self.plain.step(),
            Kind::Ssl => self.ssl.step(),
        }
        since.elapsed()
    }
}

/// Forward, backward and update of a backbone alone.
struct Plain {
    networks: Networks,
    adamw: AdamW,
    pictures: Tensor<4>,
}

impl Plain {
    fn new(device: &Device) -> Self {
        let networks = networks(None, &device.clone().autodiff());
        let adamw = AdamW::new(AdamWConfig::default(), Grouping::default(), 4);
        let pictures = Tensor::random([8, 3, 224, 224], Distribution::Normal(0.0, 1.0), device);
        Self {
            networks,
            adamw,
            pictures,
        }
    }

    fn step(&mut self) {
        let pictures = Tensor::from_inner(self.pictures.clone());
        let seen = self
            .networks
            .backbone
            .training(pictures, &TrainingPass::default());
        let loss = (seen.cls.square().mean() - 1.0).square() + seen.patches.square().mean();
        let mut gradients = Gradients::default();
        gradients.add(&self.networks, loss.backward(), self.networks.keep());
        let rates = StepRates {
            lr: 1e-4,
            last_layer_lr: 1e-4,
            weight_decay: 0.04,
        };
        self.networks = self.adamw.step(self.networks.clone(), gradients, rates);
    }
}

/// A whole self-supervised step.
struct Ssl {
    training: SelfSupervised,
    batch: Batch,
    step: u64,
}

impl Ssl {
    fn new(device: &Device) -> Self {
        const PICTURES: usize = 4;
        let head = HeadConfig {
            inputs: 192,
            hidden: 512,
            bottleneck: 128,
            prototypes: 1024,
            layers: 3,
        };
        let heads = HeadConfigs {
            dino: head,
            ibot: head,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let normal = Distribution::Normal(0.0, 1.0);
        Self {
            training: SelfSupervised {
                student: networks(Some(&heads), &device.clone().autodiff()),
                teacher: networks(Some(&heads), device),
                average: None,
                gram: None,
                gram_taken: 0,
                adamw: AdamW::new(AdamWConfig::default(), Grouping::default(), 4),
                settings: Settings::default(),
                only_heads: false,
            },
            batch: Batch {
                pictures: PICTURES,
                global: Tensor::random([2 * PICTURES, 3, 224, 224], normal, device),
                local: Some(Tensor::random([6 * PICTURES, 3, 96, 96], normal, device)),
                gram: None,
                masks: BlockMasking::default().draw(2 * PICTURES, [14, 14], &mut rng),
            },
            step: 0,
        }
    }

    fn step(&mut self) {
        let values = Values {
            lr: 1e-4,
            last_layer_lr: 1e-4,
            weight_decay: 0.04,
            momentum: 0.99,
            teacher_temp: 0.07,
            gram_weight: 0.0,
            local_weight: 1.0,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.step);
        let batches = || vec![self.batch.clone()];
        let outcome =
            self.training
                .step(batches(), &batches, (self.step, &values), false, &mut rng);
        assert_eq!(outcome.broken, None, "the step is finite");
        self.step += 1;
    }
}
