//! Every kernel against its CPU twin, on whatever Vulkan there is: lavapipe in CI, a real card elsewhere.

mod display;
mod golden;
mod limits;
mod registry;
mod twins;
mod views;
mod wgsl;

use std::sync::OnceLock;

use dinoscope_engine::FeatureMap;
use dinoscope_engine::device::adapters;
use dinoscope_engine::gpu::{Gpu, Options};

/// The device of these tests, or `None` on a machine without any driver.
pub(crate) fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let start = || (!adapters().is_empty()).then(|| Gpu::headless(&Options::default()).unwrap());
    let gpu = GPU.get_or_init(start).as_ref();
    // scripts/test installs lavapipe where it can; without any driver there is nothing to compare.
    assert!(
        gpu.is_some() || std::env::var_os("CI").is_none(),
        "no Vulkan adapter in CI"
    );
    gpu
}

/// Numbers in [-1, 1) that look random and are the same everywhere.
pub(crate) fn scattered(count: usize, seed: u64) -> Vec<f32> {
    let number = |at: usize| {
        // The finalizer of SplitMix64.
        let mut bits = (at as u64 + 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    (0..count).map(number).collect()
}

/// A map of such numbers around an offset, as features have one.
pub(crate) fn map(rows: usize, cols: usize, dim: usize, seed: u64) -> FeatureMap {
    let values: Vec<f32> = scattered(rows * cols * dim, seed)
        .into_iter()
        .map(|value| value + 0.25)
        .collect();
    FeatureMap::new(rows, cols, dim, values).unwrap()
}

/// Fails at the first pair that differs by more than `allowed`; NaN equals NaN.
pub(crate) fn assert_close(what: &str, found: &[f32], expected: &[f32], allowed: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found.is_nan() && expected.is_nan()
            || found.to_bits() == expected.to_bits()
            || (found - expected).abs() <= allowed;
        assert!(
            same,
            "{what}[{at}]: {found} on the GPU, {expected} on the CPU, {allowed} allowed"
        );
    }
}
