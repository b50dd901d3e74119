//! Random numbers of a step: coordinates of patches, branches that are left out.

use dinoscope_model::RopeAugment;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::settings::RopeJitter;

impl RopeJitter {
    /// Draws in the order of the reference: shift, factors of each axis, factor of both.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> RopeAugment {
        let mut within = |half: f64| half * (2.0 * rng.random::<f64>() - 1.0);
        let shift = if self.shift > 0.0 {
            [within(self.shift), within(self.shift)]
        } else {
            [0.0; 2]
        };
        let jitter = if self.jitter > 1.0 {
            let half = self.jitter.ln();
            [within(half).exp(), within(half).exp()]
        } else {
            [1.0; 2]
        };
        let rescale = if self.rescale > 1.0 {
            within(self.rescale.ln()).exp()
        } else {
            1.0
        };
        RopeAugment {
            shift,
            jitter,
            rescale,
        }
    }
}

/// Of each of `depth` blocks, the pictures whose two branches are computed; empty where all are.
///
/// `max(⌊batch · (1 − rate)⌋, 1)` of them, drawn anew for each branch. Source: `spec/01`, section 2.4.
pub(super) fn kept(
    rate: f64,
    depth: usize,
    batch: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<[Vec<i32>; 2]> {
    if rate <= 0.0 {
        return Vec::new();
    }
    #[expect(clippy::cast_sign_loss, reason = "a part of a count")]
    let count = ((batch as f64 * (1.0 - rate)) as usize).max(1);
    let mut branch = || {
        let mut order: Vec<i32> = (0..).take(batch).collect();
        order.shuffle(rng);
        order.truncate(count);
        order.sort_unstable();
        order
    };
    (0..depth).map(|_| [branch(), branch()]).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn factors_stay_within_their_range_and_fill_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let released = RopeJitter::default();
        let draws: Vec<_> = (0..1000).map(|_| released.draw(&mut rng)).collect();
        assert!(
            draws
                .iter()
                .all(|draw| draw.shift.iter().all(|shift| shift.abs() < 1e-12))
        );
        assert!(draws.iter().all(|draw| {
            draw.jitter
                .iter()
                .all(|factor| (factor - 1.0).abs() < 1e-12)
        }));
        let factors = draws.iter().map(|draw| draw.rescale);
        assert!(factors.clone().all(|factor| (0.5..=2.0).contains(&factor)));
        let below = factors.filter(|factor| *factor < 1.0).count();
        // Log-uniform: half of them shrink. Four standard errors: 4 · 0.5 / √1000 = 0.063.
        assert!((437..=563).contains(&below), "{below}");
    }

    #[test]
    fn a_branch_keeps_its_part_of_the_batch_and_at_least_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert!(kept(0.0, 3, 8, &mut rng).is_empty());
        for (rate, batch, expected) in [(0.3, 8, 5), (0.5, 1, 1), (0.9, 4, 1)] {
            let drawn = kept(rate, 3, batch, &mut rng);
            assert_eq!(drawn.len(), 3);
            for branch in drawn.iter().flatten() {
                assert_eq!(branch.len(), expected);
                let last = i32::try_from(batch).unwrap();
                assert!(branch.iter().all(|at| (0..last).contains(at)));
            }
        }
    }
}
