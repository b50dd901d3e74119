//! The masks against the rules of the specification and a second program of the same rules.

use proptest::prelude::*;
use rand_chacha::rand_core::SeedableRng;

use super::*;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn counts_of(found: &BlockMasks, patches: usize) -> Vec<usize> {
    let crops = found.masks.chunks_exact(patches);
    crops
        .map(|mask| mask.iter().filter(|&&hidden| hidden).count())
        .collect()
}

#[test]
fn the_reference_sizes_give_the_reference_counts() {
    let masking = BlockMasking::default();
    // r = 0.2, 0.3, 0.4, 0.5 of 196 patches, cut to whole numbers.
    assert_eq!(masking.counts(8, 196), [39, 58, 78, 98]);
    assert_eq!(masking.counts(2, 256), [128]);
    assert_eq!(masking.counts(9, 256).len(), 4);
    assert!(masking.counts(1, 256).is_empty());
    assert!(masking.counts(0, 256).is_empty());
}

#[test]
fn ratios_that_are_whole_counts_are_not_cut_short() {
    // Counted up from the lower end in f32, the last of five ratios is just below 0.5 and gives 127.
    let counts = BlockMasking::default().counts(10, 256);
    assert_eq!(counts, [46, 66, 87, 107, 128]);
}

#[test]
fn masks_come_in_blocks() {
    let (side, masking) = (16, BlockMasking::default());
    let found = masking.draw(64, [side, side], &mut rng(1));
    let (mut same, mut pairs) = (0, 0);
    for mask in found.masks.chunks_exact(side * side) {
        for at in (0..mask.len()).filter(|at| mask[*at] && at % side + 1 < side) {
            pairs += 1;
            same += u32::from(mask[at + 1]);
        }
    }
    // 0.83 in a separate program of the same rules; single patches would give 0.3 to 0.4.
    let agreeing = f64::from(same) / f64::from(pairs);
    assert!((agreeing - 0.83).abs() < 0.03, "{agreeing}");
}

#[test]
fn every_patch_and_every_crop_is_masked_sometimes() {
    let [rows, cols] = [6, 9];
    let (mut patches, mut crops) = (vec![0; rows * cols], [0; 8]);
    for seed in 0..200 {
        let found = BlockMasking::default().draw(8, [rows, cols], &mut rng(seed));
        for at in found.indices {
            patches[at % (rows * cols)] += 1;
            crops[at / (rows * cols)] += 1;
        }
    }
    let expected = crops.iter().sum::<usize>() as f64;
    for count in crops {
        assert!(
            (f64::from(count as u32) / (expected / 8.0) - 1.0).abs() < 0.3,
            "{crops:?}"
        );
    }
    // Fewer blocks reach a corner: it is hidden 0.3 times as often as the mean patch.
    let rarest = patches.iter().min().unwrap();
    assert!(
        f64::from(*rarest) > 0.2 * expected / patches.len() as f64,
        "{patches:?}"
    );
}

#[test]
fn unknown_keys_are_refused_and_missing_ones_have_defaults() {
    let masking: BlockMasking = serde_json::from_str(r#"{"max_ratio":0.4}"#).unwrap();
    assert_eq!(
        masking,
        BlockMasking {
            max_ratio: 0.4,
            ..BlockMasking::default()
        }
    );
    assert!(serde_json::from_str::<BlockMasking>(r#"{"ratio":0.4}"#).is_err());
}

#[test]
#[should_panic(expected = "block masks: 1.5 is not a part")]
fn a_ratio_above_one_is_refused() {
    let masking = BlockMasking {
        max_ratio: 1.5,
        ..BlockMasking::default()
    };
    masking.counts(4, 16);
}

proptest! {
    #[test]
    fn blocks_stay_inside_the_grid_and_count_what_they_hide(
        rows in 1_usize..30, cols in 1_usize..30, cap in 0_usize..200, seed: u64,
    ) {
        let mut rng = rng(seed);
        let mut mask = Mask::empty(rows, cols);
        for _ in 0..20 {
            let before = mask.hidden.iter().filter(|&&hidden| hidden).count();
            let new = BlockMasking::default().place_block(&mut mask, cap, &mut rng).unwrap_or(0);
            let after = mask.hidden.iter().filter(|&&hidden| hidden).count();
            prop_assert_eq!(after, before + new);
            prop_assert!(new <= cap);
            prop_assert_eq!(mask.hidden.len(), rows * cols);
        }
    }

    #[test]
    fn counts_are_exact_on_any_grid(
        crops in 0_usize..20, rows in 1_usize..24, cols in 1_usize..24,
        crop_fraction in 0.0_f64..=1.0, low in 0.0_f32..=1.0, high in 0.0_f32..=1.0,
        circular_shift: bool, seed: u64,
    ) {
        let masking = BlockMasking {
            crop_fraction,
            min_ratio: low.min(high),
            max_ratio: low.max(high),
            circular_shift,
            ..BlockMasking::default()
        };
        let found = masking.draw(crops, [rows, cols], &mut rng(seed));
        prop_assert_eq!(found.masks.len(), crops * rows * cols);

        let mut expected = masking.counts(crops, rows * cols);
        prop_assert_eq!(expected.len(), truncated(crops as f64 * crop_fraction));
        prop_assert!(expected.is_sorted());
        expected.resize(crops, 0);
        expected.sort_unstable();
        let counts = counts_of(&found, rows * cols);
        let mut sorted = counts.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, expected);

        prop_assert_eq!(found.indices.len(), found.weights.len());
        prop_assert!(found.indices.is_sorted());
        for (&at, &weight) in found.indices.iter().zip(&found.weights) {
            prop_assert!(found.masks[at]);
            let masked = counts[at / (rows * cols)] as f32;
            prop_assert!((weight * masked - 1.0).abs() < 1e-6);
        }
        prop_assert_eq!(counts.iter().sum::<usize>(), found.indices.len());
    }

    #[test]
    fn the_same_seed_gives_the_same_masks(crops in 2_usize..9, side in 4_usize..20, seed: u64) {
        let masking = BlockMasking::default();
        let draw = |seed| masking.draw(crops, [side, side], &mut rng(seed));
        prop_assert_eq!(draw(seed), draw(seed));
    }
}
