//! Curation of a picture collection by its features: which pictures to train on.
//!
//! Input: a [`FeatureTable`], one row of features a picture, mapped from files so that it need not fit the memory.
//! - [`KMeans`] groups rows; [`HierarchicalKMeans`] groups the groups, down to few concepts: a [`Hierarchy`].
//! - [`Balance`] draws pictures from a hierarchy so that frequent concepts do not drown rare ones.
//! - [`Retrieval`] finds the pictures of a pool that are nearest to some chosen ones.
//! - [`Duplicates`] finds pictures that are nearly the same and keeps one of them.
//!
//! Everything random comes from a seed, and no result depends on the number of threads.
//! Source: Vo et al. 2024, "Automatic Data Curation for Self-Supervised Learning: A Clustering-Based Approach"; DINOv2
//! paper, section on data processing (retrieval, deduplication); `spec/02`, section 10.

use std::ops::ControlFlow;

mod assign;
mod balanced;
mod duplicates;
mod error;
mod features;
#[cfg(test)]
mod fixtures;
mod groups;
mod hierarchy;
mod hierarchy_file;
mod kernel;
mod kmeans;
mod mapped;
mod members;
#[cfg(test)]
mod million;
mod pairs;
mod retrieval;
mod search;
mod seeding;
mod water;

pub use assign::nearest_centroids;
pub use balanced::{Balance, Within};
pub use duplicates::{DuplicateGroup, Duplicates, FoundDuplicates, Known};
pub use error::CurationError;
pub use features::{FeatureTable, MAX_DIM};
pub use hierarchy::{HierarchicalKMeans, Hierarchy, Level, Resampling};
pub use kmeans::{Clustering, KMeans};
pub use members::Members;
pub use retrieval::{Retrieval, Retrieved};
pub use search::Neighbor;
pub use water::{WaterLevel, water_level};

/// What a long computation is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Draws the first centroids; counts centroids.
    Seeding,
    /// A round of k-means; counts rows.
    Clustering,
    /// Gives every row its cluster after training on a part; counts rows.
    Assigning,
    /// Looks through a pool for the nearest rows; counts rows of the pool.
    Searching,
    /// Compares rows in pairs; counts blocks of pairs.
    Comparing,
}

/// How far a long computation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Level of the hierarchy, from 1; always 1 outside a hierarchy.
    pub level: usize,
    /// Round of the stage, from 1.
    pub round: usize,
    /// How much of the round is done.
    pub done: usize,
    /// How much there is to do in the round.
    pub total: usize,
}

/// Told of the progress several times a second, on the calling thread; `Break` ends the computation with
/// [`CurationError::Cancelled`].
pub type Watch<'a> = &'a dyn Fn(Progress) -> ControlFlow<()>;

/// A [`Watch`] that lets everything go on.
pub fn unwatched(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Where the parts of a computation report to: a stage and a round of a watch.
#[derive(Clone, Copy)]
struct Reporter<'a> {
    watch: Watch<'a>,
    stage: Stage,
    round: usize,
}

impl<'a> Reporter<'a> {
    fn new(watch: Watch<'a>, stage: Stage) -> Self {
        Self {
            watch,
            stage,
            round: 1,
        }
    }

    /// Tells that `done` of `total` are done; an error if the computation has to end.
    fn tell(&self, done: usize, total: usize) -> Result<(), CurationError> {
        let progress = Progress {
            stage: self.stage,
            level: 1,
            round: self.round,
            done,
            total,
        };
        match (self.watch)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(CurationError::Cancelled),
        }
    }
}
