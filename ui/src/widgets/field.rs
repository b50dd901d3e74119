//! A field for a line of text: search, names, access tokens.

use egui::{
    CornerRadius, Frame, Margin, Rect, Response, Sense, Stroke, StrokeKind, TextEdit, Ui,
    UiBuilder, Widget, pos2, vec2,
};

use crate::{
    icons,
    text::{Text, tr},
    theme::{self, RADIUS},
};

use super::{
    Button, KeyCap,
    number::edit_child,
    paint::{self, Look},
};

/// A text field 28 high, as wide as there is room.
#[must_use = "a field does nothing until it is added to a ui"]
pub struct TextField<'a> {
    text: &'a mut String,
    hint: Text,
    icon: Option<&'static str>,
    key: Option<Text>,
    width: Option<f32>,
    clearable: bool,
    secret: Option<&'a mut bool>,
}

impl<'a> TextField<'a> {
    /// A field; `hint` shows while it is empty and is what is read aloud.
    pub fn new(text: &'a mut String, hint: impl Into<Text>) -> Self {
        Self {
            text,
            hint: hint.into(),
            icon: None,
            key: None,
            width: None,
            clearable: false,
            secret: None,
        }
    }

    /// A field with a magnifying glass and a button that empties it.
    pub fn search(text: &'a mut String, hint: impl Into<Text>) -> Self {
        Self {
            icon: Some(icons::MAGNIFYING_GLASS),
            clearable: true,
            ..Self::new(text, hint)
        }
    }

    /// Puts an icon before the text.
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Shows the key that brings the focus here, while the field is empty.
    pub fn key(mut self, key: impl Into<Text>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// This wide.
    pub const fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    /// Hides the letters unless `shown`, which a button switches.
    pub const fn secret(mut self, shown: &'a mut bool) -> Self {
        self.secret = Some(shown);
        self
    }

    fn edit(&mut self, ui: &mut Ui, rect: Rect, id: egui::Id) -> Response {
        let palette = theme::palette(ui);
        let (font, color) = if self.secret.is_some() {
            (paint::mono(), palette.text_0)
        } else {
            (paint::body(), palette.text_0)
        };
        let hint = egui::RichText::new(&*self.hint)
            .font(paint::body())
            .color(palette.text_2);
        let hidden = self.secret.as_ref().is_some_and(|shown| !**shown);
        let edit = TextEdit::singleline(self.text)
            .id(id)
            .frame(Frame::NONE)
            .margin(Margin::ZERO)
            .font(font)
            .text_color(if ui.is_enabled() {
                color
            } else {
                palette.text_3
            })
            .hint_text(hint)
            .password(hidden)
            .align(egui::Align2::LEFT_CENTER)
            .min_size(rect.size())
            .desired_width(rect.width());
        edit_child(ui, rect).add(edit)
    }

    /// Buttons inside of the field, at the right. Returns where the text ends.
    fn trailing(&mut self, ui: &mut Ui, rect: Rect) -> (f32, bool) {
        let place = Rect::from_min_size(pos2(rect.right() - 28.0, rect.top()), vec2(28.0, 28.0));
        let mut child = ui.new_child(UiBuilder::new().max_rect(place));
        if let Some(shown) = &mut self.secret {
            let (icon, name) = if **shown {
                (icons::EYE_SLASH, tr(&child, "app-hide-letters"))
            } else {
                (icons::EYE, tr(&child, "app-show-letters"))
            };
            if child.add(Button::icon_only(icon, name)).clicked() {
                **shown = !**shown;
            }
            return (place.left(), false);
        }
        if self.clearable && !self.text.is_empty() {
            let button = Button::icon_only(icons::X, tr(&child, "app-clear"));
            let cleared = child.add(button).clicked();
            return (place.left(), cleared);
        }
        match &self.key {
            Some(key) if self.text.is_empty() => {
                let cap = KeyCap::new(key);
                cap.paint(ui, rect, rect.right() - 8.0);
                (rect.right() - 12.0 - cap.width(ui), false)
            }
            _ => (rect.right() - 8.0, false),
        }
    }
}

impl Widget for TextField<'_> {
    fn ui(mut self, ui: &mut Ui) -> Response {
        let palette = theme::palette(ui);
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::hover());
        let look = Look {
            fill: palette.field,
            line: palette.line,
            text: palette.text_2,
        };
        paint::frame(ui.painter(), rect, RADIUS[1], look);
        let mut left = rect.left() + 8.0;
        if let Some(icon) = self.icon {
            let center = pos2(left + 7.0, rect.center().y);
            paint::icon(ui.painter(), center, icon, 14.0, palette.text_2);
            left += 20.0;
        }
        let (right, cleared) = self.trailing(ui, rect);
        let inner = Rect::from_x_y_ranges(left..=right, rect.y_range());
        let mut edit = self.edit(ui, inner, response.id.with("text"));
        if cleared {
            self.text.clear();
            edit.request_focus();
            edit.mark_changed();
        }
        if edit.has_focus() {
            let stroke = Stroke::new(2.0, palette.accent);
            let radius = CornerRadius::same(RADIUS[1]);
            ui.painter()
                .rect_stroke(rect, radius, stroke, StrokeKind::Middle);
        }
        edit.accessible_name(&*self.hint)
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    #[test]
    fn a_search_can_be_typed_and_emptied() {
        let mut harness = Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .with_size(vec2(240.0, 60.0))
            .build_ui_state(
                |ui, text| {
                    ui.add(TextField::search(text, "Find a command").key("Ctrl K"));
                },
                String::new(),
            );
        harness.get_by_label("Find a command").focus();
        harness.run();
        harness.get_by_label("Find a command").type_text("export");
        harness.run();
        assert_eq!(harness.state(), "export");
        harness.get_by_label("Clear").click();
        harness.run();
        assert_eq!(harness.state(), "");
    }
}
