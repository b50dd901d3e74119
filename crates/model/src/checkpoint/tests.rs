//! Whole checkpoints: the golden files as they are, and damaged on purpose.

use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::config::{Ffn, RopePeriods, VitConfig};

pub(super) fn golden(case: &str) -> PathBuf {
    let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
        PathBuf::from,
    );
    folder.join(case)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn vit(checkpoint: &Checkpoint) -> &VitConfig {
    match checkpoint.config() {
        BackboneConfig::Vit(vit) => vit,
        BackboneConfig::ConvNext(_) => panic!("{checkpoint:?} is no ViT"),
    }
}

fn assert_complete(checkpoint: &Checkpoint) {
    checkpoint.refuse_if_incomplete().unwrap();
    assert_eq!(checkpoint.report().unexpected, Vec::<String>::new());
    let learned = checkpoint
        .specs
        .iter()
        .filter(|spec| spec.role == Role::Weight);
    let values: usize = learned
        .map(|spec| checkpoint.read(&spec.name).unwrap().len())
        .sum();
    assert_eq!(values as u64, checkpoint.params());
}

#[test]
fn checkpoints_of_transformers_open_as_their_folder_describes_them() {
    for case in ["vit_gelu", "vit_swiglu_sat", "convnext"] {
        let folder = golden("backbones").join(case);
        let checkpoint = Checkpoint::open(&folder).unwrap();
        assert_eq!(checkpoint.layout(), Layout::Hf);
        assert_complete(&checkpoint);
        assert_eq!(
            Ok(checkpoint.config().clone()),
            hf_config::parse(&json(&folder.join("config.json")))
        );
        let stated = json(&folder.join("case.json"));
        let (mean, std) = checkpoint.statistics();
        assert_eq!(
            (serde_json::json!(mean), serde_json::json!(std)),
            (f32s(&stated["mean"]), f32s(&stated["std"]))
        );
    }
}

fn f32s(values: &Value) -> Value {
    let values: Vec<_> = values
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap() as f32)
        .collect();
    serde_json::json!(values)
}

#[test]
fn vits_of_meta_open_as_their_case_describes_them() {
    for case in ["mlp_layerscale", "swiglu8", "swiglu64_local_cls_norm"] {
        let folder = golden("meta_vit").join(case);
        let checkpoint = Checkpoint::open(&folder).unwrap();
        assert_eq!(checkpoint.layout(), Layout::Meta);
        assert_complete(&checkpoint);
        let (vit, stated) = (
            vit(&checkpoint),
            &json(&folder.join("case.json"))["architecture"],
        );
        let number = |key: &str| stated[key].as_u64().unwrap() as usize;
        assert_eq!((vit.dim, vit.depth), (number("embed_dim"), number("depth")));
        assert_eq!(
            (vit.heads, vit.ffn_hidden),
            (number("num_heads"), number("ffn_hidden"))
        );
        assert_eq!(
            (vit.patch, vit.registers),
            (number("patch_size"), number("n_storage_tokens"))
        );
        assert_eq!(vit.ffn == Ffn::Mlp, stated["ffn_layer"] == "mlp");
        let bias = vit.attention_bias;
        let qkv = stated["qkv_bias"].as_bool().unwrap();
        assert_eq!(
            (bias.query, bias.key, bias.value, bias.out),
            (qkv, false, qkv, true)
        );
        assert_eq!(
            vit.local_cls_norm,
            stated["untie_global_and_local_cls_norm"] == true
        );
        assert!(
            matches!(&vit.rope.periods, RopePeriods::Stored(stored) if stored.len() == vit.head_dim() / 4)
        );
    }
}

#[test]
fn convnexts_of_meta_open_as_their_case_describes_them() {
    for case in ["patch_none", "patch16"] {
        let folder = golden("meta_convnext").join(case);
        let checkpoint = Checkpoint::open(&folder.join("model.pth")).unwrap();
        assert_complete(&checkpoint);
        let BackboneConfig::ConvNext(config) = checkpoint.config() else {
            panic!("{case} is no ConvNeXt")
        };
        let stated = &json(&folder.join("case.json"))["architecture"];
        assert_eq!(serde_json::json!(config.dims), stated["dims"]);
        assert_eq!(serde_json::json!(config.depths), stated["depths"]);
    }
}

#[test]
fn a_masked_key_bias_is_zero_and_the_others_are_not() {
    let checkpoint = Checkpoint::open(&golden("meta_vit/mlp_layerscale")).unwrap();
    let dim = checkpoint.config().dim();
    let stored = checkpoint.source.values("blocks.0.attn.qkv.bias").unwrap();
    let read = checkpoint.read("blocks.0.attn.qkv.bias").unwrap();
    assert!(
        stored[dim..2 * dim].iter().any(|value| *value != 0.0),
        "the case stores a key bias to be ignored"
    );
    assert!(read[dim..2 * dim].iter().all(|value| *value == 0.0));
    assert_eq!(
        (&read[..dim], &read[2 * dim..]),
        (&stored[..dim], &stored[2 * dim..])
    );
}

/// Writes a `.pth` with the tensors of another and a changed pickle.
fn repack(pth: &Path, out: &Path, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut zip = zip::ZipArchive::new(Cursor::new(std::fs::read(pth).unwrap())).unwrap();
    let mut writer = zip::ZipWriter::new(std::fs::File::create(out).unwrap());
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        writer.start_file(&name, stored).unwrap();
        writer
            .write_all(&if name.ends_with("data.pkl") {
                change(bytes)
            } else {
                bytes
            })
            .unwrap();
    }
    writer.finish().unwrap();
}

fn unicode(text: &str) -> Vec<u8> {
    [
        b"X",
        &(text.len() as u32).to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_training_export_is_its_backbone() {
    let plain = golden("meta_vit/swiglu8/model.pth");
    let flat = Checkpoint::open(&plain).unwrap();
    let names: Vec<_> = flat.source.tensors.keys().cloned().collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teacher_checkpoint.pth");
    repack(&plain, &path, |mut pickle| {
        for name in &names {
            let wrapped = if name == "mask_token" {
                "dino_head.mlp.0.weight"
            } else {
                &format!("backbone.{name}")
            };
            pickle = replace(&pickle, &unicode(name), &unicode(wrapped));
        }
        let state_dict = &pickle[2..pickle.len() - 1];
        [b"\x80\x02}(", &unicode("teacher")[..], state_dict, b"u."].concat()
    });
    let export = Checkpoint::open(&path).unwrap();
    assert_eq!(export.config(), flat.config());
    assert_eq!(export.report().heads, ["dino_head.mlp.0.weight"]);
    let error = export.refuse_if_incomplete().unwrap_err().to_string();
    assert!(
        error.starts_with("incomplete checkpoint: 1 tensor missing (mask_token)"),
        "{error}"
    );
    assert_eq!(
        export.read("norm.weight").unwrap(),
        flat.read("norm.weight").unwrap()
    );
}

#[test]
fn a_pickle_with_code_in_a_sound_zip_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.pth");
    repack(&golden("meta_vit/swiglu8/model.pth"), &path, |_| {
        b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.".to_vec()
    });
    let error = Checkpoint::open(&path).unwrap_err().to_string();
    assert!(
        error.starts_with("the pickle asks for \"os.system\""),
        "{error}"
    );
}

#[test]
fn no_truncated_file_opens() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "meta_vit/swiglu8/model.pth",
        "backbones/vit_gelu/model.safetensors",
    ] {
        let bytes = std::fs::read(golden(name)).unwrap();
        let path = folder.path().join(Path::new(name).file_name().unwrap());
        for len in [
            1,
            7,
            8,
            100,
            5_000,
            bytes.len() / 2,
            bytes.len() - 100,
            bytes.len() - 1,
        ] {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let error = Checkpoint::open(&path).unwrap_err().to_string();
            assert!(
                error.starts_with("not a valid") && !error.contains('\n'),
                "{len}: {error}"
            );
        }
    }
}

/// Writes the tensors of a golden checkpoint with one of them changed, beside a copy of its `config.json`.
fn tampered(change: impl Fn(&mut Vec<(String, Vec<usize>)>)) -> Checkpoint {
    let source = golden("backbones/vit_gelu");
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> = file
        .iter()
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec()))
        .collect();
    tensors.sort();
    change(&mut tensors);
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        source.join("config.json"),
        folder.path().join("config.json"),
    )
    .unwrap();
    let data: Vec<_> = tensors
        .iter()
        .map(|(_, shape)| vec![0; 4 * shape.iter().product::<usize>()])
        .collect();
    let views = tensors.into_iter().zip(&data).map(|((name, shape), data)| {
        (
            name,
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, data).unwrap(),
        )
    });
    safetensors::serialize_to_file(views, None, &folder.path().join("model.safetensors")).unwrap();
    Checkpoint::open(folder.path()).unwrap()
}

#[test]
fn missing_renamed_and_misshapen_tensors_refuse_the_model_by_name() {
    let norm = |tensors: &[(String, Vec<usize>)]| {
        tensors
            .iter()
            .position(|(name, _)| name == "norm.weight")
            .unwrap()
    };
    let missing = tampered(|tensors| drop(tensors.remove(norm(tensors))));
    let renamed = tampered(|tensors| {
        let at = norm(tensors);
        tensors[at].0 = "norm.wait".to_owned();
    });
    let misshapen = tampered(|tensors| {
        let at = norm(tensors);
        tensors[at].1 = vec![95];
    });
    for (checkpoint, reason) in [
        (&missing, "1 tensor missing (norm.weight)"),
        (&renamed, "1 tensor missing (norm.weight)"),
        (
            &misshapen,
            "1 unusable (norm.weight has shape [95], expected [96])",
        ),
    ] {
        let error = checkpoint.refuse_if_incomplete().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("incomplete checkpoint: {reason}")),
            "{error}"
        );
        assert!(!checkpoint.contains("norm.weight") && checkpoint.contains("norm.bias"));
        assert!(
            checkpoint
                .read("norm.weight")
                .unwrap_err()
                .to_string()
                .contains(reason)
        );
    }
    assert_eq!(renamed.report().unexpected, ["norm.wait"]);
}

#[test]
fn weights_without_a_config_ask_for_one_where_tensors_cannot_tell_the_heads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        golden("backbones/vit_gelu/model.safetensors"),
        folder.path().join("m.safetensors"),
    )
    .unwrap();
    let error = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("heads") && error.contains("config.json"),
        "{error}"
    );
    std::fs::copy(
        golden("backbones/convnext/model.safetensors"),
        folder.path().join("m.safetensors"),
    )
    .unwrap();
    let alone = Checkpoint::open(folder.path()).unwrap();
    let described = Checkpoint::open(&golden("backbones/convnext")).unwrap();
    assert_eq!(alone.config(), described.config());
}

#[test]
fn a_sharded_checkpoint_is_the_same_as_one_file() {
    let source = golden("backbones/vit_gelu");
    let whole = Checkpoint::open(&source).unwrap();
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        source.join("config.json"),
        folder.path().join("config.json"),
    )
    .unwrap();
    let mut map = serde_json::Map::new();
    for (shard, wanted) in [("a.safetensors", true), ("b.safetensors", false)] {
        let views: Vec<_> = file
            .iter()
            .filter(|(name, _)| name.starts_with("layer.1") == wanted)
            .collect();
        map.extend(
            views
                .iter()
                .map(|(name, _)| ((*name).to_owned(), shard.into())),
        );
        safetensors::serialize_to_file(views, None, &folder.path().join(shard)).unwrap();
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    std::fs::write(
        folder.path().join("model.safetensors.index.json"),
        index.to_string(),
    )
    .unwrap();
    let sharded = Checkpoint::open(folder.path()).unwrap();
    assert_complete(&sharded);
    for spec in tensors(whole.config()) {
        assert_eq!(
            sharded.read(&spec.name).unwrap(),
            whole.read(&spec.name).unwrap(),
            "{}",
            spec.name
        );
    }
    std::fs::remove_file(folder.path().join("b.safetensors")).unwrap();
    assert!(
        Checkpoint::open(folder.path())
            .unwrap_err()
            .to_string()
            .starts_with("cannot open")
    );
}
