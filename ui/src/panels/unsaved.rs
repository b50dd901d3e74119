//! The question before work is lost: save, discard, or go on.

use egui::Ui;

use super::sheet::{self, Card};
use crate::cx::{After, Cx, Request, Sheet};
use crate::icons;
use crate::text::{tr, tr_with};
use crate::widgets::Button;

/// Draws the card; `after` follows an answer. Closing it keeps editing.
pub fn unsaved_ui(ui: &mut Ui, cx: &mut Cx<'_>, after: After) {
    let name = sheet::project_name(ui, cx.state.project.path.as_deref());
    let title = tr_with(ui, "project-save-changes", &[("name", name.into())]);
    let card = Card {
        id: "unsaved",
        title: &title,
        width: 440.0,
        scrolls: true,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        sheet::quiet(ui, &tr(ui, "project-save-words"));
        ui.add_space(8.0);
        sheet::actions_ui(ui, |ui| {
            let save = ui.add(
                Button::new(tr(ui, "app-save"))
                    .primary()
                    .icon(icons::FLOPPY_DISK),
            );
            sheet::first_focus(ui, &save);
            if save.clicked() {
                cx.state.sheet = Sheet::None;
                cx.todo.requests.push_back(Request::Save {
                    then: Some(after.clone()),
                });
            }
            if ui
                .add(Button::new(tr(ui, "project-keep-editing")))
                .clicked()
            {
                cx.state.sheet = Sheet::None;
            }
            if ui
                .add(Button::new(tr(ui, "project-dont-save")).ghost())
                .clicked()
            {
                cx.state.sheet = Sheet::None;
                cx.todo.requests.push_back(Request::Discard(after));
            }
        });
    });
}
