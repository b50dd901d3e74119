//! A key as it stands on the keyboard.

use egui::{Response, Sense, Ui, Widget, vec2};

use crate::{text::Text, theme};

use super::paint::{self, Look};

/// A key or a combination, such as `Ctrl K`, in a small frame.
#[derive(Debug, Clone)]
pub struct KeyCap {
    keys: Text,
}

impl KeyCap {
    /// Shows `keys`.
    pub fn new(keys: impl Into<Text>) -> Self {
        Self { keys: keys.into() }
    }

    /// The width that it takes.
    pub(super) fn width(&self, ui: &Ui) -> f32 {
        let color = theme::palette(ui).text_2;
        let galley = paint::line_of_text(ui.painter(), &self.keys, paint::tiny(), color, 200.0);
        galley.size().x + 10.0
    }

    /// Draws it with its right side at `right`, in the middle of `rect`.
    pub(super) fn paint(&self, ui: &Ui, rect: egui::Rect, right: f32) {
        let palette = theme::palette(ui);
        let (painter, width) = (ui.painter(), self.width(ui));
        let center = egui::pos2(right - width / 2.0, rect.center().y);
        let cap = egui::Rect::from_center_size(center, vec2(width, 18.0));
        let look = Look {
            fill: palette.canvas,
            line: palette.line,
            text: palette.text_2,
        };
        paint::frame(painter, cap, theme::RADIUS[0], look);
        let galley = paint::line_of_text(painter, &self.keys, paint::tiny(), look.text, 200.0);
        paint::text_in(painter, cap, cap.left() + 5.0, galley);
    }
}

impl Widget for KeyCap {
    fn ui(self, ui: &mut Ui) -> Response {
        let size = vec2(self.width(ui), 18.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        self.paint(ui, rect, rect.right());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &*self.keys));
        response
    }
}
