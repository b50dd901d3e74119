//! First centroids for k-means: far apart, yet drawn from the rows.
//!
//! Input: rows in memory and a seeded generator. Output: `[k, dim]` centroids, distributed as k-means++ has them: each
//! new one is drawn in proportion to its squared distance to the nearest earlier one. Distances are brought up to date
//! only after every eighth part of new centroids, by one matrix product; in between, a draw by the older distances is
//! accepted with the ratio of its newer to its older distance, which gives the same distribution.
//! Source: Arthur and Vassilvitskii 2007, "k-means++: The Advantages of Careful Seeding"; rejection sampling.

use rand::RngExt;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::assign::{Sums, assign};
use super::{CurationError, FeatureTable, Reporter};

/// Centroids that are drawn between two products: this part of those that there are.
const PART: usize = 8;
/// Draws for each wanted centroid before distances are brought up to date.
const TRIES: usize = 4;

/// `k` centroids `[k, dim]` among `rows` `[rows, dim]`; there are at least `k` rows.
pub(super) fn plus_plus(
    rows: &[f32],
    dim: usize,
    k: usize,
    rng: &mut ChaCha8Rng,
    reporter: Reporter<'_>,
) -> Result<Vec<f32>, CurationError> {
    let table = FeatureTable::from_f32(rows, dim)?;
    let row = |at: usize| &rows[at * dim..][..dim];
    let mut seeds = vec![rng.random_range(0..table.rows())];
    let mut away = vec![f32::INFINITY; table.rows()];
    let mut known = 0;
    while seeds.len() < k {
        let fresh: Vec<f32> = seeds[known..]
            .iter()
            .flat_map(|&at| row(at))
            .copied()
            .collect();
        let tell = |_| reporter.tell(seeds.len(), k);
        let found = assign(&table, &fresh, Sums::No, &tell)?;
        for (away, distance) in away.iter_mut().zip(found.distances) {
            *away = away.min(distance);
        }
        for &seed in &seeds[known..] {
            away[seed] = 0.0;
        }
        known = seeds.len();
        let wanted = (known / PART).max(1).min(k - known);
        let Some(draw) = Draw::new(&away) else {
            // All rows are centroids or equal to one: any row is as good.
            seeds.extend(index::sample(rng, table.rows(), k - known));
            break;
        };
        for _ in 0..TRIES * wanted {
            if seeds.len() == known + wanted {
                break;
            }
            let at = draw.one(rng);
            let older = f64::from(away[at]);
            let distances = seeds[known..]
                .iter()
                .map(|&seed| distance(row(seed), row(at)));
            let newer = distances.fold(older, f64::min);
            if rng.random::<f64>() * older < newer {
                seeds.push(at);
            }
        }
    }
    reporter.tell(k, k)?;
    Ok(seeds.iter().flat_map(|&at| row(at)).copied().collect())
}

/// Draws numbers in proportion to weights.
struct Draw {
    /// Running sums.
    sums: Vec<f64>,
}

impl Draw {
    /// Nothing if all weights are 0.
    fn new(weights: &[f32]) -> Option<Self> {
        let mut sum = 0.0;
        let add = |&weight: &f32| {
            sum += f64::from(weight);
            sum
        };
        let sums: Vec<f64> = weights.iter().map(add).collect();
        (sum > 0.0).then_some(Self { sums })
    }

    fn one(&self, rng: &mut ChaCha8Rng) -> usize {
        let last = self.sums.len() - 1;
        let part = rng.random::<f64>() * self.sums[last];
        self.sums.partition_point(|&sum| sum <= part).min(last)
    }
}

/// Squared Euclidean distance of two rows.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0_f32; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (a - b) * (a - b);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b));
    sums.into_iter().chain(rest).map(f64::from).sum()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::curation::{Stage, unwatched};

    fn seeds(rows: &[f32], dim: usize, k: usize, seed: u64) -> Vec<f32> {
        let reporter = Reporter::new(&unwatched, Stage::Seeding);
        plus_plus(rows, dim, k, &mut ChaCha8Rng::seed_from_u64(seed), reporter).unwrap()
    }

    #[test]
    fn distant_groups_get_one_centroid_each() {
        // 50 groups of three rows, a hundred apart: batches of several seeds must not meet in one group.
        let rows: Vec<f32> = (0..150)
            .flat_map(|i| [(i % 50) as f32 * 100.0, (i / 50) as f32 * 1e-3])
            .collect();
        for seed in 0..20 {
            let mut groups: Vec<f32> = seeds(&rows, 2, 50, seed)
                .chunks(2)
                .map(|row| row[0])
                .collect();
            groups.sort_by(f32::total_cmp);
            let expected: Vec<f32> = (0..50).map(|group| group as f32 * 100.0).collect();
            assert_eq!(groups, expected, "seed {seed}");
        }
    }

    #[test]
    fn equal_rows_still_give_as_many_centroids_as_asked() {
        assert_eq!(seeds(&[2.0; 12], 2, 5, 1), [2.0; 10]);
    }

    #[test]
    fn draws_follow_the_weights() {
        let draw = Draw::new(&[0.0, 1.0, 0.0, 3.0, 0.0]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut counts = [0; 5];
        for _ in 0..4000 {
            counts[draw.one(&mut rng)] += 1;
        }
        assert_eq!([counts[0], counts[2], counts[4]], [0; 3]);
        // Four standard deviations of a binomial with p = 1/4.
        assert!((counts[1] - 1000_i32).abs() < 110, "{counts:?}");
        assert!(Draw::new(&[0.0; 3]).is_none());
    }
}
