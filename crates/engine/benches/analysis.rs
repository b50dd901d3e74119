//! Speed of the analyses on the CPU, beside what this machine can do at most.
//!
//! Output: times and bytes a second. A map is read once by a cosine and by a projection: `plain_pass` is the sum of the
//! same bytes, the measure of both. `nearest` multiplies two matrices: `sgemm` is the product alone.
//! Run: `cargo bench --workspace --bench analysis`. Ratios on a busy machine need several runs.

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::clusters::{CpuSteps, KMeans};
use dinoscope_engine::analysis::cosine::cosine;
use dinoscope_engine::analysis::nearest::nearest;
use dinoscope_engine::analysis::projection::project;
use dinoscope_engine::analysis::{BasisOrigin, PcaBasis};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Arch;
use rayon::prelude::*;

fn main() {
    divan::main();
}

/// Uniform in [-1, 1), the same in every run.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let value = |index: u64| {
        // The finalizer of SplitMix64: neighboring counters give unrelated bits.
        let mut bits = (index ^ (seed << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count as u64).map(value).collect()
}

fn map([rows, cols, dim]: [usize; 3], seed: u64) -> FeatureMap {
    FeatureMap::new(rows, cols, dim, noise(rows * cols * dim, seed)).expect("noise is finite")
}

fn basis(dim: usize, components: usize) -> PcaBasis {
    PcaBasis {
        mean: noise(dim, 3),
        components: noise(components * dim, 4),
        explained_variance: vec![1.0; components],
        explained_variance_ratio: vec![0.1; components],
        origin: BasisOrigin::default(),
    }
}

fn bytes(maps: &[FeatureMap]) -> BytesCount {
    BytesCount::new(
        maps.iter()
            .map(|map| size_of_val(map.values()))
            .sum::<usize>(),
    )
}

/// Sum of all values, as fast as they can be read.
fn plain_pass(bencher: Bencher<'_, '_>, shape: [usize; 3]) {
    let map = map(shape, 1);
    let sum = |values: &[f32]| {
        Arch::new().dispatch(|| {
            let mut sums = [0.0; 128];
            for block in values.as_chunks::<128>().0 {
                for (sum, value) in sums.iter_mut().zip(block) {
                    *sum += value;
                }
            }
            sums.iter().sum::<f32>()
        })
    };
    bencher
        .counter(bytes(std::slice::from_ref(&map)))
        .bench(|| map.values().par_chunks(1 << 16).map(sum).sum::<f32>());
}

#[divan::bench]
fn plain_pass_64x64x384(bencher: Bencher<'_, '_>) {
    plain_pass(bencher, [64, 64, 384]);
}

#[divan::bench]
fn plain_pass_128x128x768(bencher: Bencher<'_, '_>) {
    plain_pass(bencher, [128, 128, 768]);
}

#[divan::bench]
fn plain_pass_256x256x1024(bencher: Bencher<'_, '_>) {
    plain_pass(bencher, [256, 256, 1024]);
}

fn cosine_map(bencher: Bencher<'_, '_>, shape: [usize; 3]) {
    let (map, query) = (map(shape, 1), noise(shape[2], 2));
    bencher
        .counter(bytes(std::slice::from_ref(&map)))
        .bench(|| cosine(&map, black_box(&query)));
}

#[divan::bench]
fn cosine_map_64x64x384(bencher: Bencher<'_, '_>) {
    cosine_map(bencher, [64, 64, 384]);
}

#[divan::bench]
fn cosine_map_128x128x768(bencher: Bencher<'_, '_>) {
    cosine_map(bencher, [128, 128, 768]);
}

#[divan::bench]
fn cosine_map_256x256x1024(bencher: Bencher<'_, '_>) {
    cosine_map(bencher, [256, 256, 1024]);
}

fn pca_project(bencher: Bencher<'_, '_>, shape: [usize; 3]) {
    let (map, basis) = (map(shape, 1), basis(shape[2], 3));
    bencher
        .counter(bytes(std::slice::from_ref(&map)))
        .bench(|| project(&map, black_box(&basis), &[0, 1, 2]));
}

#[divan::bench]
fn pca_project_64x64x384(bencher: Bencher<'_, '_>) {
    pca_project(bencher, [64, 64, 384]);
}

#[divan::bench]
fn pca_project_128x128x768(bencher: Bencher<'_, '_>) {
    pca_project(bencher, [128, 128, 768]);
}

#[divan::bench]
fn pca_project_256x256x1024(bencher: Bencher<'_, '_>) {
    pca_project(bencher, [256, 256, 1024]);
}

fn pca_fit(bencher: Bencher<'_, '_>, pictures: u64, shape: [usize; 3]) {
    let maps: Vec<FeatureMap> = (0..pictures).map(|seed| map(shape, seed)).collect();
    bencher
        .counter(bytes(&maps))
        .bench(|| PcaBasis::fit(black_box(&maps), None, 3));
}

#[divan::bench]
fn pca_fit_4x32x32x384(bencher: Bencher<'_, '_>) {
    pca_fit(bencher, 4, [32, 32, 384]);
}

#[divan::bench(sample_count = 20)]
fn pca_fit_64x64x1024(bencher: Bencher<'_, '_>) {
    pca_fit(bencher, 1, [64, 64, 1024]);
}

#[divan::bench(sample_count = 7)]
fn nearest_64x64x1024(bencher: Bencher<'_, '_>) {
    let maps = [map([64, 64, 1024], 1), map([64, 64, 1024], 2)];
    bencher
        .counter(bytes(&maps))
        .bench(|| nearest(black_box(&maps[0]), &maps[1]));
}

#[divan::bench(sample_count = 7)]
fn sgemm_4096x4096x1024(bencher: Bencher<'_, '_>) {
    const SIDE: usize = 4096;
    const DIM: usize = 1024;
    let maps = [map([64, 64, DIM], 1), map([64, 64, DIM], 2)];
    let [a, b] = [0, 1].map(|at: usize| MatRef::from_row_major_slice(maps[at].values(), SIDE, DIM));
    let mut out = vec![0.0; SIDE * SIDE];
    bencher.counter(bytes(&maps)).bench_local(|| {
        let out = MatMut::from_row_major_slice_mut(&mut out, SIDE, SIDE);
        matmul(out, Accum::Replace, a, b.transpose(), 1.0, Par::rayon(0));
    });
}

#[divan::bench(sample_count = 20)]
fn kmeans_4x32x32x384(bencher: Bencher<'_, '_>) {
    let maps: Vec<FeatureMap> = (0..4).map(|seed| map([32, 32, 384], seed)).collect();
    let settings = KMeans {
        clusters: 8,
        spherical: false,
        rounds: 10,
        tolerance: 0.0,
        ..KMeans::default()
    };
    let seeds = &maps[0].values()[..8 * 384];
    bencher
        .counter(bytes(&maps))
        .bench(|| settings.cluster_from(black_box(&maps), seeds, &CpuSteps));
}
