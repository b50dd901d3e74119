//! The explorer without a pointer.

use dinoscope_ui::document::Sign;
use egui::{Key, Modifiers};

use crate::room::{Room, photo};

#[test]
fn arrows_walk_and_enter_pins() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.key(Modifiers::NONE, Key::ArrowRight);
    let first = room.app().state().pointer.unwrap();
    assert!(first.by_keys);
    room.key(Modifiers::NONE, Key::ArrowRight);
    let second = room.app().state().pointer.unwrap();
    assert!(second.at[0] > first.at[0]);
    room.key(Modifiers::SHIFT, Key::ArrowDown);
    assert!(room.app().state().pointer.unwrap().at[1] > second.at[1]);
    room.key(Modifiers::NONE, Key::Enter);
    room.key(Modifiers::NONE, Key::ArrowLeft);
    room.key(Modifiers::SHIFT, Key::Enter);
    let signs: Vec<Sign> = room
        .app()
        .document()
        .settings
        .query
        .pins
        .iter()
        .map(|pin| pin.sign)
        .collect();
    assert_eq!(signs, [Sign::Positive, Sign::Negative]);
}

#[test]
fn every_edit_can_be_undone_and_done_again() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.key(Modifiers::NONE, Key::ArrowRight);
    room.key(Modifiers::NONE, Key::Enter);
    assert_eq!(room.app().document().settings.query.pins.len(), 1);
    room.key(Modifiers::COMMAND, Key::Z);
    assert!(room.app().document().settings.query.pins.is_empty());
    room.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(room.app().document().settings.query.pins.len(), 1);
    room.key(Modifiers::NONE, Key::G);
    assert!(room.app().document().settings.look.grid);
    room.key(Modifiers::NONE, Key::O);
    assert!(!room.app().document().settings.look.visible);
}

#[test]
fn layers_zoom_and_pictures_have_keys() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.key(Modifiers::NONE, Key::OpenBracket);
    assert!(room.app().document().settings.features.layer.is_some());
    room.key(Modifiers::NONE, Key::CloseBracket);
    assert_eq!(room.app().document().settings.features.layer, None);
    let shown = |room: &Room| {
        room.app()
            .document()
            .views
            .values()
            .next()
            .unwrap()
            .picture()
    };
    let before = shown(&room);
    room.key(Modifiers::NONE, Key::Comma);
    let after = shown(&room);
    assert_ne!(before, after);
    room.key(Modifiers::NONE, Key::Plus);
    let cameras = room.app().state().presentation.cameras.clone();
    assert!(
        cameras
            .values()
            .flat_map(|all| all.values())
            .any(|camera| camera.zoom.is_some())
    );
}

#[test]
fn the_palette_runs_what_is_typed() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.key(Modifiers::COMMAND, Key::K);
    room.harness
        .event(egui::Event::Text("patch grid".to_owned()));
    room.harness.step();
    room.key(Modifiers::NONE, Key::Enter);
    assert!(room.app().document().settings.look.grid);
}

#[test]
fn letters_in_a_text_field_are_letters() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.key(Modifiers::COMMAND, Key::K);
    room.harness.key_press(Key::G);
    room.settle();
    assert!(!room.app().document().settings.look.grid);
    room.key(Modifiers::NONE, Key::Escape);
    room.key(Modifiers::NONE, Key::G);
    assert!(room.app().document().settings.look.grid);
}
