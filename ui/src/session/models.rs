//! Networks: which ones there are, those that are open, what is in their files, and downloads.
//!
//! A view asks in every frame for the model that it uses. Opening happens on the network lane; at most
//! [`MOST_OPEN`] models stay in memory, the one that nobody asked for longest goes first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dinoscope_engine::cache::CacheOptions;
use dinoscope_engine::device::cpu;
use dinoscope_engine::model::{BUILTIN, ModelReport, list};
use dinoscope_engine::store::{DownloadOptions, Store};
use dinoscope_engine::{DeviceChoice, Preprocess, Size};
use dinoscope_jobs::features::measure;
use dinoscope_jobs::model::Models as Work;
use dinoscope_jobs::predict::{Basis, Network, Speeds};
use dinoscope_jobs::runner::{
    Failure, Lane, Runner, Slot as JobSlot, Spec, Ticket, Title, Visibility,
};
use egui::Context;

use super::slot::Slot;
use crate::text::tr;

mod about;
mod fetch;
mod known;

pub use about::{About, Inspected};
pub use dinoscope_jobs::model::LoadedModel as OpenModel;
pub use fetch::{Download, Fetched};
pub use known::{Known, Place};

/// Message that is the built-in model's name.
const BUILTIN_TITLE: &str = "models-built-in";

/// Models that stay open, as long as no more of them are wanted in one frame.
pub const MOST_OPEN: usize = 3;

#[derive(Default)]
struct Entry {
    slot: Slot<Arc<OpenModel>>,
    asked: u64,
}

/// What one look at this computer finds.
#[derive(Clone, Debug, Default)]
struct Seen {
    list: Vec<Known>,
    memory_bytes: Option<u64>,
    has_token: bool,
}

/// What the cache of features holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Bytes in memory.
    pub used: u64,
    /// Most bytes in memory.
    pub limit: u64,
}

/// What a picture will cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Patches of the picture.
    pub tokens: usize,
    /// Time in seconds.
    pub seconds: f64,
    /// Memory in bytes, weights included.
    pub bytes: u64,
    /// Whether the time rests on runs of this very network.
    pub is_measured: bool,
    /// Size that the input really gets: pictures can be too long for the one that was asked for.
    pub size: Size,
}

/// Models of all views and of the model manager.
pub struct Models {
    work: Arc<Work>,
    store: Option<Store>,
    speeds: Arc<Speeds>,
    features_dir: Option<PathBuf>,
    choice: DeviceChoice,
    cache_bytes: u64,
    open: BTreeMap<String, Entry>,
    frame: u64,
    /// Whether a model waits for another one to go.
    waits: bool,
    /// Measures a device that was never measured, once a model is open on it.
    measure: Slot<()>,
    /// Times that are not kept yet.
    timed: Vec<(Network, (u32, u32), Duration)>,
    seen: Slot<Seen>,
    /// What the last look found; stays while a new one is under way.
    last_seen: Seen,
    files: Vec<PathBuf>,
    reports: BTreeMap<String, Slot<Inspected>>,
    downloads: BTreeMap<String, Download>,
}

impl Models {
    /// Nothing is opened yet; networks will run on `device`, with `cache_bytes` of features kept in memory.
    pub fn new(device: DeviceChoice, cache_bytes: u64) -> Self {
        Self::with_store(Store::open().ok(), device, cache_bytes)
    }

    fn with_store(store: Option<Store>, device: DeviceChoice, cache_bytes: u64) -> Self {
        let features_dir = store.as_ref().map(Store::features_dir);
        let options = CacheOptions {
            memory_bytes: cache_bytes,
            ..CacheOptions::default()
        };
        let speeds = features_dir
            .as_ref()
            .map(|folder| Speeds::open(folder.with_file_name("speeds.json")));
        // Without a look at the store, the released models are still known.
        let listed = list(None).unwrap_or_default().into_iter();
        Self {
            work: Arc::new(Work::new(store.clone(), options)),
            store,
            speeds: Arc::new(speeds.unwrap_or_else(Speeds::in_memory)),
            features_dir,
            choice: device,
            cache_bytes,
            open: BTreeMap::new(),
            frame: 0,
            waits: false,
            measure: Slot::Empty,
            timed: Vec::new(),
            seen: Slot::Empty,
            last_seen: Seen {
                list: known::sorted(listed.map(|listed| Known::of(listed, None)).collect()),
                ..Seen::default()
            },
            files: Vec::new(),
            reports: BTreeMap::new(),
            downloads: BTreeMap::new(),
        }
    }

    /// Takes what jobs have finished; true if something changed.
    pub fn poll(&mut self) -> bool {
        self.frame += 1;
        let mut changed = std::mem::take(&mut self.waits) | self.measure.poll();
        for entry in self.open.values_mut() {
            changed |= entry.slot.poll();
        }
        if self.seen.poll() {
            changed = true;
            if let Slot::Ready(seen) = &self.seen {
                self.last_seen = seen.clone();
            }
        }
        for slot in self.reports.values_mut() {
            changed |= slot.poll();
        }
        changed | self.poll_downloads()
    }

    fn poll_downloads(&mut self) -> bool {
        let mut changed = false;
        let mut arrived = Vec::new();
        for (name, download) in &mut self.downloads {
            if download.slot.poll() {
                changed = true;
                if download.slot.ready() == Some(&Fetched::Done) {
                    arrived.push(name.clone());
                }
            }
        }
        for name in arrived {
            self.forget_failure(&name);
            self.seen = Slot::Empty;
        }
        changed
    }

    /// The model `name`; starts to open it if nobody asked before.
    pub fn ask(&mut self, name: &str, runner: &Runner) -> &Slot<Arc<OpenModel>> {
        let is_held = self
            .open
            .get(name)
            .is_some_and(|entry| !entry.slot.is_empty());
        let ticket = (!is_held && self.make_room()).then(|| self.start_open(name, runner));
        self.measure_once(name, runner);
        self.keep_times(runner);
        let entry = self.open.entry(name.to_owned()).or_default();
        entry.asked = self.frame;
        if let Some(ticket) = ticket {
            entry.slot.start(ticket);
        }
        &entry.slot
    }

    fn start_open(&self, name: &str, runner: &Runner) -> Ticket<Arc<OpenModel>> {
        let mut spec = Spec::new(Lane::Network, job_title("job-open-model", name));
        spec.slot = Some(JobSlot::new(format!("model/{name}")));
        spec.priority = 5;
        let (work, name, choice) = (Arc::clone(&self.work), name.to_owned(), self.choice);
        runner.submit(spec, move |cx| Ok(Arc::new(work.open(&name, choice, cx)?)))
    }

    /// Lets the model go that nobody asked for longest, if there are as many as may be; false if all are in use.
    fn make_room(&mut self) -> bool {
        let holds = |entry: &Entry| entry.slot.ready().is_some() || entry.slot.is_busy();
        if self.open.values().filter(|entry| holds(entry)).count() < MOST_OPEN {
            return true;
        }
        let frame = self.frame;
        let idle = self
            .open
            .iter()
            .filter(|(_, entry)| holds(entry) && entry.asked + 1 < frame);
        let oldest = idle.min_by_key(|(_, entry)| entry.asked);
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.open.remove(&name);
            return true;
        }
        self.waits = true;
        false
    }

    /// Runs a small input when a model is open on a device of which no time is known, after all that is waited for.
    fn measure_once(&mut self, name: &str, runner: &Runner) {
        if !self.measure.is_empty() {
            return;
        }
        let Some(open) = self.open.get(name).and_then(|entry| entry.slot.ready()) else {
            return;
        };
        let mut spec = Spec::new(Lane::Network, Title::new("job-measure-device"));
        spec.visible = Visibility::Hidden;
        spec.priority = -10;
        let (extractor, speeds) = (Arc::clone(&open.extractor), Arc::clone(&self.speeds));
        self.measure
            .start(runner.submit(spec, move |cx| Ok(measure(&extractor, &speeds, cx)?)));
    }

    /// Tries a model again that could not be opened or read.
    pub fn forget_failure(&mut self, name: &str) {
        if self
            .open
            .get(name)
            .is_some_and(|entry| entry.slot.failure().is_some())
        {
            self.open.remove(name);
        }
        let is_bad = |slot: &Slot<Inspected>| {
            slot.failure().is_some() || matches!(slot, Slot::Ready(Inspected::Blocked(_)))
        };
        if self.reports.get(name).is_some_and(is_bad) {
            self.reports.remove(name);
        }
    }

    /// What a model is called on screen, the built-in one in the language of `ctx`.
    pub fn title(&self, ctx: &Context, name: &str) -> String {
        if name == BUILTIN {
            tr(ctx, BUILTIN_TITLE).to_string()
        } else {
            known::title(name)
        }
    }

    /// Looks what is in the store, once; later calls cost nothing.
    pub fn refresh(&mut self, runner: &Runner) {
        if self.seen.is_empty() {
            let mut spec = Spec::new(Lane::Files, Title::new("job-list-models"));
            spec.visible = Visibility::Hidden;
            let (work, files) = (Arc::clone(&self.work), self.files.clone());
            self.seen.start(runner.submit(spec, move |_| {
                let listed = work.list(&files)?.into_iter().map(|listed| {
                    let bytes = listed.path.as_deref().and_then(known::length);
                    Known::of(listed, bytes)
                });
                Ok(Seen {
                    list: known::sorted(listed.collect()),
                    memory_bytes: cpu().memory_bytes,
                    has_token: DownloadOptions::from_env().token.is_some(),
                })
            }));
        }
    }

    /// Every model that can be named, those of this computer first.
    pub fn known(&self) -> &[Known] {
        &self.last_seen.list
    }

    /// Names of the models that are on this computer.
    pub fn ready_names(&self) -> Vec<String> {
        let here = self.known().iter().filter(|known| known.is_here());
        here.map(|known| known.name.clone()).collect()
    }

    /// Lists a file or folder of the user's from now on; the name of a model that is listed already changes nothing.
    pub fn add_file(&mut self, name: &str) {
        if !self.last_seen.list.iter().any(|known| known.name == name) {
            self.files.push(name.into());
            let list = std::mem::take(&mut self.last_seen.list).into_iter();
            self.last_seen.list = known::sorted(list.chain([Known::file(name)]).collect());
            self.seen = Slot::Empty;
        }
    }

    /// The load report of a model on this computer; starts to read it if nobody asked before.
    pub fn report(&mut self, name: &str, runner: &Runner) -> &Slot<Inspected> {
        let slot = self.reports.entry(name.to_owned()).or_default();
        if slot.is_empty() {
            let spec = Spec::new(Lane::Files, job_title("job-inspect-model", name));
            let (work, name) = (Arc::clone(&self.work), name.to_owned());
            slot.start(runner.submit(spec, move |cx| about::inspect(&work, &name, cx)));
        }
        slot
    }

    fn read_report(&self, name: &str) -> Option<&ModelReport> {
        let open = self
            .open
            .get(name)
            .and_then(|entry| entry.slot.ready())
            .map(|open| &open.report);
        let read = || {
            self.reports
                .get(name)
                .and_then(Slot::ready)
                .and_then(Inspected::report)
        };
        open.or_else(read).map(|report| &**report)
    }

    /// What is known of a model without reading anything: from its report, else from the table of released ones.
    pub fn about(&self, name: &str) -> Option<About> {
        self.read_report(name).map_or_else(
            || About::of_released(name),
            |report| Some(About::of_report(report)),
        )
    }

    /// What a picture of `picture_px` (width, height) costs as an input of that size; nothing before a device is known.
    pub fn predict(&self, name: &str, size: Size, picture_px: (u32, u32)) -> Option<Cost> {
        let About {
            config,
            params,
            sha256,
            ..
        } = self.about(name)?;
        let device = self.device_name()?;
        let patch = config.patch() as u32;
        let preprocess = Preprocess {
            size,
            patch,
            ..Preprocess::default()
        };
        let size = preprocess.fitted(picture_px.0, picture_px.1);
        let fitted = Preprocess { size, ..preprocess };
        let input_px = fitted.target(picture_px.0, picture_px.1).ok()?;
        let network = Network {
            sha256: sha256.unwrap_or_default(),
            fused: device == "cpu",
            device,
            config,
        };
        let cost = self.speeds.cost(&network, input_px);
        Some(Cost {
            tokens: (input_px.0 / patch) as usize * (input_px.1 / patch) as usize,
            seconds: cost.seconds?,
            bytes: cost.bytes + 4 * params,
            is_measured: cost.basis == Basis::Measured,
            size,
        })
    }

    /// Takes in how long a picture of `input_px` took, for better predictions.
    pub fn note_time(&mut self, name: &str, input_px: (u32, u32), took: Duration) {
        if let Some(open) = self.open.get(name).and_then(|entry| entry.slot.ready()) {
            self.timed
                .push((Network::of(open.extractor.model()), input_px, took));
        }
    }

    /// Keeps the times that were taken in: on another thread, since they go to a file.
    fn keep_times(&mut self, runner: &Runner) {
        if self.timed.is_empty() {
            return;
        }
        let mut spec = Spec::new(Lane::Files, Title::new("job-measure-device"));
        spec.visible = Visibility::Hidden;
        let (timed, speeds) = (std::mem::take(&mut self.timed), Arc::clone(&self.speeds));
        let kept = runner.submit(spec, move |_| {
            for (network, input_px, took) in timed {
                speeds.record(&network, input_px, took);
            }
            Ok(())
        });
        kept.detach();
    }

    /// Number of layers of a model, where it is known.
    pub fn layers(&self, name: &str) -> Option<usize> {
        let read = self.read_report(name).map(|report| report.config.layers());
        read.or_else(|| Some(About::of_released(name)?.config.layers()))
    }

    /// Whether the weights of a model are random, as far as it is known.
    pub fn is_untrained(&self, name: &str) -> bool {
        self.read_report(name)
            .is_some_and(|report| report.untrained)
    }

    /// Whether a file asks for code to be run and was therefore not opened.
    pub fn is_blocked(&self, name: &str) -> bool {
        matches!(
            self.reports.get(name),
            Some(Slot::Ready(Inspected::Blocked(_)))
        )
    }

    /// Whether a model was tried and cannot be used.
    pub fn is_broken(&self, name: &str) -> bool {
        let unread = self
            .reports
            .get(name)
            .is_some_and(|slot| slot.failure().is_some());
        let faulty = self
            .read_report(name)
            .is_some_and(|report| !report.is_complete());
        self.failure(name).is_some() || unread || faulty
    }

    /// Whether a model is being opened.
    pub fn is_opening(&self, name: &str) -> bool {
        self.open
            .get(name)
            .is_some_and(|entry| entry.slot.is_busy())
    }

    /// Why a model could not be opened.
    pub fn failure(&self, name: &str) -> Option<&Failure> {
        self.open.get(name)?.slot.failure()
    }

    /// Downloads a model, or only looks whether it would be given if it is not to be `whole`.
    ///
    /// An empty `token` leaves the choice to the environment. The user has accepted the license by now.
    pub fn fetch(&mut self, known: &Known, token: &str, whole: bool, runner: &Runner) {
        let title = known::title(&known.name);
        if let Some(ticket) =
            fetch::start((known, &title), token, whole, self.store.clone(), runner)
        {
            self.downloads
                .entry(known.name.clone())
                .or_default()
                .slot
                .start(ticket);
        }
    }

    /// The download of a model that runs, or how the last one ended.
    pub fn download(&self, name: &str) -> Option<&Download> {
        self.downloads.get(name)
    }

    /// Stops a download; what has arrived is kept for the next try.
    pub fn cancel_download(&mut self, name: &str) {
        self.downloads.remove(name);
    }

    /// Whether the environment has an access token for the hub.
    pub fn has_token(&self) -> bool {
        self.last_seen.has_token
    }

    /// Size of the main memory in bytes, where the system tells.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.last_seen.memory_bytes
    }

    /// Folder of the features on disk.
    pub fn features_dir(&self) -> Option<&Path> {
        self.features_dir.as_deref()
    }

    /// Name of the device that networks run on, once one was opened.
    pub fn device_name(&self) -> Option<String> {
        let mut open = self.open.values().filter_map(|entry| entry.slot.ready());
        open.next()
            .map(|open| open.extractor.model().device.name().to_owned())
    }

    /// Why that device was taken, where the choice was left open.
    pub fn device_reason(&self) -> Option<String> {
        let mut open = self.open.values().filter_map(|entry| entry.slot.ready());
        open.next()?.device_reason.clone()
    }

    /// The device that was asked for.
    pub fn device_choice(&self) -> DeviceChoice {
        self.choice
    }

    /// Goes on with another device: open models are opened anew there when they are asked for next.
    pub fn set_device(&mut self, choice: DeviceChoice) {
        if choice != self.choice {
            self.choice = choice;
            self.open.clear();
            self.measure = Slot::Empty;
        }
    }

    /// Keeps so many bytes of features in memory from now on.
    pub fn set_cache(&mut self, bytes: u64) {
        self.cache_bytes = bytes;
        self.work.cache().set_memory_limit(bytes);
    }

    /// Lets go what is remembered in memory.
    pub fn clear_memory(&mut self) {
        self.work.cache().set_memory_limit(0);
        self.work.cache().set_memory_limit(self.cache_bytes);
    }

    /// Memory that features take.
    pub fn cache_use(&self) -> CacheUse {
        CacheUse {
            used: self.work.cache().stats().memory_bytes,
            limit: self.cache_bytes,
        }
    }
}

/// What a job for a model is called: the window knows the built-in one's name in its language.
fn job_title(message: &'static str, name: &str) -> Title {
    let title = Title::new(message);
    if name == BUILTIN {
        title.message("name", BUILTIN_TITLE)
    } else {
        title.text("name", known::title(name))
    }
}

#[cfg(test)]
mod tests;
