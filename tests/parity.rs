//! Networks against tensors of the reference implementations, on both CPU roads: fused kernels and plain operations.

use burn::tensor::{Bool, Device, Tensor, TensorData};
use dinoscope_model::checkpoint::Checkpoint;
use dinoscope_model::config::{AttentionBias, Ffn, RopeConfig, RopeCoords, RopePeriods, VitConfig};
use dinoscope_model::convnext::resize_maps;
use dinoscope_model::rope::{Rope, RopeAugment, periods, table};
use dinoscope_model::{Backbone, BackboneConfig, Fresh, LayerTokens, Norm, Placement};

use crate::golden::{Case, close};

/// The fused kernels and the plain operations of the same network.
fn roads() -> [Placement; 2] {
    [Placement::packed_cpu(), Placement::plain(&Device::flex())]
}

fn load(case: &Case, file: &str, at: &Placement) -> Backbone {
    let checkpoint = Checkpoint::open(&case.folder.join(file)).unwrap();
    checkpoint.refuse_if_incomplete().unwrap();
    Backbone::load(checkpoint.config(), &checkpoint, at).unwrap()
}

fn images(case: &Case, name: &str) -> Tensor<4> {
    let shape: [usize; 4] = case.shape(name).try_into().unwrap();
    Tensor::from_data(TensorData::new(case.f32(name), shape), &Device::flex())
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Class token, registers and patches of each picture in the order of the reference's token axis.
fn joined(tokens: LayerTokens) -> Vec<f32> {
    let mut parts = vec![tokens.cls.unsqueeze_dim::<3>(1)];
    parts.extend(tokens.registers);
    parts.push(tokens.patches);
    host(Tensor::cat(parts, 1))
}

/// 2e-5 of the largest value: f32 noise of a few blocks is about 2e-6.
fn of_largest(case: &Case, name: &str) -> (f64, f64) {
    (
        2e-5 * case
            .values(name)
            .iter()
            .fold(0.0, |most: f64, v| most.max(v.abs())),
        0.0,
    )
}

#[test]
fn hugging_face_backbones_match() {
    for name in Case::below("backbones") {
        let case = Case::read(&name, "expected.safetensors");
        for at in roads() {
            let network = load(&case, "", &at);
            let layers: Vec<usize> = (0..network.config().layers()).collect();
            let input = images(&case, "pixel_values");
            let last = network
                .features(input.clone(), &layers[layers.len() - 1..], Norm::Final)
                .remove(0);
            case.check(
                "pooler_output",
                &host(last.cls.clone()),
                of_largest(&case, "pooler_output"),
            );
            case.check(
                "last_hidden_state",
                &joined(last),
                of_largest(&case, "last_hidden_state"),
            );
            for tokens in network.features(input, &layers, Norm::None) {
                let expected = format!("hidden_states.{}", tokens.layer + 1);
                let found = match &network {
                    Backbone::Vit(_) => joined(tokens),
                    Backbone::ConvNext(_) => channels_first(tokens),
                };
                case.check(&expected, &found, of_largest(&case, &expected));
            }
        }
    }
}

/// `[batch, channels, rows, cols]`, as the reference writes maps.
fn channels_first(tokens: LayerTokens) -> Vec<f32> {
    let [batch, patches, channels] = tokens.patches.dims();
    host(
        tokens
            .patches
            .swap_dims(1, 2)
            .reshape([batch, channels, patches]),
    )
}

#[test]
fn meta_transformers_match() {
    for name in Case::below("meta_vit") {
        let case = Case::read(&name, "data.safetensors");
        for at in roads() {
            let network = load(&case, "model.pth", &at);
            let depth = network.config().layers();
            let check = |name: &str, found: &[f32]| case.check(name, found, case.tolerance());
            let all: Vec<usize> = (0..depth).collect();
            for (norm, label) in [(Norm::Final, "norm_true"), (Norm::None, "norm_false")] {
                for tokens in network.features(images(&case, "input.image"), &all, norm) {
                    let parts = [
                        ("cls", host(tokens.cls.clone())),
                        ("storage", host(tokens.registers.clone().unwrap())),
                        ("patches", host(tokens.patches.clone())),
                    ];
                    for (part, found) in &parts {
                        for set in ["last4", "list"] {
                            let name = format!(
                                "expected.intermediate.{set}.{label}.block{}.{part}",
                                tokens.layer
                            );
                            if case.names().any(|known| known == name) {
                                check(&name, found);
                            }
                        }
                    }
                    if tokens.layer + 1 < depth {
                        continue;
                    }
                    if norm == Norm::None {
                        check("expected.forward_features.x_prenorm", &joined(tokens));
                        continue;
                    }
                    let [(_, cls), (_, storage), (_, patches)] = &parts;
                    check("expected.forward", cls);
                    check("expected.forward_features.x_norm_clstoken", cls);
                    check("expected.forward_features.x_storage_tokens", storage);
                    check("expected.forward_features.x_norm_patchtokens", patches);
                    check(
                        "expected.intermediate.reshape_last",
                        &channels_first(tokens),
                    );
                }
            }
        }
    }
}

#[test]
fn meta_convnexts_match() {
    for name in Case::below("meta_convnext") {
        let case = Case::read(&name, "data.safetensors");
        for at in roads() {
            let network = load(&case, "model.pth", &at);
            for picture in ["a", "b"] {
                let input = images(&case, &format!("input.image_{picture}"));
                let check = |name: &str, found: &[f32]| {
                    case.check(
                        &format!("expected.{picture}.{name}"),
                        found,
                        case.tolerance(),
                    );
                };
                for (norm, label) in [(Norm::Final, "norm_true"), (Norm::None, "norm_false")] {
                    for tokens in network.features(input.clone(), &[0, 1, 2, 3], norm) {
                        let stage = format!("{label}.stage{}", tokens.layer);
                        for set in ["last4", "list"] {
                            let name = format!("intermediate.{set}.{stage}.cls");
                            if case
                                .names()
                                .any(|known| known == format!("expected.{picture}.{name}"))
                            {
                                check(&name, &host(tokens.cls.clone()));
                            }
                        }
                        if tokens.layer == 3 {
                            let patches = host(tokens.patches.clone());
                            if norm == Norm::Final {
                                check(
                                    "forward_features.x_norm_clstoken",
                                    &host(tokens.cls.clone()),
                                );
                                check("forward_features.x_norm_patchtokens", &patches);
                            } else {
                                check("forward_features.x_prenorm", &patches);
                            }
                        }
                        let name = format!("intermediate.last4.{stage}.map");
                        if case
                            .names()
                            .any(|known| known == format!("expected.{picture}.{name}"))
                        {
                            check(
                                &name,
                                &map_of(&case, &network, input.clone(), tokens.layer, norm),
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The map of a stage as the case's pseudo patch size asks for it: resized, then normed, channels first.
fn map_of(case: &Case, network: &Backbone, input: Tensor<4>, stage: usize, norm: Norm) -> Vec<f32> {
    let Backbone::ConvNext(convnext) = network else {
        panic!("a ConvNeXt")
    };
    let [_, _, height, width] = input.dims();
    let mut map = convnext.forward_layers(input, &[stage]).remove(0);
    if let Some(side) = case.json["architecture"]["pseudo_patch_size"].as_u64() {
        let side = side as usize;
        map = resize_maps(map, [height / side, width / side]);
    }
    if norm == Norm::Final && stage == 3 {
        map = convnext.norm(map);
    }
    host(map.permute([0, 3, 1, 2]))
}

#[test]
fn masked_patches_take_the_mask_token() {
    let case = Case::read("masked_vit", "data.safetensors");
    let model = Case::read("meta_vit/mlp_layerscale", "data.safetensors");
    for at in roads() {
        let Backbone::Vit(vit) = load(&model, "model.pth", &at) else {
            panic!("a transformer")
        };
        let masks: Vec<bool> = case
            .values("input.masks")
            .iter()
            .map(|&mask| mask != 0.0)
            .collect();
        let shape: [usize; 2] = case.shape("input.masks").try_into().unwrap();
        let masks = Tensor::<2, Bool>::from_data(TensorData::new(masks, shape), &Device::flex());
        let prenorm = vit.forward(images(&case, "input.image"), Some(masks));
        case.check(
            "expected.x_prenorm",
            &host(prenorm.clone()),
            case.tolerance(),
        );
        let tokens = vit.norm(prenorm);
        let [_, count, _] = tokens.dims();
        let prefix = vit.config().prefix();
        let part = |first, len| host(tokens.clone().narrow(1, first, len));
        case.check("expected.x_norm_clstoken", &part(0, 1), case.tolerance());
        case.check(
            "expected.x_storage_tokens",
            &part(1, prefix - 1),
            case.tolerance(),
        );
        case.check(
            "expected.x_norm_patchtokens",
            &part(prefix, count - prefix),
            case.tolerance(),
        );
        let unmasked = vit
            .norm(vit.forward(images(&case, "input.image"), None))
            .narrow(1, 0, 1);
        case.check(
            "expected.unmasked.x_norm_clstoken",
            &host(unmasked),
            case.tolerance(),
        );
    }
}

#[test]
fn rope_tables_match() {
    let case = Case::read("rope", "data.safetensors");
    // f32 angles of the reference against f64 ones here.
    let tolerance = (2e-5, 0.0);
    for entry in case.json["tables"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let grid = [0, 1].map(|i| entry["grid"][i].as_u64().unwrap() as usize);
        let head_dim = entry["head_dim"].as_u64().unwrap() as usize;
        let coords = match entry["normalize_coords"].as_str().unwrap() {
            "separate" => RopeCoords::Separate,
            "max" => RopeCoords::Max,
            "min" => RopeCoords::Min,
            other => panic!("{other}"),
        };
        let augment = if name.ends_with("augmented") {
            augment(&case)
        } else {
            RopeAugment::default()
        };
        let config = RopeConfig {
            periods: spacing(&case, entry, head_dim),
            coords,
        };
        let (cos, sin) = table(&config, head_dim, grid, augment);
        for (part, found) in [("cos", cos), ("sin", sin)] {
            // The reference repeats the half table.
            let found: Vec<f32> = found
                .chunks_exact(head_dim / 2)
                .flat_map(|row| [row, row].concat())
                .collect();
            case.check(&format!("expected.{name}.{part}"), &found, tolerance);
        }
    }
    for name in case
        .names()
        .filter(|name| name.starts_with("expected.periods.base"))
    {
        let (base, head_dim) = name["expected.periods.base".len()..]
            .split_once(".dh")
            .unwrap();
        let found = periods(
            &RopePeriods::Base(base.parse().unwrap()),
            head_dim.parse().unwrap(),
        );
        close(name, case.values(name), &found, (0.0, 1e-6));
    }
}

fn augment(case: &Case) -> RopeAugment {
    let pair = |name: &str| <[f64; 2]>::try_from(case.values(name)).unwrap();
    RopeAugment {
        shift: pair("input.augment.shift"),
        jitter: pair("input.augment.jitter"),
        rescale: case.values("input.augment.rescale")[0],
    }
}

/// The periods of a table as the case describes them in words.
fn spacing(case: &Case, entry: &serde_json::Value, head_dim: usize) -> RopePeriods {
    let text = entry["periods"].as_str().unwrap_or_default().to_owned() + &entry.to_string();
    let name = entry["name"].as_str().unwrap();
    if name.contains("bf16") {
        let stored = case.names().find(|known| {
            known.starts_with("expected.periods_bf16_rounded")
                && known.ends_with(&format!(".dh{head_dim}"))
        });
        return RopePeriods::Stored(case.f32(stored.unwrap()));
    }
    if name.contains("minmax") {
        let known = case
            .names()
            .find(|known| known.starts_with("expected.periods.min"))
            .unwrap();
        let (min, rest) = known["expected.periods.min".len()..]
            .split_once("_max")
            .unwrap();
        let max = rest.rsplit_once(".dh").unwrap().0;
        return RopePeriods::Range {
            min: min.parse().unwrap(),
            max: max.parse().unwrap(),
        };
    }
    let base = text
        .split("base ")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    RopePeriods::Base(base.and_then(|base| base.parse().ok()).unwrap_or(100.0))
}

#[test]
fn rope_turns_queries() {
    let case = Case::read("rope", "data.safetensors");
    let shape: [usize; 4] = case.shape("input.apply.q").try_into().unwrap();
    let [_, _, tokens, head_dim] = shape;
    let table = case.json["tables"].as_array().unwrap().iter();
    let words: Vec<&str> = case.json["apply"]
        .as_str()
        .unwrap()
        .split_whitespace()
        .collect();
    let table = table
        .clone()
        .find(|table| words.contains(&table["name"].as_str().unwrap()))
        .unwrap();
    let grid = [0, 1].map(|i| table["grid"][i].as_u64().unwrap() as usize);
    assert!(grid[0] * grid[1] <= tokens);
    let device = Device::flex();
    let rope = Rope::new(
        &RopeConfig::default(),
        head_dim,
        grid,
        RopeAugment::default(),
        &device,
    );
    let q = Tensor::<4>::from_data(TensorData::new(case.f32("input.apply.q"), shape), &device);
    case.check("expected.apply.q", &host(rope.apply(q)), (2e-5, 0.0));
}

#[test]
fn both_roads_agree_on_every_shape_of_network() {
    let shape = |registers, ffn, bias, grid: [usize; 2]| (registers, ffn, bias, grid);
    let cases = [
        shape(0, Ffn::Mlp, AttentionBias::MASKED_KEY, [1, 1]),
        shape(0, Ffn::GeGlu, AttentionBias::OUT_ONLY, [1, 9]),
        shape(1, Ffn::SwiGlu, AttentionBias::MASKED_KEY, [5, 2]),
        shape(4, Ffn::Mlp, AttentionBias::OUT_ONLY, [3, 40]),
    ];
    for (registers, ffn, attention_bias, [rows, columns]) in cases {
        let config = BackboneConfig::Vit(VitConfig {
            dim: 24,
            depth: 2,
            heads: 2,
            ffn,
            ffn_hidden: 40,
            patch: 16,
            registers,
            attention_bias,
            ffn_bias: registers > 0,
            norm_eps: 1e-5,
            rope: RopeConfig::default(),
            local_cls_norm: false,
        });
        // 7 pixels more than the patches need: the rest is not seen.
        let (height, width) = (rows * 16 + 7, columns * 16 + 7);
        let pixels: Vec<f32> = (0..3 * height * width)
            .map(|i| ((i % 1009) as f32 * 0.37).sin())
            .collect();
        let found = roads().map(|at| {
            let network = Backbone::load(&config, &Fresh { seed: 11 }, &at).unwrap();
            let images = TensorData::new(pixels.clone(), [1, 3, height, width]);
            let images = Tensor::<4>::from_data(images, &Device::flex());
            let tokens = network.features(images, &[0, 1], Norm::None).remove(1);
            assert_eq!(tokens.grid, [rows, columns]);
            joined(tokens)
        });
        assert_eq!(found[0].len(), (1 + registers + rows * columns) * 24);
        let expected: Vec<f64> = found[1].iter().map(|&value| f64::from(value)).collect();
        // Two layers of sums in another order.
        close("fused against plain", &expected, &found[0], (2e-6, 2e-5));
    }
}
