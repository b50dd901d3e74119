//! Pins: on pictures and in the inspector.

use egui::{
    Align2, FontId, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::{
    fonts, icons,
    text::Text,
    theme::{self, ON_PICTURE, PIN_NEGATIVE, PIN_POSITIVE, PIN_THIRD, PinColor},
};

use super::{Button, paint};

/// The shape of a pin: form, sign and color differ, so that no one has to tell them by color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinShape {
    /// "Find patches like": a circle with +.
    Positive,
    /// "Not like this": a rounded square with −.
    Negative,
    /// A third set: a diamond with its letter.
    Third(char),
}

impl PinShape {
    const fn color(self) -> PinColor {
        match self {
            Self::Positive => PIN_POSITIVE,
            Self::Negative => PIN_NEGATIVE,
            Self::Third(_) => PIN_THIRD,
        }
    }
}

/// Draws a pin 18 large times `scale` on a picture, with its white rim and a dark line around it.
pub fn paint_pin(painter: &Painter, center: Pos2, shape: PinShape, scale: f32) {
    let rim = Stroke::new(1.5 * scale, ON_PICTURE.line);
    let halo = Stroke::new(3.5 * scale, ON_PICTURE.halo);
    body(painter, center, shape, scale, [halo, rim]);
    sign(painter, center, shape, scale);
}

fn body(painter: &Painter, center: Pos2, shape: PinShape, scale: f32, strokes: [Stroke; 2]) {
    let fill = shape.color().fill;
    let square = Rect::from_center_size(center, vec2(18.0, 18.0) * scale);
    let rounding = 3.0 * scale;
    let diamond = || {
        let reach = 11.0 * scale;
        vec![
            center - vec2(0.0, reach),
            center + vec2(reach, 0.0),
            center + vec2(0.0, reach),
            center - vec2(reach, 0.0),
        ]
    };
    for (stroke, fill) in strokes.into_iter().zip([egui::Color32::TRANSPARENT, fill]) {
        match shape {
            PinShape::Positive => {
                painter.circle(center, 9.0 * scale, fill, stroke);
            }
            PinShape::Negative => {
                painter.rect(square, rounding, fill, stroke, StrokeKind::Middle);
            }
            PinShape::Third(_) => {
                painter.add(Shape::convex_polygon(diamond(), fill, stroke));
            }
        }
    }
}

fn sign(painter: &Painter, center: Pos2, shape: PinShape, scale: f32) {
    let color = shape.color().sign;
    let stroke = Stroke::new(2.0 * scale, color);
    let arm = 4.0 * scale;
    match shape {
        PinShape::Third(letter) => {
            let font = FontId::new(11.0 * scale, fonts::semibold());
            painter.text(center, Align2::CENTER_CENTER, letter, font, color);
        }
        PinShape::Positive | PinShape::Negative => {
            painter.hline(center.x - arm..=center.x + arm, center.y, stroke);
        }
    }
    if shape == PinShape::Positive {
        painter.vline(center.x, center.y - arm..=center.y + arm, stroke);
    }
}

/// A pin in the inspector: sign, name, where it is, and a button that hides it.
#[derive(Debug, Clone)]
#[must_use = "a row does nothing until it is shown"]
pub struct PinRow {
    shape: PinShape,
    name: Text,
    place: Text,
    shown: bool,
    chosen: bool,
    toggle: Text,
}

/// What was done to a [`PinRow`].
#[derive(Debug)]
pub struct PinRowAnswer {
    /// Of the whole row: click to choose, double click to rename, right click for the menu.
    pub row: Response,
    /// The eye was clicked.
    pub toggled: bool,
}

impl PinRow {
    /// A row; `place` is the patch, `toggle` names the button that hides or shows the pin.
    pub fn new(
        shape: PinShape,
        name: impl Into<Text>,
        place: impl Into<Text>,
        toggle: impl Into<Text>,
    ) -> Self {
        Self {
            shape,
            name: name.into(),
            place: place.into(),
            shown: true,
            chosen: false,
            toggle: toggle.into(),
        }
    }

    /// Whether the pin takes part.
    pub const fn shown(mut self, shown: bool) -> Self {
        self.shown = shown;
        self
    }

    /// Whether the pin is the chosen one.
    pub const fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }

    /// Draws it over the whole width.
    pub fn show(self, ui: &mut Ui) -> PinRowAnswer {
        let size = vec2(ui.available_width(), 28.0);
        let (rect, row) = ui.allocate_exact_size(size, Sense::click());
        let label = format!("{}, {}", self.name, self.place);
        row.widget_info(|| WidgetInfo::selected(Role::ListItem, true, self.chosen, &label));
        let palette = theme::palette(ui);
        let ground = rect.expand2(vec2(4.0, 0.0));
        if self.chosen || row.hovered() {
            let fill = if self.chosen {
                palette.active
            } else {
                palette.hover
            };
            ui.painter().rect_filled(ground, theme::RADIUS[0], fill);
        }
        let eye = Rect::from_min_size(pos2(rect.right() - 28.0, rect.top()), vec2(28.0, 28.0));
        let icon = if self.shown {
            icons::EYE
        } else {
            icons::EYE_SLASH
        };
        let toggled = ui
            .place(eye, Button::icon_only(icon, &self.toggle))
            .clicked();
        self.paint(ui, rect);
        paint::focus_ring_at(ui, &row, ground, theme::RADIUS[0]);
        PinRowAnswer { row, toggled }
    }

    fn paint(&self, ui: &Ui, rect: Rect) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let center = pos2(rect.left() + 9.0, rect.center().y);
        body(painter, center, self.shape, 1.0, [Stroke::NONE; 2]);
        sign(painter, center, self.shape, 0.9);
        let (name, place) = if self.shown {
            (palette.text_1, palette.text_2)
        } else {
            (palette.text_2, palette.text_2)
        };
        let place = paint::line_of_text(painter, &self.place, paint::mono(), place, 120.0);
        let right = rect.right() - 36.0 - place.size().x;
        paint::text_in(painter, rect, right, place);
        let left = rect.left() + 26.0;
        let room = (right - left - 8.0).max(16.0);
        let name = paint::line_of_text(painter, &self.name, paint::body(), name, room);
        paint::text_in(painter, rect, left, name);
    }
}
