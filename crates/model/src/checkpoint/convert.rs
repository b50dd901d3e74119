//! From one layout or element type to another, with licence and lineage.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::export::{SaveOptions, Weights, Written, encode, export};
use super::origin::LICENSE_KEY;
use super::tensors::{Role, TensorSpec};
use super::{Checkpoint, CheckpointError, DType, Layout, carried};

/// Converts a checkpoint. `out` is a `.safetensors` file, or a folder that gets `model.safetensors`.
///
/// `dtype` `None` keeps each tensor's type and bits. The Hugging Face layout also gets its `config.json` and
/// `preprocessor_config.json`; beside a file only where there is none yet. Nothing is left behind on an error.
pub fn convert(
    source: &Checkpoint,
    out: &Path,
    layout: Layout,
    dtype: Option<DType>,
    force: bool,
) -> Result<Written, CheckpointError> {
    source.refuse_if_incomplete()?;
    let metadata = provenance(source, layout, dtype);
    let (statistics, data) = (source.statistics(), source.data());
    let options = SaveOptions {
        layout,
        dtype,
        statistics,
        data,
        metadata,
        force,
    };
    export(
        &mut FromCheckpoint { source, dtype, out },
        source.config(),
        out,
        &options,
    )
}

struct FromCheckpoint<'a> {
    source: &'a Checkpoint,
    dtype: Option<DType>,
    out: &'a Path,
}

impl Weights for FromCheckpoint<'_> {
    fn dtype(&self, spec: &TensorSpec) -> DType {
        match (spec.role, self.dtype) {
            // Rounded periods would be other periods.
            (Role::Periods, _) => DType::F32,
            (_, Some(dtype)) => dtype,
            (_, None) => self.source.canonical_dtype(spec),
        }
    }

    fn bytes(&mut self, spec: &TensorSpec) -> Result<Cow<'_, [u8]>, CheckpointError> {
        let wanted = self.dtype(spec);
        let (dtype, bytes) = self.source.canonical(spec)?;
        if dtype == wanted {
            return Ok(bytes);
        }
        encode(wanted, &dtype.decode(&bytes), spec, self.out).map(Cow::Owned)
    }
}

/// What the source says about itself, its licence, and one more step of its lineage.
fn provenance(
    source: &Checkpoint,
    layout: Layout,
    dtype: Option<DType>,
) -> BTreeMap<String, String> {
    let mut metadata = source.metadata().clone();
    carried::clear(&mut metadata);
    let file = source
        .path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if let Some(license) = source.license() {
        metadata.insert(LICENSE_KEY.to_owned(), license.to_owned());
    }
    // The first file that was converted stays the source; the lineage has the later ones.
    if !metadata.contains_key("source") {
        metadata.insert(
            "source".to_owned(),
            source
                .variant()
                .map_or_else(|| file.clone(), |v| v.name.to_owned()),
        );
        metadata.insert("source_sha256".to_owned(), source.sha256().to_owned());
    }
    let mut lineage: Vec<String> = metadata
        .get("lineage")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let types = dtype.map_or_else(|| "types kept".to_owned(), |dtype| dtype.to_string());
    let version = env!("CARGO_PKG_VERSION");
    let (from, sha256) = (source.layout(), source.sha256());
    lineage.push(format!(
        "dinoscope {version}: {file} (sha256 {sha256}) from {from} to {layout}, {types}"
    ));
    metadata.insert("lineage".to_owned(), serde_json::json!(lineage).to_string());
    metadata
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::checkpoint::tensors::tensors;
    use crate::checkpoint::tests::golden;

    type Stored = BTreeMap<String, (String, Vec<usize>, Vec<u8>)>;

    fn stored(path: &Path) -> Stored {
        let bytes = std::fs::read(path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
            (
                name.to_owned(),
                (
                    view.dtype().to_string(),
                    view.shape().to_vec(),
                    view.data().to_vec(),
                ),
            )
        };
        file.iter().map(tensor).collect()
    }

    /// Converts step by step in new folders and gives the last one.
    fn chain(folder: &Path, from: &Path, layouts: &[Layout]) -> PathBuf {
        let mut path = from.to_path_buf();
        for (step, layout) in layouts.iter().enumerate() {
            let out = folder.join(format!("{step}_{layout}"));
            convert(
                &Checkpoint::open(&path).unwrap(),
                &out,
                *layout,
                None,
                false,
            )
            .unwrap();
            path = out;
        }
        path
    }

    #[test]
    fn a_way_through_all_layouts_gives_identical_tensors() {
        for case in ["vit_gelu", "vit_swiglu_sat", "convnext"] {
            let folder = tempfile::tempdir().unwrap();
            let source = golden("backbones").join(case);
            let end = chain(
                folder.path(),
                &source,
                &[Layout::Meta, Layout::Timm, Layout::Hf],
            );
            assert_eq!(
                stored(&end.join("model.safetensors")),
                stored(&source.join("model.safetensors")),
                "{case}"
            );
            let (first, last) = (
                Checkpoint::open(&source).unwrap(),
                Checkpoint::open(&end).unwrap(),
            );
            assert_eq!((last.config(), last.data()), (first.config(), first.data()));
            let lineage: Vec<String> = serde_json::from_str(&last.metadata()["lineage"]).unwrap();
            assert_eq!(lineage.len(), 3);
            assert_eq!(last.metadata()["source_sha256"], first.sha256());
        }
    }

    #[test]
    fn half_precision_survives_the_same_way() {
        let folder = tempfile::tempdir().unwrap();
        let source = Checkpoint::open(&golden("backbones/vit_gelu")).unwrap();
        for (dtype, name) in [(DType::Bf16, "BF16"), (DType::F16, "F16")] {
            let half = folder.path().join(dtype.to_string());
            convert(&source, &half, Layout::Hf, Some(dtype), false).unwrap();
            let way = folder.path().join(format!("{dtype}_way"));
            let end = chain(&way, &half, &[Layout::Meta, Layout::Timm, Layout::Hf]);
            let tensors = stored(&end.join("model.safetensors"));
            assert_eq!(tensors, stored(&half.join("model.safetensors")));
            assert!(tensors.values().all(|(dtype, ..)| dtype == name));
            // The values are the rounded ones.
            let exact = source.read("norm.weight").unwrap();
            let rounded = Checkpoint::open(&end).unwrap().read("norm.weight").unwrap();
            assert_eq!(rounded, dtype.decode(&dtype.encode(&exact).unwrap()));
            assert_ne!(rounded, exact);
        }
    }

    #[test]
    fn local_norm_and_rounded_periods_survive_every_layout() {
        for case in ["mlp_layerscale", "swiglu8", "swiglu64_local_cls_norm"] {
            let source = golden("meta_vit").join(case).join("model.pth");
            let first = Checkpoint::open(&source).unwrap();
            for layout in [Layout::Hf, Layout::Timm, Layout::Meta] {
                let folder = tempfile::tempdir().unwrap();
                let end = chain(folder.path(), &source, &[layout, Layout::Meta]);
                let last = Checkpoint::open(&end).unwrap();
                last.refuse_if_incomplete().unwrap();
                assert_eq!(last.config(), first.config(), "{case} by way of {layout}");
                for spec in tensors(first.config()) {
                    assert_eq!(
                        last.read(&spec.name).unwrap(),
                        first.read(&spec.name).unwrap(),
                        "{}",
                        spec.name
                    );
                }
            }
        }
    }

    #[test]
    fn the_files_have_the_names_of_their_layout() {
        let folder = tempfile::tempdir().unwrap();
        let source = golden("meta_vit/swiglu64_local_cls_norm/model.pth");
        let names = |layout| {
            let end = chain(&folder.path().join(format!("{layout}")), &source, &[layout]);
            stored(&end.join("model.safetensors"))
                .into_keys()
                .collect::<Vec<_>>()
        };
        let (meta, hf, timm) = (names(Layout::Meta), names(Layout::Hf), names(Layout::Timm));
        let has = |names: &[String], name: &str| names.iter().any(|other| other == name);
        assert!(has(&meta, "rope_embed.periods") && has(&meta, "local_cls_norm.bias"));
        assert!(has(&hf, "local_cls_norm.bias") && has(&hf, "layer.0.mlp.gate_proj.weight"));
        assert!(has(&timm, "blocks.0.mlp.fc1_g.weight") && has(&timm, "blocks.0.gamma_1"));
        assert!(!has(&timm, "mask_token") && !has(&timm, "local_cls_norm.bias"));
    }

    #[test]
    fn a_file_gets_its_json_files_beside_it_but_never_replaces_any() {
        let folder = tempfile::tempdir().unwrap();
        let source = Checkpoint::open(&golden("backbones/convnext")).unwrap();
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        let out = folder.path().join("c.safetensors");
        let written = convert(&source, &out, Layout::Hf, None, true).unwrap();
        assert_eq!(
            written.files,
            [out.clone(), folder.path().join("preprocessor_config.json")]
        );
        assert_eq!(
            std::fs::read_to_string(folder.path().join("config.json")).unwrap(),
            "{}"
        );
        assert!(matches!(
            convert(&source, &out, Layout::Hf, None, false),
            Err(CheckpointError::Exists { .. })
        ));
        let pth = folder.path().join("c.pth");
        assert!(matches!(
            convert(&source, &pth, Layout::Meta, None, false),
            Err(CheckpointError::OutputName { .. })
        ));
    }

    #[test]
    fn an_incomplete_checkpoint_is_not_converted() {
        let folder = tempfile::tempdir().unwrap();
        let source = golden("backbones/vit_gelu");
        let mut tensors = stored(&source.join("model.safetensors"));
        tensors.remove("layer.2.mlp.up_proj.bias").unwrap();
        let views = tensors.iter().map(|(name, (_, shape, data))| {
            (
                name,
                safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data)
                    .unwrap(),
            )
        });
        safetensors::serialize_to_file(views, None, &folder.path().join("model.safetensors"))
            .unwrap();
        std::fs::copy(
            source.join("config.json"),
            folder.path().join("config.json"),
        )
        .unwrap();
        let out = folder.path().join("out");
        let error = convert(
            &Checkpoint::open(folder.path()).unwrap(),
            &out,
            Layout::Meta,
            None,
            false,
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("layer.2.mlp.up_proj.bias"),
            "{error}"
        );
        assert!(!out.exists());
    }
}
