//! Clusters of groups that are known.

use std::cell::Cell;
use std::ops::ControlFlow;

use super::*;
use crate::curation::fixtures::{blobs, noise, on_threads};
use crate::curation::{Progress, unwatched};

fn kmeans(clusters: usize) -> KMeans {
    KMeans {
        clusters,
        ..KMeans::default()
    }
}

/// Whether two labelings are the same but for names.
fn same_groups(a: &[u32], b: &[u32]) -> bool {
    let mut names = vec![None; a.len()];
    a.iter()
        .zip(b)
        .all(|(&a, &b)| *names[a as usize].get_or_insert(b) == b)
}

#[test]
fn separated_groups_are_found_from_all_rows_and_from_a_part() {
    let (values, groups) = blobs(3000, 48, 20, 0.02, 5);
    let table = FeatureTable::from_f32(&values, 48).unwrap();
    for normalized in [false, true] {
        for train_rows in [None, Some(700)] {
            let table = FeatureTable::from_f32(&values, 48).unwrap();
            let table = if normalized {
                table.normalized()
            } else {
                table
            };
            let kmeans = KMeans {
                train_rows,
                ..kmeans(20)
            };
            let found = kmeans.cluster(&table, &unwatched).unwrap();
            assert!(same_groups(&found.labels, &groups));
            assert!(same_groups(&groups, &found.labels));
            assert_eq!(found.sizes, [150; 20]);
        }
    }
    let found = kmeans(20).cluster(&table, &unwatched).unwrap();
    // At the optimum centroids are the means of their rows.
    for (label, centroid) in found.centroids.chunks(48).enumerate() {
        let rows = values.chunks(48).zip(&found.labels);
        let own = rows.filter(|(_, own)| **own as usize == label);
        let sum: f32 = own.map(|(row, _)| row[7]).sum();
        assert!((centroid[7] - sum / 150.0).abs() < 1e-5);
    }
}

#[test]
fn the_result_does_not_depend_on_the_threads_but_on_the_seed() {
    let values = noise(4000, 24, 1);
    let run = |threads, seed| {
        on_threads(threads, || {
            let table = FeatureTable::from_f32(&values, 24).unwrap().normalized();
            let kmeans = KMeans {
                seed,
                train_rows: Some(2500),
                rounds: 4,
                ..kmeans(100)
            };
            kmeans.cluster(&table, &unwatched).unwrap()
        })
    };
    assert_eq!(run(1, 1), run(4, 1));
    assert_ne!(run(1, 1).centroids, run(1, 2).centroids);
}

#[test]
fn a_centroid_without_rows_moves_to_the_farthest_row() {
    let values = [0.0, 0.1, 0.2, 9.0, 5.0, 5.1];
    let table = FeatureTable::from_f32(&values, 1).unwrap();
    let found = kmeans(3)
        .cluster_from(&table, &[0.1, 1000.0, 2000.0], &unwatched)
        .unwrap();
    assert_eq!(found.sizes.iter().sum::<usize>(), 6);
    assert_eq!(found.labels, [0, 0, 0, 1, 2, 2]);
}

#[test]
fn fewer_different_rows_than_clusters_leave_some_empty() {
    let values = [1.0, 2.0].repeat(10);
    let table = FeatureTable::from_f32(&values, 1).unwrap();
    let found = kmeans(5).cluster(&table, &unwatched).unwrap();
    assert_eq!(found.sizes.iter().filter(|&&size| size > 0).count(), 2);
    assert!(found.inertia < 1e-9);
}

#[test]
fn a_round_never_makes_it_worse() {
    let values = noise(2000, 16, 3);
    let table = FeatureTable::from_f32(&values, 16).unwrap();
    let inertia = |rounds| {
        let kmeans = KMeans {
            rounds,
            tolerance: 0.0,
            ..kmeans(40)
        };
        kmeans.cluster(&table, &unwatched).unwrap().inertia
    };
    let all: Vec<f64> = (1..8).map(inertia).collect();
    assert!(all.is_sorted_by(|a, b| a >= b), "{all:?}");
}

#[test]
fn a_watch_sees_all_stages_and_can_end_them() {
    let values = noise(500, 8, 1);
    let table = FeatureTable::from_f32(&values, 8).unwrap();
    let kmeans = KMeans {
        train_rows: Some(300),
        ..kmeans(10)
    };
    for stage in [Stage::Seeding, Stage::Clustering, Stage::Assigning] {
        let seen = Cell::new(0);
        let watch = |progress: Progress| {
            assert!(progress.done <= progress.total);
            seen.set(seen.get() + usize::from(progress.stage == stage));
            if progress.stage == stage {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let error = kmeans.cluster(&table, &watch).unwrap_err();
        assert!(matches!(error, CurationError::Cancelled));
        assert_eq!(seen.get(), 1);
    }
}

#[test]
fn settings_that_make_no_sense_are_errors() {
    let values = noise(10, 2, 1);
    let table = FeatureTable::from_f32(&values, 2).unwrap();
    let cases = [
        kmeans(0),
        kmeans(11),
        KMeans {
            rounds: 0,
            ..kmeans(2)
        },
        KMeans {
            tolerance: f64::NAN,
            ..kmeans(2)
        },
        KMeans {
            tolerance: -1.0,
            ..kmeans(2)
        },
        KMeans {
            train_rows: Some(1),
            ..kmeans(2)
        },
    ];
    for kmeans in cases {
        assert!(kmeans.cluster(&table, &unwatched).is_err(), "{kmeans:?}");
    }
    let first = [0.0, f32::NAN, 0.0, 0.0];
    assert!(kmeans(2).cluster_from(&table, &first, &unwatched).is_err());
    assert!(
        kmeans(2)
            .cluster_from(&table, &first[..2], &unwatched)
            .is_err()
    );
}
