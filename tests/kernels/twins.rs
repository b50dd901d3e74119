//! Kernels over features, with random input of every awkward size.
//!
//! Tolerances: both sides add the same f32 products in another order. For a sum of n products of size s the difference
//! grows like s·√n·6e-8; what is allowed below is ten times that or more, and a thousandth of any real mistake.

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::nearest::{Neighbours, nearest};
use dinoscope_engine::analysis::refine::soft_offset;
use dinoscope_engine::analysis::similarity::{cosine, cosine_max, exclude, unit_patches};
use dinoscope_engine::analysis::{CancelToken, Context, matching::Side};
use dinoscope_engine::analysis::{
    Match, Patch, PcaBasis, ScalarMap, channels, clusters, logistic, norms, pca, prompts, resample,
};
use dinoscope_engine::gpu::{Gpu, Options};

use super::{assert_close, gpu, map, scattered};

/// Kernels that have a test in this file.
pub(super) const TESTED: &[&str] = &[
    "lengths",
    "cosine",
    "cosine_max",
    "exclude",
    "weighted_sum",
    "sum_slices",
    "channel_moments",
    "project",
    "resize_features",
    "nearest",
    "cycle",
    "window_cosines",
    "soft_offset",
    "assign",
    "cluster_sum",
];

/// Rows, columns, channels: one patch, one row, odd sides, channels that are no multiple of four, a real size.
const SIZES: [(usize, usize, usize); 6] = [
    (1, 1, 1),
    (1, 37, 5),
    (7, 13, 6),
    (97, 61, 33),
    (2, 2, 1000),
    (32, 32, 384),
];

/// More than 65,535 workgroups of eight patches.
const MANY: (usize, usize, usize) = (725, 724, 3);

fn sizes() -> impl Iterator<Item = (usize, usize, usize)> {
    SIZES.into_iter().chain([MANY])
}

#[test]
fn lengths_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes() {
        let map = map(rows, cols, dim, 1);
        let allowed = 1e-6 * (dim as f32).sqrt();
        let (found, expected) = (gpu.lengths(&map).unwrap(), norms::lengths(&map));
        assert_close(
            &format!("lengths {rows}x{cols}x{dim}"),
            &found,
            &expected,
            allowed,
        );
    }
}

#[test]
fn cosines_and_probabilities_equal_their_twins() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes() {
        let map = map(rows, cols, dim, 2);
        let query = unit_patches(&map, &[Patch::from_index(rows * cols / 2, cols)]).unwrap();
        let what = format!("cosine {rows}x{cols}x{dim}");
        let (found, expected) = (
            gpu.cosine(&map, &query[0]).unwrap(),
            cosine(&map, &query[0]),
        );
        assert_eq!((found.rows, found.cols), (rows, cols));
        assert_close(&what, &found.values, &expected.values, 2e-6);
        let found = gpu.logistic(&map, &query[0], -0.3).unwrap();
        let expected = logistic::logistic(&map, &query[0], -0.3);
        assert_close(&what, &found.values, &expected.values, 2e-6);
    }
}

#[test]
fn a_zero_patch_has_the_cosine_zero() {
    let Some(gpu) = gpu() else { return };
    let map = FeatureMap::new(1, 2, 3, vec![0.0, 0.0, 0.0, 0.0, 2.0, 0.0]).unwrap();
    let found = gpu.cosine(&map, &[0.0, 1.0, 0.0]).unwrap();
    assert_eq!(found.values, [0.0, 1.0]);
}

#[test]
fn the_best_of_many_prompts_equals_its_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes() {
        let map = map(rows, cols, dim, 3);
        for (positives, negatives) in [(1, 0), (3, 2), (8, 1), (9, 20)] {
            let unit = |count: usize, step: usize| {
                let patch = |i: usize| Patch::from_index(i * step % (rows * cols), cols);
                let patches: Vec<Patch> = (0..count).map(patch).collect();
                unit_patches(&map, &patches).unwrap()
            };
            let (positive, negative) = (unit(positives, 5), unit(negatives, 11));
            let found = gpu.cosine_max(&map, &positive, &negative, 0.7).unwrap();
            let expected = cosine_max(&map, &positive, &negative, 0.7);
            let what = format!("cosine_max {rows}x{cols}x{dim}, {positives} and {negatives}");
            assert_close(&what, &found.values, &expected.values, 4e-6);
        }
    }
}

#[test]
fn excluded_discs_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    // The last one has more than 65,535 workgroups of 64 patches.
    for (rows, cols) in [(1, 1), (1, 37), (7, 13), (97, 61), (2100, 2000)] {
        let mut expected = ScalarMap {
            rows,
            cols,
            values: scattered(rows * cols, 4),
        };
        expected.values[0] = f32::NAN;
        let centres = [0, rows * cols / 2, rows * cols - 1].map(|at| Patch::from_index(at, cols));
        for radius in [0.0, 1.0, 2.5] {
            let found = gpu.exclude(&expected, &centres, radius).unwrap();
            exclude(&mut expected, &centres, radius);
            let what = format!("exclude {rows}x{cols}, radius {radius}");
            assert_close(&what, &found.values, &expected.values, 0.0);
        }
    }
}

#[test]
fn weighted_sums_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes() {
        let map = map(rows, cols, dim, 5);
        let patches = rows * cols;
        // Weights of a region: they add up to one, and many are zero.
        let mut weights = scattered(patches, 6);
        for weight in &mut weights {
            *weight = weight.max(0.0) / patches as f32;
        }
        weights[patches / 2] = 1.0;
        let found = gpu.weighted_sum(&map, &weights).unwrap();
        let expected = prompts::weighted_sum(&map, &weights);
        assert_close(
            &format!("weighted_sum {rows}x{cols}x{dim}"),
            &found,
            &expected,
            2e-6,
        );
    }
}

#[test]
fn channel_moments_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes() {
        let map = map(rows, cols, dim, 7);
        let (found, expected) = (gpu.channel_moments(&map).unwrap(), channels::moments(&map));
        let what = format!("channel_moments {rows}x{cols}x{dim}");
        assert_close(&what, &found.mean, &expected.mean, 2e-6);
        // The root of a small difference: an error of 1e-7 in the variance of equal values is 3e-4 here.
        assert_close(&what, &found.deviation, &expected.deviation, 5e-4);
        assert_close(
            &what,
            &found.largest_magnitude,
            &expected.largest_magnitude,
            0.0,
        );
    }
    // A large common offset costs no digits.
    let values = scattered(300 * 8, 8)
        .iter()
        .map(|value| value + 1000.0)
        .collect::<Vec<_>>();
    let map = FeatureMap::new(20, 15, 8, values).unwrap();
    let (found, expected) = (gpu.channel_moments(&map).unwrap(), channels::moments(&map));
    assert_close(
        "offset deviation",
        &found.deviation,
        &expected.deviation,
        1e-4,
    );
}

#[test]
fn projections_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes().filter(|(rows, cols, _)| rows * cols >= 4) {
        let map = map(rows, cols, dim, 9);
        let most = dim.min(rows * cols - 1).min(6);
        let basis = PcaBasis::fit(std::slice::from_ref(&map), None, most).unwrap();
        let choices: [Vec<usize>; 3] = [vec![0], (0..most).rev().collect(), vec![most - 1; 9]];
        for components in choices {
            let found = gpu.project(&map, &basis, &components).unwrap();
            let expected = pca::project(&map, &basis, &components).unwrap();
            let what = format!("project {rows}x{cols}x{dim} on {components:?}");
            assert_close(
                &what,
                &found,
                &expected,
                1e-6 * (dim as f32).sqrt().max(2.0),
            );
        }
    }
}

#[test]
fn resized_features_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in SIZES {
        let map = map(rows, cols, dim, 10);
        for to in [
            (1, 1),
            (rows.div_ceil(2), cols.div_ceil(3)),
            (rows + 3, cols * 2),
        ] {
            let found = gpu.resize_features(&map, to).unwrap();
            let expected = resample::resize_features(map.values(), (rows, cols), to).unwrap();
            let what = format!("resize {rows}x{cols}x{dim} to {to:?}");
            // Positions in f32: a weight of the cubic moves by up to 1e-5 on a side of 97.
            assert_close(&what, &found, &expected, 5e-5);
        }
    }
}

/// Compares partners where the best is clearly better than the second, and cosines everywhere.
fn check_neighbours(what: &str, found: &Neighbours, expected: &Neighbours) {
    for (found, expected) in [
        (&found.a_to_b, &expected.a_to_b),
        (&found.b_to_a, &expected.b_to_a),
    ] {
        assert_close(what, &found.similarity, &expected.similarity, 4e-6);
        assert_close(what, &found.second, &expected.second, 4e-6);
        for at in 0..found.index.len() {
            let clear = expected.similarity[at] - expected.second[at] > 1e-5;
            assert!(
                !clear || found.index[at] == expected.index[at],
                "{what}[{at}]: partner {} on the GPU, {} on the CPU",
                found.index[at],
                expected.index[at]
            );
        }
    }
}

#[test]
fn nearest_neighbours_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    let cases = [
        ((1, 1), (1, 1), 1),
        ((1, 37), (7, 13), 5),
        ((7, 13), (1, 1), 6),
        ((97, 61), (31, 33), 33),
        ((16, 16), (16, 17), 384),
    ];
    for ((rows_a, cols_a), (rows_b, cols_b), dim) in cases {
        let (a, b) = (map(rows_a, cols_a, dim, 11), map(rows_b, cols_b, dim, 12));
        let found = gpu.nearest(&a, &b, &CancelToken::default()).unwrap();
        let expected = nearest(&a.normalised(), &b.normalised()).unwrap();
        check_neighbours(
            &format!("nearest {rows_a}x{cols_a} {rows_b}x{cols_b}"),
            &found,
            &expected,
        );
    }
}

#[test]
fn of_equal_partners_the_first_wins_on_both_roads() {
    let Some(gpu) = gpu() else { return };
    let values: Vec<f32> = (0..200)
        .flat_map(|at| [1.0 + (at % 2) as f32, 0.0])
        .collect();
    let map = FeatureMap::new(10, 20, 2, values).unwrap();
    let found = gpu.nearest(&map, &map, &CancelToken::default()).unwrap();
    assert!(found.a_to_b.index.iter().all(|&index| index == 0));
    assert!(
        found
            .a_to_b
            .second
            .iter()
            .all(|&second| (second - 1.0).abs() < 1e-6)
    );
}

#[test]
fn more_than_65_535_workgroups_find_their_partners() {
    let Some(gpu) = gpu() else { return };
    // 32 patches a workgroup; three candidates each.
    let (rows, cols) = (1450, 1450);
    let a = map(rows, cols, 2, 13);
    let b = map(1, 3, 2, 14);
    let found = gpu.nearest(&a, &b, &CancelToken::default()).unwrap();
    let expected = nearest(&a.normalised(), &b.normalised()).unwrap();
    check_neighbours("many", &found, &expected);
}

#[test]
fn cycle_errors_and_offsets_equal_their_twins() {
    let Some(gpu) = gpu() else { return };
    for ((rows_a, cols_a), (rows_b, cols_b), dim) in [
        ((1, 1), (1, 1), 4),
        ((1, 37), (7, 13), 5),
        ((40, 30), (31, 33), 33),
    ] {
        let (a, b) = (map(rows_a, cols_a, dim, 15), map(rows_b, cols_b, dim, 16));
        let (unit_a, unit_b) = (a.normalised(), b.normalised());
        let found = nearest(&unit_a, &unit_b).unwrap();
        let side = |features| Side {
            features,
            patch_px: (14.0, 17.0),
            foreground: None,
        };
        let pairs = Match::default()
            .pairs(&[], &side(&a), &side(&b), &Context::default())
            .unwrap();
        let expected: Vec<f32> = pairs.iter().map(|pair| pair.cycle_error_px).collect();
        let errors = gpu.cycle_errors(&found, cols_a, (14.0, 17.0)).unwrap();
        assert_close(
            "cycle",
            &errors,
            &expected,
            1e-4 * expected.iter().fold(1.0, |m, &v| v.max(m)),
        );
        for (error, pair) in errors.iter().zip(&pairs) {
            assert_eq!(*error == 0.0, pair.mutual);
        }
        let partner = &found.a_to_b.index;
        let offsets = gpu.soft_offsets(&a, &b, partner, 0.05).unwrap();
        let expected: Vec<f32> = (0..a.patches())
            .flat_map(|at| soft_offset(unit_a.patch(at), &unit_b, partner[at] as usize, 0.05))
            .collect();
        // Cosines are 2e-6 apart, divided by a temperature of 0.05.
        assert_close("offsets", offsets.as_flattened(), &expected, 2e-4);
    }
}

#[test]
fn labels_and_sums_of_clusters_equal_their_twins() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols, dim) in sizes() {
        let map = map(rows, cols, dim, 17);
        for k in [1, 3, 8, 21] {
            let centroids = scattered(k * dim, 18);
            let (labels, distances) = gpu.assign(&map, &centroids).unwrap();
            let (expected, expected_distances) = clusters::assign(&map, &centroids);
            let what = format!("assign {rows}x{cols}x{dim}, {k}");
            // ‖x‖² − 2·x·c + ‖c‖² cancels: the terms are as large as the number of channels.
            let allowed = 4e-6 * (dim as f32).max(4.0);
            assert_close(&what, &distances, &expected_distances, allowed);
            let square = |patch: usize, label: u32| -> f32 {
                let centroid = &centroids[label as usize * dim..][..dim];
                let pairs = map.patch(patch).iter().zip(centroid);
                pairs.map(|(x, c)| (x - c) * (x - c)).sum()
            };
            for at in 0..labels.len() {
                let same = labels[at] == expected[at];
                let tie = || (square(at, labels[at]) - square(at, expected[at])).abs() <= allowed;
                assert!(same || tie(), "{what}[{at}]");
            }
            let (sums, counts) = gpu.label_sums(&map, &expected, k).unwrap();
            let (expected_sums, expected_counts) = clusters::sums(&map, &expected, k);
            assert_eq!(counts, expected_counts, "{what}");
            let largest = *counts.iter().max().unwrap() as f32;
            assert_close(&what, &sums, &expected_sums, 2e-6 * largest.max(4.0));
        }
    }
}

#[test]
fn a_map_in_many_parts_gives_the_same_numbers() {
    let Some(whole) = gpu() else { return };
    let options = Options {
        part_bytes: Some(4096),
        ..Options::default()
    };
    let parts = Gpu::headless(&options).unwrap();
    let (a, b) = (map(23, 19, 30, 19), map(17, 29, 30, 20));
    assert!(parts.upload(&a).unwrap().parts() > 10);
    let query = unit_patches(&a, &[Patch { row: 3, col: 4 }])
        .unwrap()
        .remove(0);
    let both = [whole, &parts];
    let [one, many] = both.map(|gpu| gpu.cosine(&a, &query).unwrap().values);
    assert_close("cosine", &many, &one, 0.0);
    let [one, many] = both.map(|gpu| gpu.nearest(&a, &b, &CancelToken::default()).unwrap());
    assert_eq!(one, many);
    let [one, many] = both.map(|gpu| {
        let offsets = gpu.soft_offsets(&a, &b, &many.a_to_b.index, 0.05).unwrap();
        offsets.concat()
    });
    assert_close("offsets", &many, &one, 0.0);
    let [one, many] = both.map(|gpu| gpu.resize_features(&a, (9, 40)).unwrap());
    assert_close("resized", &many, &one, 1e-5);
    let weights = scattered(a.patches(), 21);
    let [one, many] = both.map(|gpu| gpu.weighted_sum(&a, &weights).unwrap());
    assert_close("weighted_sum", &many, &one, 1e-4);
    let [one, many] = both.map(|gpu| gpu.channel_moments(&a).unwrap().mean);
    assert_close("moments", &many, &one, 1e-6);
    let centroids = scattered(5 * 30, 22);
    let [one, many] = both.map(|gpu| gpu.assign(&a, &centroids).unwrap());
    assert_eq!(one, many);
    let [one, many] = both.map(|gpu| gpu.label_sums(&a, &many.0, 5).unwrap().0);
    assert_close("sums", &many, &one, 1e-3);
}

#[test]
fn a_map_is_uploaded_once() {
    let Some(gpu) = gpu() else { return };
    let map = map(5, 6, 7, 23);
    let (first, clone) = (gpu.upload(&map).unwrap(), gpu.upload(&map.clone()).unwrap());
    assert!(std::sync::Arc::ptr_eq(&first, &clone));
    let other = gpu.upload(&map.normalised()).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&first, &other));
}
