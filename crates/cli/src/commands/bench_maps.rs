//! `dinoscope bench --maps`: how long a hover, a projection and a match take here.
//!
//! On the CPU against one plain pass over the same bytes; on a graphics device the time that the caller spends to encode
//! and submit, the time of each kernel by the device's clock, and whether anything was allocated.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::nearest::nearest;
use dinoscope_engine::analysis::similarity::cosine;
use dinoscope_engine::analysis::{PcaBasis, pca};
use dinoscope_engine::figure::{Overlay, View};
use dinoscope_engine::gpu::{Gpu, Options, SimilarityView};
use image::RgbImage;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::args::{Bench, Common};
use crate::out;

/// Rows, columns and channels that are measured: a small model at 1,024 px, a large one at 4,096 px.
const SIZES: [(usize, usize, usize); 2] = [(64, 64, 384), (256, 256, 1024)];
/// Rows, columns and channels of either picture of a match.
const MATCH: (usize, usize, usize) = (64, 64, 1024);
/// Hovers that are timed.
const HOVERS: usize = 200;
/// Width and height of what a hover draws.
const CANVAS: [u32; 2] = [512, 512];

pub(super) fn run(common: &Common, arguments: &Bench) -> Result<()> {
    let rounds = arguments.rounds.get().max(3);
    let mut rows = vec![
        ["map", "step", "median ms", "GB/s", "of a plain pass"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut results = Vec::new();
    for size in SIZES {
        for step in on_cpu(size, rounds)? {
            let number = |name: &str, digits: usize| {
                step[name]
                    .as_f64()
                    .map_or_else(String::new, |value| format!("{value:.digits$}"))
            };
            rows.push(vec![
                name_of(size),
                step["step"].as_str().unwrap_or_default().to_owned(),
                number("ms", 3),
                number("gb_per_s", 1),
                number("of_plain_pass", 2),
            ]);
            results.push(step);
        }
    }
    let matching = match_rate(rounds)?;
    let mut lines = out::table(&rows);
    lines.push(format!(
        "match {} patches each: {:.0} ms, {:.0} GFLOP/s",
        MATCH.0 * MATCH.1,
        matching["ms"].as_f64().unwrap_or(f64::NAN),
        matching["gflop_per_s"].as_f64().unwrap_or(f64::NAN)
    ));
    let mut hovers = Vec::new();
    let gpu = Gpu::headless(&Options {
        adapter: Some(arguments.adapter),
        ..Options::default()
    });
    match gpu {
        Err(error) => lines.push(format!("no hover: {error}")),
        Ok(gpu) => {
            for size in SIZES {
                let hover = hover(&gpu, size)?;
                lines.push(line_of(&hover));
                hovers.push(hover);
            }
        }
    }
    let json = json!({
        "command": "bench", "version": env!("CARGO_PKG_VERSION"), "threads": rayon::current_num_threads(),
        "cpu": results, "match": matching, "hover": hovers,
    });
    out::results(common, &json, &lines);
    Ok(())
}

fn name_of((rows, cols, dim): (usize, usize, usize)) -> String {
    format!("{rows}x{cols}x{dim}")
}

/// Features that look random and are the same everywhere.
fn features((rows, cols, dim): (usize, usize, usize), seed: usize) -> Result<FeatureMap> {
    let values: Vec<f32> = (0..rows * cols * dim)
        .into_par_iter()
        .map(|at| (((at + seed) % 100_003) as f32 * 0.37).sin() + 0.1)
        .collect();
    Ok(FeatureMap::new(rows, cols, dim, values)?)
}

/// Cosine and projection against a plain pass, in turns.
fn on_cpu(size: (usize, usize, usize), rounds: usize) -> Result<Vec<Value>> {
    let map = features(size, 0)?;
    let query = map.patch(map.patches() / 2).to_vec();
    let first = FeatureMap::new(1, 64, map.dim(), map.values()[..64 * map.dim()].to_vec())?;
    let basis = PcaBasis::fit(&[first], None, 3)?;
    let steps: [(&str, &dyn Fn() -> f32); 3] = [
        ("plain pass", &|| plain_pass(map.values())),
        ("cosine", &|| cosine(&map, &query).values[0]),
        ("project on 3", &|| {
            pca::project(&map, &basis, &[0, 1, 2]).map_or(0.0, |out| out[0])
        }),
    ];
    let mut times = vec![Vec::new(); steps.len()];
    for round in 0..rounds * 3 + 2 {
        for ((_, step), times) in steps.iter().zip(&mut times) {
            let start = Instant::now();
            std::hint::black_box(step());
            if round >= 2 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let gigabytes = map.values().len() as f64 * 4e-9;
    let told = steps.iter().zip(&medians).map(|((name, _), ms)| {
        json!({
            "map": name_of(size), "step": name, "ms": ms, "gb_per_s": gigabytes / (ms * 1e-3),
            "of_plain_pass": medians[0] / ms,
        })
    });
    Ok(told.collect())
}

/// The sum of all values in sixteen lanes: what reading them costs.
fn plain_pass(values: &[f32]) -> f32 {
    let part = |part: &[f32]| {
        let (blocks, rest) = part.as_chunks::<64>();
        let mut sums = [0.0_f32; 64];
        for block in blocks {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += value;
            }
        }
        sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
    };
    values.par_chunks(1 << 16).map(part).sum()
}

fn match_rate(rounds: usize) -> Result<Value> {
    let (a, b) = (
        features(MATCH, 0)?.normalised(),
        features(MATCH, 7919)?.normalised(),
    );
    let mut times = Vec::new();
    for _ in 0..=rounds {
        let start = Instant::now();
        std::hint::black_box(nearest(&a, &b)?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let ms = median(&mut times[1..]);
    let flop = 2.0 * a.patches() as f64 * b.patches() as f64 * a.dim() as f64;
    Ok(json!({ "map": name_of(MATCH), "ms": ms, "gflop_per_s": flop * 1e-6 / ms }))
}

/// New query → overlaid texture, as a window does it for every move of the pointer.
fn hover(gpu: &Gpu, size: (usize, usize, usize)) -> Result<Value> {
    let map = features(size, 0)?;
    let picture = Arc::new(RgbImage::from_fn(CANVAS[0], CANVAS[1], |x, y| {
        image::Rgb([x as u8, y as u8, (x ^ y) as u8])
    }));
    let picture = gpu.picture(&picture)?;
    let mut view = SimilarityView::new(gpu, &map, &picture, CANVAS)?;
    let overlay = Overlay::default();
    let shown = View::whole((CANVAS[0], CANVAS[1]));
    let mut show = |at: usize| -> Result<f64> {
        let start = Instant::now();
        view.show(map.patch(at * 37 % map.patches()), &overlay, shown)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        gpu.frame()?.finish()?;
        Ok(ms)
    };
    // Pipelines, staging memory and colors are made by the first ones.
    for at in 0..8 {
        show(at)?;
    }
    let before = gpu.allocated();
    let mut times = (8..HOVERS + 8)
        .map(&mut show)
        .collect::<Result<Vec<f64>>>()?;
    let after = gpu.allocated();
    let kernels = if gpu.set_timing(true)? {
        view.show(map.patch(0), &overlay, shown)?;
        gpu.frame()?.finish()?;
        let times = gpu.last_times();
        gpu.set_timing(false)?;
        times
    } else {
        Vec::new()
    };
    let slowest = times.iter().copied().fold(0.0, f64::max);
    Ok(json!({
        "map": name_of(size), "adapter": gpu.name(), "hovers": HOVERS,
        "submit_ms": median(&mut times), "slowest_submit_ms": slowest,
        "allocated_before": before.map(|found| found.0), "allocated_after": after.map(|found| found.0),
        "allocations_before": before.map(|found| found.1), "allocations_after": after.map(|found| found.1),
        "bytes_moved": map.values().len() * 4 + map.patches() * 8,
        "kernels_ms": kernels.iter().map(|pass| json!({ "kernel": pass.kernel, "ms": pass.ms })).collect::<Vec<_>>(),
    }))
}

fn line_of(hover: &Value) -> String {
    let number = |name: &str| hover[name].as_f64().unwrap_or(f64::NAN);
    let kernels = hover["kernels_ms"].as_array().into_iter().flatten();
    let kernels: Vec<String> = kernels
        .map(|pass| {
            let ms = pass["ms"].as_f64().unwrap_or(f64::NAN);
            format!("{} {ms:.3} ms", pass["kernel"].as_str().unwrap_or_default())
        })
        .collect();
    let grown = number("allocated_after") - number("allocated_before");
    format!(
        "hover {} on {}: submit {:.3} ms (slowest {:.3}), {grown} bytes allocated in {HOVERS}; {}",
        hover["map"].as_str().unwrap_or_default(),
        hover["adapter"].as_str().unwrap_or_default(),
        number("submit_ms"),
        number("slowest_submit_ms"),
        kernels.join(", ")
    )
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
