//! First centroids for k-means: far apart, yet drawn from the patches.
//!
//! Input: the patches of one or several maps and a seeded generator. Output: `[k, dim]` centroids. Greedy k-means++: each new
//! one is the best of a few patches drawn in proportion to their squared distance to the nearest earlier one.
//! Source: Arthur and Vassilvitskii 2007, "k-means++: The Advantages of Careful Seeding" (with its section 6).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::assignment::squared_distances;
use crate::feature_map::FeatureMap;

/// `k` centroids `[k, dim]` among all patches of `maps` (not empty, all of one `dim`).
pub(super) fn plus_plus(maps: &[FeatureMap], k: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let dim = maps[0].dim();
    let total: usize = maps.iter().map(FeatureMap::patches).sum();
    // As many as scikit-learn draws.
    let trials = 2 + whole((k as f64).ln());
    let first = whole(uniform(rng) * total as f64).min(total - 1);
    let mut centroids = patch(maps, first).to_vec();
    let mut away = distances(maps, &centroids);
    for _ in 1..k {
        let drawn: Vec<f32> = (0..trials)
            .flat_map(|_| patch(maps, draw(&away, uniform(rng))))
            .copied()
            .collect();
        let candidates = distances(maps, &drawn);
        let nearer = |trial: usize| -> Vec<f32> {
            let lines = candidates.chunks_exact(trials).zip(&away);
            lines.map(|(line, &old)| old.min(line[trial])).collect()
        };
        let cost = |away: &[f32]| away.iter().map(|&value| f64::from(value)).sum::<f64>();
        let (mut best, mut best_away) = (0, nearer(0));
        for trial in 1..trials {
            let trial_away = nearer(trial);
            if cost(&trial_away) < cost(&best_away) {
                (best, best_away) = (trial, trial_away);
            }
        }
        centroids.extend(&drawn[best * dim..][..dim]);
        away = best_away;
    }
    centroids
}

/// The patch with the number `index` over all maps.
fn patch(maps: &[FeatureMap], mut index: usize) -> &[f32] {
    for map in maps {
        if index < map.patches() {
            return map.patch(index);
        }
        index -= map.patches();
    }
    unreachable!("the number is below the number of patches")
}

/// Squared distances of all patches to `centroids` `[k, dim]`: `[patches, k]`.
fn distances(maps: &[FeatureMap], centroids: &[f32]) -> Vec<f32> {
    let of_map = |map| squared_distances(map, centroids);
    maps.iter().flat_map(of_map).collect()
}

/// The index at which the running sum of `weights` passes `part` of the whole; spread evenly when all are 0.
fn draw(weights: &[f32], part: f64) -> usize {
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    let last = weights.len() - 1;
    if total <= 0.0 {
        return whole(part * weights.len() as f64).min(last);
    }
    let mut sum = 0.0;
    let passes = |&weight: &f32| {
        sum += f64::from(weight);
        sum > part * total
    };
    weights.iter().position(passes).unwrap_or(last)
}

/// The whole part of a number that is not negative.
#[expect(clippy::cast_sign_loss, reason = "the number is not negative")]
fn whole(number: f64) -> usize {
    number as usize
}

/// A number in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn distant_groups_get_one_centroid_each() {
        // Four groups of very different size, ten apart, in two maps.
        let group = |i: usize| [0, 0, 0, 0, 0, 0, 0, 1, 2, 3][i % 10] as f32 * 10.0;
        let map = |seed: usize| {
            let values = (0..60).flat_map(|i| [group(i), ((i * 7 + seed) % 5) as f32 * 0.01]);
            FeatureMap::new(6, 10, 2, values.collect::<Vec<f32>>()).unwrap()
        };
        let maps = [map(0), map(1)];
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let found = plus_plus(&maps, 4, &mut rng);
            let mut groups: Vec<f32> = found.chunks(2).map(|centroid| centroid[0]).collect();
            groups.sort_by(f32::total_cmp);
            assert_eq!(groups, [0.0, 10.0, 20.0, 30.0], "seed {seed}");
        }
    }

    #[test]
    fn seeds_are_patches_and_the_same_generator_gives_the_same_ones() {
        let values: Vec<f32> = (0..90).map(|i| (i * i % 37) as f32).collect();
        let map = FeatureMap::new(5, 6, 3, values).unwrap();
        let maps = [map];
        let seeds = |seed| plus_plus(&maps, 7, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(seeds(5), seeds(5));
        assert_ne!(seeds(5), seeds(6));
        for centroid in seeds(5).chunks(3) {
            assert!((0..30).any(|at| maps[0].patch(at) == centroid));
        }
    }

    #[test]
    fn equal_patches_are_still_enough_seeds() {
        let map = FeatureMap::new(2, 2, 3, vec![1.0; 12]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        assert_eq!(plus_plus(&[map], 4, &mut rng), [1.0; 12]);
    }

    #[test]
    fn a_draw_follows_the_weights() {
        let weights = [0.0, 1.0, 0.0, 3.0, 0.0];
        assert_eq!(
            [0.0, 0.2, 0.3, 0.999].map(|part| draw(&weights, part)),
            [1, 1, 3, 3]
        );
        assert_eq!(
            [0.0, 0.5, 0.999].map(|part| draw(&[0.0; 4], part)),
            [0, 2, 3]
        );
    }
}
