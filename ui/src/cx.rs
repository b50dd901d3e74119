//! What panels and views get to see and to say in one frame.
//!
//! A frame reads the document and never writes it: changes are collected as [`Edit`]s and made when the frame is over, so
//! that each of them is one step of undo and nothing changes while it is drawn.

use std::collections::VecDeque;

use crate::canvas::Tool;
use crate::commands::{Command, KeyMap};
use crate::document::{
    Camera, Document, PictureId, PinId, Presentation, Project, View, ViewId, ViewKind,
};
use crate::host::Dialog;
use crate::keep::autosave::Orphan;
use crate::keep::settings::Settings as Preferences;
use crate::panels;
use crate::session::Session;

/// One frame's view of the program.
pub struct Cx<'a> {
    /// The project.
    pub document: &'a Document,
    /// Pictures, models, features, jobs.
    pub session: &'a mut Session,
    /// What is looked at, selected and pointed at.
    pub state: &'a mut UiState,
    /// Settings of the user.
    pub preferences: &'a mut Preferences,
    /// Keys of the commands.
    pub keys: &'a KeyMap,
    /// What is to be done when the frame is over.
    pub todo: &'a mut Todo,
}

impl Cx<'_> {
    /// A view by its number.
    pub fn view(&self, id: ViewId) -> Option<&View> {
        self.document.views.get(&id)
    }

    /// The active view with its number.
    pub fn active(&self) -> Option<(ViewId, &View)> {
        let id = self.state.presentation.active?;
        self.view(id).map(|view| (id, view))
    }

    /// Whether a view shares pointer and settings with the other linked ones.
    pub fn is_linked(&self, id: ViewId) -> bool {
        self.view(id).is_some_and(View::is_linked)
    }

    /// What a view shows of a picture. Linked views of one picture show the same part.
    pub fn camera(&self, view: ViewId, picture: PictureId) -> Camera {
        let cameras = &self.state.presentation.cameras;
        let found = cameras.get(&self.camera_owner(view, picture));
        found
            .and_then(|cameras| cameras.get(&picture))
            .copied()
            .unwrap_or_default()
    }

    /// Shows another part.
    pub fn set_camera(&mut self, view: ViewId, picture: PictureId, camera: Camera) {
        let owner = self.camera_owner(view, picture);
        let cameras = &mut self.state.presentation.cameras;
        cameras.entry(owner).or_default().insert(picture, camera);
    }

    fn camera_owner(&self, view: ViewId, picture: PictureId) -> ViewId {
        if !self.is_linked(view) {
            return view;
        }
        let mut sharing = self
            .document
            .views
            .iter()
            .filter(|(_, other)| other.is_linked() && other.pictures.contains(&picture));
        sharing.next().map_or(view, |(&first, _)| first)
    }

    /// Changes the document when the frame is over.
    pub fn edit(&mut self, label: &'static str, change: impl FnOnce(&mut Document) + 'static) {
        self.todo.edits.push_back(Edit {
            label,
            key: None,
            change: Box::new(change),
        });
    }

    /// The same for changes that come in numbers, as from a slider: those of one key in a row are one step of undo.
    pub fn drag(
        &mut self,
        label: &'static str,
        key: impl Into<String>,
        change: impl FnOnce(&mut Document) + 'static,
    ) {
        self.todo.edits.push_back(Edit {
            label,
            key: Some(key.into()),
            change: Box::new(change),
        });
    }

    /// Runs a command when the frame is over.
    pub fn run(&mut self, command: Command) {
        self.todo.commands.push_back(command);
    }

    /// Says something at the bottom of the window for some seconds.
    pub fn say(&mut self, message: impl Into<String>) {
        self.state.say(message);
    }
}

/// A change of the document.
pub struct Edit {
    /// Name of the message that undo shows.
    pub label: &'static str,
    /// Changes of one key in a row are one step.
    pub key: Option<String>,
    /// The change.
    pub change: Box<dyn FnOnce(&mut Document)>,
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit")
            .field("label", &self.label)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What a frame asks for.
#[derive(Debug, Default)]
pub struct Todo {
    /// Changes of the document, in order.
    pub edits: VecDeque<Edit>,
    /// Commands, in order.
    pub commands: VecDeque<Command>,
    /// Requests that need more than a command says, in order.
    pub requests: VecDeque<Request>,
}

/// What only the owner of all parts can do.
#[derive(Debug)]
pub enum Request {
    /// Opens files, folders, models or projects, whatever they are.
    Open(Vec<std::path::PathBuf>),
    /// Opens a new view of a picture.
    Show(ViewKind, PictureId),
    /// Shows a picture in the active view, or in a new one.
    Look(PictureId),
    /// Adds a picture beside what is open, with the same query.
    Beside(PictureId),
    /// Opens a view of the correspondence of two pictures.
    Match(PictureId, PictureId),
    /// Uses a model, by name or path.
    UseModel(String),
    /// Brings the tab of a view to the front.
    Activate(ViewId),
    /// Closes a view.
    Close(ViewId),
    /// Asks for a file or folder.
    Dialog(Dialog, Purpose),
    /// Writes the figure of a view.
    Figure(ViewId),
    /// Finds a missing picture by its content.
    Relink(PictureId),
    /// Runs a command for a view.
    Command(ViewId, Command),
    /// Asks where keypoints go.
    Keypoints(ViewId),
    /// Copies the numbers of a view as a table.
    CopyTable(ViewId),
    /// Asks where the PCA basis of a view goes.
    SaveBasis(ViewId),
    /// Shows an address in the browser.
    OpenUrl(String),
    /// Shows a picture in the file manager.
    Reveal(PictureId),
    /// Shows a page of the manual.
    Help(String),
    /// Saves the project, asking where if need be.
    Save {
        /// What follows once it is saved.
        then: Option<After>,
    },
    /// Goes on without saving.
    Discard(After),
    /// Opens what a session that ended badly left behind.
    Recover(Orphan<Project>),
    /// Empties the cache of features on disk and in memory.
    ClearCache,
}

/// What waits until work is saved or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Closing the window.
    Quit,
    /// A new project.
    New,
    /// Opening a project.
    Open(std::path::PathBuf),
}

/// What the answer to a dialog is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// Open what was picked.
    Open,
    /// Open a model and use it.
    OpenModel,
    /// Save the project there.
    SaveProject {
        /// What follows once it is saved.
        then: Option<After>,
    },
    /// Write a view's figure there.
    Figure(ViewId),
    /// Write a view's values there.
    Values(ViewId),
    /// Write pairs or keypoints there.
    Keypoints(ViewId),
    /// Save the PCA basis there, and freeze it if asked for.
    SaveBasis {
        /// The view whose basis it is.
        view: ViewId,
        /// Use it from now on.
        freeze: bool,
    },
    /// Use a saved PCA basis.
    LoadBasis(ViewId),
    /// Take this file for a missing picture, or search this folder for all of them.
    Relink(PictureId),
    /// A setting of an analysis that is a file.
    Setting(ViewId, &'static str),
}

/// Where the pointer, or the arrow keys, are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointer {
    /// The view that has it.
    pub view: ViewId,
    /// The picture under it.
    pub picture: PictureId,
    /// (x, y) in pixels of the picture.
    pub at: [f64; 2],
    /// Whether the arrow keys put it there.
    pub by_keys: bool,
}

/// What lies over the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sheet {
    /// Nothing.
    #[default]
    None,
    /// The list of commands.
    Palette,
    /// The keys.
    Shortcuts,
    /// Settings of the user.
    Settings,
    /// The question before work is lost, and what was wanted.
    Unsaved(After),
    /// Projects of sessions that ended badly.
    Recovery,
    /// A link from outside that waits for a yes.
    Link(Vec<std::path::PathBuf>, String),
    /// Missing pictures.
    Missing,
    /// About the program.
    About,
}

/// State of the window that no file keeps, and what [`Presentation`] keeps.
#[derive(Debug, Default)]
pub struct UiState {
    /// Tabs, cameras, selection.
    pub presentation: Presentation,
    /// What the primary button does on pictures.
    pub tool: Tool,
    /// The pin that keys belong to.
    pub pin: Option<PinId>,
    /// Where the pointer is.
    pub pointer: Option<Pointer>,
    /// What lies over the window.
    pub sheet: Sheet,
    /// Step of the lesson, if it is open.
    pub lesson: Option<usize>,
    /// The second picture of a comparison is held up.
    pub blink: bool,
    /// Panels that are shown.
    pub panels: Panels,
    /// Words to find pictures by.
    pub filter: String,
    /// Text and place of the palette.
    pub palette: PaletteState,
    /// The model that the manager describes.
    pub model: Option<String>,
    /// Access token for the hub, kept in memory only.
    pub token: String,
    /// Messages at the bottom, with the time at which they go.
    pub said: VecDeque<(String, f64)>,
    pending: Vec<String>,
    /// Whether the first start is shown although pictures are there.
    pub start: bool,
    /// Keys in the shape of a search in the shortcut sheet.
    pub shortcut_filter: String,
    /// The project's name and state, filled in by the app.
    pub project: ProjectState,
    /// The model manager.
    pub models: panels::models::State,
    /// The sheet of settings.
    pub settings: panels::settings::State,
    /// Projects of sessions that ended badly.
    pub recovery: panels::recovery::State,
    /// Missing pictures.
    pub missing: panels::missing::State,
    /// What the library keeps.
    pub library: panels::library::State,
    /// What the tabs keep.
    pub tiles: panels::tiles::State,
    /// The jobs of this frame.
    pub tray: panels::tray::State,
    /// What the first start keeps.
    pub start_page: panels::start::State,
    /// Steps of the lesson that were done.
    pub lesson_steps: panels::lesson::State,
}

/// The project's name and state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectState {
    /// Its file.
    pub path: Option<std::path::PathBuf>,
    /// Whether the file has everything.
    pub saved: bool,
    /// Whether it is being saved.
    pub busy: bool,
    /// Message of the edit that undo takes back.
    pub undo: Option<&'static str>,
    /// Message of the edit that redo repeats.
    pub redo: Option<&'static str>,
}

impl UiState {
    /// Says something at the bottom of the window for some seconds.
    pub fn say(&mut self, message: impl Into<String>) {
        self.pending.push(message.into());
    }

    /// Gives what was said a time to go; returns whether something is to be seen.
    pub fn hear(&mut self, now: f64, seconds: f64) -> bool {
        for message in self.pending.drain(..) {
            tracing::info!(message, "said");
            self.said.push_back((message, now + seconds));
        }
        while self.said.front().is_some_and(|(_, end)| *end <= now) || self.said.len() > 3 {
            self.said.pop_front();
        }
        !self.said.is_empty()
    }
}

/// Text and place of the palette.
#[derive(Debug, Default)]
pub struct PaletteState {
    /// What was typed.
    pub text: String,
    /// The chosen line.
    pub line: usize,
    /// What fits the text.
    pub found: Option<panels::palette::Found>,
}

/// Panels that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// The library at the left.
    pub library: bool,
    /// The settings at the right.
    pub inspector: bool,
    /// All jobs instead of the first one.
    pub jobs: bool,
}

impl Default for Panels {
    fn default() -> Self {
        Self {
            library: true,
            inspector: true,
            jobs: false,
        }
    }
}
