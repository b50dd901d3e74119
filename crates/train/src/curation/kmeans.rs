//! Lloyd's k-means over a table of features, in blocks: the table need not fit the memory.
//!
//! Input: a table and a seed. Output: centroids and one label a row. With normalised rows squared Euclidean distances
//! order rows as cosines do. Training can take a part of the rows; then one pass labels all of them.
//! Source: Lloyd 1982, "Least Squares Quantization in PCM". Bounds on distances (Hamerly 2010) are left out: with
//! hundreds of features they rule out little, and products in blocks are faster than the rest one by one.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tracing::debug;

use super::assign::{Assigned, Sums, assign};
use super::error::{bad_setting, bad_shape};
use super::seeding::plus_plus;
use super::{CurationError, FeatureTable, Reporter, Stage, Watch};

/// Rows for each centroid among which the first centroids are drawn.
const SEED_ROWS: usize = 8;
/// Fewest rows among which the first centroids are drawn.
const LEAST_SEED_ROWS: usize = 10_000;

/// Settings of a clustering.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// How many clusters, from 1 to the number of rows that it is trained on.
    pub clusters: usize,
    /// Most rounds, at least 1; the first one labels rows by the drawn centroids.
    pub rounds: usize,
    /// The run ends when a round lowers the sum of squared distances by at most this part of it, at least 0.
    pub tolerance: f64,
    /// Trains on so many rows, drawn at random; all rows if nothing or if there are no more. They are held in memory.
    pub train_rows: Option<usize>,
    /// Seed of the random draws.
    pub seed: u64,
}

impl Default for KMeans {
    fn default() -> Self {
        Self {
            clusters: 1000,
            rounds: 20,
            tolerance: 1e-3,
            train_rows: None,
            seed: 0,
        }
    }
}

/// Clusters of the rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Clustering {
    /// Features of a centroid.
    pub dim: usize,
    /// `[k, dim]`; not of length one.
    pub centroids: Vec<f32>,
    /// `[rows]`: the nearest centroid of each row, the first of equals.
    pub labels: Vec<u32>,
    /// `[rows]`: the squared distance to it.
    pub distances: Vec<f32>,
    /// `[k]`: how many rows each centroid has. 0 can happen when there are few different rows.
    pub sizes: Vec<usize>,
    /// Sum of the squared distances.
    pub inertia: f64,
    /// Rounds of the training.
    pub rounds: usize,
}

/// Centroids, and what a pass with them found.
struct Run {
    centroids: Vec<f32>,
    found: Assigned,
    rounds: usize,
}

impl KMeans {
    /// Clusters the rows of a table.
    pub fn cluster(
        &self,
        table: &FeatureTable<'_>,
        watch: Watch<'_>,
    ) -> Result<Clustering, CurationError> {
        let train = self.train_rows.filter(|&train| train < table.rows());
        self.check(train.unwrap_or_else(|| table.rows()))?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let Some(train) = train else {
            let seeds = self.seeds(table, &mut rng, watch)?;
            return Ok(self.lloyd(table, seeds, watch)?.into_clustering());
        };
        let values = sample(table, train, &mut rng)?;
        let part = FeatureTable::from_f32(&values, table.dim())?;
        let seeds = self.seeds(&part, &mut rng, watch)?;
        let mut run = self.lloyd(&part, seeds, watch)?;
        let reporter = Reporter::new(watch, Stage::Assigning);
        let tell = |done| reporter.tell(done, table.rows());
        run.found = assign(table, &run.centroids, Sums::No, &tell)?;
        Ok(run.into_clustering())
    }

    /// Clusters all rows from the given first centroids `[clusters, dim]`; `train_rows` and `seed` are of no effect.
    pub fn cluster_from(
        &self,
        table: &FeatureTable<'_>,
        centroids: &[f32],
        watch: Watch<'_>,
    ) -> Result<Clustering, CurationError> {
        self.check(table.rows())?;
        if centroids.len() != self.clusters * table.dim()
            || centroids.iter().any(|value| !value.is_finite())
        {
            let expected = format!("{} finite rows of {}", self.clusters, table.dim());
            let found = format!("{} values", centroids.len());
            return Err(bad_shape("first centroids", expected, found));
        }
        Ok(self
            .lloyd(table, centroids.to_vec(), watch)?
            .into_clustering())
    }

    fn check(&self, rows: usize) -> Result<(), CurationError> {
        if self.clusters == 0 || self.clusters > rows {
            let found = format!("{} for {rows} rows", self.clusters);
            let expected = "from 1 to the number of rows to train on";
            return Err(bad_setting("clusters", expected, found));
        }
        if self.rounds == 0 {
            return Err(bad_setting("rounds", "at least 1", self.rounds));
        }
        if !self.tolerance.is_finite() || self.tolerance < 0.0 {
            let expected = "a number of at least 0";
            return Err(bad_setting("tolerance", expected, self.tolerance));
        }
        Ok(())
    }

    fn seeds(
        &self,
        table: &FeatureTable<'_>,
        rng: &mut ChaCha8Rng,
        watch: Watch<'_>,
    ) -> Result<Vec<f32>, CurationError> {
        let rows = self.clusters.saturating_mul(SEED_ROWS).max(LEAST_SEED_ROWS);
        let values = sample(table, rows.min(table.rows()), rng)?;
        let reporter = Reporter::new(watch, Stage::Seeding);
        plus_plus(&values, table.dim(), self.clusters, rng, reporter)
    }

    fn lloyd(
        &self,
        table: &FeatureTable<'_>,
        centroids: Vec<f32>,
        watch: Watch<'_>,
    ) -> Result<Run, CurationError> {
        let pass = |centroids: Vec<f32>, rounds: usize| -> Result<Run, CurationError> {
            let mut reporter = Reporter::new(watch, Stage::Clustering);
            reporter.round = rounds;
            let tell = |done| reporter.tell(done, table.rows());
            let found = assign(table, &centroids, Sums::Yes, &tell)?;
            debug!(rounds, inertia = found.inertia, "k-means");
            Ok(Run {
                centroids,
                found,
                rounds,
            })
        };
        let mut run = pass(centroids, 1)?;
        while run.rounds < self.rounds {
            let centroids = run.means(table)?;
            let next = pass(centroids, run.rounds + 1)?;
            let gain = run.found.inertia - next.found.inertia;
            // Rounding may make the last round a little worse: the better one stays.
            if gain > 0.0 {
                run = next;
            }
            if gain <= self.tolerance * run.found.inertia {
                break;
            }
        }
        Ok(run)
    }
}

impl Run {
    /// The means of the clusters; one without rows goes to the row that lies farthest from its centroid.
    fn means(&mut self, table: &FeatureTable<'_>) -> Result<Vec<f32>, CurationError> {
        self.reseed_empty(table)?;
        let dim = table.dim();
        let mut means = self.centroids.clone();
        let sums = self.found.sums.chunks_exact(dim);
        let rows = means.chunks_exact_mut(dim).zip(sums);
        for ((mean, sums), &count) in rows.zip(&self.found.counts) {
            if count == 0 {
                continue;
            }
            for (mean, (sum, middle)) in mean.iter_mut().zip(sums.iter().zip(&self.found.middle)) {
                *mean = (f64::from(*middle) + sum / count as f64) as f32;
            }
        }
        Ok(means)
    }

    /// Gives each centroid without rows the farthest row that its cluster can spare; of equals the first one goes.
    fn reseed_empty(&mut self, table: &FeatureTable<'_>) -> Result<(), CurationError> {
        let found = &mut self.found;
        let empty: Vec<usize> = (0..found.counts.len())
            .filter(|&label| found.counts[label] == 0)
            .collect();
        if empty.is_empty() {
            return Ok(());
        }
        let distances = &found.distances;
        let away = |&row: &u32| distances[row as usize];
        let mut far: Vec<u32> = (0..table.rows() as u32)
            .filter(|row| away(row) > 0.0)
            .collect();
        far.sort_unstable_by(|a, b| away(b).total_cmp(&away(a)).then(a.cmp(b)));
        let mut far = far.into_iter();
        let dim = table.dim();
        let mut values = vec![0.0; dim];
        for label in empty {
            let own = |row: u32| found.labels[row as usize] as usize;
            let Some(row) = far.find(|&row| found.counts[own(row)] > 1) else {
                break;
            };
            let old = own(row);
            table.gather(&[row], &mut values)?;
            for (channel, (value, middle)) in values.iter().zip(&found.middle).enumerate() {
                let value = f64::from(value - middle);
                found.sums[old * dim + channel] -= value;
                found.sums[label * dim + channel] = value;
            }
            (found.counts[old], found.counts[label]) = (found.counts[old] - 1, 1);
        }
        Ok(())
    }

    fn into_clustering(self) -> Clustering {
        let mut sizes = vec![0; self.found.counts.len()];
        // Counted again: a reseeding before a round that was worse has changed the counts.
        for &label in &self.found.labels {
            sizes[label as usize] += 1;
        }
        Clustering {
            dim: self.found.middle.len(),
            centroids: self.centroids,
            labels: self.found.labels,
            distances: self.found.distances,
            sizes,
            inertia: self.found.inertia,
            rounds: self.rounds,
        }
    }
}

/// Rows drawn at random, in the order of the table, `[count, dim]`.
fn sample(
    table: &FeatureTable<'_>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<f32>, CurationError> {
    let mut numbers: Vec<u32> = index::sample(rng, table.rows(), count)
        .into_iter()
        .map(|row| row as u32)
        .collect();
    numbers.sort_unstable();
    let mut values = vec![0.0; count * table.dim()];
    table.gather(&numbers, &mut values)?;
    Ok(values)
}

#[cfg(test)]
mod tests;
