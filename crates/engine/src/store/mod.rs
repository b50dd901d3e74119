//! The per-user store of downloaded models.
//!
//! A name → the folder `<root>/models/<name>` with `model.safetensors` (or its shards and their
//! index), `config.json`, `preprocessor_config.json`, the license and `source.json`, which says
//! where the files came from. A folder appears whole or not at all: downloads are collected under
//! `models/.partial` and renamed. A folder that a person made by hand counts as well.

mod download;
mod error;
mod http;
mod hub;
mod options;
mod transfer;
mod verify;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use dinoscope_model::Variant;
use serde::{Deserialize, Serialize};

pub use error::StoreError;
pub use options::{DownloadOptions, Progress, Token};
pub(crate) use verify::hex;
pub use verify::sha256_file;

/// Weights in one file.
const WEIGHTS: &str = "model.safetensors";
/// Weights in several files: which tensor is in which.
const INDEX: &str = "model.safetensors.index.json";
const SOURCE: &str = "source.json";
/// A record of a few files; anything longer was not written by [`Store::download`].
const SOURCE_LIMIT: u64 = 1 << 20;

/// Folder of downloaded models and of cached features.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A model to download: where it is on the hub, and what the store calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    name: String,
    repository: String,
}

/// A model in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Name in the store; also the folder's name.
    pub name: String,
    /// Folder that holds the files.
    pub path: PathBuf,
    /// Where it came from; `None` for a folder made by hand.
    pub source: Option<Source>,
}

/// Origin of a downloaded model, as `source.json` keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Hub that it was downloaded from.
    pub endpoint: String,
    /// `owner/name` on that hub.
    pub repository: String,
    /// Commit of the repository, or `main` when the server names none.
    pub revision: String,
    /// The files, in the order of the download.
    pub files: Vec<SourceFile>,
}

/// One file of a downloaded model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Name in the repository and in the folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content, in hexadecimal digits.
    pub sha256: String,
}

impl Wanted {
    /// The model that the store calls `name`, at `repository` (`owner/name`) on the hub.
    pub fn new(name: &str, repository: &str) -> Result<Self, StoreError> {
        let halves = repository.split_once('/');
        if !halves.is_some_and(|(owner, name)| is_plain_name(owner) && is_plain_name(name)) {
            return Err(StoreError::Repository {
                repository: repository.to_owned(),
            });
        }
        if !is_plain_name(name) {
            return Err(StoreError::Name {
                name: name.to_owned(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            repository: repository.to_owned(),
        })
    }

    /// A released model by its short name, or any repository of the hub as `owner/name`.
    pub fn by_name(name: &str) -> Result<Self, StoreError> {
        let owned = || name.to_owned();
        match Variant::by_name(name) {
            Some(variant) => match variant.repository {
                Some(repository) => Self::new(name, repository),
                None => Err(StoreError::NotOnHub { name: owned() }),
            },
            None if name.contains('/') => Self::from_repository(name),
            None => Err(StoreError::UnknownModel { name: owned() }),
        }
    }

    /// Any repository of the hub; the store calls it `owner--name`.
    pub fn from_repository(repository: &str) -> Result<Self, StoreError> {
        Self::new(&repository.replace('/', "--"), repository)
    }

    /// Name in the store.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `owner/name` on the hub.
    pub fn repository(&self) -> &str {
        &self.repository
    }
}

impl Installed {
    /// Whether every file of `source.json` is there in its full length. Contents are not read.
    pub fn is_whole(&self) -> bool {
        let sizes_fit = |source: &Source| {
            source.files.iter().all(|file| {
                fs::metadata(self.path.join(&file.name)).is_ok_and(|found| found.len() == file.size)
            })
        };
        self.source.as_ref().is_none_or(sizes_fit)
    }
}

impl Store {
    /// The user's store: `DINOSCOPE_HOME` if it is set, else the system's folder for data.
    pub fn open() -> Result<Self, StoreError> {
        if let Some(root) = std::env::var_os("DINOSCOPE_HOME").filter(|root| !root.is_empty()) {
            return Ok(Self::at(root));
        }
        let project = directories::ProjectDirs::from("", "", "dinoscope");
        Ok(Self::at(project.ok_or(StoreError::NoHome)?.data_dir()))
    }

    /// A store in `root`, which is made on the first write.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Folder of the feature cache.
    pub fn features_dir(&self) -> PathBuf {
        self.root.join("features")
    }

    /// Every model in the store, sorted by name.
    pub fn models(&self) -> Result<Vec<Installed>, StoreError> {
        let folder = self.models_dir();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(StoreError::io("list the models", &folder))?,
        };
        let mut models = Vec::new();
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list the models", &folder))?;
            models.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| self.installed(name)),
            );
        }
        models.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(models)
    }

    /// Folder of the model `name`, given as the store's name or as `owner/name`.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.installed(&name.replace('/', "--"))
            .map(|model| model.path)
    }

    /// Downloads a model, or returns it at once when it is there and whole.
    ///
    /// Blocks; run it on a worker thread. `progress` is called often and should be quick;
    /// `cancelled` is asked for every piece that arrives. An interrupted download goes on where it
    /// stopped when it is called again, also in another process. A second caller waits for the
    /// first. Every file is checked against the size and the SHA-256 that the hub lists.
    pub fn download(
        &self,
        wanted: &Wanted,
        options: &DownloadOptions,
        progress: &mut dyn FnMut(Progress<'_>),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Installed, StoreError> {
        download::run(self, wanted, options, progress, cancelled)
    }

    fn models_dir(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The model in the folder `name`, if there are weights in it.
    fn installed(&self, name: &str) -> Option<Installed> {
        let path = self.models_dir().join(name);
        let has_weights = [WEIGHTS, INDEX]
            .iter()
            .any(|file| path.join(file).is_file());
        (is_plain_name(name) && has_weights).then(|| Installed {
            name: name.to_owned(),
            source: read_source(&path.join(SOURCE)),
            path,
        })
    }
}

fn read_source(path: &Path) -> Option<Source> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(SOURCE_LIMIT)
        .read_to_string(&mut text)
        .ok()?;
    let source: Source = serde_json::from_str(&text).ok()?;
    source
        .files
        .iter()
        .all(|file| is_plain_name(&file.name))
        .then_some(source)
}

/// A name that is one visible path component on every system. Names from the network pass here.
fn is_plain_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=200).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with('.')
        && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_store_are_refused() {
        for name in [
            "", "..", ".hidden", "a/b", "a\\b", "/etc", "c:", "a b", "nul\0", "dot.", "é",
        ] {
            assert!(!is_plain_name(name), "{name:?}");
            assert!(
                matches!(Wanted::new(name, "a/b"), Err(StoreError::Name { .. })),
                "{name:?}"
            );
        }
        for repository in [
            "a",
            "a/b/c",
            "../b",
            "a/..",
            "/a",
            "a/",
            "a/b?c",
            "http://a/b",
        ] {
            let error = Wanted::from_repository(repository).unwrap_err();
            assert!(
                matches!(error, StoreError::Repository { .. }),
                "{repository:?}"
            );
        }
        assert_eq!(Wanted::from_repository("a/b.c").unwrap().name(), "a--b.c");
    }

    #[test]
    fn a_folder_made_by_hand_is_a_model_and_an_empty_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        assert_eq!(store.models().unwrap(), []);
        for name in ["z", "a", "empty", ".partial"] {
            fs::create_dir_all(dir.path().join("models").join(name)).unwrap();
        }
        for name in ["z", "a", ".partial"] {
            fs::write(dir.path().join("models").join(name).join(WEIGHTS), b"").unwrap();
        }
        let names: Vec<_> = store
            .models()
            .unwrap()
            .into_iter()
            .map(|model| model.name)
            .collect();
        assert_eq!(names, ["a", "z"]);
        assert_eq!(store.find("a"), Some(dir.path().join("models/a")));
        assert_eq!(store.find("empty"), None);
        assert_eq!(store.find("../models/a"), None);
    }

    #[test]
    fn a_source_record_that_names_other_folders_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SOURCE);
        for (name, read) in [("model.safetensors", true), ("../secret", false)] {
            let file = SourceFile {
                name: name.into(),
                size: 1,
                sha256: String::new(),
            };
            let source = Source {
                endpoint: "e".into(),
                repository: "a/b".into(),
                revision: "main".into(),
                files: vec![file],
            };
            fs::write(&path, serde_json::to_string(&source).unwrap()).unwrap();
            assert_eq!(read_source(&path).is_some(), read, "{name}");
        }
    }
}
