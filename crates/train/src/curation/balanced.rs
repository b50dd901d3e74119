//! Balanced sampling from a hierarchy: as many pictures of each concept as its size allows.
//!
//! Input: a hierarchy and a number of pictures. Output: numbers of rows, ascending. From the top down each cluster's
//! share is water-filled over its members; within a cluster of the first level rows are drawn or the nearest are taken.
//! Source: Vo et al. 2024, section on balanced sampling from hierarchical clusters.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::error::bad_shape;
use super::water::shares;
use super::{CurationError, Hierarchy};

/// Which rows of a cluster of the first level are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// Any, at random.
    #[default]
    Random,
    /// Those nearest to the centroid.
    Nearest,
}

/// Settings of a balanced sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// How many pictures; all if there are fewer.
    pub count: usize,
    /// Which rows of a cluster.
    #[serde(default)]
    pub within: Within,
    /// Seed of the random draws.
    #[serde(default)]
    pub seed: u64,
}

impl Balance {
    /// Chooses rows among those that `among` `[rows]` allows, or among all; ascending, each at most once.
    pub fn sample(
        &self,
        hierarchy: &Hierarchy,
        among: Option<&[bool]>,
    ) -> Result<Vec<u32>, CurationError> {
        let rows = hierarchy.rows();
        if let Some(among) = among.filter(|among| among.len() != rows) {
            let (expected, found) = (format!("{rows} rows"), among.len());
            return Err(bad_shape("rows to choose among", expected, found));
        }
        let is_allowed = |row: u32| among.is_none_or(|among| among[row as usize]);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let sizes = hierarchy.sizes(is_allowed);
        let mut top = sizes.len() - 1;
        let mut wanted = shares(&sizes[top], self.count, &mut rng);
        while top > 0 {
            let members = hierarchy.levels[top].members(wanted.len());
            let below = &sizes[top - 1];
            let mut next = vec![0; below.len()];
            for (cluster, &share) in wanted.iter().enumerate() {
                let members = members.of(cluster);
                let own: Vec<usize> = members.iter().map(|&at| below[at as usize]).collect();
                for (&at, share) in members.iter().zip(shares(&own, share, &mut rng)) {
                    next[at as usize] = share;
                }
            }
            (wanted, top) = (next, top - 1);
        }
        let mut chosen = self.leaves(hierarchy, &wanted, is_allowed, &mut rng);
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// Takes `wanted` `[k]` rows of each cluster of the first level.
    fn leaves(
        &self,
        hierarchy: &Hierarchy,
        wanted: &[usize],
        is_allowed: impl Fn(u32) -> bool,
        rng: &mut ChaCha8Rng,
    ) -> Vec<u32> {
        let level = &hierarchy.levels[0];
        let members = level.members(wanted.len());
        let mut chosen = Vec::with_capacity(wanted.iter().sum());
        for (cluster, &share) in wanted.iter().enumerate() {
            let of_cluster = members.of(cluster).iter().copied();
            let mut rows: Vec<u32> = of_cluster.filter(|&row| is_allowed(row)).collect();
            match self.within {
                Within::Random => {
                    let drawn = index::sample(rng, rows.len(), share);
                    chosen.extend(drawn.into_iter().map(|at| rows[at]));
                }
                Within::Nearest => {
                    level.sort_by_distance(&mut rows);
                    chosen.extend(&rows[..share]);
                }
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::curation::Level;

    /// A hierarchy of one feature with these assignments; distances fall with the number.
    fn hierarchy(assignments: &[Vec<u32>]) -> Hierarchy {
        let level = |assignment: &Vec<u32>| {
            let clusters = assignment.iter().max().unwrap() + 1;
            Level {
                centroids: vec![0.0; clusters as usize],
                assignment: assignment.clone(),
                distances: (0..assignment.len()).rev().map(|at| at as f32).collect(),
            }
        };
        Hierarchy {
            dim: 1,
            levels: assignments.iter().map(level).collect(),
        }
    }

    fn balance(count: usize) -> Balance {
        Balance {
            count,
            within: Within::Random,
            seed: 3,
        }
    }

    #[test]
    fn a_rare_concept_is_taken_whole_and_the_frequent_ones_alike() {
        // Clusters of 80, 10, 6 and 4 rows; the first two are one concept.
        let rows: Vec<u32> = [(0, 80), (1, 10), (2, 6), (3, 4)]
            .iter()
            .flat_map(|&(label, count)| vec![label; count])
            .collect();
        let hierarchy = hierarchy(&[rows.clone(), vec![0, 0, 1, 1]]);
        let chosen = balance(40).sample(&hierarchy, None).unwrap();
        let mut counts = [0; 4];
        for row in chosen {
            counts[rows[row as usize] as usize] += 1;
        }
        // The second concept has 10 rows and gives all; the first gives 30: its small cluster whole.
        assert_eq!(counts, [20, 10, 6, 4]);
    }

    #[test]
    fn the_nearest_of_a_cluster_are_taken_when_asked() {
        let hierarchy = hierarchy(&[vec![0, 0, 0, 1, 1]]);
        let nearest = Balance {
            within: Within::Nearest,
            ..balance(3)
        };
        let chosen = nearest.sample(&hierarchy, None).unwrap();
        assert!(chosen == [1, 2, 4] || chosen == [2, 3, 4], "{chosen:?}");
        let some = [true, true, false, true, false];
        assert_eq!(nearest.sample(&hierarchy, Some(&some)).unwrap(), [0, 1, 3]);
        assert!(nearest.sample(&hierarchy, Some(&[true])).is_err());
    }

    proptest! {
        #[test]
        fn samples_have_the_size_asked_for_and_are_the_same_for_a_seed(
            rows in prop::collection::vec((0_u32..12, any::<bool>()), 12..200),
            parents in prop::collection::vec(0_u32..4, 12), count in 0_usize..250, seed: u64,
        ) {
            let mut labels: Vec<u32> = rows.iter().map(|row| row.0).collect();
            // All clusters exist.
            labels.splice(..12, 0..12);
            let among: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let hierarchy = hierarchy(&[labels, parents]);
            let balance = Balance { seed, ..balance(count) };
            let chosen = balance.sample(&hierarchy, Some(&among)).unwrap();
            let allowed = among.iter().filter(|&&allowed| allowed).count();
            prop_assert_eq!(chosen.len(), count.min(allowed));
            prop_assert!(chosen.is_sorted_by(|a, b| a < b));
            prop_assert!(chosen.iter().all(|&row| among[row as usize]));
            prop_assert_eq!(balance.sample(&hierarchy, Some(&among)).unwrap(), chosen);
        }
    }
}
