//! The color bar of a map: its histogram, its colors, and both ends of its range to drag or to type.

use std::ops::RangeInclusive;

use egui::{
    Color32, CursorIcon, Mesh, Painter, Rect, Response, Role, Sense, Stroke, Ui, Widget,
    WidgetInfo, pos2, vec2,
};

use crate::{text::Text, theme};

use super::{NumberField, histogram, paint, steps::steps};

/// A histogram 40 high, a bar 14 high between the ends, and a number for each end.
///
/// The response is `changed` when an end moved; an automatic range then has to become a fixed one.
#[must_use = "a color bar does nothing until it is added to a ui"]
pub struct ColorBar<'a> {
    ends: &'a mut [f32; 2],
    domain: RangeInclusive<f32>,
    colors: &'a [Color32],
    counts: &'a [u32],
    unit: Text,
    names: [Text; 2],
    symmetrical: bool,
}

impl<'a> ColorBar<'a> {
    /// A bar for the range `ends` inside of `domain`, painted with `colors` from low to high (evenly spaced, two or
    /// more). `names` of the ends are what is read aloud.
    pub fn new(
        ends: &'a mut [f32; 2],
        domain: RangeInclusive<f32>,
        colors: &'a [Color32],
        names: [impl Into<Text>; 2],
    ) -> Self {
        Self {
            ends,
            domain,
            colors,
            counts: &[],
            unit: Text::default(),
            names: names.map(Into::into),
            symmetrical: false,
        }
    }

    /// Counts of equal parts of the domain, for the histogram.
    pub const fn counts(mut self, counts: &'a [u32]) -> Self {
        self.counts = counts;
        self
    }

    /// What the numbers are, such as "cosine".
    pub fn unit(mut self, unit: impl Into<Text>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Moves both ends together, around 0: for differences.
    pub const fn symmetrical(mut self) -> Self {
        self.symmetrical = true;
        self
    }

    fn span(&self) -> f32 {
        (self.domain.end() - self.domain.start()).max(f32::MIN_POSITIVE)
    }

    fn x(&self, rect: Rect, value: f32) -> f32 {
        rect.left() + rect.width() * paint::place_in(&self.domain, value)
    }

    /// Sets an end, and the other where they belong together; they keep their order.
    fn set(&mut self, end: usize, value: f32) {
        let (low, high) = (*self.domain.start(), *self.domain.end());
        if !value.is_finite() {
            return;
        }
        let value = value.max(low).min(high);
        let least = self.span() / 1000.0;
        if self.symmetrical {
            let reach = value.abs().max(least);
            *self.ends = [-reach, reach];
        } else if end == 0 {
            self.ends[0] = value.min(self.ends[1] - least);
        } else {
            self.ends[1] = value.max(self.ends[0] + least);
        }
    }

    /// One end on the histogram and the bar; whether it moved.
    fn handle(&mut self, ui: &Ui, rect: Rect, end: usize, id: egui::Id) -> Response {
        let x = self.x(rect, self.ends[end]);
        // Where both ends are near each other, each has its own side.
        let shift = if end == 0 { -7.0 } else { 7.0 };
        let target =
            Rect::from_center_size(pos2(x + shift, rect.center().y), vec2(28.0, rect.height()));
        let mut response = ui
            .interact(target, id.with(end), Sense::click_and_drag())
            .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
        let before = *self.ends;
        if response.dragged() {
            let moved = ui.input(|input| input.pointer.delta().x) / rect.width() * self.span();
            self.set(end, self.ends[end] + moved);
        }
        let steps = steps(ui, &response);
        if steps != 0.0 {
            self.set(end, self.ends[end] + steps * self.span() / 100.0);
        }
        #[expect(clippy::float_cmp, reason = "only different ends are a change")]
        if before != *self.ends {
            response.mark_changed();
        }
        let (name, value) = (&self.names[end], f64::from(self.ends[end]));
        response.widget_info(|| WidgetInfo {
            label: Some(name.to_string()),
            value: Some(value),
            ..WidgetInfo::new(Role::Slider)
        });
        response
    }

    fn paint(&self, ui: &Ui, rect: Rect, handles: [&Response; 2]) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let top = rect.with_max_y(rect.top() + 40.0);
        histogram::bars(painter, top, self.counts, |_| palette.line_strong);
        let [low, high] = self.ends.map(|it| self.x(rect, it));
        let bar = Rect::from_x_y_ranges(low..=high, rect.bottom() - 14.0..=rect.bottom());
        gradient(painter, bar, self.colors);
        for (x, handle) in [low, high].into_iter().zip(handles) {
            let (width, color) = if handle.has_focus() || handle.dragged() {
                (3.0, palette.accent)
            } else if handle.hovered() {
                (2.0, palette.text_0)
            } else {
                (1.0, palette.text_0)
            };
            painter.vline(x, rect.y_range(), Stroke::new(width, color));
        }
    }

    /// The numbers under the bar.
    fn numbers(&mut self, ui: &mut Ui) -> [Response; 2] {
        let ends = *self.ends;
        ui.horizontal(|ui| {
            let right = ui.max_rect().right();
            let [low, high] = [0, 1].map(|end| {
                let mut value = ends[end];
                let name = self.names[end].clone();
                if end == 1 {
                    let gap = right - ui.cursor().left() - 56.0;
                    self.unit_ui(ui, gap);
                }
                let field = ui.add(NumberField::new(&mut value, name).decimals(2));
                if field.changed() {
                    self.set(end, value);
                }
                field
            });
            [low, high]
        })
        .inner
    }

    fn unit_ui(&self, ui: &mut Ui, width: f32) {
        let before = ui.spacing().item_spacing.x;
        ui.spacing_mut().item_spacing.x = 0.0;
        let (rect, _) = ui.allocate_exact_size(vec2(width.max(0.0), 28.0), Sense::hover());
        ui.spacing_mut().item_spacing.x = before;
        let palette = theme::palette(ui);
        let galley = paint::line_of_text(
            ui.painter(),
            &self.unit,
            paint::small(),
            palette.text_2,
            width,
        );
        let left = rect.center().x - galley.size().x / 2.0;
        paint::text_in(ui.painter(), rect, left, galley);
    }
}

/// Fills `rect` with colors that run from left to right.
fn gradient(painter: &Painter, rect: Rect, colors: &[Color32]) {
    let mut mesh = Mesh::default();
    let last = colors.len().saturating_sub(1).max(1) as f32;
    for (index, &color) in colors.iter().enumerate() {
        let x = rect.left() + rect.width() * index as f32 / last;
        mesh.colored_vertex(pos2(x, rect.top()), color);
        mesh.colored_vertex(pos2(x, rect.bottom()), color);
        if index > 0 {
            let at = 2 * index as u32;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    painter.add(mesh);
}

impl Widget for ColorBar<'_> {
    fn ui(mut self, ui: &mut Ui) -> Response {
        let size = vec2(ui.available_width(), 54.0);
        let (rect, mut response) = ui.allocate_exact_size(size, Sense::hover());
        let low = self.handle(ui, rect, 0, response.id);
        let high = self.handle(ui, rect, 1, response.id);
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect, [&low, &high]);
        }
        let fields = self.numbers(ui);
        for part in [&low, &high, &fields[0], &fields[1]] {
            if part.changed() {
                response.mark_changed();
            }
        }
        response | low | high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(found: [f32; 2], expected: [f32; 2]) {
        let near = |at: usize| (found[at] - expected[at]).abs() < 1e-6;
        assert!(near(0) && near(1), "found {found:?}, expected {expected:?}");
    }

    fn moved(ends: [f32; 2], symmetrical: bool, end: usize, value: f32) -> [f32; 2] {
        let mut ends = ends;
        let mut bar = ColorBar::new(&mut ends, -1.0..=1.0, &[], ["low", "high"]);
        bar.symmetrical = symmetrical;
        bar.set(end, value);
        ends
    }

    #[test]
    fn ends_keep_their_order_and_their_domain() {
        assert_near(moved([-0.2, 0.6], false, 0, 0.1), [0.1, 0.6]);
        assert_near(moved([-0.2, 0.6], false, 1, 7.0), [-0.2, 1.0]);
        let crossed = moved([-0.2, 0.6], false, 0, 0.9);
        assert!(crossed[0] < crossed[1], "{crossed:?}");
        assert_near(moved([-0.2, 0.6], false, 1, f32::NAN), [-0.2, 0.6]);
    }

    #[test]
    fn a_symmetrical_bar_moves_both_ends() {
        assert_near(moved([-0.6, 0.6], true, 0, -0.4), [-0.4, 0.4]);
        assert_near(moved([-0.6, 0.6], true, 1, 0.9), [-0.9, 0.9]);
    }
}
