//! A file dropped on the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{DroppedFile, DroppedFileHandle};

#[derive(Debug)]
struct LocalFile(PathBuf);

impl DroppedFile for LocalFile {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| format!("{error}: {}", self.0.display()))
    }
}

/// The file at `path`, as egui passes it to the app.
pub(crate) fn dropped_file(path: PathBuf) -> DroppedFileHandle {
    Arc::new(LocalFile(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let file = dropped_file(PathBuf::from("/no/such/file.png"));
        assert_eq!(file.path(), Path::new("/no/such/file.png"));
        assert!(file.bytes().unwrap_err().ends_with("/no/such/file.png"));
    }
}
