//! Bad luck: each is explained, and nothing else is harmed.

use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::{After, Request, Sheet};
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

#[test]
fn a_number_that_undo_gives_again_is_no_other_picture() {
    let mut room = Room::new(&[]);
    room.app_mut()
        .request(Request::Open(vec![photo("chelsea.png")]));
    room.settle();
    let shown = |room: &Room| {
        let document = room.app().document();
        let view = document.views.values().next().unwrap();
        view.picture().unwrap()
    };
    let first = shown(&room);
    // The samples are in the library already: a picture of one's own is what undo takes away.
    let mut names = Vec::new();
    for (name, source) in [("one.png", "coffee.png"), ("two.png", "astronaut.png")] {
        let own = room.folder.path().join(name);
        std::fs::copy(photo(source), &own).unwrap();
        room.app_mut().request(Request::Open(vec![own]));
        room.settle();
        let id = shown(&room);
        assert_ne!(id, first);
        let open = room.app().session().pictures.peek(id).unwrap();
        names.push((id, open.name.clone(), open.size_px()));
        let known = room.app().document().library.get(id).unwrap().clone();
        assert_eq!(known.sha256.as_deref(), Some(open.picture.sha256()));
        while room.app().document().library.get(id).is_some() {
            room.run(Command::Undo);
        }
    }
    assert_eq!(names[0].0, names[1].0, "the number comes again");
    assert_eq!((&*names[0].1, &*names[1].1), ("one.png", "two.png"));
    assert_ne!(names[0].2, names[1].2);
}

#[test]
fn the_question_before_work_is_lost_goes_on_with_what_was_wanted() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let middle = room.middle();
    let pin = |room: &mut Room| {
        room.click(middle, PointerButton::Primary, Modifiers::NONE);
        assert!(!room.app().document().settings.query.pins.is_empty());
    };
    pin(&mut room);
    let file = room.folder.path().join("first.dinoscope");
    room.run(Command::NewProject);
    assert_eq!(room.app().state().sheet, Sheet::Unsaved(After::New));
    // Saved first, then the new one.
    room.asked.borrow_mut().picks.push(file.clone());
    room.app_mut().request(Request::Save {
        then: Some(After::New),
    });
    room.app_mut().state_mut().sheet = Sheet::None;
    room.settle();
    assert!(room.app().document().views.is_empty() && file.is_file());
    assert_eq!(room.app().state().project.path, None);
    // Not saved, and another one opened.
    room.app_mut()
        .request(Request::Open(vec![photo("coffee.png")]));
    room.settle();
    pin(&mut room);
    room.app_mut().request(Request::Open(vec![file.clone()]));
    room.settle();
    let asked = Sheet::Unsaved(After::Open(file.clone()));
    assert_eq!(room.app().state().sheet, asked);
    room.app_mut()
        .request(Request::Discard(After::Open(file.clone())));
    room.settle();
    assert_eq!(
        room.app().state().project.path.as_deref(),
        Some(file.as_path())
    );
    assert_eq!(room.app().document().settings.query.pins.len(), 1);
    assert!(room.app().state().project.saved);
}

#[test]
fn a_folder_of_pictures_is_an_edit() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let file = room.folder.path().join("p.dinoscope");
    room.asked.borrow_mut().picks.push(file);
    room.run(Command::Save);
    assert!(room.app().state().project.saved);
    let folder = room.folder.path().join("mine");
    std::fs::create_dir(&folder).unwrap();
    for name in ["a.png", "b.png"] {
        std::fs::copy(photo("coffee.png"), folder.join(name)).unwrap();
    }
    let before = room.app().document().library.len();
    room.app_mut().request(Request::Open(vec![folder]));
    room.settle();
    assert_eq!(room.app().document().library.len(), before + 2);
    assert!(!room.app().state().project.saved, "it is in no file yet");
    room.run(Command::Undo);
    assert_eq!(room.app().document().library.len(), before);
    room.run(Command::Redo);
    assert_eq!(room.app().document().library.len(), before + 2);
}

#[test]
fn a_close_of_the_minimized_window_is_asked_about_as_well() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let middle = room.middle();
    room.click(middle, PointerButton::Primary, Modifiers::NONE);
    let ctx = room.harness.ctx.clone();
    let mut raw = egui::RawInput::default();
    let info = raw.viewports.entry(egui::ViewportId::ROOT).or_default();
    info.minimized = Some(true);
    info.events.push(egui::ViewportEvent::Close);
    let app = room.app_mut();
    let mut output = ctx.run_logic(&raw, |ctx| app.logic(ctx));
    let commands = output.viewport_commands.remove(&egui::ViewportId::ROOT);
    let commands = commands.unwrap_or_default();
    assert!(commands.contains(&egui::ViewportCommand::CancelClose));
    assert!(commands.contains(&egui::ViewportCommand::Minimized(false)));
    assert_eq!(room.app().state().sheet, Sheet::Unsaved(After::Quit));
}
