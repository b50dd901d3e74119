//! Weights that ship inside of a program: a safetensors file in memory, with Meta's names.

use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::DType;
use crate::weights::{Weights, WeightsError};

/// Tensors of f32, f16 or bf16 by their name in Meta's layout.
#[derive(Debug)]
pub struct InMemory<'a>(SafeTensors<'a>);

impl<'a> InMemory<'a> {
    /// Reads the header; the values are read when they are asked for.
    pub fn read(bytes: &'a [u8]) -> Result<Self, SafeTensorError> {
        Ok(Self(SafeTensors::deserialize(bytes)?))
    }
}

impl Weights for InMemory<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let other = |found: usize| WeightsError::Length {
            name: name.into(),
            expected: shape.into(),
            found,
        };
        let tensor = self.0.tensor(name).map_err(|_missing| other(0))?;
        let dtype = match tensor.dtype() {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::Bf16,
            _ => return Err(other(0)),
        };
        let values = dtype.decode(tensor.data());
        if tensor.shape().iter().product::<usize>() != shape.iter().product::<usize>() {
            return Err(other(values.len()));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    #[test]
    fn halves_are_read_and_what_does_not_fit_is_told() {
        let bytes: Vec<u8> = [1.5_f32, -0.25]
            .iter()
            .flat_map(|&value| half::f16::from_f32(value).to_le_bytes())
            .collect();
        let view = TensorView::new(Dtype::F16, vec![2, 1], &bytes).unwrap();
        let file = safetensors::serialize([("norm.weight", view)], None).unwrap();
        let weights = InMemory::read(&file).unwrap();
        assert_eq!(weights.get("norm.weight", &[2]).unwrap(), [1.5, -0.25]);
        let error = weights.get("norm.weight", &[3]).unwrap_err().to_string();
        assert!(error.contains("2 values"), "{error}");
        let error = weights.get("norm.bias", &[2]).unwrap_err().to_string();
        assert!(error.contains("norm.bias"), "{error}");
        assert!(InMemory::read(&file[..20]).is_err());
    }
}
