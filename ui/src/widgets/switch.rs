//! A switch: on or off, at once.

use egui::{Rect, Response, Role, Sense, Ui, Widget, WidgetInfo, lerp, pos2, vec2};

use crate::{text::Text, theme};

use super::paint;

/// A switch, drawn 30 × 18 in a target 28 high. Check boxes are for lists only.
#[must_use = "a switch does nothing until it is added to a ui"]
pub struct Switch<'a> {
    on: &'a mut bool,
    name: Text,
}

impl<'a> Switch<'a> {
    /// Switches `on`; `name` is what is read aloud, the label stands beside it.
    pub fn new(on: &'a mut bool, name: impl Into<Text>) -> Self {
        Self {
            on,
            name: name.into(),
        }
    }
}

impl Widget for Switch<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, mut response) = ui.allocate_exact_size(vec2(30.0, 28.0), Sense::click());
        if response.clicked() {
            *self.on = !*self.on;
            response.mark_changed();
        }
        let (on, enabled, palette) = (*self.on, ui.is_enabled(), theme::palette(ui));
        response.widget_info(|| WidgetInfo::selected(Role::Switch, enabled, on, &*self.name));
        let rail = Rect::from_center_size(rect.center(), vec2(30.0, 18.0));
        let (fill, knob) = match (enabled, on) {
            (false, _) => (palette.hover, palette.text_3),
            (true, true) => (palette.accent, palette.on_accent),
            (true, false) if response.hovered() => (palette.active, palette.text_0),
            (true, false) => (palette.active, palette.text_2),
        };
        ui.painter().rect_filled(rail, 9.0, fill);
        let place = ui.ctx().animate_bool(response.id, on);
        let x = lerp(rail.left() + 9.0..=rail.right() - 9.0, place);
        ui.painter()
            .circle_filled(pos2(x, rail.center().y), 6.0, knob);
        paint::focus_ring_at(ui, &response, rail, 8);
        response
    }
}
