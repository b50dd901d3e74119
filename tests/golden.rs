//! Reads golden cases: `DINOSCOPE_GOLDEN` names another folder of the same cases.

use std::collections::BTreeMap;
use std::path::PathBuf;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// Folder of the golden cases.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("DINOSCOPE_GOLDEN") {
        Some(folder) => folder.into(),
        None => concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into(),
    }
}

/// One case: its description and its tensors as f64, whatever they are stored as.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) json: Value,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
}

impl Case {
    /// Reads `case.json` and `file` of the case `name`.
    pub(crate) fn read(name: &str, file: &str) -> Self {
        let folder = folder().join(name);
        let json = std::fs::read(folder.join("case.json")).unwrap();
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let read = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
            (
                name,
                (view.shape().to_vec(), values(view.dtype(), view.data())),
            )
        };
        Self {
            json: serde_json::from_slice(&json).unwrap(),
            tensors: tensors.tensors().into_iter().map(read).collect(),
            folder,
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn shape(&self, name: &str) -> &[usize] {
        &self.tensors[name].0
    }

    pub(crate) fn values(&self, name: &str) -> &[f64] {
        let (_, values) = self
            .tensors
            .get(name)
            .unwrap_or_else(|| panic!("no tensor {name}"));
        values
    }

    pub(crate) fn f32(&self, name: &str) -> Vec<f32> {
        self.values(name)
            .iter()
            .map(|&value| value as f32)
            .collect()
    }

    /// The tolerance that the case states.
    pub(crate) fn tolerance(&self) -> (f64, f64) {
        let get = |name| self.json["tolerance"][name].as_f64().unwrap_or(0.0);
        (get("abs"), get("rel"))
    }

    /// Fails unless `|found − expected| ≤ abs + rel · |expected|` everywhere.
    pub(crate) fn check(&self, name: &str, found: &[f32], (abs, rel): (f64, f64)) {
        close(
            &format!("{}: {name}", self.folder.display()),
            self.values(name),
            found,
            (abs, rel),
        );
    }

    /// Folders of all cases below `name`.
    pub(crate) fn below(name: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder().join(name))
            .unwrap()
            .map(|entry| format!("{name}/{}", entry.unwrap().file_name().to_string_lossy()))
            .collect();
        names.sort();
        assert!(!names.is_empty(), "no cases in {name}");
        names
    }
}

/// Fails at the first value outside the tolerance.
pub(crate) fn close(what: &str, expected: &[f64], found: &[f32], (abs, rel): (f64, f64)) {
    assert_eq!(expected.len(), found.len(), "{what}: length");
    let off = |(&e, &f): (&f64, &f32)| (f64::from(f) - e).abs() - (abs + rel * e.abs());
    let worst = expected.iter().zip(found).map(off).enumerate().fold(
        (0, f64::MIN),
        |worst, (i, excess)| {
            if excess > worst.1 || excess.is_nan() {
                (i, excess)
            } else {
                worst
            }
        },
    );
    let (i, excess) = worst;
    assert!(
        excess <= 0.0,
        "{what}[{i}]: {} found, {} expected, {excess:e} outside abs {abs:e} rel {rel:e}",
        found[i],
        expected[i]
    );
}

fn values(dtype: Dtype, data: &[u8]) -> Vec<f64> {
    match dtype {
        Dtype::F32 => data
            .as_chunks()
            .0
            .iter()
            .map(|&b| f64::from(f32::from_le_bytes(b)))
            .collect(),
        Dtype::F64 => data
            .as_chunks()
            .0
            .iter()
            .map(|&b| f64::from_le_bytes(b))
            .collect(),
        Dtype::I64 => data
            .as_chunks()
            .0
            .iter()
            .map(|&b| i64::from_le_bytes(b) as f64)
            .collect(),
        Dtype::U8 | Dtype::BOOL => data.iter().map(|&b| f64::from(b)).collect(),
        other => panic!("dtype {other:?} in golden data"),
    }
}
