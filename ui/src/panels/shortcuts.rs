//! The sheet of shortcuts: every command that has a key, by section, with a field to search.

use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

use super::sheet::{self, Card};
use crate::commands::{Command, Section};
use crate::cx::{Cx, Sheet};
use crate::icons;
use crate::text::tr;
use crate::theme;
use crate::widgets::{Button, KeyCap, TextField};

/// Width of a column, and height of a line, in points.
const COLUMN: f32 = 340.0;
const LINE: f32 = 26.0;

/// Draws the card.
pub fn shortcuts_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let title = tr(ui, "commands-shortcuts");
    let card = Card {
        id: "shortcuts",
        title: &title,
        width: 2.0 * COLUMN + 24.0,
        scrolls: false,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        if sheet::is_new(ui) {
            cx.state.shortcut_filter.clear();
        }
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let edit = Button::new(tr(ui, "shortcuts-change")).icon(icons::KEYBOARD);
                if ui.add(edit).clicked() {
                    cx.state.settings.page = super::settings::Page::Keys;
                    cx.state.sheet = Sheet::Settings;
                }
                let hint = tr(ui, "shortcuts-search");
                let field = ui.add(TextField::search(&mut cx.state.shortcut_filter, hint));
                sheet::first_focus(ui, &field);
            });
        });
        let groups = groups(ui, cx);
        if groups.is_empty() {
            sheet::quiet(ui, &tr(ui, "app-nothing-found"));
            return;
        }
        let height = ui.ctx().content_rect().height() - 190.0;
        let scroll = ScrollArea::vertical()
            .max_height(height.max(120.0))
            .auto_shrink([false, true]);
        scroll.show(ui, |ui| columns_ui(ui, &groups));
    });
}

/// A section with its commands: name and keys.
type Group = (String, Vec<(String, String)>);

/// Sections in their order, with what fits the search; commands without a key are left to the palette.
fn groups(ui: &Ui, cx: &Cx<'_>) -> Vec<Group> {
    let words = cx.state.shortcut_filter.to_lowercase();
    let fits = |text: &str| {
        let text = text.to_lowercase();
        words.split_whitespace().all(|word| text.contains(word))
    };
    let lines = |section: Section| {
        let title = tr(ui, section.title_id()).to_string();
        let commands = Command::ALL
            .iter()
            .filter(|command| command.section() == section);
        let lines = commands.filter_map(|&command| {
            let name = tr(ui, command.name_id()).to_string();
            let keys = cx.keys.caps_text(ui, command).unwrap_or_default();
            (!keys.is_empty() && fits(&format!("{title} {name} {keys}"))).then_some((name, keys))
        });
        let lines = lines.collect::<Vec<_>>();
        (title, lines)
    };
    Section::ALL
        .into_iter()
        .map(lines)
        .filter(|(_, lines)| !lines.is_empty())
        .collect()
}

/// Two columns of about the same height; one where there is no room for two.
fn columns_ui(ui: &mut Ui, groups: &[Group]) {
    if ui.available_width() < 1.8 * COLUMN {
        for group in groups {
            group_ui(ui, group);
        }
        return;
    }
    let split = split(groups);
    ui.spacing_mut().item_spacing.x = 24.0;
    ui.columns(2, |columns| {
        for (column, groups) in columns.iter_mut().zip([&groups[..split], &groups[split..]]) {
            for group in groups {
                group_ui(column, group);
            }
        }
    });
}

/// Number of groups of the left column, which is never shorter than the right one by more than a group.
fn split(groups: &[Group]) -> usize {
    let heights = groups.iter().map(|(_, lines)| lines.len() + 2);
    let total: usize = heights.clone().sum();
    let mut sum = 0;
    for (at, height) in heights.enumerate() {
        sum += height;
        if 2 * sum >= total {
            return at + 1;
        }
    }
    groups.len()
}

fn group_ui(ui: &mut Ui, (title, lines): &Group) {
    ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
    ui.add_space(10.0);
    sheet::strong(ui, title);
    ui.add_space(2.0);
    for (name, keys) in lines {
        ui.horizontal(|ui| {
            ui.set_height(LINE);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(KeyCap::new(keys.as_str()));
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let shown = RichText::new(name).color(theme::palette(ui).text_1);
                    ui.add(Label::new(shown).truncate());
                });
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_columns_are_about_as_high() {
        let group = |lines: usize| (String::new(), vec![(String::new(), String::new()); lines]);
        assert_eq!(split(&[group(3), group(3)]), 1);
        assert_eq!(split(&[group(1), group(1), group(8)]), 3);
        assert_eq!(split(&[group(8), group(1), group(1)]), 1);
        assert_eq!(split(&[]), 0);
    }
}
