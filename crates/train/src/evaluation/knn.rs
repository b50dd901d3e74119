//! Classes of the nearest neighbors, weighted by how near they are.
//!
//! Input: features and labels to look up, features to classify. Output: accuracies for several numbers of neighbors.
//! Exact: every pair is compared, in blocks, and no matrix of all pairs is kept. Source: `spec/05`, section 10.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::ensure;
use super::product::products;
use super::{Confusion, EvaluationError, Labeled, Rows};

/// Rows to classify that one task takes.
const QUERIES: usize = 32;
/// Known rows that are compared at a time.
const KNOWN: usize = 256;
/// Smallest length that a row is divided by.
const EPS: f32 = 1e-12;

/// What can be chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnnSettings {
    /// Numbers of neighbors to try; beyond the known rows all of those are taken.
    pub neighbors: Vec<usize>,
    /// A neighbor of cosine `c` has the weight `exp(c / temperature)`.
    pub temperature: f64,
}

impl Default for KnnSettings {
    fn default() -> Self {
        Self {
            neighbors: vec![10, 20, 100, 200],
            temperature: 0.07,
        }
    }
}

/// Scores of all numbers of neighbors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnnReport {
    /// Rows that were looked up.
    pub known: usize,
    /// Rows that were classified.
    pub rows: usize,
    /// One for each number of neighbors, in the order of the settings.
    pub results: Vec<KnnResult>,
}

/// Scores of one number of neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnnResult {
    /// The number of neighbors.
    pub neighbors: usize,
    /// Part of the rows that are right, 0 to 1.
    pub accuracy: f64,
    /// Mean of that part over classes, 0 to 1.
    pub mean_class_accuracy: f64,
}

impl KnnReport {
    /// The result with the best accuracy; the first of equals.
    ///
    /// # Panics
    /// If the report was made by hand, without results.
    pub fn best(&self) -> KnnResult {
        let mut best = self.results[0];
        for result in &self.results {
            if result.accuracy > best.accuracy {
                best = *result;
            }
        }
        best
    }
}

/// Classifies the rows of `test` by their neighbors in `train` and counts what is right.
///
/// A class of `test` that `train` does not have is never found. `train` must have two classes.
pub fn knn(
    train: Labeled<'_>,
    test: Labeled<'_>,
    settings: &KnnSettings,
) -> Result<KnnReport, EvaluationError> {
    let found = knn_predict(train, test.rows(), settings)?;
    let results = settings.neighbors.iter().zip(found);
    let results = results.map(|(&neighbors, found)| {
        let scores = Confusion::of(test.labels(), &found).scores();
        KnnResult {
            neighbors,
            accuracy: scores.accuracy,
            mean_class_accuracy: scores.mean_class_accuracy,
        }
    });
    Ok(KnnReport {
        known: train.labels().len(),
        rows: test.labels().len(),
        results: results.collect(),
    })
}

/// The class of each row of `queries`, for each number of neighbors: `[settings.neighbors][rows]`.
///
/// Each of the nearest votes for its class with `exp(cosine / temperature)`; of equal sums the smaller class is taken,
/// of equally near neighbors the first.
pub fn knn_predict(
    train: Labeled<'_>,
    queries: Rows<'_>,
    settings: &KnnSettings,
) -> Result<Vec<Vec<u32>>, EvaluationError> {
    let counts = &settings.neighbors;
    let fine = !counts.is_empty() && !counts.contains(&0);
    ensure(fine, "neighbors", "numbers of at least 1", counts)?;
    let temperature = settings.temperature;
    let fine = temperature.is_finite() && temperature > 0.0;
    ensure(fine, "temperature", "a number above 0", &temperature)?;
    train.two_classes()?;
    train.rows().same_channels("rows to classify", &queries)?;
    let dim = queries.dim();
    let known = unit_rows(train.rows());
    let queries = unit_rows(queries);
    let most = counts.iter().copied().max().unwrap_or(1);
    let search = Search {
        known: &known,
        dim,
        most: most.min(train.labels().len()),
    };
    let tasks: Vec<Vec<Vec<u32>>> = queries
        .par_chunks(QUERIES * dim)
        .map(|queries| {
            let vote = |nearest: Vec<Near>| -> Vec<u32> {
                let of = |&count: &usize| vote(&nearest, count, train, temperature);
                counts.iter().map(of).collect()
            };
            search.nearest(queries).into_iter().map(vote).collect()
        })
        .collect();
    let rows: Vec<Vec<u32>> = tasks.into_iter().flatten().collect();
    let of = |at: usize| rows.iter().map(|row| row[at]).collect();
    Ok((0..counts.len()).map(of).collect())
}

/// A neighbor.
#[derive(Clone, Copy, Debug)]
struct Near {
    cosine: f32,
    row: usize,
}

struct Search<'a> {
    /// Unit rows `[known, dim]`.
    known: &'a [f32],
    dim: usize,
    /// Neighbors of a query.
    most: usize,
}

impl Search<'_> {
    /// The nearest known rows of each query, nearest first. `queries`: unit rows `[queries, dim]`.
    fn nearest(&self, queries: &[f32]) -> Vec<Vec<Near>> {
        let count = queries.len() / self.dim;
        let mut nearest = vec![Vec::with_capacity(self.most + 1); count];
        let mut cosines = vec![0.0; count * KNOWN];
        for (block, known) in self.known.chunks(KNOWN * self.dim).enumerate() {
            let width = known.len() / self.dim;
            let cosines = &mut cosines[..count * width];
            products(queries, known, self.dim, cosines);
            for (nearest, cosines) in nearest.iter_mut().zip(cosines.chunks_exact(width)) {
                for (at, &cosine) in cosines.iter().enumerate() {
                    let row = block * KNOWN + at;
                    self.insert(nearest, Near { cosine, row });
                }
            }
        }
        nearest
    }

    fn insert(&self, nearest: &mut Vec<Near>, new: Near) {
        if nearest.len() == self.most {
            if nearest[self.most - 1].cosine >= new.cosine {
                return;
            }
            nearest.pop();
        }
        let at = nearest.partition_point(|near| near.cosine >= new.cosine);
        nearest.insert(at, new);
    }
}

/// The class with the largest sum of weights among the first `count` neighbors.
fn vote(nearest: &[Near], count: usize, train: Labeled<'_>, temperature: f64) -> u32 {
    let near_ones = &nearest[..count.min(nearest.len())];
    let mut votes: Vec<(u32, f64)> = Vec::new();
    for near in near_ones {
        // Against the nearest: the sums keep their order and do not overflow.
        let away = f64::from(near.cosine - nearest[0].cosine);
        let weight = (away / temperature).exp();
        let class = train.labels()[near.row];
        match votes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, sum)) => *sum += weight,
            None => votes.push((class, weight)),
        }
    }
    votes.sort_by_key(|(class, _)| *class);
    let mut best = votes[0];
    for vote in votes {
        if vote.1 > best.1 {
            best = vote;
        }
    }
    best.0
}

/// The rows divided by their lengths; a zero row stays zero.
fn unit_rows(rows: Rows<'_>) -> Vec<f32> {
    let mut out = rows.values().to_vec();
    out.par_chunks_exact_mut(rows.dim()).for_each(|row| {
        let square: f64 = row.iter().map(|&value| f64::from(value).powi(2)).sum();
        let scale = 1.0 / (square.sqrt() as f32).max(EPS);
        for value in row.iter_mut() {
            *value *= scale;
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::super::logistic::tests::blobs;
    use super::*;

    fn settings(neighbors: &[usize]) -> KnnSettings {
        KnnSettings {
            neighbors: neighbors.to_vec(),
            ..KnnSettings::default()
        }
    }

    /// Without the strong channel of the blobs, which no cosine survives.
    fn narrow(values: &[f32]) -> Vec<f32> {
        values
            .chunks_exact(6)
            .flat_map(|row| row[..3].to_vec())
            .collect()
    }

    #[test]
    fn separate_blobs_are_told_apart() {
        let (train, train_labels) = blobs(600, 0.3, 1);
        let (test, test_labels) = blobs(100, 0.3, 2);
        let (train, test) = (narrow(&train), narrow(&test));
        let train = Labeled::new("train", &train, 3, &train_labels).unwrap();
        let test = Labeled::new("test", &test, 3, &test_labels).unwrap();
        let report = knn(train, test, &KnnSettings::default()).unwrap();
        assert_eq!((report.known, report.rows), (600, 100));
        assert_eq!(report.results.len(), 4);
        assert!(report.best().accuracy > 0.98, "{report:?}");
        assert!(
            serde_json::to_string(&report)
                .unwrap()
                .contains("\"neighbors\":10")
        );
    }

    #[test]
    fn votes_are_weighted_as_worked_out_by_hand() {
        // Cosines 1, 0.8 and 0.8: two far neighbors against a near one.
        let known = [1.0, 0.0, 0.8, 0.6, 0.8, -0.6];
        let train = Labeled::new("train", &known, 2, &[0, 1, 1]).unwrap();
        let query = Rows::new("query", &[2.0, 0.0], 2).unwrap();
        let with = |temperature| {
            let settings = KnnSettings {
                neighbors: vec![1, 3, 99],
                temperature,
            };
            knn_predict(train, query, &settings).unwrap()
        };
        // exp(−0.2 / 0.07) · 2 = 0.11 and exp(−0.2 / 1) · 2 = 1.64 against 1.
        assert_eq!(with(0.07), [[0], [0], [0]]);
        assert_eq!(with(1.0), [[0], [1], [1]]);
    }

    #[test]
    fn the_blocks_give_what_one_sorted_list_gives() {
        let count = 2 * KNOWN + 77;
        let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 7) as f32 / 3e7 - 0.5;
        let known: Vec<f32> = (0..count * 5).map(value).collect();
        let labels: Vec<u32> = (0..count as u32).map(|i| i % 2).collect();
        let train = Labeled::new("train", &known, 5, &labels).unwrap();
        let units = unit_rows(train.rows());
        let search = Search {
            known: &units,
            dim: 5,
            most: 40,
        };
        let query = &units[35..40];
        let found = search.nearest(query).remove(0);
        let mut all: Vec<(f32, usize)> = units
            .chunks_exact(5)
            .enumerate()
            .map(|(row, other)| {
                let mut cosine = [0.0];
                products(query, other, 5, &mut cosine);
                (cosine[0], row)
            })
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let found: Vec<_> = found.iter().map(|near| (near.cosine, near.row)).collect();
        assert_eq!(found, all[..40]);
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let (values, labels) = blobs(500, 1.0, 5);
        let values = narrow(&values);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                let all = Labeled::new("rows", &values, 3, &labels).unwrap();
                knn_predict(all, all.rows(), &settings(&[3, 50])).unwrap()
            })
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn degenerate_input_is_an_error() {
        let one = Labeled::new("train", &[1.0, 2.0], 1, &[0, 0]).unwrap();
        let two = Labeled::new("train", &[1.0, 2.0], 1, &[0, 7]).unwrap();
        let row = Labeled::new("test", &[1.0], 1, &[9]).unwrap();
        let wide = Labeled::new("test", &[1.0, 1.0], 2, &[0]).unwrap();
        let plain = KnnSettings::default();
        assert!(knn(one, row, &plain).is_err());
        assert!(knn(row, row, &plain).is_err());
        assert!(knn(two, wide, &plain).is_err());
        assert!(knn(two, row, &settings(&[])).is_err());
        assert!(knn(two, row, &settings(&[0])).is_err());
        let cold = KnnSettings {
            temperature: 0.0,
            ..plain.clone()
        };
        assert!(knn(two, row, &cold).is_err());
        // A class that nobody knows is wrong, not an error.
        let report = knn(two, row, &plain).unwrap();
        assert!(report.best().accuracy.abs() < 1e-12);
    }
}
