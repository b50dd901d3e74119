//! What a command needs to run a network: the store, the device, the model and the feature cache.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use dinoscope_engine::analysis::{CancelToken, Compute, Context as AnalysisContext};
use dinoscope_engine::cache::{CacheOptions, FeatureCache};
use dinoscope_engine::features::norm_name;
use dinoscope_engine::gpu::{Gpu, Options};
use dinoscope_engine::store::Store;
use dinoscope_engine::{ComputeDevice, Extractor, Model, Picture, Preprocess, Provenance, Request};
use serde_json::{Map, Value, json};

use crate::args::{Common, Network};
use crate::out;

/// A model on a device, with a cache.
pub(crate) struct Session {
    pub(crate) extractor: Extractor,
    pub(crate) request: Request,
    layer: String,
    pub(crate) timings: Timings,
    pub(crate) cancel: CancelToken,
    /// Where maps are computed: where the network is, if that is a graphics device.
    compute: Compute,
    /// Said when the work is done: an error is then the only line on stderr.
    notes: Vec<String>,
}

impl Session {
    /// Opens what the arguments name.
    pub(crate) fn open(common: &Common, network: &Network) -> Result<Self> {
        let mut timings = Timings::default();
        let model = timings.time("load", || open_model(common))?;
        let cache = if network.no_cache {
            None
        } else {
            Some(cache())
        };
        let mut notes = Vec::new();
        if model.untrained {
            let name = &model.name;
            notes.push(format!(
                "model {name} is untrained: random weights, its maps show no learned features"
            ));
        }
        let compute = compute(&model, &mut notes);
        let request = Request {
            preprocess: Preprocess {
                size: network.size,
                resample: network.resample,
                background: network.background.0,
                ..Preprocess::default()
            },
            layers: network.layer.0.clone(),
            norm: network.norm.into(),
        };
        Ok(Self {
            extractor: Extractor::new(Arc::new(model), cache.map(Arc::new)),
            request,
            layer: network.layer.to_string(),
            timings,
            cancel: CancelToken::default(),
            compute,
            notes,
        })
    }

    pub(crate) fn model(&self) -> &Model {
        self.extractor.model()
    }

    /// Keeps what there is to say about a picture, such as a color profile that is left unapplied.
    pub(crate) fn note(&mut self, picture: &Picture, path: &Path) {
        let notes = picture.notes().iter();
        self.notes
            .extend(notes.map(|note| format!("{note}: {}", path.display())));
    }

    /// What analyses run with.
    pub(crate) fn context(&self) -> AnalysisContext {
        AnalysisContext {
            compute: self.compute.clone(),
            cancel: self.cancel.clone(),
        }
    }

    /// Keeps what there is to say if the CPU had to take over from a graphics device.
    pub(crate) fn note_fallback(&mut self) {
        if let Some(error) = self.compute.failure() {
            self.notes
                .push(format!("{error}; the CPU computed the maps"));
        }
    }

    /// Prints the results, after what there is to say about model and pictures.
    pub(crate) fn finish(&self, common: &Common, json: &Value, lines: &[String]) {
        self.say(common);
        out::results(common, json, lines);
    }

    /// Prints what there is to say about model and pictures.
    pub(crate) fn say(&self, common: &Common) {
        for note in &self.notes {
            out::note(common, &format!("note: {note}"));
        }
    }

    /// How the features are made, for figures and bases.
    pub(crate) fn provenance(&self) -> Provenance {
        let model = self.model();
        Provenance {
            model: model.name.clone(),
            sha256: model.sha256.clone(),
            size: self.request.preprocess.size.to_string(),
            layer: self.layer.clone(),
            norm: norm_name(self.request.norm).to_owned(),
            untrained: model.untrained,
        }
    }

    /// The JSON object of a command: who, with what, how long.
    pub(crate) fn json(&self, command: &str, settings: &Value, results: &Value) -> Value {
        let model = self.model();
        let preprocess = self.extractor.preprocess(&self.request);
        json!({
            "command": command,
            "version": env!("CARGO_PKG_VERSION"),
            "model": {
                "name": model.name, "sha256": model.sha256, "untrained": model.untrained, "license": model.license,
                "config": model.config,
            },
            "device": model.device.name(),
            "maps_on": self.compute.device().map_or("cpu", |gpu| gpu.name()),
            "settings": {
                "size": preprocess.size.to_string(), "resample": preprocess.resample.to_string(),
                "layer": self.layer, "norm": norm_name(self.request.norm),
                "mean": out::numbers(&preprocess.statistics.mean), "std": out::numbers(&preprocess.statistics.std),
                command: settings,
            },
            "results": results,
            "timings_ms": self.timings.json(),
        })
    }
}

/// Opens the model of the arguments on their device.
pub(crate) fn open_model(common: &Common) -> Result<Model> {
    let device = ComputeDevice::open(common.device)?;
    // Without a home folder there are still the built-in model and files.
    let store = Store::open().ok();
    Ok(Model::open(&common.model, store.as_ref(), &device)?)
}

/// The graphics device of the model for the maps too; the CPU where there is none or it does not start.
fn compute(model: &Model, notes: &mut Vec<String>) -> Compute {
    let Some(adapter) = model.device.adapter() else {
        return Compute::cpu();
    };
    let options = Options {
        adapter: Some(adapter),
        ..Options::default()
    };
    match Gpu::headless(&options) {
        Ok(gpu) => Compute::gpu(gpu),
        Err(error) => {
            notes.push(format!("{error}; the CPU computes the maps"));
            Compute::cpu()
        }
    }
}

/// The user's store.
pub(crate) fn store() -> Result<Store> {
    Store::open().context("no model store")
}

fn cache() -> FeatureCache {
    let dir = Store::open().ok().map(|store| store.features_dir());
    FeatureCache::new(CacheOptions {
        dir,
        ..CacheOptions::default()
    })
}

/// Wall time of the steps of a command, in the order in which they first ran.
#[derive(Default)]
pub(crate) struct Timings(Vec<(&'static str, f64)>);

impl Timings {
    /// Runs `step` and adds its time under `name`.
    pub(crate) fn time<T>(&mut self, name: &'static str, step: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = step();
        self.add(name, start.elapsed().as_secs_f64() * 1e3);
        value
    }

    fn add(&mut self, name: &'static str, ms: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => *total += ms,
            None => self.0.push((name, ms)),
        }
    }

    fn json(&self) -> Value {
        let rounded = |ms: f64| json!((ms * 1e3).round() / 1e3);
        let map: Map<String, Value> = self
            .0
            .iter()
            .map(|&(name, ms)| (name.to_owned(), rounded(ms)))
            .collect();
        Value::Object(map)
    }
}
