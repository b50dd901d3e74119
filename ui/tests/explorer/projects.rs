//! Saving, reopening, exporting, reopening figures.

use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::Request;
use egui::{Modifiers, PointerButton, vec2};

use crate::room::{Room, photo};

#[test]
fn a_saved_project_comes_back_as_it_was() {
    let mut room = Room::new(&[photo("chelsea.png"), photo("astronaut.png")]);
    let middle = room.middle();
    room.click(middle, PointerButton::Primary, Modifiers::NONE);
    room.run(Command::ViewPca);
    let file = room.folder.path().join("a.dinoscope");
    room.asked.borrow_mut().picks.push(file.clone());
    room.run(Command::Save);
    assert!(room.app().state().project.saved);
    let mut again = Room::new(&[file]);
    assert_eq!(again.app().document().views, room.app().document().views);
    assert_eq!(
        again.app().document().settings,
        room.app().document().settings
    );
    let before = room.picture("project-before");
    let after = again.picture("project-after");
    assert_eq!(before.dimensions(), after.dimensions());
}

#[test]
fn a_figure_opens_as_the_view_that_it_shows() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let middle = room.middle();
    room.click(
        middle - vec2(50.0, 20.0),
        PointerButton::Primary,
        Modifiers::NONE,
    );
    let pins = room.app().document().settings.query.pins.clone();
    let figure = room.folder.path().join("figure.png");
    room.asked.borrow_mut().picks.push(figure.clone());
    room.run(Command::ExportFigure);
    assert!(figure.is_file());
    let mut again = Room::new(&[]);
    again.app_mut().request(Request::Open(vec![figure]));
    again.settle();
    let document = again.app().document();
    let (&id, view) = document.views.iter().next().unwrap();
    assert_eq!(
        document.library.name(view.picture().unwrap()),
        "chelsea.png"
    );
    let shapes = |pins: &[dinoscope_ui::document::Pin]| {
        pins.iter().map(|pin| pin.shape.clone()).collect::<Vec<_>>()
    };
    assert_eq!(shapes(&document.settings(id).query.pins), shapes(&pins));
}

#[test]
fn values_are_those_of_the_command_line() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let middle = room.middle();
    room.click(middle, PointerButton::Primary, Modifiers::NONE);
    let file = room.folder.path().join("map.npy");
    room.asked.borrow_mut().picks.push(file.clone());
    room.run(Command::ExportValues);
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY"));
    // The pinned patch itself is the most alike: a cosine of 1.
    let values: Vec<f32> = bytes[bytes.len() - 32 * 48 * 4..]
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    assert!((most - 1.0).abs() < 1e-4, "{most}");
}
