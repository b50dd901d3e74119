//! The project's file, what is kept against a crash, and pictures that were moved.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dinoscope_jobs::runner::{Lane, Poll, Spec, Ticket, Title};
use egui::Context;

use super::{App, Setup};
use crate::cx::{After, ProjectState, Purpose, Request, Sheet};
use crate::document::{Document, PictureId, Project, ViewId, ViewKind, Workspace};
use crate::host::{Dialog, DialogKind};
use crate::keep::autosave::{self, Autosave, Orphan};
use crate::keep::history::History;
use crate::keep::project_file;
use crate::keep::relink::{self, Fingerprint, Sha256Sum, Wanted};
use crate::keep::settings::Settings as Preferences;
use crate::keep::stored_path::{portable_path, resolve};

/// Ending of project files.
pub(super) const ENDING: &str = "dinoscope";

/// The project's file.
#[derive(Debug, Default)]
pub(super) struct Files {
    path: Option<PathBuf>,
    saving: Option<Saving>,
    loading: Option<Loading>,
    /// Title of the window.
    pub shown_title: Option<String>,
    /// What the autosave last complained about.
    complained: Option<String>,
}

#[derive(Debug)]
struct Saving {
    ticket: Ticket<()>,
    document: Arc<Document>,
    path: PathBuf,
    then: Option<After>,
}

/// A project that is being read.
#[derive(Debug)]
struct Loading {
    ticket: Ticket<Found>,
    path: PathBuf,
    /// Changes of the project that is there when it was asked for: later ones are asked about.
    changes: u64,
}

/// A project whose pictures were looked for.
#[derive(Debug)]
struct Found {
    project: Project,
    missing: usize,
    /// The version that wrote it, where that is newer than this one.
    newer: Option<String>,
}

/// A search for pictures that were moved.
#[derive(Debug)]
pub(super) struct Relink {
    ticket: Ticket<Vec<(PictureId, PathBuf)>>,
    wanted: usize,
}

impl Files {
    /// Where the project is saved.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// File name of the project.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.path.as_deref()?.file_name()?;
        Some(name.to_string_lossy().into_owned())
    }

    /// What the top bar shows.
    pub(super) fn told(&self, history: &History<Document>) -> ProjectState {
        ProjectState {
            path: self.path.clone(),
            saved: history.is_saved(),
            busy: self.saving.is_some(),
            undo: history.undo_label(),
            redo: history.redo_label(),
        }
    }
}

/// The user's settings, and what was wrong with their file.
pub(super) fn preferences(setup: &Setup) -> (Preferences, Option<String>) {
    if setup.safe {
        return (Preferences::default(), None);
    }
    let loaded = Preferences::load(&setup.folders.config);
    (loaded.settings, loaded.complaint)
}

impl App {
    pub(super) fn save_preferences(&mut self) {
        if self.safe {
            return;
        }
        if let Err(error) = self.preferences.save(&self.session.folders.config) {
            tracing::warn!(%error, "settings");
        }
    }

    /// Starts to keep what is edited, and offers what an earlier session left.
    pub(super) fn begin_autosave(&mut self) {
        let folder = self.session.folders.data.join("sessions");
        if !self.safe {
            self.state.recovery.orphans = autosave::orphans::<Project>(&folder);
            if !self.state.recovery.orphans.is_empty() {
                let count = self.state.recovery.orphans.len();
                tracing::info!(count, "sessions to recover");
                self.state.sheet = Sheet::Recovery;
            }
        }
        match Autosave::start(&folder) {
            Ok(autosave) => self.autosave = Some(autosave),
            Err(error) => self.state.say(error.to_string()),
        }
    }

    /// Opens what an earlier session left, and gives it up once it is here.
    pub(super) fn recover(&mut self, orphan: Orphan<Project>) {
        match orphan.load() {
            Ok(project) => {
                let path = orphan.project_path().map(Path::to_owned);
                let folder = path.as_deref().and_then(Path::parent);
                self.take_project(looked_for(project, folder), path, false);
                self.note();
                let written = self
                    .autosave
                    .as_ref()
                    .map(|autosave| autosave.flush(Duration::from_secs(3)));
                // The old copy goes only after the new one is there.
                if matches!(written, Some(Ok(())))
                    && let Err(error) = orphan.discard()
                {
                    self.state.say(error.to_string());
                }
            }
            Err(error) => self.state.say(error.to_string()),
        }
    }

    /// Opens a project file in place of what is there, after a question where that is not saved.
    pub(super) fn open_project(&mut self, path: &Path) {
        if self.history.is_saved() {
            self.load_project(path);
        } else {
            self.state.sheet = Sheet::Unsaved(After::Open(path.to_owned()));
        }
    }

    /// Reads it in the background: its pictures may be many, on a disk that is slow.
    fn load_project(&mut self, path: &Path) {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let title = Title::new("job-open").text("name", name.unwrap_or_default());
        let mut spec = Spec::new(Lane::Files, title);
        spec.priority = 20;
        let file = path.to_owned();
        let ticket = self.session.runner.submit(spec, move |_| {
            let loaded = project_file::load::<Project>(&file)?;
            let (project, missing) = looked_for(loaded.document, file.parent());
            Ok(Found {
                project,
                missing,
                newer: loaded.is_newer.then_some(loaded.app),
            })
        });
        self.files.loading = Some(Loading {
            ticket,
            path: path.to_owned(),
            changes: self.history.changes(),
        });
    }

    fn poll_loading(&mut self) {
        let Some(loading) = self.files.loading.take() else {
            return;
        };
        match loading.ticket.poll() {
            Poll::Waiting | Poll::Running(_) => self.files.loading = Some(loading),
            Poll::Done(_) if loading.changes != self.history.changes() => {
                self.state.sheet = Sheet::Unsaved(After::Open(loading.path));
            }
            Poll::Done(found) => {
                if let Some(version) = found.newer {
                    self.say_with("project-newer", &[("version", version.into())]);
                }
                self.preferences.remember_project(&loading.path);
                let saved = Some(loading.path);
                self.take_project((found.project, found.missing), saved, true);
            }
            Poll::Failed(failure) => self.state.say(failure.message),
            Poll::Cancelled | Poll::Over => {}
        }
    }

    /// Goes on with a project, of whose pictures some are missing.
    fn take_project(
        &mut self,
        (mut project, missing): (Project, usize),
        path: Option<PathBuf>,
        saved: bool,
    ) {
        self.explore = project
            .presentation
            .tiles
            .take()
            .unwrap_or_else(|| egui_tiles::Tree::empty(egui::Id::unique("explore")));
        self.compare = project
            .presentation
            .compare
            .take()
            .unwrap_or_else(|| egui_tiles::Tree::empty(egui::Id::unique("compare")));
        self.state.presentation = project.presentation;
        self.state.start = false;
        self.state.pin = None;
        self.files.path = path;
        self.history = History::new(project.document);
        if saved {
            self.history.mark_saved(&Arc::clone(self.history.present()));
        }
        self.session.forget_all();
        self.let_go();
        tracing::info!(
            views = self.document().views.len(),
            missing,
            "project opened"
        );
        if missing > 0 {
            self.state.sheet = Sheet::Missing;
            self.say_with("project-missing-count", &[("count", missing.into())]);
        }
    }

    /// What was begun for another project ends without a trace in this one.
    fn let_go(&mut self) {
        if let Some(saving) = self.files.saving.take() {
            saving.ticket.detach();
        }
        self.files.loading = None;
        self.relinks.clear();
        self.scans.clear();
        self.drop_freezes();
    }

    /// Saves where the project is, or asks where.
    pub(super) fn save(&mut self, then: Option<After>) {
        match self.files.path.clone() {
            Some(path) => self.save_to(&path, then),
            None => self.save_as(then),
        }
    }

    /// Asks where to save.
    pub(super) fn save_as(&mut self, then: Option<After>) {
        let dialog = Dialog {
            id: 0,
            kind: DialogKind::SaveFile,
            title: self.word("project-save-title"),
            filters: vec![(self.word("project-file-kind"), vec![ENDING.to_owned()])],
            file_name: Some(
                self.files
                    .name()
                    .unwrap_or_else(|| format!("{}.{ENDING}", self.word("app-untitled"))),
            ),
            folder: self
                .files
                .path
                .as_deref()
                .and_then(Path::parent)
                .map(Path::to_owned),
        };
        self.ask(dialog, Purpose::SaveProject { then });
    }

    /// Saves in the background; the old file stays whole whatever happens.
    pub(super) fn save_to(&mut self, path: &Path, then: Option<After>) {
        let path = path.to_owned();
        let document = Arc::clone(self.history.present());
        let mut project = self.project();
        let mut spec = Spec::new(Lane::Files, Title::new("job-save"));
        spec.priority = 20;
        let target = path.clone();
        let ticket = self.session.runner.submit(spec, move |_| {
            if let Some(folder) = target.parent() {
                project.document.library.edit(|library| {
                    for (_, entry) in library.iter_mut() {
                        entry.stored = Some(portable_path(folder, &entry.path));
                    }
                });
            }
            project_file::save(&target, &project)?;
            Ok(())
        });
        self.files.saving = Some(Saving {
            ticket,
            document,
            path,
            then,
        });
    }

    /// Takes the outcome of saving and of searches.
    pub(super) fn poll_files(&mut self, ctx: &Context) {
        self.poll_loading();
        if let Some(saving) = self.files.saving.take() {
            match saving.ticket.poll() {
                Poll::Waiting | Poll::Running(_) => self.files.saving = Some(saving),
                Poll::Done(()) => {
                    tracing::info!(path = %saving.path.display(), "project saved");
                    self.history.mark_saved(&saving.document);
                    self.preferences.remember_project(&saving.path);
                    self.files.path = Some(saving.path);
                    self.say("project-saved");
                    match saving.then {
                        // What was edited since the save began is asked about again.
                        Some(After::Quit) => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
                        Some(After::New) => self.new_project(),
                        Some(After::Open(path)) => self.open_project(&path),
                        None => {}
                    }
                }
                Poll::Failed(failure) => {
                    self.say_with("project-save-failed", &[("reason", failure.message.into())]);
                }
                Poll::Cancelled | Poll::Over => self.say("project-save-cancelled"),
            }
        }
        let complaint = self
            .autosave
            .as_ref()
            .and_then(Autosave::error)
            .map(|error| error.to_string());
        if complaint != self.files.complained {
            if let Some(complaint) = &complaint {
                self.state.say(complaint.clone());
            }
            self.files.complained = complaint;
        }
        self.poll_relinks();
    }

    /// Takes other files for missing pictures.
    pub(super) fn relink(&mut self, found: Vec<(PictureId, PathBuf)>) {
        let ctx = self.ctx.clone();
        self.edit_now(&ctx, "edit-relink", move |document| {
            document.library.edit(|library| {
                for (picture, path) in found {
                    if let Some(entry) = library.get_mut(picture) {
                        entry.path = path;
                        entry.stored = None;
                    }
                }
            });
        });
    }

    /// Searches a folder for all missing pictures by their content.
    pub(super) fn search_missing(&mut self, folder: PathBuf) {
        let missing: Vec<(PictureId, Option<Fingerprint>, PathBuf)> = self
            .document()
            .library
            .iter()
            .filter(|(_, entry)| !entry.path.exists())
            .map(|(id, entry)| {
                let sum = entry.sha256.as_deref().and_then(Sha256Sum::parse);
                let content = sum
                    .zip(entry.bytes)
                    .map(|(sha256, len)| Fingerprint { sha256, len });
                (id, content, entry.path.clone())
            })
            .collect();
        let wanted = missing.len();
        let spec = Spec::new(
            Lane::Files,
            Title::new("job-relink").number("count", wanted as f64),
        );
        let ticket = self
            .session
            .runner
            .submit(spec, move |cx| Ok(find(&folder, &missing, cx)));
        self.relinks.push(Relink { ticket, wanted });
    }

    fn poll_relinks(&mut self) {
        let mut relinks = std::mem::take(&mut self.relinks);
        relinks.retain(|relink| match relink.ticket.poll() {
            Poll::Waiting | Poll::Running(_) => true,
            Poll::Done(found) => {
                let args = [
                    ("found", found.len().into()),
                    ("wanted", relink.wanted.into()),
                ];
                self.say_with("project-relinked", &args);
                self.relink(found);
                if self
                    .document()
                    .library
                    .iter()
                    .all(|(_, entry)| entry.path.exists())
                {
                    self.state.sheet = Sheet::None;
                }
                false
            }
            Poll::Failed(failure) => {
                self.state.say(failure.message);
                false
            }
            Poll::Cancelled | Poll::Over => false,
        });
        self.relinks = relinks;
    }

    /// Does what waited for an answer, without saving: the autosave forgets what was there.
    pub(super) fn go_on(&mut self, ctx: &Context, after: After) {
        match after {
            After::Quit => self.leave(ctx),
            After::New => self.begin_project(),
            After::Open(path) => self.load_project(&path),
        }
    }

    /// Brings a view to the front.
    pub(super) fn activate(&mut self, view: ViewId) {
        let Some(kind) = self
            .document()
            .views
            .get(&view)
            .map(|view| view.kind.clone())
        else {
            return;
        };
        self.state.start = false;
        self.state.presentation.workspace = match kind {
            ViewKind::Compare => Workspace::Compare,
            _ => Workspace::Explore,
        };
        self.state.presentation.active = Some(view);
    }

    /// Empties the cache of features in memory and on disk.
    pub(super) fn clear_cache(&mut self) {
        self.session.models.clear_memory();
        let Some(folder) = self.session.models.features_dir().map(Path::to_owned) else {
            return;
        };
        let spec = Spec::new(Lane::Files, Title::new("job-clear-cache"));
        let cleared =
            self.session
                .runner
                .submit(spec, move |_| match std::fs::remove_dir_all(&folder) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                    _ => Ok(()),
                });
        cleared.detach();
    }

    /// A new project in place of the one that is there, after a question where that is not saved.
    pub(super) fn new_project(&mut self) {
        if self.history.is_saved() {
            self.begin_project();
        } else {
            self.state.sheet = Sheet::Unsaved(After::New);
        }
    }

    fn begin_project(&mut self) {
        self.take_project((Project::default(), 0), None, false);
        self.add_samples();
        self.history = History::new(Document::clone(self.history.present()));
        self.history.mark_saved(&Arc::clone(self.history.present()));
        self.todo
            .requests
            .retain(|request| !matches!(request, Request::Open(_)));
    }
}

/// The project with its pictures where they are now, seen from its folder; and how many are nowhere.
fn looked_for(mut project: Project, folder: Option<&Path>) -> (Project, usize) {
    let mut missing = 0;
    project.document.library.edit(|library| {
        for (_, entry) in library.iter_mut() {
            let stored = entry.stored.as_ref().zip(folder);
            if let Some(found) = stored.and_then(|(stored, folder)| resolve(folder, stored)) {
                entry.path = found;
            }
            missing += usize::from(!entry.path.exists());
        }
    });
    (project, missing)
}

/// Files for missing pictures: by content where it is known, by name where it is not.
fn find(
    folder: &Path,
    missing: &[(PictureId, Option<Fingerprint>, PathBuf)],
    cx: &dinoscope_jobs::runner::JobContext,
) -> Vec<(PictureId, PathBuf)> {
    let known: Vec<(PictureId, Wanted)> = missing
        .iter()
        .filter_map(|(id, content, path)| {
            let path = portable_path(folder, path);
            Some((
                *id,
                Wanted {
                    path,
                    content: (*content)?,
                },
            ))
        })
        .collect();
    let wanted: Vec<Wanted> = known.iter().map(|(_, wanted)| wanted.clone()).collect();
    let found = relink::relink(folder, &wanted, cx.cancel());
    let by_content = known
        .iter()
        .zip(found)
        .filter_map(|((id, _), found)| Some((*id, found?)));
    let mut all: Vec<(PictureId, PathBuf)> = by_content.collect();
    for (id, content, path) in missing {
        if content.is_none()
            && let Some(name) = path.file_name()
            && folder.join(name).is_file()
        {
            all.push((*id, folder.join(name)));
        }
    }
    all
}
