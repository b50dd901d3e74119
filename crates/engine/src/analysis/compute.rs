//! Where the steps of an analysis are computed: on a graphics device if there is one, else on the CPU.
//!
//! Each method is one step with the same result on both roads. What a graphics device refuses (lost, out of memory, too
//! large) the CPU takes over: a map comes late rather than not at all, and [`Compute::failure`] says what happened.

use std::sync::{Arc, Mutex, PoisonError};

use super::clusters;
use super::cosine::{cosine, cosine_max};
use super::nearest::{Neighbours, nearest_until};
use super::projection::project;
use super::refine::soft_offsets;
use super::{AnalysisError, CancelToken, PcaBasis, ScalarMap};
use super::{channels, logistic, norms, prompts, resample, same_channels};
use crate::feature_map::FeatureMap;
use crate::gpu::{Gpu, GpuError};

/// The CPU, or a graphics device with the CPU behind it. A clone shares the device.
#[derive(Clone, Debug, Default)]
pub struct Compute {
    gpu: Option<Gpu>,
    failure: Arc<Mutex<Option<GpuError>>>,
}

impl Compute {
    /// The CPU alone.
    pub fn cpu() -> Self {
        Self::default()
    }

    /// A graphics device, and the CPU for what it refuses.
    pub fn gpu(gpu: Gpu) -> Self {
        Self {
            gpu: Some(gpu),
            failure: Arc::default(),
        }
    }

    /// The graphics device, if there is one that still works.
    pub fn device(&self) -> Option<&Gpu> {
        self.gpu.as_ref().filter(|gpu| !gpu.is_lost())
    }

    /// Why the CPU took over, the first time that it did.
    pub fn failure(&self) -> Option<GpuError> {
        let failure = self.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn on<T>(&self, gpu: impl FnOnce(&Gpu) -> Result<T, GpuError>, cpu: impl FnOnce() -> T) -> T {
        let Some(device) = &self.gpu else {
            return cpu();
        };
        match gpu(device) {
            Ok(found) => found,
            Err(error) => {
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                if failure.is_none() {
                    tracing::warn!(%error, "the CPU takes over");
                    *failure = Some(error);
                }
                drop(failure);
                cpu()
            }
        }
    }

    /// Products of `query` `[dim]` with the unit patches.
    pub fn cosine(&self, map: &FeatureMap, query: &[f32]) -> ScalarMap {
        self.on(|gpu| gpu.cosine(map, query), || cosine(map, query))
    }

    /// Largest cosine to the positives less `weight` times that to the negatives, unit vectors `[prompts][dim]`.
    pub fn cosine_max(
        &self,
        map: &FeatureMap,
        positive: &[Vec<f32>],
        negative: &[Vec<f32>],
        weight: f32,
    ) -> ScalarMap {
        self.on(
            |gpu| gpu.cosine_max(map, positive, negative, weight),
            || cosine_max(map, positive, negative, weight),
        )
    }

    /// Logistic function of `weights` `[dim]` times the unit patches plus `bias`.
    pub fn logistic(&self, map: &FeatureMap, weights: &[f32], bias: f32) -> ScalarMap {
        self.on(
            |gpu| gpu.logistic(map, weights, bias),
            || logistic::logistic(map, weights, bias),
        )
    }

    /// `Σ weights[p] · unit(features[p])` `[dim]`.
    pub fn weighted_sum(&self, map: &FeatureMap, weights: &[f32]) -> Vec<f32> {
        self.on(
            |gpu| gpu.weighted_sum(map, weights),
            || prompts::weighted_sum(map, weights),
        )
    }

    /// Length of every patch `[patches]`.
    pub fn lengths(&self, map: &FeatureMap) -> Vec<f32> {
        self.on(|gpu| gpu.lengths(map), || norms::lengths(map))
    }

    /// Mean, deviation and largest magnitude of every channel.
    pub fn channel_moments(&self, map: &FeatureMap) -> channels::ChannelMoments {
        self.on(|gpu| gpu.channel_moments(map), || channels::moments(map))
    }

    /// Projections `[rows, cols, k]` on the chosen components of a basis.
    pub fn project(
        &self,
        map: &FeatureMap,
        basis: &PcaBasis,
        components: &[usize],
    ) -> Result<Vec<f32>, AnalysisError> {
        same_channels("the feature map", basis.dim(), map.dim())?;
        if let Some(&asked) = components.iter().find(|&&index| index >= basis.len()) {
            let available = basis.len();
            return Err(AnalysisError::Component { asked, available });
        }
        match &self.gpu {
            None => project(map, basis, components),
            Some(_) => self.on(
                |gpu| gpu.project(map, basis, components).map(Ok),
                || project(map, basis, components),
            ),
        }
    }

    /// Nearest neighbours of all patches in both directions; an error soon after `cancel` asks for it.
    pub fn nearest(
        &self,
        a: &FeatureMap,
        b: &FeatureMap,
        cancel: &CancelToken,
    ) -> Result<Neighbours, AnalysisError> {
        same_channels("the second map", a.dim(), b.dim())?;
        let found = self.on(
            |gpu| gpu.nearest(a, b, cancel).map(Ok),
            || nearest_until(a, b, cancel),
        )?;
        cancel.check()?;
        Ok(found)
    }

    /// Offset (x, y) in patches from each patch's partner to where between patches the match lies.
    ///
    /// `partner`: `[patches of a]` flat numbers in `b`.
    pub fn soft_offsets(
        &self,
        a: &FeatureMap,
        b: &FeatureMap,
        partner: &[u32],
        temperature: f32,
    ) -> Vec<[f32; 2]> {
        self.on(
            |gpu| gpu.soft_offsets(a, b, partner, temperature),
            || soft_offsets(a, b, partner, temperature),
        )
    }

    /// The nearest of `centroids` `[k, dim]` for each patch and the squared distance to it.
    pub fn assign(&self, map: &FeatureMap, centroids: &[f32]) -> (Vec<u32>, Vec<f32>) {
        self.on(
            |gpu| gpu.assign(map, centroids),
            || clusters::assign(map, centroids),
        )
    }

    /// Sums `[k, dim]` and counts `[k]` of the patches of each label.
    pub fn label_sums(&self, map: &FeatureMap, labels: &[u32], k: usize) -> (Vec<f32>, Vec<usize>) {
        self.on(
            |gpu| gpu.label_sums(map, labels, k),
            || clusters::sums(map, labels, k),
        )
    }

    /// The map on `to` (rows, cols) patches, bicubic: `[rows, cols, dim]`.
    pub fn resize_features(
        &self,
        map: &FeatureMap,
        to: (usize, usize),
    ) -> Result<Vec<f32>, AnalysisError> {
        let from = (map.rows(), map.cols());
        self.on(
            |gpu| gpu.resize_features(map, to).map(Ok),
            || resample::resize_features(map.values(), from, to),
        )
    }
}
