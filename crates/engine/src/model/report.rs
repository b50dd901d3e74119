//! What is known of a model without running it: shape, tensors, identity.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dinoscope_model::checkpoint::{
    Checkpoint, Group, Layout, LoadReport, Status, parameter_count, tensors,
};
use dinoscope_model::variants::Data;
use dinoscope_model::{BackboneConfig, Stop, WeightsError};
use serde::Serialize;

use super::{BUILTIN, Builtin, ModelError, ModelSource, find_model};
use crate::analysis::CancelToken;
use crate::preprocess::Statistics;
use crate::store::Store;

/// What a model's file holds, compared with what its network needs.
#[derive(Clone, Debug, Serialize)]
pub struct ModelReport {
    /// `builtin`, or the path that was opened.
    pub name: String,
    /// Where it was opened from; nothing for the built-in model.
    pub path: Option<PathBuf>,
    /// The network's shape: family, channels, blocks, heads, patch, registers.
    pub config: BackboneConfig,
    /// Mean and deviation that its input is brought to.
    pub statistics: Statistics,
    /// Who named the tensors; nothing for the built-in model.
    pub layout: Option<Layout>,
    /// The released model of this shape and data, if there is one.
    pub variant: Option<&'static str>,
    /// What the weights were trained on, if that could be told.
    pub data: Option<Data>,
    /// Learnable parameters.
    pub params: u64,
    /// Whether the weights are random.
    pub untrained: bool,
    /// License of the weights, if it is known.
    pub license: Option<String>,
    /// SHA-256 of the weights, hexadecimal.
    pub sha256: String,
    /// Tensors over all groups.
    pub counts: Counts,
    /// The parts of the network that have tensors, in the order of the data flow.
    pub groups: Vec<TensorGroup>,
    /// Texts that the file states about itself.
    pub metadata: BTreeMap<String, String>,
    /// Every tensor of the file; nothing for the built-in model.
    pub tensors: Option<LoadReport>,
}

/// Numbers of tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// That the network needs.
    pub expected: usize,
    /// Of these, there and usable.
    pub loaded: usize,
    /// Of these, not there.
    pub missing: usize,
    /// Of these, there with a wrong shape or type.
    pub wrong: usize,
    /// That the network does not know.
    pub unexpected: usize,
}

/// The tensors of one part of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorGroup {
    /// The part.
    pub group: Group,
    /// How many; none of them unexpected.
    pub counts: Counts,
}

impl ModelReport {
    /// Reads what there is to know of the model `name` (see [`find_model`]); an incomplete one too.
    pub fn read(
        name: &str,
        store: Option<&Store>,
        cancel: &CancelToken,
    ) -> Result<Self, ModelError> {
        match find_model(name, store)? {
            ModelSource::Builtin => Ok(Self::builtin()),
            ModelSource::Path(path) => Self::of(&Checkpoint::open(&path)?, cancel.stop()),
        }
    }

    /// The built-in model.
    pub fn builtin() -> Self {
        let builtin = Builtin::read();
        let specs = tensors(&builtin.config);
        let statuses = specs.iter().map(|spec| (spec.group(), Status::Loaded));
        let groups = grouped(statuses);
        Self {
            name: BUILTIN.into(),
            path: None,
            statistics: Statistics::LVD,
            layout: None,
            variant: None,
            data: None,
            params: parameter_count(&builtin.config),
            untrained: false,
            license: Some(Builtin::LICENSE.into()),
            sha256: Builtin::sha256(),
            counts: total(&groups, 0),
            groups,
            metadata: BTreeMap::from([("learned_from".to_owned(), builtin.learned_from)]),
            tensors: None,
            config: builtin.config,
        }
    }

    /// An opened file; reads all of it for its hash.
    pub(super) fn of(checkpoint: &Checkpoint, stop: &Stop) -> Result<Self, ModelError> {
        let report = checkpoint.report();
        let (mean, std) = checkpoint.statistics();
        let statuses = report.tensors.iter();
        let groups = grouped(statuses.map(|tensor| (tensor.group, tensor.status)));
        let sha256 = checkpoint.sha256_until(stop);
        Ok(Self {
            name: checkpoint.path().display().to_string(),
            path: Some(checkpoint.path().to_owned()),
            config: checkpoint.config().clone(),
            statistics: Statistics { mean, std },
            layout: Some(checkpoint.layout()),
            variant: checkpoint.variant().map(|variant| variant.name),
            data: checkpoint.data(),
            params: checkpoint.params(),
            untrained: checkpoint
                .metadata()
                .get("untrained")
                .is_some_and(|value| value == "true"),
            license: checkpoint.license().map(ToOwned::to_owned),
            sha256: sha256.ok_or(WeightsError::Cancelled)?.to_owned(),
            counts: total(&groups, report.unexpected.len()),
            groups,
            metadata: checkpoint.metadata().clone(),
            tensors: Some(report.clone()),
        })
    }

    /// Whether every tensor is there and usable.
    pub fn is_complete(&self) -> bool {
        self.counts.loaded == self.counts.expected
    }
}

fn grouped(tensors: impl Iterator<Item = (Group, Status)>) -> Vec<TensorGroup> {
    let mut groups: BTreeMap<Group, Counts> = BTreeMap::new();
    for (group, status) in tensors {
        let counts = groups.entry(group).or_default();
        counts.expected += 1;
        match status {
            Status::Loaded => counts.loaded += 1,
            Status::Missing => counts.missing += 1,
            Status::WrongShape | Status::WrongType => counts.wrong += 1,
        }
    }
    groups
        .into_iter()
        .map(|(group, counts)| TensorGroup { group, counts })
        .collect()
}

fn total(groups: &[TensorGroup], unexpected: usize) -> Counts {
    let sum = |count: fn(&Counts) -> usize| groups.iter().map(|group| count(&group.counts)).sum();
    Counts {
        expected: sum(|counts| counts.expected),
        loaded: sum(|counts| counts.loaded),
        missing: sum(|counts| counts.missing),
        wrong: sum(|counts| counts.wrong),
        unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_model_has_all_parts_of_a_vit() {
        let report = ModelReport::builtin();
        assert!(report.is_complete());
        let groups: Vec<Group> = report.groups.iter().map(|group| group.group).collect();
        let absent = |group: &Group| *group != Group::Downsampling;
        let expected: Vec<Group> = Group::ALL.into_iter().filter(absent).collect();
        assert_eq!(groups, expected);
        let count = |wanted: Group| {
            let found = report.groups.iter().find(|group| group.group == wanted);
            found.unwrap().counts.expected
        };
        assert_eq!(count(Group::ClassToken), 1);
        assert_eq!(count(Group::FinalNorm), 2);
        assert_eq!(count(Group::Blocks) % report.config.layers(), 0);
        assert_eq!(report.counts.expected, tensors(&report.config).len());
    }
}
