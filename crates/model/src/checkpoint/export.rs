//! Writing a backbone, from a file or from memory: one tensor at a time, as safetensors.
//!
//! What the target layout has no place for travels in the metadata, with everything that makes a file understandable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::canonical::{aliased, derived};
use super::origin::{DATA_KEY, MEAN_KEY, STD_KEY};
use super::recognise::CONFIG_KEY;
use super::target::Target;
use super::tensors::{Part, Role, TensorSpec, all_tensors};
use super::write::{Entry, SafetensorsWriter};
use super::{CheckpointError, DType, Layout, Statistics, carried};
use crate::config::BackboneConfig;
use crate::variants::Data;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The weights first, then the JSON files beside them.
    pub files: Vec<PathBuf>,
    /// Number of tensors.
    pub tensors: usize,
    /// Bytes of the weights' file.
    pub bytes: u64,
}

/// How to write a network.
#[derive(Clone, Debug)]
pub struct SaveOptions {
    /// Names of the tensors.
    pub layout: Layout,
    /// Element type; `None` keeps each tensor's own, which is `f32` for a network in memory.
    pub dtype: Option<DType>,
    /// Mean and standard deviation of the input channels.
    pub statistics: Statistics,
    /// What the weights were trained on, if it is one of the known sets.
    pub data: Option<Data>,
    /// Further texts about the weights: licence, lineage, settings of the training.
    pub metadata: BTreeMap<String, String>,
    /// Whether an existing file is replaced.
    pub force: bool,
}

/// Writes a network from memory. `read` gives the values of a learned tensor, row-major, in the shape and by the
/// Meta name that it is asked with.
///
/// Panics if `read` gives another number of values.
pub fn save(
    config: &BackboneConfig,
    out: &Path,
    options: &SaveOptions,
    read: &mut dyn FnMut(&TensorSpec) -> Vec<f32>,
) -> Result<Written, CheckpointError> {
    let dtype = options.dtype.unwrap_or(DType::F32);
    export(
        &mut FromMemory {
            config,
            dtype,
            out,
            read,
        },
        config,
        out,
        options,
    )
}

/// Where the bytes of canonical tensors come from.
pub(super) trait Weights {
    /// Element type in the output.
    fn dtype(&self, spec: &TensorSpec) -> DType;
    /// All bytes of a tensor in that type.
    fn bytes(&mut self, spec: &TensorSpec) -> Result<Cow<'_, [u8]>, CheckpointError>;
}

/// Writes all tensors, then the JSON files of the layout. Leaves nothing behind on an error.
pub(super) fn export(
    weights: &mut dyn Weights,
    config: &BackboneConfig,
    out: &Path,
    options: &SaveOptions,
) -> Result<Written, CheckpointError> {
    let target = Target::new(out, options)?;
    let specs = all_tensors(config);
    let mut metadata = options.metadata.clone();
    describe(&mut metadata, config, options);
    let mut planned = Vec::new();
    for spec in &specs {
        let parts = spec.parts(options.layout);
        if parts.is_empty() && spec.role == Role::Weight && !spec.is_empty() {
            let dtype = weights.dtype(spec);
            carried::write(&mut metadata, &spec.name, dtype, &weights.bytes(spec)?);
        }
        planned.extend(parts.into_iter().map(|part| (spec, part)));
    }
    // Wide types first keeps every tensor aligned; then by name, as the safetensors library orders them.
    planned.sort_by_key(|(spec, part)| {
        (
            std::cmp::Reverse(weights.dtype(spec).size()),
            part.name.clone(),
        )
    });

    let created = target.create_folder()?;
    let written = write(weights, &planned, &target, &metadata, options);
    let written = written.and_then(|bytes| {
        let mut files = vec![target.model.clone()];
        let dtype = specs.first().map_or(DType::F32, |spec| weights.dtype(spec));
        files.extend(target.write_sidecars(config, dtype, options)?);
        Ok(Written {
            files,
            tensors: planned.len(),
            bytes,
        })
    });
    if let (Err(_), Some(folder)) = (&written, created) {
        // Only an empty folder goes: the one that was made above and has not been filled.
        let _ = std::fs::remove_dir(folder);
    }
    written
}

fn write(
    weights: &mut dyn Weights,
    planned: &[(&TensorSpec, Part)],
    target: &Target,
    metadata: &BTreeMap<String, String>,
    options: &SaveOptions,
) -> Result<u64, CheckpointError> {
    let entry = |(spec, part): &(&TensorSpec, Part)| Entry {
        name: part.name.clone(),
        shape: part.shape.clone(),
        dtype: weights.dtype(spec),
    };
    let entries: Vec<_> = planned.iter().map(entry).collect();
    let mut writer = SafetensorsWriter::create(&target.model, &entries, metadata)?;
    for (spec, part) in planned {
        let bytes = weights.bytes(spec)?;
        let range = match part.third {
            Some(third) => third * bytes.len() / 3..(third + 1) * bytes.len() / 3,
            None => 0..bytes.len(),
        };
        writer.push(&bytes[range])?;
    }
    writer.finish(options.force)
}

/// Texts that make a file understandable by itself.
fn describe(
    metadata: &mut BTreeMap<String, String>,
    config: &BackboneConfig,
    options: &SaveOptions,
) {
    let text = |value: serde_json::Result<String>| {
        value.expect("plain numbers and names always serialise")
    };
    // transformers refuses a file without it.
    metadata.insert("format".to_owned(), "pt".to_owned());
    metadata.insert(CONFIG_KEY.to_owned(), text(serde_json::to_string(config)));
    metadata.insert(
        MEAN_KEY.to_owned(),
        text(serde_json::to_string(&options.statistics.0)),
    );
    metadata.insert(
        STD_KEY.to_owned(),
        text(serde_json::to_string(&options.statistics.1)),
    );
    if let Some(data) = options.data {
        let name = if data == Data::Sat { "sat" } else { "lvd" };
        metadata.insert(DATA_KEY.to_owned(), name.to_owned());
    }
}

struct FromMemory<'a> {
    config: &'a BackboneConfig,
    dtype: DType,
    out: &'a Path,
    read: &'a mut dyn FnMut(&TensorSpec) -> Vec<f32>,
}

impl Weights for FromMemory<'_> {
    fn dtype(&self, spec: &TensorSpec) -> DType {
        if spec.role == Role::Periods {
            DType::F32
        } else {
            self.dtype
        }
    }

    fn bytes(&mut self, spec: &TensorSpec) -> Result<Cow<'_, [u8]>, CheckpointError> {
        let dtype = self.dtype(spec);
        if let Some(bytes) = derived(spec.role, self.config, dtype) {
            return Ok(Cow::Owned(bytes));
        }
        let mut asked = spec.clone();
        if spec.role == Role::Alias {
            (asked.name, asked.role) = (aliased(spec).to_owned(), Role::Weight);
        }
        let values = if spec.is_empty() {
            Vec::new()
        } else {
            (self.read)(&asked)
        };
        let (name, found) = (&asked.name, values.len());
        assert_eq!(
            found,
            spec.len(),
            "{name}: {found} values, expected shape {:?}",
            spec.shape
        );
        encode(dtype, &values, spec, self.out).map(Cow::Owned)
    }
}

/// Values → bytes, or the tensor that does not fit the type.
pub(super) fn encode(
    dtype: DType,
    values: &[f32],
    spec: &TensorSpec,
    out: &Path,
) -> Result<Vec<u8>, CheckpointError> {
    dtype
        .encode(values)
        .map_err(|value| CheckpointError::OutOfRange {
            name: spec.name.clone(),
            value,
            dtype,
            path: out.to_path_buf(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Checkpoint, parameter_count};
    use crate::rope;

    fn tiny() -> BackboneConfig {
        let BackboneConfig::Vit(mut vit) = crate::variants::VARIANTS[0].config() else {
            panic!("vits16 is a ViT")
        };
        (vit.dim, vit.depth, vit.heads, vit.ffn_hidden, vit.registers) = (32, 2, 2, 64, 0);
        vit.local_cls_norm = true;
        BackboneConfig::Vit(vit)
    }

    fn options(layout: Layout, dtype: Option<DType>) -> SaveOptions {
        let metadata = BTreeMap::from([("license".to_owned(), "CC0-1.0".to_owned())]);
        let statistics = ([0.5; 3], [0.25; 3]);
        SaveOptions {
            layout,
            dtype,
            statistics,
            data: None,
            metadata,
            force: false,
        }
    }

    #[test]
    fn a_network_in_memory_comes_back_from_every_layout() {
        let config = tiny();
        for layout in [Layout::Meta, Layout::Hf, Layout::Timm] {
            let folder = tempfile::tempdir().unwrap();
            let mut asked = 0;
            let written = save(
                &config,
                folder.path(),
                &options(layout, None),
                &mut |spec| {
                    asked += spec.len();
                    vec![spec.name.len() as f32; spec.len()]
                },
            );
            assert_eq!(
                written.unwrap().files.len(),
                if layout == Layout::Hf { 3 } else { 1 }
            );
            assert!(asked as u64 >= parameter_count(&config));
            let opened = Checkpoint::open(folder.path()).unwrap();
            opened.refuse_if_incomplete().unwrap();
            assert_eq!(
                (opened.config(), opened.license()),
                (&config, Some("CC0-1.0")),
                "{layout}"
            );
            assert_eq!(opened.statistics(), ([0.5; 3], [0.25; 3]));
            assert_eq!(opened.read("mask_token").unwrap(), [10.0; 32]);
            assert_eq!(opened.read("storage_tokens").unwrap(), [0.0; 0]);
            // "blocks.1.attn.qkv.bias" has 22 letters; the key third does not count.
            let bias = opened.read("blocks.1.attn.qkv.bias").unwrap();
            assert_eq!((bias[0], bias[32], bias[64]), (22.0, 0.0, 22.0));
            let BackboneConfig::Vit(vit) = &config else {
                unreachable!("tiny is a ViT")
            };
            assert_eq!(
                opened.read("rope_embed.periods").unwrap(),
                rope::periods(&vit.rope.periods, 16)
            );
        }
    }

    #[test]
    fn a_value_that_does_not_fit_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let config = tiny();
        let out = folder.path().join("new/deep");
        let error = save(
            &config,
            &out,
            &options(Layout::Hf, Some(DType::F16)),
            &mut |spec| vec![if spec.name == "norm.bias" { 1e6 } else { 0.0 }; spec.len()],
        );
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with(
                "tensor \"norm.bias\" has the value 1000000, expected at most 65504 for f16"
            ),
            "{error}"
        );
        assert!(!out.exists());
    }
}
