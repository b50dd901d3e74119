//! Every view draws something, in both themes and both languages.

use dinoscope_engine::analysis::Analysis;
use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::Request;
use dinoscope_ui::document::{ViewKind, Workspace};
use dinoscope_ui::keep::settings::ThemeChoice;
use egui::{Modifiers, PointerButton, vec2};

use crate::room::{Room, photo};

/// Number of colors in a picture, up to many.
fn colors(image: &image::RgbaImage) -> usize {
    let mut seen: Vec<[u8; 3]> = image
        .pixels()
        .step_by(37)
        .map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

fn looks(room: &mut Room, name: &str) {
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        for language in ["en", "zh-CN"] {
            room.app_mut().preferences_mut().theme = theme;
            room.app_mut().preferences_mut().language = Some(language.to_owned());
            room.settle();
            let image = room.picture(&format!("{name}-{theme:?}-{language}"));
            assert!(
                colors(&image) > 200,
                "{name} is nearly empty in {theme:?}, {language}"
            );
        }
    }
}

#[test]
fn similarity_follows_the_pointer_and_keeps_pins() {
    let mut room = Room::new(&[photo("chelsea.png"), photo("astronaut.png")]);
    assert_eq!(room.app().document().views.len(), 2);
    let middle = room.middle();
    room.hover(middle - vec2(60.0, 40.0));
    let before = room.picture("hover-a");
    room.hover(middle + vec2(80.0, 60.0));
    let after = room.picture("hover-b");
    assert!(before != after, "the map follows the pointer");
    room.click(
        middle - vec2(60.0, 40.0),
        PointerButton::Primary,
        Modifiers::NONE,
    );
    room.click(
        middle + vec2(80.0, 60.0),
        PointerButton::Secondary,
        Modifiers::NONE,
    );
    let pins = &room.app().document().settings.query.pins;
    assert_eq!(pins.len(), 2);
    looks(&mut room, "similarity");
}

#[test]
fn pca_fits_one_basis_for_all_its_views() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let pictures: Vec<_> = room
        .app()
        .document()
        .library
        .iter()
        .map(|(id, _)| id)
        .take(3)
        .collect();
    for picture in pictures {
        room.app_mut()
            .request(Request::Show(ViewKind::Pca, picture));
        room.settle();
    }
    let active = room.app().state().presentation.active.unwrap();
    let fit = room
        .app_mut()
        .session_mut()
        .view(active)
        .pca
        .fit
        .clone()
        .unwrap();
    assert_eq!(fit.pictures.len(), 3);
    let middle = room.middle();
    room.hover(middle);
    looks(&mut room, "pca");
}

#[test]
fn matches_lists_pairs() {
    let mut room = Room::new(&[photo("chelsea.png"), photo("coffee.png")]);
    room.run(Command::ViewMatches);
    let active = room.app().state().presentation.active.unwrap();
    let kept = room
        .app_mut()
        .session_mut()
        .view(active)
        .matches
        .kept
        .clone()
        .unwrap();
    assert!(!kept.pairs.is_empty());
    let middle = room.middle();
    room.hover(middle);
    looks(&mut room, "matches");
}

#[test]
fn compare_shows_its_cells_and_their_difference() {
    let mut room = Room::new(&[photo("astronaut.png")]);
    let middle = room.middle();
    room.click(middle, PointerButton::Primary, Modifiers::NONE);
    room.run(Command::Compare);
    assert_eq!(
        room.app().state().presentation.workspace,
        Workspace::Compare
    );
    let active = room.app().state().presentation.active.unwrap();
    let state = &room.app_mut().session_mut().view(active).compare;
    assert!(state.reads().iter().all(Option::is_some));
    assert!(state.differences.iter().all(Option::is_some));
    looks(&mut room, "compare");
}

#[test]
fn every_analysis_has_a_view() {
    let mut room = Room::new(&[photo("chelsea.png"), photo("coffee.png")]);
    let picture = room
        .app()
        .document()
        .views
        .values()
        .next()
        .unwrap()
        .picture()
        .unwrap();
    for mut analysis in Analysis::all() {
        let id = analysis.get().id();
        let points = analysis.settings().iter().any(|knob| knob.name == "at");
        if points {
            analysis.set(&["at=100,100"]).unwrap();
        }
        if analysis.settings().iter().any(|knob| knob.name == "points") && id == "region" {
            analysis.set(&["points=50,50;200,200"]).unwrap();
        }
        room.app_mut()
            .request(Request::Show(ViewKind::Analysis(analysis), picture));
        room.settle();
        let active = room.app().state().presentation.active.unwrap();
        let state = &room.app_mut().session_mut().view(active).analysis;
        assert!(state.problem.is_none(), "{id}: {:?}", state.problem);
        assert!(state.outcome.is_some(), "{id}");
        let image = room.picture(&format!("analysis-{id}"));
        assert!(colors(&image) > 200, "{id} is nearly empty");
    }
}

#[test]
fn the_first_start_teaches_and_the_manager_lists() {
    let mut room = Room::new(&[]);
    assert!(room.app().document().views.is_empty());
    looks(&mut room, "start");
    room.run(Command::Models);
    looks(&mut room, "models");
    for (command, name) in [
        (Command::Palette, "palette"),
        (Command::Shortcuts, "shortcuts"),
        (Command::Settings, "settings"),
        (Command::About, "about"),
    ] {
        room.run(command);
        looks(&mut room, name);
        room.run(Command::Cancel);
    }
}

#[test]
fn small_windows_keep_everything_reachable() {
    let size = vec2(960.0, 600.0);
    let mut room = Room::with(&[photo("chelsea.png")], size, |_| {});
    looks(&mut room, "small");
    room.app_mut().preferences_mut().text_scale = 2.0;
    room.settle();
    let image = room.picture("small-scaled");
    assert!(colors(&image) > 200);
}
