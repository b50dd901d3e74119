//! The explorer without a pointer.

use dinoscope_ui::canvas::Tool;
use dinoscope_ui::commands::Command;
use dinoscope_ui::document::Sign;
use egui::{Key, Modifiers, vec2};

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

#[test]
fn escape_gives_a_box_up_and_space_moves_the_picture_instead() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let middle = room.middle();
    let (from, to) = (middle - vec2(60.0, 40.0), middle + vec2(60.0, 40.0));
    let button = |at, pressed| egui::Event::PointerButton {
        pos: at,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let drag = |room: &mut Room, gives_up: bool| {
        room.hover(from);
        room.harness.event(button(from, true));
        room.harness.step();
        for part in 1..=4 {
            room.hover(from + (to - from) * (part as f32 / 4.0));
        }
        if gives_up {
            room.key(Modifiers::NONE, Key::Escape);
        }
        room.harness.event(button(to, false));
        room.harness.step();
        room.settle();
    };
    let pins = |room: &Room| room.app().document().settings.query.pins.len();
    room.app_mut().state_mut().tool = Tool::Box;
    room.settle();
    drag(&mut room, true);
    assert_eq!(pins(&room), 0, "Esc");
    room.app_mut().state_mut().tool = Tool::Box;
    room.settle();
    drag(&mut room, false);
    assert_eq!(pins(&room), 1, "a box");
    let center = |room: &Room| {
        let cameras = &room.app().state().presentation.cameras;
        let all = cameras.values().flat_map(|all| all.values());
        all.map(|camera| camera.center_px).next()
    };
    room.key(Modifiers::NONE, Key::Plus);
    let before = center(&room).unwrap();
    room.harness.key_down(Key::Space);
    room.harness.step();
    drag(&mut room, false);
    room.harness.key_up(Key::Space);
    room.settle();
    assert_eq!(pins(&room), 1, "no second box");
    let after = center(&room).unwrap();
    let moved = (after[0] - before[0]).abs() + (after[1] - before[1]).abs();
    assert!(moved > 1.0, "the picture has moved: {before:?} {after:?}");
}

#[test]
fn between_two_pictures_enter_places_a_keypoint_that_goes_along_when_they_are_exchanged() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.run(Command::ViewMatches);
    room.key(Modifiers::NONE, Key::ArrowRight);
    room.key(Modifiers::NONE, Key::ArrowRight);
    room.key(Modifiers::NONE, Key::Enter);
    let settings = |room: &Room| room.app().document().settings.clone();
    assert!(settings(&room).query.pins.is_empty());
    let points = settings(&room).matches.keypoints;
    assert_eq!(points.len(), 1);
    room.run(Command::SwapPictures);
    let swapped = settings(&room).matches.keypoints;
    assert_eq!(swapped[0].pair, [points[0].pair[1], points[0].pair[0]]);
    assert_eq!(swapped[0].b, Some(points[0].a));
    let csv = room.folder.path().join("points.csv");
    room.asked.borrow_mut().picks.push(csv.clone());
    let view = room.app().state().presentation.active.unwrap();
    room.app_mut()
        .request(dinoscope_ui::cx::Request::Keypoints(view));
    room.settle();
    let text = std::fs::read_to_string(csv).unwrap();
    let [x, y] = swapped[0].a;
    let [bx, by] = points[0].a;
    assert_eq!(text, format!("name,ax,ay,bx,by\n1,{x},{y},{bx},{by}\n"));
    room.key(Modifiers::NONE, Key::Delete);
    assert!(settings(&room).matches.keypoints.is_empty());
}

#[test]
fn the_walked_patch_stays_in_sight() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    for _ in 0..12 {
        room.key(Modifiers::NONE, Key::Plus);
    }
    for _ in 0..6 {
        room.key(Modifiers::SHIFT, Key::ArrowRight);
    }
    let pointer = room.app().state().pointer.unwrap();
    let cameras = &room.app().state().presentation.cameras;
    let camera = cameras.values().flat_map(|all| all.values()).next();
    let [x, y] = camera.unwrap().center_px;
    let zoom = camera.unwrap().zoom.unwrap();
    let canvas = room.app_mut().session_mut().view(pointer.view).canvas;
    let half = canvas.unwrap().size() / 2.0 / zoom;
    assert!((pointer.at[0] as f32 - x).abs() <= half.x, "{pointer:?}");
    assert!((pointer.at[1] as f32 - y).abs() <= half.y, "{pointer:?}");
}
