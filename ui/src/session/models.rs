//! Networks: which ones there are, those that are open, what is in their files, and downloads.
//!
//! A view asks in every frame for the model that it uses. Opening happens on the network lane; at most
//! [`MOST_OPEN`] models stay in memory, the one that nobody asked for longest goes first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dinoscope_engine::cache::{CacheOptions, CacheStats, FeatureCache};
use dinoscope_engine::model::BUILTIN;
use dinoscope_engine::store::Store;
use dinoscope_engine::{ComputeDevice, DeviceChoice, Extractor, Model, Preprocess, Size};
use dinoscope_jobs::runner::{
    Failure, Lane, Runner, Slot as JobSlot, Spec, Ticket, Title, Visibility,
};

use super::slot::Slot;

mod catalog;
mod cost;
mod fetch;
mod known;
mod report;

pub use cost::Cost;
pub use fetch::{Download, Fetched};
pub use known::{Known, Place};
pub use report::{About, Family, Group, Inspected, Part, Report, Tensor, TensorState};

use catalog::Catalog;

/// Models that stay open, as long as no more of them are wanted in one frame.
pub const MOST_OPEN: usize = 3;

/// A network that is ready to run.
#[derive(Debug)]
pub struct OpenModel {
    /// Runs it and remembers its features.
    pub extractor: Arc<Extractor>,
    /// What it is.
    pub about: About,
}

impl OpenModel {
    /// The network.
    pub fn model(&self) -> &Model {
        self.extractor.model()
    }
}

#[derive(Default)]
struct Entry {
    slot: Slot<Arc<OpenModel>>,
    asked: u64,
}

/// What the cache of features holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Bytes in memory.
    pub used: u64,
    /// Most bytes in memory.
    pub limit: u64,
}

/// The device of all networks, started by the first one that is opened.
type SharedDevice = Arc<Mutex<Option<ComputeDevice>>>;

/// Models of all views and of the model manager.
pub struct Models {
    choice: DeviceChoice,
    device: SharedDevice,
    cache_bytes: u64,
    open: BTreeMap<String, Entry>,
    frame: u64,
    /// Whether a model waits for another one to go.
    waits: bool,
    catalog: Slot<Arc<Catalog>>,
    /// What the last look found; stays while a new one is under way.
    seen: Arc<Catalog>,
    list: Vec<Known>,
    files: Vec<String>,
    reports: BTreeMap<String, Slot<Inspected>>,
    sums: BTreeMap<String, Slot<String>>,
    downloads: BTreeMap<String, Download>,
    speed: cost::Speed,
}

impl Models {
    /// Nothing is opened yet; networks will run on `device`, with `cache_bytes` of features kept in memory.
    pub fn new(device: DeviceChoice, cache_bytes: u64) -> Self {
        let seen = Arc::new(Catalog::default());
        Self {
            choice: device,
            device: SharedDevice::default(),
            cache_bytes,
            open: BTreeMap::new(),
            frame: 0,
            waits: false,
            catalog: Slot::Empty,
            list: seen.list(&[]),
            seen,
            files: Vec::new(),
            reports: BTreeMap::new(),
            sums: BTreeMap::new(),
            downloads: BTreeMap::new(),
            speed: cost::Speed::default(),
        }
    }

    /// Takes what jobs have finished; true if something changed.
    pub fn poll(&mut self) -> bool {
        self.frame += 1;
        let mut changed = std::mem::take(&mut self.waits);
        for entry in self.open.values_mut() {
            changed |= entry.slot.poll();
        }
        if self.catalog.poll() {
            changed = true;
            if let Slot::Ready(found) = &self.catalog {
                self.seen = Arc::clone(found);
                self.list = self.seen.list(&self.files);
            }
        }
        for slot in self.reports.values_mut() {
            changed |= slot.poll();
        }
        for slot in self.sums.values_mut() {
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
            self.catalog = Slot::Empty;
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
        let entry = self.open.entry(name.to_owned()).or_default();
        entry.asked = self.frame;
        if let Some(ticket) = ticket {
            entry.slot.start(ticket);
        }
        &entry.slot
    }

    fn start_open(&self, name: &str, runner: &Runner) -> Ticket<Arc<OpenModel>> {
        let title = Title::new("job-open-model").text("name", self.title(name));
        let mut spec = Spec::new(Lane::Network, title);
        spec.slot = Some(JobSlot::new(format!("model/{name}")));
        spec.priority = 5;
        let (name, choice, device) = (name.to_owned(), self.choice, Arc::clone(&self.device));
        let options = self.cache_options();
        runner.submit(spec, move |cx| {
            let device = started(&device, choice)?;
            cx.checkpoint()?;
            let store = Store::open().ok();
            let model = Model::open(&name, store.as_ref(), &device)?;
            let dir = store.map(|store| store.features_dir());
            let cache = FeatureCache::new(CacheOptions { dir, ..options });
            Ok(Arc::new(OpenModel {
                about: report::of_open(&model),
                extractor: Arc::new(Extractor::new(Arc::new(model), Some(Arc::new(cache)))),
            }))
        })
    }

    /// Each open model remembers its own features, so that each gets its part of the memory.
    fn cache_options(&self) -> CacheOptions {
        CacheOptions {
            memory_bytes: self.cache_bytes / MOST_OPEN as u64,
            ..CacheOptions::default()
        }
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

    /// What a model is called on screen.
    pub fn title(&self, name: &str) -> String {
        known::title(name)
    }

    /// Looks what is in the store, once; later calls cost nothing.
    pub fn refresh(&mut self, runner: &Runner) {
        if self.catalog.is_empty() {
            let mut spec = Spec::new(Lane::Files, Title::new("job-list-models"));
            spec.visible = Visibility::Hidden;
            let files = self.files.clone();
            self.catalog
                .start(runner.submit(spec, move |_| Ok(Arc::new(Catalog::read(&files)))));
        }
    }

    /// Every model that can be named, those of this computer first.
    pub fn known(&self) -> &[Known] {
        &self.list
    }

    /// Names of the models that are on this computer.
    pub fn ready_names(&self) -> Vec<String> {
        let here = self.list.iter().filter(|known| known.is_here());
        here.map(|known| known.name.clone()).collect()
    }

    /// Lists a file or folder of the user's from now on; the name of a model that is listed already changes nothing.
    pub fn add_file(&mut self, name: &str) {
        if !self.list.iter().any(|known| known.name == name) {
            self.files.push(name.to_owned());
            self.list = self.seen.list(&self.files);
            self.catalog = Slot::Empty;
        }
    }

    /// The load report of a model on this computer; starts to read it if nobody asked before.
    pub fn report(&mut self, name: &str, runner: &Runner) -> &Slot<Inspected> {
        let title = self.title(name);
        let slot = self.reports.entry(name.to_owned()).or_default();
        if slot.is_empty() {
            let spec = Spec::new(
                Lane::Files,
                Title::new("job-inspect-model").text("name", title),
            );
            let name = name.to_owned();
            slot.start(runner.submit(spec, move |_| {
                report::inspect(&name, Store::open().ok().as_ref())
            }));
        }
        if matches!(slot, Slot::Ready(Inspected::Read(report)) if report.about.sha256.is_none()) {
            let sum = self.sums.entry(name.to_owned()).or_default();
            if sum.is_empty() {
                sum.start(start_sum(name, runner));
            }
        }
        &self.reports[name]
    }

    /// What is known of a model without reading anything: from its report, from the network, from the table.
    pub fn about(&self, name: &str) -> Option<About> {
        let read = self
            .reports
            .get(name)
            .and_then(Slot::ready)
            .and_then(Inspected::report);
        let open = self.open.get(name).and_then(|entry| entry.slot.ready());
        let mut about = match (read, open) {
            (Some(report), _) => report.about.clone(),
            (None, Some(open)) => open.about.clone(),
            (None, None) => catalog::about_released(name)?,
        };
        if about.sha256.is_none() {
            let sum = || self.sums.get(name).and_then(Slot::ready).cloned();
            about.sha256 = open.map(|open| open.model().sha256.clone()).or_else(sum);
        }
        Some(about)
    }

    fn model(&self, name: &str) -> Option<&Model> {
        let open = self.open.get(name)?.slot.ready()?;
        Some(open.model())
    }

    /// What a picture of `picture_px` (width, height) costs as an input of that size.
    pub fn predict(&self, name: &str, size: Size, picture_px: (u32, u32)) -> Option<Cost> {
        let about = self.about(name)?;
        let config = about.config.as_ref()?;
        let preprocess = Preprocess {
            size,
            patch: about.patch as u32,
            ..Preprocess::default()
        };
        let input_px = preprocess.target(picture_px.0, picture_px.1).ok()?;
        let asks_gpu = matches!(self.choice, DeviceChoice::Gpu(_) | DeviceChoice::Cuda(_));
        let on_cpu = self
            .device_name()
            .map_or(!asks_gpu, |device| device == "cpu");
        let cpu = self.seen.cpu.as_ref().filter(|_| on_cpu);
        Some(self.speed.predict((config, about.params?), input_px, cpu))
    }

    /// Takes in how long a picture of `input_px` took, for better predictions.
    pub fn note_time(&mut self, name: &str, input_px: (u32, u32), took: Duration) {
        let config = self.model(name).map(|model| model.config.clone());
        if let Some(config) = config {
            self.speed.note(&config, input_px, took);
        }
    }

    /// Number of layers of a model, where it is known.
    pub fn layers(&self, name: &str) -> Option<usize> {
        if let Some(model) = self.model(name) {
            return Some(model.config.layers());
        }
        self.about(name).map(|about| about.layers)
    }

    /// Whether the weights of a model are random, as far as it is known.
    pub fn is_untrained(&self, name: &str) -> bool {
        match self.model(name) {
            Some(model) => model.untrained,
            None if name == BUILTIN => self.seen.builtin_is_untrained,
            None => self
                .reports
                .get(name)
                .and_then(Slot::ready)
                .and_then(Inspected::report)
                .is_some_and(|report| report.about.untrained),
        }
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
        let open = self
            .open
            .get(name)
            .is_some_and(|entry| entry.slot.failure().is_some());
        let report = self.reports.get(name);
        let faulty = report
            .and_then(Slot::ready)
            .and_then(Inspected::report)
            .is_some_and(|it| !it.is_whole());
        open || faulty || report.is_some_and(|slot| slot.failure().is_some())
    }

    /// Whether the file of a model has all that its network needs.
    pub fn report_is_whole(&self, name: &str) -> bool {
        let report = self
            .reports
            .get(name)
            .and_then(Slot::ready)
            .and_then(Inspected::report);
        report.is_some_and(|report| report.is_whole())
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
        let title = self.title(&known.name);
        if let Some(ticket) = fetch::start(known, &title, token, whole, runner) {
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
        self.seen.has_token
    }

    /// Size of the main memory in bytes, where the system tells.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.seen.cpu.as_ref()?.memory_bytes
    }

    /// Folder of the store and of the features on disk.
    pub fn features_dir(&self) -> Option<&Path> {
        self.seen.features_dir.as_deref()
    }

    /// Name of the device that networks run on, once one was opened.
    pub fn device_name(&self) -> Option<String> {
        let mut open = self.open.values().filter_map(|entry| entry.slot.ready());
        open.next()
            .map(|open| open.model().device.name().to_owned())
    }

    /// The device that was asked for.
    pub fn device_choice(&self) -> DeviceChoice {
        self.choice
    }

    /// Goes on with another device: open models are opened anew there when they are asked for next.
    pub fn set_device(&mut self, choice: DeviceChoice) {
        if choice != self.choice {
            self.choice = choice;
            self.device = SharedDevice::default();
            self.open.clear();
            self.speed = cost::Speed::default();
        }
    }

    /// Keeps so many bytes of features in memory from now on; what is there is let go and comes back from disk.
    pub fn set_cache(&mut self, bytes: u64) {
        if bytes != self.cache_bytes {
            self.cache_bytes = bytes;
            self.open.clear();
        }
    }

    /// Lets go what is remembered in memory.
    pub fn clear_memory(&mut self) {
        self.open.clear();
    }

    /// Memory that features take.
    pub fn cache_use(&self) -> CacheUse {
        let stats = self
            .open
            .values()
            .filter_map(|entry| entry.slot.ready())
            .filter_map(|open| open.extractor.cache());
        let used = stats
            .map(FeatureCache::stats)
            .map(|CacheStats { memory_bytes, .. }| memory_bytes);
        CacheUse {
            used: used.sum(),
            limit: self.cache_bytes,
        }
    }
}

/// The device of all networks, started if it was not.
fn started(
    shared: &SharedDevice,
    choice: DeviceChoice,
) -> Result<ComputeDevice, dinoscope_engine::device::DeviceError> {
    let mut device = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = &*device {
        return Ok(device.clone());
    }
    let opened = ComputeDevice::open(choice)?;
    *device = Some(opened.clone());
    Ok(opened)
}

fn start_sum(name: &str, runner: &Runner) -> Ticket<String> {
    let mut spec = Spec::new(Lane::Files, Title::new("job-sum-model"));
    spec.visible = Visibility::Hidden;
    spec.priority = -10;
    let name = name.to_owned();
    runner.submit(spec, move |_| {
        report::sum(&name, Store::open().ok().as_ref())
    })
}
