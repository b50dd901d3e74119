//! The curves against the reference's values, and the presets against the specification.

use std::path::PathBuf;

use safetensors::SafeTensors;
use serde_json::Value;

use super::*;

/// Values and parameters of the golden case.
struct Golden {
    case: Value,
    data: Vec<u8>,
}

impl Golden {
    fn open() -> Self {
        let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
            PathBuf::from,
        );
        let read = |name: &str| {
            let path = folder.join("schedules").join(name);
            std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display()))
        };
        Self {
            case: serde_json::from_slice(&read("case.json")).unwrap(),
            data: read("data.safetensors"),
        }
    }

    fn sets(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.case["sets"].as_object().unwrap().iter()
    }

    /// Every step of one series: relative 1e-6 and absolute 1e-12, as the case says.
    fn assert_series(&self, name: &str, found: impl Fn(u64) -> f64) {
        let tensors = SafeTensors::deserialize(&self.data).unwrap();
        let tensor = tensors
            .tensor(name)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (words, _) = tensor.data().as_chunks();
        let [abs, rel] = ["abs", "rel"].map(|key| number(&self.case["tolerance"][key]));
        for (step, word) in words.iter().enumerate() {
            let expected = f64::from_le_bytes(*word);
            let found = found(step as u64);
            assert!(
                (found - expected).abs() <= abs + rel * expected.abs(),
                "{name}: step {step} has {found}, expected {expected}"
            );
        }
        let length = self
            .sets()
            .find(|(set, _)| name.starts_with(&format!("{set}.")));
        assert_eq!(
            words.len() as u64,
            length_of(length.unwrap().1).steps,
            "{name}"
        );
    }

    fn assert_set(&self, set: &str, schedules: &Schedules) {
        let compare = |name: &str, value: fn(Values) -> f64| {
            self.assert_series(&format!("{set}.expected.{name}"), |step| {
                value(schedules.at(step))
            });
        };
        compare("lr", |values| values.lr);
        compare("last_layer_lr", |values| values.last_layer_lr);
        compare("weight_decay", |values| values.weight_decay);
        compare("momentum", |values| values.momentum);
        compare("teacher_temp", |values| values.teacher_temp);
    }
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn epochs(value: &Value) -> Span {
    Span::Epochs(number(value))
}

fn length_of(set: &Value) -> Length {
    let count = |key: &str| set[key].as_u64().unwrap();
    Length::epochs(count("epochs"), count("steps_per_epoch"))
}

fn schedules(set: &Value, recipe: &Recipe) -> Schedules {
    let batch = set["batch"].as_u64().unwrap() as usize;
    Schedules::new(recipe, length_of(set), batch)
}

/// The rule is told in a sentence that begins with its formula.
fn scaling(set: &Value) -> Scaling {
    let rule = set["lr_scaling"].as_str().unwrap();
    if rule.starts_with("4*sqrt(batch/1024)") {
        Scaling::SqrtWrt1024
    } else {
        assert!(rule.starts_with("batch/256"), "{rule}");
        Scaling::LinearWrt256
    }
}

fn cosine_recipe(set: &Value) -> Recipe {
    let trunc_extra = number(&set["trunc_extra"]);
    let between = |key: &str| Cosine {
        trunc_extra,
        ..Cosine::between(number(&set[key][0]), number(&set[key][1]))
    };
    let temp = &set["teacher_temp"];
    Recipe {
        lr: Curve::Cosine(Cosine {
            warmup: epochs(&set["warmup_epochs"]),
            trunc_extra,
            ..Cosine::between(number(&set["lr_base"]), number(&set["min_lr"]))
        }),
        scaling: scaling(set),
        freeze_last_layer: epochs(&set["freeze_last_layer_epochs"]),
        weight_decay: Curve::Cosine(between("weight_decay")),
        momentum: Curve::Cosine(between("momentum")),
        teacher_temp: Curve::Cosine(Cosine {
            warmup_from: number(&temp["from"]),
            warmup: epochs(&temp["warmup_epochs"]),
            ..Cosine::constant(number(&temp["to"]))
        }),
        ..Recipe::cosine()
    }
}

fn ramp(settings: &Value) -> Curve {
    Curve::Ramp(Ramp {
        start: number(&settings["start"]),
        peak: number(&settings["peak"]),
        end: number(&settings["end"]),
        warmup: epochs(&settings["warmup_epochs"]),
        cosine: settings.get("cosine_epochs").map(epochs),
    })
}

fn ramp_recipe(set: &Value) -> Recipe {
    let curves = &set["schedules"];
    Recipe {
        lr: ramp(&curves["lr"]),
        scaling: scaling(set),
        freeze_last_layer: epochs(&curves["lr"]["freeze_last_layer_epochs"]),
        weight_decay: ramp(&curves["weight_decay"]),
        momentum: ramp(&curves["momentum"]),
        teacher_temp: ramp(&curves["teacher_temp"]),
        ..Recipe::constant()
    }
}

#[test]
fn both_builders_give_the_values_of_the_reference() {
    let golden = Golden::open();
    let mut compared = 0;
    for (name, set) in golden.sets() {
        let recipe = if set.get("schedules").is_some() {
            ramp_recipe(set)
        } else if set.get("lr_base").is_some() {
            cosine_recipe(set)
        } else {
            continue;
        };
        golden.assert_set(name, &schedules(set, &recipe));
        compared += 1;
    }
    assert_eq!(
        compared + 1,
        golden.sets().count(),
        "all but the Gram weight"
    );
}

#[test]
fn the_gram_weight_is_that_of_the_reference() {
    let golden = Golden::open();
    let set = &golden.case["sets"]["gram_weight"];
    let recipe = Recipe {
        gram_weight: ramp(set),
        ..Recipe::gram()
    };
    let schedules = Schedules::new(&recipe, length_of(set), 1);
    golden.assert_series("gram_weight.expected.weight", |step| {
        schedules.at(step).gram_weight
    });
}

#[test]
fn the_published_recipes_have_the_published_rates() {
    let close = |found: f64, expected: f64| {
        assert!(
            (found / expected - 1.0).abs() < 2e-3,
            "{found} is not {expected}"
        );
    };
    let constant = Schedules::new(&Recipe::constant(), Length::epochs(1000, 1000), 4096);
    close(constant.at(500_000).lr, 4e-4);
    close(constant.at(100_000).teacher_temp, 0.07);
    assert_eq!(constant.at(4_999).last_layer_lr, 0.0);
    assert!(constant.at(5_000).last_layer_lr > 0.0);

    let cosine = Schedules::new(&Recipe::cosine(), Length::epochs(100, 1250), 2048);
    close(cosine.at(12_499).lr, 5.66e-3);
    close(cosine.at(124_999).weight_decay, 0.4);

    let gram = Schedules::new(&Recipe::gram(), Length::epochs(1200, 1000), 4096);
    close(gram.at(1_100_000).lr, 2.4e-4);
    let weights = |step| (gram.at(step).gram_weight, gram.at(step).local_weight);
    assert_eq!(weights(999_999), (0.0, 1.0));
    assert_eq!(weights(1_001_000), (2.0, 0.5));

    let high = Schedules::new(&Recipe::high_resolution(), Length::epochs(30, 1000), 2048);
    assert_eq!(high.at(0).lr, 0.0);
    close(high.at(10_000).lr, 7.07e-5);
    assert_eq!(high.at(0).gram_weight, 1.5);

    let distil = Schedules::new(&Recipe::distillation(), Length::epochs(20, 1250), 1776);
    close(distil.at(24_999).lr, 5e-5 * 5.27);
    assert_eq!(distil.at(24_999).momentum, 1.0);

    let convnext = Schedules::new(
        &Recipe::convnext_distillation(),
        Length::epochs(500, 1000),
        4096,
    );
    close(convnext.at(80_000).lr, 1.6e-3);
    close(convnext.at(250_000).weight_decay, 0.12);
}

#[test]
fn every_preset_is_sane_at_all_steps_of_any_run() {
    let small = [
        SmallRun::Smoke,
        SmallRun::Hundreds,
        SmallRun::Thousands,
        SmallRun::TensOfThousands,
    ]
    .into_iter()
    .flat_map(|run| [Start::Scratch, Start::Pretrained].map(|start| Recipe::small(run, start)));
    let published = [
        Recipe::constant(),
        Recipe::cosine(),
        Recipe::gram(),
        Recipe::high_resolution(),
        Recipe::distillation(),
        Recipe::convnext_distillation(),
    ];
    for recipe in published.into_iter().chain(small) {
        for steps in [0, 1, 2, 3, 30, 777] {
            let length = Length {
                steps,
                steps_per_epoch: 10,
            };
            let schedules = Schedules::new(&recipe, length, 32);
            for step in 0..steps + 3 {
                let values = schedules.at(step);
                assert!((0.0..1e-2).contains(&values.lr), "{values:?}");
                assert!(
                    (0.0..=values.lr).contains(&values.last_layer_lr),
                    "{values:?}"
                );
                assert!((0.0..=0.5).contains(&values.weight_decay), "{values:?}");
                assert!((0.9..=1.0).contains(&values.momentum), "{values:?}");
                assert!((0.039..0.071).contains(&values.teacher_temp), "{values:?}");
                assert!((0.0..=2.0).contains(&values.gram_weight), "{values:?}");
                assert!((0.0..=1.0).contains(&values.local_weight), "{values:?}");
            }
        }
    }
}

#[test]
fn the_data_size_chooses_the_column() {
    use SmallRun::{Hundreds, TensOfThousands, Thousands};

    let chosen = [128, 1_999, 2_000, 19_999, 20_000].map(SmallRun::for_pictures);
    assert_eq!(
        chosen,
        [Hundreds, Hundreds, Thousands, Thousands, TensOfThousands]
    );
}

#[test]
fn a_recipe_survives_its_text_and_refuses_unknown_keys() {
    for recipe in [Recipe::constant(), Recipe::cosine(), Recipe::gram()] {
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    }
    assert_eq!(
        serde_json::from_str::<Recipe>("{}").unwrap(),
        Recipe::default()
    );
    let partial = r#"{"lr":{"kind":"cosine","base":0.1,"last":0.0,"warmup":{"fraction":0.1}}}"#;
    let lr = serde_json::from_str::<Recipe>(partial).unwrap().lr;
    assert_eq!(lr.at(99, Length::epochs(10, 100)), 0.1);
    for unknown in [
        r#"{"learning_rate":1}"#,
        r#"{"lr":{"kind":"cosine","base":0.1,"last":0.0,"warm":{"steps":1}}}"#,
        r#"{"lr":{"kind":"ramp","start":0.0,"peak":1.0,"end":1.0,"cosine_epochs":3}}"#,
    ] {
        assert!(
            serde_json::from_str::<Recipe>(unknown).is_err(),
            "{unknown}"
        );
    }
}
