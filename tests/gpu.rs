//! Networks on burn-wgpu against the CPU, on whatever Vulkan there is: lavapipe in CI, a real card elsewhere.

use burn::tensor::{Tensor, TensorData};
use dinoscope_engine::device::adapters;
use dinoscope_engine::{ComputeDevice, DeviceChoice};
use dinoscope_model::config::{
    AttentionBias, BackboneConfig, ConvNextConfig, Ffn, RopeConfig, VitConfig,
};
use dinoscope_model::{Backbone, Fresh, Norm};

/// Tokens of the last layer on a device: class token, then patches.
fn tokens(
    config: &BackboneConfig,
    device: &ComputeDevice,
    [height, width]: [usize; 2],
) -> Vec<f32> {
    let network = Backbone::load(config, &Loud(Fresh { seed: 7 }), &device.placement()).unwrap();
    let pixels: Vec<f32> = (0..2 * 3 * height * width)
        .map(|i| ((i % 1009) as f32 * 0.37).sin())
        .collect();
    let images = Tensor::<4>::from_data(
        TensorData::new(pixels, [2, 3, height, width]),
        device.burn(),
    );
    let last = config.layers() - 1;
    let layer = network.features(images, &[last], Norm::Final).remove(0);
    let mut values: Vec<f32> = layer.cls.into_data().try_to_vec().unwrap();
    values.extend(layer.patches.into_data().try_to_vec::<f32>().unwrap());
    values
}

/// A fresh network whose layer scales are large enough for every part to show in the output.
struct Loud(Fresh);

impl dinoscope_model::Weights for Loud {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, dinoscope_model::WeightsError> {
        let mut values = self.0.get(name, shape)?;
        if name.ends_with("gamma") {
            values.fill(0.3);
        } else if shape.len() > 1 {
            for value in &mut values {
                *value *= 3.0;
            }
        }
        Ok(values)
    }
}

fn vit(ffn: Ffn) -> BackboneConfig {
    BackboneConfig::Vit(VitConfig {
        dim: 64,
        depth: 2,
        heads: 2,
        ffn,
        ffn_hidden: 128,
        patch: 16,
        registers: 4,
        attention_bias: AttentionBias::MASKED_KEY,
        ffn_bias: true,
        norm_eps: 1e-5,
        rope: RopeConfig::default(),
        local_cls_norm: false,
    })
}

#[test]
fn the_gpu_gives_the_features_of_the_cpu() {
    if adapters().is_empty() {
        // scripts/test installs lavapipe where it can; without any driver there is nothing to compare.
        assert!(std::env::var_os("CI").is_none(), "no Vulkan adapter in CI");
        return;
    }
    let (cpu, gpu) = (
        ComputeDevice::cpu(),
        ComputeDevice::open(DeviceChoice::Gpu(None)).unwrap(),
    );
    let convnext = ConvNextConfig {
        depths: [1, 1, 2, 1],
        dims: [8, 16, 24, 32],
        norm_eps: 1e-6,
    };
    let cases = [
        (vit(Ffn::Mlp), [48, 80]),
        (vit(Ffn::SwiGlu), [32, 64]),
        (BackboneConfig::ConvNext(convnext), [64, 96]),
    ];
    for (config, size) in cases {
        let (expected, found) = (tokens(&config, &cpu, size), tokens(&config, &gpu, size));
        let largest = expected
            .iter()
            .fold(0.0_f32, |most, value| most.max(value.abs()));
        assert_eq!(expected.len(), found.len());
        for (i, (e, f)) in expected.iter().zip(&found).enumerate() {
            // Sums in another order: 4e-6 of the largest value was seen on lavapipe.
            assert!(
                (e - f).abs() <= 2e-5 * largest,
                "{}: token value {i}: {f} on the GPU, {e} on the CPU",
                config.family()
            );
        }
    }
}
