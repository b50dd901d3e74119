//! Five whole steps against the golden case `train_steps`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use dinoscope_engine::{ComputeDevice, DeviceChoice};
use dinoscope_model::config::{
    AttentionBias, BackboneConfig, Ffn, RopeConfig, RopeCoords, RopePeriods, VitConfig,
};
use dinoscope_model::{HeadConfig, Params};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::*;
use crate::block_masks::BlockMasks;
use crate::networks::{HeadConfigs, Networks};
use crate::optimizer::{AdamW, AdamWConfig, Grouping};
use crate::schedule::Values;

struct Case {
    json: Value,
    bytes: Vec<u8>,
}

impl Case {
    fn open() -> Self {
        let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
            PathBuf::from,
        );
        let folder = folder.join("train_steps");
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
        Self {
            json: serde_json::from_slice(&read("case.json")).unwrap(),
            bytes: read("data.safetensors"),
        }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap()
    }

    fn numbers(&self, name: &str) -> (Vec<usize>, Vec<f64>) {
        let tensors = self.tensors();
        let view = tensors.tensor(name).unwrap();
        let bytes = view.data();
        let values = match view.dtype() {
            Dtype::F32 => {
                let words = bytes.as_chunks::<4>().0.iter();
                words.map(|b| f64::from(f32::from_le_bytes(*b))).collect()
            }
            Dtype::F64 => {
                let words = bytes.as_chunks::<8>().0.iter();
                words.map(|b| f64::from_le_bytes(*b)).collect()
            }
            _ => bytes.iter().map(|&b| f64::from(b)).collect(),
        };
        (view.shape().to_vec(), values)
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let (_, values) = self.numbers(name);
        values.into_iter().map(|value| value as f32).collect()
    }

    fn images(&self, name: &str) -> Tensor<4> {
        let (shape, _) = self.numbers(name);
        let data = TensorData::new(self.floats(name), shape);
        Tensor::from_data(data, &Device::flex())
    }

    /// All tensors whose names start with `prefix`, without it; the key's biases are zero.
    fn weights(&self, prefix: &str) -> BTreeMap<String, Vec<f32>> {
        let names = self.tensors();
        let names = names.names().into_iter();
        let mut weights: BTreeMap<_, _> = names
            .filter_map(|name| Some((name.strip_prefix(prefix)?.to_owned(), self.floats(name))))
            .filter(|(name, _)| !name.ends_with("bias_mask") && !name.contains("rope_embed"))
            .collect();
        for (name, values) in &mut weights {
            if name.ends_with("attn.qkv.bias") {
                let third = values.len() / 3;
                values[third..2 * third].fill(0.0);
            }
        }
        weights
    }

    fn size(&self, part: &str, key: &str) -> usize {
        let value = &self.json["architecture"];
        let value = if part.is_empty() {
            &value[key]
        } else {
            &value[part][key]
        };
        usize::try_from(value.as_u64().unwrap()).unwrap()
    }

    fn config(&self) -> BackboneConfig {
        let size = |key: &str| self.size("", key);
        BackboneConfig::Vit(VitConfig {
            dim: size("embed_dim"),
            depth: size("depth"),
            heads: size("num_heads"),
            ffn: Ffn::Mlp,
            ffn_hidden: 4 * size("embed_dim"),
            patch: size("patch_size"),
            registers: size("storage_tokens"),
            attention_bias: AttentionBias::MASKED_KEY,
            ffn_bias: true,
            norm_eps: 1e-5,
            rope: RopeConfig {
                periods: RopePeriods::Stored(
                    self.floats("weight.initial.backbone.rope_embed.periods"),
                ),
                coords: RopeCoords::Separate,
            },
            local_cls_norm: false,
        })
    }

    fn heads(&self) -> HeadConfigs {
        let size = |key: &str| self.size("heads", key);
        let head = HeadConfig {
            inputs: self.size("", "embed_dim"),
            hidden: size("hidden"),
            bottleneck: size("bottleneck"),
            prototypes: size("prototypes"),
            layers: size("layers"),
        };
        HeadConfigs {
            dino: head,
            ibot: head,
        }
    }

    fn batch(&self, step: usize) -> Batch {
        let name = |part: &str| format!("input.step{step}.{part}");
        let (shape, masks) = self.numbers(&name("masks"));
        let masks: Vec<bool> = masks.into_iter().map(|mask| mask > 0.0).collect();
        let indices: Vec<usize> = (0..masks.len()).filter(|&at| masks[at]).collect();
        let weights = masks.chunks(shape[1]).flat_map(|mask| {
            let count = mask.iter().filter(|&&hidden| hidden).count();
            std::iter::repeat_n(1.0 / count as f32, count)
        });
        Batch {
            pictures: shape[0] / 2,
            global: self.images(&name("global_crops")),
            local: Some(self.images(&name("local_crops"))),
            gram: None,
            masks: BlockMasks {
                weights: weights.collect(),
                masks,
                indices,
            },
        }
    }
}

/// The start of the case on the CPU.
fn start(case: &Case) -> SelfSupervised {
    start_on(case, &Device::flex())
}

/// The start of the case.
fn start_on(case: &Case, device: &Device) -> SelfSupervised {
    let weights = case.weights("weight.initial.");
    let load = |device: &Device| {
        Networks::load(&case.config(), Some(&case.heads()), &weights, device).unwrap()
    };
    SelfSupervised {
        student: load(&device.clone().autodiff()),
        teacher: load(device),
        average: None,
        gram: None,
        gram_taken: 0,
        adamw: AdamW::new(AdamWConfig::default(), Grouping::default(), 2),
        settings: Settings {
            rope: RopeJitter {
                rescale: 1.0,
                ..RopeJitter::default()
            },
            clip: 0.0,
            ..Settings::default()
        },
        only_heads: false,
    }
}

fn values() -> Values {
    Values {
        lr: 1e-3,
        last_layer_lr: 1e-3,
        weight_decay: 0.04,
        momentum: 0.9,
        teacher_temp: 0.07,
        gram_weight: 0.0,
        local_weight: 1.0,
    }
}

/// A step that asks for no readings.
fn stepped(
    training: &mut SelfSupervised,
    batches: &[Batch],
    step: u64,
    rng: &mut ChaCha8Rng,
) -> Outcome {
    let again = || batches.to_vec();
    training.step(again(), &again, (step, &values()), false, rng)
}

#[test]
fn five_steps_give_the_losses_and_weights_of_the_reference() {
    let case = Case::open();
    let mut training = start(&case);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let names = ["dino_global", "dino_local", "ibot", "koleo", "total"];
    let expected = names.map(|name| case.numbers(&format!("expected.loss.{name}")).1);
    let parts = ["backbone", "dino_head", "ibot_head"];
    let norms = parts.map(|part| case.numbers(&format!("expected.grad_norm.{part}")).1);
    for step in 0..5 {
        let outcome = stepped(&mut training, &[case.batch(step)], step as u64, &mut rng);
        assert_eq!(outcome.broken, None);
        let allowed = if step == 0 { 1e-5 } else { 1e-4 };
        for (name, expected) in names.iter().zip(&expected) {
            let (found, expected) = (outcome.losses[name], expected[step]);
            assert!(
                (found - expected).abs() <= allowed * expected.abs(),
                "step {step}, {name}: {found}, expected {expected}"
            );
        }
        for (part, expected) in parts.iter().zip(&norms) {
            let (found, expected) = (outcome.norms[*part], expected[step]);
            assert!(
                (found - expected).abs() <= 1e-3 * expected,
                "step {step}, gradient of {part}: {found}, expected {expected}"
            );
        }
    }
    for (network, who) in [
        (&training.student, "student"),
        (&training.teacher, "teacher"),
    ] {
        let expected = case.weights(&format!("expected.final.{who}."));
        let (mut sum, mut outliers, mut count) = (0.0, 0, 0_i32);
        for (name, found) in network.read_params("") {
            let expected = &expected[&name];
            for (found, expected) in found.iter().zip(expected) {
                let off = f64::from((found - expected).abs());
                assert!(off <= 1e-3, "{who} {name}: {found}, expected {expected}");
                sum += off;
                outliers += i32::from(off > 1e-4);
                count += 1;
            }
        }
        let mean = sum / f64::from(count);
        assert!(mean <= 2e-6, "{who}: {mean} off on average");
        assert!(outliers * 1000 <= count, "{who}: {outliers} outliers");
    }
}

#[test]
fn three_steps_on_a_graphics_device_equal_those_on_the_cpu() {
    // Software Vulkan where there is no card: scripts/test installs it.
    let gpu = ComputeDevice::open(DeviceChoice::Gpu(None)).unwrap();
    let case = Case::open();
    let runs = [Device::flex(), gpu.burn().clone()].map(|device| {
        let mut training = start_on(&case, &device);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let steps = (0..3).map(|step| {
            let mut batch = case.batch(step);
            batch.global = batch.global.to_device(&device);
            batch.local = batch.local.map(|local| local.to_device(&device));
            let outcome = stepped(&mut training, &[batch], step as u64, &mut rng);
            assert_eq!(outcome.broken, None);
            (outcome.losses, outcome.norms)
        });
        steps.collect::<Vec<_>>()
    });
    for ((losses, norms), (expected, expected_norms)) in runs[1].iter().zip(&runs[0]) {
        for (name, loss) in losses {
            // The tolerance of the case for steps after the first.
            let off = (loss - expected[name]).abs();
            assert!(
                off <= 1e-4 * expected[name].abs(),
                "{name}: {loss} {}",
                expected[name]
            );
        }
        for (part, norm) in norms {
            let expected = expected_norms[part];
            assert!(
                (norm - expected).abs() <= 1e-3 * expected,
                "{part}: {norm} {expected}"
            );
        }
    }
}

#[test]
fn the_first_gradients_are_those_of_the_reference() {
    let case = Case::open();
    let training = start(&case);
    let batch = case.batch(0);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let gradients = training.gradients(&batch, &values(), &mut rng);
    let mut seen = 0;
    for (name, value) in training.student.read_params("") {
        let (shape, expected) = case.numbers(&format!("grad.step0.{name}"));
        let found: Vec<f32> = gradients
            .get(&name)
            .unwrap()
            .clone()
            .into_data()
            .try_to_vec()
            .unwrap();
        assert_eq!(found.len(), value.len());
        let transposed = shape.len() == 2 && !name.contains("token") || shape.len() == 4;
        let (rows, columns) = (shape[0], value.len() / shape[0]);
        for (i, expected) in expected.iter().enumerate() {
            // Linear layers hold their weights by inputs.
            let at = if transposed {
                i % columns * rows + i / columns
            } else {
                i
            };
            let found = f64::from(found[at]);
            assert!(
                (found - expected).abs() <= 1e-5 + 1e-3 * expected.abs(),
                "{name}[{i}]: {found}, expected {expected}"
            );
            seen += 1;
        }
    }
    assert!(seen > 50_000, "{seen} values");
}

#[test]
fn two_batches_of_half_the_pictures_learn_what_one_of_all_does() {
    let case = Case::open();
    let whole = case.batch(0);
    let halves = [0, 2].map(|first| half(&whole, first));
    let mut outcomes = Vec::new();
    for batches in [vec![whole], halves.to_vec()] {
        let mut training = start(&case);
        // Neighbours are looked for within a batch.
        training.settings.koleo_weight = 0.0;
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let outcome = stepped(&mut training, &batches, 0, &mut rng);
        outcomes.push((outcome.losses["total"], outcome.norms["backbone"]));
    }
    let [(loss, norm), (other_loss, other_norm)] = outcomes[..] else {
        panic!("two runs");
    };
    assert!(
        (loss - other_loss).abs() < 1e-5 * loss,
        "{loss} {other_loss}"
    );
    assert!(
        (norm - other_norm).abs() < 1e-4 * norm,
        "{norm} {other_norm}"
    );
}

/// Two of the four pictures.
fn half(batch: &Batch, first: usize) -> Batch {
    let pictures = batch.pictures;
    let pick = |crops: &Tensor<4>| {
        let [rows, ..] = crops.dims();
        let parts = (0..rows / pictures)
            .map(|crop| crops.clone().narrow(0, crop * pictures + first, 2))
            .collect();
        Tensor::cat(parts, 0)
    };
    let patches = batch.masks.masks.len() / (2 * pictures);
    let masks: Vec<bool> = [0, pictures]
        .iter()
        .flat_map(|crop| batch.masks.masks[(crop + first) * patches..][..2 * patches].to_vec())
        .collect();
    let indices: Vec<usize> = (0..masks.len()).filter(|&at| masks[at]).collect();
    let weights = masks.chunks(patches).flat_map(|mask| {
        let count = mask.iter().filter(|&&hidden| hidden).count();
        std::iter::repeat_n(1.0 / count as f32, count)
    });
    Batch {
        pictures: 2,
        global: pick(&batch.global),
        local: batch.local.as_ref().map(pick),
        gram: None,
        masks: BlockMasks {
            weights: weights.collect(),
            masks,
            indices,
        },
    }
}

#[test]
fn a_picture_that_is_not_a_number_teaches_nothing_and_is_named() {
    let case = Case::open();
    let mut training = start(&case);
    let before = training.student.read_params("");
    let mut batch = case.batch(0);
    batch.global = batch.global * f32::NAN;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let outcome = stepped(&mut training, &[batch], 0, &mut rng);
    let broken = outcome.broken.expect("the loss is not finite");
    assert!(broken.what.starts_with("loss "), "{}", broken.what);
    assert_eq!(broken.module, "the pictures of the batch");
    assert_eq!(training.student.read_params(""), before);
    assert_eq!(training.adamw.count(), 0);
}
