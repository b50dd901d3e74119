//! What was expected in a checkpoint, what was found, and what is left over.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::carried;
use super::layout::Layout;
use super::source::{Format, Source};
use super::tensors::{Group, Role, TensorSpec};

/// The outcome of opening a checkpoint, tensor by tensor.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// Who named the tensors.
    pub layout: Layout,
    /// How the training data, and with them the picture statistics, were decided; in words.
    pub data_decided_by: String,
    /// Every expected tensor, in the order of the data flow.
    pub tensors: Vec<TensorReport>,
    /// Names that no backbone of this configuration has.
    pub unexpected: Vec<String>,
    /// Tensors of training heads: known, and not used.
    pub heads: Vec<String>,
    /// Number of loaded tensors of each element type.
    pub dtypes: BTreeMap<String, usize>,
    /// Learnable parameters in Meta's layout, the masked key biases included.
    pub params: u64,
}

/// One expected tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorReport {
    /// Name in the file's layout.
    pub name: String,
    /// What it belongs to.
    pub group: Group,
    /// Shape that the configuration asks for.
    pub expected: Vec<usize>,
    /// Shape in the file, if the tensor is there.
    pub found: Option<Vec<usize>>,
    /// Element type in the file, if the tensor is there.
    pub dtype: Option<String>,
    /// Whether it can be used.
    pub status: Status,
}

/// Whether an expected tensor can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There, of the right shape and of a floating-point type.
    Loaded,
    /// Not in the file.
    Missing,
    /// There, of another shape.
    WrongShape,
    /// There, of a type that weights cannot have.
    WrongType,
}

impl LoadReport {
    /// Number of expected tensors with this status.
    pub fn count(&self, status: Status) -> usize {
        self.tensors
            .iter()
            .filter(|tensor| tensor.status == status)
            .count()
    }

    /// Names of the missing tensors.
    pub fn missing(&self) -> Vec<String> {
        let missing = self
            .tensors
            .iter()
            .filter(|tensor| tensor.status == Status::Missing);
        missing.map(|tensor| tensor.name.clone()).collect()
    }

    /// The tensors of a wrong shape or type, each with what was expected and found.
    pub fn wrong(&self) -> Vec<String> {
        let describe = |tensor: &TensorReport| match tensor.status {
            Status::Loaded | Status::Missing => None,
            Status::WrongShape => {
                let found = tensor.found.as_deref().unwrap_or_default();
                Some(format!(
                    "{} has shape {found:?}, expected {:?}",
                    tensor.name, tensor.expected
                ))
            }
            Status::WrongType => {
                let found = tensor.dtype.as_deref().unwrap_or_default();
                Some(format!(
                    "{} has type {found}, expected a float",
                    tensor.name
                ))
            }
        };
        self.tensors.iter().filter_map(describe).collect()
    }
}

/// Compares the expected tensors with those of the file.
pub(super) fn report(
    source: &Source,
    layout: Layout,
    specs: &[TensorSpec],
    data_decided_by: String,
) -> LoadReport {
    let mut tensors = Vec::new();
    let mut known = BTreeSet::new();
    for spec in specs {
        for part in spec.parts(layout) {
            // Meta's own files have the aliases; the safetensors library drops second names.
            let optional = spec.is_empty()
                || (spec.role == Role::Alias && source.format == Format::Safetensors);
            if !optional || source.tensors.contains_key(&part.name) {
                tensors.push(compare(source, spec.group(), &part.name, &part.shape));
            }
            known.insert(part.name);
        }
        if carried::has(source, &spec.name) && spec.parts(layout).is_empty() {
            tensors.push(compare_carried(source, spec));
        } else if spec.name.starts_with("local_cls_norm.") && spec.parts(layout).is_empty() {
            tensors.push(missing(spec.group(), spec.name.clone(), &spec.shape));
        }
    }
    let mut dtypes = BTreeMap::new();
    for tensor in tensors
        .iter()
        .filter(|tensor| tensor.status == Status::Loaded)
    {
        *dtypes
            .entry(tensor.dtype.clone().unwrap_or_default())
            .or_insert(0) += 1;
    }
    let learned = specs.iter().filter(|spec| spec.role == Role::Weight);
    LoadReport {
        layout,
        data_decided_by,
        tensors,
        unexpected: source
            .tensors
            .keys()
            .filter(|name| !known.contains(*name))
            .cloned()
            .collect(),
        heads: source.heads.clone(),
        dtypes,
        params: learned.map(|spec| spec.len() as u64).sum(),
    }
}

fn compare(source: &Source, group: Group, name: &str, expected: &[usize]) -> TensorReport {
    let Some(tensor) = source.tensors.get(name) else {
        return missing(group, name.to_owned(), expected);
    };
    let status = if tensor.element.float().is_none() {
        Status::WrongType
    } else if same_shape(name, &tensor.shape, expected) {
        Status::Loaded
    } else {
        Status::WrongShape
    };
    TensorReport {
        name: name.to_owned(),
        group,
        expected: expected.to_vec(),
        found: Some(tensor.shape.clone()),
        dtype: Some(tensor.element.to_string()),
        status,
    }
}

fn compare_carried(source: &Source, spec: &TensorSpec) -> TensorReport {
    match carried::read(source, &spec.name, spec.len()) {
        Some((dtype, _)) => TensorReport {
            name: carried::key(&spec.name),
            group: spec.group(),
            expected: spec.shape.clone(),
            found: Some(spec.shape.clone()),
            dtype: Some(dtype.to_string()),
            status: Status::Loaded,
        },
        None => missing(spec.group(), carried::key(&spec.name), &spec.shape),
    }
}

fn missing(group: Group, name: String, expected: &[usize]) -> TensorReport {
    TensorReport {
        name,
        group,
        expected: expected.to_vec(),
        found: None,
        dtype: None,
        status: Status::Missing,
    }
}

/// Equal shapes; the mask token has two dimensions in some files and three in others.
pub(super) fn same_shape(name: &str, found: &[usize], expected: &[usize]) -> bool {
    let sides = |shape: &[usize]| {
        shape
            .iter()
            .copied()
            .skip_while(|&side| side == 1)
            .collect::<Vec<_>>()
    };
    found == expected || (name.ends_with("mask_token") && sides(found) == sides(expected))
}
