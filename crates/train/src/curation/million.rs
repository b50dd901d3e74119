//! A collection of a hundred thousand and of a million pictures: how long a hierarchy takes, and how much memory.
//!
//! Not part of the tests: `cargo test -p dinoscope-train --lib curation::million -- --ignored --nocapture`.
#![expect(
    clippy::print_stderr,
    reason = "measurements are for the one who asks for them"
)]

use std::cell::Cell;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fixtures::noise;
use super::*;

const DIM: usize = 384;
/// Hidden groups; the first ones are the largest.
const GROUPS: usize = 3000;

/// Writes `rows` rows around hidden centers, every thousandth of them a near copy of the row before.
fn write(path: &Path, rows: usize) {
    let bytes = rows * DIM * 4;
    let header = format!(
        r#"{{"features":{{"dtype":"F32","shape":[{rows},{DIM}],"data_offsets":[0,{bytes}]}}}}"#
    );
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let centers = noise(GROUPS, DIM, 1);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut row = vec![0.0_f32; DIM];
    for at in 0..rows {
        if at % 1000 == 999 {
            row[0] += 0.01;
        } else {
            // A skewed distribution: most rows are of few groups.
            let part = rng.random_range(0..100_000_usize);
            let group = part.pow(3) * GROUPS / 1_000_000_000_000_000;
            for (value, center) in row.iter_mut().zip(&centers[group * DIM..]) {
                *value = center + rng.random_range(-0.8..0.8_f32);
            }
        }
        file.write_all(bytemuck::cast_slice(&row)).unwrap();
    }
    file.flush().unwrap();
}

/// A line of the process's status, in MB.
fn status_mb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    value
        .and_then(|value| value.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// Runs one step and prints its time and memory, with and without the mapped pages of the file.
fn measure<T>(name: &str, step: impl FnOnce(Watch<'_>) -> Result<T, CurationError>) -> T {
    let (started, own_mb) = (Instant::now(), Cell::new(0));
    let stage = Cell::new((Stage::Searching, 0, 0));
    let watch = |now: Progress| {
        own_mb.set(own_mb.get().max(status_mb("RssAnon")));
        let place = (now.stage, now.level, now.round);
        if stage.replace(place) != place {
            let secs = started.elapsed().as_secs_f32();
            eprintln!("  {secs:7.1} s  {place:?}");
        }
        ControlFlow::Continue(())
    };
    let found = step(&watch).unwrap();
    let secs = started.elapsed().as_secs_f32();
    let (peak, own) = (status_mb("VmHWM"), own_mb.get());
    eprintln!("{name}: {secs:.1} s, peak {peak} MB with mapped pages, {own} MB without");
    found
}

fn curate(rows: usize, levels: &[usize], train_rows: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.safetensors");
    write(&path, rows);
    let table = FeatureTable::open(&path, None).unwrap().normalized();
    let settings = HierarchicalKMeans {
        levels: levels.to_vec(),
        kmeans: KMeans {
            rounds: 8,
            train_rows: Some(train_rows),
            ..KMeans::default()
        },
        resampling: None,
    };
    let hierarchy = measure("hierarchy", |watch| settings.build(&table, watch));
    let balance = Balance {
        count: rows / 10,
        within: Within::Random,
        seed: 0,
    };
    let chosen = measure("balanced tenth", |_| balance.sample(&hierarchy, None));
    assert_eq!(chosen.len(), rows / 10);
    let seeds: Vec<u32> = (0..1000).collect();
    let retrieval = Retrieval::default();
    let near = measure("4 neighbors of 1000 seeds", |watch| {
        retrieval.from_rows(&table, &seeds, watch)
    });
    assert_eq!(near.nearest.len(), 1000);
    let known = Known {
        clusters: Some(&hierarchy.levels[0]),
        sizes: None,
    };
    let duplicates = Duplicates {
        threshold: 0.99,
        ..Duplicates::default()
    };
    let found = measure("near-duplicates", |watch| {
        duplicates.find(&table, known, watch)
    });
    assert_eq!(found.groups.len(), rows / 1000);
}

#[test]
#[ignore = "takes half a minute"]
fn hundred_thousand() {
    curate(100_000, &[2000, 100], 50_000);
}

#[test]
#[ignore = "takes minutes and 1.5 GB of disk"]
fn million() {
    curate(1_000_000, &[10_000, 500], 250_000);
}
