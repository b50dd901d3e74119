//! Elementary functions on vectors: exponentials, GELU, `SiLU`. Errors are stated against f64.

use pulp::Simd;

/// Adding 1.5 · 2^23 rounds to an integer and leaves it in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `e^x`, relative error below 2e-7 for `x` in `[-87, 88]`; clamped outside.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value| simd.splat_f32s(value);
    let x = simd.min_f32s(simd.max_f32s(x, splat(-87.0)), splat(88.0));
    let rounded = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(rounded, splat(ROUND));
    // ln 2 in two parts, so that the remainder is exact.
    let r = simd.mul_add_e_f32s(n, splat(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, splat(2.121_944_4e-4), r);
    let mut p = splat(1.987_569_1e-4);
    for c in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = simd.mul_add_e_f32s(p, r, splat(c));
    }
    let p = simd.mul_add_e_f32s(p, simd.mul_f32s(r, r), simd.add_f32s(r, splat(1.0)));
    // Low bits of `rounded` hold n; shifted into the exponent they multiply by 2^n.
    let n = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(p), n))
}

/// `2^x` for `x ≤ 0`, relative error below 3e-7; what is smaller than 2^-126 becomes that.
///
/// Cheaper than [`exp`]: the remainder is exact without splitting ln 2. Softmax spends its time here.
#[inline(always)]
pub(crate) fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Minimax polynomial of 2^r on [-1/2, 1/2].
    const POLYNOMIAL: [f32; 6] = [
        1.327_647e-3,
        9.675_541e-3,
        5.550_713e-2,
        2.402_212e-1,
        6.931_469_4e-1,
        1.000_000_1,
    ];
    let splat = |value| simd.splat_f32s(value);
    let x = simd.max_f32s(x, splat(-126.0));
    let rounded = simd.add_f32s(x, splat(ROUND));
    let r = simd.sub_f32s(x, simd.sub_f32s(rounded, splat(ROUND)));
    let mut p = splat(POLYNOMIAL[0]);
    for &c in &POLYNOMIAL[1..] {
        p = simd.mul_add_e_f32s(p, r, splat(c));
    }
    let n = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(p), n))
}

/// Error function, absolute error below 5e-7: a rational in `x²` on `[-4, 4]`, ±1 outside.
#[inline(always)]
fn erf<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const NUMERATOR: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_5e-8,
        -2.101_024e-6,
        -5.692_506_5e-5,
        -7.349_906_5e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const DENOMINATOR: [f32; 5] = [
        -1.456_607_2e-5,
        -2.133_740_6e-4,
        -1.682_827e-3,
        -7.373_329e-3,
        -1.426_473_9e-2,
    ];
    let splat = |value| simd.splat_f32s(value);
    let x = simd.min_f32s(simd.max_f32s(x, splat(-4.0)), splat(4.0));
    let x2 = simd.mul_f32s(x, x);
    let mut p = splat(NUMERATOR[0]);
    for &c in &NUMERATOR[1..] {
        p = simd.mul_add_e_f32s(p, x2, splat(c));
    }
    let mut q = splat(DENOMINATOR[0]);
    for &c in &DENOMINATOR[1..] {
        q = simd.mul_add_e_f32s(q, x2, splat(c));
    }
    simd.div_f32s(simd.mul_f32s(x, p), q)
}

/// `x/2 · (1 + erf(x/√2))`, the exact GELU.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let e = erf(
        simd,
        simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2)),
    );
    let half = simd.mul_f32s(x, simd.splat_f32s(0.5));
    simd.mul_add_e_f32s(half, e, half)
}

/// Derivative of [`gelu`]: `Φ(x) + x · φ(x)`.
#[inline(always)]
pub(crate) fn gelu_slope<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // 1/√(2π).
    const BELL: f32 = 0.398_942_3;
    let splat = |value| simd.splat_f32s(value);
    let e = erf(
        simd,
        simd.mul_f32s(x, splat(std::f32::consts::FRAC_1_SQRT_2)),
    );
    let below = simd.mul_add_e_f32s(e, splat(0.5), splat(0.5));
    let half_square = simd.mul_f32s(simd.mul_f32s(x, x), splat(-0.5));
    let bell = simd.mul_f32s(exp(simd, half_square), splat(BELL));
    simd.mul_add_e_f32s(x, bell, below)
}

/// `x · sigmoid(x)`.
#[inline(always)]
pub(crate) fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let e = exp(simd, simd.neg_f32s(x));
    simd.div_f32s(x, simd.add_f32s(e, simd.splat_f32s(1.0)))
}

/// Replaces each value by `f(value)`, whole vectors first, then the tail.
#[inline(always)]
pub(crate) fn map<S: Simd>(simd: S, values: &mut [f32], f: impl Fn(S::f32s) -> S::f32s) {
    let (vectors, tail) = S::as_mut_simd_f32s(values);
    for v in vectors {
        *v = f(*v);
    }
    if !tail.is_empty() {
        let v = f(simd.partial_load_f32s(tail));
        simd.partial_store_f32s(tail, v);
    }
}

/// Replaces each value of `values` by `f(value, other)`.
#[inline(always)]
pub(crate) fn zip<S: Simd>(
    simd: S,
    values: &mut [f32],
    other: &[f32],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    let (vectors, tail) = S::as_mut_simd_f32s(values);
    let (others, other_tail) = S::as_simd_f32s(other);
    for (v, &o) in vectors.iter_mut().zip(others) {
        *v = f(*v, o);
    }
    if !tail.is_empty() {
        let v = f(
            simd.partial_load_f32s(tail),
            simd.partial_load_f32s(other_tail),
        );
        simd.partial_store_f32s(tail, v);
    }
}

/// `Σ aᵢ bᵢ`.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_tail), (b, b_tail)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum = simd.mul_add_e_f32s(a, b, *sum);
        }
    }
    let (a, b) = (
        simd.partial_load_f32s(a_tail),
        simd.partial_load_f32s(b_tail),
    );
    sums[0] = simd.mul_add_e_f32s(a, b, sums[0]);
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Apply<'a, F>(&'a mut [f32], F);
    trait Function {
        fn call<S: Simd>(&self, simd: S, x: S::f32s) -> S::f32s;
    }
    impl<F: Function> WithSimd for Apply<'_, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            map(simd, self.0, |x| self.1.call(simd, x));
        }
    }
    macro_rules! function {
        ($name:ident, $f:ident) => {
            #[derive(Clone, Copy)]
            struct $name;
            impl Function for $name {
                #[inline(always)]
                fn call<S: Simd>(&self, simd: S, x: S::f32s) -> S::f32s {
                    $f(simd, x)
                }
            }
        };
    }
    function!(Exp, exp);
    function!(Exp2, exp2);
    function!(Gelu, gelu);
    function!(Silu, silu);

    /// Error function in f64 by its Taylor series, converged for |x| ≤ 4.
    fn erf_f64(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    fn check(f: impl Function + Copy, exact: impl Fn(f64) -> f64, tolerance: f64, range: f64) {
        let x: Vec<f32> = (0..=40_003)
            .map(|i| ((f64::from(i) / 20_000.0 - 1.0) * range) as f32)
            .collect();
        for native in [true, false] {
            let mut y = x.clone();
            if native {
                Arch::new().dispatch(Apply(&mut y, f));
            } else {
                Apply(&mut y, f).with_simd(pulp::Scalar::new());
            }
            for (&x, &y) in x.iter().zip(&y) {
                let want = exact(f64::from(x));
                let error = (f64::from(y) - want).abs() / (1.0 + want.abs());
                assert!(
                    error <= tolerance,
                    "f({x}) = {y}, expected {want}, error {error:e}"
                );
            }
        }
    }

    #[test]
    fn exp_is_exact_to_two_ulps() {
        check(Exp, f64::exp, 3e-7, 20.0);
    }

    #[test]
    fn exp2_is_exact_to_a_few_ulps() {
        check(Exp2, f64::exp2, 4e-7, 20.0);
    }

    #[test]
    fn gelu_uses_the_exact_error_function() {
        // The rational is off by 4e-7 near ±4, which x/2 magnifies; the tanh approximation would be off by 5e-4.
        check(
            Gelu,
            |x| 0.5 * x * (1.0 + erf_f64(x / 2f64.sqrt())),
            2e-6,
            5.6,
        );
    }

    #[test]
    fn silu_matches_f64() {
        check(Silu, |x| x / (1.0 + (-x).exp()), 5e-7, 30.0);
    }
}
