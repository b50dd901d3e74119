//! Memory and disk that the program takes: features, autosaved projects, models.

use std::path::{Path, PathBuf};

use dinoscope_jobs::runner::{JobContext, JobError, Lane, Runner, Spec, Title, Visibility};
use egui::Ui;

use super::{heading, help, row, value};
use crate::cx::Cx;
use crate::icons;
use crate::session::{FeatureStore, Slot};
use crate::text::{self, tr, tr_with};
use crate::widgets::{Button, Note, NumberSlider, Tone};

/// Limits that can be chosen for features in memory, in mebibytes.
const LIMITS_MIB: std::ops::RangeInclusive<u64> = 256..=32_768;

/// What is known of the disk.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Bytes of features on disk.
    used: Slot<u64>,
    /// Number of files that were deleted.
    cleared: Slot<u64>,
}

impl State {
    fn refresh(&mut self, folder: Option<&Path>, runner: &Runner) {
        if self.cleared.poll() {
            self.used = Slot::Empty;
        }
        if let Some(folder) = folder.filter(|_| self.used.is_empty()) {
            let folder = folder.to_owned();
            let mut spec = Spec::new(Lane::Files, Title::new("job-measure-cache"));
            spec.visible = Visibility::Hidden;
            self.used.start(runner.submit(spec, move |cx| {
                let mut used = 0;
                walk(&folder, cx, &mut |path| {
                    used += std::fs::metadata(path).map_or(0, |about| about.len());
                })?;
                Ok(used)
            }));
        }
        self.used.poll();
    }

    fn clear(&mut self, folder: PathBuf, runner: &Runner) {
        let spec = Spec::new(Lane::Files, Title::new("job-clear-cache"));
        self.cleared.start(runner.submit(spec, move |cx| {
            let mut deleted = 0;
            walk(&folder, cx, &mut |path| {
                deleted += u64::from(std::fs::remove_file(path).is_ok());
            })?;
            Ok(deleted)
        }));
    }
}

/// Calls `each` for every file in a folder of the cache and in the folders below; links are not followed.
fn walk(folder: &Path, cx: &JobContext, each: &mut dyn FnMut(&Path)) -> Result<(), JobError> {
    cx.checkpoint()?;
    // A folder that is not there yet has nothing in it.
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), cx, each)?,
            Ok(kind) if kind.is_file() => each(&entry.path()),
            _ => {}
        }
    }
    Ok(())
}

/// Draws the page.
pub(super) fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    cx.session.models.refresh(&cx.session.runner);
    let folder = cx.session.models.features_dir().map(Path::to_owned);
    cx.state
        .settings
        .storage
        .refresh(folder.as_deref(), &cx.session.runner);
    heading(ui, "settings-cache");
    limit_ui(ui, cx);
    let used = cx.session.models.cache_use().used;
    value(ui, tr(ui, "settings-cache-memory"), &text::bytes(used));
    disk_ui(ui, cx, folder);
    heading(ui, "settings-folders");
    let sessions = cx.session.folders.data.join("sessions");
    path_ui(ui, "settings-autosave", &sessions);
    help(ui, &tr(ui, "settings-autosave-help"));
    path_ui(ui, "settings-config", &cx.session.folders.config.clone());
    path_ui(ui, "settings-thumbnails", &cx.session.folders.cache.clone());
}

fn limit_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let memory = ui.scope_id().with("cache-limit");
    let held: Option<u64> = ui.data(|data| data.get_temp(memory));
    let mut mib = held.unwrap_or(cx.preferences.cache_bytes >> 20);
    row(ui, "settings-cache-limit", |ui| {
        let name = tr(ui, "settings-cache-limit");
        let slider = NumberSlider::new(&mut mib, LIMITS_MIB, name)
            .step(128.0)
            .logarithmic()
            .default(2048_u64)
            .suffix(" MiB")
            .number_width(84.0);
        let response = ui.add(slider);
        // Models are opened anew with another limit: once, when the handle is let go.
        if response.dragged() {
            ui.data_mut(|data| data.insert_temp(memory, mib));
        } else if response.changed() || held.is_some() {
            ui.data_mut(|data| data.remove::<u64>(memory));
            cx.preferences.cache_bytes = mib << 20;
        }
    });
    help(ui, &tr(ui, "settings-cache-help"));
}

fn disk_ui(ui: &mut Ui, cx: &mut Cx<'_>, folder: Option<PathBuf>) {
    let Some(folder) = folder else {
        return;
    };
    let state = &cx.state.settings.storage;
    let used = state.used.ready().map_or_else(
        || tr(ui, "settings-measuring"),
        |used| text::bytes(*used).into(),
    );
    value(ui, tr(ui, "settings-cache-disk"), &used);
    path_ui(ui, "settings-cache-folder", &folder);
    let is_busy = state.cleared.is_busy();
    row(ui, "settings-cache-empty", |ui| {
        let busy = is_busy.then(|| tr(ui, "settings-clearing"));
        let clear = Button::new(tr(ui, "settings-clear-cache"))
            .icon(icons::TRASH)
            .disabled_because(busy);
        if ui.add(clear.help(tr(ui, "settings-clear-help"))).clicked() {
            let session = &mut *cx.session;
            session.models.clear_memory();
            session.features = FeatureStore::default();
            cx.state.settings.storage.clear(folder, &session.runner);
        }
    });
    if let Some(deleted) = cx.state.settings.storage.cleared.ready() {
        let said = tr_with(ui, "settings-cleared", &[("count", (*deleted).into())]);
        Note::new(Tone::Ok, said).show(ui);
    }
}

/// A folder, to be copied.
fn path_ui(ui: &mut Ui, id: &str, path: &Path) {
    let shown = path.display().to_string();
    row(ui, id, |ui| {
        let copy = Button::icon_only(icons::COPY, tr(ui, "settings-copy-path"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.add(copy).clicked() {
                ui.ctx().copy_text(shown.clone());
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let text = egui::RichText::new(&shown).monospace();
                ui.add(egui::Label::new(text).truncate().selectable(true))
                    .on_hover_text(&shown);
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_jobs::runner::Options;

    #[test]
    fn the_cache_is_measured_and_emptied_with_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("ab")).unwrap();
        std::fs::write(folder.path().join("ab/x.safetensors"), [0; 10]).unwrap();
        std::fs::write(folder.path().join("y.safetensors"), [0; 5]).unwrap();
        let runner = Runner::new(Options::new(|| {}));
        let mut state = State::default();
        let until = |state: &mut State, done: &dyn Fn(&State) -> bool| {
            let start = std::time::Instant::now();
            while !done(state) {
                assert!(start.elapsed().as_secs() < 20, "{state:?}");
                state.refresh(Some(folder.path()), &runner);
                std::thread::yield_now();
            }
        };
        until(&mut state, &|state| state.used.ready() == Some(&15));
        state.clear(folder.path().to_owned(), &runner);
        until(&mut state, &|state| state.cleared.ready() == Some(&2));
        until(&mut state, &|state| state.used.ready() == Some(&0));
    }
}
