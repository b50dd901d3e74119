//! K-means over the patches of one or several pictures: label maps that mean the same in all of them.
//!
//! Input: maps of the same network and a seed. Output: one label a patch, clusters ordered by size. Lloyd's algorithm
//! from greedy k-means++ seeds; the best of several restarts stays.
//! Source: Lloyd 1982, "Least Squares Quantization in PCM"; scikit-learn's `KMeans` gives the same from equal seeds.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

pub use super::assignment::{assign, squared_distances, sums};
use super::knobs::Knobs;
use super::seeding::plus_plus;
use super::subject::{Context, Found, FoundMap, Layer, Number, Subject};
use super::{AnalysisError, Analyze, bad_setting, same_channels};
use crate::feature_map::{FeatureMap, NORM_EPS, dot};

/// Most clusters: their distances to a tile of patches stay small.
pub const MAX_CLUSTERS: usize = 4096;

/// The steps of a clustering that a graphics device can take, and whether to go on.
pub trait Steps {
    /// As `assign`.
    fn assign(&self, map: &FeatureMap, centroids: &[f32]) -> (Vec<u32>, Vec<f32>);

    /// As `sums`.
    fn sums(&self, map: &FeatureMap, labels: &[u32], k: usize) -> (Vec<f32>, Vec<usize>);

    /// Asked before every round; an error ends the clustering.
    fn check(&self) -> Result<(), AnalysisError>;
}

/// All steps on the CPU, without an end before the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuSteps;

impl Steps for CpuSteps {
    fn assign(&self, map: &FeatureMap, centroids: &[f32]) -> (Vec<u32>, Vec<f32>) {
        assign(map, centroids)
    }

    fn sums(&self, map: &FeatureMap, labels: &[u32], k: usize) -> (Vec<f32>, Vec<usize>) {
        sums(map, labels, k)
    }

    fn check(&self) -> Result<(), AnalysisError> {
        Ok(())
    }
}

/// Settings of a clustering.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KMeans {
    /// How many clusters, from 1 to the number of patches and at most `MAX_CLUSTERS`.
    pub clusters: usize,
    /// Cluster directions: patches and centroids have length one (spherical k-means).
    pub spherical: bool,
    /// Most rounds of Lloyd's algorithm, at least 1.
    pub rounds: usize,
    /// A run ends when a round lowers the inertia by at most this part of it, at least 0.
    pub tolerance: f32,
    /// Runs from different seeds, at least 1; the one with the smallest inertia stays.
    pub restarts: usize,
    /// Seed of the random draws.
    pub seed: u64,
}

impl Default for KMeans {
    fn default() -> Self {
        Self {
            clusters: 8,
            spherical: true,
            rounds: 50,
            tolerance: 1e-4,
            restarts: 3,
            seed: 0,
        }
    }
}

/// Clusters of the patches of all maps.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansResult {
    /// `[k, dim]`, the largest cluster first; of length one when spherical.
    pub centroids: Vec<f32>,
    /// `[rows, cols]` for each map, in their order: the number of the cluster.
    pub labels: Vec<Vec<u32>>,
    /// Patches of each cluster over all maps, `[k]`, descending. 0 when there are fewer different patches than clusters.
    pub sizes: Vec<usize>,
    /// Sum of the squared distances of all patches to their centroid.
    pub inertia: f64,
    /// Rounds that the best run took.
    pub rounds: usize,
}

/// One run of Lloyd's algorithm.
struct Run {
    centroids: Vec<f32>,
    /// Labels and squared distances of each map.
    found: Vec<(Vec<u32>, Vec<f32>)>,
    inertia: f64,
    rounds: usize,
}

impl KMeans {
    /// Clusters the patches of all `maps` together.
    #[expect(clippy::missing_panics_doc, reason = "there is at least one restart")]
    pub fn cluster(
        &self,
        maps: &[FeatureMap],
        steps: &dyn Steps,
    ) -> Result<KMeansResult, AnalysisError> {
        let maps = self.points(maps)?;
        let mut best: Option<Run> = None;
        for restart in 0..self.restarts {
            steps.check()?;
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(restart as u64);
            let seeds = plus_plus(&maps, self.clusters, &mut rng);
            let run = self.lloyd(&maps, seeds, steps)?;
            if best.as_ref().is_none_or(|best| run.inertia < best.inertia) {
                best = Some(run);
            }
        }
        let best = best.expect("there is at least one restart");
        Ok(best.ordered(self.clusters))
    }

    /// One run from the given first centroids `[clusters, dim]`; `restarts` and `seed` are of no effect.
    pub fn cluster_from(
        &self,
        maps: &[FeatureMap],
        centroids: &[f32],
        steps: &dyn Steps,
    ) -> Result<KMeansResult, AnalysisError> {
        let maps = self.points(maps)?;
        let expected = self.clusters * maps[0].dim();
        if centroids.len() != expected || centroids.iter().any(|value| !value.is_finite()) {
            let found = format!("{} values for {} clusters", centroids.len(), self.clusters);
            return Err(bad_setting(
                "centroids",
                "one finite vector a cluster",
                &found,
            ));
        }
        let run = self.lloyd(&maps, centroids.to_vec(), steps)?;
        Ok(run.ordered(self.clusters))
    }

    /// The maps as they are clustered, once the settings are found to fit them.
    fn points(&self, maps: &[FeatureMap]) -> Result<Vec<FeatureMap>, AnalysisError> {
        let patches: usize = maps.iter().map(FeatureMap::patches).sum();
        if self.clusters == 0 || self.clusters > patches.min(MAX_CLUSTERS) {
            let found = format!("{} for {patches} patches", self.clusters);
            let expected = "from 1 to the number of patches, at most 4096";
            return Err(bad_setting("clusters", expected, &found));
        }
        for (name, value) in [("rounds", self.rounds), ("restarts", self.restarts)] {
            if value == 0 {
                return Err(bad_setting(name, "at least 1", &value));
            }
        }
        if !self.tolerance.is_finite() || self.tolerance < 0.0 {
            let found = self.tolerance;
            return Err(bad_setting("tolerance", "a number of at least 0", &found));
        }
        for map in maps {
            same_channels("a feature map", maps[0].dim(), map.dim())?;
        }
        if self.spherical {
            return Ok(maps.iter().map(FeatureMap::normalised).collect());
        }
        Ok(maps.to_vec())
    }

    fn lloyd(
        &self,
        maps: &[FeatureMap],
        centroids: Vec<f32>,
        steps: &dyn Steps,
    ) -> Result<Run, AnalysisError> {
        let mut run = Run::assign(maps, centroids, 1, steps);
        while run.rounds < self.rounds {
            steps.check()?;
            let mut centroids = run.means(maps, steps);
            if self.spherical {
                normalize(&mut centroids, maps[0].dim());
            }
            let next = Run::assign(maps, centroids, run.rounds + 1, steps);
            let gain = run.inertia - next.inertia;
            // Rounding may make the last round a little worse: the better one stays.
            if gain > 0.0 {
                run = next;
            }
            if gain <= f64::from(self.tolerance) * run.inertia {
                break;
            }
        }
        Ok(run)
    }
}

impl Run {
    fn assign(maps: &[FeatureMap], centroids: Vec<f32>, rounds: usize, steps: &dyn Steps) -> Self {
        let assign = |map| steps.assign(map, &centroids);
        let found: Vec<(Vec<u32>, Vec<f32>)> = maps.iter().map(assign).collect();
        let distances = found.iter().flat_map(|(_, distances)| distances);
        let inertia = distances.map(|&distance| f64::from(distance)).sum();
        Self {
            centroids,
            found,
            inertia,
            rounds,
        }
    }

    /// The means of the clusters; one without patches goes to the patch that lies farthest from its centroid.
    fn means(&self, maps: &[FeatureMap], steps: &dyn Steps) -> Vec<f32> {
        let dim = maps[0].dim();
        let k = self.centroids.len() / dim;
        let (mut sums, mut counts) = (vec![0.0; k * dim], vec![0; k]);
        for (map, (labels, _)) in maps.iter().zip(&self.found) {
            let (more, found) = steps.sums(map, labels, k);
            sums.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
            counts
                .iter_mut()
                .zip(found)
                .for_each(|(count, found)| *count += found);
        }
        self.reseed_empty(maps, &mut sums, &mut counts);
        let mut means = self.centroids.clone();
        let rows = means.chunks_exact_mut(dim).zip(sums.chunks_exact(dim));
        for ((mean, sum), &count) in rows.zip(&counts) {
            if count > 0 {
                let terms = mean.iter_mut().zip(sum);
                terms.for_each(|(to, value)| *to = value / count as f32);
            }
        }
        means
    }

    /// Gives each label without patches the farthest patch that its cluster can spare.
    fn reseed_empty(&self, maps: &[FeatureMap], sums: &mut [f32], counts: &mut [usize]) {
        let empty: Vec<usize> = (0..counts.len())
            .filter(|&label| counts[label] == 0)
            .collect();
        if empty.is_empty() {
            return;
        }
        let dim = maps[0].dim();
        let of_map = |map: usize| (0..maps[map].patches()).map(move |at| (map, at));
        let distance = |&(map, at): &(usize, usize)| self.found[map].1[at];
        let mut far: Vec<(usize, usize)> = (0..maps.len()).flat_map(of_map).collect();
        far.retain(|place| distance(place) > 0.0);
        // Stable: of equal distances the first patch goes.
        far.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
        let mut far = far.into_iter();
        for label in empty {
            let own = |(map, at): (usize, usize)| self.found[map].0[at] as usize;
            let Some((map, at)) = far.find(|&place| counts[own(place)] > 1) else {
                return;
            };
            let old = own((map, at));
            for (channel, &value) in maps[map].patch(at).iter().enumerate() {
                sums[old * dim + channel] -= value;
                sums[label * dim + channel] = value;
            }
            (counts[old], counts[label]) = (counts[old] - 1, 1);
        }
    }

    /// The run with its `k` clusters numbered by size.
    fn ordered(self, k: usize) -> KMeansResult {
        let dim = self.centroids.len() / k;
        let mut sizes = vec![0_usize; k];
        for &label in self.found.iter().flat_map(|(labels, _)| labels) {
            sizes[label as usize] += 1;
        }
        let mut order: Vec<usize> = (0..k).collect();
        // Stable: of equal sizes the earlier centroid comes first.
        order.sort_by_key(|&label| std::cmp::Reverse(sizes[label]));
        let mut place = vec![0; k];
        for (to, &from) in order.iter().enumerate() {
            place[from] = to as u32;
        }
        let renumbered = |(labels, _): &(Vec<u32>, Vec<f32>)| -> Vec<u32> {
            labels.iter().map(|&label| place[label as usize]).collect()
        };
        let centroid = |&label: &usize| &self.centroids[label * dim..][..dim];
        KMeansResult {
            centroids: order.iter().flat_map(centroid).copied().collect(),
            labels: self.found.iter().map(renumbered).collect(),
            sizes: order.iter().map(|&label| sizes[label]).collect(),
            inertia: self.inertia,
            rounds: self.rounds,
        }
    }
}

/// Divides each row `[dim]` by its length; a zero row stays zero.
fn normalize(centroids: &mut [f32], dim: usize) {
    for centroid in centroids.chunks_exact_mut(dim) {
        let scale = 1.0 / dot(centroid, centroid).sqrt().max(NORM_EPS);
        for value in centroid {
            *value *= scale;
        }
    }
}

/// The steps of a clustering where the context computes.
impl Steps for Context {
    fn assign(&self, map: &FeatureMap, centroids: &[f32]) -> (Vec<u32>, Vec<f32>) {
        self.compute.assign(map, centroids)
    }

    fn sums(&self, map: &FeatureMap, labels: &[u32], k: usize) -> (Vec<f32>, Vec<usize>) {
        self.compute.label_sums(map, labels, k)
    }

    fn check(&self) -> Result<(), AnalysisError> {
        self.cancel.check()
    }
}

impl Analyze for KMeans {
    fn id(&self) -> &'static str {
        "clusters"
    }

    fn title(&self) -> &'static str {
        "Clusters"
    }

    fn about(&self) -> &'static str {
        "Groups of alike patches over all pictures together (k-means)."
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        knobs.int(
            "clusters",
            "How many groups.",
            &mut self.clusters,
            1..=MAX_CLUSTERS,
        );
        let help = "Compares directions alone, whatever the length of a patch.";
        knobs.toggle("spherical", help, &mut self.spherical);
        knobs.int(
            "rounds",
            "Most rounds of a run.",
            &mut self.rounds,
            1..=10_000,
        );
        let help = "A run ends when a round gains less than this part.";
        knobs.real("tolerance", help, &mut self.tolerance, 0.0..=1.0);
        let help = "Runs from different starts; the best one stays.";
        knobs.int("restarts", help, &mut self.restarts, 1..=1000);
        let mut seed = usize::try_from(self.seed).unwrap_or(usize::MAX);
        knobs.int("seed", "Seed of the starts.", &mut seed, 0..=usize::MAX);
        self.seed = seed as u64;
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let maps: Vec<FeatureMap> = subjects.iter().map(|it| it.features.clone()).collect();
        let result = self.cluster(&maps, cx)?;
        let show = |(subject, labels): (usize, Vec<u32>)| FoundMap {
            subject,
            title: format!("{} clusters, patches of each", self.clusters),
            layer: Layer::Labels {
                rows: maps[subject].rows(),
                cols: maps[subject].cols(),
                labels,
                sizes: result.sizes.clone(),
            },
        };
        let number = |name, title, value| Number {
            name,
            title,
            value,
            subject: None,
        };
        Ok(Found {
            numbers: vec![
                number("inertia", "sum of squared distances", result.inertia),
                number("rounds", "rounds of the best run", result.rounds as f64),
            ],
            maps: result.labels.into_iter().enumerate().map(show).collect(),
            ..Found::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    fn noise(i: usize) -> f32 {
        let bits = (i as u32).wrapping_mul(2_654_435_761);
        (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519) as f32 / 2_147_483_648.0 - 1.0
    }

    /// Patches around the axes: patch `p` belongs to group `groups[p]` and has any length.
    fn grouped(groups: &[usize], dim: usize, scatter: f32, seed: usize) -> FeatureMap {
        let value = |i: usize| {
            let (patch, channel) = (i / dim, i % dim);
            let own = if groups[patch] == channel { 1.0 } else { 0.0 };
            (own + scatter * noise(i + seed)) * (1.0 + (patch % 5) as f32)
        };
        let values: Vec<f32> = (0..groups.len() * dim).map(value).collect();
        FeatureMap::new(1, groups.len(), dim, values).unwrap()
    }

    #[test]
    fn groups_of_two_pictures_get_the_same_labels_by_size() {
        let first: Vec<usize> = (0..60).map(|i| [2, 2, 0, 2, 1, 0][i % 6]).collect();
        let second: Vec<usize> = (0..40).map(|i| [2, 1, 2, 0][i % 4]).collect();
        let maps = [grouped(&first, 9, 0.2, 0), grouped(&second, 9, 0.2, 9999)];
        let settings = KMeans {
            clusters: 3,
            ..KMeans::default()
        };
        let found = settings.cluster(&maps, &CpuSteps).unwrap();
        // Group 2 has 30 + 20 patches, group 0 has 20 + 10, group 1 has 10 + 10.
        let label = |&group: &usize| [1, 2, 0][group];
        for (labels, groups) in found.labels.iter().zip([&first, &second]) {
            assert_eq!(*labels, groups.iter().map(label).collect::<Vec<u32>>());
        }
        assert_eq!(found.sizes, [50, 30, 20]);
        for (centroid, axis) in found.centroids.chunks(9).zip([2, 0, 1]) {
            assert!(centroid[axis] > 0.9 && (dot(centroid, centroid) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn lengths_count_unless_spherical() {
        let values: Vec<f32> = (0..20)
            .flat_map(|i| [if i % 4 == 0 { 9.0 } else { 1.0 }, 0.0])
            .collect();
        let maps = [FeatureMap::new(4, 5, 2, values).unwrap()];
        let raw = KMeans {
            clusters: 2,
            spherical: false,
            ..KMeans::default()
        };
        let found = raw.cluster(&maps, &CpuSteps).unwrap();
        assert_eq!((found.sizes, found.inertia), (vec![15, 5], 0.0));
        assert_eq!(found.centroids, [1.0, 0.0, 9.0, 0.0]);
        // All patches point the same way: the second cluster has nothing to hold.
        let spherical = KMeans {
            clusters: 2,
            ..KMeans::default()
        };
        assert_eq!(spherical.cluster(&maps, &CpuSteps).unwrap().sizes, [20, 0]);
    }

    #[test]
    fn an_empty_cluster_moves_to_the_farthest_patch() {
        let values = [0.0, 1.0, 2.0, 3.0, 50.0];
        let maps = [FeatureMap::new(1, 5, 1, values.to_vec()).unwrap()];
        let settings = KMeans {
            clusters: 2,
            spherical: false,
            ..KMeans::default()
        };
        // The second centroid is nobody's nearest.
        let found = settings
            .cluster_from(&maps, &[1.0, 9000.0], &CpuSteps)
            .unwrap();
        assert_eq!(found.sizes, [4, 1]);
        assert_close(&found.centroids, &[1.5, 50.0], 1e-6, "centroids");
        assert!((found.inertia - 5.0).abs() < 1e-6);
    }

    #[test]
    fn one_cluster_is_the_mean_and_as_many_as_patches_leave_nothing() {
        let maps = [grouped(&[0, 1, 2, 3, 0, 1], 4, 0.3, 4)];
        let clusters = |clusters| KMeans {
            clusters,
            spherical: false,
            restarts: 1,
            ..KMeans::default()
        };
        let one = clusters(1).cluster(&maps, &CpuSteps).unwrap();
        let mean = |channel: usize| (0..6).map(|at| maps[0].patch(at)[channel]).sum::<f32>() / 6.0;
        assert_close(&one.centroids, &[0, 1, 2, 3].map(mean), 1e-6, "mean");
        let all = clusters(6).cluster(&maps, &CpuSteps).unwrap();
        assert_eq!(all.sizes, [1; 6]);
        // Distances are differences of products in f32.
        assert!(all.inertia < 1e-5, "{}", all.inertia);
    }

    #[test]
    fn more_restarts_are_never_worse_and_the_same_seed_gives_the_same() {
        let groups: Vec<usize> = (0..300).map(|i| i * i % 11).collect();
        let maps = [grouped(&groups, 12, 0.9, 1)];
        let run = |restarts| {
            let settings = KMeans {
                clusters: 11,
                restarts,
                ..KMeans::default()
            };
            settings.cluster(&maps, &CpuSteps).unwrap()
        };
        assert_eq!(run(4), run(4));
        assert!(run(6).inertia <= run(1).inertia);
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let groups: Vec<usize> = (0..400).map(|i| i % 7).collect();
        let maps = [grouped(&groups, 70, 0.8, 1), grouped(&groups, 70, 0.8, 77)];
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
                .install(|| KMeans::default().cluster(&maps, &CpuSteps).unwrap())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn settings_that_fit_no_clustering_are_errors() {
        let maps = [
            grouped(&[0, 1, 2], 3, 0.1, 1),
            grouped(&[0, 1, 2], 4, 0.1, 1),
        ];
        let base = KMeans {
            clusters: 2,
            ..KMeans::default()
        };
        for settings in [
            KMeans {
                clusters: 0,
                ..base
            },
            KMeans {
                clusters: 4,
                ..base
            },
            KMeans { rounds: 0, ..base },
            KMeans {
                restarts: 0,
                ..base
            },
            KMeans {
                tolerance: f32::NAN,
                ..base
            },
        ] {
            let error = settings.cluster(&maps[..1], &CpuSteps).unwrap_err();
            assert!(matches!(error, AnalysisError::Setting { .. }), "{error}");
        }
        assert!(base.cluster(&[], &CpuSteps).is_err());
        assert!(matches!(
            base.cluster(&maps, &CpuSteps),
            Err(AnalysisError::Channels { .. })
        ));
        assert!(base.cluster_from(&maps[..1], &[0.0; 5], &CpuSteps).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_patch_is_with_its_nearest_centroid_and_more_rounds_cost_nothing(
            patches in 5_usize..90, dim in 1_usize..12, clusters in 1_usize..6, spherical: bool, seed in 0_u64..99,
        ) {
            let groups: Vec<usize> = (0..patches).map(|i| i * 5 % 7).collect();
            let maps = [grouped(&groups, dim, 0.7, seed as usize)];
            let settings = KMeans { clusters, spherical, seed, restarts: 1, ..KMeans::default() };
            let found = settings.cluster(&maps, &CpuSteps).unwrap();
            let early = KMeans { rounds: 1, ..settings }.cluster(&maps, &CpuSteps).unwrap();
            prop_assert!(found.inertia <= early.inertia);
            prop_assert_eq!(found.sizes.iter().sum::<usize>(), patches);
            prop_assert!(found.sizes.is_sorted_by(|a, b| a >= b));
            let points = settings.points(&maps).unwrap();
            let (_, distances) = assign(&points[0], &found.centroids);
            let inertia: f64 = distances.iter().map(|&value| f64::from(value)).sum();
            prop_assert!((inertia - found.inertia).abs() <= 1e-5 * (1.0 + found.inertia));
        }
    }
}
