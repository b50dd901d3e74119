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
    assert!(
        message("run.steps = -3").contains("expected"),
        "{}",
        message("run.steps = -3")
    );
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
