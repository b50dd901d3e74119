//! The swipe line: one picture at its left, another at its right.

use egui::{CursorIcon, Id, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::{
    icons,
    text::Text,
    theme::{self, ON_PICTURE},
};

use super::{paint, steps::steps};

/// A line over the height of a picture with a round handle in its middle.
#[must_use = "a handle does nothing until it is shown"]
pub struct SwipeHandle<'a> {
    place: &'a mut f32,
    name: Text,
}

impl<'a> SwipeHandle<'a> {
    /// A handle at `place` of the width, 0 to 1; `name` is what is read aloud.
    pub fn new(place: &'a mut f32, name: impl Into<Text>) -> Self {
        Self {
            place,
            name: name.into(),
        }
    }

    /// Draws it over `rect`. It is dragged, or moved with the arrow keys; `changed` tells so.
    pub fn show(self, ui: &Ui, id: Id, rect: Rect) -> Response {
        *self.place = if self.place.is_finite() {
            self.place.clamp(0.0, 1.0)
        } else {
            0.5
        };
        let line = |place: f32| rect.left() + rect.width() * place;
        let hit = |x| Rect::from_center_size(pos2(x, rect.center().y), vec2(28.0, rect.height()));
        let target = hit(line(*self.place));
        let mut response = ui
            .interact(target, id, Sense::click_and_drag())
            .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
        let before = *self.place;
        if let (true, Some(at)) = (response.dragged(), response.interact_pointer_pos()) {
            *self.place = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        }
        *self.place = (*self.place + 0.01 * steps(ui, &response)).clamp(0.0, 1.0);
        if (*self.place - before).abs() > 0.0 {
            response.mark_changed();
        }
        let value = f64::from(*self.place) * 100.0;
        response.widget_info(|| WidgetInfo {
            label: Some(self.name.to_string()),
            value: Some(value),
            ..WidgetInfo::new(Role::Slider)
        });
        paint_handle(ui, line(*self.place), rect, &response);
        response
    }
}

fn paint_handle(ui: &Ui, x: f32, rect: Rect, response: &Response) {
    let (palette, painter) = (theme::palette(ui), ui.painter());
    paint::line_on_picture(painter, [pos2(x, rect.top()), pos2(x, rect.bottom())], 2.0);
    let center = pos2(x, rect.center().y);
    let fill = if response.hovered() || response.dragged() {
        palette.accent
    } else {
        ON_PICTURE.line
    };
    painter.circle_filled(center, 15.0, ON_PICTURE.halo);
    painter.circle_filled(center, 13.0, fill);
    let dark = theme::PIN_POSITIVE.sign;
    let sign = if fill == palette.accent {
        palette.on_accent
    } else {
        dark
    };
    paint::icon(painter, center, icons::ARROWS_HORIZONTAL, 16.0, sign);
    if response.has_focus() {
        painter.circle_stroke(center, 17.0, egui::Stroke::new(2.0, palette.accent));
    }
}

#[cfg(test)]
mod tests {
    use egui::Key;
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    #[test]
    fn it_is_dragged_and_walks_with_the_arrows() {
        let mut harness = Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .with_size(vec2(200.0, 100.0))
            .build_ui_state(
                |ui, place| {
                    let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 100.0));
                    SwipeHandle::new(place, "Swipe line").show(ui, Id::unique("swipe"), rect);
                },
                0.5_f32,
            );
        harness.run();
        harness.drag_at(pos2(100.0, 50.0));
        harness.run();
        harness.hover_at(pos2(150.0, 50.0));
        harness.run();
        harness.drop_at(pos2(150.0, 50.0));
        harness.run();
        assert!((harness.state() - 0.75).abs() < 1e-3, "{}", harness.state());
        harness.get_by_label("Swipe line").focus();
        harness.run();
        harness.key_press(Key::ArrowLeft);
        harness.run();
        assert!((harness.state() - 0.74).abs() < 1e-3, "{}", harness.state());
    }
}
