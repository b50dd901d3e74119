//! Retrieval: the pictures of a pool that are nearest to some chosen ones.
//!
//! Input: a pool and seeds, of the pool or of another table. Output: the nearest rows of each seed and their union,
//! without the seeds. Exact, by cosine. Source: DINOv2 paper, section on data processing (each picture of a curated set
//! retrieves its nearest neighbors); `spec/02`, section 10.

use serde::{Deserialize, Serialize};

use super::error::{bad_setting, bad_shape};
use super::search::Search;
use super::{CurationError, FeatureTable, Neighbor, Reporter, Stage, Watch};

/// Most neighbors of a seed: bounds the memory of the heaps.
const MAX_NEIGHBORS: usize = 65_536;

/// Settings of a retrieval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retrieval {
    /// Nearest rows that are looked at for each seed, 1 to 65 536.
    pub neighbors: usize,
    /// Most rows that a seed brings into the union; one that another seed brought does not count.
    pub most_per_seed: Option<usize>,
    /// Least cosine similarity of a neighbor, −1 to 1.
    pub least_similarity: f32,
}

impl Default for Retrieval {
    fn default() -> Self {
        Self {
            neighbors: 4,
            most_per_seed: None,
            least_similarity: -1.0,
        }
    }
}

/// What a retrieval found.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieved {
    /// For each seed its nearest rows, the most similar first.
    pub nearest: Vec<Vec<Neighbor>>,
    /// All rows that were found, each once: the nearest of each seed, then the second nearest, and so on.
    pub rows: Vec<u32>,
}

impl Retrieval {
    /// Finds the rows nearest to the rows `seeds` of the same table; no seed is found.
    pub fn from_rows(
        &self,
        pool: &FeatureTable<'_>,
        seeds: &[u32],
        watch: Watch<'_>,
    ) -> Result<Retrieved, CurationError> {
        let rows = pool.rows();
        let mut is_seed = vec![false; rows];
        for &seed in seeds {
            let Some(is_seed) = is_seed.get_mut(seed as usize) else {
                let expected = format!("numbers below {rows}");
                return Err(bad_shape("seeds", expected, seed));
            };
            *is_seed = true;
        }
        let mut queries = vec![0.0; seeds.len() * pool.dim()];
        pool.gather_as(seeds, true, &mut queries)?;
        self.search(pool, &queries, &|_, row| is_seed[row as usize], watch)
    }

    /// Finds the rows of the pool nearest to the rows of another table.
    pub fn from_table(
        &self,
        pool: &FeatureTable<'_>,
        seeds: &FeatureTable<'_>,
        watch: Watch<'_>,
    ) -> Result<Retrieved, CurationError> {
        if seeds.dim() != pool.dim() {
            let expected = format!("{}, as in the pool", pool.dim());
            return Err(bad_shape("features of a seed", expected, seeds.dim()));
        }
        let mut queries = vec![0.0; seeds.rows() * seeds.dim()];
        seeds.read_as(0..seeds.rows(), true, &mut queries)?;
        self.search(pool, &queries, &|_, _| false, watch)
    }

    fn search(
        &self,
        pool: &FeatureTable<'_>,
        queries: &[f32],
        is_unwanted: &(dyn Fn(usize, u32) -> bool + Sync),
        watch: Watch<'_>,
    ) -> Result<Retrieved, CurationError> {
        if !(1..=MAX_NEIGHBORS).contains(&self.neighbors) {
            return Err(bad_setting("neighbors", "1 to 65 536", self.neighbors));
        }
        if !(-1.0..=1.0).contains(&self.least_similarity) {
            let found = self.least_similarity;
            return Err(bad_setting("least_similarity", "-1 to 1", found));
        }
        let search = Search {
            pool,
            queries,
            neighbors: self.neighbors,
            // Opposite rows have −1 but for rounding; without a limit they are found.
            least: if self.least_similarity > -1.0 {
                self.least_similarity
            } else {
                f32::MIN
            },
            is_unwanted,
        };
        let nearest = search.run(Reporter::new(watch, Stage::Searching))?;
        let rows = self.union(&nearest, pool.rows());
        Ok(Retrieved { nearest, rows })
    }

    /// All rows of the lists, rank by rank.
    fn union(&self, nearest: &[Vec<Neighbor>], rows: usize) -> Vec<u32> {
        let mut is_taken = vec![false; rows];
        let mut left = vec![self.most_per_seed.unwrap_or(usize::MAX); nearest.len()];
        let mut union = Vec::new();
        for rank in 0..self.neighbors {
            for (list, left) in nearest.iter().zip(&mut left) {
                let Some(neighbor) = list.get(rank) else {
                    continue;
                };
                let is_taken = &mut is_taken[neighbor.row as usize];
                if *left > 0 && !*is_taken {
                    (*left, *is_taken) = (*left - 1, true);
                    union.push(neighbor.row);
                }
            }
        }
        union
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::curation::fixtures::{cosine, noise, on_threads};
    use crate::curation::unwatched;

    fn retrieval(neighbors: usize) -> Retrieval {
        Retrieval {
            neighbors,
            ..Retrieval::default()
        }
    }

    proptest! {
        #[test]
        fn neighbors_are_those_of_a_search_of_all_pairs(
            rows in 1_usize..300, dim in 2_usize..20, count in 0_usize..20, neighbors in 1_usize..12, seed in 0_u64..1000,
        ) {
            let values = noise(rows, dim, seed);
            let pool = FeatureTable::from_f32(&values, dim).unwrap();
            let seeds: Vec<u32> = (0..count).map(|at| (at * 7 % rows) as u32).collect();
            let found = retrieval(neighbors).from_rows(&pool, &seeds, &unwatched).unwrap();
            let row = |at: u32| &values[at as usize * dim..][..dim];
            for (&query, list) in seeds.iter().zip(&found.nearest) {
                let mut all: Vec<f64> = (0..rows as u32)
                    .filter(|at| !seeds.contains(at))
                    .map(|at| cosine(row(query), row(at)))
                    .collect();
                all.sort_by(|a, b| b.total_cmp(a));
                prop_assert_eq!(list.len(), neighbors.min(all.len()));
                for (neighbor, expected) in list.iter().zip(all) {
                    prop_assert!(!seeds.contains(&neighbor.row));
                    prop_assert!((f64::from(neighbor.similarity) - expected).abs() < 1e-5);
                    prop_assert!((cosine(row(query), row(neighbor.row)) - expected).abs() < 1e-5);
                }
            }
            let mut union: Vec<u32> = found.nearest.iter().flatten().map(|it| it.row).collect();
            union.sort_unstable();
            union.dedup();
            let mut rows = found.rows.clone();
            rows.sort_unstable();
            prop_assert_eq!(rows, union);
        }
    }

    #[test]
    fn blocks_and_threads_change_nothing() {
        let (values, seeds) = (noise(40_000, 6, 1), noise(70, 6, 2));
        let run = |threads| {
            on_threads(threads, || {
                let pool = FeatureTable::from_f32(&values, 6).unwrap();
                let seeds = FeatureTable::from_f32(&seeds, 6).unwrap();
                retrieval(9).from_table(&pool, &seeds, &unwatched).unwrap()
            })
        };
        let found = run(1);
        assert_eq!(found, run(4));
        let best = |seed: &[f32]| {
            let all = values.chunks(6).map(|row| cosine(seed, row));
            all.fold(f64::NEG_INFINITY, f64::max)
        };
        for (seed, list) in seeds.chunks(6).zip(&found.nearest) {
            assert!((f64::from(list[0].similarity) - best(seed)).abs() < 1e-6);
        }
    }

    #[test]
    fn each_seed_brings_at_most_its_share_and_goes_on_where_another_was_first() {
        // Two equal seeds, then rows that are ever less like them.
        let values: Vec<f32> = [0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 2.0]
            .iter()
            .flat_map(|angle: &f32| [angle.cos(), angle.sin()])
            .collect();
        let pool = FeatureTable::from_f32(&values, 2).unwrap();
        let capped = Retrieval {
            most_per_seed: Some(1),
            ..retrieval(4)
        };
        let found = capped.from_rows(&pool, &[0, 1], &unwatched).unwrap();
        assert_eq!(found.rows, [2, 3]);
        let near = Retrieval {
            least_similarity: 0.98,
            ..retrieval(4)
        };
        let found = near.from_rows(&pool, &[0, 1], &unwatched).unwrap();
        assert_eq!(found.rows, [2, 3]);
        assert_eq!(found.nearest[0], found.nearest[1]);
    }

    #[test]
    fn settings_that_make_no_sense_are_errors() {
        let values = noise(10, 2, 1);
        let pool = FeatureTable::from_f32(&values, 2).unwrap();
        let seeds = FeatureTable::from_f32(&values, 5).unwrap();
        assert!(retrieval(0).from_rows(&pool, &[1], &unwatched).is_err());
        assert!(retrieval(1).from_rows(&pool, &[10], &unwatched).is_err());
        assert!(retrieval(1).from_table(&pool, &seeds, &unwatched).is_err());
        let undefined = Retrieval {
            least_similarity: f32::NAN,
            ..retrieval(1)
        };
        assert!(undefined.from_rows(&pool, &[1], &unwatched).is_err());
    }
}
