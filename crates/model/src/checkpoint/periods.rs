//! Comparing stored rotary periods with computed ones. The formula itself is in [`crate::rope`].

use crate::config::RopePeriods;
use crate::rope;

/// The base that fits stored periods best, for formats that know only a base.
pub(super) fn nearest_base(stored: &[f32]) -> f64 {
    const USUAL: f64 = 100.0;
    let usual = rope::periods(&RopePeriods::Base(USUAL), stored.len() * 4);
    // The released files hold values rounded to bf16: eight bits.
    let rounded = |(a, b): (&f32, &f32)| (a - b).abs() <= b / 256.0;
    match stored {
        [] | [_] => USUAL,
        _ if stored.iter().zip(&usual).all(rounded) => USUAL,
        [.., last] => {
            let count = stored.len() as f64;
            f64::from(*last).powf(count / (count - 1.0))
        }
    }
}

/// Whether two lists of periods are the same to the last bit.
pub(super) fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_periods_are_recognised_as_base_100_and_others_are_fitted() {
        let rounded: Vec<f32> = rope::periods(&RopePeriods::Base(100.0), 64)
            .into_iter()
            .map(|period| half::bf16::from_f32(period).to_f32())
            .collect();
        assert!((nearest_base(&rounded) - 100.0).abs() < 1e-9);
        let other = rope::periods(&RopePeriods::Base(400.0), 64);
        assert!((nearest_base(&other) - 400.0).abs() < 1e-2);
    }
}
