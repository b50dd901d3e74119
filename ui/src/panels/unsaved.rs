//! The question before work is lost: save, discard, or go on.

use egui::Ui;

use super::sheet::{self, Card};
use crate::cx::{Cx, Request, Sheet};
use crate::icons;
use crate::text::{tr, tr_with};
use crate::widgets::Button;

/// What the question is about.
#[derive(Debug, Default)]
pub struct State {
    /// Name of the project; none if it was never saved.
    pub project: Option<String>,
}

/// What the user decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Save, then go on with what was asked for.
    Save,
    /// Go on without saving.
    Discard,
}

/// Draws the card. Closing it keeps editing.
pub fn unsaved_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let untitled = tr(ui, "app-untitled").to_string();
    let name = cx.state.unsaved.project.clone().unwrap_or(untitled);
    let title = tr_with(ui, "project-save-changes", &[("name", name.into())]);
    let card = Card { id: "unsaved", title: &title, width: 440.0, scrolls: true };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        sheet::quiet(ui, &tr(ui, "project-save-words"));
        ui.add_space(8.0);
        let mut answer = None;
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let save = ui.add(Button::new(tr(ui, "app-save")).primary().icon(icons::FLOPPY_DISK));
            sheet::first_focus(ui, &save);
            if save.clicked() {
                answer = Some(Answer::Save);
            }
            if ui.add(Button::new(tr(ui, "project-keep-editing"))).clicked() {
                cx.state.sheet = Sheet::None;
            }
            if ui.add(Button::new(tr(ui, "project-dont-save")).ghost()).clicked() {
                answer = Some(Answer::Discard);
            }
        });
        if let Some(answer) = answer {
            cx.state.sheet = Sheet::None;
            cx.todo.requests.push_back(Request::Unsaved(answer));
        }
    });
}
