//! Panels around the views: in both themes and languages, by pointer and by keys.

use dinoscope_jobs::runner::{JobError, Lane, Spec, Title, Unit};
use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::Request;
use dinoscope_ui::document::{Camera, Sign, ViewKind, Workspace};
use dinoscope_ui::keep::settings::ThemeChoice;
use egui::{Key, Modifiers, PointerButton, Pos2, Rect, Vec2, pos2, vec2};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::room::{Room, photo};

const WIDE: Vec2 = Vec2::new(1440.0, 900.0);
const SMALL: Vec2 = Vec2::new(960.0, 600.0);

/// Draws the window in all themes and languages, keeps the pictures, and looks for words that were not translated.
fn looks(room: &mut Room, name: &str) {
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        for language in ["en", "zh-CN"] {
            room.app_mut().preferences_mut().theme = theme;
            room.app_mut().preferences_mut().language = Some(language.to_owned());
            room.settle();
            room.picture(&format!("panels-{name}-{theme:?}-{language}"));
            let raw = raw_messages(room);
            assert!(raw.is_empty(), "{name}, {language}: {raw:?}");
        }
    }
    room.app_mut().preferences_mut().theme = ThemeChoice::Dark;
    room.app_mut().preferences_mut().language = Some("en".to_owned());
    room.settle();
}

/// Labels that are ids of messages: what a catalogue lacks shows as its id.
fn raw_messages(room: &Room) -> Vec<String> {
    let areas = [
        "app", "library", "tiles", "top", "status", "jobs", "start", "lesson", "sample", "cmd",
        "canvas", "edit",
    ];
    let is_id = |label: &str| {
        let plain = label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        plain
            && areas
                .iter()
                .any(|area| label.starts_with(&format!("{area}-")))
    };
    let nodes = room.harness.root().children_recursive();
    nodes
        .filter_map(|node| node.accesskit_node().label())
        .filter(|label| is_id(label))
        .collect()
}

fn rect(room: &Room, label: &str) -> Rect {
    room.harness.get_by_label(label).rect()
}

/// The tab with a title.
fn tab(room: &Room, title: &str) -> Rect {
    room.harness
        .get_by_role_and_label(egui::Role::Tab, title)
        .rect()
}

fn press(room: &mut Room, label: &str) {
    let at = rect(room, label).center();
    room.click(at, PointerButton::Primary, Modifiers::NONE);
}

/// Presses and releases without waiting for jobs.
fn click_now(room: &mut Room, pos: Pos2) {
    for pressed in [true, false] {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        room.harness.event(egui::Event::PointerButton {
            pos,
            button,
            pressed,
            modifiers,
        });
        room.harness.step();
    }
}

/// Names of the pictures that views show, in the order of the views.
fn shown(room: &Room) -> Vec<String> {
    let document = room.app().document();
    document
        .views
        .values()
        .map(|view| document.library.name(view.picture().unwrap()))
        .collect()
}

#[test]
fn the_first_start_is_live_and_begins_the_lesson() {
    let mut room = Room::new(&[]);
    looks(&mut room, "start");
    let card = rect(
        &room,
        "Point: Move over a picture. Like parts light up at once.",
    );
    room.hover(card.center() - vec2(80.0, 30.0));
    let before = room.picture("panels-card-a");
    room.hover(card.center() + vec2(90.0, 40.0));
    let after = room.picture("panels-card-b");
    assert!(before != after, "the map on the card follows the pointer");
    press(&mut room, "Start the lesson");
    assert_eq!(room.app().state().lesson, Some(0));
    assert_eq!(shown(&room), ["chelsea.png"]);
}

#[test]
fn the_first_start_fits_the_smallest_window() {
    let mut room = Room::with(&[], SMALL, |_| {});
    looks(&mut room, "start-small");
    let window = Rect::from_min_size(Pos2::ZERO, SMALL);
    for label in ["Start the lesson", "Undo", "Find a command", "Settings"] {
        assert!(window.contains_rect(rect(&room, label)), "{label}");
    }
}

#[test]
fn a_sample_opens_with_a_click() {
    let mut room = Room::new(&[]);
    press(&mut room, "Coffee");
    assert_eq!(shown(&room), ["coffee.png"]);
    assert!(!room.app().state().start);
}

#[test]
fn the_library_looks_marks_and_opens_beside() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    looks(&mut room, "library");
    let coffee = rect(&room, "coffee.png").center();
    room.click(coffee, PointerButton::Primary, Modifiers::NONE);
    assert_eq!(shown(&room), ["coffee.png"]);
    let rocket = rect(&room, "rocket.jpg").center();
    room.click(rocket, PointerButton::Primary, Modifiers::COMMAND);
    assert_eq!(room.app().state().presentation.selected.len(), 2);
    assert_eq!(shown(&room), ["coffee.png"], "marking does not open");
    // Two clicks so soon after each other that they are one double click.
    room.hover(rocket);
    // A frame of a test takes a quarter of a second: too long for two clicks to be one double click.
    room.harness.run_steps(4);
    room.harness
        .ctx
        .options_mut(|options| options.input_options.max_double_click_delay = 2.0);
    click_now(&mut room, rocket);
    click_now(&mut room, rocket);
    room.settle();
    assert_eq!(
        shown(&room),
        ["coffee.png", "rocket.jpg"],
        "the first picture comes back"
    );
}

#[test]
fn the_library_is_walked_and_searched_by_keys() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let count = room.app().document().library.len();
    let cat = rect(&room, "astronaut.png").center();
    room.click(cat, PointerButton::Primary, Modifiers::NONE);
    room.key(Modifiers::NONE, Key::ArrowRight);
    room.key(Modifiers::NONE, Key::Enter);
    assert_eq!(shown(&room), ["rocket.jpg"]);
    room.key(Modifiers::NONE, Key::Delete);
    assert!(
        room.app().document().library.len() < count,
        "Delete removes what is marked"
    );
    room.run(Command::Undo);
    assert_eq!(room.app().document().library.len(), count);
    let coffee = rect(&room, "coffee.png").center();
    room.click(coffee, PointerButton::Primary, Modifiers::NONE);
    room.harness.event(egui::Event::Text("astro".to_owned()));
    room.settle();
    assert_eq!(room.app().state().filter, "astro");
    assert!(room.harness.query_by_label("coffee.png").is_none());
}

#[test]
fn thousands_of_pictures_cost_a_frame_no_more_than_a_few() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let folder = room.folder.path().join("many");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..3000 {
        std::fs::write(folder.join(format!("{number}.png")), b"").unwrap();
    }
    room.app_mut().request(Request::Open(vec![folder]));
    room.settle();
    assert!(room.app().document().library.len() > 3000);
    room.harness.step();
    let labels = room.harness.root().children_recursive().count();
    assert!(
        labels < 600,
        "{labels} nodes: rows out of sight are laid out"
    );
    looks(&mut room, "library-many");
}

#[test]
fn tabs_close_split_and_link() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    press(&mut room, "Split view");
    assert_eq!(room.app().document().views.len(), 2);
    looks(&mut room, "tabs");
    let active = room.app().state().presentation.active.unwrap();
    let links: Vec<Pos2> = room
        .harness
        .get_all_by_label("Link views")
        .map(|node| node.rect().center())
        .collect();
    assert_eq!(links.len(), 2);
    room.click(links[1], PointerButton::Primary, Modifiers::NONE);
    assert_eq!(
        room.app()
            .document()
            .views
            .values()
            .filter(|view| view.is_linked())
            .count(),
        1
    );
    let close = room
        .harness
        .get_all_by_label("Close A chelsea.png")
        .last()
        .unwrap()
        .rect()
        .center();
    room.click(close, PointerButton::Primary, Modifiers::NONE);
    assert_eq!(room.app().document().views.len(), 1);
    assert_ne!(room.app().state().presentation.active, Some(active));
}

#[test]
fn a_second_view_of_a_picture_is_a_tab_and_one_of_another_a_pane() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    room.run(Command::ViewPca);
    let (first, second) = (tab(&room, "A chelsea.png"), tab(&room, "Parts (PCA)"));
    assert!((second.top() - first.top()).abs() < 1.0 && second.left() >= first.right() - 1.0);
    let other = room
        .app()
        .document()
        .library
        .iter()
        .map(|(id, _)| id)
        .next()
        .unwrap();
    let other = room.app().document().library.neighbor(other, true).unwrap();
    room.app_mut().request(Request::Beside(other));
    room.settle();
    let views = room.app().document().views.len();
    assert_eq!(views, 3);
    looks(&mut room, "panes");
}

#[test]
fn a_picture_is_dragged_to_the_edge_of_a_pane_and_into_its_middle() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let from = rect(&room, "coffee.png").center();
    let middle = room.middle();
    let right = pos2(middle.x * 2.0 - 260.0, middle.y);
    drag(&mut room, from, right);
    assert_eq!(shown(&room), ["chelsea.png", "coffee.png"]);
    let from = rect(&room, "rocket.jpg").center();
    let middle = room.middle();
    drag(&mut room, from, middle);
    assert_eq!(shown(&room), ["chelsea.png", "rocket.jpg"]);
}

fn drag(room: &mut Room, from: Pos2, to: Pos2) {
    room.hover(from);
    room.harness.drag_at(from);
    room.harness.step();
    for part in [0.1, 0.5, 1.0] {
        room.harness.hover_at(from + (to - from) * part);
        room.harness.step();
    }
    room.picture("panels-drag");
    room.harness.drop_at(to);
    room.harness.step();
    room.settle();
}

#[test]
fn the_lesson_sees_what_was_done() {
    let mut room = Room::new(&[]);
    press(&mut room, "Start the lesson");
    room.harness.remove_cursor();
    room.settle();
    looks(&mut room, "lesson");
    let strip = rect(&room, "Leave the lesson");
    let active = room.app().state().presentation.active.unwrap();
    let canvas = room.app_mut().session_mut().view(active).canvas.unwrap();
    assert!(
        canvas.bottom() <= strip.top(),
        "the lesson covers the picture"
    );
    let eye = eye(&mut room);
    room.hover(eye);
    room.picture("panels-lesson-done");
    press(&mut room, "Next");
    room.click(eye, PointerButton::Primary, Modifiers::NONE);
    press(&mut room, "Next");
    room.click(
        eye + vec2(60.0, 90.0),
        PointerButton::Secondary,
        Modifiers::NONE,
    );
    let pins = &room.app().document().settings.query;
    assert_eq!(pins.active(Sign::Negative).count(), 1);
    press(&mut room, "Next");
    press(&mut room, "Open the astronaut beside");
    assert_eq!(room.app().document().views.len(), 2);
    press(&mut room, "Next");
    press(&mut room, "Open the parts");
    assert!(
        room.app()
            .document()
            .views
            .values()
            .any(|view| view.kind == ViewKind::Pca)
    );
    press(&mut room, "Next");
    looks(&mut room, "lesson-end");
    press(&mut room, "Finish");
    assert_eq!(room.app().state().lesson, None);
}

/// Where the left eye of the cat is on the screen.
fn eye(room: &mut Room) -> Pos2 {
    let active = room.app().state().presentation.active.unwrap();
    let canvas = room.app_mut().session_mut().view(active).canvas.unwrap();
    let size = vec2(451.0, 300.0);
    let transform = dinoscope_ui::canvas::Transform::new(&Camera::default(), canvas, size);
    let [x, y] = dinoscope_ui::samples::CAT_EYES[0];
    transform.to_screen(x as f32, y as f32)
}

#[test]
fn a_long_job_is_seen_and_cancelled() {
    let mut room = Room::new(&[photo("chelsea.png")]);
    let mut spec = Spec::new(Lane::Files, Title::new("job-scan").text("name", "meadow"));
    spec.pausable = true;
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let ticket = room.app().session().runner.submit(spec, move |cx| {
        cx.progress(24, 38, Unit::Pictures);
        loop {
            cx.checkpoint()?;
            if receiver
                .recv_timeout(std::time::Duration::from_millis(5))
                .is_ok()
            {
                return Ok::<(), JobError>(());
            }
        }
    });
    let start = std::time::Instant::now();
    while room.harness.query_by_label("Cancel").is_none() {
        room.harness.step();
        assert!(start.elapsed().as_secs() < 20, "the tray does not come");
    }
    room.harness.get_by_label("Pause");
    room.harness.run_steps(3);
    room.picture("panels-tray");
    let tray = rect(&room, "Cancel");
    assert!(
        (tray.height() - 28.0).abs() < 0.5 && tray.bottom() < WIDE.y - 26.0,
        "{tray:?}"
    );
    let at = rect(&room, "Cancel").center();
    room.hover(at);
    click_now(&mut room, at);
    room.settle();
    assert!(matches!(
        ticket.poll(),
        dinoscope_jobs::runner::Poll::Cancelled
    ));
    assert!(room.harness.query_by_label("Pause").is_none());
    drop(sender);
}

#[test]
fn the_workspaces_and_the_menu_are_in_the_bar() {
    let mut room = Room::with(&[photo("chelsea.png")], WIDE, |_| {});
    press(&mut room, "Models");
    assert_eq!(room.app().state().presentation.workspace, Workspace::Models);
    press(&mut room, "Explore");
    press(&mut room, "Menu");
    looks(&mut room, "menu");
    press(&mut room, "File");
    room.picture("panels-menu-file");
    room.harness.get_by_label_contains("Save as");
}

#[test]
fn the_window_works_at_its_smallest() {
    let mut room = Room::with(&[photo("chelsea.png"), photo("coffee.png")], SMALL, |_| {});
    looks(&mut room, "small");
    let window = Rect::from_min_size(Pos2::ZERO, SMALL);
    for label in ["Menu", "Find a command", "Settings"] {
        assert!(window.contains_rect(rect(&room, label)), "{label}");
    }
}
