//! What loses nothing: undo, project files, autosave and recovery.

pub mod atomic;
pub mod autosave;
pub mod history;
mod path_text;
pub mod project_file;
pub mod relink;
pub mod stored_path;

pub use autosave::{Autosave, Orphan, orphans};
pub use history::{CoalesceKey, History};
pub use project_file::{Loaded, ProjectError};
pub use stored_path::{StoredPath, portable_path, resolve};
