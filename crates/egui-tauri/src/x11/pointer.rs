//! Mouse, touchpad and wheel.

use std::cell::Cell;
use std::rc::Rc;

use egui::{
    Event, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, TouchPhase, Vec2, vec2,
};
use gtk::prelude::*;
use gtk::{gdk, glib};

use super::clipboard;
use crate::input::Input;

/// Sends the pointer events of `area` to `input`. The gesture works while it is kept.
pub(super) fn connect(area: &gtk::DrawingArea, input: &Rc<Input>) -> gtk::GestureZoom {
    use gdk::EventMask as M;
    area.add_events(
        M::POINTER_MOTION_MASK
            | M::BUTTON_PRESS_MASK
            | M::BUTTON_RELEASE_MASK
            | M::ENTER_NOTIFY_MASK
            | M::LEAVE_NOTIFY_MASK
            | M::SCROLL_MASK
            | M::SMOOTH_SCROLL_MASK
            | M::TOUCHPAD_GESTURE_MASK,
    );
    connect_motion(area, input);
    connect_buttons(area, input);
    connect_scroll(area, input);
    connect_zoom(area, input)
}

/// egui's modifiers of a GDK state.
pub(super) fn modifiers(state: gdk::ModifierType) -> Modifiers {
    let ctrl = state.contains(gdk::ModifierType::CONTROL_MASK);
    Modifiers {
        alt: state.contains(gdk::ModifierType::MOD1_MASK),
        ctrl,
        shift: state.contains(gdk::ModifierType::SHIFT_MASK),
        mac_cmd: false,
        command: ctrl,
    }
}

fn connect_motion(area: &gtk::DrawingArea, input: &Rc<Input>) {
    let shared = Rc::clone(input);
    area.connect_motion_notify_event(move |_, event| {
        shared.set_modifiers(modifiers(event.state()));
        shared.pointer_moved(shared.point_from_logical(event.position()));
        glib::Propagation::Stop
    });
    let shared = Rc::clone(input);
    area.connect_leave_notify_event(move |_, event| {
        // A grab, as of a menu, also sends this event while the pointer stays.
        if event.mode() == gdk::CrossingMode::Normal {
            shared.pointer_left();
        }
        glib::Propagation::Proceed
    });
}

fn connect_buttons(area: &gtk::DrawingArea, input: &Rc<Input>) {
    let shared = Rc::clone(input);
    area.connect_button_press_event(move |area, event| {
        // GDK sends double and triple clicks once more as such.
        if event.event_type() == gdk::EventType::ButtonPress {
            area.grab_focus();
            button(&shared, event, true);
        }
        glib::Propagation::Stop
    });
    let shared = Rc::clone(input);
    area.connect_button_release_event(move |_, event| {
        button(&shared, event, false);
        glib::Propagation::Stop
    });
}

fn button(input: &Rc<Input>, event: &gdk::EventButton, pressed: bool) {
    input.set_modifiers(modifiers(event.state()));
    let Some(button) = pointer_button(event.button()) else {
        return;
    };
    let pos = input.point_from_logical(event.position());
    input.pointer_moved(pos);
    input.pointer_button(button, pressed);
    if pressed && button == PointerButton::Middle {
        clipboard::paste_selection(input, pos);
    }
}

/// The buttons of X11: 4 to 7 are wheels.
fn pointer_button(number: u32) -> Option<PointerButton> {
    Some(match number {
        1 => PointerButton::Primary,
        2 => PointerButton::Middle,
        3 => PointerButton::Secondary,
        8 => PointerButton::Extra1,
        9 => PointerButton::Extra2,
        _ => return None,
    })
}

fn connect_scroll(area: &gtk::DrawingArea, input: &Rc<Input>) {
    let shared = Rc::clone(input);
    // GDK tells when fingers leave the touchpad, but not when they touch it.
    let touching = Cell::new(false);
    area.connect_scroll_event(move |_, event| {
        shared.set_modifiers(modifiers(event.state()));
        let source = source(event);
        let delta = lines(event.direction(), event.delta());
        let send = |delta, phase| {
            shared.push(Event::MouseWheel {
                unit: MouseWheelUnit::Line,
                delta,
                phase,
                source,
                modifiers: shared.modifiers(),
            });
        };
        let stop = event.is_stop();
        let touches = source == MouseWheelSource::Trackpad && !stop;
        let before = touching.replace(touches);
        if touches && !before {
            send(Vec2::ZERO, TouchPhase::Start);
        }
        let phase = if stop {
            TouchPhase::End
        } else {
            TouchPhase::Move
        };
        send(delta, phase);
        glib::Propagation::Stop
    });
}

/// How far the content moves: GDK counts lines, down and to the right, as a wheel turns.
fn lines(direction: gdk::ScrollDirection, (x, y): (f64, f64)) -> Vec2 {
    match direction {
        gdk::ScrollDirection::Up => vec2(0.0, 1.0),
        gdk::ScrollDirection::Down => vec2(0.0, -1.0),
        gdk::ScrollDirection::Left => vec2(1.0, 0.0),
        gdk::ScrollDirection::Right => vec2(-1.0, 0.0),
        _ => vec2(-x as f32, -y as f32),
    }
}

fn source(event: &gdk::EventScroll) -> MouseWheelSource {
    match event.source_device().map(|device| device.source()) {
        Some(gdk::InputSource::Touchpad) => MouseWheelSource::Trackpad,
        Some(gdk::InputSource::Mouse) => MouseWheelSource::Wheel,
        _ => MouseWheelSource::Unknown,
    }
}

fn connect_zoom(area: &gtk::DrawingArea, input: &Rc<Input>) -> gtk::GestureZoom {
    let gesture = gtk::GestureZoom::new(area);
    // GTK counts from the beginning of the gesture, egui from frame to frame.
    let scale = Rc::new(Cell::new(1.0));
    let before = Rc::clone(&scale);
    gesture.connect_begin(move |_, _| before.set(1.0));
    let shared = Rc::clone(input);
    gesture.connect_scale_changed(move |_, now| {
        let factor = now / scale.replace(now);
        if factor.is_finite() && factor > 0.0 {
            shared.push(Event::Zoom(factor as f32));
        }
    });
    gesture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extra_buttons_are_known_and_wheels_are_none() {
        assert_eq!(pointer_button(8), Some(PointerButton::Extra1));
        assert_eq!(pointer_button(9), Some(PointerButton::Extra2));
        for wheel in 4..8 {
            assert_eq!(pointer_button(wheel), None);
        }
    }

    #[test]
    fn content_moves_against_the_wheel() {
        let smooth = gdk::ScrollDirection::Smooth;
        assert_eq!(lines(smooth, (0.5, 2.0)), vec2(-0.5, -2.0));
        assert_eq!(
            lines(gdk::ScrollDirection::Down, (0.0, 0.0)),
            vec2(0.0, -1.0)
        );
    }
}
