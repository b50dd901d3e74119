//! Settings survive broken files and other instances.

use std::fs;

use serde_json::json;

use super::*;

fn load(folder: &Path) -> Settings {
    let loaded = Settings::load(folder);
    assert_eq!(loaded.complaint, None);
    loaded.settings
}

fn set_aside(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with("settings.json.broken-20"))
        .collect()
}

#[test]
fn settings_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/folder");
    let mut settings = load(&folder);
    assert_eq!(settings, Settings::default());
    settings.language = Some("zh-CN".to_owned());
    settings.theme = ThemeChoice::Light;
    settings
        .keys
        .insert("save".to_owned(), vec!["F2".to_owned()]);
    settings.export_folder = Some("/u/图".into());
    settings.remember_project(Path::new("/u/a.dinoscope"));
    settings.remember_model("builtin");
    settings.save(&folder).unwrap();
    assert_eq!(load(&folder), settings);
    assert_eq!(load(&folder).recent_models[0].path(), Path::new("builtin"));
}

#[test]
fn a_broken_file_is_kept_aside_and_told() {
    for broken in ["{ \"theme\": \"da", "[]", "\u{0}\u{0}", ""] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("settings.json"), broken).unwrap();
        let mut loaded = Settings::load(folder);
        assert_eq!(loaded.settings, Settings::default());
        let aside = set_aside(folder);
        assert_eq!(aside.len(), 1);
        assert!(loaded.complaint.unwrap().contains(&aside[0]));
        assert_eq!(fs::read_to_string(folder.join(&aside[0])).unwrap(), broken);

        loaded.settings.save(folder).unwrap();
        load(folder);
        fs::write(folder.join("settings.json"), broken).unwrap();
        assert!(Settings::load(folder).complaint.is_some());
        assert_eq!(
            set_aside(folder).len(),
            2,
            "nothing set aside is overwritten"
        );
    }
}

#[test]
fn one_odd_value_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let content = json!({
        "theme": "sepia", "text_scale": 1e9, "figure_scale": 0, "device": "cpu",
        "recent_models": [{ "path": "builtin", "at_micros": 5 }], "later": { "a": 1 },
        // Older versions wrote it.
        "checks_updates": true,
    });
    fs::write(folder.join("settings.json"), content.to_string()).unwrap();
    let mut loaded = Settings::load(folder);
    let complaint = loaded.complaint.unwrap();
    assert!(
        complaint.contains("theme") && !complaint.contains("device"),
        "{complaint}"
    );
    assert!(!complaint.contains("checks_updates"), "{complaint}");
    assert_eq!(loaded.settings.theme, ThemeChoice::System);
    assert_eq!(loaded.settings.device, "cpu");
    assert!((loaded.settings.text_scale - 2.0).abs() < 1e-6);
    assert_eq!(loaded.settings.figure_scale, 1);
    assert_eq!(loaded.settings.recent_models.len(), 1);
    assert_eq!(set_aside(folder).len(), 1);

    loaded.settings.lesson_done = true;
    loaded.settings.save(folder).unwrap();
    let written: Value =
        serde_json::from_slice(&fs::read(folder.join("settings.json")).unwrap()).unwrap();
    assert_eq!(
        written["later"]["a"],
        json!(1),
        "what a newer version wrote stays"
    );
    assert_eq!(written["lesson_done"], json!(true));
    load(folder);
}

#[test]
fn two_instances_do_not_destroy_each_others_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut first = load(folder);
    first.remember_picture(Path::new("/old"));
    first.save(folder).unwrap();
    let mut second = load(folder);

    first.remember_picture(Path::new("/first"));
    first.theme = ThemeChoice::Dark;
    first.save(folder).unwrap();
    second.remember_picture(Path::new("/second"));
    second.text_scale = 1.5;
    second.save(folder).unwrap();
    first.lesson_done = true;
    first.save(folder).unwrap();

    let both = load(folder);
    let pictures: Vec<&Path> = both.recent_pictures.iter().map(Recent::path).collect();
    assert_eq!(pictures, ["/second", "/first", "/old"].map(Path::new));
    assert_eq!(both.theme, ThemeChoice::Dark);
    assert!((both.text_scale - 1.5).abs() < 1e-6);
    assert!(both.lesson_done);
    assert_eq!(first.recent_pictures, both.recent_pictures);
    assert_eq!(
        second.theme,
        ThemeChoice::System,
        "nothing changes under the user's hands"
    );

    second.forget_recent();
    second.save(folder).unwrap();
    first.save(folder).unwrap();
    assert!(
        load(folder).recent_pictures.is_empty(),
        "what one forgot the other does not bring back"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Settings::default().save(&file).unwrap_err();
    assert!(error.to_string().contains("settings.json"), "{error}");
}

#[test]
fn the_other_theme_comes_next() {
    assert_eq!(ThemeChoice::System.next(Theme::Dark), ThemeChoice::Light);
    assert_eq!(ThemeChoice::Light.next(Theme::Light), ThemeChoice::Dark);
    assert_eq!(ThemeChoice::Dark.preference(), ThemePreference::Dark);
}
