//! Logistic regression from prompts: the map of how likely each patch belongs to the positive side.
//!
//! Input: unit features of positive and negative patches. Output: weights `[dim]` and a bias; with them
//! `sigmoid(weights · unit + bias)` a patch. Newton's method; it works on a matrix of the smaller of prompts and channels.
//! Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", section 3.4 (the stable system).

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Accum, Mat, MatRef, Par, Side};

use super::cosine::cosine;
use super::{AnalysisError, ScalarMap, bad_setting, same_channels};
use crate::feature_map::FeatureMap;

/// Most prompts of both sides: their features and one square matrix stay under 1 GiB.
pub const MAX_PROMPTS: usize = 8192;
/// Weakest regularization; below it the solution of separable prompts runs away and its digits go.
pub const MIN_REGULARIZATION: f32 = 1e-7;

/// Largest square of a unit vector in f32.
const MAX_SQUARE: f64 = 1.001;
/// Rounds before the fit stops; it takes about ten.
const MAX_ROUNDS: usize = 100;
/// The fit is done when no logit moves by more than this.
const LOGIT_TOLERANCE: f64 = 1e-9;
/// Part of the promised decrease that a step must keep.
const SUFFICIENT: f64 = 1e-4;
/// Part of the loss that is rounding: near the minimum a good step may seem to raise it by that much.
const ROUNDING: f64 = 1e-14;
/// Halvings of a step before it counts as nothing.
const HALVINGS: usize = 40;

/// A fitted logistic regression on unit features.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticQuery {
    /// `[dim]`.
    pub weights: Vec<f32>,
    /// Added to the product of weights and unit patch.
    pub bias: f32,
    /// Newton steps that the fit took.
    pub rounds: usize,
}

/// What the fit works on: one row a prompt.
struct Problem {
    /// Unit features `[prompts, dim]`.
    features: Mat<f64>,
    /// Lower triangle of `features · featuresᵀ` `[prompts, prompts]`, when that is the smaller matrix.
    products: Option<Mat<f64>>,
    /// 1 for a positive prompt, −1 for a negative one.
    signs: Vec<f64>,
    /// Weight of each prompt in the loss: half for either side, whatever its number of prompts.
    shares: Vec<f64>,
    regularization: f64,
}

/// One candidate: `weights = featuresᵀ · duals`.
struct State {
    duals: Vec<f64>,
    bias: f64,
    /// `features · weights + bias`, one a prompt.
    logits: Vec<f64>,
}

/// Fits `Σ share · ln(1 + exp(−sign · (w·u + b))) + regularization / 2 · ‖w‖²`, the shares of either side adding up to ½.
///
/// `positive`, `negative`: unit vectors `[prompts][dim]`, see `similarity::unit_patches`. The bias is not regularized.
/// The smaller `regularization`, the sharper the border between the sides; 0.01 puts two unlike patches at 0.9 and 0.1.
pub fn fit(
    positive: &[Vec<f32>],
    negative: &[Vec<f32>],
    regularization: f32,
) -> Result<LogisticQuery, AnalysisError> {
    let problem = Problem::new(positive, negative, regularization)?;
    let prompts = problem.signs.len();
    let mut state = State {
        duals: vec![0.0; prompts],
        bias: 0.0,
        logits: vec![0.0; prompts],
    };
    let mut rounds = 0;
    while rounds < MAX_ROUNDS {
        rounds += 1;
        let goal = problem.newton_goal(&state);
        let moved = problem.step(&mut state, &goal);
        if moved <= LOGIT_TOLERANCE {
            break;
        }
    }
    let weights = problem.weights(&state.duals);
    Ok(LogisticQuery {
        weights: weights.into_iter().map(|value| value as f32).collect(),
        bias: state.bias as f32,
        rounds,
    })
}

/// `out[p] = sigmoid(weights · features[p] / ‖features[p]‖ + bias)`, in [0, 1].
pub fn logistic(map: &FeatureMap, weights: &[f32], bias: f32) -> ScalarMap {
    let mut out = cosine(map, weights);
    for value in &mut out.values {
        *value = 1.0 / (1.0 + (-(*value + bias)).exp());
    }
    out
}

impl Problem {
    fn new(
        positive: &[Vec<f32>],
        negative: &[Vec<f32>],
        regularization: f32,
    ) -> Result<Self, AnalysisError> {
        let prompts = positive.len() + negative.len();
        let (Some(first), false) = (positive.first(), negative.is_empty()) else {
            let side = if positive.is_empty() {
                "positive"
            } else {
                "negative"
            };
            return Err(bad_setting(side, "at least one patch", &"empty"));
        };
        if prompts > MAX_PROMPTS {
            return Err(bad_setting("prompts", "at most 8192 patches", &prompts));
        }
        if !regularization.is_finite() || regularization < MIN_REGULARIZATION {
            let expected = "a number of at least 1e-7";
            return Err(bad_setting("regularization", expected, &regularization));
        }
        let dim = first.len();
        let rows: Vec<&[f32]> = positive.iter().chain(negative).map(Vec::as_slice).collect();
        for row in &rows {
            same_channels("a prompt", dim, row.len())?;
            let square: f64 = row
                .iter()
                .map(|&value| f64::from(value) * f64::from(value))
                .sum();
            // NaN is not inside either.
            if !(0.0..=MAX_SQUARE).contains(&square) {
                let found = format!("of length {}", square.sqrt());
                return Err(bad_setting("prompts", "vectors of length one", &found));
            }
        }
        let features = Mat::from_fn(prompts, dim, |row, channel| f64::from(rows[row][channel]));
        let side = |at: usize| {
            if at < positive.len() {
                positive.len()
            } else {
                negative.len()
            }
        };
        Ok(Self {
            products: (prompts <= dim).then(|| lower_product(features.as_ref())),
            features,
            signs: (0..prompts)
                .map(|at| if at < positive.len() { 1.0 } else { -1.0 })
                .collect(),
            shares: (0..prompts).map(|at| 0.5 / side(at) as f64).collect(),
            regularization: regularization.into(),
        })
    }

    /// `featuresᵀ · duals` `[dim]`.
    fn weights(&self, duals: &[f64]) -> Vec<f64> {
        column(&product(self.features.transpose(), as_column(duals)))
    }

    /// Where a full Newton step leads: the minimum of the quadratic that touches the loss at `state`.
    ///
    /// With the curvature `s²` of each prompt's loss, `duals = s·γ` solves `(λ + s·K·s) γ + s·bias = s·z`, `s·γ = 0`. That
    /// matrix has no eigenvalue below λ, however many prompts are equal or certain.
    fn newton_goal(&self, state: &State) -> State {
        let lanes = self.signs.iter().zip(&self.shares).zip(&state.logits);
        let (mut roots, mut targets) = (Vec::new(), Vec::new());
        for ((sign, share), logit) in lanes {
            let root = share.sqrt() * 0.5 / (0.5 * logit).cosh();
            // −gradient / root, in a form that cannot be 0 / 0; no logit comes near the bound.
            let pull = sign * share.sqrt() * (-0.5 * sign * logit).min(300.0).exp();
            roots.push(root);
            targets.push(root * logit + pull);
        }
        let system = System::new(self, &roots);
        let (by_target, by_root) = (system.solve(&targets), system.solve(&roots));
        let bias = dot(&roots, &by_target) / dot(&roots, &by_root);
        let pairs = by_target.iter().zip(&by_root).zip(&roots);
        let duals: Vec<f64> = pairs
            .map(|((target, from_bias), root)| root * (target - bias * from_bias))
            .collect();
        let products = product(self.features.as_ref(), as_column(&self.weights(&duals)));
        let logits = column(&products).into_iter().map(|logit| logit + bias);
        State {
            logits: logits.collect(),
            duals,
            bias,
        }
    }

    /// Goes from `state` towards `goal`, by half, a quarter and so on where the whole way does not lower the loss
    /// enough. Returns the largest change of a logit.
    fn step(&self, state: &mut State, goal: &State) -> f64 {
        let start = self.loss(state);
        let slope = self.slope(state, goal);
        let mut part = 1.0;
        for _ in 0..HALVINGS {
            let next = state.towards(goal, part);
            if self.loss(&next) <= start * (1.0 + ROUNDING) + SUFFICIENT * part * slope {
                let pairs = next.logits.iter().zip(&state.logits);
                let change = pairs.fold(0.0, |most: f64, (new, old)| most.max((new - old).abs()));
                *state = next;
                return change;
            }
            part *= 0.5;
        }
        0.0
    }

    fn loss(&self, state: &State) -> f64 {
        let lanes = self.signs.iter().zip(&self.shares).zip(&state.logits);
        let losses = lanes.map(|((sign, share), logit)| share * softplus(-sign * logit));
        losses.sum::<f64>() + 0.5 * self.regularization * dot(&state.duals, &state.products())
    }

    /// Derivative of the loss on the way from `state` to `goal`, below 0.
    fn slope(&self, state: &State, goal: &State) -> f64 {
        let mut slope = 0.0;
        let (own, goals) = (state.products(), goal.products());
        for at in 0..self.signs.len() {
            let gradient =
                -self.shares[at] * self.signs[at] * sigmoid(-self.signs[at] * state.logits[at]);
            let away = goals[at] - own[at];
            slope += gradient * (goal.logits[at] - state.logits[at]);
            slope += self.regularization * state.duals[at] * away;
        }
        slope
    }
}

impl State {
    /// `features · weights`, one a prompt.
    fn products(&self) -> Vec<f64> {
        self.logits.iter().map(|logit| logit - self.bias).collect()
    }

    fn towards(&self, goal: &Self, part: f64) -> Self {
        let mix = |from: &[f64], to: &[f64]| {
            let pairs = from.iter().zip(to);
            pairs.map(|(from, to)| from + part * (to - from)).collect()
        };
        Self {
            duals: mix(&self.duals, &goal.duals),
            bias: self.bias + part * (goal.bias - self.bias),
            logits: mix(&self.logits, &goal.logits),
        }
    }
}

/// Solves with `λ + s·K·s` `[prompts, prompts]`, through the smaller of it and `λ + (s·U)ᵀ(s·U)` `[dim, dim]`.
enum System {
    /// The matrix itself.
    Prompts(Llt<f64>),
    /// `(λ + A·Aᵀ)⁻¹ = (1 − A (λ + AᵀA)⁻¹ Aᵀ) / λ` with `A = s·U` (Woodbury's identity).
    Channels {
        scaled: Mat<f64>,
        inner: Llt<f64>,
        regularization: f64,
    },
}

impl System {
    fn new(problem: &Problem, roots: &[f64]) -> Self {
        let regularization = problem.regularization;
        let factor = |mut matrix: Mat<f64>| {
            for at in 0..matrix.nrows() {
                matrix[(at, at)] += regularization;
            }
            matrix
                .llt(Side::Lower)
                .expect("no eigenvalue is below the regularization")
        };
        if let Some(products) = &problem.products {
            let prompts = roots.len();
            let scaled = |row: usize, col: usize| roots[row] * products[(row, col)] * roots[col];
            return Self::Prompts(factor(Mat::from_fn(prompts, prompts, scaled)));
        }
        let features = &problem.features;
        let scaled = |row: usize, channel: usize| roots[row] * features[(row, channel)];
        let scaled = Mat::from_fn(features.nrows(), features.ncols(), scaled);
        let inner = factor(lower_product(scaled.transpose()));
        Self::Channels {
            scaled,
            inner,
            regularization,
        }
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let right = as_column(right);
        column(&match self {
            Self::Prompts(matrix) => matrix.solve(right),
            Self::Channels {
                scaled,
                inner,
                regularization,
            } => {
                let within = inner.solve(product(scaled.transpose(), right));
                let away = product(scaled.as_ref(), within.as_ref());
                (right - away) * faer::Scale(1.0 / regularization)
            }
        })
    }
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::rayon(0));
    out
}

/// Lower triangle of `a · aᵀ`.
fn lower_product(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), a.nrows());
    triangular::matmul(
        out.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a,
        BlockStructure::Rectangular,
        a.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::rayon(0),
    );
    out
}

fn as_column(values: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(values, values.len(), 1)
}

fn column(matrix: &Mat<f64>) -> Vec<f64> {
    matrix.col(0).iter().copied().collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// `ln(1 + exp(value))` without overflow.
fn softplus(value: f64) -> f64 {
    value.max(0.0) + (-value.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    /// Unit vectors `[count][dim]` around the axis `axis`, more or less scattered.
    fn around(axis: usize, count: usize, dim: usize, scatter: f32) -> Vec<Vec<f32>> {
        let vector = |at: usize| {
            let noise = |channel: usize| {
                let bits = ((axis * 7919 + at * 131 + channel) as u32).wrapping_mul(2_654_435_761);
                (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519) as f32 / 2_147_483_648.0 - 1.0
            };
            let own = |channel| noise(channel) * scatter + if channel == axis { 1.0 } else { 0.0 };
            let values: Vec<f32> = (0..dim).map(own).collect();
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            values.into_iter().map(|value| value / length).collect()
        };
        (0..count).map(vector).collect()
    }

    /// Largest entry of the gradient of the documented loss by weights and bias.
    fn gradient(
        positive: &[Vec<f32>],
        negative: &[Vec<f32>],
        strength: f32,
        found: &LogisticQuery,
    ) -> f64 {
        let mut gradient: Vec<f64> = found
            .weights
            .iter()
            .map(|&w| f64::from(strength * w))
            .collect();
        gradient.push(0.0);
        for (side, sign) in [(positive, 1.0), (negative, -1.0)] {
            for row in side {
                let pairs = row.iter().zip(&found.weights);
                let product: f64 = pairs.map(|(u, w)| f64::from(*u) * f64::from(*w)).sum();
                let pull = -sign * sigmoid(-sign * (product + f64::from(found.bias))) * 0.5
                    / side.len() as f64;
                let inputs = row.iter().copied().chain([1.0]);
                let terms = gradient.iter_mut().zip(inputs);
                terms.for_each(|(sum, value)| *sum += pull * f64::from(value));
            }
        }
        gradient
            .into_iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()))
    }

    #[test]
    fn the_fit_is_the_minimum_of_its_loss_on_both_roads() {
        // More prompts than channels, and fewer.
        for (count, dim) in [(90, 12), (9, 40)] {
            for strength in [1.0, 1e-2, 1e-5] {
                let (positive, negative) =
                    (around(0, count, dim, 0.9), around(1, 2 * count, dim, 0.9));
                let found = fit(&positive, &negative, strength).unwrap();
                let steepest = gradient(&positive, &negative, strength, &found);
                // Weights in f32; the fit itself reaches 1e-9.
                assert!(steepest < 1e-6, "{count} prompts, {strength}: {steepest}");
                assert!(found.rounds < 30, "{} rounds", found.rounds);
            }
        }
    }

    #[test]
    fn empty_channels_change_the_road_and_not_the_result() {
        let (positive, negative) = (around(0, 20, 8, 0.7), around(1, 13, 8, 0.7));
        let widen = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
            rows.iter()
                .map(|row| [row.as_slice(), &[0.0; 40]].concat())
                .collect()
        };
        let narrow = fit(&positive, &negative, 0.01).unwrap();
        let wide = fit(&widen(&positive), &widen(&negative), 0.01).unwrap();
        assert_close(&wide.weights[..8], &narrow.weights, 1e-6, "weights");
        assert_close(&wide.weights[8..], &[0.0; 40], 1e-9, "empty channels");
        assert!((wide.bias - narrow.bias).abs() < 1e-6);
    }

    #[test]
    fn separable_and_repeated_prompts_stay_finite() {
        let same = vec![around(0, 1, 6, 0.0).remove(0); 50];
        for negative in [around(1, 1, 6, 0.0), same.clone()] {
            let found = fit(&same, &negative, MIN_REGULARIZATION).unwrap();
            assert!(
                found
                    .weights
                    .iter()
                    .chain([&found.bias])
                    .all(|value| value.is_finite())
            );
        }
        // Equal prompts on both sides: nothing tells them apart.
        let undecided = fit(&same, &same[..7], 0.01).unwrap();
        assert_close(&undecided.weights, &[0.0; 6], 1e-9, "weights");
        assert!(undecided.bias.abs() < 1e-9);
    }

    #[test]
    fn the_map_separates_the_sides_at_one_half() {
        let (positive, negative) = (around(0, 5, 16, 0.4), around(1, 30, 16, 0.4));
        let found = fit(&positive, &negative, 0.01).unwrap();
        let values: Vec<f32> = positive
            .iter()
            .chain(&negative)
            .flatten()
            .map(|v| v * 7.0)
            .collect();
        let map = FeatureMap::new(5, 7, 16, values).unwrap();
        let likely = logistic(&map, &found.weights, found.bias);
        assert!(
            likely.values[..5]
                .iter()
                .all(|&value| value > 0.5 && value < 1.0)
        );
        assert!(
            likely.values[5..]
                .iter()
                .all(|&value| value < 0.5 && value > 0.0)
        );
    }

    #[test]
    fn an_empty_side_and_bad_prompts_are_errors() {
        let some = around(0, 3, 4, 0.1);
        let none = fit(&some, &[], 0.01).unwrap_err();
        assert!(none.to_string().contains("negative is empty"), "{none}");
        let none = fit(&[], &some, 0.01).unwrap_err();
        assert!(none.to_string().contains("positive is empty"), "{none}");
        assert!(fit(&some, &around(0, 3, 5, 0.1), 0.01).is_err());
        assert!(fit(&some, &[vec![f32::NAN; 4]], 0.01).is_err());
        assert!(fit(&some, &[vec![2.0; 4]], 0.01).is_err());
        assert!(fit(&some, &vec![vec![0.5; 4]; MAX_PROMPTS], 0.01).is_err());
        for strength in [0.0, f32::NAN, f32::INFINITY] {
            assert!(fit(&some, &some, strength).is_err());
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let (positive, negative) = (around(0, 150, 400, 0.5), around(1, 200, 400, 0.5));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
                .install(|| fit(&positive, &negative, 0.01).unwrap())
        };
        assert_eq!(with(1), with(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn swapping_the_sides_turns_the_sign_and_repeating_a_side_changes_nothing(
            positives in 1_usize..12, negatives in 1_usize..12, dim in 2_usize..20,
        ) {
            let (positive, negative) = (around(0, positives, dim, 0.8), around(1, negatives, dim, 0.8));
            let found = fit(&positive, &negative, 0.01).unwrap();
            let swapped = fit(&negative, &positive, 0.01).unwrap();
            let repeated = fit(&[positive.clone(), positive].concat(), &negative, 0.01).unwrap();
            prop_assert!((found.bias + swapped.bias).abs() < 1e-5);
            for at in 0..dim {
                prop_assert!((found.weights[at] + swapped.weights[at]).abs() < 1e-5);
                prop_assert!((found.weights[at] - repeated.weights[at]).abs() < 1e-5);
            }
        }
    }
}
