//! Features of pictures as views ask for them.
//!
//! A view asks in every frame for what it shows. What nobody asked for lately is let go; the engine's cache still has it
//! in memory or on disk, so that it comes back without the network.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dinoscope_engine::analysis::Subject;
use dinoscope_engine::features::norm_name;
use dinoscope_engine::preprocess::Resample;
use dinoscope_engine::{Extractor, FeatureMap, LayerFeatures, Norm, Provenance, Size};
use dinoscope_jobs::runner::{Lane, Progress, Runner, Slot as JobSlot, Spec, Title, Unit};
use image::RgbImage;

use super::pictures::OpenPicture;
use super::slot::Slot;
use crate::document::{FeatureSettings, PictureId};

/// What nobody asked for during so many frames is let go.
const KEPT_FRAMES: u64 = 600;
/// What is being computed and nobody asked for during so many frames is given up.
const WANTED_FRAMES: u64 = 30;
/// Layers are computed together, for a quick change of the layer, while they take no more memory than this in all.
const ALL_LAYERS_BYTES: usize = 192 << 20;

/// Names the features of one layer of one picture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeatureKey {
    /// The picture.
    pub picture: PictureId,
    /// Name or path of the model.
    pub model: String,
    /// Size of the network's input.
    pub size: Size,
    /// How the picture is resampled.
    pub resample: Resample,
    /// 0-based layer; the last without one.
    pub layer: Option<usize>,
    /// Whether the final norm is applied.
    pub norm_is_final: bool,
}

impl FeatureKey {
    /// The features that `settings` ask for; `model` is the project's.
    pub fn new(picture: PictureId, settings: &FeatureSettings, model: &str) -> Self {
        Self {
            picture,
            model: settings.model.clone().unwrap_or_else(|| model.to_owned()),
            size: settings.size,
            resample: settings.resample,
            layer: settings.layer,
            norm_is_final: settings.norm == Norm::Final,
        }
    }

    fn settings(&self) -> FeatureSettings {
        FeatureSettings {
            model: Some(self.model.clone()),
            size: self.size,
            resample: self.resample,
            layer: self.layer,
            norm: if self.norm_is_final {
                Norm::Final
            } else {
                Norm::None
            },
        }
    }
}

/// Features with all that analyses and figures need.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The layer that was asked for.
    pub layer: Arc<LayerFeatures>,
    /// As the analyses see it.
    pub subject: Arc<Subject>,
    /// How they were made.
    pub provenance: Provenance,
    /// Size of the network's input in pixels.
    pub input_px: (u32, u32),
    /// Time of the network; none if they came from the cache.
    pub took: Option<Duration>,
    /// Each patch divided by its length, made when first asked for.
    unit: Arc<std::sync::OnceLock<FeatureMap>>,
}

impl Ready {
    /// Patches `[rows, cols, dim]` of length one.
    pub fn unit(&self) -> &FeatureMap {
        self.unit.get_or_init(|| self.layer.patches.normalised())
    }
}

struct Entry {
    slot: Slot<Arc<Ready>>,
    asked: u64,
}

/// What a view gets for its question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// They are there.
    Ready(Arc<Ready>),
    /// They are being computed.
    Busy(Progress),
    /// Picture or model are not there yet.
    Waiting,
    /// They cannot be had.
    Failed(String),
}

impl Answer {
    /// The features, if they are there.
    pub fn ready(&self) -> Option<&Arc<Ready>> {
        match self {
            Self::Ready(ready) => Some(ready),
            _ => None,
        }
    }
}

/// Features of all views.
#[derive(Default)]
pub struct FeatureStore {
    entries: HashMap<FeatureKey, Entry>,
    frame: u64,
    /// Time of the last run of a network.
    last: Option<Duration>,
    /// Runs that were timed and not yet told: model, size of the input, time.
    timed: Vec<(String, (u32, u32), Duration)>,
}

impl FeatureStore {
    /// Takes what jobs have finished; true if something changed.
    pub fn poll(&mut self) -> bool {
        self.frame += 1;
        let mut changed = false;
        #[expect(clippy::iter_over_hash_type, reason = "each entry stands alone")]
        for (key, entry) in &mut self.entries {
            if entry.slot.poll() {
                changed = true;
                tracing::debug!(picture = key.picture.0, model = key.model, "features");
                if let Some(took) = entry.slot.ready().and_then(|ready| ready.took) {
                    self.last = Some(took);
                    if let Some(ready) = entry.slot.ready() {
                        self.timed.push((key.model.clone(), ready.input_px, took));
                    }
                }
            }
        }
        let frame = self.frame;
        self.entries.retain(|_, entry| {
            let kept = if entry.slot.is_busy() {
                WANTED_FRAMES
            } else {
                KEPT_FRAMES
            };
            entry.asked + kept > frame
        });
        changed
    }

    /// Time of the last run of a network.
    pub fn last(&self) -> Option<Duration> {
        self.last
    }

    /// Runs that were timed since the last call: model, size of the input, time.
    pub fn timed(&mut self) -> Vec<(String, (u32, u32), Duration)> {
        std::mem::take(&mut self.timed)
    }

    /// The features of `key`; starts to compute them if they are not there.
    pub fn ask(
        &mut self,
        key: &FeatureKey,
        picture: Option<&Arc<OpenPicture>>,
        extractor: Option<&Arc<Extractor>>,
        runner: &Runner,
    ) -> Answer {
        let frame = self.frame;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry {
            slot: Slot::Empty,
            asked: frame,
        });
        entry.asked = frame;
        if entry.slot.is_empty() {
            let (Some(picture), Some(extractor)) = (picture, extractor) else {
                return Answer::Waiting;
            };
            entry.slot.start(start(key, picture, extractor, runner));
        }
        match &entry.slot {
            Slot::Ready(ready) => Answer::Ready(Arc::clone(ready)),
            Slot::Busy(_, progress) => Answer::Busy(*progress),
            Slot::Failed(failure) => Answer::Failed(failure.message.clone()),
            Slot::Empty => Answer::Waiting,
        }
    }

    /// The features of `key` if they are there, without asking for them.
    pub fn peek(&self, key: &FeatureKey) -> Option<&Arc<Ready>> {
        self.entries.get(key)?.slot.ready()
    }

    /// Tries again what failed, and forgets what a model made that is no more.
    pub fn forget(&mut self, model: &str) {
        self.entries.retain(|key, _| key.model != model);
    }

    /// Forgets what was made of a picture.
    pub fn forget_picture(&mut self, picture: PictureId) {
        self.entries.retain(|key, _| key.picture != picture);
    }
}

fn start(
    key: &FeatureKey,
    picture: &Arc<OpenPicture>,
    extractor: &Arc<Extractor>,
    runner: &Runner,
) -> dinoscope_jobs::runner::Ticket<Arc<Ready>> {
    let title = Title::new("job-features").text("name", picture.name.clone());
    let mut spec = Spec::new(Lane::Network, title);
    spec.slot = Some(JobSlot::new(format!("features/{key:?}")));
    spec.priority = 10;
    let (key, picture, extractor) = (key.clone(), Arc::clone(picture), Arc::clone(extractor));
    runner.submit(spec, move |cx| {
        let settings = key.settings();
        let last = extractor.model().config.layers() - 1;
        let wanted = settings.layer.unwrap_or(last).min(last);
        let mut request = settings.request();
        let (width, height) = (picture.picture.width(), picture.picture.height());
        request.preprocess.size = extractor.preprocess(&request).fitted(width, height);
        request.layers = layers(&extractor, &picture, wanted, last, &request.preprocess);
        let start = Instant::now();
        let mut progress = |done, total| cx.progress(done as u64, total as u64, Unit::Blocks);
        let features =
            extractor.features_until(&picture.picture, &request, cx.cancel(), &mut progress)?;
        let took = (!features.cached).then(|| start.elapsed());
        let input_px = features.input_px;
        let layer = features
            .layers
            .into_iter()
            .find(|layer| layer.layer == wanted)
            .ok_or_else(|| dinoscope_jobs::runner::Failure::new("the network gave no layer"))?;
        let layer = Arc::new(layer);
        let model = extractor.model();
        Ok(Arc::new(Ready {
            subject: Arc::new(subject(&picture.name, &layer, &picture.rgb)),
            provenance: Provenance {
                model: model.name.clone(),
                sha256: model.sha256.clone(),
                size: request.preprocess.size.to_string(),
                layer: settings.layer_name(),
                norm: norm_name(settings.norm).to_owned(),
                untrained: model.untrained,
            },
            layer,
            input_px,
            took,
            unit: Arc::default(),
        }))
    })
}

/// The last layer alone, or all of them once another one is looked at and the memory allows it.
fn layers(
    extractor: &Extractor,
    picture: &OpenPicture,
    wanted: usize,
    last: usize,
    preprocess: &dinoscope_engine::Preprocess,
) -> Vec<usize> {
    if wanted == last {
        return vec![last];
    }
    let request = dinoscope_engine::Request {
        preprocess: preprocess.clone(),
        layers: Vec::new(),
        norm: Norm::Final,
    };
    let target = extractor
        .preprocess(&request)
        .target(picture.picture.width(), picture.picture.height());
    let patch = extractor.model().patch();
    let tokens = target.map_or(0, |(width, height)| {
        (width / patch) as usize * (height / patch) as usize
    });
    let bytes = tokens * extractor.model().config.dim() * 4 * (last + 1);
    if tokens > 0 && bytes <= ALL_LAYERS_BYTES {
        (0..=last).collect()
    } else {
        vec![wanted]
    }
}

fn subject(name: &str, layer: &LayerFeatures, rgb: &Arc<RgbImage>) -> Subject {
    Subject {
        name: name.to_owned(),
        grid: layer.grid,
        features: layer.patches.clone(),
        cls: layer.cls.clone().into(),
        registers: layer.registers.clone().into(),
        picture: Some(Arc::clone(rgb)),
    }
}
