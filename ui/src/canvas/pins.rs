//! Pins on a picture: seen, dragged, removed.

use egui::{Color32, Key, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2, pos2, vec2};

use super::{CanvasFrame, marks};
use crate::document::{Pin, PinId, PinShape, Sign};
use crate::text::tr;
use crate::theme::{ON_PICTURE, PIN_NEGATIVE, PIN_POSITIVE, PinColor};

/// Drawn and touched size in points.
const SIZE: f32 = 18.0;
const TARGET: f32 = 28.0;

/// What was done to a pin.
#[derive(Clone, Debug, PartialEq)]
pub enum PinEvent {
    /// Its center was dragged to (x, y) in pixels of the picture.
    Move(PinId, [f64; 2]),
    /// Remove it.
    Remove(PinId),
    /// Turn it to the other sign.
    Turn(PinId),
    /// Take it in or out of the query.
    Toggle(PinId),
    /// It was pressed: keys belong to it now.
    Select(PinId),
}

/// Draws the pins of one picture and takes what is done to them.
pub fn pins_ui<'a>(
    ui: &mut Ui,
    frame: &CanvasFrame,
    pins: impl Iterator<Item = &'a Pin>,
    selected: Option<PinId>,
) -> Vec<PinEvent> {
    let mut events = Vec::new();
    for pin in pins {
        pin_ui(ui, frame, pin, selected == Some(pin.id), &mut events);
    }
    events
}

fn pin_ui(ui: &mut Ui, frame: &CanvasFrame, pin: &Pin, selected: bool, events: &mut Vec<PinEvent>) {
    let painter = ui.painter_at(frame.rect());
    shape(&painter, frame, &pin.shape);
    let [x, y] = pin.shape.center();
    let center = frame.transform.to_screen(x as f32, y as f32);
    if !frame.rect().contains(center) {
        return;
    }
    let target = Rect::from_center_size(center, Vec2::splat(TARGET)).intersect(frame.rect());
    let response = ui.interact(
        target,
        frame.response.id.with(("pin", pin.id.0)),
        Sense::click_and_drag(),
    );
    badge(&painter, center, pin.sign, pin.enabled);
    if selected || response.has_focus() {
        let ring = egui::StrokeKind::Outside;
        painter.rect_stroke(
            Rect::from_center_size(center, Vec2::splat(SIZE + 6.0)),
            12.0,
            Stroke::new(2.0, ON_PICTURE.line),
            ring,
        );
    }
    let name = tr(ui, sign_name(pin.sign));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &*name));
    if response.drag_started() || response.clicked() {
        response.request_focus();
        events.push(PinEvent::Select(pin.id));
    }
    if response.dragged()
        && let Some(at) = response.interact_pointer_pos()
    {
        let at = frame.transform.to_picture(at);
        let inside = at.clamp(Pos2::ZERO, (frame.size_px - Vec2::splat(1e-3)).to_pos2());
        events.push(PinEvent::Move(
            pin.id,
            [f64::from(inside.x), f64::from(inside.y)],
        ));
    }
    if response.has_focus()
        && ui.input(|input| input.key_pressed(Key::Delete) || input.key_pressed(Key::Backspace))
    {
        events.push(PinEvent::Remove(pin.id));
    }
    response.context_menu(|ui| {
        let mut entry = |id: &str, event: PinEvent| {
            if ui.button(&*tr(ui, id)).clicked() {
                events.push(event);
                ui.close();
            }
        };
        entry("similarity-pin-turn", PinEvent::Turn(pin.id));
        entry("similarity-pin-toggle", PinEvent::Toggle(pin.id));
        entry("similarity-pin-remove", PinEvent::Remove(pin.id));
    });
}

/// Name of what a pin asks for.
pub fn sign_name(sign: Sign) -> &'static str {
    match sign {
        Sign::Positive => "similarity-like",
        Sign::Negative => "similarity-not-like",
    }
}

fn shape(painter: &Painter, frame: &CanvasFrame, shape: &PinShape) {
    let on_screen = |at: &[f64; 2]| frame.transform.to_screen(at[0] as f32, at[1] as f32);
    match shape {
        PinShape::Point(_) => {}
        PinShape::Box([a, b]) => {
            marks::frame(painter, Rect::from_two_pos(on_screen(a), on_screen(b)), 1.5);
        }
        PinShape::Lasso(corners) => {
            let next = corners.iter().cycle().skip(1);
            for (from, to) in corners.iter().zip(next) {
                marks::line(painter, on_screen(from), on_screen(to), 1.5);
            }
        }
    }
}

/// A disc with a plus, or a rounded square with a minus: shape and sign tell them apart without color.
pub(super) fn badge(painter: &Painter, center: Pos2, sign: Sign, enabled: bool) {
    let faded = |color: Color32| {
        if enabled {
            color
        } else {
            color.gamma_multiply(0.45)
        }
    };
    let PinColor { fill, sign: ink } = match sign {
        Sign::Positive => PIN_POSITIVE,
        Sign::Negative => PIN_NEGATIVE,
    };
    let rim = Stroke::new(1.5, faded(ON_PICTURE.line));
    match sign {
        Sign::Positive => {
            painter.circle(center, SIZE / 2.0, faded(fill), rim);
        }
        Sign::Negative => {
            let rect = Rect::from_center_size(center, Vec2::splat(SIZE - 1.0));
            painter.rect(rect, 4.0, faded(fill), rim, egui::StrokeKind::Middle);
        }
    }
    let stroke = Stroke::new(2.0, faded(ink));
    let half = 4.0;
    painter.add(Shape::line_segment(
        [center - vec2(half, 0.0), center + vec2(half, 0.0)],
        stroke,
    ));
    if sign == Sign::Positive {
        let (top, bottom) = (
            pos2(center.x, center.y - half),
            pos2(center.x, center.y + half),
        );
        painter.add(Shape::line_segment([top, bottom], stroke));
    }
}
