//! What the user of this crate writes and sets: the app, and the options of its window.

use std::time::Instant;

use crate::Error;

/// What is drawn in a window. The same shape as eframe's app, so that one UI runs under both.
pub trait App {
    /// Draws one frame. Not called while the window is hidden.
    fn ui(&mut self, ui: &mut egui::Ui);

    /// Called before each [`App::ui`], and also while the window is hidden or minimized.
    fn logic(&mut self, ctx: &egui::Context) {
        let _ = ctx;
    }

    /// A lost GPU was replaced: everything made on the old device is gone.
    ///
    /// Textures managed by egui were uploaded again; native textures, buffers and pipelines have
    /// to be made anew with `render`.
    fn device_changed(&mut self, render: &egui_wgpu::RenderState) {
        let _ = render;
    }

    /// The window is about to go away for good.
    fn exit(&mut self) {}
}

/// What an app can use while it is made.
pub struct Creation<'a> {
    /// The egui context of the window: fonts, style and image loaders are set here.
    pub ctx: &'a egui::Context,
    /// The GPU that egui draws with, for the app's own textures and compute passes. Its device-lost callback is the
    /// window's: a device has one only, and with another the window would wait for the lost one for ever.
    pub render: &'a egui_wgpu::RenderState,
}

/// How an app is shown in its window.
pub struct Options {
    /// When the process started, for [`crate::FrameTimes::first_frame`]: the time of the call of
    /// `Options::default` unless set.
    pub started: Instant,
    /// Shows the window as soon as there is something to see.
    pub show: bool,
    /// Waits for the display's refresh when presenting.
    pub vsync: bool,
    /// Opens an address that the user clicked. Does nothing but log unless set.
    pub open_url: Box<dyn Fn(&str)>,
    /// Told once when the window can no longer be drawn, for example because its GPU was lost and
    /// no other could be had. Logs unless set.
    pub failed: Box<dyn Fn(&Error)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            show: true,
            vsync: true,
            open_url: Box::new(|url| tracing::warn!(url, "no handler for addresses")),
            failed: Box::new(|error| tracing::error!(%error, "the window can not be drawn")),
        }
    }
}
