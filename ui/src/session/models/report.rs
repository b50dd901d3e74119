//! What is in a model: the shape of the network, and every tensor that it expects, found or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dinoscope_engine::Model;
use dinoscope_engine::model::{Builtin, ModelSource, find_model};
use dinoscope_engine::store::Store;
use dinoscope_jobs::runner::JobError;
use dinoscope_model::BackboneConfig;
use dinoscope_model::checkpoint::{
    Checkpoint, CheckpointError, LoadReport, Status, parameter_count, tensors,
};

/// Kind of network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Vision transformer.
    #[default]
    Vit,
    /// Convolutional network.
    ConvNext,
}

/// What a model is, without its tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Kind of network.
    pub family: Family,
    /// All sizes of the network.
    pub config: Option<BackboneConfig>,
    /// Pixels between two patches.
    pub patch: usize,
    /// Numbers a patch.
    pub dim: usize,
    /// Blocks, or stages.
    pub layers: usize,
    /// Attention heads of a transformer.
    pub heads: Option<usize>,
    /// Register tokens.
    pub registers: usize,
    /// Learnable parameters.
    pub params: Option<u64>,
    /// Element types of the file.
    pub dtypes: Vec<String>,
    /// Who named the tensors: `meta`, `hf`, `timm`.
    pub layout: Option<String>,
    /// What the weights were trained on, in the file's words.
    pub data: Option<String>,
    /// License of the weights, if the file tells.
    pub license: Option<String>,
    /// SHA-256 of the weights, 64 hexadecimal digits, once it was computed.
    pub sha256: Option<String>,
    /// Short name of the released model that it is.
    pub variant: Option<String>,
    /// Length of the weights in bytes.
    pub bytes: Option<u64>,
    /// Whether the weights are random.
    pub untrained: bool,
}

/// A part of a network, for the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Pixels to patches.
    Patches,
    /// Class and register tokens.
    Tokens,
    /// The token of hidden patches.
    Mask,
    /// Periods of the rotary positions.
    Positions,
    /// Blocks from the first to the last.
    Blocks(usize, usize),
    /// A stage of a convolutional network, 0-based.
    Stage(usize),
    /// Between the stages.
    Reductions,
    /// The last norm.
    Norm,
    /// What has no name of its own here.
    Others,
}

/// How much of a part is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The part.
    pub part: Part,
    /// Tensors that can be used.
    pub found: usize,
    /// Tensors that there should be.
    pub expected: usize,
}

/// Whether an expected tensor can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorState {
    /// There and right.
    Loaded,
    /// Not there.
    Missing,
    /// Of another shape.
    WrongShape,
    /// Of a type that weights cannot have.
    WrongType,
}

/// One expected tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name in the file's layout.
    pub name: String,
    /// Shape that the network asks for.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub found: Option<Vec<usize>>,
    /// Element type in the file.
    pub dtype: Option<String>,
    /// Whether it can be used.
    pub state: TensorState,
}

/// The load report of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What the model is.
    pub about: About,
    /// Its parts, in the order of the data flow.
    pub groups: Vec<Group>,
    /// Every expected tensor, in that order.
    pub tensors: Vec<Tensor>,
    /// Names of the missing ones.
    pub missing: Vec<String>,
    /// Those of a wrong shape or type, with what was expected and found.
    pub wrong: Vec<String>,
    /// Names that the network does not have.
    pub unexpected: Vec<String>,
    /// Tensors of training heads: known, and not used.
    pub heads: Vec<String>,
    /// Whether the weights come from a seed instead of a file.
    pub is_seeded: bool,
}

impl Report {
    /// Tensors that can be used.
    pub fn loaded(&self) -> usize {
        let loaded = self
            .tensors
            .iter()
            .filter(|tensor| tensor.state == TensorState::Loaded);
        loaded.count()
    }

    /// Whether nothing is missing or wrong: only then the engine takes it.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.wrong.is_empty()
    }
}

/// What a look into a model's file gives.
#[derive(Clone, Debug)]
pub enum Inspected {
    /// Names and shapes could be read.
    Read(Arc<Report>),
    /// The file asks for code to be run, which is not done; in words.
    Blocked(String),
}

impl Inspected {
    /// The report, if there is one.
    pub fn report(&self) -> Option<&Arc<Report>> {
        match self {
            Self::Read(report) => Some(report),
            Self::Blocked(_) => None,
        }
    }
}

/// Reads names and shapes of a model; weights stay unread.
pub(super) fn inspect(name: &str, store: Option<&Store>) -> Result<Inspected, JobError> {
    let report = match find_model(name, store)? {
        ModelSource::Builtin => seeded(),
        ModelSource::Path(path) => match Checkpoint::open(&path) {
            Ok(checkpoint) => of_file(&checkpoint, &path),
            Err(error @ CheckpointError::ForbiddenGlobal { .. }) => {
                return Ok(Inspected::Blocked(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Inspected::Read(Arc::new(report)))
}

/// SHA-256 of a model's weights, which reads all of them.
pub(super) fn sum(name: &str, store: Option<&Store>) -> Result<String, JobError> {
    match find_model(name, store)? {
        ModelSource::Builtin => Ok(Builtin::sha256()),
        ModelSource::Path(path) => Ok(Checkpoint::open(&path)?.sha256().to_owned()),
    }
}

/// What is known of a network that is open.
pub(super) fn of_open(model: &Model) -> About {
    About {
        params: Some(parameter_count(&model.config)),
        license: model.license.clone(),
        sha256: Some(model.sha256.clone()),
        untrained: model.untrained,
        ..shape(&model.config)
    }
}

fn seeded() -> Report {
    let builtin = Builtin::read();
    let tensors: Vec<Tensor> = tensors(&builtin.config)
        .into_iter()
        .map(|spec| Tensor {
            name: spec.name,
            found: Some(spec.shape.clone()),
            expected: spec.shape,
            dtype: Some("f32".to_owned()),
            state: TensorState::Loaded,
        })
        .collect();
    Report {
        about: About {
            params: Some(parameter_count(&builtin.config)),
            dtypes: vec!["f32".to_owned()],
            sha256: Some(Builtin::sha256()),
            license: Some("MIT OR Apache-2.0".to_owned()),
            untrained: builtin.untrained,
            ..shape(&builtin.config)
        },
        groups: groups(&tensors),
        tensors,
        is_seeded: true,
        ..Report::default()
    }
}

pub(super) fn shape(config: &BackboneConfig) -> About {
    let (family, heads) = match config {
        BackboneConfig::Vit(vit) => (Family::Vit, Some(vit.heads)),
        BackboneConfig::ConvNext(_) => (Family::ConvNext, None),
    };
    About {
        family,
        config: Some(config.clone()),
        heads,
        patch: config.patch(),
        dim: config.dim(),
        layers: config.layers(),
        registers: config.registers(),
        ..About::default()
    }
}

fn of_file(checkpoint: &Checkpoint, path: &Path) -> Report {
    let report: &LoadReport = checkpoint.report();
    let tensors: Vec<Tensor> = report
        .tensors
        .iter()
        .map(|tensor| Tensor {
            name: tensor.name.clone(),
            expected: tensor.expected.clone(),
            found: tensor.found.clone(),
            dtype: tensor.dtype.clone(),
            state: match tensor.status {
                Status::Loaded => TensorState::Loaded,
                Status::Missing => TensorState::Missing,
                Status::WrongShape => TensorState::WrongShape,
                Status::WrongType => TensorState::WrongType,
            },
        })
        .collect();
    let untrained = checkpoint
        .metadata()
        .get("untrained")
        .is_some_and(|value| value == "true");
    Report {
        about: About {
            params: Some(report.params),
            dtypes: report.dtypes.keys().cloned().collect(),
            layout: Some(checkpoint.layout().to_string()),
            data: Some(report.data_decided_by.clone()),
            license: checkpoint.license().map(ToOwned::to_owned),
            variant: checkpoint.variant().map(|variant| variant.name.to_owned()),
            bytes: length(path),
            untrained,
            ..shape(checkpoint.config())
        },
        groups: groups(&tensors),
        tensors,
        missing: report.missing(),
        wrong: report.wrong(),
        unexpected: report.unexpected.clone(),
        heads: report.heads.clone(),
        is_seeded: false,
    }
}

/// Bytes of a file, or of the weights in a folder.
pub(super) fn length(path: &Path) -> Option<u64> {
    let about = std::fs::metadata(path).ok()?;
    if about.is_file() {
        return Some(about.len());
    }
    let is_weights = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "safetensors" || end == "pth")
    };
    let files = std::fs::read_dir(path)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let lengths = files
        .filter(is_weights)
        .filter_map(|path| Some(std::fs::metadata(path).ok()?.len()));
    Some(lengths.sum())
}

/// Counts tensors by the part that their names speak of, in the order in which parts first come.
fn groups(tensors: &[Tensor]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for tensor in tensors {
        let part = part(&tensor.name);
        let same = |group: &&mut Group| match (&group.part, &part) {
            (Part::Blocks(..), Part::Blocks(..)) => true,
            (a, b) => a == b,
        };
        let at = if let Some(group) = groups.iter_mut().find(same) {
            group
        } else {
            groups.push(Group {
                part: part.clone(),
                found: 0,
                expected: 0,
            });
            groups.last_mut().expect("one was pushed just now")
        };
        if let (Part::Blocks(first, last), Part::Blocks(block, _)) = (&mut at.part, &part) {
            *first = (*first).min(*block);
            *last = (*last).max(*block);
        }
        at.expected += 1;
        at.found += usize::from(tensor.state == TensorState::Loaded);
    }
    groups
}

/// The part that a tensor belongs to, by its name in any of the three layouts.
fn part(name: &str) -> Part {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if let Some(block) = number_after(name, &["blocks.", "layer."]).filter(|_| !has(&["stages."])) {
        return Part::Blocks(block, block);
    }
    if has(&["rope", "periods"]) {
        return Part::Positions;
    }
    if has(&["mask_token"]) {
        return Part::Mask;
    }
    if has(&[
        "cls_token",
        "register_tokens",
        "storage_tokens",
        "reg_token",
    ]) {
        return Part::Tokens;
    }
    if has(&["patch_embed"]) {
        return Part::Patches;
    }
    if has(&["downsample_layers.0", "stem"]) {
        return Part::Patches;
    }
    if has(&["downsample"]) {
        return Part::Reductions;
    }
    if let Some(stage) = number_after(name, &["stages."]) {
        return Part::Stage(stage);
    }
    if has(&["norm"]) {
        Part::Norm
    } else {
        Part::Others
    }
}

/// The number that follows the first of `words` that stands at the start of a name's part.
fn number_after(name: &str, words: &[&str]) -> Option<usize> {
    let rest = words.iter().find_map(|word| {
        let at = name.find(word)?;
        (at == 0 || name[..at].ends_with('.')).then(|| &name[at + word.len()..])
    })?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_layouts_find_their_part() {
        for (name, expected) in [
            ("patch_embed.proj.weight", Part::Patches),
            ("embeddings.patch_embeddings.weight", Part::Patches),
            ("storage_tokens", Part::Tokens),
            ("embeddings.register_tokens", Part::Tokens),
            ("reg_token", Part::Tokens),
            ("embeddings.mask_token", Part::Mask),
            ("rope_embed.periods", Part::Positions),
            ("blocks.11.attn.qkv.weight", Part::Blocks(11, 11)),
            ("layer.3.norm1.weight", Part::Blocks(3, 3)),
            ("norm.weight", Part::Norm),
            ("downsample_layers.0.1.bias", Part::Patches),
            ("downsample_layers.2.1.bias", Part::Reductions),
            ("stages.2.5.gamma", Part::Stage(2)),
            ("something", Part::Others),
        ] {
            assert_eq!(part(name), expected, "{name}");
        }
    }

    #[test]
    fn the_built_in_model_is_whole_and_every_tensor_is_in_one_group() {
        let inspected = inspect(dinoscope_engine::model::BUILTIN, None).unwrap();
        let report = inspected.report().expect("nothing in it asks for code");
        assert!(report.is_whole() && report.is_seeded);
        let sum: usize = report.groups.iter().map(|group| group.expected).sum();
        assert_eq!(sum, report.tensors.len());
        assert_eq!(report.loaded(), sum);
        assert!(report.groups.iter().all(|group| group.part != Part::Others));
        let last = report.about.layers - 1;
        assert!(
            report
                .groups
                .iter()
                .any(|group| group.part == Part::Blocks(0, last))
        );
    }

    #[test]
    fn a_file_that_is_no_model_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.safetensors");
        std::fs::write(&path, "words").unwrap();
        let Err(JobError::Failed(failure)) = inspect(path.to_str().unwrap(), None) else {
            panic!("words are no model");
        };
        assert!(
            failure.message.contains("words.safetensors"),
            "{}",
            failure.message
        );
    }
}
