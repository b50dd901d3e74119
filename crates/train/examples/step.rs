//! Times training steps: one JSON line a kind, milliseconds of each round.
//!
//! `plain`: ViT of width 192 and depth 4, 8 pictures of 224 px, forward, backward, `AdamW`. `ssl`: a whole
//! self-supervised step of the same network, 4 pictures, 2 global crops of 224 px, 6 local crops of 96 px, K = 1024.
//! `scripts/bench-train` runs it in turn with the same steps in PyTorch.

use std::io::{BufRead, Write};
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use dinoscope_model::{Fresh, HeadConfig, Params, TrainingPass};
use dinoscope_train::block_masks::BlockMasking;
use dinoscope_train::config::Config;
use dinoscope_train::networks::{HeadConfigs, Networks};
use dinoscope_train::optimizer::{AdamW, AdamWConfig, Gradients, Grouping, StepRates};
use dinoscope_train::recipes::RecipeId;
use dinoscope_train::schedule::{SmallRun, Values};
use dinoscope_train::ssl::{Batch, SelfSupervised, Settings};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn networks(heads: Option<&HeadConfigs>, device: &Device) -> Networks {
    let mut config = Config::defaults(RecipeId::Pretrain, SmallRun::Hundreds);
    config.model.size = "micro".into();
    let shape = config.model.shape().expect("the size exists");
    let weights = Named(Fresh { seed: 1 });
    Networks::load(&shape, heads, &weights, device).expect("fresh weights fill every shape")
}

/// Fresh weights whose names may have a first word.
struct Named(Fresh);

impl dinoscope_model::Weights for Named {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, dinoscope_model::WeightsError> {
        self.0.get(name.trim_start_matches("backbone."), shape)
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
        let batches = std::slice::from_ref(&self.batch);
        let outcome = self
            .training
            .step(batches, self.step, &values, false, &mut rng);
        assert_eq!(outcome.broken, None, "the step is finite");
        self.step += 1;
    }
}

/// Reads `plain` or `ssl` a line, does one step, answers with its milliseconds.
fn main() {
    let device = Device::flex();
    let (mut plain, mut ssl) = (Plain::new(&device), Ssl::new(&device));
    let count: usize = plain.networks.read_params("").values().map(Vec::len).sum();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{count} parameters").expect("somebody listens");
    out.flush().expect("somebody listens");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("lines are text");
        let since = Instant::now();
        match line.trim() {
            "plain" => plain.step(),
            "ssl" => ssl.step(),
            _ => return,
        }
        writeln!(out, "{:.3}", since.elapsed().as_secs_f64() * 1e3).expect("somebody listens");
        out.flush().expect("somebody listens");
    }
}
