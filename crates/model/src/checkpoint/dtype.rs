//! Element types of stored weights: names, sizes, bytes ↔ `f32`. All files here are little-endian.

use std::fmt;
use std::str::FromStr;

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// A floating-point element type that weights are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 16-bit brain float.
    Bf16,
    /// 16-bit IEEE float.
    F16,
    /// 32-bit float.
    F32,
    /// 64-bit float; read, never a target of a conversion from something smaller.
    F64,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Largest finite value, as far as an `f32` can tell.
    pub fn largest(self) -> f32 {
        match self {
            Self::Bf16 => bf16::MAX.to_f32(),
            Self::F16 => f16::MAX.to_f32(),
            Self::F32 | Self::F64 => f32::MAX,
        }
    }

    /// Name in a safetensors header.
    pub(super) fn safetensors_name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::F16 => "F16",
            Self::F32 => "F32",
            Self::F64 => "F64",
        }
    }

    /// Little-endian bytes → values; a trailing partial element is ignored.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Bf16 => elements(bytes)
                .map(|b| bf16::from_le_bytes(b).to_f32())
                .collect(),
            Self::F16 => elements(bytes)
                .map(|b| f16::from_le_bytes(b).to_f32())
                .collect(),
            Self::F32 => elements(bytes).map(f32::from_le_bytes).collect(),
            Self::F64 => elements(bytes)
                .map(|b| f64::from_le_bytes(b) as f32)
                .collect(),
        }
    }

    /// Values → little-endian bytes, rounded to nearest even. `Err` holds the first finite value that overflows.
    pub(super) fn encode(self, values: &[f32]) -> Result<Vec<u8>, f32> {
        let overflows = |value: f32| value.is_finite() && !self.rounds_to_finite(value);
        if let Some(value) = values.iter().copied().find(|&value| overflows(value)) {
            return Err(value);
        }
        Ok(match self {
            Self::Bf16 => values
                .iter()
                .flat_map(|&v| bf16::from_f32(v).to_le_bytes())
                .collect(),
            Self::F16 => values
                .iter()
                .flat_map(|&v| f16::from_f32(v).to_le_bytes())
                .collect(),
            Self::F32 => values.iter().flat_map(|&v| v.to_le_bytes()).collect(),
            Self::F64 => values
                .iter()
                .flat_map(|&v| f64::from(v).to_le_bytes())
                .collect(),
        })
    }

    fn rounds_to_finite(self, value: f32) -> bool {
        match self {
            Self::Bf16 => bf16::from_f32(value).is_finite(),
            Self::F16 => f16::from_f32(value).is_finite(),
            Self::F32 | Self::F64 => true,
        }
    }
}

fn elements<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

impl FromStr for DType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bf16" => Ok(Self::Bf16),
            "f16" => Ok(Self::F16),
            "f32" => Ok(Self::F32),
            "f64" => Ok(Self::F64),
            _ => Err(format!(
                "unknown element type {text:?}, expected f32, f16, bf16 or f64"
            )),
        }
    }
}

/// Element type as found in a file: one that weights can have, or the name of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Float(DType),
    Other(String),
}

impl Element {
    /// The float type, if it is one.
    pub(super) fn float(&self) -> Option<DType> {
        match self {
            Self::Float(dtype) => Some(*dtype),
            Self::Other(_) => None,
        }
    }

    /// Element type of a safetensors header.
    pub(super) fn from_safetensors(name: &str) -> Self {
        let dtypes = [DType::Bf16, DType::F16, DType::F32, DType::F64];
        dtypes
            .into_iter()
            .find(|dtype| dtype.safetensors_name() == name)
            .map_or_else(|| Self::Other(name.to_lowercase()), Self::Float)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(dtype) => dtype.fmt(f),
            Self::Other(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_a_type_can_hold_come_back_unchanged() {
        let values = [0.0, -0.0, 1.5, -75.0, f32::INFINITY];
        for dtype in [DType::Bf16, DType::F16, DType::F32, DType::F64] {
            let bytes = dtype.encode(&values).unwrap();
            assert_eq!(bytes.len(), values.len() * dtype.size());
            let back = dtype.decode(&bytes);
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&back), bits(&values), "{dtype}");
            assert_eq!(dtype.to_string().parse::<DType>().unwrap(), dtype);
        }
    }

    #[test]
    fn a_finite_value_never_becomes_infinite() {
        assert_eq!(DType::F16.encode(&[1.0, 70_000.0]), Err(70_000.0));
        assert_eq!(DType::Bf16.encode(&[f32::MAX]), Err(f32::MAX));
        // 65 519 still rounds down to the largest f16.
        assert_eq!(
            DType::F16.decode(&DType::F16.encode(&[65_519.0]).unwrap()),
            [65_504.0]
        );
    }
}
