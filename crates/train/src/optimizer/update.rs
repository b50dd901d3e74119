//! One update of a tensor: `AdamW` and the running average, fused on the CPU, composed elsewhere.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use pulp::Arch;
use rayon::prelude::*;

/// Values that one task takes.
const CHUNK: usize = 1 << 14;

/// The numbers of one `AdamW` update; all factors of the group are in them already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// Learning rate.
    pub lr: f64,
    /// Weight decay, decoupled.
    pub decay: f64,
    /// Momentum of the mean and of the mean square of the gradient.
    pub betas: [f64; 2],
    /// What is added to the root of the mean square.
    pub eps: f64,
    /// Updates so far, this one included.
    pub count: u64,
}

impl Rates {
    /// `1 − βᶜ` of both moments.
    fn corrections(&self) -> [f64; 2] {
        let count = i32::try_from(self.count).unwrap_or(i32::MAX);
        self.betas.map(|beta| 1.0 - beta.powi(count))
    }
}

/// `AdamW` with decoupled decay, as PyTorch has it. All tensors `[values]`; returns parameter, mean and mean square.
pub(crate) fn adamw(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    [mean, square]: [Tensor<1>; 2],
    rates: Rates,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let (parameter, mean, square) = <Dispatch as Update>::adamw(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        mean.into_dispatch(),
        square.into_dispatch(),
        rates,
    );
    let [parameter, mean, square] = [parameter, mean, square].map(Tensor::from_dispatch);
    (parameter, [mean, square])
}

/// `momentum · average + (1 − momentum) · current`, in f32. Both `[values]`.
pub(crate) fn blend(average: Tensor<1>, current: Tensor<1>, momentum: f64) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Update>::blend(
        average.into_dispatch(),
        current.into_dispatch(),
        momentum,
    ))
}

/// What the functions above dispatch to.
#[backend_extension(Flex, Cube)]
pub(crate) trait Update: Backend {
    /// See [`adamw`].
    fn adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        rates: Rates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let scaled = |tensor, factor: f64| Self::float_mul_scalar(tensor, factor.into());
        let [first, second] = rates.betas;
        let [mean_correction, square_correction] = rates.corrections();
        let mean = Self::float_add(scaled(mean, first), scaled(gradient.clone(), 1.0 - first));
        let squared = Self::float_mul(gradient.clone(), gradient);
        let square = Self::float_add(scaled(square, second), scaled(squared, 1.0 - second));
        let root = scaled(
            Self::float_sqrt(square.clone()),
            1.0 / square_correction.sqrt(),
        );
        let away = Self::float_div(mean.clone(), Self::float_add_scalar(root, rates.eps.into()));
        let decayed = scaled(parameter, 1.0 - rates.lr * rates.decay);
        let parameter = Self::float_sub(decayed, scaled(away, rates.lr / mean_correction));
        (parameter, mean, square)
    }

    /// See [`blend`].
    fn blend(
        average: FloatTensor<Self>,
        current: FloatTensor<Self>,
        momentum: f64,
    ) -> FloatTensor<Self> {
        let scaled = |tensor, factor: f64| Self::float_mul_scalar(tensor, factor.into());
        Self::float_add(scaled(average, momentum), scaled(current, 1.0 - momentum))
    }
}

impl Update for Cube {}

impl Update for Flex {
    fn adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        rates: Rates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let gradient = gradient.to_contiguous();
        let [mut parameter, mut mean, mut square] = [parameter, mean, square].map(owned);
        let constants = Constants::new(rates);
        let arch = Arch::new();
        let chunks = values(&mut parameter)
            .par_chunks_mut(CHUNK)
            .zip(values(&mut mean).par_chunks_mut(CHUNK))
            .zip(values(&mut square).par_chunks_mut(CHUNK))
            .zip(slice(&gradient).par_chunks(CHUNK));
        chunks.for_each(|(((parameter, mean), square), gradient)| {
            arch.dispatch(
                #[inline(always)]
                || constants.apply(parameter, gradient, [mean, square]),
            );
        });
        (parameter, mean, square)
    }

    fn blend(
        average: FloatTensor<Self>,
        current: FloatTensor<Self>,
        momentum: f64,
    ) -> FloatTensor<Self> {
        let (mut average, current) = (owned(average), current.to_contiguous());
        let (kept, added) = (momentum as f32, (1.0 - momentum) as f32);
        let arch = Arch::new();
        let chunks = values(&mut average)
            .par_chunks_mut(CHUNK)
            .zip(slice(&current).par_chunks(CHUNK));
        chunks.for_each(|(average, current)| {
            arch.dispatch(
                #[inline(always)]
                || {
                    for (average, current) in average.iter_mut().zip(current) {
                        *average = *average * kept + *current * added;
                    }
                },
            );
        });
        average
    }
}

/// [`Rates`] as factors in f32.
#[derive(Clone, Copy)]
struct Constants {
    kept: f32,
    betas: [f32; 2],
    gains: [f32; 2],
    root: f32,
    eps: f32,
    step: f32,
}

impl Constants {
    fn new(rates: Rates) -> Self {
        let [mean_correction, square_correction] = rates.corrections();
        Self {
            kept: (1.0 - rates.lr * rates.decay) as f32,
            betas: rates.betas.map(|beta| beta as f32),
            gains: rates.betas.map(|beta| (1.0 - beta) as f32),
            root: (1.0 / square_correction.sqrt()) as f32,
            eps: rates.eps as f32,
            step: (rates.lr / mean_correction) as f32,
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "it has to be compiled for the machine's features with its caller"
    )]
    #[inline(always)]
    fn apply(&self, parameter: &mut [f32], gradient: &[f32], [mean, square]: [&mut [f32]; 2]) {
        let moments = mean.iter_mut().zip(square);
        for ((parameter, gradient), (mean, square)) in
            parameter.iter_mut().zip(gradient).zip(moments)
        {
            *mean = *mean * self.betas[0] + gradient * self.gains[0];
            *square = *square * self.betas[1] + gradient * gradient * self.gains[1];
            let away = *mean / (square.sqrt() * self.root + self.eps);
            *parameter = *parameter * self.kept - away * self.step;
        }
    }
}

type FlexTensor = FloatTensor<Flex>;

/// A contiguous tensor whose whole storage may be written; a copy where someone else holds it.
fn owned(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() && tensor.is_unique() {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

fn values(tensor: &mut FlexTensor) -> &mut [f32] {
    tensor.storage_mut()
}

fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("contiguous copies are slices")
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn tensor(values: &[f32]) -> Tensor<1> {
        let data = TensorData::new(values.to_vec(), [values.len()]);
        Tensor::from_data(data, &Device::flex())
    }

    fn list(tensor: Tensor<1>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn the_first_update_moves_by_the_rate_whatever_the_gradient() {
        let rates = Rates {
            lr: 0.1,
            decay: 0.5,
            betas: [0.9, 0.999],
            eps: 1e-8,
            count: 1,
        };
        let zero = || tensor(&[0.0; 3]);
        let (parameter, [mean, square]) = adamw(
            tensor(&[1.0, 2.0, -4.0]),
            tensor(&[0.5, -20.0, 1e-3]),
            [zero(), zero()],
            rates,
        );
        let expected = [0.95 - 0.1, 1.9 + 0.1, -3.8 - 0.1];
        for (found, expected) in list(parameter).iter().zip(expected) {
            assert!((found - expected).abs() < 2e-5, "{found} {expected}");
        }
        assert!((list(mean)[1] + 2.0).abs() < 1e-6);
        assert!((list(square)[1] - 0.4).abs() < 1e-6);
    }

    #[test]
    fn a_shared_tensor_is_not_written_into() {
        let kept = tensor(&[1.0, 2.0]);
        let blended = blend(kept.clone(), tensor(&[3.0, 6.0]), 0.75);
        assert_eq!(list(blended), [1.5, 3.0]);
        assert_eq!(list(kept), [1.0, 2.0]);
    }
}
