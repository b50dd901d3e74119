//! The borders between the packages, read from what cargo resolves.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Names of the direct dependencies of each package of the workspace, tests' own excepted.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let normal = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dep| dep["kind"].is_null());
            let names = normal
                .map(|dep| dep["name"].as_str().unwrap().to_owned())
                .collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn arrows_point_one_way() {
    let dependencies = dependencies();
    let allowed = BTreeMap::from([
        ("dinoscope-shaders", vec![]),
        ("dinoscope-model", vec![]),
        (
            "dinoscope-engine",
            vec!["dinoscope-model", "dinoscope-shaders"],
        ),
        (
            "dinoscope-train",
            vec!["dinoscope-model", "dinoscope-engine"],
        ),
        (
            "dinoscope-jobs",
            vec!["dinoscope-model", "dinoscope-engine"],
        ),
        (
            "dinoscope",
            vec!["dinoscope-model", "dinoscope-engine", "dinoscope-train"],
        ),
        ("egui-tauri", vec![]),
        (
            "dinoscope-ui",
            vec!["dinoscope-model", "dinoscope-engine", "dinoscope-jobs"],
        ),
        ("dinoscope-app", vec!["dinoscope-engine", "dinoscope-ui"]),
        (
            "dinoscope-tests",
            vec![
                "dinoscope",
                "dinoscope-app",
                "dinoscope-model",
                "dinoscope-engine",
                "dinoscope-shaders",
            ],
        ),
    ]);
    for (package, found) in &dependencies {
        let allowed = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("package {package} has no place here"));
        for name in found.iter().filter(|name| name.starts_with("dinoscope")) {
            assert!(
                allowed.contains(&name.as_str()),
                "{package} must not depend on {name}"
            );
        }
    }
}

#[test]
fn the_network_crate_knows_no_pictures_and_no_graphics() {
    let found = &dependencies()["dinoscope-model"];
    for outsider in ["image", "wgpu", "clap", "ureq", "hf-hub", "tokio"] {
        assert!(
            !found.iter().any(|name| name == outsider),
            "dinoscope-model must not depend on {outsider}"
        );
    }
}

#[test]
fn the_panels_know_no_window_and_the_host_knows_no_dino() {
    let all = dependencies();
    for outsider in [
        "tauri",
        "egui-tauri",
        "rfd",
        "gtk",
        "winit",
        "tokio",
        "ureq",
        "hf-hub",
    ] {
        let found = &all["dinoscope-ui"];
        assert!(
            !found.iter().any(|name| name == outsider),
            "dinoscope-ui must not depend on {outsider}"
        );
    }
    let egui: Vec<&String> = all
        .iter()
        .filter(|(_, found)| found.iter().any(|name| name == "egui"))
        .map(|(package, _)| package)
        .collect();
    assert_eq!(
        egui,
        ["dinoscope-app", "dinoscope-ui", "egui-tauri"],
        "only these see egui"
    );
}

#[test]
fn the_command_line_has_no_gui_crate() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "dinoscope",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--offline",
            "--locked",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"burn"), "the tree was not read");
    for gui in [
        "egui", "eframe", "tauri", "winit", "tao", "gtk", "wry", "rfd", "tokio",
    ] {
        assert!(
            !names.contains(&gui),
            "the dinoscope binary must not contain {gui}"
        );
    }
}
