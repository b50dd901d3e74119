//! What loses nothing: undo, project files, autosave and recovery, settings.

pub mod atomic;
pub mod autosave;
pub mod command_line;
pub mod history;
pub(crate) mod path_text;
pub mod project_file;
pub mod relink;
pub mod settings;
pub mod stored_path;

pub use path_text::PathText;
