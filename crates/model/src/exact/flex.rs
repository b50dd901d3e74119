//! The operations on the CPU: our kernels.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Shape, TensorData};
use pulp::Arch;
use rayon::prelude::*;

use super::Exact;
use crate::cpu;
use crate::watch::Stop;

impl Exact for Flex {
    fn exact_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let bias = bias.to_contiguous();
        dense(&x, &weight, values(&bias))
    }

    fn exact_product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        dense(&x, &weight, &[])
    }

    fn exact_linear_x(weight: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let sizes @ [inputs, outputs] = weight.layout().shape().dims::<2>();
        let mut out = cpu::zeros(values(&gradient).len() / outputs * inputs);
        cpu::dense_input_backward(
            Arch::new(),
            values(&gradient),
            values(&weight),
            sizes,
            &mut out,
        );
        tensor(out, with_last(&gradient, inputs))
    }

    fn exact_linear_weight(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let sizes @ [inputs, outputs] = [last(&x), last(&gradient)];
        let mut out = cpu::zeros(inputs * outputs);
        cpu::dense_weight_backward(Arch::new(), values(&x), values(&gradient), sizes, &mut out);
        tensor(out, Shape::from(vec![inputs, outputs]))
    }

    fn exact_linear_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let gradient = gradient.to_contiguous();
        let outputs = last(&gradient);
        let sums = cpu::column_sums(Arch::new(), values(&gradient), outputs);
        tensor(sums, Shape::from(vec![outputs]))
    }

    fn exact_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let [x, gain, shift] = [x, gain, shift].map(|tensor| tensor.to_contiguous());
        let mut out = cpu::zeros(values(&x).len());
        cpu::layer_norm(
            Arch::new(),
            values(&x),
            values(&gain),
            values(&shift),
            eps,
            &mut out,
        );
        tensor(out, x.layout().shape().clone())
    }

    fn exact_layer_norm_backward(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [x, gain, gradient] = [x, gain, gradient].map(|tensor| tensor.to_contiguous());
        let [by_x, by_gain, by_shift] = cpu::layer_norm_backward(
            Arch::new(),
            values(&x),
            values(&gain),
            eps,
            values(&gradient),
        );
        let channels = gain.layout().shape().clone();
        (
            tensor(by_x, x.layout().shape().clone()),
            tensor(by_gain, channels.clone()),
            tensor(by_shift, channels),
        )
    }

    fn exact_attention(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        let [qkv, cos, sin] = [qkv, cos, sin].map(|tensor| tensor.to_contiguous());
        let stop = Stop::default();
        let shape = attention_shape(&qkv, [&cos, &sin], heads, &stop);
        let mut out = cpu::zeros(values(&qkv).len() / 3);
        cpu::attention(Arch::new(), shape, values(&qkv), &mut out);
        tensor(out, with_last(&qkv, last(&qkv) / 3))
    }

    fn exact_attention_backward(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        let [qkv, cos, sin] = [qkv, cos, sin].map(|tensor| tensor.to_contiguous());
        let gradient = gradient.to_contiguous();
        let stop = Stop::default();
        let shape = attention_shape(&qkv, [&cos, &sin], heads, &stop);
        let mut out = cpu::zeros(values(&qkv).len());
        cpu::attention_backward(
            Arch::new(),
            shape,
            values(&qkv),
            values(&gradient),
            &mut out,
        );
        tensor(out, qkv.layout().shape().clone())
    }

    fn exact_residual(
        onto: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [onto, y, gamma] = [onto, y, gamma].map(|tensor| tensor.to_contiguous());
        let mut out = cpu::zeros(values(&y).len());
        cpu::residual(
            Arch::new(),
            values(&onto),
            values(&y),
            values(&gamma),
            &mut out,
        );
        tensor(out, y.layout().shape().clone())
    }

    fn exact_residual_backward(
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [y, gamma, gradient] = [y, gamma, gradient].map(|tensor| tensor.to_contiguous());
        let mut by_y = cpu::zeros(values(&y).len());
        let by_gamma = cpu::residual_backward(
            Arch::new(),
            values(&y),
            values(&gamma),
            values(&gradient),
            &mut by_y,
        );
        (
            tensor(by_y, y.layout().shape().clone()),
            tensor(by_gamma, gamma.layout().shape().clone()),
        )
    }

    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let mut out = cpu::zeros(values(&x).len());
        cpu::gelu(Arch::new(), values(&x), &mut out);
        tensor(out, x.layout().shape().clone())
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let mut gradient = writable(gradient);
        cpu::gelu_backward(Arch::new(), values(&x), gradient.storage_mut());
        gradient
    }
}

fn attention_shape<'a>(
    qkv: &FlexTensor,
    [cos, sin]: [&'a FlexTensor; 2],
    heads: usize,
    stop: &'a Stop,
) -> cpu::Attention<'a> {
    let [_, tokens, width] = qkv.layout().shape().dims::<3>();
    cpu::Attention {
        tokens,
        heads,
        head_dim: width / 3 / heads,
        cos: values(cos),
        sin: values(sin),
        stop,
    }
}

/// `x · weight + bias` on the CPU; `bias` may be empty.
fn dense(x: &FlexTensor, weight: &FlexTensor, bias: &[f32]) -> FlexTensor {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let sizes @ [inputs, outputs] = weight.layout().shape().dims::<2>();
    let mut out = cpu::zeros(values(&x).len() / inputs * outputs);
    cpu::dense(
        Arch::new(),
        values(&x),
        values(&weight),
        bias,
        sizes,
        &mut out,
    );
    tensor(out, with_last(&x, outputs))
}

type FlexTensor = FloatTensor<Flex>;

/// The values of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("copies made by `to_contiguous` are slices")
}

fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The last axis.
fn last(tensor: &FlexTensor) -> usize {
    let shape = tensor.layout().shape();
    shape[shape.num_dims() - 1]
}

/// The shape of `x` with another last axis.
fn with_last(x: &FlexTensor, last: usize) -> Shape {
    let mut dims = x.layout().shape().to_vec();
    dims.pop();
    dims.push(last);
    Shape::from(dims)
}

/// A contiguous tensor that nobody else holds; a copy, made by all threads, where somebody does.
fn writable(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() && tensor.is_unique() {
        return tensor;
    }
    let tensor = tensor.to_contiguous();
    let shape = tensor.layout().shape().clone();
    let mut out = cpu::zeros(values(&tensor).len());
    out.par_chunks_mut(CHUNK)
        .zip(values(&tensor).par_chunks(CHUNK))
        .for_each(|(out, from)| out.copy_from_slice(from));
    self::tensor(out, shape)
}

/// Values that one task copies.
const CHUNK: usize = 1 << 15;
