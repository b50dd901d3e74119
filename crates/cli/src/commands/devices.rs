//! `dinoscope devices`: adapters, the CPU, and which one `auto` takes.

use dinoscope_engine::ComputeDevice;
use dinoscope_engine::device::{adapters, cpu};
use serde_json::json;

use crate::args::Common;
use crate::out;

pub(crate) fn run(common: &Common) {
    let adapters = adapters();
    let (auto, why) = ComputeDevice::auto();
    let cpu = cpu();
    let json = json!({
        "command": "devices",
        "cpu": cpu,
        "adapters": adapters,
        "cuda": cfg!(feature = "cuda"),
        "auto": { "device": auto.name(), "why": why },
    });
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let memory = cpu
        .memory_bytes
        .map_or_else(|| "memory unknown".to_owned(), mib);
    let mut rows = vec![
        ["device", "kind", "api", "name", "memory"]
            .map(str::to_owned)
            .to_vec(),
        vec![
            "cpu".into(),
            format!("{} cores", cpu.cores),
            cpu.simd.into(),
            "fused kernels".into(),
            memory,
        ],
    ];
    rows.extend(adapters.iter().map(|adapter| {
        let largest = format!("buffers to {}", mib(adapter.max_buffer_bytes));
        let name = format!("{} ({})", adapter.name, adapter.driver);
        vec![
            format!("gpu:{}", adapter.index),
            adapter.kind.into(),
            adapter.backend.clone(),
            name,
            largest,
        ]
    }));
    let mut lines = out::table(&rows);
    lines.push(format!("auto takes {}: {why}", auto.name()));
    if !cfg!(feature = "cuda") {
        lines.push("cuda: not in this build".to_owned());
    }
    out::results(common, &json, &lines);
}
