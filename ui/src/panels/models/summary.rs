//! The top of the middle: what the model is called, what it is good for, and what can be done with it.

use egui::{Align, Label, Layout, RichText, Ui};

use super::super::sheet;
use crate::commands::Command;
use crate::cx::{Cx, Request};
use crate::document::{Axis, Variation};
use crate::icons;
use crate::session::models::{Known, Place};
use crate::text::{Text, tr};
use crate::theme;
use crate::widgets::Button;

/// Draws title, sentence and buttons.
pub(super) fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    let name = cx.session.models.title(ui, &model.name);
    let sentence = tr(ui, sentence_id(model));
    let is_narrow = ui.available_width() < 560.0;
    let head = |ui: &mut Ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let shown = RichText::new(&name)
            .text_style(theme::title())
            .color(theme::palette(ui).text_0);
        ui.add(Label::new(shown).wrap());
        sheet::quiet(ui, &sentence);
    };
    if is_narrow {
        ui.vertical(head);
        ui.horizontal_wrapped(|ui| buttons_ui(ui, cx, model));
        return;
    }
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            // From right to left, so that the text takes what is left.
            ui.horizontal(|ui| buttons_ui(ui, cx, model));
            ui.with_layout(Layout::top_down(Align::Min), head);
        });
    });
}

/// Draws one button: of a model, with the reason why it cannot be used, and whether it is in use.
type Action = fn(&mut Ui, &mut Cx<'_>, &Known, Option<&Text>, bool);

fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    let is_used = model.name == cx.document.model;
    let blocked = why_not(ui, cx, model);
    let mut actions: [Action; 3] = [compare_ui, copy_ui, use_ui];
    if ui.layout().prefer_right_to_left() {
        actions.reverse();
    }
    for action in actions {
        action(ui, cx, model, blocked.as_ref(), is_used);
    }
}

fn compare_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, blocked: Option<&Text>, is_used: bool) {
    let alone = is_used.then(|| tr(ui, "models-compare-same"));
    let compare = Button::new(tr(ui, "app-compare"))
        .icon(icons::COLUMNS)
        .help(tr(ui, "models-compare-help"))
        .disabled_because(blocked.cloned().or(alone));
    if ui.add(compare).clicked() {
        compare_with(cx, &model.name);
    }
}

/// Sets the comparison to the project's model beside this one, and shows it.
fn compare_with(cx: &mut Cx<'_>, name: &str) {
    let (own, other) = (cx.document.model.clone(), name.to_owned());
    cx.edit("edit-compare-models", move |document| {
        let compare = &mut document.settings.compare;
        compare.columns = Axis::Models;
        compare.column_values = vec![Variation::Model(own), Variation::Model(other)];
        compare.rows = Axis::Nothing;
        compare.row_values = vec![Variation::Same];
    });
    cx.run(Command::Compare);
}

fn copy_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, _: Option<&Text>, _: bool) {
    let copy = Button::new(tr(ui, "models-copy-command")).icon(icons::TERMINAL_WINDOW);
    let command = command_line(model);
    if ui.add(copy.help(command.clone())).clicked() {
        ui.ctx().copy_text(command);
        cx.say(tr(ui, "app-copied").to_string());
    }
}

fn use_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, blocked: Option<&Text>, is_used: bool) {
    if is_used {
        let on = Button::new(tr(ui, "models-in-use-button"))
            .icon(icons::CHECK)
            .on(true);
        ui.add(on.help(tr(ui, "models-in-use-help")));
        return;
    }
    let mut take = Button::new(tr(ui, "models-use")).disabled_because(blocked.cloned());
    if blocked.is_none() {
        take = take.primary();
    }
    if ui.add(take).clicked() {
        cx.todo
            .requests
            .push_back(Request::UseModel(model.name.clone()));
    }
}

/// Why a model cannot be used, if it cannot.
fn why_not(ui: &Ui, cx: &Cx<'_>, model: &Known) -> Option<Text> {
    let models = &cx.session.models;
    let id = if !model.is_here() {
        "models-not-here"
    } else if models.is_blocked(&model.name) || models.is_broken(&model.name) {
        "models-refused-help"
    } else {
        return None;
    };
    Some(tr(ui, id))
}

/// The same on the command line: what is in the file, or how to get it.
fn command_line(model: &Known) -> String {
    let verb = if matches!(model.place, Place::Hub) {
        "download"
    } else {
        "info"
    };
    format!("dinoscope model {verb} {}", quoted(&model.name))
}

/// A word of a command line, quoted where a shell would take it apart.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:\\+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Message that says in a sentence what a model is good for.
fn sentence_id(model: &Known) -> &'static str {
    match (model.place, model.name.as_str()) {
        (Place::BuiltIn, _) => "models-about-builtin",
        (_, "vits16" | "vits16plus") => "models-about-small",
        (_, "vitb16") => "models-about-base",
        (_, "vitl16" | "vitl16plus") => "models-about-large",
        (_, "vitl16-sat") => "models-about-satellite",
        (_, "vith16plus") => "models-about-huge",
        (_, "vit7b16" | "vit7b16-sat") => "models-about-7b",
        (_, "convnext_tiny" | "convnext_small" | "convnext_base" | "convnext_large") => {
            "models-about-convnext"
        }
        _ => "models-about-file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_is_one_word_for_a_shell() {
        assert_eq!(quoted("/a/b.pth"), "/a/b.pth");
        assert_eq!(quoted("/a b/c's.pth"), r"'/a b/c'\''s.pth'");
        assert_eq!(quoted(""), "''");
    }
}
