//! Runs analyses on request and says how long they took: the engine's side of `scripts/bench-analysis`.
//!
//! Input: JSON lines `{"task": "pca", "file": "maps.f32", "maps": 4, "patches": 1024, "dim": 384}`; the file holds
//! `[maps, patches, dim]` f32, little endian. Output: `{"ms": 12.3, "numbers": {..}}` a line, the numbers to compare.
//! `quit` or the end of the input ends it. `RAYON_NUM_THREADS` sets the threads.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::time::Instant;

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::PcaBasis;
use dinoscope_engine::analysis::clusters::{CpuSteps, KMeans};
use dinoscope_engine::analysis::nearest::{mutual, nearest};
use dinoscope_engine::analysis::projection::project;
use serde::Deserialize;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Components of a fit: red, green and blue.
const COMPONENTS: usize = 3;
/// Clusters, and the most rounds of Lloyd's algorithm from the first patches.
const CLUSTERS: usize = 8;
const ROUNDS: usize = 300;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Task {
    /// Fit on all maps together, then their projections.
    Pca,
    /// Best and second best partner in both directions, between the first two maps.
    Match,
    /// Lloyd's algorithm over all maps together.
    Kmeans,
}

#[derive(Deserialize)]
struct Request {
    task: Task,
    file: PathBuf,
    maps: usize,
    patches: usize,
    dim: usize,
}

fn main() -> Outcome<()> {
    for line in stdin().lock().lines() {
        let line = line?;
        if line.trim() == "quit" {
            break;
        }
        let request: Request = serde_json::from_str(&line)?;
        let maps = read(&request)?;
        let start = Instant::now();
        let numbers = match request.task {
            Task::Pca => pca(&maps)?,
            Task::Match => matches(&maps)?,
            Task::Kmeans => kmeans(&maps)?,
        };
        let ms = start.elapsed().as_secs_f64() * 1e3;
        writeln!(stdout(), "{}", json!({ "ms": ms, "numbers": numbers }))?;
    }
    Ok(())
}

fn read(request: &Request) -> Outcome<Vec<FeatureMap>> {
    let bytes = std::fs::read(&request.file)?;
    let (words, _) = bytes.as_chunks();
    let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    let maps = values.chunks(request.patches * request.dim);
    let map = |values| FeatureMap::new(1, request.patches, request.dim, values);
    let maps: Vec<FeatureMap> = maps.map(map).collect::<Result<_, _>>()?;
    if maps.len() != request.maps {
        return Err(format!("found {} maps, expected {}", maps.len(), request.maps).into());
    }
    Ok(maps)
}

fn pca(maps: &[FeatureMap]) -> Outcome<Value> {
    let basis = PcaBasis::fit(maps, None, COMPONENTS)?;
    let shown: Vec<usize> = (0..COMPONENTS).collect();
    let mut size = 0.0;
    for map in maps {
        let values = project(map, &basis, &shown)?;
        size += values
            .iter()
            .map(|value| f64::from(value.abs()))
            .sum::<f64>();
    }
    Ok(json!({ "variance": basis.explained_variance, "size": size }))
}

fn matches(maps: &[FeatureMap]) -> Outcome<Value> {
    let found = nearest(&maps[0], &maps[1])?;
    let sum = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>();
    let pairs = mutual(&found).into_iter().filter(|mutual| *mutual).count();
    Ok(json!({
        "mutual": pairs,
        "best": [sum(&found.a_to_b.similarity), sum(&found.b_to_a.similarity)],
        "second": [sum(&found.a_to_b.second), sum(&found.b_to_a.second)],
    }))
}

fn kmeans(maps: &[FeatureMap]) -> Outcome<Value> {
    let settings = KMeans {
        clusters: CLUSTERS,
        spherical: false,
        rounds: ROUNDS,
        tolerance: 0.0,
        ..KMeans::default()
    };
    let seeds = &maps[0].values()[..CLUSTERS * maps[0].dim()];
    let found = settings.cluster_from(maps, seeds, &CpuSteps)?;
    Ok(json!({ "inertia": found.inertia, "sizes": found.sizes }))
}
