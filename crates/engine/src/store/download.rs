//! A repository on the hub → a folder of the store.
//!
//! Lock, list, choose the files, fetch each into `models/.partial/<name>@<commit>`, write
//! `source.json`, rename the folder. The commit in the folder's name keeps a part of one version
//! from being continued with another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::hub::{Hub, Listing, Remote};
use super::options::{DownloadOptions, Progress};
use super::transfer::{Attempt, Caller, fetch};
use super::{
    INDEX, Installed, SOURCE, Source, SourceFile, Store, StoreError, WEIGHTS, Wanted, is_plain_name,
};

/// Where downloads are collected, beside the finished models.
const PARTIAL: &str = ".partial";
const MOST_SHARDS: usize = 1000;
/// Between two looks at a lock that another process holds.
const LOCK_WAIT: Duration = Duration::from_millis(200);

pub(super) fn run(
    store: &Store,
    wanted: &Wanted,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(Progress<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<Installed, StoreError> {
    let mut caller = Caller {
        options,
        progress,
        cancelled,
    };
    let hub = Hub::new(wanted.repository(), options)?;
    let folder = store.models_dir().join(PARTIAL);
    fs::create_dir_all(&folder).map_err(StoreError::io("make", &folder))?;
    // Held to the end of this function, and by the system no longer than the process lives.
    let _lock = lock(&folder.join(format!("{}.lock", wanted.name())), &mut caller)?;
    if let Some(model) = store.installed(wanted.name())
        && model.is_whole()
        && !options.replace
    {
        return Ok(model);
    }
    let listing = caller.retry("", |_| hub.listing().map_err(Attempt::from))?;
    let staging = staging(&folder, wanted.name(), &listing.revision)?;
    let files = fetch_all(&hub, &listing, &staging, &mut caller)?;
    let source = Source {
        endpoint: hub.endpoint().to_owned(),
        repository: hub.repository().to_owned(),
        revision: listing.revision,
        files,
    };
    write_source(&staging, &source)?;
    let path = store.models_dir().join(wanted.name());
    install(
        &staging,
        &path,
        &folder.join(format!("{}@old", wanted.name())),
    )?;
    Ok(Installed {
        name: wanted.name().to_owned(),
        path,
        source: Some(source),
    })
}

/// Waits until no other process downloads the same model.
fn lock(path: &Path, caller: &mut Caller<'_>) -> Result<File, StoreError> {
    let file = File::create(path).map_err(StoreError::io("lock", path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                (caller.progress)(Progress::Waiting);
                caller.wait(LOCK_WAIT)?;
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
        }
    }
}

/// The folder for this commit's files; what is left of other commits is deleted.
fn staging(folder: &Path, name: &str, revision: &str) -> Result<PathBuf, StoreError> {
    let staging = folder.join(format!("{name}@{revision}"));
    let entries = fs::read_dir(folder).map_err(StoreError::io("list", folder))?;
    for entry in entries.flatten() {
        let other = entry.file_name().to_str().is_some_and(|entry| {
            entry
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('@'))
        });
        if other && entry.path() != staging {
            fs::remove_dir_all(entry.path()).map_err(StoreError::io("delete", &entry.path()))?;
        }
    }
    fs::create_dir_all(&staging).map_err(StoreError::io("make", &staging))?;
    Ok(staging)
}

/// Small files first: a gate or a full disk should show before gigabytes have moved.
fn fetch_all(
    hub: &Hub,
    listing: &Listing,
    staging: &Path,
    caller: &mut Caller<'_>,
) -> Result<Vec<SourceFile>, StoreError> {
    let one_file = listing.files.iter().find(|file| file.name == WEIGHTS);
    let index = listing.files.iter().find(|file| file.name == INDEX);
    let mut files = Vec::new();
    let mut get = |remote: &Remote, caller: &mut Caller<'_>| {
        files.push(fetch(hub, &listing.revision, remote, staging, caller)?);
        Ok::<_, StoreError>(())
    };
    let weights = match (one_file, index) {
        (Some(weights), _) => vec![weights.clone()],
        (None, Some(index)) => {
            get(index, caller)?;
            let url = hub.url(&listing.revision, INDEX);
            shards(&staging.join(INDEX), listing, &url)?
        }
        (None, None) => {
            return Err(StoreError::NoWeights {
                repository: hub.repository().to_owned(),
            });
        }
    };
    let companions = listing.files.iter().filter(|file| is_companion(&file.name));
    let rest: Vec<&Remote> = companions.chain(&weights).collect();
    let total = rest.iter().map(|file| file.size).sum();
    (caller.progress)(Progress::Started {
        files: rest.len(),
        total,
    });
    rest.into_iter()
        .try_for_each(|remote| get(remote, caller))?;
    Ok(files)
}

/// Settings and legal texts, which belong to the weights.
fn is_companion(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    matches!(name, "config.json" | "preprocessor_config.json")
        || ["LICENSE", "LICENCE", "NOTICE"]
            .iter()
            .any(|start| upper.starts_with(start))
}

/// The files that an index names, with what the hub lists of them.
fn shards(index: &Path, listing: &Listing, url: &str) -> Result<Vec<Remote>, StoreError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let broken = |reason: String| StoreError::Content {
        file: INDEX.to_owned(),
        reason,
        url: url.to_owned(),
    };
    let text = fs::read(index).map_err(StoreError::io("read", index))?;
    let parsed: Index = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
    if names.is_empty() || names.len() > MOST_SHARDS {
        return Err(broken(format!(
            "expected 1 to {MOST_SHARDS} files, found {}",
            names.len()
        )));
    }
    let listed = |name: String| match listing.files.iter().find(|file| file.name == name) {
        Some(file) => Ok(file.clone()),
        None if is_plain_name(&name) && name.ends_with(".safetensors") => Ok(Remote {
            name,
            size: None,
            sha256: None,
        }),
        None => Err(broken(format!("not the name of a weight file: {name:?}"))),
    };
    names.into_iter().map(listed).collect()
}

fn write_source(staging: &Path, source: &Source) -> Result<(), StoreError> {
    let path = staging.join(SOURCE);
    let json = serde_json::to_string_pretty(source).expect("strings and integers always encode");
    fs::write(&path, json).map_err(StoreError::io("write", &path))
}

/// Gives the folder its name. A damaged or replaced model makes way, and comes back on failure.
fn install(staging: &Path, path: &Path, old: &Path) -> Result<(), StoreError> {
    let replaced = path.exists();
    if replaced {
        fs::rename(path, old).map_err(StoreError::io("replace", path))?;
    }
    if let Err(error) = fs::rename(staging, path) {
        if replaced {
            fs::rename(old, path).map_err(StoreError::io("restore", path))?;
        }
        return Err(StoreError::io("install", path)(error));
    }
    if replaced {
        fs::remove_dir_all(old).map_err(StoreError::io("delete", old))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_may_not_name_files_outside_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(INDEX);
        let known = Remote {
            name: "a.safetensors".into(),
            size: Some(1),
            sha256: None,
        };
        let listing = Listing {
            revision: "main".into(),
            files: vec![known.clone()],
        };
        let parse = |text: &str| {
            fs::write(&path, text).unwrap();
            shards(&path, &listing, "http://hub")
        };
        let good = parse(r#"{"metadata": {"total_size": 1}, "weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "a.safetensors"}}"#).unwrap();
        let unknown = Remote {
            name: "b.safetensors".into(),
            size: None,
            sha256: None,
        };
        assert_eq!(good, [known, unknown]);
        for bad in [
            "",
            "[]",
            r#"{"weight_map": {}}"#,
            r#"{"weight_map": {"x": "../a.safetensors"}}"#,
            r#"{"weight_map": {"x": "config.json"}}"#,
        ] {
            let error = parse(bad).unwrap_err();
            assert!(
                matches!(error, StoreError::Content { .. }),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_failed_installation_brings_the_old_model_back() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("model"), dir.path().join("old"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a"), b"1").unwrap();
        assert!(install(&dir.path().join("missing"), &path, &old).is_err());
        assert_eq!(fs::read(path.join("a")).unwrap(), b"1");
        let staging = dir.path().join("staging");
        fs::create_dir(&staging).unwrap();
        install(&staging, &path, &old).unwrap();
        assert!(path.is_dir() && !path.join("a").exists() && !old.exists() && !staging.exists());
    }
}
