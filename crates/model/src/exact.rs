//! Operations of training whose gradient is ours: the same on every device, and fused on the CPU.
//!
//! Burn's GELU has an exact backward pass on the CPU and an approximate one (off by up to 9e-4) on graphics devices.
//! Linear layers, layer norms and attention are here for speed and memory alone: where no kernel is written, they are the
//! backend's own.

mod autodiff;
mod composed;
mod flex;
#[cfg(test)]
mod tests;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, Dispatch, backend_extension};
use burn::tensor::Tensor;

/// `x/2 · (1 + erf(x/√2))`, elementwise, with its exact derivative as gradient.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_gelu(x.into_dispatch()))
}

/// `x · weight + bias`: `[batch, tokens, inputs]`, `[inputs, outputs]`, `[outputs]` → `[batch, tokens, outputs]`.
pub(crate) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => <Dispatch as Exact>::exact_linear(x, weight, bias.into_dispatch()),
        None => <Dispatch as Exact>::exact_product(x, weight),
    })
}

/// `onto + gamma · y`, the end of a residual branch: `[batch, tokens, channels]`, gamma `[channels]`.
pub(crate) fn residual(onto: Tensor<3>, y: Tensor<3>, gamma: Tensor<1>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_residual(
        onto.into_dispatch(),
        y.into_dispatch(),
        gamma.into_dispatch(),
    ))
}

/// Layer norm over the last axis; `gain` and `shift` `[channels]`.
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gain: Tensor<1>,
    shift: Tensor<1>,
    eps: f32,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_layer_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        shift.into_dispatch(),
        eps,
    ))
}

/// Self-attention with rotary positions; no scores are kept for the gradient.
///
/// `qkv` `[batch, tokens, 3 · heads · head size]`, `cos` and `sin` `[patches, head size / 2]` of the last tokens →
/// `[batch, tokens, heads · head size]`. The table gets no gradient.
pub(crate) fn attention(qkv: Tensor<3>, cos: Tensor<2>, sin: Tensor<2>, heads: usize) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_attention(
        qkv.into_dispatch(),
        cos.into_dispatch(),
        sin.into_dispatch(),
        heads,
    ))
}

/// What the functions above dispatch to.
#[backend_extension(Flex, Cube, Autodiff)]
pub(crate) trait Exact: Backend {
    /// See [`linear`].
    fn exact_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::linear(x, weight, Some(bias))
    }

    /// See [`linear`].
    fn exact_product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear(x, weight, None)
    }

    /// `gradient · weightᵀ`.
    fn exact_linear_x(weight: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_x_backward(weight, gradient)
    }

    /// `xᵀ · gradient`, over all rows.
    fn exact_linear_weight(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_weight_backward(x, gradient)
    }

    /// Sums of the gradient over all rows.
    fn exact_linear_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_bias_backward(gradient)
    }

    /// See [`layer_norm`].
    fn exact_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, gain, Some(shift), f64::from(eps))
    }

    /// Gradients by `x`, `gain` and shift.
    fn exact_layer_norm_backward(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::layer_norm_backward::<Self>(x, gain, gradient, eps)
    }

    /// See [`attention`].
    fn exact_attention(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        composed::attention::<Self>(qkv, [cos, sin], heads)
    }

    /// Gradient by `qkv`.
    fn exact_attention_backward(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        composed::attention_backward::<Self>(qkv, [cos, sin], gradient, heads)
    }

    /// See [`residual`].
    fn exact_residual(
        onto: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed::residual::<Self>(onto, y, gamma)
    }

    /// Gradients by `y` and gamma.
    fn exact_residual_backward(
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::residual_backward::<Self>(y, gamma, gradient)
    }

    /// The function.
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::gelu(x)
    }

    /// `gradient · (Φ(x) + x · φ(x))`.
    fn exact_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let slope = {
            let root = std::f64::consts::FRAC_1_SQRT_2;
            let erf = Self::float_erf(Self::float_mul_scalar(x.clone(), root.into()));
            let below = Self::float_mul_scalar(Self::float_add_scalar(erf, 1.0.into()), 0.5.into());
            let square = Self::float_mul(x.clone(), x.clone());
            let bell = Self::float_exp(Self::float_mul_scalar(square, (-0.5).into()));
            // 1/√(2π).
            let bell = Self::float_mul_scalar(bell, 0.398_942_280_401_432_7.into());
            Self::float_add(below, Self::float_mul(x, bell))
        };
        Self::float_mul(gradient, slope)
    }
}

impl Exact for Cube {}
