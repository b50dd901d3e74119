//! Near-duplicates: pictures whose features point almost the same way.
//!
//! Input: a table. Output: groups of near-duplicates and which row of each stays. Groups are connected components: a
//! chain of pairs above the threshold is one group, though its ends may be less alike. Up to some ten thousand rows all
//! pairs are compared; beyond, the rows of each cluster among themselves and with those of the nearest clusters.
//! Source: DINOv2 paper, section on data processing (deduplication by connected components of a k-NN graph).

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::error::{bad_setting, bad_shape};
use super::pairs::join_similar;
use super::search::Search;
use super::{CurationError, FeatureTable, KMeans, Level, Members, Reporter, Stage, Watch};

/// Rounding of a cosine in f32: equal rows are found at a threshold of 1.
const ROUNDING: f32 = 2e-6;
/// Rows of a cluster, on average, where this module makes the clusters.
const ROWS_PER_CLUSTER: usize = 1000;
/// Rows for each of those clusters that they are trained on.
const TRAIN_ROWS: usize = 64;

/// Settings of the search for near-duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Duplicates {
    /// Least cosine similarity of near-duplicates, above −1 and at most 1.
    pub threshold: f32,
    /// Up to so many rows all pairs are compared.
    pub exact_rows: usize,
    /// Nearest clusters that each cluster is compared with, beyond that.
    pub near_clusters: usize,
    /// Seed of the clustering, where none is given.
    pub seed: u64,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self {
            threshold: 0.96,
            exact_rows: 50_000,
            near_clusters: 3,
            seed: 0,
        }
    }
}

/// Rows that are nearly the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateGroup {
    /// The row that stays.
    pub kept: u32,
    /// The others, ascending, at least one.
    pub removed: Vec<u32>,
}

/// What a search for near-duplicates found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundDuplicates {
    /// Groups, by their first row.
    pub groups: Vec<DuplicateGroup>,
    /// `[rows]`: whether a row stays.
    pub is_kept: Vec<bool>,
}

/// What the search may know beside the features.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Clusters of the rows: the first level of a hierarchy of the same table. Without it they are made when needed.
    pub clusters: Option<&'a Level>,
    /// Sizes of the pictures, `[rows]`, in pixels or bytes: the largest of a group stays. Without it the first one.
    pub sizes: Option<&'a [u64]>,
}

impl Duplicates {
    /// Finds the near-duplicates of a table.
    pub fn find(
        &self,
        table: &FeatureTable<'_>,
        known: Known<'_>,
        watch: Watch<'_>,
    ) -> Result<FoundDuplicates, CurationError> {
        let rows = table.rows();
        self.check(rows, known)?;
        let (members, meetings) = if rows <= self.exact_rows {
            (Members::together(rows), vec![(0, 0)])
        } else if let Some(level) = known.clusters {
            self.meetings(&level.centroids, &level.assignment, table.dim(), watch)?
        } else {
            let clusters = rows.div_ceil(ROWS_PER_CLUSTER);
            let kmeans = KMeans {
                clusters,
                rounds: 8,
                train_rows: Some(clusters * TRAIN_ROWS),
                seed: self.seed,
                ..KMeans::default()
            };
            let found = kmeans.cluster(table, watch)?;
            self.meetings(&found.centroids, &found.labels, table.dim(), watch)?
        };
        let reporter = Reporter::new(watch, Stage::Comparing);
        let threshold = self.threshold - ROUNDING;
        let groups = join_similar(table, &members, &meetings, threshold, reporter)?;
        Ok(FoundDuplicates::new(groups.groups(), rows, known.sizes))
    }

    fn check(&self, rows: usize, known: Known<'_>) -> Result<(), CurationError> {
        if !(self.threshold > -1.0 && self.threshold <= 1.0) {
            let expected = "above -1 and at most 1";
            return Err(bad_setting("threshold", expected, self.threshold));
        }
        let labels = known.clusters.map(|level| level.assignment.len());
        let sizes = known.sizes.map(<[u64]>::len);
        for (what, found) in [("labels", labels), ("sizes of pictures", sizes)] {
            if let Some(found) = found.filter(|&found| found != rows) {
                return Err(bad_shape(what, format!("{rows}, one a row"), found));
            }
        }
        Ok(())
    }

    /// The rows of each cluster, and which clusters are compared: each with itself and with its nearest ones.
    fn meetings(
        &self,
        centroids: &[f32],
        labels: &[u32],
        dim: usize,
        watch: Watch<'_>,
    ) -> Result<(Members, Vec<(usize, usize)>), CurationError> {
        let table = FeatureTable::from_f32(centroids, dim)?;
        let clusters = table.rows();
        if labels.iter().any(|&label| label as usize >= clusters) {
            let expected = format!("numbers below {clusters}");
            return Err(bad_shape("labels", expected, "a larger one"));
        }
        let mut queries = vec![0.0; centroids.len()];
        table.read_as(0..clusters, true, &mut queries)?;
        let mut meetings: Vec<(usize, usize)> = (0..clusters).map(|own| (own, own)).collect();
        if self.near_clusters > 0 {
            let search = Search {
                pool: &table,
                queries: &queries,
                neighbors: self.near_clusters,
                least: f32::MIN,
                is_unwanted: &|query, row| query == row as usize,
            };
            let near = search.run(Reporter::new(watch, Stage::Searching))?;
            for (own, near) in near.iter().enumerate() {
                let other = near.iter().map(|neighbor| neighbor.row as usize);
                meetings.extend(other.map(|other| (own.min(other), own.max(other))));
            }
        }
        meetings.sort_unstable();
        meetings.dedup();
        Ok((Members::of_labels(labels, clusters), meetings))
    }
}

impl FoundDuplicates {
    fn new(groups: Vec<Vec<u32>>, rows: usize, sizes: Option<&[u64]>) -> Self {
        let mut is_kept = vec![true; rows];
        let size = |row: u32| sizes.map_or(0, |sizes| sizes[row as usize]);
        let mut out = Vec::with_capacity(groups.len());
        for mut group in groups {
            // Of equals the first one.
            let largest = (0..group.len()).max_by_key(|&at| (size(group[at]), Reverse(at)));
            let best = largest.unwrap_or(0);
            let kept = group.remove(best);
            for &row in &group {
                is_kept[row as usize] = false;
            }
            out.push(DuplicateGroup {
                kept,
                removed: group,
            });
        }
        Self {
            groups: out,
            is_kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curation::fixtures::{blobs, cosine, noise, on_threads};
    use crate::curation::groups::Groups;
    use crate::curation::unwatched;

    fn duplicates(threshold: f32) -> Duplicates {
        Duplicates {
            threshold,
            ..Duplicates::default()
        }
    }

    #[test]
    fn a_chain_of_pairs_is_one_group_though_its_ends_differ() {
        // Neighbors are 0.1 apart: cosine 0.995; the ends 0.3: 0.955. The last two are copies.
        let values: Vec<f32> = [0.1, 0.2, 2.0, 0.3, 0.0, 1.0, 1.0]
            .iter()
            .flat_map(|angle: &f32| [angle.cos(), angle.sin()])
            .collect();
        let table = FeatureTable::from_f32(&values, 2).unwrap();
        let find = |threshold, known| {
            duplicates(threshold)
                .find(&table, known, &unwatched)
                .unwrap()
        };
        let group = |kept, removed: &[u32]| DuplicateGroup {
            kept,
            removed: removed.to_vec(),
        };
        let found = find(0.99, Known::default());
        assert_eq!(found.groups, [group(0, &[1, 3, 4]), group(5, &[6])]);
        assert_eq!(
            found.is_kept,
            [true, false, true, false, false, true, false]
        );
        assert_eq!(find(1.0, Known::default()).groups, [group(5, &[6])]);
        let sizes = [5, 7, 100, 9, 9, 2, 2];
        let known = Known {
            sizes: Some(&sizes),
            ..Known::default()
        };
        assert_eq!(
            find(0.99, known).groups,
            [group(3, &[0, 1, 4]), group(5, &[6])]
        );
    }

    #[test]
    fn blocks_find_what_all_pairs_give() {
        // More rows than a block, so that blocks meet themselves and each other.
        let (dim, rows) = (4, 4500);
        let values = noise(rows, dim, 3);
        let table = FeatureTable::from_f32(&values, dim).unwrap();
        let mut groups = Groups::new(rows);
        let limit = f64::from(0.999 - ROUNDING);
        for a in 0..rows {
            for b in a + 1..rows {
                if cosine(&values[a * dim..][..dim], &values[b * dim..][..dim]) >= limit {
                    groups.join(a as u32, b as u32);
                }
            }
        }
        let expected = FoundDuplicates::new(groups.groups(), rows, None);
        assert!(expected.groups.len() > 100);
        let find = || duplicates(0.999).find(&table, Known::default(), &unwatched);
        assert_eq!(on_threads(4, find).unwrap(), expected);
        assert_eq!(on_threads(1, find).unwrap(), expected);
    }

    #[test]
    fn within_clusters_the_copies_are_found_too() {
        let (mut values, _) = blobs(3000, 24, 12, 0.3, 1);
        // Every tenth row is followed by a near copy far away in the table.
        for row in (0..1000).step_by(10) {
            for channel in 0..24 {
                let wobble = 1.0 + 0.01 * (channel % 2) as f32;
                values[(row + 1500) * 24 + channel] = values[row * 24 + channel] * wobble;
            }
        }
        let table = FeatureTable::from_f32(&values, 24).unwrap();
        let all = duplicates(0.999);
        let exact = all.find(&table, Known::default(), &unwatched).unwrap();
        assert_eq!(exact.groups.len(), 100);
        let some = Duplicates {
            exact_rows: 100,
            ..all
        };
        assert_eq!(
            some.find(&table, Known::default(), &unwatched).unwrap(),
            exact
        );
        let kmeans = KMeans {
            clusters: 12,
            ..KMeans::default()
        };
        let found = kmeans.cluster(&table, &unwatched).unwrap();
        let level = Level {
            centroids: found.centroids,
            assignment: found.labels,
            distances: found.distances,
        };
        let known = Known {
            clusters: Some(&level),
            sizes: None,
        };
        assert_eq!(some.find(&table, known, &unwatched).unwrap(), exact);
    }

    #[test]
    fn settings_that_make_no_sense_are_errors() {
        let values = noise(10, 2, 1);
        let table = FeatureTable::from_f32(&values, 2).unwrap();
        for threshold in [f32::NAN, -1.0, 1.5] {
            let found = duplicates(threshold).find(&table, Known::default(), &unwatched);
            assert!(found.is_err(), "{threshold}");
        }
        let level = |labels: Vec<u32>| Level {
            centroids: vec![0.0; 4],
            distances: vec![0.0; labels.len()],
            assignment: labels,
        };
        let few = Duplicates {
            exact_rows: 5,
            ..duplicates(0.9)
        };
        for level in [level(vec![0; 9]), level(vec![2; 10])] {
            let known = Known {
                clusters: Some(&level),
                sizes: None,
            };
            assert!(few.find(&table, known, &unwatched).is_err());
        }
        let known = Known {
            clusters: None,
            sizes: Some(&[1; 3]),
        };
        assert!(few.find(&table, known, &unwatched).is_err());
    }
}
