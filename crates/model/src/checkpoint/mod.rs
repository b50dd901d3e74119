//! Checkpoints: a path → a recognised, memory-mapped [`Checkpoint`] whose tensors are read by their Meta names.
//!
//! Meta's `.pth` (flat or a training export), safetensors of transformers and of timm, sharded or in a folder. Nothing
//! in a file is executed and nothing is trusted: every range is checked when the file is opened. Weights stay in the
//! map until they are read, one tensor at a time. Source: `spec/01`, section 4.

mod canonical;
mod carried;
mod convert;
mod dtype;
mod error;
mod export;
mod hf_config;
mod in_memory;
mod infer;
mod layout;
mod mmap;
mod names;
mod open;
mod origin;
mod periods;
mod pickle;
mod pth;
mod recognise;
mod report;
mod safetensors_file;
mod source;
mod target;
mod tensors;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

pub use convert::convert;
pub use dtype::DType;
pub use error::CheckpointError;
pub use export::{SaveOptions, Written, save};
pub use in_memory::InMemory;
pub use layout::Layout;
pub use origin::Statistics;
pub use report::{LoadReport, Status, TensorReport};
pub use tensors::{Group, Role, TensorSpec, parameter_count, tensors};

use crate::config::BackboneConfig;
use crate::variants::{Data, Variant};
use crate::watch::Stop;
use origin::Origin;
use source::Source;

/// An opened and recognised checkpoint. Opening reads names and shapes; weights are read when asked for.
pub struct Checkpoint {
    source: Source,
    layout: Layout,
    config: BackboneConfig,
    origin: Origin,
    /// By position in the data flow; includes tensors that only some layouts store.
    specs: Vec<TensorSpec>,
    /// Position in `specs` by Meta name.
    by_name: BTreeMap<String, usize>,
    report: LoadReport,
    sha256: OnceLock<String>,
}

impl Checkpoint {
    /// Opens a `.pth` or `.safetensors` file, a `model.safetensors.index.json`, or a folder with one of them.
    ///
    /// A checkpoint with missing tensors opens, so that its report can be shown; see [`Self::refuse_if_incomplete`].
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let source = open::open(path)?;
        let (layout, family) = layout::recognise(&source)?;
        let config = recognise::config(&source, layout, family)?;
        let origin = origin::origin(&source, &config);
        let specs = tensors::all_tensors(&config);
        let by_name = specs
            .iter()
            .enumerate()
            .map(|(index, spec)| (spec.name.clone(), index))
            .collect();
        let report = report::report(&source, layout, &specs, origin.decided_by.clone());
        Ok(Self {
            source,
            layout,
            config,
            origin,
            specs,
            by_name,
            report,
            sha256: OnceLock::new(),
        })
    }

    /// Who named the tensors.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The backbone's shape.
    pub fn config(&self) -> &BackboneConfig {
        &self.config
    }

    /// What the weights were trained on, if that could be told; the report says how.
    pub fn data(&self) -> Option<Data> {
        self.origin.data
    }

    /// The released model of this shape and data, if there is one.
    pub fn variant(&self) -> Option<&'static Variant> {
        self.origin.variant
    }

    /// Mean and standard deviation of the input channels: as stated beside the weights, else those of the data.
    pub fn statistics(&self) -> Statistics {
        self.origin.statistics
    }

    /// Licence of the weights: as the file states it, else Meta's for what has the shape of a released model.
    pub fn license(&self) -> Option<&str> {
        self.origin.license.as_deref()
    }

    /// Expected and found tensors.
    pub fn report(&self) -> &LoadReport {
        &self.report
    }

    /// Refuses a checkpoint with missing tensors or tensors of a wrong shape, naming them.
    pub fn refuse_if_incomplete(&self) -> Result<(), CheckpointError> {
        let (missing, wrong) = (self.report.missing(), self.report.wrong());
        if missing.is_empty() && wrong.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Incomplete {
            missing,
            wrong,
            path: self.path().to_path_buf(),
        })
    }

    /// Texts that the file states about itself: licence, lineage and more.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.source.metadata
    }

    /// SHA-256 of the weight files in hexadecimal digits, of all shards in the order of their names; computed once.
    #[expect(clippy::missing_panics_doc, reason = "nobody stops it")]
    pub fn sha256(&self) -> &str {
        self.sha256_until(&Stop::default())
            .expect("nobody stops it")
    }

    /// As [`Self::sha256`]; nothing if `stop` was set before all was read.
    pub fn sha256_until(&self, stop: &Stop) -> Option<&str> {
        if self.sha256.get().is_none() {
            let hash = self.source.sha256_until(stop)?;
            return Some(self.sha256.get_or_init(|| hash));
        }
        self.sha256.get().map(String::as_str)
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// Learnable parameters in Meta's layout, the masked key biases included.
    pub fn params(&self) -> u64 {
        self.report.params
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Checkpoint");
        debug
            .field("path", &self.source.path)
            .field("layout", &self.layout)
            .field("config", &self.config);
        debug.finish_non_exhaustive()
    }
}
