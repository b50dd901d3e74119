//! Bad luck: each is explained, and nothing else is harmed.

use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::{Request, Sheet};
use egui::{Modifiers, PointerButton};

use crate::room::{Room, photo};

#[test]
fn a_picture_that_vanishes_is_asked_for_and_found_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("cat.png");
    std::fs::copy(photo("chelsea.png"), &old).unwrap();
    let mut room = Room::new(std::slice::from_ref(&old));
    let file = folder.path().join("p.dinoscope");
    room.asked.borrow_mut().picks.push(file.clone());
    room.run(Command::Save);
    let below = folder.path().join("moved");
    std::fs::create_dir(&below).unwrap();
    std::fs::rename(&old, below.join("renamed.png")).unwrap();
    let mut again = Room::new(&[file]);
    assert_eq!(again.app().state().sheet, Sheet::Missing);
    let picture = again
        .app()
        .document()
        .views
        .values()
        .next()
        .unwrap()
        .picture()
        .unwrap();
    again.app_mut().search_in(&below);
    again.settle();
    let entry = again.app().document().library.get(picture).unwrap().clone();
    assert_eq!(entry.path, below.join("renamed.png"));
}

#[test]
fn broken_files_are_explained_and_the_others_work() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.png");
    std::fs::write(&broken, b"\x89PNG\r\n\x1a\nnothing").unwrap();
    let model = folder.path().join("model.safetensors");
    std::fs::write(&model, b"not a model").unwrap();
    let project = folder.path().join("p.dinoscope");
    std::fs::write(&project, b"{ \"dinoscope\": 1, ").unwrap();
    let mut room = Room::new(&[photo("chelsea.png"), broken]);
    room.picture("broken-picture");
    room.app_mut().request(Request::Open(vec![model]));
    room.settle();
    room.picture("broken-model");
    room.run(Command::Undo);
    let whole = *room.app().document().views.keys().next().unwrap();
    room.app_mut().request(Request::Activate(whole));
    room.settle();
    let middle = room.middle();
    room.click(middle, PointerButton::Primary, Modifiers::NONE);
    assert_eq!(room.app().document().settings.query.pins.len(), 1);
    room.app_mut().request(Request::Open(vec![project]));
    room.settle();
    assert_eq!(
        room.app().document().views.len(),
        2,
        "the open project stays"
    );
}

#[test]
fn a_folder_that_cannot_be_written_keeps_the_project_unsaved() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let middle = room.middle();
    room.click(middle, PointerButton::Primary, Modifiers::NONE);
    let nowhere = room.folder.path().join("no/such/folder/p.dinoscope");
    room.asked.borrow_mut().picks.push(nowhere.clone());
    room.run(Command::Save);
    assert!(!nowhere.exists());
    assert!(!room.app().state().project.saved);
    assert_eq!(room.app().document().settings.query.pins.len(), 1);
}
