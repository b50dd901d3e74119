//! Project files: one `.dinoscope` file is JSON, `{ "dinoscope": 1, "app": "0.1.0", "document": … }`.
//!
//! Fields that this version does not know are passed over at any depth, so that a newer version may add some without
//! a new number. The number rises when an older version would misread the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::atomic;
use super::path_text::PathText;

/// The number of the format that is written, and the highest that is read.
pub const FORMAT: u64 = 1;
/// The ending of project files.
pub const ENDING: &str = "dinoscope";
/// Largest file that is written or read, in bytes. Projects hold no pictures and are a thousand times smaller.
pub const MAX_BYTES: u64 = 64 << 20;

/// Why a project cannot be opened or saved.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The file cannot be read.
    #[error("cannot read: {source}: {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be written; what was there before is still there.
    #[error("cannot save: {source}: {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says; `StorageFull` for a full disk.
        source: io::Error,
    },
    /// There is no text of this kind in the file at all.
    #[error("expected a project of Dinoscope, found no JSON: {}", .0.display())]
    NotJson(PathBuf),
    /// JSON, but of another program.
    #[error("expected a project of Dinoscope, found other JSON: {}", .0.display())]
    NotAProject(PathBuf),
    /// Written by a version that knows more.
    #[error("the project was saved by Dinoscope {app} in format {found}, this version reads up to {FORMAT}; update Dinoscope to open it: {}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format's number.
        found: u64,
        /// The version that wrote it.
        app: String,
    },
    /// A project with a part missing or changed.
    #[error("the project is damaged at line {line}, column {column}: {reason}: {}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line from 1; 0 if it concerns the whole.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What was expected there.
        reason: String,
    },
    /// Too large to be a project.
    #[error("the file has {found} bytes, a project has at most {MAX_BYTES}: {}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes, or the limit and one where it has no length.
        found: u64,
    },
    /// The document cannot be expressed as JSON that could be read again. Nothing was written.
    #[error("the project cannot be written so that it could be opened again: {reason}: {}", path.display())]
    Inexpressible {
        /// The file.
        path: PathBuf,
        /// What is in the way.
        reason: String,
    },
}

/// A project that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<T> {
    /// The document.
    pub document: T,
    /// The version that wrote it.
    pub app: String,
    /// Whether that version is newer than this one: saving would then lose what only it knows.
    pub is_newer: bool,
}

/// Writes a project: whole, or, on any error, not at all.
pub fn save<T: Serialize + DeserializeOwned>(
    path: &Path,
    document: &T,
) -> Result<(), ProjectError> {
    let bytes = to_bytes(path, &Written::new(document))?;
    atomic::replace(path, &bytes).map_err(|source| ProjectError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Reads a project. Whatever is in the file, this uses bounded memory and returns.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<Loaded<T>, ProjectError> {
    let bytes = read(path)?;
    let header = header(path, &bytes)?;
    let body: Body<T> = serde_json::from_slice(&bytes).map_err(|error| damaged(path, &error))?;
    Ok(Loaded {
        document: body.document,
        is_newer: version(&header.app) > version(env!("CARGO_PKG_VERSION")),
        app: header.app,
    })
}

/// A file as it is written. Only autosaved states have the two fields in the middle.
#[derive(Serialize)]
pub(super) struct Written<'a, T> {
    dinoscope: u64,
    app: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) saved_at_secs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) project_path: Option<PathText>,
    document: &'a T,
}

impl<'a, T> Written<'a, T> {
    pub(super) fn new(document: &'a T) -> Self {
        Self {
            dinoscope: FORMAT,
            app: env!("CARGO_PKG_VERSION"),
            saved_at_secs: None,
            project_path: None,
            document,
        }
    }
}

#[derive(Deserialize)]
struct Body<T> {
    document: T,
}

#[derive(Deserialize)]
struct Header {
    dinoscope: u64,
    #[serde(default)]
    app: String,
    /// Passed over, which checks the syntax without depth or memory.
    #[serde(rename = "document")]
    _document: Option<IgnoredAny>,
}

/// A file's content, within the limit, after a look at whether it can be read again.
pub(super) fn to_bytes<T: Serialize + DeserializeOwned>(
    path: &Path,
    written: &Written<'_, T>,
) -> Result<Vec<u8>, ProjectError> {
    let inexpressible = |error: serde_json::Error| ProjectError::Inexpressible {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut bytes = serde_json::to_vec_pretty(written).map_err(inexpressible)?;
    bytes.push(b'\n');
    check_length(path, bytes.len() as u64)?;
    // A number that is not finite becomes `null` in JSON. Better to learn here than when the file is all there is.
    serde_json::from_slice::<Body<T>>(&bytes).map_err(inexpressible)?;
    Ok(bytes)
}

/// The whole of a regular file, within the limit.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ProjectError> {
    let failed = |source| ProjectError::Read {
        path: path.to_owned(),
        source,
    };
    // Before it is opened: opening a pipe waits for whoever writes into it.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(failed(io::Error::other(
            "expected a file, found a device or pipe",
        )));
    }
    check_length(path, metadata.len())?;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    check_length(path, bytes.len() as u64)?;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// What the file says about itself, once its syntax is known to be right.
fn header(path: &Path, bytes: &[u8]) -> Result<Header, ProjectError> {
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    let header: Header = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            ProjectError::NotAProject(path.to_owned())
        } else if is_object {
            damaged(path, &error)
        } else {
            ProjectError::NotJson(path.to_owned())
        }
    })?;
    match header.dinoscope {
        0 => Err(ProjectError::NotAProject(path.to_owned())),
        1..=FORMAT => Ok(header),
        found => Err(ProjectError::Newer {
            path: path.to_owned(),
            found,
            app: header.app,
        }),
    }
}

pub(super) fn damaged(path: &Path, error: &serde_json::Error) -> ProjectError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    ProjectError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        reason: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
    }
}

fn check_length(path: &Path, found: u64) -> Result<(), ProjectError> {
    if found > MAX_BYTES {
        return Err(ProjectError::TooLarge {
            path: path.to_owned(),
            found,
        });
    }
    Ok(())
}

/// The first three numbers of a version; what is no number counts as 0.
fn version(text: &str) -> [u64; 3] {
    let mut numbers = text
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests;
