//! The explorer: panels and views over the project and what is computed for it; no window, no network.
//!
//! [`App`] is drawn into any [`egui::Ui`] whose frame is painted by egui-wgpu; what only the owner of the window can do
//! comes through [`Host`]. [`document`] is what a project is, [`session`] what it becomes at run time, [`views`] and
//! [`panels`] what is seen.

pub mod app;
pub mod canvas;
pub mod commands;
pub mod cx;
pub mod document;
pub mod fonts;
pub mod host;
pub mod icons;
pub mod keep;
pub mod panels;
pub mod parts;
pub mod samples;
pub mod session;
pub mod text;
pub mod theme;
pub mod views;
pub mod widgets;

pub use app::{App, Setup};
pub use host::{Dialog, DialogKind, Host, Inbox, Message};
pub use session::Folders;
