//! The model manager and the sheets, worked with as people do: found by their names, clicked, typed into.

use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::{After, Request, Sheet};
use dinoscope_ui::keep::settings::ThemeChoice;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use crate::half_model::write_half;
use crate::room::{Room, photo};

/// Keeps a picture in both themes and both languages, and goes back to English.
fn looks(room: &mut Room, name: &str) {
    for language in ["zh-CN", "en"] {
        for theme in [ThemeChoice::Light, ThemeChoice::Dark] {
            room.app_mut().preferences_mut().theme = theme;
            room.app_mut().preferences_mut().language = Some(language.to_owned());
            room.settle();
            room.picture(&format!("sheets-{name}-{theme:?}-{language}"));
        }
    }
}

/// Clicks what has a role and a name.
fn click(room: &mut Room, role: Role, name: &str) {
    room.harness.get_by_role_and_label(role, name).click();
    room.harness.step();
    room.settle();
}

/// Types into the field that has the focus.
fn type_text(room: &mut Room, text: &str) {
    room.harness.event(egui::Event::Text(text.to_owned()));
    room.settle();
}

#[test]
fn a_license_is_accepted_before_a_download_can_start() {
    let mut room = Room::new(&[]);
    room.run(Command::Models);
    looks(&mut room, "models");
    click(&mut room, Role::Button, "Get a larger model");
    assert_eq!(room.app().state().model.as_deref(), Some("vits16"));
    looks(&mut room, "models-away");
    click(&mut room, Role::Button, "Download");
    assert!(
        room.app().session().models.download("vits16").is_none(),
        "nothing was accepted yet"
    );
    click(
        &mut room,
        Role::CheckBox,
        "I have read and accept the DINOv3 License",
    );
    assert!(room.app().state().models.accepted.contains("vits16"));
}

#[test]
fn an_incomplete_model_is_shown_with_what_is_missing_and_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    write_half(&path);
    let mut room = Room::new(&[]);
    let before = room.app().document().model.clone();
    let name = path.display().to_string();
    room.app_mut().session_mut().models.add_file(&name);
    room.app_mut().state_mut().model = Some(name);
    room.run(Command::Models);
    looks(&mut room, "models-half");
    room.harness
        .get_by_label_contains("mask_token, blocks.0.norm1.bias")
        .rect();
    click(&mut room, Role::Button, "Use");
    assert_eq!(room.app().document().model, before);
    click(&mut room, Role::Link, "Show all tensors");
    looks(&mut room, "models-tensors");
}

#[test]
fn the_palette_finds_commands_pictures_and_gives_reasons() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.run(Command::Palette);
    type_text(&mut room, "chelsea");
    looks(&mut room, "palette");
    room.key(Modifiers::NONE, Key::Enter);
    assert_eq!(room.app().state().sheet, Sheet::None);
    room.run(Command::Palette);
    type_text(&mut room, "open");
    room.key(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(room.app().state().palette.line, 1);
    room.key(Modifiers::NONE, Key::ArrowUp);
    room.key(Modifiers::NONE, Key::ArrowUp);
    assert!(room.app().state().palette.line > 1, "the ends meet");
    room.key(Modifiers::NONE, Key::Escape);
    assert_eq!(room.app().state().sheet, Sheet::None);
    room.run(Command::Palette);
    type_text(&mut room, "redo");
    room.key(Modifiers::NONE, Key::Enter);
    assert_eq!(
        room.app().state().sheet,
        Sheet::Palette,
        "there is nothing to redo, and the line says so"
    );
}

#[test]
fn settings_change_at_once_and_keys_can_be_taken_over() {
    let mut room = Room::new(&[]);
    room.run(Command::Settings);
    looks(&mut room, "settings");
    for page in ["Device", "Storage", "Keys", "Program"] {
        click(&mut room, Role::Tab, page);
        looks(&mut room, &format!("settings-{page}"));
    }
    click(&mut room, Role::Tab, "Keys");
    room.harness
        .get_by_role_and_label(Role::TextInput, "Command or key")
        .focus();
    room.settle();
    type_text(&mut room, "Models");
    click(&mut room, Role::Button, "Change the keys of “Go to Models”");
    assert!(room.app().state().settings.is_recording());
    // Taken by another command: asked for first.
    room.key(Modifiers::COMMAND, Key::O);
    assert!(room.app_mut().preferences_mut().keys.is_empty());
    looks(&mut room, "settings-taken");
    click(&mut room, Role::Button, "Use for “Go to Models”");
    let keys = &room.app_mut().preferences_mut().keys;
    assert_eq!(keys["models"], ["Ctrl+O"]);
    assert!(keys["open-pictures"].is_empty());
}

#[test]
fn the_other_sheets_show_and_close() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let paths = vec![photo("coffee.png")];
    for (sheet, name) in [
        (
            Sheet::Link(paths, "dinoscope://open?path=coffee.png".to_owned()),
            "link",
        ),
        (Sheet::Unsaved(After::Quit), "unsaved"),
        (Sheet::Missing, "missing"),
        (Sheet::About, "about"),
        (Sheet::Shortcuts, "shortcuts"),
    ] {
        room.app_mut().state_mut().sheet = sheet;
        room.settle();
        looks(&mut room, name);
        room.key(Modifiers::NONE, Key::Escape);
        assert_eq!(room.app().state().sheet, Sheet::None, "{name}");
    }
}

#[test]
fn a_link_opens_only_after_a_yes() {
    let mut room = Room::new(&[]);
    let count = room.app().document().library.len();
    let gone = std::env::temp_dir().join("dinoscope-no-such-picture.png");
    drop(std::fs::copy(photo("coffee.png"), &gone));
    room.app_mut().state_mut().sheet =
        Sheet::Link(vec![gone.clone()], "dinoscope://open".to_owned());
    room.settle();
    room.key(Modifiers::NONE, Key::Enter);
    assert_eq!(room.app().document().library.len(), count, "Enter ignores");
    room.app_mut().state_mut().sheet =
        Sheet::Link(vec![gone.clone()], "dinoscope://open".to_owned());
    room.settle();
    click(&mut room, Role::Button, "Open");
    assert_eq!(room.app().document().library.len(), count + 1);
    std::fs::remove_file(&gone).unwrap();
    room.app_mut().request(Request::Open(Vec::new()));
    room.settle();
}
