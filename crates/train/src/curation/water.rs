//! Water filling: a budget shared out over vessels of different size, as evenly as their sizes allow.
//!
//! Source: Vo et al. 2024, section on hierarchical sampling (the integers whose sum of min(size, cap) meets the target).

use rand::seq::index;
use rand_chacha::ChaCha8Rng;

/// How high a budget fills some vessels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaterLevel {
    /// The largest cap with `Σ min(size, cap) ≤ budget`; the largest size if all fits.
    pub cap: usize,
    /// What is left of the budget: so many vessels that are larger than the cap can have one more. 0 if all fits.
    pub rest: usize,
}

/// Fills vessels of `sizes` with `budget`.
pub fn water_level(sizes: &[usize], budget: usize) -> WaterLevel {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    let (mut left, mut below) = (budget, 0);
    for (full, &size) in sorted.iter().enumerate() {
        // The vessels from here on are at least this large: all of them rise together.
        let vessels = sorted.len() - full;
        let rise = size - below;
        if rise > left / vessels {
            return WaterLevel {
                cap: below + left / vessels,
                rest: left % vessels,
            };
        }
        left -= rise * vessels;
        below = size;
    }
    WaterLevel {
        cap: below,
        rest: 0,
    }
}

/// Shares of `budget` for vessels of `sizes`: the cap, and one more for some that are drawn among the larger ones.
pub(super) fn shares(sizes: &[usize], budget: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let level = water_level(sizes, budget);
    let mut shares: Vec<usize> = sizes.iter().map(|&size| size.min(level.cap)).collect();
    if level.rest > 0 {
        let larger: Vec<usize> = (0..sizes.len())
            .filter(|&at| sizes[at] > level.cap)
            .collect();
        for at in index::sample(rng, larger.len(), level.rest) {
            shares[larger[at]] += 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn small_vessels_are_full_and_the_large_ones_level() {
        let level = |sizes: &[usize], budget| {
            let WaterLevel { cap, rest } = water_level(sizes, budget);
            (cap, rest)
        };
        assert_eq!(level(&[1, 10, 100], 21), (10, 0));
        assert_eq!(level(&[1, 10, 100], 12), (5, 1));
        assert_eq!(level(&[1, 10, 100], 500), (100, 0));
        assert_eq!(level(&[5, 5, 5], 2), (0, 2));
        assert_eq!(level(&[], 7), (0, 0));
        assert_eq!(level(&[0, 3], 2), (2, 0));
    }

    proptest! {
        #[test]
        fn the_budget_is_spent_and_nobody_has_two_more_than_one_who_could_have_more(
            sizes in prop::collection::vec(0_usize..50, 0..20), budget in 0_usize..600, seed: u64,
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let shares = shares(&sizes, budget, &mut rng);
            let total: usize = sizes.iter().sum();
            prop_assert_eq!(shares.iter().sum::<usize>(), budget.min(total));
            let most = shares.iter().copied().max().unwrap_or(0);
            for (share, size) in shares.iter().zip(&sizes) {
                prop_assert!(share <= size);
                prop_assert!(share == size || share + 1 >= most);
            }
        }

        #[test]
        fn the_cap_is_the_largest_that_the_budget_allows(
            sizes in prop::collection::vec(0_usize..50, 1..20), budget in 0_usize..600,
        ) {
            let WaterLevel { cap, rest } = water_level(&sizes, budget);
            let filled = |cap: usize| sizes.iter().map(|&size| size.min(cap)).sum::<usize>();
            prop_assert!(filled(cap) <= budget);
            if filled(cap) < sizes.iter().sum() {
                prop_assert!(filled(cap + 1) > budget);
                prop_assert_eq!(rest, budget - filled(cap));
            }
        }
    }
}
