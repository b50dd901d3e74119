//! What can go wrong with a checkpoint: one enum, every message one line with the path last.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::DType;

/// Why a checkpoint cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot {action}: {source}: {}", path.display())]
    Io {
        /// What was tried, as a verb: `"open"`.
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
        /// File or folder.
        path: PathBuf,
    },
    /// A file of zero bytes.
    #[error("the file is empty, expected a checkpoint: {}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A folder without weights.
    #[error("no model in the folder, expected model.safetensors, model.safetensors.index.json or one .pth: {}", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with several candidates and no `model.safetensors`.
    #[error("several models in the folder ({}), expected one: {}", list(names), path.display())]
    SeveralModels {
        /// File names of the candidates.
        names: Vec<String>,
        /// The folder.
        path: PathBuf,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("not a valid safetensors file: {reason}: {}", path.display())]
    Safetensors {
        /// What is wrong with it.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// Not a `PyTorch` file, or a damaged one.
    #[error("not a valid .pth file: {reason}: {}", path.display())]
    Pth {
        /// What is wrong with it.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A pickle that names code which no state dict needs; nothing was executed.
    #[error("the pickle asks for {global:?}, expected only tensors and containers; nothing was executed: {}", path.display())]
    ForbiddenGlobal {
        /// Module and name, joined by a dot.
        global: String,
        /// The file.
        path: PathBuf,
    },
    /// A JSON file beside the weights that cannot be used.
    #[error("cannot use the JSON: {reason}: {}", path.display())]
    Json {
        /// What is wrong with it.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// Tensors of some other model.
    #[error("not a DINOv3 backbone: none of its {tensors} tensors is known{}: {}", example(first.as_deref()), path.display())]
    NotABackbone {
        /// Number of tensors in the file.
        tensors: usize,
        /// Name of the first one.
        first: Option<String>,
        /// The file.
        path: PathBuf,
    },
    /// A configuration that no network here can have.
    #[error("cannot use the configuration: {reason}: {}", path.display())]
    Config {
        /// What is wrong, expected and found.
        reason: String,
        /// The checkpoint.
        path: PathBuf,
    },
    /// The number of attention heads is not in the tensors.
    #[error("cannot tell the number of heads of a ViT of {dim} channels without rope_embed.periods, expected a config.json beside the weights: {}", path.display())]
    UnknownHeads {
        /// Channels of a token.
        dim: usize,
        /// The checkpoint.
        path: PathBuf,
    },
    /// Tensors are missing or cannot be used.
    #[error("incomplete checkpoint: {}: {}", faults(missing, wrong), path.display())]
    Incomplete {
        /// Names of the missing tensors, in the file's layout.
        missing: Vec<String>,
        /// Unusable tensors, each with what was expected and found.
        wrong: Vec<String>,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A name that the model does not have.
    #[error("the model has no tensor {name:?}: {}", path.display())]
    UnknownTensor {
        /// Name in Meta's layout.
        name: String,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A value that the wanted element type cannot hold.
    #[error("tensor {name:?} has the value {value}, expected at most {} for {dtype}: {}", dtype.largest(), path.display())]
    OutOfRange {
        /// Name in Meta's layout.
        name: String,
        /// The first such value.
        value: f32,
        /// The wanted element type.
        dtype: DType,
        /// Where it was to be written.
        path: PathBuf,
    },
    /// An output that is neither a safetensors file nor a folder.
    #[error("checkpoints are written as safetensors, expected a name that ends in .safetensors or a folder: {}", path.display())]
    OutputName {
        /// The asked-for output.
        path: PathBuf,
    },
    /// The output exists and replacing it was not asked for.
    #[error("the file exists and replacing it was not asked for: {}", path.display())]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
}

impl CheckpointError {
    /// Makes an [`CheckpointError::Io`] out of a system error; for `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            source,
            path,
        }
    }
}

/// Text of a foreign error on one line: names inside files may hold line breaks.
pub(super) fn one_line(error: impl std::fmt::Display) -> String {
    let mut line: String = error.to_string().chars().take(300).collect();
    if line.contains(char::is_control) {
        line = line.escape_debug().to_string();
    }
    line
}

fn example(first: Option<&str>) -> String {
    first.map_or_else(String::new, |name| format!(", the first is {name:?}"))
}

fn faults(missing: &[String], wrong: &[String]) -> String {
    let mut text = String::new();
    if !missing.is_empty() {
        let plural = if missing.len() == 1 { "" } else { "s" };
        let _ = write!(
            text,
            "{} tensor{plural} missing ({})",
            missing.len(),
            list(missing)
        );
    }
    if !wrong.is_empty() {
        let join = if missing.is_empty() { "" } else { ", " };
        let _ = write!(text, "{join}{} unusable ({})", wrong.len(), list(wrong));
    }
    text
}

/// The first few names; a message stays one readable line.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = one_line(
        names
            .iter()
            .take(SHOWN)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    );
    if names.len() > SHOWN {
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_missing_tensors_stays_one_line() {
        let missing: Vec<String> = (0..100).map(|i| format!("layer.{i}\n.norm")).collect();
        let error = CheckpointError::Incomplete {
            missing,
            wrong: vec!["norm.weight: shape".into()],
            path: "m".into(),
        };
        let text = error.to_string();
        assert!(
            text.starts_with("incomplete checkpoint: 100 tensors missing (layer.0"),
            "{text}"
        );
        assert!(
            text.ends_with("and 96 more), 1 unusable (norm.weight: shape): m"),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }
}
