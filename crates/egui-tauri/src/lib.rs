//! An egui app in a native Tauri window that has no webview.
//!
//! ```no_run
//! struct Hello;
//! impl egui_tauri::App for Hello {
//!     fn ui(&mut self, ui: &mut egui::Ui) {
//!         ui.heading("Hello");
//!     }
//! }
//!
//! # fn show(context: tauri::Context<tauri::Wry>) -> Result<(), Box<dyn std::error::Error>> {
//! egui_tauri::prefer_x11();
//! let mut app = tauri::Builder::default()
//!     .setup(|app| {
//!         let window = tauri::window::WindowBuilder::new(app, "main").visible(false).build()?;
//!         egui_tauri::install(window, egui_tauri::Options::default(), |_| Box::new(Hello))?;
//!         Ok(())
//!     })
//!     .build(context)?;
//! app.wry_plugin(egui_tauri::plugin());
//! app.run(|_, _| {});
//! # Ok(())
//! # }
//! ```
//!
//! Rules of the road:
//! - Build the window in code, not in `tauri.conf.json` (there tao switches pointer motion off),
//!   and invisible: it is shown when there is something to see.
//! - [`plugin`] is added after `build()` and before `run()`; [`install`] is called on the main
//!   thread, in the setup hook or at any later time, once for each window.
//! - Closing asks the app first, as eframe does: a frame with
//!   [`egui::ViewportInfo::close_requested`], which [`egui::ViewportCommand::CancelClose`] vetoes.
//!   Tauri's listeners are not asked: they see the window destroyed.
//! - On Linux egui is drawn into a child X11 window and input comes from GTK signals, because tao
//!   loses wheel deltas, modifier combinations and pre-edit there; call [`prefer_x11`] first.
//!
//! Only Linux with X11 has ever run; on Wayland the same code goes through `XWayland`. The parts for Windows and macOS
//! (`tao/`, and two of the adapters in `accessibility.rs`) were written against the sources of the
//! crates that they call; no machine with these systems has ever built or run them. There, tao reports
//! no pre-edit text of input methods, only the committed text.

mod accessibility;
mod app;
mod commands;
mod device;
mod dropped;
mod error;
mod frame_times;
mod gpu;
mod host;
mod input;
mod keys;
mod order;
mod output;
mod plugin;
mod repaint;
mod textures;
mod viewport;

#[cfg(not(target_os = "linux"))]
#[path = "tao/mod.rs"]
mod native;
#[cfg(target_os = "linux")]
#[path = "x11/mod.rs"]
mod native;

pub use app::{App, Creation, Options};
pub use egui_wgpu::RenderState;
pub use error::Error;
pub use frame_times::FrameTimes;
pub use native::prefer_x11;
pub use plugin::{Plugin, install, plugin};
