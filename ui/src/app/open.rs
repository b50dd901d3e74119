//! Opening what the user gives: pictures, folders, models, projects, figures, whatever a path is.

use std::path::{Path, PathBuf};

use dinoscope_engine::figure::read_recipe;
use dinoscope_jobs::runner::{Lane, Spec, Ticket, Title};
use dinoscope_jobs::scan::{self, Depth, Summary};
use egui::Context;
use std::sync::mpsc::{Receiver, channel};

use super::App;
use crate::cx::{Purpose, Request, Sheet};
use crate::document::{Document, PictureId, Settings, View, ViewId, ViewKind, Workspace};
use crate::host::{Dialog, DialogKind};
use crate::keep::PathText;
use crate::keep::history::CoalesceKey;
use crate::samples;

/// Longest text of a link, and most files that it may name.
const LINK_CHARS: usize = 4096;
const LINK_FILES: usize = 32;

/// A folder that is being searched for pictures.
#[derive(Debug)]
pub(super) struct Scan {
    folder: PathBuf,
    ticket: Ticket<Summary>,
    found: Receiver<Vec<PathBuf>>,
    /// Whether the first picture is to be shown.
    shows: bool,
}

/// What a path is, by its kind and ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Project,
    Model,
    Folder,
    Picture,
}

fn kind_of(path: &Path) -> Kind {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    if path.is_dir() {
        let model = [
            "config.json",
            "model.safetensors.index.json",
            "model.safetensors",
        ];
        let is_model = model.iter().any(|name| path.join(name).is_file());
        return if is_model { Kind::Model } else { Kind::Folder };
    }
    match &ending[..] {
        "dinoscope" => Kind::Project,
        "safetensors" | "pth" | "pt" => Kind::Model,
        _ => Kind::Picture,
    }
}

impl App {
    /// Does what a panel asked for.
    pub(super) fn fulfil(&mut self, ctx: &Context, request: Request) {
        match request {
            Request::Open(paths) => self.open(paths),
            Request::Show(kind, picture) => self.show(kind, picture),
            Request::Look(picture) => self.look(picture),
            Request::Beside(picture) => self.beside(picture),
            Request::Match(a, b) => self.add_view(View::pair(a, b)),
            Request::UseModel(name) => self.use_model(name),
            Request::Close(view) => self.edit_now(ctx, "edit-close-view", move |document| {
                document.views.remove(&view);
            }),
            Request::Dialog(dialog, purpose) => self.ask(dialog, purpose),
            Request::Figure(view) => self.export_figure(view),
            Request::Relink(picture) => self.ask_missing(picture),
            Request::Command(view, command) => {
                self.state.presentation.active = Some(view);
                self.command(ctx, command);
            }
            Request::OpenUrl(url) => self.host.open_url(&url),
            Request::Reveal(picture) => {
                if let Some(entry) = self.document().library.get(picture) {
                    let path = entry.path.clone();
                    self.host.reveal(&path);
                }
            }
            Request::Help(page) => self.open_help(&page),
            Request::Recover(orphan) => self.recover(orphan),
            Request::Save { then } => self.save(then),
            Request::Discard(after) => self.go_on(ctx, after),
            Request::ClearCache => self.clear_cache(),
            Request::Activate(view) => self.activate(view),
            Request::Keypoints(view) => self.export_keypoints(view),
            Request::CopyTable(view) => self.copy_table(ctx, view),
            Request::SaveBasis(view) => self.ask_basis(view, false),
        }
    }

    /// Changes the document at once.
    pub(super) fn edit_now(
        &mut self,
        ctx: &Context,
        label: &'static str,
        change: impl FnOnce(&mut Document),
    ) {
        let now = ctx.input(|input| input.time);
        let mut document = Document::clone(self.history.present());
        change(&mut document);
        self.history.edit(label, None, now, document);
    }

    fn edit_later(&mut self, label: &'static str, change: impl FnOnce(&mut Document) + 'static) {
        self.todo.edits.push_back(crate::cx::Edit {
            label,
            key: None,
            change: Box::new(change),
        });
    }

    /// Opens whatever the paths are.
    fn open(&mut self, paths: Vec<PathBuf>) {
        let mut pictures = Vec::new();
        for path in paths {
            let path = std::path::absolute(&path).unwrap_or(path);
            match kind_of(&path) {
                Kind::Project => {
                    self.open_project(&path);
                    return;
                }
                Kind::Model => self.use_model(path.to_string_lossy().into_owned()),
                Kind::Folder => self.scan(path),
                Kind::Picture => {
                    if !self.reopen(&path) {
                        pictures.push(path);
                    }
                }
            }
        }
        if !pictures.is_empty() {
            self.add_pictures(pictures);
        }
    }

    /// Adds pictures to the library and shows the first ones.
    fn add_pictures(&mut self, paths: Vec<PathBuf>) {
        for path in &paths {
            self.preferences.remember_picture(path);
        }
        let mut document = Document::clone(self.history.present());
        let ids = document
            .library
            .edit(|library| library.add_all(paths, None));
        let fresh = document.views.is_empty();
        let now = self.started.elapsed().as_secs_f64();
        self.history.edit("edit-add-pictures", None, now, document);
        self.state.start = false;
        if self.state.presentation.workspace == Workspace::Models {
            self.state.presentation.workspace = Workspace::Explore;
        }
        let mut ids = ids.into_iter();
        if let Some(first) = ids.next() {
            self.look(first);
        }
        if fresh && let Some(second) = ids.next() {
            self.beside(second);
        }
    }

    /// Searches a folder and those in it for pictures.
    fn scan(&mut self, folder: PathBuf) {
        let (sender, found) = channel();
        let name = folder.file_name().map_or_else(
            || folder.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        let spec = Spec::new(Lane::Files, Title::new("job-scan").text("name", name));
        let path = folder.clone();
        let ticket = self.session.runner.submit(spec, move |cx| {
            Ok(scan::folder(
                &path,
                Depth::Recursive,
                cx.cancel(),
                &mut |paths| {
                    // Nobody listens once the window is gone.
                    drop(sender.send(paths));
                },
            )?)
        });
        self.preferences.remember_folder(&folder);
        self.scans.push(Scan {
            folder,
            ticket,
            found,
            shows: self.document().views.is_empty(),
        });
    }

    /// Takes what searches have found.
    pub(super) fn poll_scans(&mut self, ctx: &Context) {
        use dinoscope_jobs::runner::Poll;
        let mut scans = std::mem::take(&mut self.scans);
        scans.retain_mut(|scan| {
            let outcome = scan.ticket.poll();
            let found: Vec<PathBuf> = scan.found.try_iter().flatten().collect();
            if !found.is_empty() {
                let folder = scan.folder.clone();
                let mut document = Document::clone(self.history.present());
                let ids = document
                    .library
                    .edit(|library| library.add_all(found, Some(&folder)));
                let first = ids.first().copied();
                // What comes in one after the other is one step.
                let key = Some(CoalesceKey::of(("scan", &folder)));
                let now = ctx.input(|input| input.time);
                self.history.edit("edit-add-pictures", key, now, document);
                if let Some(first) = first.filter(|_| std::mem::take(&mut scan.shows)) {
                    self.state.start = false;
                    self.look(first);
                }
            }
            match outcome {
                Poll::Waiting | Poll::Running(_) => return true,
                Poll::Done(summary) => self.tell_scan(&scan.folder, &summary),
                Poll::Failed(failure) => self.state.say(failure.message),
                Poll::Cancelled | Poll::Over => {}
            }
            false
        });
        scans.append(&mut self.scans);
        self.scans = scans;
        if !self.scans.is_empty() {
            ctx.request_repaint_after(std::time::Duration::from_millis(100));
        }
    }

    fn tell_scan(&mut self, folder: &Path, summary: &Summary) {
        let name = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let args = [
            (
                "name",
                name.unwrap_or_else(|| folder.display().to_string()).into(),
            ),
            ("count", summary.pictures.into()),
            ("unreadable", summary.unreadable.into()),
        ];
        let id = match (summary.pictures, summary.unreadable) {
            (0, _) => "library-folder-empty",
            (_, 0) => "library-folder-added",
            _ => "library-folder-troubles",
        };
        self.say_with(id, &args);
    }

    /// The sample pictures are in every new library.
    pub(super) fn add_samples(&mut self) {
        match samples::install(&self.session.folders.data) {
            Ok(paths) => {
                let folder = samples::folder(&self.session.folders.data);
                self.amend(|document| {
                    document
                        .library
                        .edit(|library| library.add_all(paths, Some(&folder)));
                });
            }
            Err(error) => self.state.say(error.to_string()),
        }
    }

    /// Shows a picture in the active view, or in a new one.
    fn look(&mut self, picture: PictureId) {
        self.state.start = false;
        let active = self.state.presentation.active;
        let view = active.and_then(|id| Some((id, self.document().views.get(&id)?)));
        match view {
            Some((id, view)) if view.pictures.len() == 1 => {
                if view.picture() != Some(picture) {
                    self.edit_later("edit-show-picture", move |document| {
                        if let Some(view) = document.views.get_mut(&id) {
                            view.pictures = vec![picture];
                        }
                    });
                }
            }
            _ => self.add_view(View::new(ViewKind::Similarity, picture)),
        }
        self.state.presentation.selected = vec![picture];
    }

    /// Opens a view of the active view's kind beside it.
    fn beside(&mut self, picture: PictureId) {
        let active = self.state.presentation.active;
        let kind = active
            .and_then(|id| self.document().views.get(&id))
            .map(|view| view.kind.clone());
        match kind {
            None | Some(ViewKind::Matches | ViewKind::Compare) => {
                self.add_view(View::new(ViewKind::Similarity, picture));
            }
            Some(kind) => self.add_view(View::new(kind, picture)),
        }
    }

    /// Opens a view of a picture.
    fn show(&mut self, kind: ViewKind, picture: PictureId) {
        self.state.presentation.workspace = match kind {
            ViewKind::Compare => Workspace::Compare,
            _ => Workspace::Explore,
        };
        if kind == ViewKind::Matches {
            self.add_match(picture);
            return;
        }
        self.add_view(View::new(kind, picture));
    }

    /// Matches a picture with the one of the active view, or with its neighbor in the library.
    pub(super) fn add_match(&mut self, picture: PictureId) {
        let document = self.document();
        let shown = document
            .views
            .values()
            .filter_map(View::picture)
            .find(|&it| it != picture);
        let library = &document.library;
        let neighbor = library
            .neighbor(picture, true)
            .or_else(|| library.neighbor(picture, false));
        let chosen = self
            .state
            .presentation
            .selected
            .iter()
            .copied()
            .find(|&it| it != picture);
        match chosen.or(shown).or(neighbor) {
            Some(other) => self.add_view(View::pair(picture, other)),
            None => self.say("matches-needs-two"),
        }
    }

    /// Opens a view and makes it the active one.
    pub(super) fn add_view(&mut self, view: View) {
        self.state.start = false;
        self.state.presentation.workspace = match view.kind {
            ViewKind::Compare => Workspace::Compare,
            _ => Workspace::Explore,
        };
        let mut document = Document::clone(self.history.present());
        let added = document.add_view(view);
        let now = self.started.elapsed().as_secs_f64();
        self.history.edit("edit-open-view", None, now, document);
        self.state.presentation.active = Some(added);
    }

    /// Uses a model in all views that name none of their own.
    fn use_model(&mut self, name: String) {
        self.state.model = Some(name.clone());
        self.preferences.remember_model(&name);
        if Path::new(&name).is_absolute() {
            self.session.models.add_file(&name);
        }
        if self.document().model != name {
            self.session.models.forget_failure(&name);
            self.edit_later("edit-use-model", move |document| document.model = name);
        }
    }

    /// Opens a figure that this program made as the view that it shows; false if it is none.
    fn reopen(&mut self, path: &Path) -> bool {
        let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        // A pipe would be waited for.
        if !ending.is_some_and(|ending| ending == "png" || ending == "svg") || !path.is_file() {
            return false;
        }
        let Ok(recipe) = read_recipe(path) else {
            return false;
        };
        let app = &recipe.settings["app"];
        let kind = serde_json::from_value::<ViewKind>(app["view"].clone());
        let settings = serde_json::from_value::<Settings>(app["settings"].clone());
        let (Ok(kind), Ok(settings)) = (kind, settings) else {
            return false;
        };
        let files = app["files"].as_array().cloned().unwrap_or_default();
        let paths: Vec<PathBuf> = files
            .iter()
            .filter_map(|file| serde_json::from_value::<PathText>(file["path"].clone()).ok())
            .map(|path| path.0)
            .collect();
        if paths.is_empty() {
            return false;
        }
        let mut document = Document::clone(self.history.present());
        let pictures = document
            .library
            .edit(|library| library.add_all(paths, None));
        let mut own = adapted(settings, &pictures);
        document.adopt(&mut own.query);
        let view = document.add_view(View {
            kind,
            pictures,
            own: Some(Box::new(own)),
        });
        let now = self.started.elapsed().as_secs_f64();
        self.history.edit("edit-reopen-figure", None, now, document);
        self.state.start = false;
        self.state.presentation.active = Some(view);
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        self.say_with(
            "export-reopened",
            &[("name", name.unwrap_or_default().into())],
        );
        true
    }

    /// Files that were dropped anywhere, and pictures that were pasted.
    pub(super) fn take_drops(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        let paths: Vec<PathBuf> = dropped
            .into_iter()
            .map(|file| file.path().to_owned())
            .collect();
        if !paths.is_empty() {
            self.todo.requests.push_back(Request::Open(paths));
        }
        let pasted = ctx.input(|input| {
            let mut images = input.events.iter().filter_map(|event| match event {
                egui::Event::PasteImage(image) => Some(std::sync::Arc::clone(image)),
                _ => None,
            });
            images.next_back()
        });
        if let Some(image) = pasted {
            self.paste(image);
        }
    }

    /// Asks for a file.
    pub(super) fn ask(&mut self, mut dialog: Dialog, purpose: Purpose) {
        dialog.id = self.next_dialog;
        self.next_dialog += 1;
        self.dialogs.insert(dialog.id, (dialog.clone(), purpose));
        self.host.dialog(dialog);
    }

    /// Does with the answer what it was asked for.
    pub(super) fn picked(&mut self, dialog: Dialog, purpose: Purpose, paths: Vec<PathBuf>) {
        let Some(mut first) = paths.first().cloned() else {
            return;
        };
        if dialog.kind == DialogKind::SaveFile {
            let full = with_ending(&first, &dialog.filters);
            let typed = std::mem::replace(&mut first, full);
            // The dialog has asked about the name as it was typed only: it has to ask about this one.
            if first != typed && std::fs::symlink_metadata(&first).is_ok() {
                let name = first.file_name().unwrap_or_default();
                let name = name.to_string_lossy().into_owned();
                self.say_with("export-name-taken", &[("name", name.clone().into())]);
                let folder = first.parent().map(Path::to_owned);
                let again = Dialog {
                    file_name: Some(name),
                    folder,
                    ..dialog
                };
                self.ask(again, purpose);
                return;
            }
        }
        match purpose {
            Purpose::Open => self.open(paths),
            Purpose::OpenModel => self.use_model(first.to_string_lossy().into_owned()),
            Purpose::SaveProject { then } => self.save_to(&first, then),
            Purpose::Figure(view) => self.write_figure(view, first),
            Purpose::Values(view) => self.write_values(view, first),
            Purpose::Keypoints(view) => self.write_keypoints(view, first),
            Purpose::SaveBasis { view, freeze } => self.save_basis(view, first, freeze),
            Purpose::LoadBasis(view) => self.load_basis(view, first),
            Purpose::Relink(_) if first.is_dir() => self.search_missing(first),
            Purpose::Relink(picture) => self.relink(vec![(picture, first)]),
            Purpose::Setting(view, name) => self.set_file(view, name, first),
        }
    }

    /// A setting of an analysis that is a file.
    fn set_file(&mut self, view: ViewId, name: &'static str, path: PathBuf) {
        self.edit_later("edit-setting", move |document| {
            if let Some(View {
                kind: ViewKind::Analysis(analysis),
                ..
            }) = document.views.get_mut(&view)
            {
                // A path with any character in it: `name=value` ends at the first `=`.
                let text = format!("{name}={}", path.display());
                if let Err(error) = analysis.set(&[text]) {
                    tracing::warn!(%error, "setting");
                }
            }
        });
    }

    /// Shows the list of missing pictures.
    fn ask_missing(&mut self, _picture: PictureId) {
        self.state.sheet = Sheet::Missing;
    }
}

/// The path with one of the endings that a dialog offers; with the first one where it has none of them.
fn with_ending(path: &Path, filters: &[(String, Vec<String>)]) -> PathBuf {
    let mut endings = filters.iter().flat_map(|(_, endings)| endings);
    let own = path
        .extension()
        .map(|own| own.to_string_lossy().to_lowercase());
    let Some(first) = endings.next() else {
        return path.to_owned();
    };
    if own.is_some_and(|own| own == *first || endings.any(|ending| own == *ending)) {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(first);
    name.into()
}

/// Settings of a figure's file with its pictures as they are numbered here.
fn adapted(mut settings: Settings, pictures: &[PictureId]) -> Settings {
    let here = pictures.first().copied();
    for pin in &mut settings.query.pins {
        if !pictures.contains(&pin.picture)
            && let Some(here) = here
        {
            pin.picture = here;
        }
    }
    settings.pca.pictures.clear();
    if let [a, b] = pictures {
        for point in &mut settings.matches.keypoints {
            point.pair = [*a, *b];
        }
    }
    settings
}

/// The files of a `dinoscope://open?file=…&file=…` link, or the message that says what is wrong with it.
pub(super) fn link_paths(link: &str) -> Result<Vec<PathBuf>, &'static str> {
    const BAD: &str = "project-link-bad";
    if link.len() > LINK_CHARS {
        return Err("project-link-long");
    }
    let rest = link.strip_prefix("dinoscope://").ok_or(BAD)?;
    let (action, query) = rest.split_once('?').unwrap_or((rest, ""));
    if action.trim_end_matches('/') != "open" {
        return Err(BAD);
    }
    let mut paths = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let Some(("file", value)) = part.split_once('=') else {
            return Err(BAD);
        };
        let path = percent_decoded(value).ok_or(BAD)?;
        let path = PathBuf::from(path);
        if !path.is_absolute() || path.components().any(|part| part.as_os_str() == "..") {
            return Err(BAD);
        }
        paths.push(path);
    }
    if paths.is_empty() || paths.len() > LINK_FILES {
        return Err(BAD);
    }
    Ok(paths)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_whole_paths_only() {
        let paths = link_paths("dinoscope://open?file=/a/b%20c.png&file=/d.dinoscope").unwrap();
        assert_eq!(
            paths,
            [PathBuf::from("/a/b c.png"), PathBuf::from("/d.dinoscope")]
        );
        for bad in [
            "dinoscope://open",
            "dinoscope://delete?file=/a",
            "dinoscope://open?file=a.png",
            "dinoscope://open?file=/a/../../etc/passwd",
            "dinoscope://open?file=/a%2",
            "dinoscope://open?file=/a%00b",
            "dinoscope://open?run=/a",
            "http://open?file=/a",
        ] {
            assert!(link_paths(bad).is_err(), "{bad}");
        }
        let long = format!("dinoscope://open?file=/{}", "a".repeat(5000));
        assert!(link_paths(&long).is_err());
    }

    #[test]
    fn a_saved_file_has_an_ending_that_opens_it_again() {
        let filters = [("PNG", "png"), ("SVG", "svg")]
            .map(|(name, ending)| (name.to_owned(), vec![ending.to_owned()]));
        for (typed, expected) in [
            ("/x/eyes", "/x/eyes.png"),
            ("/x/run v1.2", "/x/run v1.2.png"),
            ("/x/eyes.SVG", "/x/eyes.SVG"),
            ("/x/eyes.png", "/x/eyes.png"),
        ] {
            assert_eq!(
                with_ending(Path::new(typed), &filters),
                PathBuf::from(expected)
            );
        }
        assert_eq!(with_ending(Path::new("/x/y"), &[]), PathBuf::from("/x/y"));
    }

    #[test]
    fn endings_and_folders_tell_what_a_path_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kind_of(folder.path()), Kind::Folder);
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        assert_eq!(kind_of(folder.path()), Kind::Model);
        assert_eq!(kind_of(Path::new("/x/a.DINOSCOPE")), Kind::Project);
        assert_eq!(kind_of(Path::new("/x/a.pth")), Kind::Model);
        assert_eq!(kind_of(Path::new("/x/a")), Kind::Picture);
    }
}
