//! What a model is: from its file if that was read, else from the table of released models.

use dinoscope_engine::model::{Builtin, ModelError, ModelReport};
use dinoscope_jobs::model::Models as Work;
use dinoscope_jobs::runner::{JobContext, JobError};
use dinoscope_model::checkpoint::CheckpointError;
use dinoscope_model::variants::Data;
use dinoscope_model::{BackboneConfig, Variant};
use std::sync::Arc;

/// What a model is, without its tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// All sizes of the network.
    pub config: BackboneConfig,
    /// Learnable parameters.
    pub params: u64,
    /// Element types of the file.
    pub dtypes: Vec<String>,
    /// Who named the tensors: `meta`, `hf`, `timm`.
    pub layout: Option<String>,
    /// What the weights were trained on.
    pub data: Option<Data>,
    /// License of the weights, if the file tells.
    pub license: Option<String>,
    /// SHA-256 of the weights, 64 hexadecimal digits, once they were read.
    pub sha256: Option<String>,
    /// Whether the weights are random.
    pub untrained: bool,
}

impl About {
    pub(super) fn of_report(report: &ModelReport) -> Self {
        let dtypes = report
            .tensors
            .as_ref()
            .map(|tensors| tensors.dtypes.keys().cloned().collect());
        Self {
            config: report.config.clone(),
            params: report.params,
            dtypes: dtypes.unwrap_or_else(|| vec![Builtin::DTYPE.to_owned()]),
            layout: report.layout.map(|layout| layout.to_string()),
            data: report.data,
            license: report.license.clone(),
            sha256: Some(report.sha256.clone()),
            untrained: report.untrained,
        }
    }

    /// A released model that is not here.
    pub(super) fn of_released(name: &str) -> Option<Self> {
        let variant = Variant::by_name(name)?;
        Some(Self {
            config: variant.config(),
            params: variant.params,
            dtypes: vec!["f32".to_owned()],
            layout: None,
            data: Some(variant.data),
            license: None,
            sha256: None,
            untrained: false,
        })
    }
}

/// What a look into a model's file gives.
#[derive(Clone, Debug)]
pub enum Inspected {
    /// Names and shapes could be read.
    Read(Arc<ModelReport>),
    /// The file asks for code to be run, which is not done; in words.
    Blocked(String),
}

impl Inspected {
    /// The report, if there is one.
    pub fn report(&self) -> Option<&Arc<ModelReport>> {
        match self {
            Self::Read(report) => Some(report),
            Self::Blocked(_) => None,
        }
    }
}

/// Reads what there is to know of a model.
pub(super) fn inspect(work: &Work, name: &str, cx: &JobContext) -> Result<Inspected, JobError> {
    match work.report(name, cx.cancel()) {
        Ok(report) => Ok(Inspected::Read(Arc::new(report))),
        Err(ModelError::Checkpoint(error @ CheckpointError::ForbiddenGlobal { .. })) => {
            Ok(Inspected::Blocked(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
