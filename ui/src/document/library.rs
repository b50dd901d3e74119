//! The pictures of a project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::keep::path_text;
use crate::keep::stored_path::StoredPath;

/// Number of a picture in its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PictureId(pub u32);

/// A picture by its file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PictureEntry {
    /// Where it is on this computer.
    #[serde(with = "path_text::plain")]
    pub path: PathBuf,
    /// Where it is seen from the project's folder; filled in when a project is saved.
    pub stored: Option<StoredPath>,
    /// SHA-256 of the file, hexadecimal, once it was opened: finds a file that was moved.
    pub sha256: Option<String>,
    /// Length of the file in bytes, once it was opened.
    pub bytes: Option<u64>,
    /// The folder under which the library lists it; single files have none.
    #[serde(with = "path_text::optional")]
    pub folder: Option<PathBuf>,
}

impl PictureEntry {
    /// File name.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(
            || self.path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

/// Pictures by number; numbers are given once and never again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Library {
    entries: BTreeMap<PictureId, PictureEntry>,
    next: u32,
}

impl Library {
    /// Adds a file, or finds it where it is already.
    pub fn add(&mut self, path: PathBuf) -> PictureId {
        self.add_under(path, None)
    }

    /// Adds a file that belongs to a folder of the library.
    pub fn add_under(&mut self, path: PathBuf, folder: Option<&Path>) -> PictureId {
        if let Some(known) = self.find(&path) {
            return known;
        }
        self.push(path, folder)
    }

    /// Adds many files of a folder at once; ones that are there already stay as they are.
    pub fn add_all(&mut self, paths: Vec<PathBuf>, folder: Option<&Path>) -> Vec<PictureId> {
        let known: std::collections::HashMap<PathBuf, PictureId> = self
            .entries
            .iter()
            .map(|(&id, entry)| (entry.path.clone(), id))
            .collect();
        let mut ids = Vec::with_capacity(paths.len());
        for path in paths {
            ids.push(match known.get(&path) {
                Some(&id) => id,
                None => self.push(path, folder),
            });
        }
        ids
    }

    fn push(&mut self, path: PathBuf, folder: Option<&Path>) -> PictureId {
        let id = PictureId(self.next);
        self.next += 1;
        let entry = PictureEntry {
            path,
            folder: folder.map(Path::to_owned),
            ..PictureEntry::default()
        };
        self.entries.insert(id, entry);
        id
    }

    /// The picture with this file.
    pub fn find(&self, path: &Path) -> Option<PictureId> {
        let found = self.entries.iter().find(|(_, entry)| entry.path == path);
        found.map(|(&id, _)| id)
    }

    /// A picture by its number.
    pub fn get(&self, id: PictureId) -> Option<&PictureEntry> {
        self.entries.get(&id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: PictureId) -> Option<&mut PictureEntry> {
        self.entries.get_mut(&id)
    }

    /// File name of a picture; empty for a number that is gone.
    pub fn name(&self, id: PictureId) -> String {
        self.get(id).map(PictureEntry::name).unwrap_or_default()
    }

    /// All pictures in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (PictureId, &PictureEntry)> {
        self.entries.iter().map(|(&id, entry)| (id, entry))
    }

    /// All pictures, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (PictureId, &mut PictureEntry)> {
        self.entries.iter_mut().map(|(&id, entry)| (id, entry))
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets a picture; its number is not given again.
    pub fn remove(&mut self, id: PictureId) {
        self.entries.remove(&id);
    }

    /// The picture before or after one in the order; the ends are stops.
    pub fn neighbor(&self, id: PictureId, forward: bool) -> Option<PictureId> {
        use std::ops::Bound::{Excluded, Unbounded};
        if forward {
            let mut after = self.entries.range((Excluded(id), Unbounded));
            after.next().map(|(&id, _)| id)
        } else {
            self.entries.range(..id).next_back().map(|(&id, _)| id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_is_saved_and_read_back() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"/a/caf\xe9.png".to_vec()));
        let mut library = Library::default();
        let id = library.add_under(path.clone(), path.parent());
        let text = serde_json::to_string(&library).unwrap();
        let read: Library = serde_json::from_str(&text).unwrap();
        assert_eq!(read.get(id).unwrap().path, path);
        assert_eq!(read, library);
    }

    #[test]
    fn a_file_is_in_the_library_once_and_numbers_do_not_come_back() {
        let mut library = Library::default();
        let a = library.add("/a.png".into());
        assert_eq!(library.add("/a.png".into()), a);
        let all = library.add_all(vec!["/a.png".into(), "/b.png".into()], Some(Path::new("/")));
        assert_eq!(all[0], a);
        assert_eq!(library.get(a).unwrap().folder, None);
        library.remove(all[1]);
        let c = library.add("/c.png".into());
        assert!(c > all[1]);
        assert_eq!(library.neighbor(a, true), Some(c));
        assert_eq!(library.neighbor(c, false), Some(a));
        assert_eq!(library.neighbor(c, true), None);
    }
}
