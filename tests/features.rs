//! Features, checkpoints and their layouts as the command line writes them.

use std::collections::BTreeMap;
use std::fs;

use dinoscope_model::VARIANTS;
use dinoscope_model::checkpoint::parameter_count;
use safetensors::Dtype;
use serde_json::Value;

use crate::golden::{Case, close};
use crate::room::{Room, f32s, metadata, tensors};

#[test]
fn features_of_golden_pictures_equal_the_reference() {
    for name in Case::below("backbones") {
        let case = Case::read(&name, "expected.safetensors");
        let (room, model) = (Room::new(), name.rsplit('/').next().unwrap());
        room.copy_backbone(&name, model);
        room.succeeds(&format!(
            "features --size native --model {model} image.png -o out"
        ));
        assert_eq!(room.files("out"), ["image.safetensors"]);
        let found = tensors(&room.path("out/image.safetensors"));
        let [height, width] = [0, 1].map(|i| case.json["image_hw"][i].as_u64().unwrap() as usize);
        let [rows, cols, dim] = found["patches"].1[..] else {
            panic!("{:?}", found["patches"].1)
        };
        assert_eq!((height % rows, width % cols), (0, 0));
        assert_eq!(height / rows, width / cols, "patches are square");
        assert_eq!(found["cls"].1, [dim]);
        // One order on both sides: class token, registers, patches row by row.
        let values: Vec<f32> = ["cls", "registers", "patches"]
            .iter()
            .flat_map(|part| f32s(&found[*part].2))
            .collect();
        let expected = case.values("last_hidden_state");
        let largest = expected
            .iter()
            .fold(0.0_f64, |largest, value| largest.max(value.abs()));
        close(&name, expected, &values, (2e-5 * largest, 0.0));
    }
}

#[test]
fn metadata_tells_how_features_were_made() {
    for name in Case::below("backbones") {
        let case = Case::read(&name, "expected.safetensors");
        let room = Room::with_backbone(&name);
        room.succeeds(
            "features --size native --model model image.png -o out --layer 1 --norm none",
        );
        let metadata = metadata(&room.path("out/image.safetensors"));
        let shape = &tensors(&room.path("out/image.safetensors"))["patches"].1;
        let text = |key: &str| {
            metadata
                .get(key)
                .unwrap_or_else(|| panic!("no {key} in {metadata:?}"))
        };
        for key in ["mean", "std"] {
            let found: [f64; 3] = serde_json::from_str(text(key)).unwrap();
            for (channel, value) in found.iter().enumerate() {
                let stated = case.json[key][channel].as_f64().unwrap();
                assert!((value - stated).abs() < 1e-6, "{key}: {value}, {stated}");
            }
        }
        assert_eq!(*text("grid"), format!("{}x{}", shape[0], shape[1]));
        assert_eq!(
            (
                text("size").as_str(),
                text("layer").as_str(),
                text("norm").as_str()
            ),
            ("native", "1", "none")
        );
        assert_eq!(text("sha256").len(), 64);
        assert_eq!(text("model"), "model");
        assert_eq!(text("version"), env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn a_pth_gives_the_features_of_its_conversion() {
    for name in Case::below("meta_vit") {
        let case = Case::read(&name, "data.safetensors");
        let room = Room::new();
        room.picture("image.png", (80, 48), 1);
        room.write(
            "model.pth",
            fs::read(case.folder.join("model.pth")).unwrap(),
        );
        room.succeeds("features --size native --model model.pth image.png -o out");
        let found = tensors(&room.path("out/image.safetensors"));
        let stated = |key: &str| case.json["architecture"][key].as_u64().unwrap() as usize;
        let (dim, patch) = (stated("embed_dim"), stated("patch_size"));
        assert_eq!(found["patches"].1, [48 / patch, 80 / patch, dim]);
        assert_eq!(found["registers"].1, [stated("n_storage_tokens"), dim]);
        assert_eq!(found["cls"].1, [dim]);
        assert!(
            found.values().all(|(dtype, _, bytes)| *dtype == Dtype::F32
                && f32s(bytes).iter().all(|v| v.is_finite()))
        );
        let metadata = metadata(&room.path("out/image.safetensors"));
        for key in [
            "model", "sha256", "size", "grid", "layer", "norm", "mean", "std", "version",
        ] {
            assert!(
                metadata.get(key).is_some_and(|text| !text.is_empty()),
                "{key}: {metadata:?}"
            );
        }
        room.succeeds("model convert model.pth converted --layout meta");
        room.succeeds("features --size native --model converted image.png -o again");
        assert!(
            found == tensors(&room.path("again/image.safetensors")),
            "{name}: conversion changes the features"
        );
    }
}

#[test]
fn several_layers_have_a_name_each() {
    for name in Case::below("backbones") {
        let room = Room::with_backbone(&name);
        room.succeeds("features --size native --model model image.png -o out --layer 0,1");
        let found = tensors(&room.path("out/image.safetensors"));
        let parts = ["cls", "patches", "registers"];
        let expected: Vec<String> = (0..2)
            .flat_map(|i| parts.map(|part| format!("layer.{i}.{part}")))
            .collect();
        assert_eq!(found.keys().cloned().collect::<Vec<_>>(), expected);
        for i in 0..2 {
            room.succeeds(&format!(
                "features --size native --model model image.png -o {i} --layer {i} --no-cache"
            ));
            let alone = tensors(&room.path(&format!("{i}/image.safetensors")));
            for part in parts {
                assert!(
                    alone[part] == found[&format!("layer.{i}.{part}")],
                    "{name}: layer {i}, {part}"
                );
            }
        }
    }
}

#[test]
fn an_npz_holds_the_arrays_of_the_safetensors() {
    let name = &Case::below("backbones")[0];
    let room = Room::with_backbone(name);
    room.succeeds("features --size native --model model image.png -o out");
    room.succeeds("features --size native --model model image.png -o out --format npz");
    let mut npz = npyz::npz::NpzArchive::open(room.path("out/image.npz")).unwrap();
    for (name, (_, shape, bytes)) in tensors(&room.path("out/image.safetensors")) {
        let array = npz.by_name(&name).unwrap().unwrap();
        let found: Vec<usize> = array.shape().iter().map(|&side| side as usize).collect();
        assert_eq!(found, shape, "{name}");
        assert_eq!(array.into_vec::<f32>().unwrap(), f32s(&bytes), "{name}");
    }
}

#[test]
fn parameter_counts_are_those_of_the_released_files() {
    // Learnable parameters as `spec/01` counts them; no weight is allocated for the sum.
    let stated = BTreeMap::from([
        ("vits16", 21_601_152),
        ("vits16plus", 28_697_472),
        ("vitb16", 85_669_632),
        ("vitl16", 303_154_176),
        ("vitl16-sat", 303_156_224),
        ("vitl16plus", 403_915_776),
        ("vith16plus", 840_633_600),
        ("vit7b16", 6_716_043_264),
        ("vit7b16-sat", 6_716_043_264),
        ("convnext_tiny", 27_820_128),
        ("convnext_small", 49_454_688),
        ("convnext_base", 87_566_464),
        ("convnext_large", 196_230_336),
    ]);
    let counted = VARIANTS
        .iter()
        .map(|variant| (variant.name, parameter_count(&variant.config())));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), stated);
}

#[test]
fn a_round_through_all_layouts_returns_every_byte() {
    for name in Case::below("backbones") {
        let room = Room::with_backbone(&name);
        room.succeeds("features --size native --model model image.png -o out");
        for (from, to) in [("model", "meta"), ("meta", "timm"), ("timm", "hf")] {
            room.succeeds(&format!("model convert {from} {to} --layout {to}"));
            assert_eq!(room.json(&format!("model info {to}"))["layout"], to);
            room.succeeds(&format!(
                "features --size native --model {to} image.png -o out-{to}"
            ));
            let path = room.path(&format!("out-{to}/image.safetensors"));
            assert!(
                tensors(&path) == tensors(&room.path("out/image.safetensors")),
                "{name}: features as {to}"
            );
        }
        let (first, last) = ["model", "hf"]
            .map(|name| tensors(&room.path(name).join("model.safetensors")))
            .into();
        assert_eq!(
            first.keys().collect::<Vec<_>>(),
            last.keys().collect::<Vec<_>>()
        );
        for (tensor, value) in &first {
            assert!(*value == last[tensor], "{name}: {tensor} differs");
        }
    }
}

#[test]
fn info_describes_the_file() {
    for name in Case::below("backbones") {
        let room = Room::with_backbone(&name);
        let info = room.json("model info model");
        let config: Value = serde_json::from_slice(&room.read("model/config.json")).unwrap();
        let tensors = tensors(&room.path("model/model.safetensors"));
        assert_eq!(info["layout"], "hf");
        assert_eq!(info["tensors"]["missing"], 0);
        assert_eq!(info["tensors"]["unexpected"], 0);
        assert_eq!(info["tensors"]["loaded"], tensors.len());
        if config["model_type"] == "dinov3_vit" {
            assert_eq!(
                (&info["dim"], &info["depth"]),
                (&config["hidden_size"], &config["num_hidden_layers"])
            );
            assert_eq!(
                (&info["heads"], &info["patch"]),
                (&config["num_attention_heads"], &config["patch_size"])
            );
            assert_eq!(info["registers"], config["num_register_tokens"]);
        }
        for key in [
            "family", "variant", "layout", "params", "dim", "depth", "heads", "mean", "std",
            "sha256",
        ] {
            assert!(info.get(key).is_some(), "no {key}: {info}");
        }
    }
}
