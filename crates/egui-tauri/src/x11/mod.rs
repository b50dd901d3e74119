//! Linux: a child X11 window to draw into, and its input from GTK signals.
//!
//! A `gtk::DrawingArea` below the menu bar gets a native window of its own, which GTK never paints.

mod clipboard;
mod drop;
mod keyboard;
mod pointer;

use std::rc::Rc;

use egui::ColorImage;
use egui::output::IMEOutput;
use gtk::prelude::*;
use gtk::{gdk, glib};
use raw_window_handle::{RawWindowHandle, XlibWindowHandle};
use tauri_runtime_wry::tao::event::WindowEvent;

use crate::Error;
use crate::input::Input;
use keyboard::Keyboard;

/// Makes GTK use X11, under Wayland through `XWayland`, unless the user set `GDK_BACKEND`.
///
/// To be called first in `main`. Drawing into a Wayland toplevel would cover GTK's title bar.
pub fn prefer_x11() {
    gdk::set_allowed_backends("x11,*");
}

/// The drawing area of one window, with its keyboard, clipboard and gestures.
pub(crate) struct Native {
    input: Rc<Input>,
    keyboard: Keyboard,
    clipboard: gtk::Clipboard,
    /// What is selected, for the middle mouse button.
    selection: gtk::Clipboard,
    /// Recognizes gestures for as long as it lives.
    _zoom: gtk::GestureZoom,
}

impl Native {
    pub(crate) fn attach(
        window: &tauri::Window,
        input: &Rc<Input>,
    ) -> Result<(Self, RawWindowHandle), Error> {
        let toplevel = window.gtk_window()?;
        let area = drawing_area(&window.default_vbox()?);
        follow_size(&area, input);
        follow_state(&toplevel, input);
        let handle = native_handle(&area)?;
        let zoom = pointer::connect(&area, input);
        drop::connect(&area, input);
        let keyboard = Keyboard::connect(&toplevel, &area, input);
        let native = Self {
            input: Rc::clone(input),
            keyboard,
            clipboard: gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD),
            selection: gtk::Clipboard::get(&gdk::SELECTION_PRIMARY),
            _zoom: zoom,
        };
        Ok((native, handle))
    }

    pub(crate) fn copy_text(&self, text: &str) {
        self.clipboard.set_text(text);
    }

    pub(crate) fn select_text(&self, text: &str) {
        self.selection.set_text(text);
    }

    pub(crate) fn copy_image(&self, image: &ColorImage) {
        clipboard::copy_image(&self.clipboard, image);
    }

    pub(crate) fn paste(&self) {
        clipboard::paste(&self.input);
    }

    pub(crate) fn set_ime(&self, ime: Option<IMEOutput>) {
        self.keyboard.set_ime(ime);
    }
}

/// tao's events of a window that egui needs: none, GTK's signals bring them all.
pub(crate) fn on_window_event(_: &WindowEvent<'_>, _: &Input) {}

#[expect(unsafe_code, reason = "gtk-rs has no setter for double buffering")]
fn drawing_area(parent: &gtk::Box) -> gtk::DrawingArea {
    let area = gtk::DrawingArea::new();
    area.set_can_focus(true);
    area.set_hexpand(true);
    area.set_vexpand(true);
    area.set_app_paintable(true);
    let widget: &gtk::Widget = area.upcast_ref();
    // SAFETY: the widget is alive, and this is the main thread.
    unsafe { gtk::ffi::gtk_widget_set_double_buffered(widget.as_ptr(), glib::ffi::GFALSE) };
    parent.pack_start(&area, true, true, 0);
    area.show();
    area.realize();
    area
}

/// Gives the area an X11 window of its own and returns its handle.
#[expect(unsafe_code, reason = "the X11 calls of GDK have no safe binding")]
fn native_handle(area: &gtk::DrawingArea) -> Result<RawWindowHandle, Error> {
    let display = area.display();
    let found = display.type_().name();
    if found != "GdkX11Display" {
        return Err(Error::NativeWindow {
            expected: "X11 (on Wayland through XWayland)",
            found: found.to_owned(),
        });
    }
    let no_window = || Error::NativeWindow {
        expected: "a realized widget",
        found: "one without a window".to_owned(),
    };
    let window = area.window().ok_or_else(no_window)?;
    window.ensure_native();
    // SAFETY: the display is an X11 display, so its windows are X11 windows.
    let id = unsafe { gdk_x11_sys::gdk_x11_window_get_xid(window.as_ptr().cast()) };
    // wgpu talks to the X server over another connection: the window has to exist before.
    display.sync();
    Ok(RawWindowHandle::Xlib(XlibWindowHandle::new(id)))
}

fn follow_size(area: &gtk::DrawingArea, input: &Rc<Input>) {
    let set_size = |area: &gtk::DrawingArea, input: &Input| {
        let scale = u32::try_from(area.scale_factor()).unwrap_or(1);
        // GTK gives every widget one unit before it lays it out.
        let px = |logical: i32| match u32::try_from(logical) {
            Ok(logical) if logical > 1 => logical.saturating_mul(scale),
            _ => 0,
        };
        input.set_size_px([px(area.allocated_width()), px(area.allocated_height())]);
    };
    let shared = Rc::clone(input);
    area.connect_size_allocate(move |area, _| set_size(area, &shared));
    let shared = Rc::clone(input);
    area.connect_scale_factor_notify(move |area| {
        shared.set_scale(area.scale_factor() as f32);
        set_size(area, &shared);
    });
    let shared = Rc::clone(input);
    area.connect_draw(move |_, _| {
        shared.request_repaint();
        glib::Propagation::Stop
    });
    input.set_scale(area.scale_factor() as f32);
    set_size(area, input);
}

fn follow_state(toplevel: &gtk::ApplicationWindow, input: &Rc<Input>) {
    let shared = Rc::clone(input);
    toplevel.connect_window_state_event(move |_, _| {
        shared.note_window_change();
        glib::Propagation::Proceed
    });
    let shared = Rc::clone(input);
    toplevel.connect_show(move |_| shared.note_window_change());
    let shared = Rc::clone(input);
    toplevel.connect_hide(move |_| shared.note_window_change());
}
