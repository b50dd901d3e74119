//! Arrays of f32 as `.npy` and `.safetensors`.
//!
//! Input: arrays that fill their shapes. Output: files that numpy and every reader of safetensors open.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use npyz::WriterBuilder;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};

use super::{Array, Existing, Values, ValuesError, write_file};

/// Writes f32 `values` of `shape` (for example `[rows, cols]` or `[rows, cols, k]`), row-major, as `.npy`.
pub fn write_npy(
    path: &Path,
    shape: &[usize],
    values: &[f32],
    existing: Existing,
) -> Result<(), ValuesError> {
    let array = Array {
        name: "",
        shape,
        values,
    };
    array.check(path)?;
    let shape: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
    write_file(path, existing, |out| {
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut npy = options.writer(out).begin_nd()?;
        npy.extend(values.iter().copied())?;
        npy.finish()
    })
}

/// Writes all arrays as f32 tensors under their names, and the metadata.
pub(super) fn write_safetensors(
    path: &Path,
    values: &Values<'_>,
    existing: Existing,
) -> Result<(), ValuesError> {
    let failed = |error: SafeTensorError| ValuesError::Write {
        source: io::Error::other(error),
        path: path.to_owned(),
    };
    let views: Result<Vec<_>, _> = values
        .arrays
        .iter()
        .map(|array| {
            let bytes = bytemuck::cast_slice(array.values);
            let view = TensorView::new(Dtype::F32, array.shape.to_vec(), bytes)?;
            Ok((array.name.to_owned(), view))
        })
        .collect();
    let metadata: HashMap<String, String> = values.metadata.clone().into_iter().collect();
    let metadata = (!metadata.is_empty()).then_some(metadata);
    let bytes = safetensors::serialize(views.map_err(failed)?, metadata).map_err(failed)?;
    write_file(path, existing, |out| out.write_all(&bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn npy_reads_back_with_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        let values: Vec<f32> = (0..24).map(|i| i as f32 / 7.0).collect();
        write_npy(&path, &[2, 3, 4], &values, Existing::Keep).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(npy.shape(), [2, 3, 4]);
        assert_eq!(npy.into_vec::<f32>().unwrap(), values);
    }

    #[test]
    fn safetensors_read_back_with_names_and_metadata() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.safetensors");
        let (map, centers) = ([0.5, f32::NAN, 2.0], [1.0, -1.0]);
        let array = |name, shape, values| Array {
            name,
            shape,
            values,
        };
        let values = Values {
            arrays: vec![
                array("map", &[1, 3][..], &map[..]),
                array("centers", &[2], &centers),
            ],
            metadata: BTreeMap::from([("recipe".to_owned(), "{\"title\":\"猫\"}".to_owned())]),
            patch_px: (16.0, 16.0),
        };
        super::super::write_values(&path, &values, Existing::Keep).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(
            header.metadata().as_ref().unwrap()["recipe"],
            "{\"title\":\"猫\"}"
        );
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let found = file.tensor("map").unwrap();
        assert_eq!(found.shape(), [1, 3]);
        assert_eq!(found.data(), bytemuck::cast_slice::<f32, u8>(&map));
        assert_eq!(file.tensor("centers").unwrap().shape(), [2]);
    }
}
