//! A chart of bars with their numbers: explained variance, components of a patch.

use egui::{
    Align2, Color32, Rect, Response, Role, Sense, Stroke, Ui, Widget, WidgetInfo, pos2, vec2,
};

use crate::{text::Text, theme};

use super::paint;

/// Bars over a base line; values below 0 hang from it.
#[derive(Debug, Clone)]
#[must_use = "a chart does nothing until it is added to a ui"]
pub struct BarChart<'a> {
    values: &'a [f32],
    colors: Vec<Option<Color32>>,
    decimals: usize,
    numbers: bool,
    height: f32,
    top: Option<f32>,
    name: Text,
}

impl<'a> BarChart<'a> {
    /// A chart of `values`, 112 high; `name` is what is read aloud.
    pub fn new(values: &'a [f32], name: impl Into<Text>) -> Self {
        Self {
            values,
            colors: Vec::new(),
            decimals: 0,
            numbers: true,
            height: 112.0,
            top: None,
            name: name.into(),
        }
    }

    /// Colors of the bars, in order; the rest is grey.
    pub fn colors(mut self, colors: impl IntoIterator<Item = Option<Color32>>) -> Self {
        self.colors = colors.into_iter().collect();
        self
    }

    /// Digits after the point of the numbers over the bars.
    pub const fn decimals(mut self, decimals: usize) -> Self {
        self.decimals = decimals;
        self
    }

    /// Without numbers and without counting the bars: for a chart that follows the pointer.
    pub const fn bare(mut self) -> Self {
        self.numbers = false;
        self
    }

    /// This high.
    pub const fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    /// The value that reaches the top, instead of the largest one.
    pub const fn top(mut self, top: f32) -> Self {
        self.top = Some(top);
        self
    }

    fn largest(&self) -> f32 {
        let finite = self.values.iter().filter(|it| it.is_finite());
        let largest = finite.fold(0.0_f32, |it, value| it.max(value.abs()));
        self.top.unwrap_or(largest).max(f32::MIN_POSITIVE)
    }

    /// The base line, and points for one unit.
    fn scale(&self, rect: Rect) -> (f32, f32) {
        let (head, foot) = if self.numbers {
            (16.0, 20.0)
        } else {
            (2.0, 2.0)
        };
        let room = rect.height() - head - foot;
        if self.values.iter().any(|&it| it < 0.0) {
            let base = rect.top() + head + room / 2.0;
            (base, room / 2.0 / self.largest())
        } else {
            (rect.bottom() - foot, room / self.largest())
        }
    }

    fn paint(&self, ui: &Ui, rect: Rect) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let (base, unit) = self.scale(rect);
        let step = rect.width() / self.values.len().max(1) as f32;
        for (index, &value) in self.values.iter().enumerate() {
            let value = if value.is_finite() { value } else { 0.0 };
            let left = rect.left() + step * index as f32 + step * 0.06;
            let width = (step * 0.78).max(1.0);
            let color = self.colors.get(index).copied().flatten();
            let color = color.unwrap_or(palette.line_strong);
            let end = base - (value * unit).clamp(-rect.height(), rect.height());
            let bar = Rect::from_two_pos(pos2(left, base), pos2(left + width, end));
            painter.rect_filled(bar, 2.0, color);
            if self.numbers {
                let middle = bar.center().x;
                let number = format!("{value:.*}", self.decimals);
                let above = pos2(middle, bar.top() - 2.0);
                painter.text(
                    above,
                    Align2::CENTER_BOTTOM,
                    number,
                    egui::FontId::monospace(11.0),
                    palette.text_1,
                );
                let below = pos2(middle, rect.bottom());
                painter.text(
                    below,
                    Align2::CENTER_BOTTOM,
                    index + 1,
                    paint::tiny(),
                    palette.text_2,
                );
            }
        }
        painter.hline(
            rect.x_range(),
            base + 0.5,
            Stroke::new(1.0, palette.line_strong),
        );
    }
}

impl Widget for BarChart<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let size = vec2(ui.available_width(), self.height);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let values: Vec<_> = self
            .values
            .iter()
            .map(|it| format!("{it:.*}", self.decimals))
            .collect();
        let spoken = format!("{}: {}", self.name, values.join(", "));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &spoken));
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect);
        }
        response
    }
}
