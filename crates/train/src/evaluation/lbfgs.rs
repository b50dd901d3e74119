//! L-BFGS: the minimum of a smooth convex function of many variables.
//!
//! Input: a start and a function that gives value and gradient. Output: where it ended. Source: Nocedal and Wright 2006,
//! "Numerical Optimization", algorithms 3.1 and 7.4.

use std::collections::VecDeque;

/// Pairs of steps and gradient changes that the curvature is taken from.
const HISTORY: usize = 10;
/// Part of the promised decrease that a step must keep.
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step before it counts as nothing.
const HALVINGS: usize = 30;
/// Part of the value that is rounding of its f32 terms: a good step may seem to raise it by that much.
const ROUNDING: f64 = 1e-9;

/// When the search ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most iterations.
    pub(super) rounds: usize,
    /// Largest entry of the gradient at the end.
    pub(super) tolerance: f64,
}

/// Where the search ended.
#[derive(Clone, Debug)]
pub(super) struct Minimum {
    pub(super) at: Vec<f64>,
    pub(super) rounds: usize,
    /// Whether the gradient is within the tolerance, or no step lowers the value any more.
    pub(super) converged: bool,
}

/// One step and what it did to the gradient.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// `1 / step · change`.
    scale: f64,
}

/// Follows `value_and_gradient` downhill from `start`.
pub(super) fn minimize(
    start: Vec<f64>,
    limits: Limits,
    mut value_and_gradient: impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> Minimum {
    let mut at = start;
    let (mut value, mut gradient) = value_and_gradient(&at);
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    for round in 0..limits.rounds {
        let steepest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        if steepest <= limits.tolerance {
            return Minimum {
                at,
                rounds: round,
                converged: true,
            };
        }
        let direction = direction(&gradient, &pairs);
        let slope = dot(&direction, &gradient);
        let mut length = 1.0;
        let mut taken = None;
        for _ in 0..HALVINGS {
            let next: Vec<f64> = moved(&at, &direction, length);
            let (next_value, next_gradient) = value_and_gradient(&next);
            let allowed = value + SUFFICIENT * length * slope + ROUNDING * value.abs();
            // A NaN is not allowed either.
            if next_value <= allowed {
                taken = Some((next, next_value, next_gradient));
                break;
            }
            length *= 0.5;
        }
        let Some((next, next_value, next_gradient)) = taken else {
            return Minimum {
                at,
                rounds: round,
                converged: value.is_finite(),
            };
        };
        remember(
            &mut pairs,
            moved(&next, &at, -1.0),
            moved(&next_gradient, &gradient, -1.0),
        );
        (at, value, gradient) = (next, next_value, next_gradient);
    }
    Minimum {
        at,
        rounds: limits.rounds,
        converged: false,
    }
}

/// Downhill, with the curvature of the last pairs.
fn direction(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = pair.scale * dot(&pair.step, &direction);
        direction = moved(&direction, &pair.change, -share);
        shares.push(share);
    }
    let scale = match pairs.back() {
        Some(last) => 1.0 / (last.scale * dot(&last.change, &last.change)),
        // The first step has length 1 at most.
        None => (1.0 / dot(gradient, gradient).sqrt()).min(1.0),
    };
    for value in &mut direction {
        *value *= scale;
    }
    for (pair, share) in pairs.iter().zip(shares.iter().rev()) {
        let back = pair.scale * dot(&pair.change, &direction);
        direction = moved(&direction, &pair.step, share - back);
    }
    direction
}

/// Keeps a pair if it shows curvature.
fn remember(pairs: &mut VecDeque<Pair>, step: Vec<f64>, change: Vec<f64>) {
    let curvature = dot(&step, &change);
    if curvature > 1e-12 * dot(&change, &change) {
        if pairs.len() == HISTORY {
            pairs.pop_front();
        }
        let scale = 1.0 / curvature;
        pairs.push_back(Pair {
            step,
            change,
            scale,
        });
    }
}

/// `a + length · b`.
fn moved(a: &[f64], b: &[f64], length: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + length * b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        rounds: 500,
        tolerance: 1e-8,
    };

    #[test]
    fn a_stretched_bowl_is_solved() {
        // Σ wᵢ/2 · (xᵢ − i)², weights from 1e-2 to 1e4.
        let weight = |i: usize| 10.0_f64.powf(i as f64 - 2.0);
        let found = minimize(vec![0.0; 7], LIMITS, |x| {
            let away: Vec<f64> = (0..7).map(|i| x[i] - i as f64).collect();
            let value = (0..7).map(|i| 0.5 * weight(i) * away[i].powi(2)).sum();
            (value, (0..7).map(|i| weight(i) * away[i]).collect())
        });
        assert!(found.converged && found.rounds < 200, "{found:?}");
        for (i, x) in found.at.iter().enumerate() {
            assert!((x - i as f64).abs() < 1e-5, "{found:?}");
        }
    }

    #[test]
    fn a_flat_function_and_one_of_nan_end_at_once() {
        let flat = minimize(vec![3.0], LIMITS, |_| (1.0, vec![0.0]));
        assert!(flat.converged && flat.rounds == 0);
        let nan = minimize(vec![3.0], LIMITS, |_| (f64::NAN, vec![1.0]));
        assert!(!nan.converged);
    }
}
