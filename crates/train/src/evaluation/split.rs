//! Rows to learn from and rows to test with, each class giving its share.
//!
//! Input: labels, a share, a seed. Output: two lists of row numbers, ascending.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::EvaluationError;
use super::error::ensure;

/// Two lists of row numbers, ascending, without a number in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To test with.
    pub test: Vec<usize>,
}

/// Draws `test_share` of each class, rounded; a class of two rows or more has at least one row on either side.
///
/// A class of one row is learned from. `labels`: `[rows]`; `test_share`: above 0 and below 1.
pub fn stratified(labels: &[u32], test_share: f64, seed: u64) -> Result<Split, EvaluationError> {
    let fine = test_share > 0.0 && test_share < 1.0;
    ensure(fine, "test_share", "a part between 0 and 1", &test_share)?;
    let mut by_class: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        by_class.entry(*label).or_default().push(row);
    }
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (label, mut rows) in by_class {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // A stream a class: more rows of one class leave the others where they are.
        rng.set_stream(u64::from(label));
        rows.shuffle(&mut rng);
        let tested = match rows.len() {
            1 => 0,
            count => tested_of(count, test_share),
        };
        test.extend_from_slice(&rows[..tested]);
        train.extend_from_slice(&rows[tested..]);
    }
    train.sort_unstable();
    test.sort_unstable();
    Ok(Split { train, test })
}

#[expect(clippy::cast_sign_loss, reason = "a share of a count is not negative")]
fn tested_of(count: usize, share: f64) -> usize {
    let wanted = (count as f64 * share).round() as usize;
    wanted.clamp(1, count - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_class_gives_its_share() {
        let labels: Vec<u32> = (0..100).map(|row| u32::from(row >= 70)).collect();
        let split = stratified(&labels, 0.2, 1).unwrap();
        let of_one = split.test.iter().filter(|row| **row >= 70).count();
        assert_eq!((split.test.len(), of_one), (20, 6));
        assert_eq!(split, stratified(&labels, 0.2, 1).unwrap());
        assert_ne!(split, stratified(&labels, 0.2, 2).unwrap());
    }

    #[test]
    fn shares_that_leave_a_side_empty_are_refused() {
        for share in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(stratified(&[0, 1], share, 0).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_row_is_lost_or_on_both_sides(
            labels in proptest::collection::vec(0_u32..5, 0..60), share in 0.01_f64..0.99, seed: u64,
        ) {
            let split = stratified(&labels, share, seed).unwrap();
            let mut all = [split.train.clone(), split.test.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            for class in 0..5 {
                let of = |rows: &[usize]| rows.iter().filter(|row| labels[**row] == class).count();
                let (train, test) = (of(&split.train), of(&split.test));
                prop_assert!(train + test == 0 || train > 0);
                prop_assert!(train + test < 2 || test > 0);
            }
        }
    }
}
