//! Reads the golden tensors for the tests of this folder.

use std::path::PathBuf;

use safetensors::SafeTensors;

/// All tensors of one golden case.
pub(crate) struct Golden(Vec<u8>);

impl Golden {
    pub(crate) fn open(case: &str) -> Self {
        let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
            PathBuf::from,
        );
        let path = folder.join(case).join("data.safetensors");
        Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display())))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        tensors.names().iter().map(ToString::to_string).collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = tensors
            .tensor(name)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name).1;
        let (words, _) = bytes.as_chunks();
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    }

    pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
        let bytes = self.bytes(name).1;
        let (words, _) = bytes.as_chunks();
        let numbers = words.iter().map(|word| i64::from_le_bytes(*word));
        numbers.map(|n| usize::try_from(n).unwrap()).collect()
    }

    pub(crate) fn map(&self, name: &str) -> crate::feature_map::FeatureMap {
        let [rows, cols, dim] = self.bytes(name).0[..] else {
            panic!("{name} has three axes")
        };
        crate::feature_map::FeatureMap::new(rows, cols, dim, self.floats(name)).unwrap()
    }
}

/// A picture whose patches are 16 × 16 pixels, without tokens.
pub(crate) fn subject(features: &crate::feature_map::FeatureMap) -> super::Subject {
    let size = (features.cols() as u32 * 16, features.rows() as u32 * 16);
    super::Subject {
        name: "picture".to_owned(),
        grid: crate::grid::Grid::new(size, size, 16),
        features: features.clone(),
        cls: [].into(),
        registers: [].into(),
        picture: None,
    }
}

/// The middle of a patch of such a picture.
pub(crate) fn centre(row: usize, col: usize) -> super::Point {
    [col as f64 * 16.0 + 8.0, row as f64 * 16.0 + 8.0]
}

/// The values of the scalar map of a subject.
pub(crate) fn values(found: &super::Found, subject: usize) -> Vec<f32> {
    let map = found.maps.iter().find(|map| map.subject == subject);
    match &map.unwrap_or_else(|| panic!("no map {subject}")).layer {
        super::Layer::Scalar { map, .. } => map.values.clone(),
        other => panic!("no scalar map: {other:?}"),
    }
}

/// Panics with the place if two lists differ by more than `allowed`.
pub(crate) fn assert_close(found: &[f32], expected: &[f32], allowed: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(
            difference <= allowed,
            "{what}[{at}]: {found}, expected {expected}"
        );
    }
}
