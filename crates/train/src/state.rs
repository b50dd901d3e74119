//! Everything that the next step of a run depends on, in one safetensors file.
//!
//! Weights by name in the order of Meta's layout, moments of the optimizer in the order of memory, counters. f32 is
//! stored bit for bit, so that a resumed run is the same run.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::error::TrainError;
use crate::optimizer::{AdamW, Moments};

/// Metadata key of the counters.
const COUNTERS: &str = "counters";

/// Tensors and counters by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// f32 values.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// Whole numbers.
    pub counters: BTreeMap<String, u64>,
}

impl State {
    /// Adds tensors, their names behind `prefix`.
    pub fn put(&mut self, prefix: &str, tensors: BTreeMap<String, Vec<f32>>) {
        let named = tensors
            .into_iter()
            .map(|(name, values)| (format!("{prefix}{name}"), values));
        self.tensors.extend(named);
    }

    /// The tensors behind `prefix`, without it.
    pub fn take(&mut self, prefix: &str) -> BTreeMap<String, Vec<f32>> {
        let (own, rest) = std::mem::take(&mut self.tensors)
            .into_iter()
            .partition(|(name, _)| name.starts_with(prefix));
        self.tensors = rest;
        let own: BTreeMap<String, Vec<f32>> = own;
        own.into_iter()
            .map(|(name, values)| (name[prefix.len()..].to_owned(), values))
            .collect()
    }

    /// Adds an optimizer.
    ///
    /// # Panics
    /// Never: moments are f32.
    pub fn put_adamw(&mut self, prefix: &str, adamw: &AdamW) {
        for (name, moments) in adamw.moments() {
            let counter = format!("{prefix}count.{name}");
            self.counters.insert(counter, moments.count);
            for (kind, tensor) in ["mean", "square"].into_iter().zip(&moments.tensors) {
                let values = tensor.clone().into_data().try_to_vec();
                let values = values.expect("moments are f32");
                self.tensors
                    .insert(format!("{prefix}{kind}.{name}"), values);
            }
        }
    }

    /// Puts a saved optimizer into place.
    pub fn take_adamw(&mut self, prefix: &str, adamw: &mut AdamW, device: &Device) {
        let mut squares = self.take(&format!("{prefix}square."));
        let tensor = |values: Vec<f32>| {
            let count = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [count]), device)
        };
        let moments = self
            .take(&format!("{prefix}mean."))
            .into_iter()
            .filter_map(|(name, mean)| {
                let square = squares.remove(&name)?;
                let count = self.counters.get(&format!("{prefix}count.{name}"));
                let moments = Moments {
                    tensors: [tensor(mean), tensor(square)],
                    count: count.copied().unwrap_or(0),
                };
                Some((name, moments))
            })
            .collect();
        adamw.restore(moments);
    }

    /// Writes the file.
    ///
    /// # Panics
    /// Never: every list has the shape of its length.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let views = self.tensors.iter().map(|(name, values)| {
            let bytes = bytemuck_bytes(values);
            let view = TensorView::new(Dtype::F32, vec![values.len()], bytes)
                .expect("the shape is that of the values");
            (name.clone(), view)
        });
        let counters = serde_json::to_string(&self.counters).expect("numbers have a place in JSON");
        let metadata = HashMap::from([(COUNTERS.to_owned(), counters)]);
        safetensors::serialize_to_file(views, Some(metadata), path).map_err(|reason| {
            TrainError::Write {
                what: "the state",
                reason: reason.to_string(),
                path: path.to_path_buf(),
            }
        })
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let broken = |reason: String| TrainError::State {
            reason,
            path: path.to_path_buf(),
        };
        let bytes = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
        let counters = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(COUNTERS))
            .ok_or_else(|| broken("it has no counters".into()))?;
        let counters = serde_json::from_str(counters).map_err(|error| broken(error.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(broken(format!(
                    "tensor \"{name}\" is {:?}, expected F32",
                    view.dtype()
                )));
            }
            let words = view.data().as_chunks::<4>().0.iter();
            let values = words.map(|word| f32::from_le_bytes(*word)).collect();
            tensors.insert(name.to_owned(), values);
        }
        Ok(Self { tensors, counters })
    }
}

/// The values as little-endian bytes; no copy on the machines that store them so.
fn bytemuck_bytes(values: &[f32]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "files are little-endian") };
    bytemuck::cast_slice(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_every_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        let mut state = State::default();
        let values = vec![0.1, -0.0, f32::MIN_POSITIVE / 2.0, 3e38];
        state.put("a.", BTreeMap::from([("x".to_owned(), values.clone())]));
        state.put("b.", BTreeMap::from([("x".to_owned(), vec![])]));
        state.counters.insert("step".into(), u64::MAX);
        state.write(&path).unwrap();
        let mut again = State::read(&path).unwrap();
        assert_eq!(again, state);
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&again.take("a.")["x"]), bits(&values));
        assert_eq!(again.tensors.len(), 1);
    }

    #[test]
    fn a_file_that_is_cut_short_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        let mut state = State::default();
        state.put("", BTreeMap::from([("x".to_owned(), vec![1.0; 100])]));
        state.write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 7, 40, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = State::read(&path).unwrap_err().to_string();
            assert!(error.ends_with("state.safetensors"), "{error}");
        }
    }
}
