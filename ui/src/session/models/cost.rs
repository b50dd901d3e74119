//! What a network will cost here, told before it runs: patches, time, memory.
//!
//! Work is counted from the network's shape; speed comes from its last run on this device, or from a guess by the
//! kind of device until there was one.

use std::time::Duration;

use dinoscope_engine::device::Cpu;
use dinoscope_model::BackboneConfig;
use dinoscope_model::config::{ConvNextConfig, VitConfig};

/// Operations a second and core that the fused kernels reach, by vector instructions. Measured with AVX-512 (ViT-S/16,
/// 448 px: 45 billion in 0.26 s on two cores); the others in proportion to their width.
const PER_CORE: [(&str, f64); 3] = [("avx512", 8e10), ("avx2", 4.5e10), ("neon", 3e10)];
/// The same without vector instructions.
const PORTABLE: f64 = 8e9;
/// A graphics card of the middle class with kernels that nobody tuned.
const GPU: f64 = 2e12;

/// What one picture costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Patches of the picture.
    pub tokens: usize,
    /// Time in seconds.
    pub seconds: f64,
    /// Memory in bytes, weights included.
    pub bytes: u64,
    /// Whether the speed was measured on this device instead of guessed.
    pub is_measured: bool,
}

/// How fast networks run on the present device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speed {
    measured: Option<f64>,
}

impl Speed {
    /// Takes in that a picture of `input_px` took so long.
    pub(super) fn note(&mut self, config: &BackboneConfig, input_px: (u32, u32), took: Duration) {
        let seconds = took.as_secs_f64();
        if seconds > 1e-4 {
            self.measured = Some(work(config, input_px) / seconds);
        }
    }

    /// Operations a second, and whether they were measured.
    fn of(self, cpu: Option<&Cpu>) -> (f64, bool) {
        let guess = cpu.map_or(GPU, |cpu| {
            let known = PER_CORE.iter().find(|(simd, _)| *simd == cpu.simd);
            known.map_or(PORTABLE, |(_, speed)| *speed) * cpu.cores as f64
        });
        (self.measured.unwrap_or(guess), self.measured.is_some())
    }

    /// The cost of a picture of `input_px`; `cpu` is the processor if networks run there.
    pub(super) fn predict(
        self,
        (config, params): (&BackboneConfig, u64),
        input_px: (u32, u32),
        cpu: Option<&Cpu>,
    ) -> Cost {
        let (speed, is_measured) = self.of(cpu);
        Cost {
            tokens: patches(config, input_px),
            seconds: work(config, input_px) / speed,
            bytes: 4 * params + memory(config, input_px, cpu.is_some()),
            is_measured,
        }
    }
}

fn patches(config: &BackboneConfig, (width, height): (u32, u32)) -> usize {
    let patch = config.patch().max(1);
    (width as usize / patch) * (height as usize / patch)
}

/// Multiplications and additions of one run.
fn work(config: &BackboneConfig, input_px: (u32, u32)) -> f64 {
    match config {
        BackboneConfig::Vit(vit) => vit_work(vit, patches(config, input_px)),
        BackboneConfig::ConvNext(convnext) => convnext_work(convnext, input_px),
    }
}

fn vit_work(vit: &VitConfig, patches: usize) -> f64 {
    let (dim, hidden) = (vit.dim as f64, vit.ffn_hidden as f64);
    let tokens = (patches + vit.prefix()) as f64;
    let products = if vit.ffn.is_gated() { 3.0 } else { 2.0 };
    let linear = 2.0 * tokens * (4.0 * dim * dim + products * dim * hidden);
    let attention = 4.0 * tokens * tokens * dim;
    let embedding = 2.0 * patches as f64 * 3.0 * (vit.patch * vit.patch) as f64 * dim;
    vit.depth as f64 * (linear + attention) + embedding
}

fn convnext_work(convnext: &ConvNextConfig, (width, height): (u32, u32)) -> f64 {
    let stages = convnext.depths.iter().zip(convnext.dims).enumerate();
    let of_stage = |(stage, (&depth, dim)): (usize, (&usize, usize))| {
        let stride = f64::from(4_u32 << stage);
        let tokens = f64::from(width) * f64::from(height) / (stride * stride);
        let dim = dim as f64;
        depth as f64 * tokens * (2.0 * 49.0 * dim + 2.0 * 8.0 * dim * dim)
    };
    stages.map(of_stage).sum()
}

/// Bytes that the input and the largest step take. Only the fused kernels of the processor do without the attention
/// matrix.
fn memory(config: &BackboneConfig, input_px: (u32, u32), is_fused: bool) -> u64 {
    let pixels = 4 * 3 * u64::from(input_px.0) * u64::from(input_px.1);
    let step = match config {
        BackboneConfig::Vit(vit) => {
            let tokens = (patches(config, input_px) + vit.prefix()) as u64;
            let gates = if vit.ffn.is_gated() { 2 } else { 1 };
            let wide = (6 * vit.dim + gates * vit.ffn_hidden) as u64;
            let scores = if is_fused {
                0
            } else {
                2 * tokens * tokens * vit.heads as u64
            };
            4 * (tokens * wide + scores)
        }
        BackboneConfig::ConvNext(convnext) => {
            // The first stage has most pixels; its blocks widen them fourfold.
            let tokens = u64::from(input_px.0) * u64::from(input_px.1) / 16;
            4 * tokens * 7 * convnext.dims[0] as u64
        }
    };
    pixels + step
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_model::Variant;

    fn small() -> BackboneConfig {
        Variant::by_name("vits16").unwrap().config()
    }

    #[test]
    fn the_work_of_a_small_transformer_is_as_counted_by_hand() {
        // 784 patches and 5 tokens; 12 blocks.
        let tokens = 789.0_f64;
        let by_hand = 12.0
            * (2.0 * tokens * (4.0 * 384.0 * 384.0 + 2.0 * 384.0 * 1536.0)
                + 4.0 * tokens * tokens * 384.0)
            + 2.0 * 784.0 * 768.0 * 384.0;
        assert!((work(&small(), (448, 448)) / by_hand - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_measured_run_is_foretold_exactly_and_longer_ones_in_proportion() {
        let mut speed = Speed::default();
        assert!(
            !speed
                .predict((&small(), 21_601_152), (448, 448), None)
                .is_measured
        );
        speed.note(&small(), (448, 448), Duration::from_millis(264));
        let same = speed.predict((&small(), 21_601_152), (448, 448), None);
        assert!(same.is_measured && (same.seconds - 0.264).abs() < 1e-9);
        let larger = speed.predict((&small(), 21_601_152), (768, 768), None);
        // Measured: 1.33 s.
        assert!((larger.seconds - 1.33).abs() < 0.3, "{}", larger.seconds);
        assert_eq!(larger.tokens, 48 * 48);
    }

    #[test]
    fn attention_needs_memory_only_where_it_is_not_fused() {
        let (fused, plain) = (
            memory(&small(), (2048, 2048), true),
            memory(&small(), (2048, 2048), false),
        );
        assert!(plain - fused > 10 << 30, "{plain} {fused}");
        // Weights are 86 MB; the README's peak at 768 px is 137 MiB in all.
        let measured = 86_000_000 + memory(&small(), (768, 768), true);
        assert!((100_000_000..150_000_000).contains(&measured), "{measured}");
    }
}
