//! The explorer: owner of all parts, and the order of a frame.
//!
//! A frame takes what came in (messages, finished jobs, keys), draws the panels, and then makes the changes that they asked
//! for. The window is not known here: it gives a [`egui::Ui`] and takes dialogs through [`Host`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use dinoscope_jobs::runner::Ticket;
use egui::{Context, Ui};
use egui_tiles::Tree;

mod clipboard;
mod commands;
mod export;
mod files;
mod open;
mod walk;

use crate::commands::KeyMap;
use crate::cx::{After, Cx, Purpose, Sheet, Todo, UiState};
use crate::document::{Document, PictureId, Project, ViewId, ViewKind, Workspace};
use crate::host::{Dialog, Host, Inbox, Message};
use crate::keep::autosave::Autosave;
use crate::keep::history::{CoalesceKey, History};
use crate::keep::settings::Settings as Preferences;
use crate::panels;
use crate::session::{Folders, Session};
use crate::{fonts, text, theme};

/// How long a message stays.
const SAID_SECS: f64 = 6.0;

/// What the window's owner gives to start.
pub struct Setup {
    /// Files, folders, models and projects to open.
    pub open: Vec<PathBuf>,
    /// What only the owner of the window can do.
    pub host: Box<dyn Host>,
    /// Folders of the program's own files.
    pub folders: Folders,
    /// Device of the networks; the user's choice without one.
    pub device: Option<dinoscope_engine::DeviceChoice>,
    /// Model to start with; the project's without one.
    pub model: Option<String>,
    /// Starts with default settings and offers nothing of before.
    pub safe: bool,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("open", &self.open)
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

/// The explorer.
pub struct App {
    history: History<Document>,
    state: UiState,
    session: Session,
    preferences: Preferences,
    applied: Option<Preferences>,
    keys: KeyMap,
    host: Box<dyn Host>,
    inbox: Inbox,
    messages: Receiver<Message>,
    todo: Todo,
    explore: Tree<ViewId>,
    compare: Tree<ViewId>,
    files: files::Files,
    autosave: Option<Autosave<Project>>,
    noted: Option<Arc<Document>>,
    dialogs: HashMap<u64, (Dialog, Purpose)>,
    next_dialog: u64,
    scans: Vec<open::Scan>,
    relinks: Vec<files::Relink>,
    exports: Vec<export::Export>,
    pastes: Vec<Ticket<PathBuf>>,
    started: Instant,
    leaves: bool,
    safe: bool,
    ctx: Context,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Starts the explorer on the device that `ctx` is drawn with.
    pub fn new(ctx: &Context, render: &egui_wgpu::RenderState, setup: Setup) -> Self {
        fonts::install(ctx);
        theme::install(ctx);
        // The text has a scale of its own, with the same keys.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let (preferences, complaint) = files::preferences(&setup);
        let device = setup
            .device
            .unwrap_or_else(|| preferences.device.parse().unwrap_or_default());
        let cache = preferences.cache_bytes;
        let session = Session::new(ctx, render, setup.folders.clone(), (device, cache));
        let (inbox, messages) = Inbox::new(ctx);
        let mut document = Document::default();
        if let Some(model) = &setup.model {
            document.model.clone_from(model);
        }
        let mut app = Self {
            history: History::new(document),
            state: UiState::default(),
            keys: KeyMap::new(&preferences.keys),
            session,
            preferences,
            applied: None,
            host: setup.host,
            inbox,
            messages,
            todo: Todo::default(),
            explore: Tree::empty(egui::Id::unique("explore")),
            compare: Tree::empty(egui::Id::unique("compare")),
            files: files::Files::default(),
            autosave: None,
            noted: None,
            dialogs: HashMap::new(),
            next_dialog: 1,
            scans: Vec::new(),
            relinks: Vec::new(),
            exports: Vec::new(),
            pastes: Vec::new(),
            started: Instant::now(),
            leaves: false,
            safe: setup.safe,
            ctx: ctx.clone(),
        };
        app.apply_preferences(ctx);
        app.begin_autosave();
        app.add_samples();
        app.history = History::new(Document::clone(app.history.present()));
        app.history.mark_saved(&Arc::clone(app.history.present()));
        if let Some(complaint) = complaint {
            app.state.say(complaint);
        }
        if !setup.open.is_empty() {
            app.todo
                .requests
                .push_back(crate::cx::Request::Open(setup.open));
        }
        app
    }

    /// Where the window's owner sends messages.
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// The project as it is.
    pub fn document(&self) -> &Document {
        self.history.present()
    }

    /// What is looked at.
    pub fn state(&self) -> &UiState {
        &self.state
    }

    /// What is looked at, for tests that set it.
    pub fn state_mut(&mut self) -> &mut UiState {
        &mut self.state
    }

    /// Pictures, models, features and jobs.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, to be looked into deeper.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Searches a folder for all missing pictures.
    pub fn search_in(&mut self, folder: &std::path::Path) {
        self.search_missing(folder.to_owned());
    }

    /// Runs a command in the next frame.
    pub fn run(&mut self, command: crate::commands::Command) {
        self.todo.commands.push_back(command);
    }

    /// Makes a request in the next frame.
    pub fn request(&mut self, request: crate::cx::Request) {
        self.todo.requests.push_back(request);
    }

    /// The user's settings, for tests that set them.
    pub fn preferences_mut(&mut self) -> &mut Preferences {
        &mut self.preferences
    }

    /// Whether background work is going on.
    pub fn is_busy(&self) -> bool {
        !self.session.runner.is_idle()
    }

    /// A message in the language of the window.
    fn word(&self, id: &str) -> String {
        text::tr(&self.ctx, id).to_string()
    }

    /// Shows a page of the manual in the language of the window.
    fn open_help(&mut self, page: &str) {
        let language = text::lang(&self.ctx).tag();
        self.host.open_help(&format!("{language}/{page}"));
    }

    /// Says a message at the bottom of the window.
    fn say(&mut self, id: &str) {
        let said = self.word(id);
        self.state.say(said);
    }

    /// Says a message with values.
    fn say_with(&mut self, id: &str, values: &[(&str, text::Value<'_>)]) {
        let said = self.words(id, values);
        self.state.say(said);
    }

    fn words(&self, id: &str, values: &[(&str, text::Value<'_>)]) -> String {
        text::tr_with(&self.ctx, id, values).to_string()
    }

    /// One frame of what is seen, after [`logic`](Self::logic).
    pub fn ui(&mut self, ui: &mut Ui) {
        let start = Instant::now();
        let ctx = ui.ctx().clone();
        self.take_drops(&ctx);
        let now = ctx.input(|input| input.time);
        if self.state.hear(now, SAID_SECS) {
            ctx.request_repaint_after(Duration::from_millis(500));
        }
        self.apply_preferences(&ctx);
        self.keys(ui);
        self.draw(ui);
        self.carry_out(&ctx);
        self.note();
        self.title(&ctx);
        self.session.times.frame = start.elapsed();
    }

    /// Goes on with another device after the old one was lost.
    pub fn device_changed(&mut self, render: &egui_wgpu::RenderState) {
        self.session.device_changed(render);
        self.say("canvas-device-changed");
    }

    /// The window is about to go: keeps what must be kept.
    pub fn exit(&mut self) {
        self.save_preferences();
        if let Some(autosave) = self.autosave.take() {
            if self.leaves || self.history.is_saved() {
                autosave.finish();
            } else if let Err(error) = autosave.flush(Duration::from_secs(5)) {
                tracing::error!(%error, "autosave");
            }
        }
    }

    /// What goes on whether or not the window is seen: messages, finished jobs, the question before it closes.
    pub fn logic(&mut self, ctx: &Context) {
        let document = Arc::clone(self.history.present());
        self.session.poll(ctx, &document);
        self.learn();
        while let Ok(message) = self.messages.try_recv() {
            self.hear(message);
        }
        self.poll_scans(ctx);
        self.poll_files(ctx);
        self.poll_exports(ctx);
        self.poll_pastes();
        self.take_close(ctx);
        // Anything that is being made shows its progress, without a frame for each step.
        if !self.session.runner.is_idle() {
            ctx.request_repaint_after(Duration::from_millis(100));
        }
    }

    /// Hashes of pictures that were opened go into the document, without a step of undo.
    fn learn(&mut self) {
        let learned = self.session.pictures.learned();
        if learned.is_empty() {
            return;
        }
        self.amend(move |document| {
            document.library.edit(|library| {
                for (id, sha256, bytes) in learned {
                    if let Some(entry) = library.get_mut(id) {
                        entry.sha256 = Some(sha256);
                        entry.bytes = Some(bytes);
                    }
                }
            });
        });
    }

    /// Changes the document without a step of undo: what was learned, not what was done.
    fn amend(&mut self, change: impl FnOnce(&mut Document)) {
        let mut document = Document::clone(self.history.present());
        change(&mut document);
        self.history.amend(document);
    }

    fn draw(&mut self, ui: &mut Ui) {
        let document = Arc::clone(self.history.present());
        self.session.follow(&document);
        self.state.project = self.files.told(&self.history);
        let workspace = self.state.presentation.workspace;
        let explores = |kind: &ViewKind| *kind != ViewKind::Compare;
        let mine = |wanted: bool| {
            let views = document
                .views
                .iter()
                .filter(move |(_, view)| explores(&view.kind) == wanted);
            views.map(|(&id, _)| id).collect::<Vec<ViewId>>()
        };
        panels::tiles::follow(&mut self.explore, &mine(true), &document, &mut self.state);
        panels::tiles::follow(&mut self.compare, &mine(false), &document, &mut self.state);
        self.check_active(&document);
        let mut cx = Cx {
            document: &document,
            session: &mut self.session,
            state: &mut self.state,
            preferences: &mut self.preferences,
            keys: &self.keys,
            todo: &mut self.todo,
        };
        panels::frame_ui(
            ui,
            &mut cx,
            match workspace {
                Workspace::Explore => Some(&mut self.explore),
                Workspace::Compare => Some(&mut self.compare),
                Workspace::Models => None,
            },
        );
    }

    /// The active view is one that is there and seen in the workspace.
    fn check_active(&mut self, document: &Document) {
        let wanted = match self.state.presentation.workspace {
            Workspace::Explore => true,
            Workspace::Compare => false,
            Workspace::Models => return,
        };
        let fits = |id: &ViewId| {
            document
                .views
                .get(id)
                .is_some_and(|view| (view.kind != ViewKind::Compare) == wanted)
        };
        let active = self.state.presentation.active;
        if active.is_none_or(|id| !fits(&id)) {
            self.state.presentation.active = document.views.keys().copied().rev().find(fits);
        }
        if let Some(pin) = self.state.pin
            && let Some(active) = self.state.presentation.active
            && document
                .settings(active)
                .query
                .pins
                .iter()
                .all(|other| other.id != pin)
            && pin.0 + 1 < document.next
        {
            self.state.pin = None;
        }
    }

    /// Makes the changes that the frame asked for.
    fn carry_out(&mut self, ctx: &Context) {
        let now = ctx.input(|input| input.time);
        while let Some(edit) = self.todo.edits.pop_front() {
            let mut document = Document::clone(self.history.present());
            (edit.change)(&mut document);
            let key = edit.key.map(CoalesceKey::of);
            if self.history.edit(edit.label, key, now, document) {
                ctx.request_repaint();
            }
        }
        while let Some(request) = self.todo.requests.pop_front() {
            self.fulfil(ctx, request);
            ctx.request_repaint();
        }
        while let Some(command) = self.todo.commands.pop_front() {
            self.command(ctx, command);
            ctx.request_repaint();
        }
        // Commands may have asked for edits; they are made in the same frame.
        if !self.todo.edits.is_empty() || !self.todo.requests.is_empty() {
            self.carry_out(ctx);
        }
    }

    /// Gives the autosave what changed.
    fn note(&mut self) {
        let present = self.history.present();
        if self
            .noted
            .as_ref()
            .is_some_and(|noted| Arc::ptr_eq(noted, present))
        {
            return;
        }
        self.noted = Some(Arc::clone(present));
        if self.history.is_saved() && self.files.path().is_none() {
            return;
        }
        let project = Arc::new(self.project());
        if let Some(autosave) = &self.autosave {
            autosave.note(&project, self.files.path());
        }
    }

    /// All that is saved.
    fn project(&self) -> Project {
        let mut presentation = self.state.presentation.clone();
        presentation.tiles = Some(self.explore.clone());
        presentation.compare = Some(self.compare.clone());
        Project {
            document: Document::clone(self.history.present()),
            presentation,
        }
    }

    fn title(&mut self, ctx: &Context) {
        let name = self.files.name();
        let mark = if self.history.is_saved() { "" } else { "• " };
        let title = match name {
            Some(name) => format!("{mark}{name} – Dinoscope"),
            None => format!("{mark}Dinoscope"),
        };
        if self.files.shown_title.as_ref() != Some(&title) {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.files.shown_title = Some(title);
        }
    }

    fn apply_preferences(&mut self, ctx: &Context) {
        if self.applied.as_ref() == Some(&self.preferences) {
            return;
        }
        let first = self.applied.is_none();
        let wanted = &self.preferences;
        text::set(
            ctx,
            wanted
                .language
                .as_deref()
                .map_or_else(text::Lang::of_system, text::Lang::of_locale),
        );
        ctx.set_theme(wanted.theme.preference());
        theme::set_text_scale(ctx, wanted.text_scale);
        theme::set_reduced_motion(ctx, wanted.reduced_motion.unwrap_or(false));
        self.keys = KeyMap::new(&wanted.keys);
        let old = self.applied.replace(self.preferences.clone());
        if let Some(old) = old {
            if old.device != self.preferences.device {
                let device = self.preferences.device.parse().unwrap_or_default();
                self.session.models.set_device(device);
                self.session.features = crate::session::FeatureStore::default();
            }
            if old.cache_bytes != self.preferences.cache_bytes {
                self.session.models.set_cache(self.preferences.cache_bytes);
            }
        }
        if !first {
            self.save_preferences();
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Picked { id, paths } => {
                if let Some((dialog, purpose)) = self.dialogs.remove(&id) {
                    self.picked(dialog, purpose, paths);
                }
            }
            Message::Open(paths) => self
                .todo
                .requests
                .push_back(crate::cx::Request::Open(paths)),
            Message::Link(link) => match open::link_paths(&link) {
                Ok(paths) => self.state.sheet = Sheet::Link(paths, link),
                Err(problem) => self.say(problem),
            },
        }
    }

    /// A close that would lose work is held up by a question.
    fn take_close(&mut self, ctx: &Context) {
        let asked = ctx.input(|input| input.viewport().close_requested());
        if asked && !self.leaves && !self.history.is_saved() {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.state.sheet = Sheet::Unsaved(After::Quit);
            if ctx.input(|input| input.viewport().minimized == Some(true)) {
                ctx.send_viewport_cmd(egui::ViewportCommand::Minimized(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Focus);
            }
        }
    }

    /// Closes the window without another question.
    fn leave(&mut self, ctx: &Context) {
        self.leaves = true;
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }

    /// Time since the start.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The pictures that are marked, or the one of the active view.
    fn chosen(&self) -> Vec<PictureId> {
        if !self.state.presentation.selected.is_empty() {
            return self.state.presentation.selected.clone();
        }
        let active = self.state.presentation.active;
        let view = active.and_then(|id| self.document().views.get(&id));
        view.and_then(crate::document::View::picture)
            .into_iter()
            .collect()
    }
}
