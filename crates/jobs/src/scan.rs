//! Pictures in a folder: found by their endings, by their content where there is none, in natural order.
//!
//! A folder → paths in batches, while the search goes on. Hidden files and folders are left out, each folder is
//! entered once whatever links lead to it, and what cannot be read is counted and named.

mod natural;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use dinoscope_engine::analysis::CancelToken;
use dinoscope_engine::picture::has_picture_ending;
use image::ImageFormat;

pub use natural::natural_order;

/// Paths that are handed over at once.
const BATCH: usize = 64;

/// Troubles that are named; all are counted.
const NAMED: usize = 100;

/// Why a folder could not be searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The folder itself cannot be listed.
    #[error("cannot list folder, {reason}: {}", path.display())]
    Folder {
        /// What the system says.
        reason: io::Error,
        /// The folder.
        path: PathBuf,
    },
    /// The caller asked to stop.
    #[error("the search for pictures was cancelled")]
    Cancelled,
}

/// Which folders are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The folder alone.
    #[default]
    Flat,
    /// The folders in it too.
    Recursive,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Pictures.
    pub pictures: usize,
    /// Files that are none.
    pub others: usize,
    /// Folders that were listed.
    pub folders: usize,
    /// Files and folders that could not be read.
    pub unreadable: usize,
    /// The first of them, a sentence each, the path last.
    pub troubles: Vec<String>,
}

/// Searches `path`; `on_found` gets the paths in order, each folder's own pictures before those of the folders in it.
pub fn folder(
    path: &Path,
    depth: Depth,
    cancel: &CancelToken,
    on_found: &mut dyn FnMut(Vec<PathBuf>),
) -> Result<Summary, ScanError> {
    let mut search = Search {
        cancel,
        on_found,
        batch: Vec::new(),
        seen: HashSet::new(),
        summary: Summary::default(),
    };
    let listed = search.list(path);
    let listed = listed.map_err(|reason| ScanError::Folder {
        reason,
        path: path.to_owned(),
    })?;
    let mut waiting = search.files(listed)?;
    while depth == Depth::Recursive
        && let Some(path) = waiting.pop()
    {
        match search.list(&path) {
            Ok(listed) => waiting.append(&mut search.files(listed)?),
            Err(reason) => search.trouble("cannot list folder", &reason, &path),
        }
    }
    search.hand_over();
    Ok(search.summary)
}

struct Search<'a> {
    cancel: &'a CancelToken,
    on_found: &'a mut dyn FnMut(Vec<PathBuf>),
    batch: Vec<PathBuf>,
    /// Real paths of the folders that were listed.
    seen: HashSet<PathBuf>,
    summary: Summary,
}

impl Search<'_> {
    /// What is in a folder; nothing if it was listed before under another name.
    fn list(&mut self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let real = fs::canonicalize(path)?;
        let entries = fs::read_dir(path)?;
        if !self.seen.insert(real) {
            return Ok(Vec::new());
        }
        self.summary.folders += 1;
        let mut listed = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) if !is_hidden(&entry) => listed.push(entry),
                Ok(_) => {}
                Err(reason) => self.trouble("cannot list folder to its end", &reason, path),
            }
        }
        Ok(listed)
    }

    /// Hands over the pictures among the entries of a folder; the folders among them come back, the first one last.
    fn files(&mut self, listed: Vec<DirEntry>) -> Result<Vec<PathBuf>, ScanError> {
        let mut names: Vec<(String, DirEntry)> = listed
            .into_iter()
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry))
            .collect();
        names.sort_by(|(a, _), (b, _)| natural_order(a, b));
        let mut folders = Vec::new();
        for (_, entry) in names {
            if self.cancel.is_cancelled() {
                return Err(ScanError::Cancelled);
            }
            let path = entry.path();
            match kind(&entry) {
                Ok(Kind::Folder) => folders.push(path),
                Ok(Kind::File) => self.file(path),
                Ok(Kind::Other) => self.summary.others += 1,
                Err(reason) => self.trouble("cannot look at file", &reason, &path),
            }
        }
        folders.reverse();
        Ok(folders)
    }

    fn file(&mut self, path: PathBuf) {
        let found = if path.extension().is_some() {
            Ok(has_picture_ending(&path))
        } else {
            begins_like_picture(&path)
        };
        match found {
            Ok(true) => {
                self.summary.pictures += 1;
                self.batch.push(path);
                if self.batch.len() >= BATCH {
                    self.hand_over();
                }
            }
            Ok(false) => self.summary.others += 1,
            Err(reason) => self.trouble("cannot read file", &reason, &path),
        }
    }

    fn hand_over(&mut self) {
        if !self.batch.is_empty() {
            (self.on_found)(std::mem::take(&mut self.batch));
        }
    }

    fn trouble(&mut self, what: &str, reason: &io::Error, path: &Path) {
        self.summary.unreadable += 1;
        if self.summary.troubles.len() < NAMED {
            let sentence = format!("{what}, {reason}: {}", path.display());
            self.summary.troubles.push(sentence);
        }
    }
}

enum Kind {
    File,
    Folder,
    /// A pipe, a socket, a device: opening one could wait for ever.
    Other,
}

/// What an entry is, at the end of its links.
fn kind(entry: &DirEntry) -> io::Result<Kind> {
    let mut kind = entry.file_type()?;
    if kind.is_symlink() {
        kind = fs::metadata(entry.path())?.file_type();
    }
    Ok(if kind.is_dir() {
        Kind::Folder
    } else if kind.is_file() {
        Kind::File
    } else {
        Kind::Other
    })
}

fn is_hidden(entry: &DirEntry) -> bool {
    is_dotted(&entry.file_name()) || has_hidden_attribute(entry)
}

fn is_dotted(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(windows)]
fn has_hidden_attribute(entry: &DirEntry) -> bool {
    use std::os::windows::fs::MetadataExt;
    const HIDDEN: u32 = 2;
    entry
        .metadata()
        .is_ok_and(|metadata| metadata.file_attributes() & HIDDEN != 0)
}

#[cfg(not(windows))]
fn has_hidden_attribute(_entry: &DirEntry) -> bool {
    false
}

/// Whether a file without an ending has a picture's first bytes.
fn begins_like_picture(path: &Path) -> io::Result<bool> {
    let mut head = Vec::with_capacity(32);
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    file.take(32).read_to_end(&mut head)?;
    Ok(match image::guess_format(&head) {
        Ok(
            ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::WebP
            | ImageFormat::Tiff
            | ImageFormat::Gif,
        ) => true,
        // Two letters say little; the length that follows them says more.
        Ok(ImageFormat::Bmp) => head.get(2..6).is_some_and(|stated| {
            stated
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
                == length
        }),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
