//! Small pieces that views and panels share: rows, sections, boxes over pictures.

use egui::{Align, Id, Layout, Pos2, Rect, RichText, Sense, Ui, pos2, vec2};

use crate::text::{Text, tr};
use crate::theme::{self, ON_PICTURE};
use crate::widgets::{self, Section, paint};

/// Width of the labels in the inspector, in points.
const LABEL: f32 = 92.0;

/// A folding section with the title `id`.
pub fn section<R>(ui: &mut Ui, id: &'static str, content: impl FnOnce(&mut Ui) -> R) {
    let title = tr(ui, id);
    Section::new(title).id(id).show(ui, content);
}

/// A label of the inspector with its control at the right.
pub fn row<R>(ui: &mut Ui, label: &'static str, content: impl FnOnce(&mut Ui) -> R) -> R {
    let label = tr(ui, label);
    labelled(ui, &label, content)
}

/// The same with a finished label.
pub fn labelled<R>(ui: &mut Ui, label: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        ui.set_min_height(28.0);
        let (rect, response) = ui.allocate_exact_size(vec2(LABEL, 28.0), Sense::hover());
        let color = theme::palette(ui).text_2;
        let galley = paint::line_of_text(ui.painter(), label, paint::body(), color, LABEL);
        let cut = galley.elided;
        paint::text_in(ui.painter(), rect, rect.left(), galley);
        if cut {
            response.on_hover_text(label);
        }
        content(ui)
    })
    .inner
}

/// A label with a switch at the right end of the row; returns whether it was turned.
pub fn switch_row(ui: &mut Ui, label: &'static str, on: &mut bool) -> bool {
    let name = tr(ui, label);
    let mut changed = false;
    ui.horizontal(|ui| {
        ui.set_min_height(28.0);
        ui.label(RichText::new(&*name).color(theme::palette(ui).text_1));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            changed = ui.add(widgets::Switch::new(on, name.clone())).changed();
        });
    });
    changed
}

/// A name at the left, its value at the right.
pub fn value_row(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal(|ui| {
        ui.set_min_height(22.0);
        ui.label(RichText::new(name).color(theme::palette(ui).text_2));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let value = RichText::new(value)
                .monospace()
                .color(theme::palette(ui).text_0);
            ui.add(egui::Label::new(value).selectable(true));
        });
    });
}

/// Text in the semibold face.
pub fn strong(ui: &Ui, text: &str) -> RichText {
    RichText::new(text)
        .text_style(theme::strong())
        .color(theme::palette(ui).text_0)
}

/// Small text in the color of labels.
pub fn faint(ui: &Ui, text: &str) -> RichText {
    RichText::new(text).small().color(theme::palette(ui).text_2)
}

/// The letter of a picture on its accent ground.
pub fn letter(ui: &mut Ui, letter: &str) {
    let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
    let palette = theme::palette(ui);
    ui.painter().rect_filled(rect, 4.0, palette.accent_bg);
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        letter,
        paint::small(),
        palette.accent,
    );
}

/// Numbers in a dark box beside `near`, inside `bounds`: it keeps a distance, flips at edges and never covers what it
/// tells of.
pub fn read_out(ui: &Ui, bounds: Rect, near: Rect, rows: &[(Text, String)]) {
    let filled = rows
        .iter()
        .fold(widgets::ReadOut::new(), |read_out, (name, value)| {
            read_out.row(name.clone(), value.clone())
        });
    filled.paint(&ui.painter_at(bounds), near.center(), bounds, near);
}

/// Tells a screen reader the value of a canvas.
pub fn announce(ui: &Ui, id: Id, value: &str) {
    ui.ctx()
        .accesskit_node_builder(id, |node| node.set_value(value));
}

/// A small box with an icon over a picture, its upper left corner at `at`.
pub fn floating_chip(ui: &Ui, at: Pos2, icon: &str, text: &str) {
    chip(ui, at, icon, text, 0.0);
}

/// The same with its upper right corner at `at`.
pub fn floating_chip_right(ui: &Ui, at: Pos2, icon: &str, text: &str) {
    chip(ui, at, icon, text, 1.0);
}

fn chip(ui: &Ui, at: Pos2, icon: &str, text: &str, align: f32) {
    let painter = ui.painter();
    let room = (ui.max_rect().width() - 24.0).clamp(40.0, 480.0);
    let galley = paint::line_of_text(painter, text, paint::small(), ON_PICTURE.value, room - 34.0);
    let size = vec2(galley.size().x + 34.0, 24.0);
    let rect = Rect::from_min_size(at - vec2(size.x * align, 0.0), size);
    let stroke = egui::Stroke::new(1.0, ON_PICTURE.box_line);
    painter.rect(
        rect,
        6.0,
        ON_PICTURE.box_fill,
        stroke,
        egui::StrokeKind::Inside,
    );
    paint::icon(
        painter,
        pos2(rect.left() + 14.0, rect.center().y),
        icon,
        13.0,
        ON_PICTURE.label,
    );
    paint::text_in(painter, rect, rect.left() + 26.0, galley);
}

/// A quiet line in the middle of what is left of `ui`.
pub fn waiting(ui: &mut Ui, text: &str) {
    let rect = ui.available_rect_before_wrap();
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        text,
        paint::body(),
        theme::palette(ui).text_2,
    );
    ui.allocate_rect(rect, Sense::hover());
}

/// An error in the middle of `ui`: what happened, why, and one thing to do. True if that was pressed.
pub fn error_note(ui: &mut Ui, cause: &str, message: &str, action: Option<&str>) -> bool {
    let room = ui.available_rect_before_wrap();
    let width = (room.width() - 32.0).clamp(120.0, 440.0);
    let top = (room.center().y - 60.0).max(room.top() + 8.0);
    let rect = Rect::from_min_size(
        pos2(room.center().x - width / 2.0, top),
        vec2(width, (room.bottom() - top).max(40.0)),
    );
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(rect));
    let mut note = widgets::Note::error(message).cause(cause);
    if let Some(action) = action {
        note = note.action(action);
    }
    let pressed = note.show(&mut child).action;
    ui.allocate_rect(room, Sense::hover());
    pressed
}

/// A number with `digits` after the point, the same in all languages: it stands beside other numbers.
pub fn decimal(value: f32, digits: usize) -> String {
    format!("{value:.digits$}")
}

/// The same with its sign.
pub fn signed(value: f32, digits: usize) -> String {
    format!("{value:+.digits$}")
}

/// A count, grouped as the language does.
pub fn count(ui: &Ui, number: usize) -> String {
    crate::text::count(ui, number as u64)
}
