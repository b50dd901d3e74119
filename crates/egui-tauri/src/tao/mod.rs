//! Windows and macOS: the window itself is drawn into, and input comes from tao's events.
//!
//! Never built for these systems and never run: see the crate's documentation.

mod clipboard;
mod keyboard;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use egui::output::IMEOutput;
use egui::{ColorImage, Event, MouseWheelSource, MouseWheelUnit, PointerButton, TouchPhase, vec2};
use raw_window_handle::{HasWindowHandle, RawWindowHandle};
use tauri_runtime_wry::tao;
use tauri_runtime_wry::tao::event::{ElementState, MouseButton, MouseScrollDelta, WindowEvent};

use crate::Error;
use crate::input::Input;
use clipboard::Clipboard;

/// Does nothing here: X11 is a matter of Linux.
pub fn prefer_x11() {}

/// The clipboard of one window; its input comes through [`on_window_event`].
pub(crate) struct Native {
    input: Rc<Input>,
    clipboard: RefCell<Clipboard>,
}

impl Native {
    pub(crate) fn attach(
        window: &tauri::Window,
        input: &Rc<Input>,
    ) -> Result<(Self, RawWindowHandle), Error> {
        let size = window.inner_size()?;
        input.set_scale(window.scale_factor()? as f32);
        input.set_size_px([size.width, size.height]);
        let handle = window.window_handle()?.as_raw();
        let native = Self {
            input: Rc::clone(input),
            clipboard: RefCell::default(),
        };
        Ok((native, handle))
    }

    pub(crate) fn copy_text(&self, text: &str) {
        self.clipboard.borrow_mut().copy_text(text);
    }

    /// There is no selection to paste with the middle mouse button.
    pub(crate) fn select_text(&self, _: &str) {}

    pub(crate) fn copy_image(&self, image: &ColorImage) {
        self.clipboard.borrow_mut().copy_image(image);
    }

    pub(crate) fn paste(&self) {
        self.clipboard.borrow_mut().paste(&self.input);
    }

    /// tao has no pre-edit events, and Tauri does not export its only call for input methods.
    pub(crate) fn set_ime(&self, _: Option<IMEOutput>) {}
}

/// Passes an event of tao on to egui.
pub(crate) fn on_window_event(event: &WindowEvent<'_>, input: &Input) {
    match event {
        WindowEvent::Resized(size) => input.set_size_px([size.width, size.height]),
        WindowEvent::ScaleFactorChanged {
            scale_factor,
            new_inner_size,
        } => {
            input.set_scale(*scale_factor as f32);
            input.set_size_px([new_inner_size.width, new_inner_size.height]);
        }
        WindowEvent::Focused(focused) => input.set_focused(*focused),
        WindowEvent::CursorMoved { position, .. } => {
            let scale = f64::from(input.scale());
            let logical = (position.x / scale, position.y / scale);
            input.pointer_moved(input.point_from_logical(logical));
        }
        WindowEvent::CursorLeft { .. } => input.pointer_left(),
        WindowEvent::MouseInput { state, button, .. } => {
            if let Some(button) = pointer_button(*button) {
                input.pointer_button(button, *state == ElementState::Pressed);
            }
        }
        WindowEvent::MouseWheel { delta, phase, .. } => wheel(*delta, *phase, input),
        WindowEvent::ModifiersChanged(state) => input.set_modifiers(keyboard::modifiers(*state)),
        WindowEvent::ReceivedImeText(text) => keyboard::commit(text, input),
        WindowEvent::KeyboardInput {
            event,
            is_synthetic: false,
            ..
        } => keyboard::key(event, input),
        WindowEvent::HoveredFile(path) => input.add_hovered(path.clone()),
        WindowEvent::HoveredFileCancelled => input.set_hovered(std::iter::empty::<PathBuf>()),
        WindowEvent::DroppedFile(path) => input.drop_files([path.clone()]),
        _ => {}
    }
}

fn pointer_button(button: MouseButton) -> Option<PointerButton> {
    Some(match button {
        MouseButton::Left => PointerButton::Primary,
        MouseButton::Right => PointerButton::Secondary,
        MouseButton::Middle => PointerButton::Middle,
        // Windows counts the extra buttons from 1, macOS all buttons from 0.
        MouseButton::Other(n) if n == if cfg!(windows) { 1 } else { 3 } => PointerButton::Extra1,
        MouseButton::Other(n) if n == if cfg!(windows) { 2 } else { 4 } => PointerButton::Extra2,
        _ => return None,
    })
}

fn wheel(delta: MouseScrollDelta, phase: tao::event::TouchPhase, input: &Input) {
    let (unit, delta, precise_source) = match delta {
        MouseScrollDelta::LineDelta(x, y) => {
            (MouseWheelUnit::Line, vec2(x, y), MouseWheelSource::Wheel)
        }
        MouseScrollDelta::PixelDelta(px) => {
            let scale = f64::from(input.scale());
            let logical = input.point_from_logical((px.x / scale, px.y / scale));
            let trackpad = MouseWheelSource::Trackpad;
            (MouseWheelUnit::Point, logical.to_vec2(), trackpad)
        }
        _ => return,
    };
    input.push(Event::MouseWheel {
        unit,
        delta,
        phase: match phase {
            tao::event::TouchPhase::Started => TouchPhase::Start,
            tao::event::TouchPhase::Ended => TouchPhase::End,
            tao::event::TouchPhase::Cancelled => TouchPhase::Cancel,
            _ => TouchPhase::Move,
        },
        // Only macOS has precise deltas just for touchpads.
        source: if cfg!(target_os = "macos") {
            precise_source
        } else {
            MouseWheelSource::Unknown
        },
        modifiers: input.modifiers(),
    });
}
