//! The desktop app: a Tauri window with `dinoscope-ui` in it, and what only the owner of a window can do.
//!
//! Command line → one running app → window, dialogs, notifications, the manual, links, files from other programs.

mod args;
mod crash;
mod dialog;
mod explorer;
mod folders;
mod help;
mod host;
mod link;
mod log;
mod mail;
mod start;
mod update;
mod wanted;

pub use start::main;
