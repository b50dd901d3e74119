//! Clusters of clusters: k-means on the rows of a table, then on its centroids, and so on.
//!
//! Input: a table. Output: a [`Hierarchy`] from rows up to a few concepts. Resampling makes the centroids spread more
//! evenly over the data: k-means again, on the few members nearest to each centroid.
//! Source: Vo et al. 2024, algorithm "hierarchical k-means with resampling". LVD-1689M has five levels of 200 M, 8 M,
//! 800 k, 100 k and 25 k clusters: `spec/02`, section 10.

use serde::{Deserialize, Serialize};
use tracing::{debug, warn};

use super::error::bad_setting;
use super::{
    Clustering, CurationError, FeatureTable, KMeans, Members, Progress, Watch, nearest_centroids,
};

/// Settings of a hierarchy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HierarchicalKMeans {
    /// Clusters of each level, from the rows up, each fewer than the one before.
    pub levels: Vec<usize>,
    /// Settings of every clustering; `clusters` is of no effect, and `train_rows` only for the first level.
    pub kmeans: KMeans,
    /// Whether and how each level is clustered again.
    pub resampling: Option<Resampling>,
}

/// How a level is clustered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resampling {
    /// How often.
    pub steps: usize,
    /// Members of each cluster that stay, those nearest to its centroid; at least 2.
    pub nearest: usize,
}

impl Default for HierarchicalKMeans {
    fn default() -> Self {
        Self {
            levels: vec![10_000, 500],
            kmeans: KMeans::default(),
            resampling: None,
        }
    }
}

/// One level of a hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// `[k, dim]`.
    pub centroids: Vec<f32>,
    /// For each member of the level below, the rows of the table below the first, its cluster.
    pub assignment: Vec<u32>,
    /// For each member its squared distance to the centroid.
    pub distances: Vec<f32>,
}

/// Clusters of the rows of a table, and clusters of those.
#[derive(Clone, Debug, PartialEq)]
pub struct Hierarchy {
    /// Features of a centroid.
    pub dim: usize,
    /// From the rows up, at least one.
    pub levels: Vec<Level>,
}

impl HierarchicalKMeans {
    /// Builds the levels from the rows of a table up.
    pub fn build(
        &self,
        table: &FeatureTable<'_>,
        watch: Watch<'_>,
    ) -> Result<Hierarchy, CurationError> {
        self.check()?;
        let mut levels: Vec<Level> = Vec::with_capacity(self.levels.len());
        for (at, &clusters) in self.levels.iter().enumerate() {
            let watch = |progress: Progress| {
                watch(Progress {
                    level: at + 1,
                    ..progress
                })
            };
            let kmeans = KMeans {
                clusters,
                train_rows: self.kmeans.train_rows.filter(|_| at == 0),
                // Levels and the steps of a level draw differently.
                seed: self.kmeans.seed.wrapping_add((at as u64) << 32),
                ..self.kmeans
            };
            let level = match levels.last() {
                None => self.level(&kmeans, table, &watch)?,
                Some(below) => {
                    let below = FeatureTable::from_f32(&below.centroids, table.dim())?;
                    self.level(&kmeans, &below, &watch)?
                }
            };
            levels.push(level);
        }
        Ok(Hierarchy {
            dim: table.dim(),
            levels,
        })
    }

    fn check(&self) -> Result<(), CurationError> {
        if self.levels.is_empty() || !self.levels.is_sorted_by(|below, above| below > above) {
            let expected = "at least one number, each smaller than the one before";
            return Err(bad_setting(
                "levels",
                expected,
                format!("{:?}", self.levels),
            ));
        }
        match self.resampling {
            Some(Resampling { nearest, .. }) if nearest < 2 => {
                Err(bad_setting("resampling.nearest", "at least 2", nearest))
            }
            _ => Ok(()),
        }
    }

    /// Clusters the members of a level, and again the nearest of each cluster.
    fn level(
        &self,
        kmeans: &KMeans,
        members: &FeatureTable<'_>,
        watch: Watch<'_>,
    ) -> Result<Level, CurationError> {
        let Clustering {
            centroids,
            labels,
            distances,
            ..
        } = kmeans.cluster(members, watch)?;
        let mut level = Level {
            centroids,
            assignment: labels,
            distances,
        };
        let (steps, nearest) = self
            .resampling
            .map_or((0, 0), |again| (again.steps, again.nearest));
        for step in 1..=steps {
            let kept = level.nearest_members(kmeans.clusters, nearest);
            if kept.len() < kmeans.clusters {
                warn!(step, "too few members to resample, clusters stay");
                break;
            }
            let mut values = vec![0.0; kept.len() * members.dim()];
            members.gather(&kept, &mut values)?;
            let again = KMeans {
                train_rows: None,
                seed: kmeans.seed.wrapping_add(step as u64),
                ..*kmeans
            };
            let part = FeatureTable::from_f32(&values, members.dim())?;
            level.centroids = again.cluster(&part, watch)?.centroids;
            (level.assignment, level.distances) =
                nearest_centroids(members, &level.centroids, watch)?;
            debug!(step, kept = kept.len(), "resampled");
        }
        Ok(level)
    }
}

impl Level {
    /// Lists of the members of each of the `clusters` clusters.
    pub fn members(&self, clusters: usize) -> Members {
        Members::of_labels(&self.assignment, clusters)
    }

    /// The numbers of the `count` members of each cluster nearest to its centroid, ascending.
    fn nearest_members(&self, clusters: usize, count: usize) -> Vec<u32> {
        let members = self.members(clusters);
        let mut kept = Vec::new();
        for cluster in 0..clusters {
            let mut own = members.of(cluster).to_vec();
            self.sort_by_distance(&mut own);
            kept.extend(own.into_iter().take(count));
        }
        kept.sort_unstable();
        kept
    }

    /// Sorts members by their distance to the centroid; of equals the first comes first.
    pub(super) fn sort_by_distance(&self, members: &mut [u32]) {
        let away = |&member: &u32| self.distances[member as usize];
        members.sort_unstable_by(|a, b| away(a).total_cmp(&away(b)).then(a.cmp(b)));
    }
}

impl Hierarchy {
    /// Rows of the table.
    pub fn rows(&self) -> usize {
        self.levels[0].assignment.len()
    }

    /// Clusters of a level, from 0. Panics if there is no such level.
    pub fn clusters(&self, level: usize) -> usize {
        self.levels[level].centroids.len() / self.dim
    }

    /// The cluster of a row at each level, from the first one up. Panics if there is no such row.
    pub fn path(&self, row: usize) -> Vec<u32> {
        let mut member = row;
        let up = |level: &Level| {
            let cluster = level.assignment[member];
            member = cluster as usize;
            cluster
        };
        self.levels.iter().map(up).collect()
    }

    /// Rows of the table under each cluster of each level, `[levels][k]`, counted where `is_counted` says so.
    pub fn sizes(&self, is_counted: impl Fn(u32) -> bool) -> Vec<Vec<usize>> {
        let mut sizes: Vec<Vec<usize>> = Vec::with_capacity(self.levels.len());
        for (at, level) in self.levels.iter().enumerate() {
            let mut own = vec![0; self.clusters(at)];
            for (member, &cluster) in level.assignment.iter().enumerate() {
                own[cluster as usize] += match sizes.last() {
                    None => usize::from(is_counted(member as u32)),
                    Some(below) => below[member],
                };
            }
            sizes.push(own);
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curation::fixtures::{noise, on_threads};
    use crate::curation::unwatched;

    fn settings(levels: &[usize], resampling: Option<Resampling>) -> HierarchicalKMeans {
        HierarchicalKMeans {
            levels: levels.to_vec(),
            resampling,
            ..HierarchicalKMeans::default()
        }
    }

    const AGAIN: Option<Resampling> = Some(Resampling {
        steps: 2,
        nearest: 3,
    });

    #[test]
    fn levels_fit_together_and_do_not_depend_on_the_threads() {
        let values = noise(2000, 12, 1);
        for resampling in [None, AGAIN] {
            let build = || {
                let table = FeatureTable::from_f32(&values, 12).unwrap().normalized();
                let settings = settings(&[60, 10, 2], resampling);
                settings.build(&table, &unwatched).unwrap()
            };
            let found = on_threads(1, build);
            assert_eq!(found, on_threads(4, build));
            assert_eq!(found.rows(), 2000);
            let members: Vec<usize> = found.levels.iter().map(|it| it.assignment.len()).collect();
            assert_eq!(members, [2000, 60, 10]);
            assert_eq!([0, 1, 2].map(|level| found.clusters(level)), [60, 10, 2]);
            for (level, sizes) in found.sizes(|_| true).iter().enumerate() {
                assert_eq!(sizes.iter().sum::<usize>(), 2000);
                let own = |cluster: usize| {
                    let under = |row: &usize| found.path(*row)[level] as usize == cluster;
                    (0..2000).filter(under).count()
                };
                assert_eq!(own(1), sizes[1]);
            }
            let even = found.sizes(|row| row % 2 == 0);
            assert_eq!(even[2].iter().sum::<usize>(), 1000);
        }
    }

    #[test]
    fn resampling_spreads_the_clusters_more_evenly() {
        // On a line, dense near 0: k-means leaves the sparse half about 0.38 of the clusters, an even spread 0.5.
        let mut values = noise(6000, 1, 1);
        for value in &mut values {
            *value = value.abs().powi(6);
        }
        let table = FeatureTable::from_f32(&values, 1).unwrap();
        let sparse_half = |resampling| {
            let settings = settings(&[100], resampling);
            let found = settings.build(&table, &unwatched).unwrap();
            let centroids = found.levels[0].centroids.iter();
            centroids.filter(|&&centroid| centroid > 0.5).count()
        };
        let again = Some(Resampling {
            steps: 8,
            nearest: 5,
        });
        let (plain, even) = (sparse_half(None), sparse_half(again));
        assert!(even >= plain + 3, "{even} after resampling, {plain} before");
        assert!(even <= 55, "{even} of 100");
    }

    #[test]
    fn settings_that_make_no_sense_are_errors() {
        let values = noise(50, 2, 1);
        let table = FeatureTable::from_f32(&values, 2).unwrap();
        let one = Some(Resampling {
            steps: 1,
            nearest: 1,
        });
        for (levels, resampling) in [
            (&[][..], None),
            (&[5, 5], None),
            (&[51], None),
            (&[5, 0], None),
            (&[5], one),
        ] {
            let settings = settings(levels, resampling);
            assert!(settings.build(&table, &unwatched).is_err(), "{settings:?}");
        }
    }
}
