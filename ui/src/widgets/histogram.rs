//! A histogram with a threshold that is dragged.

use std::ops::RangeInclusive;

use egui::{
    CursorIcon, Painter, Rect, Response, Role, Sense, Stroke, Ui, Widget, WidgetInfo, pos2, vec2,
};

use crate::{text::Text, theme};

use super::{paint, steps::steps};

/// Counts over a range of values, in the accent color from the threshold on.
#[must_use = "a histogram does nothing until it is added to a ui"]
pub struct Histogram<'a> {
    threshold: &'a mut f32,
    range: RangeInclusive<f32>,
    counts: &'a [u32],
    name: Text,
    below: bool,
}

impl<'a> Histogram<'a> {
    /// `counts` of equal parts of `range`, with a line at `threshold`; `name` is what is read aloud.
    pub fn new(
        threshold: &'a mut f32,
        range: RangeInclusive<f32>,
        counts: &'a [u32],
        name: impl Into<Text>,
    ) -> Self {
        Self {
            threshold,
            range,
            counts,
            name: name.into(),
            below: false,
        }
    }

    /// What lies below the threshold is kept, instead of what lies above.
    pub const fn keeps_below(mut self, below: bool) -> Self {
        self.below = below;
        self
    }

    fn span(&self) -> f32 {
        (self.range.end() - self.range.start()).max(f32::MIN_POSITIVE)
    }

    fn asked(&self, ui: &Ui, rect: Rect, response: &Response) -> Option<f32> {
        if let (true, Some(at)) = (
            response.dragged() || response.clicked(),
            response.interact_pointer_pos(),
        ) {
            let place = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
            return Some(self.range.start() + self.span() * place);
        }
        let steps = steps(ui, response);
        if steps == 0.0 {
            return None;
        }
        let asked = *self.threshold + steps * self.span() / 100.0;
        Some(asked.max(*self.range.start()).min(*self.range.end()))
    }

    fn paint(&self, ui: &Ui, rect: Rect, response: &Response) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let x = rect.left() + rect.width() * paint::place_in(&self.range, *self.threshold);
        bars(painter, rect, self.counts, |middle| {
            if (middle < x) == self.below {
                palette.accent
            } else {
                palette.line_strong
            }
        });
        painter.vline(x, rect.y_range(), Stroke::new(1.5, palette.text_0));
        let grip = Rect::from_center_size(pos2(x, rect.top() + 5.0), vec2(13.0, 10.0));
        let color = if response.hovered() || response.dragged() {
            palette.accent
        } else {
            palette.text_0
        };
        painter.rect_filled(grip, 3.0, color);
        paint::focus_ring_at(ui, response, grip, 3);
    }
}

/// Draws counts as bars over the width of `rect`; the color is asked for by the middle of a bar.
pub(super) fn bars(
    painter: &Painter,
    rect: Rect,
    counts: &[u32],
    color: impl Fn(f32) -> egui::Color32,
) {
    let largest = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    let step = rect.width() / counts.len().max(1) as f32;
    for (index, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = rect.left() + step * index as f32;
        let width = (step - 1.0).max(0.5);
        // Square roots: a few patches beside thousands are still seen.
        let height = (count as f32 / largest).sqrt() * (rect.height() - 2.0);
        let bar = Rect::from_x_y_ranges(
            left..=left + width,
            rect.bottom() - height.max(1.0)..=rect.bottom(),
        );
        painter.rect_filled(bar, 0.0, color(bar.center().x));
    }
}

impl Widget for Histogram<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let size = vec2(ui.available_width(), 56.0);
        let (rect, mut response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        if let Some(asked) = self.asked(ui, rect, &response)
            && (asked - *self.threshold).abs() > 0.0
        {
            *self.threshold = asked;
            response.mark_changed();
        }
        let value = f64::from(*self.threshold);
        response.widget_info(|| WidgetInfo {
            label: Some(self.name.to_string()),
            value: Some(value),
            ..WidgetInfo::new(Role::Slider)
        });
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect, &response);
        }
        response.on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal)
    }
}
