//! What teacher and student say about prototypes: how sure, how alike, how many prototypes, how large the logits.
//!
//! Input: rows of probabilities or logits `[rows, prototypes]`. Output: nats, or parts of one. A NaN in the input is a
//! NaN in the output. Source: `spec/06`, sections 1 and 7.

use super::rows_of;

/// Mean entropy `−Σ_k q_k · ln q_k` of the rows, in nats: 0 for one-hot rows, `ln prototypes` for uniform ones.
///
/// `targets`: `[rows, prototypes]`, each row adds up to 1.
///
/// # Panics
/// Without whole rows.
pub fn entropy(targets: &[f32], prototypes: usize) -> f64 {
    let rows = rows_of("entropy", targets, prototypes);
    let sum: f64 = targets.iter().map(|&q| plogp(f64::from(q))).sum();
    0.0 - sum / rows as f64
}

/// Mean Kullback-Leibler divergence `Σ_k q_k · (ln q_k − ln p_k)` with `p = softmax(logits / temperature)`, in nats.
///
/// The cross-entropy without the entropy of the targets, which no student can go below.
/// `targets`, `logits`: `[rows, prototypes]`, row by row of the same pictures.
///
/// # Panics
/// Without whole rows, or if the lengths differ.
pub fn divergence(targets: &[f32], logits: &[f32], prototypes: usize, temperature: f64) -> f64 {
    let rows = rows_of("divergence", targets, prototypes);
    assert_eq!(
        targets.len(),
        logits.len(),
        "divergence: values of targets and logits"
    );
    let pairs = targets
        .chunks_exact(prototypes)
        .zip(logits.chunks_exact(prototypes));
    let sum: f64 = pairs
        .map(|(targets, logits)| {
            let log_sum = log_sum_exp(logits, temperature);
            let terms = targets.iter().zip(logits).map(|(&q, &logit)| {
                let (q, log_p) = (f64::from(q), f64::from(logit) / temperature - log_sum);
                plogp(q) - q * log_p
            });
            terms.sum::<f64>()
        })
        .sum();
    sum / rows as f64
}

/// The least mean entropy of `rows` targets that use all prototypes alike: `ln prototypes − ln rows`, at least 0; nats.
pub fn entropy_floor(prototypes: usize, rows: usize) -> f64 {
    ((prototypes as f64).ln() - (rows as f64).ln()).max(0.0)
}

/// Part of the prototypes that are used: `exp(H(mean softmax(logits / temperature))) / prototypes`, above 0 and up to 1.
///
/// `logits`: the teacher's `[rows, prototypes]`, before they are balanced. Peaked rows reach `rows / prototypes` at most.
///
/// # Panics
/// Without whole rows.
pub fn usage(logits: &[f32], prototypes: usize, temperature: f64) -> f64 {
    let rows = rows_of("usage", logits, prototypes);
    let mut mean = vec![0.0; prototypes];
    for logits in logits.chunks_exact(prototypes) {
        let log_sum = log_sum_exp(logits, temperature);
        for (mean, &logit) in mean.iter_mut().zip(logits) {
            *mean += (f64::from(logit) / temperature - log_sum).exp() / rows as f64;
        }
    }
    let sum: f64 = mean.into_iter().map(plogp).sum();
    (-sum).exp() / prototypes as f64
}

/// The largest `|logit| / temperature`; plain exponentials in f32 overflow above 88.
pub fn largest_logit(logits: &[f32], temperature: f64) -> f64 {
    // `max` would hide a NaN.
    let largest = logits.iter().fold(0.0_f32, |most, logit| {
        if logit.abs() <= most {
            most
        } else {
            logit.abs()
        }
    });
    let broken = logits.iter().any(|logit| logit.is_nan());
    if broken {
        f64::NAN
    } else {
        f64::from(largest) / temperature
    }
}

/// `p · ln p`, 0 at 0, NaN below.
fn plogp(p: f64) -> f64 {
    if p == 0.0 { 0.0 } else { p * p.ln() }
}

/// `ln Σ exp(logit / temperature)`.
fn log_sum_exp(logits: &[f32], temperature: f64) -> f64 {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |most, &logit| {
        most.max(f64::from(logit) / temperature)
    });
    let sum: f64 = logits
        .iter()
        .map(|&logit| (f64::from(logit) / temperature - largest).exp())
        .sum();
    sum.ln() + largest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        // Inputs are f32.
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn uniform_rows_have_the_entropy_ln_k_and_one_hot_rows_none() {
        close(entropy(&[0.25; 12], 4), 4.0_f64.ln());
        close(entropy(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3), 0.0);
        close(entropy(&[0.5, 0.5, 1.0, 0.0], 2), 0.5 * 2.0_f64.ln());
        close(entropy_floor(65_536, 32), 65_536.0_f64.ln() - 32.0_f64.ln());
        close(entropy_floor(16, 64), 0.0);
    }

    #[test]
    fn the_divergence_is_zero_for_equal_and_known_for_other_rows() {
        let logits = [0.1, -0.2, 0.05];
        let sum: f32 = logits.iter().map(|x: &f32| (x / 0.1).exp()).sum();
        let equal: Vec<f32> = logits.iter().map(|x| (x / 0.1).exp() / sum).collect();
        close(divergence(&equal, &logits, 3, 0.1), 0.0);
        // One-hot against uniform: ln 3 whatever the temperature.
        close(
            divergence(&[0.0, 1.0, 0.0], &[7.0; 3], 3, 0.1),
            3.0_f64.ln(),
        );
    }

    #[test]
    fn usage_counts_the_prototypes_that_are_used() {
        close(usage(&[0.0; 8], 4, 0.04), 1.0);
        // Every row is sure of the first prototype.
        close(
            usage(&[9.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0], 4, 0.04),
            0.25,
        );
        // Two rows, two prototypes of four.
        close(
            usage(&[9.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0], 4, 0.04),
            0.5,
        );
    }

    #[test]
    fn large_logits_do_not_overflow() {
        close(divergence(&[1.0, 0.0], &[4e4, -4e4], 2, 0.04), 0.0);
        close(largest_logit(&[1.0, -3.0, 2.0], 0.1) / 30.0, 1.0);
        assert!(largest_logit(&[f32::INFINITY], 0.1).is_infinite());
    }

    #[test]
    fn a_nan_stays_one() {
        let nan = [f32::NAN, 0.5];
        for found in [
            entropy(&nan, 2),
            divergence(&[0.5; 2], &nan, 2, 0.1),
            divergence(&nan, &[0.5; 2], 2, 0.1),
            usage(&nan, 2, 0.1),
            largest_logit(&[1.0, f32::NAN, 2.0], 0.1),
        ] {
            assert!(found.is_nan(), "{found}");
        }
    }

    #[test]
    #[should_panic(expected = "entropy: 5 values, expected rows of 4")]
    fn a_wrong_shape_is_named() {
        entropy(&[0.2; 5], 4);
    }
}
