//! The real desktop app in a real window, from the first frame to the exit.
//!
//! Xvfb draws it through software Vulkan, xdotool moves the pointer and presses the keys. What is asserted is in files
//! that the app wrote: projects and figures. Screenshots are kept as artefacts.

use std::fs;
use std::path::Path;

use dinoscope_engine::figure::read_recipe;
use serde_json::Value;

mod desk;

use desk::{Desk, Running};

fn photo(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("assets/photos")
        .join(name)
}

fn project(path: &Path) -> Value {
    let text = fs::read(path).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn pins(project: &Value) -> Vec<Value> {
    let pins = &project["document"]["document"]["settings"]["query"]["pins"];
    pins.as_array().cloned().unwrap_or_default()
}

/// What the autosave of any session has.
fn states(home: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "state.json") {
                found.extend(
                    fs::read(path)
                        .ok()
                        .and_then(|text| serde_json::from_slice(&text).ok()),
                );
            }
        }
    }
    found
}

/// Two places on the picture of the left one of two views in a window of 1440 × 900, and one that stays out of the way.
const EYE: (i32, i32) = (400, 450);
const NOSE: (i32, i32) = (500, 560);
const STILL: (u32, u32) = (290, 640);

#[test]
fn a_session_from_open_to_reopened_project() {
    let _machine = crate::room::quiet();
    let desk = Desk::new();
    let work = desk.folder.path().join("work");
    fs::create_dir_all(&work).unwrap();
    let (cat, astronaut) = (photo("chelsea.png"), photo("astronaut.png"));
    let app = Running::start(&desk, &[&cat, &astronaut]);
    app.said("features");
    app.rest();
    desk.screenshot("1-opened");

    app.move_to(EYE.0, EYE.1);
    let before = app.pixel("2-hover-a", STILL.0, STILL.1);
    app.move_to(NOSE.0, NOSE.1);
    let after = app.pixel("2-hover-b", STILL.0, STILL.1);
    assert_ne!(
        before, after,
        "the map under a still point follows the pointer"
    );

    app.click(EYE.0, EYE.1, "1");
    app.click(NOSE.0, NOSE.1, "3");
    desk.screenshot("3-two-pins");

    let project_file = work.join("eyes.dinoscope");
    app.key("ctrl+s");
    app.dialog("Save the project", &project_file);
    desk.until("project file", |_| project_file.exists());
    app.said("project saved");
    let saved = project(&project_file);
    let signs: Vec<&str> = pins(&saved)
        .iter()
        .map(|pin| if pin["sign"] == "negative" { "-" } else { "+" })
        .collect();
    assert_eq!(signs, ["+", "-"], "{:?}", pins(&saved));

    let figure = work.join("figure.png");
    app.key("ctrl+e");
    app.dialog("Export figure", &figure);
    app.said("Written");
    let recipe = read_recipe(&figure).unwrap();
    assert_eq!(recipe.title, "similarity");
    let (width, height) = image::image_dimensions(&figure).unwrap();
    assert!(
        width >= 451 && height >= 300,
        "as large as the picture: {width}x{height}"
    );

    app.key("ctrl+k");
    app.key_text("pca");
    desk.screenshot("4-palette");
    app.key("Return");
    app.said_about("pca");
    desk.screenshot("5-pca");
    app.key("ctrl+k");
    app.key_text("matches");
    app.key("Return");
    app.said_about("match");
    app.move_to(380, 300);
    desk.screenshot("6-matches");

    app.key("ctrl+s");
    app.rest();
    app.key("ctrl+q");
    assert_eq!(app.end(), Some(0));
    let kinds = project(&project_file)["document"]["document"]["views"]
        .as_object()
        .unwrap()
        .len();
    assert_eq!(kinds, 4, "two similarity views, PCA and matches");

    let again = Running::start(&desk, &[&project_file]);
    again.said("project opened");
    again.rest();
    desk.screenshot("7-reopened");
    let copy = work.join("copy.dinoscope");
    again.key("ctrl+shift+s");
    again.dialog("Save the project", &copy);
    desk.until("copy", |_| copy.exists());
    assert_eq!(pins(&project(&copy)), pins(&saved));
    again.key("ctrl+q");
    assert_eq!(again.end(), Some(0));
}

#[test]
fn what_a_killed_session_had_is_offered_again() {
    let _machine = crate::room::quiet();
    let desk = Desk::new();
    let app = Running::start(&desk, &[&photo("chelsea.png")]);
    app.said("features");
    app.click(600, 470, "1");
    app.click(800, 470, "1");
    desk.until("autosave with two pins", |desk| {
        states(desk.folder.path())
            .iter()
            .any(|state| pins(state).len() == 2)
    });
    app.kill();

    let again = Running::start(&desk, &[]);
    again.said("sessions to recover");
    again.rest();
    desk.screenshot("8-recovery");
    again.key("Return");
    again.said("project opened");
    again.rest();
    desk.screenshot("9-recovered");
    let file = desk.folder.path().join("recovered.dinoscope");
    again.key("ctrl+s");
    again.dialog("Save the project", &file);
    desk.until("project file", |_| file.exists());
    assert_eq!(pins(&project(&file)).len(), 2);
    again.key("ctrl+q");
    assert_eq!(again.end(), Some(0));
}

#[test]
fn a_lost_graphics_device_is_replaced_and_nothing_else_is_lost() {
    let _machine = crate::room::quiet();
    let mut desk = Desk::new();
    let Some(signal) = desk.with_gpu_that_can_be_lost() else {
        return;
    };
    let app = Running::start(&desk, &[&photo("chelsea.png"), &photo("astronaut.png")]);
    app.said("features");
    app.rest();
    app.move_to(EYE.0, EYE.1);
    fs::write(&signal, "").unwrap();
    app.move_to(NOSE.0, NOSE.1);
    app.said("the graphics device was lost");
    app.said("the graphics device was replaced");
    assert!(!signal.exists());
    app.rest();
    desk.screenshot("10-gpu-replaced");

    app.move_to(EYE.0, EYE.1);
    app.rest();
    let before = app.pixel("10-hover-a", STILL.0, STILL.1);
    app.move_to(NOSE.0, NOSE.1);
    desk.until("map drawn on the new device", |_| {
        app.pixel("10-hover-b", STILL.0, STILL.1) != before
    });
    app.click(EYE.0, EYE.1, "1");
    let file = desk.folder.path().join("a.dinoscope");
    app.key("ctrl+s");
    app.dialog("Save the project", &file);
    app.said("project saved");
    assert_eq!(pins(&project(&file)).len(), 1);
    app.key("ctrl+q");
    assert_eq!(app.end(), Some(0));
}

#[test]
fn a_full_disk_leaves_the_old_project_and_says_so() {
    let _machine = crate::room::quiet();
    let desk = Desk::new();
    let folder = desk.folder.path().join("disk");
    fs::create_dir_all(&folder).unwrap();
    let mounted = crate::room::Disk(&folder);
    if !mounted.mount("size=256k") {
        // A disk of its own takes root; CI has it.
        return;
    }
    let app = Running::start(&desk, &[&photo("chelsea.png")]);
    app.said("features");
    app.click(600, 470, "1");
    let file = folder.join("a.dinoscope");
    app.key("ctrl+s");
    app.dialog("Save the project", &file);
    app.said("project saved");
    let old = fs::read(&file).unwrap();
    let mut rest = fs::File::create(folder.join("rest")).unwrap();
    while std::io::Write::write(&mut rest, &[1; 4096]).is_ok() {}
    drop(rest);
    app.click(800, 470, "1");
    app.key("ctrl+s");
    app.said("Not saved");
    app.rest();
    desk.screenshot("11-disk-full");
    assert!(fs::read(&file).unwrap() == old, "the old file is whole");
    assert_eq!(crate::room::names(&folder), ["a.dinoscope", "rest"]);

    fs::remove_file(folder.join("rest")).unwrap();
    app.key("ctrl+s");
    desk.until("both pins in the file", |_| {
        pins(&project(&file)).len() == 2
    });
    app.key("ctrl+q");
    assert_eq!(app.end(), Some(0));
}
