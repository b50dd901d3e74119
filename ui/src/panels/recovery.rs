//! Projects of sessions that ended badly: each can be opened or given up.

use std::time::{Duration, SystemTime};

use egui::{Align, Layout, RichText, Ui};

use super::sheet::{self, Card};
use crate::cx::{Cx, Request, Sheet};
use crate::document::Project;
use crate::icons;
use crate::keep::autosave::Orphan;
use crate::text::{Text, tr, tr_with};
use crate::theme;
use crate::widgets::Button;

/// What was found when the program started.
#[derive(Debug, Default)]
pub struct State {
    /// Newest first. Held here, no other window is offered the same.
    pub orphans: Vec<Orphan<Project>>,
    /// Whether each of them was asked to be thrown away once: the second click does it.
    doomed: Option<usize>,
}

/// Draws the card. Closing it offers the same again at the next start.
pub fn recovery_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let title = tr(ui, "recovery-title");
    let card = Card {
        id: "recovery",
        title: &title,
        width: 520.0,
        scrolls: true,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        sheet::quiet(ui, &tr(ui, "recovery-words"));
        let mut chosen = None;
        for (at, orphan) in cx.state.recovery.orphans.iter().enumerate() {
            ui.separator();
            let is_doomed = cx.state.recovery.doomed == Some(at);
            if let Some(choice) = orphan_ui(ui, orphan, (at == 0, is_doomed)) {
                chosen = Some((at, choice));
            }
        }
        if let Some((at, choice)) = chosen {
            act(cx, at, choice);
        }
        ui.separator();
        sheet::actions_ui(ui, |ui| {
            let later = Button::new(tr(ui, "recovery-later")).help(tr(ui, "recovery-later-help"));
            if ui.add(later).clicked() {
                cx.state.sheet = Sheet::None;
            }
        });
    });
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    Open,
    Doom,
    Discard,
}

fn orphan_ui(
    ui: &mut Ui,
    orphan: &Orphan<Project>,
    (is_first, is_doomed): (bool, bool),
) -> Option<Choice> {
    let palette = theme::palette(ui);
    let name = orphan.project_path().and_then(|path| path.file_stem());
    let name = name.map_or_else(
        || tr(ui, "app-untitled"),
        |name| name.to_string_lossy().into_owned().into(),
    );
    let mut choice = None;
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(icons::CLOCK_COUNTER_CLOCKWISE)
                .size(20.0)
                .color(palette.text_2),
        );
        sheet::actions_ui(ui, |ui| {
            let open = ui.add(Button::new(tr(ui, "recovery-open")).primary());
            if is_first {
                sheet::first_focus(ui, &open);
            }
            if open.clicked() {
                choice = Some(Choice::Open);
            }
            let (id, next) = if is_doomed {
                ("recovery-discard-sure", Choice::Discard)
            } else {
                ("recovery-discard", Choice::Doom)
            };
            if ui
                .add(Button::new(tr(ui, id)).ghost().icon(icons::TRASH))
                .clicked()
            {
                choice = Some(next);
            }
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                let shown = RichText::from(name).color(palette.text_0);
                ui.add(egui::Label::new(shown).truncate());
                sheet::small(ui, &age(ui, orphan.saved_at()));
                let place = orphan.project_path();
                let place = place.map_or_else(
                    || tr(ui, "recovery-never-saved"),
                    |path| path.display().to_string().into(),
                );
                let shown = RichText::from(place).small().color(palette.text_2);
                ui.add(egui::Label::new(shown).truncate());
            });
        });
    });
    choice
}

fn act(cx: &mut Cx<'_>, at: usize, choice: Choice) {
    let state = &mut cx.state.recovery;
    state.doomed = None;
    match choice {
        Choice::Doom => state.doomed = Some(at),
        Choice::Discard => {
            if let Err(error) = state.orphans.remove(at).discard() {
                cx.say(error.to_string());
            }
        }
        Choice::Open => {
            let orphan = state.orphans.remove(at);
            cx.todo.requests.push_back(Request::Recover(orphan));
            cx.state.sheet = Sheet::None;
        }
    }
    if cx.state.recovery.orphans.is_empty() {
        cx.state.sheet = Sheet::None;
    }
}

/// How long ago something was saved, in words.
fn age(ui: &Ui, saved_at: SystemTime) -> Text {
    let age = SystemTime::now()
        .duration_since(saved_at)
        .unwrap_or_default();
    let (id, count) = age_in(age);
    tr_with(ui, id, &[("count", count.into())])
}

/// The unit that an age is told in, and how many of it.
fn age_in(age: Duration) -> (&'static str, u64) {
    let minutes = age.as_secs() / 60;
    match minutes {
        0 => ("recovery-just-now", 0),
        1..60 => ("recovery-minutes", minutes),
        60..1440 => ("recovery-hours", minutes / 60),
        _ => ("recovery-days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let age = |secs| age_in(Duration::from_secs(secs));
        assert_eq!(age(59), ("recovery-just-now", 0));
        assert_eq!(age(60), ("recovery-minutes", 1));
        assert_eq!(age(3600 * 23), ("recovery-hours", 23));
        assert_eq!(age(3600 * 50), ("recovery-days", 2));
    }
}
