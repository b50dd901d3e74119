//! Where a checkpoint is written: one file, or a folder with the names that transformers looks for.

use std::path::{Path, PathBuf};

use super::export::SaveOptions;
use super::write::write_json;
use super::{CheckpointError, DType, Layout, hf_config};
use crate::config::BackboneConfig;

/// The files to write.
pub(super) struct Target {
    /// The weights.
    pub(super) model: PathBuf,
    /// Set where a folder was asked for.
    folder: Option<PathBuf>,
}

impl Target {
    /// Decides the names and refuses to replace files unless that was asked for.
    pub(super) fn new(out: &Path, options: &SaveOptions) -> Result<Self, CheckpointError> {
        let extension = out
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase());
        let target = match extension.as_deref() {
            _ if out.is_dir() => Self {
                model: out.join("model.safetensors"),
                folder: Some(out.to_path_buf()),
            },
            Some("safetensors") => Self {
                model: out.to_path_buf(),
                folder: None,
            },
            None => Self {
                model: out.join("model.safetensors"),
                folder: Some(out.to_path_buf()),
            },
            Some(_) => {
                return Err(CheckpointError::OutputName {
                    path: out.to_path_buf(),
                });
            }
        };
        let mut wanted = vec![target.model.clone()];
        if target.folder.is_some() && options.layout == Layout::Hf {
            wanted.extend(target.sidecars());
        }
        match wanted
            .into_iter()
            .find(|path| !options.force && path.exists())
        {
            Some(path) => Err(CheckpointError::Exists { path }),
            None => Ok(target),
        }
    }

    fn sidecars(&self) -> [PathBuf; 2] {
        ["config.json", "preprocessor_config.json"].map(|name| self.model.with_file_name(name))
    }

    /// Makes the asked-for folder; returns it if it is new.
    pub(super) fn create_folder(&self) -> Result<Option<&Path>, CheckpointError> {
        match self.folder.as_deref() {
            Some(folder) if !folder.exists() => {
                std::fs::create_dir_all(folder).map_err(CheckpointError::io("create", folder))?;
                Ok(Some(folder))
            }
            _ => Ok(None),
        }
    }

    /// Writes what transformers needs beside its weights.
    pub(super) fn write_sidecars(
        &self,
        config: &BackboneConfig,
        dtype: DType,
        options: &SaveOptions,
    ) -> Result<Vec<PathBuf>, CheckpointError> {
        if options.layout != Layout::Hf {
            return Ok(Vec::new());
        }
        let name = match dtype {
            DType::Bf16 => "bfloat16",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        };
        let (mean, std) = options.statistics;
        let texts = [
            hf_config::to_json(config, name),
            hf_config::preprocessor_json(mean, std),
        ];
        let mut files = Vec::new();
        for (path, json) in self.sidecars().into_iter().zip(texts) {
            // Beside a single file, a JSON that is already there may belong to another model.
            if self.folder.is_some() || !path.exists() {
                write_json(&path, &json, options.force)?;
                files.push(path);
            }
        }
        Ok(files)
    }
}
