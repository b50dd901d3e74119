//! `dinoscope bench --training`: how long a step of training takes here.

use std::io::BufRead;

use anyhow::{Context, Result, bail};
use dinoscope_engine::ComputeDevice;
use dinoscope_train::bench::{Kind, StepBench};
use serde_json::json;

use crate::args::{Bench, Common};
use crate::out;

/// Steps that are not counted: caches fill, kernels are compiled.
const WARM_UP: usize = 2;

pub(super) fn run(common: &Common, arguments: &Bench) -> Result<()> {
    let device = ComputeDevice::open(common.device)?;
    let mut bench = StepBench::new(device.burn());
    if arguments.serve {
        return serve(&mut bench);
    }
    let mut rows = vec![
        ["step", "median ms", "min ms", "max ms"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut results = Vec::new();
    for kind in Kind::ALL {
        let mut times: Vec<f64> = (0..WARM_UP + arguments.rounds.get())
            .map(|_| bench.step(kind).as_secs_f64() * 1e3)
            .skip(WARM_UP)
            .collect();
        times.sort_by(f64::total_cmp);
        let [least, median, most] = [0, times.len() / 2, times.len() - 1].map(|at| times[at]);
        results.push(json!({
            "step": kind.id(), "median_ms": median, "min_ms": least, "max_ms": most,
        }));
        let cells = [median, least, most].map(|ms| format!("{ms:.0}"));
        rows.push([&[kind.id().to_owned()][..], &cells].concat());
    }
    let mut lines = vec![format!(
        "ViT of width 192 and depth 4 on {}, {} threads; plain: 8 pictures of 224 px; ssl: 4 pictures, 2 + 6 crops, K 1024",
        device.name(),
        rayon::current_num_threads()
    )];
    lines.extend(out::table(&rows));
    let json = json!({
        "command": "bench", "version": env!("CARGO_PKG_VERSION"), "device": device.name(),
        "threads": rayon::current_num_threads(), "results": results,
    });
    out::results(common, &json, &lines);
    Ok(())
}

/// One step a line of input, named by its kind; one line of JSON back.
fn serve(bench: &mut StepBench) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read stdin")?;
        let name = line.trim();
        let kind = Kind::ALL.into_iter().find(|kind| kind.id() == name);
        let Some(kind) = kind else {
            bail!("unknown step \"{name}\", expected plain or ssl");
        };
        let ms = bench.step(kind).as_secs_f64() * 1e3;
        if !out::answer(&json!({ "step": name, "ms": ms })) {
            break;
        }
    }
    Ok(())
}
