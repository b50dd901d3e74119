use super::*;
use crate::recipes::RecipeId;

const DATA: &str = "recipe = \"pretrain\"\ndata.folder = \"/pictures\"\n";

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::read(&format!("{DATA}{text}"), &[], 100)
}

fn message(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn every_key_of_every_recipe_is_explained_and_nothing_else() {
    for recipe in RecipeId::ALL {
        let config = Config::defaults(recipe, SmallRun::Hundreds);
        let toml::Value::Table(table) = toml::Value::try_from(&config).unwrap() else {
            panic!("a table");
        };
        let mut found = merge::keys_of(&table, "");
        found.sort();
        let mut explained: Vec<_> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        explained.sort();
        assert_eq!(found, explained);
    }
}

#[test]
fn a_file_of_a_run_gives_the_same_run() {
    for recipe in RecipeId::ALL {
        let mut config = Config::defaults(recipe, SmallRun::Smoke);
        config.data.folder = "/pictures".into();
        config.distill.teacher = "builtin".into();
        config.crops.mixed.push(MixedCrops {
            global_px: 64,
            local_px: 32,
            gram_px: 96,
            share: 1.0,
        });
        let again = Config::read(&config.to_toml(), &[], 1_000_000).unwrap();
        assert_eq!(again, config, "{}", recipe.id());
    }
}

#[test]
fn a_typo_is_answered_with_the_key_that_was_meant() {
    assert_eq!(
        message("[run]\nstesp = 3"),
        "unknown key \"run.stesp\", did you mean \"run.steps\"?"
    );
    assert_eq!(
        message("[run]\nlr = 3"),
        "unknown key \"run.lr\", did you mean \"optimizer.lr\"?"
    );
    assert_eq!(message("zzzzzz = 3"), "unknown key \"zzzzzz\"");
}

#[test]
fn values_of_another_type_or_out_of_range_are_named() {
    assert_eq!(
        message("run.steps = \"many\""),
        "run.steps is \"many\", expected a whole number"
    );
    assert_eq!(
        message("run.steps = 0"),
        "run.steps is 0, expected at least 1"
    );
    assert_eq!(message("run = 3"), "run is 3, expected a section");
    let preset = message("crops.preset = \"refrence\"");
    assert!(
        preset.contains("refrence") && preset.contains("reference"),
        "{preset}"
    );
    assert!(message("model.size = \"huge\"").contains("one of nano"));
    assert!(message("crops.global_px = 100").contains("multiple of the patch"));
    assert!(message("optimizer.lr = nan").contains("above 0"));
    assert!(message("x =").contains("not TOML"));
}

#[test]
fn a_value_that_cannot_be_read_is_named_with_its_key() {
    for (text, expected) in [
        (
            "run.steps = -3",
            "run.steps is -3, expected a whole number of at least 0",
        ),
        (
            "seed = 1\ncrops.local_px = 5000000000\nrun.batch = 4",
            "crops.local_px is 5000000000, expected a whole number from 0 to 4294967295",
        ),
        (
            "run.scale = \"big\"",
            "run.scale is \"big\", expected one of smoke, hundreds, thousands, tens_of_thousands",
        ),
        (
            "optimizer.schedule = \"linear\"",
            "optimizer.schedule is \"linear\", expected cosine or constant",
        ),
        (
            "optimizer.betas = [0.9]",
            "optimizer.betas is [0.9], expected an array of length 2",
        ),
        (
            "probe.neighbours = [1, -1]",
            "probe.neighbours is [1, -1], expected a whole number of at least 0",
        ),
    ] {
        assert_eq!(message(text), expected);
    }
    let sizes = "global_px = 64, local_px = 32, gram_px = 0";
    let mixed = |fields: &str| message(&format!("crops.mixed = [{{ {fields} }}]"));
    let found = mixed(sizes);
    assert!(found.starts_with("crops.mixed is ["), "{found}");
    assert!(found.ends_with("expected the field share too"), "{found}");
    let found = mixed(&format!("{sizes}, share = 1, px = 3"));
    let fields = "no fields but global_px, local_px, gram_px, share";
    assert!(found.ends_with(fields), "{found}");
}

#[test]
fn values_that_a_recipe_would_stumble_over_are_refused() {
    for (text, expected) in [
        ("probe.test_share = 0", "probe.test_share is 0, expected"),
        ("probe.test_share = 1.0", "above 0 and below 1"),
        ("probe.neighbours = []", "probe.neighbours is [], expected"),
        ("probe.neighbours = [5, 0]", "numbers of at least 1"),
        ("crops.global_px = 0", "crops.global_px is 0, expected"),
        ("crops.local_px = 0", "crops.local_px is 0, expected"),
        (
            "model.size = \"convnext_nano\"\nlora.blocks = 2",
            "lora.blocks is 2, expected 0 for a ConvNeXt",
        ),
        (
            "model.start = \"convnext_tiny\"\nlora.blocks = 2",
            "lora.blocks is 2, expected 0 for a ConvNeXt",
        ),
    ] {
        let found = message(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
    // A start from a file has its own patch, but no patch is that small.
    let mixed = |sizes: &str| {
        let text = format!("crops.mixed = [{{ {sizes}, share = 1 }}]");
        message(&format!("model.start = \"a.safetensors\"\n{text}"))
    };
    assert_eq!(
        mixed("global_px = 0, local_px = 32, gram_px = 0"),
        "crops.mixed.global_px is 0, expected at least 1"
    );
    assert_eq!(
        mixed("global_px = 64, local_px = 0, gram_px = 0"),
        "crops.mixed.local_px is 0, expected at least 1"
    );
    assert!(read("model.start = \"vits16\"\nlora.blocks = 2").is_ok());
}

#[test]
fn gram_and_hires_run_without_the_gram_loss() {
    for recipe in ["gram", "hires"] {
        let text = DATA.replace("pretrain", recipe);
        let config = Config::read(&text, &["gram.weight=0".to_owned()], 100).unwrap();
        assert!(config.gram.weight <= 0.0, "{recipe}");
    }
}

#[test]
fn a_preset_keeps_what_is_its_own() {
    let least = |text: &str| read(text).unwrap().crops.local_area[0];
    for (preset, expected) in [
        ("reference", 0.05),
        ("aerial", 0.05),
        ("medical", 0.15),
        ("microscopy", 0.1),
    ] {
        let preset = format!("crops.preset = \"{preset}\"\n");
        assert!((least(&preset) - expected).abs() < 1e-12, "{preset}");
        let own = format!("{preset}crops.local_area = [0.2, 0.3]");
        assert!((least(&own) - 0.2).abs() < 1e-12, "{preset}");
    }
    let sides = |text: &str| {
        let crops = read(text).unwrap().crops;
        [crops.global_px, crops.local_px]
    };
    assert_eq!(sides("crops.preset = \"medical\""), [128, 64]);
    assert_eq!(sides("crops.preset = \"release\""), [256, 112]);
    let own = "crops.preset = \"release\"\ncrops.global_px = 160";
    assert_eq!(sides(own), [160, 112]);
}

#[test]
fn a_key_for_another_precision_is_told_that_there_is_none() {
    for key in [
        "run.precision",
        "model.dtype",
        "optimizer.fp16",
        "run.mixed_precision",
        "run.half",
        "amp",
    ] {
        let found = message(&format!("{key} = \"f16\""));
        let start = format!("unknown key \"{key}\": training is in f32 only, ");
        assert!(found.starts_with(&start), "{found}");
        assert!(
            found.contains("f16") && found.contains("overflow"),
            "{found}"
        );
    }
    let other = message("teacher.half_life = 3");
    assert!(!other.contains("f32"), "{other}");
}

#[test]
fn a_recipe_is_needed_and_pictures_are() {
    let error = Config::read("seed = 1", &[], 1).unwrap_err().to_string();
    assert!(error.contains("pretrain, gram"), "{error}");
    let error = Config::read("recipe = \"pretrain\"", &[], 1).unwrap_err();
    assert!(error.to_string().contains("data.folder"), "{error}");
}

#[test]
fn pairs_win_over_the_file_and_need_no_quotes() {
    let sets = [
        "run.steps=7".to_owned(),
        "model.size=nano".to_owned(),
        "optimizer.lr=1".to_owned(),
    ];
    let text = format!("{DATA}run.steps = 3\ncrops.local_px = 32");
    let config = Config::read(&text, &sets, 100).unwrap();
    assert_eq!(config.run.steps, 7);
    assert_eq!(config.model.size, "nano");
    assert!((config.optimizer.lr - 1.0).abs() < 1e-12);
    let error = Config::read(&text, &["steps".to_owned()], 100).unwrap_err();
    assert!(error.to_string().contains("expected key=value"));
}

#[test]
fn defaults_follow_the_number_of_pictures_unless_told() {
    let at = |pictures| Config::read(DATA, &[], pictures).unwrap().run.scale;
    assert_eq!(at(100), SmallRun::Hundreds);
    assert_eq!(at(5_000), SmallRun::Thousands);
    assert_eq!(at(50_000), SmallRun::TensOfThousands);
    let told = Config::read(&format!("{DATA}run.scale = \"smoke\""), &[], 50_000).unwrap();
    assert_eq!((told.run.scale, told.run.batch), (SmallRun::Smoke, 8));
}

#[test]
fn explanations_are_found_by_name_and_by_likeness() {
    assert_eq!(explain("run.steps").unwrap().name, "run.steps");
    assert_eq!(explain("run.step").unwrap_err().unwrap().name, "run.steps");
    assert!(explain("qqqqqqqq").unwrap_err().is_none());
}
