//! The contract of the command line: exit statuses, existing files, JSON, the cache, broken pictures.

use std::fs;
use std::path::Path;

use crate::golden::Case;
use crate::room::{Room, metadata, png_texts, tensors};

#[test]
fn wrong_usage_ends_with_2() {
    let room = Room::new();
    room.picture("a.png", (64, 64), 1);
    for arguments in [
        "features",
        "nonsense",
        "features a.png --no-such-option",
        "features a.png --size banana",
        "features a.png --size 0",
        "features a.png --layer first",
        "features a.png --format csv",
        "similarity a.png",
        "similarity a.png --at 1",
        "similarity a.png --at 1,1 --colormap mud",
        "match a.png",
        "pca a.png --components x",
        "model convert builtin out --layout onnx",
    ] {
        let run = room.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments}");
    }
    assert_eq!(room.files("."), ["a.png"]);
}

#[test]
fn existing_files_stay_unless_force_is_given() {
    let room = Room::with_backbone(&Case::below("backbones")[0]);
    for (arguments, output) in [
        ("features image.png -o out", "out/image.safetensors"),
        ("features image.png -o out --format npz", "out/image.npz"),
        ("similarity image.png --at 9,9 -o out/s.png", "out/s.png"),
        (
            "similarity image.png --at 9,9 --values out/s.npy",
            "out/s.npy",
        ),
        ("pca image.png -o out", "out/image.png"),
        (
            "pca image.png -o out/basis --save-basis out/basis.bin",
            "out/basis.bin",
        ),
        (
            "pca image.png -o out/values --values out/p.npy",
            "out/p.npy",
        ),
        ("match image.png image.png -o out/m.csv", "out/m.csv"),
        (
            "match image.png image.png --figure out/m.png -o out/figure.csv",
            "out/m.png",
        ),
        ("model convert model out/c.safetensors", "out/c.safetensors"),
    ] {
        let arguments = if arguments.starts_with("model") {
            arguments.to_owned()
        } else {
            format!("{arguments} --size native --model model")
        };
        room.write(output, "mine");
        let before = room.files("out");
        let error = room.fails(&arguments);
        let name = Path::new(output).file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name), "{error}");
        assert_eq!(room.read(output), b"mine", "{arguments}");
        assert_eq!(
            room.files("out"),
            before,
            "{arguments}: writes beside a refused file"
        );
        room.succeeds(&format!("{arguments} --force"));
        assert_ne!(room.read(output), b"mine", "{arguments}");
        fs::remove_dir_all(room.path("out")).unwrap();
    }
}

#[test]
fn one_broken_picture_does_not_stop_the_others() {
    let room = Room::new();
    for (i, name) in ["a", "c", "d"].iter().enumerate() {
        room.picture(
            &format!("in/{name}.png"),
            (64, 64 + 32 * i as u32),
            i as u32,
        );
    }
    room.write("in/b.jpg", "no picture");
    room.write("in/notes.txt", "no picture either");
    for (command, written) in [("features", "safetensors"), ("pca", "png")] {
        let run = room.run(&format!("{command} in --size 64 -o {command} -q"));
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(
            run.stderr.lines().all(|line| line.starts_with("error: ")),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains("b.jpg") && !run.stderr.contains("a.png"),
            "{}",
            run.stderr
        );
        assert_eq!(
            room.files(command),
            ["a", "c", "d"].map(|name| format!("{name}.{written}"))
        );
    }
}

#[test]
fn two_pictures_of_one_stem_are_refused_before_any_work() {
    let room = Room::new();
    room.picture("one/same.png", (64, 64), 1);
    room.picture("two/same.bmp", (64, 64), 2);
    for command in ["features", "pca"] {
        let error = room.fails(&format!("{command} one two -o out"));
        assert!(
            error.contains("same.png") && error.contains("same.bmp"),
            "{error}"
        );
        assert!(!room.exists("out"));
    }
}

#[test]
fn a_point_outside_the_picture_is_refused() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    for arguments in [
        "similarity a.png --at 96,10 -o out",
        "similarity a.png --at 10,-1 -o out",
        "similarity a.png --at 10,10 --not 10,64 -o out",
        "match a.png a.png --points 10,64 -o out",
    ] {
        let error = room.fails(&format!("{arguments} --size native -q"));
        assert!(
            error.contains("96x64") && error.contains("a.png"),
            "{error}"
        );
        assert!(!room.exists("out"), "{arguments}");
    }
    room.succeeds("similarity a.png --at 95.9,63.9 -o out.png --size native");
}

#[test]
fn json_is_one_object_with_results_settings_and_timings() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    for arguments in [
        "features a.png -o out",
        "similarity a.png --at 1,1 -o s.png",
        "pca a.png -o pca",
        "match a.png a.png -o m.csv",
        "match a.png a.png",
    ] {
        let json = room.json(&format!("{arguments} --size 64"));
        assert!(
            json["results"].is_array() || json["results"].is_object(),
            "{json}"
        );
        assert_eq!(json["settings"]["size"], "64", "{json}");
        assert!(
            json["timings_ms"]["total"]
                .as_f64()
                .is_some_and(|ms| ms > 0.0),
            "{json}"
        );
        assert_eq!(json["model"]["untrained"], false, "{json}");
    }
    for arguments in ["devices", "model list"] {
        room.json(arguments);
    }
    let info = room.json("model info builtin");
    let from = info["metadata"]["learned_from"].as_str();
    assert!(from.is_some_and(|from| !from.is_empty()), "{info}");
    room.succeeds("model convert builtin own.safetensors");
    let copy = room.json("model info own.safetensors");
    assert_eq!(
        copy["metadata"]["learned_from"],
        info["metadata"]["learned_from"]
    );
    assert_eq!(copy["license"], info["license"]);
}

#[test]
fn every_figure_of_an_untrained_model_says_so() {
    let room = Room::with_backbone(&Case::below("backbones")[0]);
    room.mark_untrained("model", "random");
    let figures = ["s.png", "s-image.png", "pca/a.png", "m.png"];
    room.picture("a.png", (96, 64), 1);
    let draw = |options: &str| {
        room.succeeds(&format!(
            "similarity a.png --at 1,1 --against image.png -o s.png --size 64 {options}"
        ));
        room.succeeds(&format!("pca a.png -o pca --size 64 {options}"));
        room.succeeds(&format!(
            "match a.png a.png -o m.csv --figure m.png --size 64 {options}"
        ));
        figures.map(|figure| png_texts(&room.read(figure)))
    };
    for texts in draw("--model random") {
        assert_eq!(
            texts.get("untrained").map(String::as_str),
            Some("true"),
            "{texts:?}"
        );
    }
    for texts in draw("--model model --force") {
        assert_eq!(texts.get("untrained"), None, "{texts:?}");
        assert_eq!(texts["model"], "model");
    }
}

#[test]
fn a_second_run_reads_the_cache() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    let cached = |options: &str| {
        let json = room.json(&format!("features a.png --size 64 --force {options}"));
        json["results"][0]["cached"].as_bool().unwrap()
    };
    assert!(!cached("-o first"));
    assert!(cached("-o second"));
    let [first, second] = ["first", "second"].map(|folder| room.path(folder).join("a.safetensors"));
    assert!(
        tensors(&first) == tensors(&second),
        "the cache changes features"
    );
    assert_eq!(metadata(&first), metadata(&second));
    for other in [
        "--layer 0",
        "--norm none",
        "--resample bicubic",
        "--no-cache",
    ] {
        assert!(!cached(&format!("-o other {other}")), "{other}");
    }
    room.picture("a.png", (96, 64), 2);
    assert!(!cached("-o third"), "another picture under the old name");
}
