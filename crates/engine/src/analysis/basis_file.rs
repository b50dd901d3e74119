//! A principal basis in a file.
//!
//! Input and output: a `PcaBasis` and a `.safetensors` file of its four tensors, f32, with the origin as JSON in the
//! metadata. A file is checked in full before it is believed.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::AnalysisError;
use super::basis::{BasisOrigin, PcaBasis};
use crate::values::{Existing, write_file};

/// Largest basis file that is read: 4,096 channels with as many components have 64 MiB.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Metadata key of a basis file; its value is the JSON of `BasisOrigin`.
const ORIGIN_KEY: &str = "dinoscope.pca";

impl PcaBasis {
    /// Writes the basis as safetensors: `mean`, `components`, `explained_variance`, `explained_variance_ratio`, f32.
    #[expect(
        clippy::missing_panics_doc,
        reason = "both expectations hold by construction"
    )]
    pub fn save(&self, path: &Path, existing: Existing) -> Result<(), AnalysisError> {
        let (k, dim) = (self.len(), self.dim());
        let tensors = [
            ("mean", vec![dim], &self.mean),
            ("components", vec![k, dim], &self.components),
            ("explained_variance", vec![k], &self.explained_variance),
            (
                "explained_variance_ratio",
                vec![k],
                &self.explained_variance_ratio,
            ),
        ]
        .map(|(name, shape, values)| {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (name, shape, bytes)
        });
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (
                *name,
                view.expect("every shape above is that of its values"),
            )
        });
        let origin = serde_json::to_string(&self.origin).expect("strings and numbers are JSON");
        let metadata = HashMap::from([(ORIGIN_KEY.to_owned(), origin)]);
        let bytes = safetensors::serialize(views, Some(metadata))
            .expect("four small tensors with different names can be serialised");
        Ok(write_file(path, existing, |out| out.write_all(&bytes))?)
    }

    /// Reads what `save` wrote; refuses other shapes, other types and values that are not finite.
    pub fn load(path: &Path) -> Result<Self, AnalysisError> {
        let bytes = read_limited(path)?;
        let wrong = |expected: &str, found: String| AnalysisError::Basis {
            expected: expected.to_owned(),
            found,
            path: path.to_owned(),
        };
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| wrong("a safetensors file", error.to_string()))?;
        let read = |name: &str| floats(&tensors, name).map_err(|found| wrong("finite f32", found));
        let (mean_shape, mean) = read("mean")?;
        let (shape, components) = read("components")?;
        let (variance_shape, explained_variance) = read("explained_variance")?;
        let (ratio_shape, explained_variance_ratio) = read("explained_variance_ratio")?;
        let (k, dim) = (explained_variance.len(), mean.len());
        let expected = [vec![dim], vec![k, dim], vec![k], vec![k]];
        let found = [mean_shape, shape, variance_shape, ratio_shape];
        if found != expected || k == 0 || dim == 0 {
            let names = "[dim], [k, dim], [k], [k] of mean, components, variance, ratio";
            return Err(wrong(names, format!("shapes {found:?}")));
        }
        if explained_variance.iter().any(|&variance| variance < 0.0) {
            return Err(wrong(
                "variances of at least 0",
                "a negative one".to_owned(),
            ));
        }
        let origin = origin(&bytes).map_err(|found| wrong("the origin as JSON", found))?;
        Ok(Self {
            mean,
            components,
            explained_variance,
            explained_variance_ratio,
            origin,
        })
    }
}

fn read_limited(path: &Path) -> Result<Vec<u8>, AnalysisError> {
    let failed = |source| AnalysisError::Read {
        source,
        path: path.to_owned(),
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut limited = file.take(MAX_FILE_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(AnalysisError::Basis {
            expected: format!("at most {MAX_FILE_BYTES} bytes"),
            found: "more".to_owned(),
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
    let tensor = tensors
        .tensor(name)
        .map_err(|_absent| format!("no tensor \"{name}\""))?;
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("\"{name}\" of type {:?}", tensor.dtype()));
    }
    let (words, _) = tensor.data().as_chunks();
    let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("the value {value} in \"{name}\"")),
        None => Ok((tensor.shape().to_vec(), values)),
    }
}

/// The origin in a file's metadata; a file of another program may have none.
fn origin(bytes: &[u8]) -> Result<BasisOrigin, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let text = header
        .metadata()
        .as_ref()
        .and_then(|data| data.get(ORIGIN_KEY));
    text.map_or_else(
        || Ok(BasisOrigin::default()),
        |text| serde_json::from_str(text).map_err(|error| error.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::basis::tests::basis;
    use super::*;

    #[test]
    fn a_frozen_basis_reads_back_equal() {
        let mut basis = basis();
        basis.origin.provenance.model = "vit".to_owned();
        basis.origin.pictures = vec!["a.png".to_owned()];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("basis.safetensors");
        basis.save(&path, Existing::Keep).unwrap();
        assert_eq!(PcaBasis::load(&path).unwrap(), basis);
    }

    #[test]
    fn every_truncation_of_a_basis_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("basis.safetensors");
        basis().save(&path, Existing::Keep).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(PcaBasis::load(&path).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_basis_with_nan_or_wrong_shapes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("basis.safetensors");
        let mut broken = basis();
        broken.components[3] = f32::NAN;
        broken.save(&path, Existing::Keep).unwrap();
        let error = PcaBasis::load(&path).unwrap_err().to_string();
        assert!(error.contains("NaN in \"components\""), "{error}");
        let mut negative = basis();
        negative.explained_variance[0] = -1.0;
        negative.save(&path, Existing::Replace).unwrap();
        assert!(PcaBasis::load(&path).is_err());
    }
}
