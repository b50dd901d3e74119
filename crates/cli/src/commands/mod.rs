//! One file a command; each has a `run` that writes its files and prints its results.

pub(crate) mod analyze;
pub(crate) mod bench;
mod bench_maps;
mod bench_training;
pub(crate) mod curate;
pub(crate) mod devices;
pub(crate) mod features;
pub(crate) mod matching;
pub(crate) mod model;
pub(crate) mod pca;
pub(crate) mod similarity;
pub(crate) mod train;
