//! The band that gradient norms stay in.
//!
//! Input: one norm after the other, before clipping. Output: how far the newest stands out, and how often it was
//! clipped. Source: `spec/06`, section 7 (bursts of a hundred times the usual length).

use std::collections::VecDeque;

/// Norms that are remembered.
const WINDOW: usize = 50;
/// Norms before which nothing stands out.
const LEAST: usize = 5;
/// Norms before which the share that was clipped says nothing.
const LEAST_FOR_SHARE: usize = 20;

/// The last norms of gradients.
#[derive(Clone, Debug, Default)]
pub struct NormBand {
    norms: VecDeque<f64>,
}

impl NormBand {
    /// Remembers a norm and returns how many times the median of the earlier ones it is; `None` while there are few.
    ///
    /// A norm that is not finite is not remembered.
    pub fn push(&mut self, norm: f64) -> Option<f64> {
        let times = (self.norms.len() >= LEAST)
            .then(|| norm / self.median())
            .filter(|times| times.is_finite());
        if norm.is_finite() {
            self.norms.push_back(norm);
            if self.norms.len() > WINDOW {
                self.norms.pop_front();
            }
        }
        times
    }

    /// Part of the remembered norms that are longer than `clip`, 0 to 1; `None` while there are few.
    pub fn clipped_share(&self, clip: f64) -> Option<f64> {
        let clipped = self.norms.iter().filter(|norm| **norm > clip).count();
        (self.norms.len() >= LEAST_FOR_SHARE).then(|| clipped as f64 / self.norms.len() as f64)
    }

    /// The middle of the remembered norms; 0 for none.
    pub fn median(&self) -> f64 {
        let mut norms: Vec<f64> = self.norms.iter().copied().collect();
        norms.sort_by(f64::total_cmp);
        norms.get(norms.len() / 2).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_in_units_of_the_band() {
        let mut band = NormBand::default();
        for norm in [1.0, 2.0, 3.0, 2.0, 1.0] {
            assert_eq!(band.push(norm), None);
        }
        assert_eq!(band.push(400.0), Some(200.0));
        // One burst does not move the median.
        assert_eq!(band.push(2.0), Some(1.0));
        assert_eq!(band.push(f64::NAN), None);
        assert_eq!(band.push(2.0), Some(1.0));
    }

    #[test]
    fn the_clipped_share_is_of_the_last_norms() {
        let mut band = NormBand::default();
        for _ in 0..19 {
            band.push(5.0);
        }
        assert_eq!(band.clipped_share(3.0), None);
        band.push(1.0);
        assert_eq!(band.clipped_share(3.0), Some(0.95));
        for _ in 0..WINDOW {
            band.push(1.0);
        }
        assert_eq!(band.clipped_share(3.0), Some(0.0));
    }
}
