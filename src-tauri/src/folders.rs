//! Folders of the user that the app writes to.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use dinoscope_ui::Folders;
use directories::ProjectDirs;

/// One folder for everything that Dinoscope keeps, if the user wants that; as for the command line.
fn home() -> Option<OsString> {
    std::env::var_os("DINOSCOPE_HOME").filter(|home| !home.is_empty())
}

/// Folders of settings, autosaves and thumbnails.
pub(crate) fn own() -> Folders {
    match home() {
        Some(home) => Folders::below(Path::new(&home)),
        None => Folders::of_user(),
    }
}

/// Folder of the log and of crash reports; `None` for a user without a home.
pub(crate) fn logs() -> Option<PathBuf> {
    if let Some(home) = home() {
        return Some(Path::new(&home).join("logs"));
    }
    let project = ProjectDirs::from("", "", "dinoscope")?;
    let elsewhere = || project.data_local_dir().join("logs");
    Some(project.state_dir().map_or_else(elsewhere, Path::to_owned))
}
