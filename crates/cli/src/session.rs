//! What a command needs to run a network: the store, the device, the model and the feature cache.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use dinoscope_engine::cache::{CacheOptions, FeatureCache};
use dinoscope_engine::features::norm_name;
use dinoscope_engine::store::Store;
use dinoscope_engine::{
    ComputeDevice, DeviceChoice, Extractor, Model, Preprocess, Provenance, Request,
};
use serde_json::{Map, Value, json};

use crate::args::{Common, Network};
use crate::out;

/// A model on a device, with a cache.
pub(crate) struct Session {
    pub(crate) extractor: Extractor,
    pub(crate) request: Request,
    layer: String,
    pub(crate) timings: Timings,
}

impl Session {
    /// Opens what the arguments name. An untrained model is announced.
    pub(crate) fn open(common: &Common, network: &Network) -> Result<Self> {
        let mut timings = Timings::default();
        let model = timings.time("load", || open_model(common))?;
        let cache = if network.no_cache {
            None
        } else {
            Some(cache())
        };
        if model.untrained {
            out::note(
                common,
                &format!(
                    "note: model {} is untrained: random weights, its maps show no learned features",
                    model.name
                ),
            );
        }
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
            extractor: Extractor::new(Arc::new(model), cache),
            request,
            layer: network.layer.to_string(),
            timings,
        })
    }

    pub(crate) fn model(&self) -> &Model {
        self.extractor.model()
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
    pub(crate) fn json(&self, command: &str, settings: &Value, results: Value) -> Value {
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
    let choice: DeviceChoice = common.device.parse()?;
    let device = ComputeDevice::open(choice)?;
    // Without a home folder there are still the built-in model and files.
    let store = Store::open().ok();
    Ok(Model::open(&common.model, store.as_ref(), &device)?)
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
        let mut map: Map<String, Value> = self
            .0
            .iter()
            .map(|&(name, ms)| (name.to_owned(), rounded(ms)))
            .collect();
        map.insert(
            "total".into(),
            rounded(self.0.iter().map(|(_, ms)| ms).sum()),
        );
        Value::Object(map)
    }
}
