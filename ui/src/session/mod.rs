//! What the project's data becomes at run time: pixels, models, features, textures, jobs.
//!
//! Nothing in here is saved, and everything can be made again from the document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dinoscope_engine::DeviceChoice;
use dinoscope_engine::analysis::{CancelToken, Compute, Context as AnalysisContext};
use dinoscope_jobs::runner::{Options, Runner};

mod display;
mod features;
mod fits;
mod memory;
pub mod models;
mod painting;
pub mod pictures;
mod slot;

pub use display::{Display, Placed, Texture};
pub use features::{Answer, FeatureKey, FeatureStore, Ready};
pub use fits::{COMPONENTS, Fit, FitKey, FitState, Fits, Projected};
pub use memory::Memory;
pub use models::{Models, OpenModel};
pub use painting::{Content, Painted, Painting};
pub use pictures::{OpenPicture, Pictures};
pub use slot::Slot;

use crate::document::{Document, Library, Shared, ViewId};
use crate::views::ViewState;

/// Folders that the program writes its own files to.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Thumbnails and other things that may be lost.
    pub cache: PathBuf,
    /// Projects that are not saved yet, pasted pictures, samples.
    pub data: PathBuf,
    /// The user's settings.
    pub config: PathBuf,
}

impl Folders {
    /// The folders of the system's conventions; folders in the temporary one where there is no home.
    pub fn of_user() -> Self {
        match directories::ProjectDirs::from("org", "dinoscope", "dinoscope") {
            Some(known) => Self {
                cache: known.cache_dir().to_owned(),
                data: known.data_dir().to_owned(),
                config: known.config_dir().to_owned(),
            },
            None => Self::below(&std::env::temp_dir().join("dinoscope")),
        }
    }

    /// Three folders below one.
    pub fn below(root: &Path) -> Self {
        Self {
            cache: root.join("cache"),
            data: root.join("data"),
            config: root.join("config"),
        }
    }
}

/// How long the last steps took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Encoding and submitting a map.
    pub map: Duration,
    /// The code of the window in the last frame.
    pub frame: Duration,
}

/// Everything that lives as long as the window.
pub struct Session {
    /// Background work.
    pub runner: Arc<Runner>,
    /// The device that the window is drawn with.
    pub display: Display,
    /// Pixels and thumbnails.
    pub pictures: Pictures,
    /// Networks.
    pub models: Models,
    /// Features.
    pub features: FeatureStore,
    /// Joint bases of principal components.
    pub fits: Fits,
    /// How long things took.
    pub times: Times,
    /// What the program takes of the main memory.
    pub memory: Memory,
    /// The program's folders.
    pub folders: Folders,
    /// Text of the read-out in this frame, for the clipboard.
    pub read_out: Option<String>,
    /// Text of the read-out in the frame before.
    pub last_read_out: Option<String>,
    views: BTreeMap<ViewId, ViewState>,
    /// The library that the pictures were last compared with.
    library: Shared<Library>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("display", &self.display)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Starts the threads; networks run on `device`.
    pub fn new(
        ctx: &egui::Context,
        render: &egui_wgpu::RenderState,
        folders: Folders,
        (device, cache_bytes): (DeviceChoice, u64),
    ) -> Self {
        let woken = ctx.clone();
        let runner = Runner::new(Options::new(move || woken.request_repaint()));
        Self {
            runner: Arc::new(runner),
            display: Display::new(render),
            pictures: Pictures::new(folders.cache.join("thumbnails")),
            models: Models::new(device, cache_bytes),
            features: FeatureStore::default(),
            fits: Fits::default(),
            times: Times::default(),
            memory: Memory::default(),
            read_out: None,
            last_read_out: None,
            views: BTreeMap::new(),
            library: Shared::default(),
            folders,
        }
    }

    /// Takes what jobs have finished since the last frame.
    pub fn poll(&mut self, ctx: &egui::Context, document: &Document) {
        self.last_read_out = self.read_out.take();
        self.follow(document);
        let changed =
            self.pictures.poll(ctx) | self.models.poll() | self.features.poll() | self.fits.poll();
        for (model, input_px, took) in self.features.timed() {
            self.models.note_time(&model, input_px, took);
        }
        self.views.retain(|id, _| document.views.contains_key(id));
        if changed {
            ctx.request_repaint();
        }
    }

    /// Forgets what belongs to pictures that the document has no more, or has from other files; before anything of it is
    /// drawn.
    pub fn follow(&mut self, document: &Document) {
        if self.library.is_same(&document.library) {
            return;
        }
        self.library = document.library.clone();
        let gone = self.pictures.follow(&document.library);
        for &picture in &gone {
            self.features.forget_picture(picture);
            self.fits.forget_picture(picture);
        }
        for (id, state) in &mut self.views {
            let view = document.views.get(id);
            if view.is_some_and(|view| view.pictures.iter().any(|id| gone.contains(id))) {
                *state = ViewState::default();
            }
        }
    }

    /// What a view keeps.
    pub fn view(&mut self, id: ViewId) -> &mut ViewState {
        self.views.entry(id).or_default()
    }

    /// Whether a widget is the canvas of a view.
    pub fn is_canvas(&self, id: egui::Id) -> bool {
        self.views.values().any(|view| view.canvas_id == Some(id))
    }

    /// The features of `key`; starts whatever is missing for them.
    pub fn features_of(&mut self, document: &Document, key: &FeatureKey) -> Answer {
        if let Some(ready) = self.features.peek(key) {
            let ready = Arc::clone(ready);
            // Asking keeps it from being let go.
            self.features.ask(key, None, None, &self.runner);
            return Answer::Ready(ready);
        }
        let Some(entry) = document.library.get(key.picture) else {
            return Answer::Waiting;
        };
        let picture = match self.pictures.ask(key.picture, entry, &self.runner) {
            Ok(picture) => picture.cloned(),
            Err(failure) => return Answer::Failed(failure.message.clone()),
        };
        let extractor = match self.models.ask(&key.model, &self.runner) {
            Slot::Ready(open) => Some(Arc::clone(&open.extractor)),
            Slot::Failed(failure) => return Answer::Failed(failure.message.clone()),
            _ => None,
        };
        self.features
            .ask(key, picture.as_ref(), extractor.as_ref(), &self.runner)
    }

    /// Forgets what belongs to another project.
    pub fn forget_all(&mut self) {
        self.views.clear();
        self.features = FeatureStore::default();
        self.fits = Fits::default();
        self.pictures.forget_all();
    }

    /// Tries again what failed with a model.
    pub fn try_again(&mut self, model: &str) {
        self.features.forget(model);
        self.models.forget_failure(model);
    }

    /// Where analyses run: on the processor, since the device is the window's and must not be kept waiting.
    pub fn analysis_context(cancel: &CancelToken) -> AnalysisContext {
        AnalysisContext {
            compute: Compute::cpu(),
            cancel: cancel.clone(),
        }
    }

    /// Goes on with another device after the old one was lost.
    pub fn device_changed(&mut self, render: &egui_wgpu::RenderState) {
        for view in self.views.values_mut() {
            view.paintings.clear();
        }
        self.pictures.device_changed();
        self.display = Display::new(render);
    }
}
