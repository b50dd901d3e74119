//! The golden cases of the analyses on the graphics device.

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::nearest::mutual;
use dinoscope_engine::analysis::{CancelToken, Compute, Pca, PcaBasis};

use super::gpu;
use crate::golden::Case;

fn map(case: &Case, name: &str) -> FeatureMap {
    let [rows, cols, dim] = case.shape(name)[..] else {
        panic!("{name} has three axes")
    };
    FeatureMap::new(rows, cols, dim, case.f32(name)).unwrap()
}

#[test]
fn golden_matches_hold_on_the_device() {
    let Some(gpu) = gpu() else { return };
    let case = Case::read("matching", "data.safetensors");
    let (a, b) = (
        map(&case, "input.features_a"),
        map(&case, "input.features_b"),
    );
    let found = gpu.nearest(&a, &b, &CancelToken::default()).unwrap();
    let pairs: Vec<f64> = mutual(&found)
        .iter()
        .enumerate()
        .filter(|(_, mutual)| **mutual)
        .flat_map(|(at, _)| [at as f64, f64::from(found.a_to_b.index[at])])
        .collect();
    assert_eq!(pairs, case.values("expected.mutual_pairs"));
    for (at, expected) in case
        .values("expected.similarity")
        .chunks(b.patches())
        .enumerate()
    {
        let largest = expected.iter().copied().fold(f64::MIN, f64::max);
        // The golden case allows 1e-5.
        assert!(
            (f64::from(found.a_to_b.similarity[at]) - largest).abs() < 1e-5,
            "patch {at}"
        );
    }
}

#[test]
fn golden_components_hold_on_the_device() {
    let Some(gpu) = gpu() else { return };
    let case = Case::read("pca", "data.safetensors");
    let count = case
        .names()
        .filter(|name| name.starts_with("input.features_"))
        .count();
    let maps: Vec<FeatureMap> = (0..count)
        .map(|i| map(&case, &format!("input.features_{i}")))
        .collect();
    let masks: Vec<Vec<bool>> = (0..count)
        .map(|i| {
            case.values(&format!("input.foreground_{i}"))
                .iter()
                .map(|&v| v > 0.5)
                .collect()
        })
        .collect();
    let compute = Compute::gpu(gpu.clone());
    let settings = Pca {
        whiten: true,
        ..Pca::default()
    };
    for (run, masks) in [("all", None), ("foreground", Some(&masks[..]))] {
        let found = settings.maps(&maps, masks, None, &compute).unwrap();
        let expected = case.f32(&format!("{run}.expected.components"));
        let signs = signs(&found.basis, &expected);
        for (i, map) in found.maps.iter().enumerate() {
            let turned: Vec<f32> = map
                .values
                .iter()
                .zip(signs.iter().cycle())
                .map(|(value, sign)| value * sign)
                .collect();
            case.check(
                &format!("{run}.expected.whitened_{i}"),
                &turned,
                (2e-3, 0.0),
            );
        }
    }
    assert_eq!(compute.failure(), None);
}

fn signs(basis: &PcaBasis, expected: &[f32]) -> Vec<f32> {
    let sign = |i: usize| {
        let expected = &expected[i * basis.dim()..][..basis.dim()];
        let products = basis.component(i).iter().zip(expected).map(|(a, b)| a * b);
        1.0_f32.copysign(products.sum())
    };
    (0..3).map(sign).collect()
}

#[test]
fn golden_resized_features_hold_on_both_roads() {
    let case = Case::read("gram_downsample", "data.safetensors");
    let grids = case.json["grids"].as_array().unwrap();
    for grid in grids {
        let [from, to] = ["from", "to"].map(|side| grid[side].as_u64().unwrap() as usize);
        let name = |kind: &str| format!("from{from}_to{to}.{kind}.patches");
        let [images, patches, dim] = case.shape(&name("input"))[..] else {
            panic!("three axes")
        };
        assert_eq!(patches, from * from);
        let values = case.f32(&name("input"));
        for road in [
            Some(Compute::cpu()),
            gpu().map(|gpu| Compute::gpu(gpu.clone())),
        ] {
            let Some(compute) = road else { continue };
            let mut found = Vec::new();
            for image in values.chunks_exact(patches * dim) {
                let map = FeatureMap::new(from, from, dim, image.to_vec()).unwrap();
                found.extend(compute.resize_features(&map, (to, to)).unwrap());
            }
            assert_eq!(found.len(), images * to * to * dim);
            case.check(&name("expected"), &found, case.tolerance());
            assert_eq!(compute.failure(), None);
        }
    }
}
