//! A link from outside waits here for a yes: what it would open, and that a page or program asked for it.

use std::path::PathBuf;

use egui::{Label, RichText, Ui};

use super::sheet::{self, Card};
use crate::cx::{Cx, Request, Sheet};
use crate::icons;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::{Button, Note, Tone};

/// Files that are listed; the rest is counted.
const LISTED: usize = 8;

/// Draws the card for a `link` that names `paths`. Closing it ignores the link.
pub fn link_ui(ui: &mut Ui, cx: &mut Cx<'_>, paths: &[PathBuf], link: &str) {
    let title = tr(ui, "link-title");
    let card = Card {
        id: "link",
        title: &title,
        width: 520.0,
        scrolls: true,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        sheet::quiet(ui, &tr(ui, "link-words"));
        for path in paths.iter().take(LISTED) {
            let shown = RichText::new(path.display().to_string())
                .monospace()
                .color(theme::palette(ui).text_0);
            ui.horizontal(|ui| {
                ui.label(RichText::new(icons::FILE).color(theme::palette(ui).text_2));
                ui.add(Label::new(shown).wrap().selectable(true));
            });
        }
        let more = paths.len().saturating_sub(LISTED);
        if more > 0 {
            sheet::small(
                ui,
                &tr_with(ui, "models-and-more", &[("count", more.into())]),
            );
        }
        if paths.is_empty() {
            Note::new(Tone::Warn, tr(ui, "link-nothing")).show(ui);
        }
        ui.separator();
        sheet::small(ui, &tr(ui, "link-from"));
        let shown = RichText::new(link)
            .monospace()
            .color(theme::palette(ui).text_2);
        ui.add(Label::new(shown).wrap().selectable(true));
        ui.add_space(8.0);
        sheet::actions_ui(ui, |ui| {
            if !paths.is_empty() && ui.add(Button::new(tr(ui, "link-open")).primary()).clicked() {
                cx.todo.requests.push_back(Request::Open(paths.to_vec()));
                cx.state.sheet = Sheet::None;
            }
            let ignore = ui.add(Button::new(tr(ui, "link-ignore")));
            // Enter must not open what somebody else asked for.
            sheet::first_focus(ui, &ignore);
            if ignore.clicked() {
                cx.state.sheet = Sheet::None;
            }
        });
    });
}
