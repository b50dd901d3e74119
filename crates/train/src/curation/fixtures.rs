//! What the tests of this folder share: noise, separated groups of rows, safetensors with any header.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `[rows, dim]` values in [−1, 1).
pub(super) fn noise(rows: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..rows * dim)
        .map(|_| rng.random_range(-1.0..1.0_f32))
        .collect()
}

/// `[rows, dim]` rows around `groups` random centers, and the group of each row; `spread` against centers of about 1.
pub(super) fn blobs(
    rows: usize,
    dim: usize,
    groups: usize,
    spread: f32,
    seed: u64,
) -> (Vec<f32>, Vec<u32>) {
    let centers = noise(groups, dim, seed);
    let mut values = noise(rows, dim, seed + 1);
    let labels: Vec<u32> = (0..rows).map(|row| (row * 7 % groups) as u32).collect();
    for (row, &label) in values.chunks_exact_mut(dim).zip(&labels) {
        let center = &centers[label as usize * dim..][..dim];
        for (value, center) in row.iter_mut().zip(center) {
            *value = center + spread * *value;
        }
    }
    (values, labels)
}

/// Cosine of two rows in f64.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Writes a header and bytes as a safetensors file, whether they fit together or not.
pub(super) fn write_raw(path: &Path, header: &str, bytes: &[u8]) {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(bytes);
    std::fs::write(path, file).unwrap();
}

/// Writes one tensor `features`.
pub(super) fn write_table(path: &Path, dtype: &str, rows: usize, dim: usize, bytes: &[u8]) {
    let len = bytes.len();
    let header = format!(
        r#"{{"features":{{"dtype":"{dtype}","shape":[{rows},{dim}],"data_offsets":[0,{len}]}}}}"#
    );
    write_raw(path, &header, bytes);
}

/// Runs something on so many threads.
pub(super) fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(run)
}
