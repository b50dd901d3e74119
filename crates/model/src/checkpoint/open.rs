//! From a path to an opened [`Source`]: a `.pth`, a `.safetensors`, a sharded index, or a folder with one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::one_line;
use super::pickle::PickleError;
use super::source::{Format, Located, MappedFile, Sidecar, Source, strides_unless_plain};
use super::{CheckpointError, mmap, pth, safetensors_file};

/// What training exports and wrappers put in front of a backbone's names.
const PREFIXES: [&str; 3] = ["module.", "backbone.", "model."];
/// Training heads beside the backbone.
const HEADS: [&str; 2] = ["dino_head.", "ibot_head."];
/// No JSON beside a checkpoint is larger: the index of the 7B has 60 kB.
const MAX_JSON: u64 = 16 << 20;

/// Names that mark the model of a folder, the first one found wins.
const WEIGHTS: [&str; 3] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "model.pth",
];

/// Opens whatever the path names.
pub(super) fn open(path: &Path) -> Result<Source, CheckpointError> {
    let metadata = std::fs::metadata(path).map_err(CheckpointError::io("open", path))?;
    let weights = if metadata.is_dir() {
        weights_in(path)?
    } else {
        path.to_path_buf()
    };
    if weights.to_string_lossy().ends_with(".json") {
        return open_index(path, &weights);
    }
    let file = MappedFile {
        bytes: mmap::map(&weights)?,
        path: weights,
    };
    if pth::is_zip(&file.bytes) || pth::is_legacy(&file.bytes) || has_extension(&file.path, "pth") {
        open_pth(path, file)
    } else {
        open_safetensors(path, vec![file])
    }
}

fn weights_in(folder: &Path) -> Result<PathBuf, CheckpointError> {
    for name in WEIGHTS {
        let path = folder.join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    let entries = std::fs::read_dir(folder).map_err(CheckpointError::io("list", folder))?;
    let is_weights =
        |path: &PathBuf| has_extension(path, "safetensors") || has_extension(path, "pth");
    let mut candidates: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_weights)
        .collect();
    candidates.sort();
    match candidates.len() {
        0 => Err(CheckpointError::NoModel {
            path: folder.to_path_buf(),
        }),
        1 => Ok(candidates.remove(0)),
        _ => {
            let name = |path: &PathBuf| {
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned()
            };
            let names = candidates.iter().map(name).collect();
            Err(CheckpointError::SeveralModels {
                names,
                path: folder.to_path_buf(),
            })
        }
    }
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

fn open_pth(path: &Path, file: MappedFile) -> Result<Source, CheckpointError> {
    let refuse = |reason: String| CheckpointError::Pth {
        reason,
        path: path.to_path_buf(),
    };
    if pth::is_legacy(&file.bytes) {
        return Err(refuse(
            "it has the format from before torch 1.6, expected the zip format: save it again"
                .into(),
        ));
    }
    let tensors = pth::parse(&file.bytes).map_err(|error| match error {
        PickleError::Forbidden(global) => CheckpointError::ForbiddenGlobal {
            global,
            path: path.to_path_buf(),
        },
        PickleError::Malformed(reason) => refuse(reason),
    })?;
    let located = tensors.into_iter().map(|tensor| {
        let strides = strides_unless_plain(&tensor.shape, tensor.strides);
        (
            tensor.name,
            Located {
                file: 0,
                start: tensor.start,
                element: tensor.element,
                shape: tensor.shape,
                strides,
            },
        )
    });
    let (tensors, heads) = name_tensors(located);
    let (files, metadata) = (vec![file], BTreeMap::new());
    Ok(Source {
        path: path.to_path_buf(),
        format: Format::Pth,
        files,
        tensors,
        heads,
        metadata,
        config: None,
        preprocessor: None,
    })
}

fn open_safetensors(path: &Path, files: Vec<MappedFile>) -> Result<Source, CheckpointError> {
    let mut located = Vec::new();
    let mut metadata = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let header = safetensors_file::parse(&file.bytes).map_err(|reason| {
            CheckpointError::Safetensors {
                reason,
                path: file.path.clone(),
            }
        })?;
        metadata.extend(header.metadata);
        located.extend(header.tensors.into_iter().map(|tensor| {
            let (element, shape) = (tensor.element, tensor.shape);
            (
                tensor.name,
                Located {
                    file: index,
                    start: tensor.start,
                    element,
                    shape,
                    strides: None,
                },
            )
        }));
    }
    let (tensors, heads) = name_tensors(located);
    let folder = files
        .first()
        .and_then(|file| file.path.parent())
        .unwrap_or(Path::new(""));
    let config = sidecar(&folder.join("config.json"))?;
    let preprocessor = sidecar(&folder.join("preprocessor_config.json"))?;
    Ok(Source {
        path: path.to_path_buf(),
        format: Format::Safetensors,
        files,
        tensors,
        heads,
        metadata,
        config,
        preprocessor,
    })
}

/// The part of a sharded index that is needed: tensor name → file name.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn open_index(path: &Path, index: &Path) -> Result<Source, CheckpointError> {
    let refuse = |reason: String| CheckpointError::Json {
        reason,
        path: index.to_path_buf(),
    };
    let text = read_text(index)?;
    let parsed: Index = serde_json::from_str(&text).map_err(|error| refuse(one_line(error)))?;
    let names: BTreeSet<&String> = parsed.weight_map.values().collect();
    let folder = index.parent().unwrap_or(Path::new(""));
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        // An index from elsewhere must not reach files outside its folder.
        if Path::new(name).file_name() != Some(name.as_ref()) || name.contains('\\') {
            return Err(refuse(format!(
                "it names the file {name:?}, expected a plain name"
            )));
        }
        let path = folder.join(name);
        files.push(MappedFile {
            bytes: mmap::map(&path)?,
            path,
        });
    }
    open_safetensors(path, files)
}

fn sidecar(path: &Path) -> Result<Option<Sidecar>, CheckpointError> {
    if !path.is_file() {
        return Ok(None);
    }
    let json = serde_json::from_str(&read_text(path)?).map_err(|error| CheckpointError::Json {
        reason: one_line(error),
        path: path.to_path_buf(),
    })?;
    Ok(Some(Sidecar {
        path: path.to_path_buf(),
        json,
    }))
}

fn read_text(path: &Path) -> Result<String, CheckpointError> {
    let len = std::fs::metadata(path)
        .map_err(CheckpointError::io("open", path))?
        .len();
    if len > MAX_JSON {
        let reason = format!("it has {len} bytes, expected at most {MAX_JSON}");
        return Err(CheckpointError::Json {
            reason,
            path: path.to_path_buf(),
        });
    }
    std::fs::read_to_string(path).map_err(CheckpointError::io("read", path))
}

/// Strips prefixes and sets the tensors of training heads apart.
fn name_tensors(
    found: impl IntoIterator<Item = (String, Located)>,
) -> (BTreeMap<String, Located>, Vec<String>) {
    let mut tensors = BTreeMap::new();
    let mut heads = Vec::new();
    for (name, tensor) in found {
        let stripped = strip(&name);
        if HEADS.iter().any(|head| stripped.starts_with(head)) {
            heads.push(name);
        } else {
            tensors.entry(stripped.to_owned()).or_insert(tensor);
        }
    }
    (tensors, heads)
}

fn strip(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        match open(path) {
            Ok(_) => panic!("opened {}", path.display()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn prefixes_of_training_exports_are_stripped() {
        assert_eq!(
            strip("module.backbone.blocks.0.norm1.weight"),
            "blocks.0.norm1.weight"
        );
        assert_eq!(strip("model.layer.0.norm1.weight"), "layer.0.norm1.weight");
        assert_eq!(strip("norm.weight"), "norm.weight");
    }

    #[test]
    fn what_is_no_checkpoint_is_told_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        assert!(message(&path).starts_with("cannot open"));
        assert!(message(folder.path()).starts_with("no model in the folder"));
        std::fs::write(&path, "").unwrap();
        assert!(message(&path).starts_with("the file is empty"));
        std::fs::write(&path, "these are words\nand more words").unwrap();
        assert!(message(&path).starts_with("not a valid safetensors file: the header claims"));
        std::fs::write(folder.path().join("a.pth"), "words").unwrap();
        assert!(
            message(folder.path())
                .contains("several models in the folder (a.pth, weights.safetensors)")
        );
        assert!(message(&folder.path().join("a.pth")).starts_with("not a valid .pth file"));
    }

    #[test]
    fn an_index_cannot_leave_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../secret.safetensors", "/etc/passwd", "..", ""] {
            let json = serde_json::json!({ "weight_map": { "norm.weight": name } });
            std::fs::write(folder.path().join(WEIGHTS[1]), json.to_string()).unwrap();
            assert!(
                message(folder.path()).contains("expected a plain name"),
                "{name}"
            );
        }
    }
}
