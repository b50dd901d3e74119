//! What the program does by itself: nothing that leaves this computer, unless it is switched on here.

use egui::Ui;

use super::super::sheet;
use super::{heading, help, row};
use crate::commands::Command;
use crate::cx::{Cx, Sheet};
use crate::icons;
use crate::keep::settings::Settings;
use crate::text::tr;
use crate::widgets::{Button, Note, Tone};

/// What the page keeps between frames.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Everything was asked to be reset once: the second click does it.
    is_doomed: bool,
}

/// Draws the page.
pub(super) fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    Note::new(Tone::Info, tr(ui, "settings-privacy"))
        .cause(tr(ui, "app-local-only"))
        .show(ui);
    ui.add_space(4.0);
    row(ui, "settings-updates", |ui| {
        ui.label(&*tr(ui, "settings-updates-off"));
    });
    help(ui, &tr(ui, "settings-updates-help"));
    row(ui, "settings-samples", |ui| {
        if ui
            .add(Button::new(tr(ui, "settings-show-start")).icon(icons::IMAGES))
            .clicked()
        {
            leave(cx, Command::Start);
        }
        if ui
            .add(Button::new(tr(ui, "start-lesson")).icon(icons::GRADUATION_CAP))
            .clicked()
        {
            leave(cx, Command::Lesson);
        }
    });
    row(ui, "settings-recent", |ui| {
        let none = cx.preferences.recent_projects.is_empty()
            && cx.preferences.recent_pictures.is_empty()
            && cx.preferences.recent_folders.is_empty()
            && cx.preferences.recent_models.is_empty();
        let why = none.then(|| tr(ui, "settings-recent-none"));
        if ui
            .add(Button::new(tr(ui, "settings-forget-recent")).disabled_because(why))
            .clicked()
        {
            cx.preferences.forget_recent();
        }
    });
    heading(ui, "settings-reset");
    sheet::quiet(ui, &tr(ui, "settings-reset-words"));
    reset_ui(ui, cx);
}

fn leave(cx: &mut Cx<'_>, command: Command) {
    cx.state.sheet = Sheet::None;
    cx.run(command);
}

fn reset_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let is_doomed = cx.state.settings.program.is_doomed;
    ui.horizontal(|ui| {
        let id = if is_doomed {
            "settings-reset-sure"
        } else {
            "settings-reset-all"
        };
        if ui
            .add(Button::new(tr(ui, id)).icon(icons::ARROW_COUNTER_CLOCKWISE))
            .clicked()
        {
            if is_doomed {
                reset(cx.preferences);
            }
            cx.state.settings.program.is_doomed = !is_doomed;
        }
        if is_doomed && ui.add(Button::new(tr(ui, "app-keep")).ghost()).clicked() {
            cx.state.settings.program.is_doomed = false;
        }
    });
}

/// Everything as at the first start; what was opened last is no setting and stays.
///
/// Field by field: the settings also remember what the file had, by which they know what to write.
fn reset(settings: &mut Settings) {
    let default = Settings::default();
    settings.language = default.language;
    settings.theme = default.theme;
    settings.text_scale = default.text_scale;
    settings.reduced_motion = default.reduced_motion;
    settings.device = default.device;
    settings.cache_bytes = default.cache_bytes;
    settings.keys = default.keys;
    settings.library_width = default.library_width;
    settings.inspector_width = default.inspector_width;
    settings.figure_scale = default.figure_scale;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_written_and_keeps_what_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::load(folder.path()).settings;
        settings.text_scale = 1.5;
        settings.device = "cpu".to_owned();
        settings.remember_project(std::path::Path::new("/a.dinoscope"));
        settings.save(folder.path()).unwrap();
        reset(&mut settings);
        settings.save(folder.path()).unwrap();
        let read = Settings::load(folder.path()).settings;
        assert_eq!((read.text_scale, read.device.as_str()), (1.0, "auto"));
        assert_eq!(read.recent_projects.len(), 1);
    }
}
