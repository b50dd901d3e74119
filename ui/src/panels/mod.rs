//! The panels around the views, and the sheets over them: each file is one of them.

mod menu;
mod sheet;

pub mod about;
pub mod frame;
pub mod inspector;
pub mod lesson;
pub mod library;
pub mod link;
pub mod missing;
pub mod models;
pub mod palette;
pub mod recovery;
pub mod regions;
pub mod settings;
pub mod shortcuts;
pub mod start;
pub mod status_bar;
pub mod tiles;
pub mod toasts;
pub mod top_bar;
pub mod tray;
pub mod unsaved;

pub use frame::frame_ui;

use std::path::PathBuf;

use egui::Ui;

use crate::commands::Command;
use crate::cx::Cx;
use crate::icons;
use crate::text::Text;
use crate::widgets::Button;

/// Most projects, folders and pictures in a list of what was open before.
const RECENT: [usize; 3] = [6, 4, 4];

/// The key of a command, as it is written on the keyboard; empty without one.
fn key_of(ui: &Ui, cx: &Cx<'_>, command: Command) -> Text {
    cx.keys.caps_text(ui, command).unwrap_or_default().into()
}

/// A button whose tooltip tells the key of its command.
fn with_key(ui: &Ui, button: Button, cx: &Cx<'_>, command: Command) -> Button {
    let keys = key_of(ui, cx, command);
    if keys.is_empty() {
        button
    } else {
        button.key(keys)
    }
}

/// Projects, folders and pictures of before, the last ones first, each with its icon.
fn recent(cx: &Cx<'_>) -> Vec<(&'static str, PathBuf)> {
    let [projects, folders, pictures] = RECENT;
    let preferences = &*cx.preferences;
    let lists = [
        (icons::FLOPPY_DISK, &preferences.recent_projects, projects),
        (icons::FOLDER, &preferences.recent_folders, folders),
        (icons::IMAGE, &preferences.recent_pictures, pictures),
    ];
    let mut found = Vec::new();
    for (icon, list, most) in lists {
        found.extend(
            list.iter()
                .take(most)
                .map(|recent| (icon, recent.path().to_owned())),
        );
    }
    found
}
