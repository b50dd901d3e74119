//! `dinoscope model`: list, describe, download and convert models.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dinoscope_engine::model::{
    self, Builtin, Counts, LICENSE, ListedModel, ModelReport, ModelSource, Presence, find_model,
};
use dinoscope_engine::preprocess::Statistics;
use dinoscope_engine::store::{DownloadOptions, Progress, Store, Wanted};
use dinoscope_model::BackboneConfig;
use dinoscope_model::checkpoint::{Checkpoint, DType, Layout, SaveOptions, Written, convert, save};
use dinoscope_model::variants::Data;
use serde_json::{Value, json};

use crate::CancelToken;
use crate::args::{Common, ModelCommand};
use crate::{out, pictures, session};

pub(crate) fn run(common: &Common, command: ModelCommand, cancel: &CancelToken) -> Result<()> {
    match command {
        ModelCommand::List => list(common),
        ModelCommand::Info { target } => info(common, &target, cancel),
        ModelCommand::Download { name, endpoint } => download(common, &name, endpoint, cancel),
        ModelCommand::Convert {
            target,
            out,
            layout,
            dtype,
        } => convert_to(common, &target, &out, layout, dtype),
    }
}

fn list(common: &Common) -> Result<()> {
    let found = model::list(Some(&session::store()?))?;
    let models: Vec<Value> = found.iter().map(listed).collect();
    let mut rows = vec![
        ["name", "state", "parameters", "size", "license"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(models.iter().map(row));
    out::results(
        common,
        &json!({ "command": "model list", "models": models }),
        &out::table(&rows),
    );
    Ok(())
}

fn listed(model: &ListedModel) -> Value {
    let state = match model.presence {
        Presence::Builtin => "built in",
        Presence::Installed => "installed",
        Presence::Downloadable => "downloadable",
        Presence::FileOnly => "file only",
    };
    let mut json = json!({ "name": model.name, "state": state });
    if let Some(params) = model.params {
        json["params"] = json!(params);
        json["license"] = json!(model.license);
    }
    match model.presence {
        Presence::Builtin => {}
        _ if model.params.is_some() => {
            json["download_bytes"] = json!(model.download_bytes);
            json["repository"] = json!(model.repository);
            json["path"] = json!(model.path);
        }
        _ => json["path"] = json!(model.path),
    }
    json
}

fn row(model: &Value) -> Vec<String> {
    let text = |name: &str| model[name].as_str().unwrap_or_default().to_owned();
    let params = model["params"]
        .as_u64()
        .map(|n| format!("{:.1} M", n as f64 / 1e6))
        .unwrap_or_default();
    let size = model["download_bytes"]
        .as_u64()
        .map(|n| format!("{} MB", n / 1_000_000))
        .unwrap_or_default();
    vec![text("name"), text("state"), params, size, text("license")]
}

fn info(common: &Common, target: &str, cancel: &CancelToken) -> Result<()> {
    let report = ModelReport::read(target, Store::open().ok().as_ref(), cancel)?;
    let json = described(&report);
    let mut lines = summary(&json);
    if let Some(tensors) = &report.tensors {
        for (what, names) in [
            ("missing", &tensors.missing()),
            ("wrong", &tensors.wrong()),
            ("unexpected", &tensors.unexpected),
        ] {
            lines.extend(names.iter().map(|name| format!("{what}  {name}")));
        }
    }
    out::results(common, &json, &lines);
    Ok(())
}

fn described(report: &ModelReport) -> Value {
    let config = &report.config;
    let (depth, heads) = match config {
        BackboneConfig::Vit(vit) => (json!(vit.depth), json!(vit.heads)),
        BackboneConfig::ConvNext(convnext) => (json!(convnext.depths), Value::Null),
    };
    let Counts {
        expected,
        loaded,
        missing,
        unexpected,
        ..
    } = report.counts;
    let Statistics { mean, std } = report.statistics;
    let mut json = json!({
        "command": "model info", "family": config.family(), "dim": config.dim(), "depth": depth, "heads": heads,
        "patch": config.patch(), "registers": config.registers(), "mean": out::numbers(&mean), "std": out::numbers(&std),
        "tensors": { "expected": expected, "loaded": loaded, "missing": missing, "unexpected": unexpected },
        "sha256": report.sha256, "config": config, "name": report.name,
        "layout": report.layout.map_or_else(|| "built in".to_owned(), |layout| layout.to_string()),
        "variant": report.variant, "params": report.params, "license": report.license,
    });
    if report.untrained {
        json["untrained"] = json!(true);
    }
    match &report.tensors {
        None => json["metadata"] = json!(report.metadata),
        Some(tensors) => {
            json["data"] = json!(report.data);
            json["metadata"] = json!(report.metadata);
            json["report"] = json!(tensors);
        }
    }
    json
}

fn summary(json: &Value) -> Vec<String> {
    const FIELDS: [&str; 15] = [
        "name",
        "family",
        "variant",
        "layout",
        "params",
        "dim",
        "depth",
        "heads",
        "patch",
        "registers",
        "mean",
        "std",
        "license",
        "untrained",
        "sha256",
    ];
    let plain = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned)
    };
    let mut rows: Vec<Vec<String>> = FIELDS
        .iter()
        .filter(|field| !json[**field].is_null())
        .map(|field| vec![(*field).to_owned(), plain(&json[*field])])
        .collect();
    let tensors = &json["tensors"];
    let counts = ["expected", "loaded", "missing", "unexpected"]
        .map(|name| format!("{} {name}", tensors[name]));
    rows.push(vec!["tensors".into(), counts.join(", ")]);
    if let Some(by) = json["report"]["data_decided_by"].as_str() {
        rows.push(vec!["statistics".into(), format!("decided by {by}")]);
    }
    out::table(&rows)
}

fn download(
    common: &Common,
    name: &str,
    endpoint: Option<String>,
    cancel: &CancelToken,
) -> Result<()> {
    let wanted = Wanted::by_name(name)?;
    let store = session::store()?;
    let mut options = DownloadOptions::from_env();
    options.replace = common.force;
    if let Some(endpoint) = endpoint {
        options.endpoint = endpoint;
    }
    if wanted.repository().starts_with("facebook/dinov3") {
        let page = format!(
            "{}/{}",
            options.endpoint.trim_end_matches('/'),
            wanted.repository()
        );
        out::note(
            common,
            &format!(
                "note: these weights are under the {LICENSE}; by using them you agree to it: {page}"
            ),
        );
    }
    let bar = out::progress(common, 2, "bytes");
    bar.set_message(name.to_owned());
    let mut progress = |event: Progress<'_>| match event {
        Progress::Started { total, .. } => bar.set_length(total.unwrap_or(0)),
        Progress::Bytes { done, .. } => bar.set_position(done),
        Progress::Retrying { file, error, .. } => {
            out::note(common, &format!("retrying {file}: {error}"));
        }
        Progress::Waiting => out::note(
            common,
            "waiting for another process that downloads this model",
        ),
        Progress::Verifying { .. } => {}
    };
    let installed = store.download(&wanted, &options, &mut progress, &|| cancel.is_cancelled())?;
    bar.finish_and_clear();
    let json = json!({ "command": "model download", "name": installed.name, "path": installed.path, "source": installed.source });
    out::results(common, &json, &[installed.path.display().to_string()]);
    Ok(())
}

fn convert_to(
    common: &Common,
    target: &str,
    path: &Path,
    layout: Layout,
    dtype: Option<DType>,
) -> Result<()> {
    pictures::make_parent(path)?;
    let written = match find_model(target, Store::open().ok().as_ref())? {
        ModelSource::Builtin => save_builtin(path, layout, dtype, common.force)?,
        ModelSource::Path(source) => convert(
            &Checkpoint::open(&source)?,
            path,
            layout,
            dtype,
            common.force,
        )?,
    };
    let Written {
        files,
        tensors,
        bytes,
    } = &written;
    let json = json!({ "command": "model convert", "layout": layout.to_string(), "files": files, "tensors": tensors, "bytes": bytes });
    let lines: Vec<String> = files
        .iter()
        .map(|file: &PathBuf| file.display().to_string())
        .collect();
    out::results(common, &json, &lines);
    Ok(())
}

/// The built-in model as a file.
fn save_builtin(path: &Path, layout: Layout, dtype: Option<DType>, force: bool) -> Result<Written> {
    let Builtin {
        config,
        learned_from,
    } = Builtin::read();
    let weights = Builtin::weights();
    let statistics = Statistics::LVD;
    let metadata = [
        ("license", Builtin::LICENSE.to_owned()),
        ("source", "dinoscope builtin".to_owned()),
        ("learned_from", learned_from),
    ];
    let options = SaveOptions {
        layout,
        dtype,
        statistics: (statistics.mean, statistics.std),
        data: Some(Data::Lvd),
        metadata: metadata
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        force,
    };
    let mut failed = None;
    let written = save(&config, path, &options, &mut |spec| {
        weights
            .get(&spec.name, &spec.shape)
            .unwrap_or_else(|error| {
                failed = Some(error);
                Vec::new()
            })
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(written?),
    }
}
