//! Progress: a bar with its numbers, and the thin line of work whose end is unknown.

use egui::{Rect, Response, Role, Sense, Ui, Widget, WidgetInfo, pos2, vec2};

use crate::{icons, text::Text, theme};

use super::paint;

/// A bar 6 high; without a fraction it moves.
#[derive(Debug, Clone)]
#[must_use = "a bar does nothing until it is added to a ui"]
pub struct ProgressBar {
    fraction: Option<f32>,
    name: Text,
    width: Option<f32>,
    color: Option<egui::Color32>,
}

impl ProgressBar {
    /// A bar that is full at 1; `name` is what is read aloud.
    pub fn new(fraction: Option<f32>, name: impl Into<Text>) -> Self {
        Self {
            fraction: fraction.map(|it| {
                if it.is_finite() {
                    it.clamp(0.0, 1.0)
                } else {
                    0.0
                }
            }),
            name: name.into(),
            width: None,
            color: None,
        }
    }

    /// This wide instead of as wide as there is room.
    pub const fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    /// In this color of the palette instead of the accent.
    pub const fn color(mut self, color: egui::Color32) -> Self {
        self.color = Some(color);
        self
    }
}

impl Widget for ProgressBar {
    fn ui(self, ui: &mut Ui) -> Response {
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let (rect, response) = ui.allocate_exact_size(vec2(width, 6.0), Sense::hover());
        response.widget_info(|| WidgetInfo {
            label: Some(self.name.to_string()),
            value: self.fraction.map(|it| f64::from(it) * 100.0),
            ..WidgetInfo::new(Role::ProgressIndicator)
        });
        let palette = theme::palette(ui);
        let color = self.color.unwrap_or(palette.accent);
        ui.painter().rect_filled(rect, 3.0, palette.active);
        match self.fraction {
            Some(fraction) => {
                let filled = rect.with_max_x(rect.left() + rect.width() * fraction);
                ui.painter().rect_filled(filled, 3.0, color);
            }
            None => moving(ui, rect, 3.0, color),
        }
        response
    }
}

/// Draws the line of a busy pane, 2 high at the top of `pane`. It moves while it is seen.
pub fn busy_bar(ui: &Ui, pane: Rect) {
    let rect = pane.with_max_y(pane.top() + 2.0);
    moving(ui, rect, 0.0, theme::palette(ui).accent);
}

/// Draws a part that runs over `rect`, or the whole of it where motion is off.
fn moving(ui: &Ui, rect: Rect, radius: f32, color: egui::Color32) {
    if !ui.is_rect_visible(rect) {
        return;
    }
    if theme::reduced_motion(ui) {
        ui.painter()
            .rect_filled(rect, radius, color.gamma_multiply(0.5));
        return;
    }
    let turn = (ui.input(|input| input.time) % 1.5 / 1.5) as f32;
    let left = rect.left() + rect.width() * (turn * 1.3 - 0.3);
    let part = Rect::from_x_y_ranges(left..=left + rect.width() * 0.3, rect.y_range());
    ui.painter()
        .rect_filled(part.intersect(rect), radius, color);
    ui.ctx().request_repaint_after_secs(1.0 / 30.0);
}

/// A job in a line 44 high: name and detail, bar, numbers.
#[derive(Debug, Clone)]
#[must_use = "a row does nothing until it is shown"]
pub struct ProgressRow {
    name: Text,
    detail: Text,
    fraction: Option<f32>,
    numbers: Text,
    left: Text,
}

impl ProgressRow {
    /// A job, what it works on, and how far it is.
    pub fn new(name: impl Into<Text>, detail: impl Into<Text>, fraction: Option<f32>) -> Self {
        Self {
            name: name.into(),
            detail: detail.into(),
            fraction,
            numbers: Text::default(),
            left: Text::default(),
        }
    }

    /// How far in numbers ("24 of 38"), and the time that is left.
    pub fn numbers(mut self, numbers: impl Into<Text>, left: impl Into<Text>) -> Self {
        self.numbers = numbers.into();
        self.left = left.into();
        self
    }

    /// Draws it over the whole width; `buttons` are added from the right.
    pub fn show<R>(self, ui: &mut Ui, buttons: impl FnOnce(&mut Ui) -> R) -> R {
        let palette = theme::palette(ui);
        let size = vec2(ui.available_width(), 44.0);
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let inside = rect.shrink2(vec2(12.0, 0.0));
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(inside).layout(layout));
        let answer = buttons(&mut child);
        let right = child.min_rect().left().min(inside.right()) - 12.0;
        let painter = ui.painter();
        let center = pos2(inside.left() + 9.0, rect.center().y);
        paint::icon(painter, center, icons::PULSE, 18.0, palette.accent);
        let left = inside.left() + 30.0;
        let room = ((right - left) * 0.4).max(80.0);
        let name = paint::line_of_text(painter, &self.name, paint::body(), palette.text_0, room);
        let detail =
            paint::line_of_text(painter, &self.detail, paint::small(), palette.text_2, room);
        let width = name.size().x.max(detail.size().x);
        let upper = rect
            .with_max_y(rect.center().y + 2.0)
            .translate(vec2(0.0, 2.0));
        let lower = rect
            .with_min_y(rect.center().y - 2.0)
            .translate(vec2(0.0, -2.0));
        paint::text_in(painter, upper, left, name);
        paint::text_in(painter, lower, left, detail);
        self.bar(ui, rect, left + width + 12.0, right);
        answer
    }

    /// The bar and the numbers from `left` to `right`.
    fn bar(&self, ui: &mut Ui, rect: Rect, left: f32, right: f32) {
        let palette = theme::palette(ui);
        let numbers = paint::line_of_text(
            ui.painter(),
            &self.numbers,
            paint::mono(),
            palette.text_1,
            160.0,
        );
        let time = paint::line_of_text(
            ui.painter(),
            &self.left,
            paint::small(),
            palette.text_2,
            160.0,
        );
        let tail = numbers.size().x + time.size().x + 24.0;
        let width = (right - left - tail).clamp(0.0, 380.0);
        if width >= 24.0 {
            let y = rect.center().y;
            let place = Rect::from_x_y_ranges(left..=left + width, y - 3.0..=y + 3.0);
            ui.place(
                place,
                ProgressBar::new(self.fraction, &self.name).width(width),
            );
        }
        let x = paint::text_in(ui.painter(), rect, left + width + 12.0, numbers);
        if x + 12.0 + time.size().x <= right {
            paint::text_in(ui.painter(), rect, x + 12.0, time);
        }
    }
}
