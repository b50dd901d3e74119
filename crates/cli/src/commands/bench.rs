//! `dinoscope bench`: how long a forward takes here.

use std::io::BufRead;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use burn::tensor::{Tensor, TensorData};
use dinoscope_engine::Model;
use dinoscope_model::Norm;
use serde_json::{Value, json};

use crate::args::{Bench, Common};
use crate::out;
use crate::session::open_model;

/// Forwards per size that are not counted: caches fill, clocks rise, memory is mapped.
const WARM_UP: usize = 2;

pub(crate) fn run(common: &Common, arguments: &Bench) -> Result<()> {
    if arguments.maps {
        return super::bench_maps::run(common, arguments);
    }
    if arguments.training {
        return super::bench_training::run(common, arguments);
    }
    let model = open_model(common)?;
    if arguments.serve {
        return serve(&model);
    }
    let mut results = Vec::new();
    for &size in &arguments.sizes {
        results.push(measure(&model, size, arguments.rounds.get())?);
    }
    let mut rows = vec![
        [
            "px",
            "tokens",
            "median ms",
            "min ms",
            "max ms",
            "pictures/s",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(results.iter().map(|result| {
        let ms = |name: &str| format!("{:.1}", result[name].as_f64().unwrap_or(f64::NAN));
        let rate = 1e3 / result["median_ms"].as_f64().unwrap_or(f64::NAN);
        vec![
            result["size"].to_string(),
            result["tokens"].to_string(),
            ms("median_ms"),
            ms("min_ms"),
            ms("max_ms"),
            format!("{rate:.2}"),
        ]
    }));
    let mut lines = vec![format!(
        "forward of {} on {}, {} threads, batch 1",
        model.name,
        model.device.name(),
        rayon::current_num_threads()
    )];
    lines.extend(out::table(&rows));
    let json = json!({
        "command": "bench", "version": env!("CARGO_PKG_VERSION"),
        "model": { "name": model.name, "sha256": model.sha256, "config": model.config },
        "device": model.device.name(), "threads": rayon::current_num_threads(), "results": results,
    });
    out::results(common, &json, &lines);
    Ok(())
}

/// Median, least and most of `rounds` forwards.
fn measure(model: &Model, size: usize, rounds: usize) -> Result<Value> {
    let mut times = Vec::with_capacity(rounds);
    let mut tokens = 0;
    for round in 0..WARM_UP + rounds {
        let (ms, values) = forward(model, size)?;
        tokens = values.len() / model.config.dim();
        if round >= WARM_UP {
            times.push(ms);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(json!({
        "size": size, "tokens": tokens, "median_ms": times[times.len() / 2], "min_ms": times[0],
        "max_ms": times[times.len() - 1], "times_ms": times,
    }))
}

/// Answers each size on stdin with the time and the sum of magnitudes of one forward, until `quit` or the end.
fn serve(model: &Model) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read stdin")?;
        let text = line.trim();
        if text == "quit" {
            break;
        }
        let Ok(size) = text.parse::<usize>() else {
            bail!("expected a size in pixels or quit, found \"{text}\"")
        };
        let (ms, values) = forward(model, size)?;
        let checksum: f64 = values.iter().map(|value| f64::from(value.abs())).sum();
        if !out::answer(&json!({ "size": size, "ms": ms, "checksum": checksum })) {
            break;
        }
    }
    Ok(())
}

/// Time in milliseconds of one forward from pixels in host memory to tokens in host memory, and those tokens.
fn forward(model: &Model, size: usize) -> Result<(f64, Vec<f32>)> {
    let patch = model.config.patch();
    if size < patch {
        bail!("size {size} is below one patch, expected at least {patch} pixels");
    }
    // The same picture in every engine that is compared.
    let pixels: Vec<f32> = (0..3 * size * size)
        .map(|i| ((i % 1009) as f64 * 0.37).sin() as f32)
        .collect();
    let start = Instant::now();
    let images = Tensor::<4>::from_data(
        TensorData::new(pixels, [1, 3, size, size]),
        model.device.burn(),
    );
    let last = model.config.layers() - 1;
    let tokens = model
        .backbone
        .features(images, &[last], Norm::Final)
        .pop()
        .context("the network gave no layer")?;
    let mut values = host(tokens.cls)?;
    if let Some(registers) = tokens.registers {
        values.extend(host(registers)?);
    }
    values.extend(host(tokens.patches)?);
    Ok((start.elapsed().as_secs_f64() * 1e3, values))
}

fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .into_data()
        .try_to_vec::<f32>()
        .map_err(|error| anyhow::anyhow!("cannot read tokens: {error:?}"))
}
