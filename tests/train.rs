//! Training from the command line: every recipe on a folder of pictures, kills, full disks, configurations with errors.

#![expect(clippy::disallowed_methods, reason = "tests wait for another process")]

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;

use crate::golden::Case;
#[cfg(target_os = "linux")]
use crate::room::Disk;
use crate::room::{Room, busy, metadata};

const PICTURES: u32 = 64;

/// Pictures of two classes, stripes across and stripes down, with masks of their light parts.
fn pictures(room: &Room) {
    for (class, down) in [("across", false), ("down", true)] {
        for folder in [format!("pictures/{class}"), "masks".to_owned()] {
            fs::create_dir_all(room.path(&folder)).unwrap();
        }
        for index in 0..PICTURES / 2 {
            let width = 3 + index % 7;
            let color = Rgb([(index * 37) as u8, (index * 91) as u8, (index * 151) as u8]);
            let light = |x: u32, y: u32| (if down { x } else { y }) / width % 2 == 0;
            let picture =
                RgbImage::from_fn(
                    96,
                    80,
                    |x, y| {
                        if light(x, y) { Rgb([255; 3]) } else { color }
                    },
                );
            let mask = GrayImage::from_fn(96, 80, |x, y| Luma([u8::from(light(x, y))]));
            let name = format!("{class}-{index:02}.png");
            picture
                .save(room.path(&format!("pictures/{class}/{name}")))
                .unwrap();
            mask.save(room.path(&format!("masks/{name}"))).unwrap();
        }
    }
}

/// Few steps of a network that is small but whole; a key of `more` wins.
fn config(room: &Room, name: &str, recipe: &str, more: &str) {
    let recipe = format!("recipe = \"{recipe}\"");
    let lines = [
        &recipe,
        "data.folder = \"pictures\"",
        "run.scale = \"smoke\"",
        "run.steps = 8",
        "run.batch = 8",
        "run.checkpoint_every = 4",
        "run.monitor_every = 4",
        "model.size = \"nano\"",
        "crops.global_px = 64",
        "crops.local_px = 32",
        "heads.dino_prototypes = 64",
        "heads.ibot_prototypes = 64",
    ];
    let own = |line: &&str| {
        let key = line.split(' ').next().unwrap();
        !more
            .lines()
            .any(|line| line.starts_with(&format!("{key} ")))
    };
    let lines: Vec<&str> = lines.into_iter().filter(own).chain([more]).collect();
    room.write(name, lines.join("\n"));
}

/// The lines of `metrics.jsonl` without the time.
fn lines(room: &Room, run: &str) -> Vec<Value> {
    let text = String::from_utf8(room.read(&format!("{run}/metrics.jsonl"))).unwrap();
    text.lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("time").unwrap();
            line
        })
        .collect()
}

/// Whether a line of metrics has the loss of a network.
fn has_loss(line: &Value) -> bool {
    let numbers = line.as_object().unwrap();
    numbers
        .iter()
        .any(|(name, value)| name.starts_with("loss/total") && value.is_f64())
}

#[test]
fn every_recipe_trains_a_model_that_the_other_commands_open() {
    let _machine = busy();
    let room = Room::new();
    pictures(&room);
    config(&room, "pretrain.toml", "pretrain", "");
    let start = "model.start = \"runs/pretrain/checkpoints/step-8/teacher.safetensors\"";
    config(
        &room,
        "gram.toml",
        "gram",
        &format!("{start}\ngram.px = 128"),
    );
    config(
        &room,
        "hires.toml",
        "hires",
        &format!(
            "{start}\n[[crops.mixed]]\nglobal_px = 64\nlocal_px = 32\ngram_px = 96\nshare = 0.5\n\
             [[crops.mixed]]\nglobal_px = 96\nlocal_px = 32\ngram_px = 128\nshare = 0.5"
        ),
    );
    config(
        &room,
        "distill.toml",
        "distill",
        "distill.teacher = \"builtin\"\ndistill.students = [\"nano\", \"convnext_nano\"]\ndistill.teacher_px = 128",
    );
    config(
        &room,
        "probe.toml",
        "probe",
        &format!(
            "{start}\nprobe.px = 64\ndata.masks = \"masks\"\nprobe.kinds = [\"knn\", \"linear\", \"logistic\", \"segmentation\"]"
        ),
    );
    let labels = format!("{start}\ndata.held_out_share = 0.25");
    config(&room, "lora.toml", "lora", &labels);
    config(
        &room,
        "finetune.toml",
        "finetune",
        &format!("{labels}\ndata.masks = \"masks\"\nlora.anchor = 1.0"),
    );
    for recipe in [
        "pretrain", "gram", "hires", "distill", "probe", "lora", "finetune",
    ] {
        let since = Instant::now();
        let json = room.json(&format!("train {recipe}.toml"));
        let took = since.elapsed();
        // A debug build of the program on a machine that does other things too; the issue is minutes, not seconds.
        assert!(took < Duration::from_mins(1), "{recipe}: {took:?}");
        assert_eq!(json["command"], "train", "{json}");
        let run = format!("runs/{recipe}");
        assert!(room.exists(&format!("{run}/config.toml")), "{recipe}");
        if recipe == "probe" {
            let evaluation = &json["evaluation"];
            for name in ["eval/knn", "eval/linear", "eval/logistic", "eval/miou"] {
                let value = evaluation[name].as_f64().unwrap_or(f64::NAN);
                assert!((0.0..=1.0).contains(&value), "{name}: {evaluation}");
            }
            continue;
        }
        let all = lines(&room, &run);
        let last = all.last().unwrap();
        assert_eq!(last["step"], 8, "{recipe}: {last}");
        assert!(all.iter().any(has_loss), "{recipe}: {all:?}");
        for file in room.files(&format!("{run}/checkpoints/step-8")) {
            let model = format!("{run}/checkpoints/step-8/{file}");
            let is_model = ["student", "teacher", "model"]
                .iter()
                .any(|name| file.starts_with(name));
            if !is_model || !file.ends_with(".safetensors") {
                continue;
            }
            let texts = metadata(&room.path(&model));
            assert_eq!(texts["recipe"], recipe, "{model}: {texts:?}");
            // What it comes from: random numbers, or networks with their licences.
            let learned = ["start", "teacher"]
                .iter()
                .any(|key| texts.contains_key(*key));
            assert!(learned, "{model}: {texts:?}");
            if recipe == "distill" {
                assert!(texts.contains_key("license"), "{model}: {texts:?}");
            }
            room.succeeds(&format!(
                "features pictures/down/down-00.png --size 64 --model {model} -o out --force"
            ));
        }
    }
}

/// Starts the program in the room.
fn start(room: &Room, arguments: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dinoscope-under-test"));
    command
        .current_dir(room.path("."))
        .env("DINOSCOPE_HOME", room.path(".home"))
        .args(["--device", "cpu", "-q"])
        .args(arguments.split(' '))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command.spawn().unwrap()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_resumes_to_the_same_numbers() {
    let _machine = busy();
    let room = Room::new();
    pictures(&room);
    config(
        &room,
        "a.toml",
        "pretrain",
        "run.log_every = 1\nrun.steps = 12\nrun.checkpoint_every = 2",
    );
    room.succeeds("train a.toml -o whole");
    let whole = lines(&room, "whole");
    let mut child = start(&room, "train a.toml -o killed");
    // Killed in the middle of steps, again and again, until a start reaches the end.
    let mut kills = 0;
    for checkpoint in [2, 4, 8] {
        let folder = room.path(&format!("killed/checkpoints/step-{checkpoint}"));
        wait_until("a checkpoint", || folder.exists());
        std::thread::sleep(Duration::from_millis(31 * checkpoint));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        child = start(&room, "train -o killed --resume");
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(kills, 3);
    let strip = |lines: Vec<Value>| -> Vec<Value> {
        lines
            .into_iter()
            .filter(|line| {
                line.as_object()
                    .unwrap()
                    .keys()
                    .all(|key| !key.starts_with("eval/"))
            })
            .collect()
    };
    assert_eq!(strip(lines(&room, "killed")), strip(whole));
    let state = |run: &str| room.read(&format!("{run}/checkpoints/step-12/state.safetensors"));
    assert!(state("killed") == state("whole"), "the states differ");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_first_and_ends_with_130() {
    let room = Room::new();
    pictures(&room);
    config(&room, "a.toml", "pretrain", "run.steps = 500");
    let mut child = start(&room, "train a.toml -o run");
    let checkpoint = room.path("run/checkpoints/step-4");
    wait_until("a checkpoint", || checkpoint.exists());
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let steps = lines(&room, "run");
    let last = steps.last().unwrap()["step"].as_u64().unwrap();
    assert!(room.exists(&format!("run/checkpoints/step-{last}/state.safetensors")));
}

#[test]
fn what_cannot_run_is_told_in_one_line() {
    let _machine = busy();
    let room = Room::new();
    pictures(&room);
    config(&room, "typo.toml", "pretrain", "optimiser.lr = 0.1");
    let error = room.fails("train typo.toml");
    assert!(
        error.contains("optimiser") && error.contains("optimizer"),
        "{error}"
    );
    assert!(
        !room.exists("runs"),
        "a run that did not start leaves nothing"
    );
    fs::create_dir(room.path("empty")).unwrap();
    config(&room, "a.toml", "pretrain", "");
    let error = room.fails("train a.toml --set data.folder=\"empty\"");
    assert!(error.contains("0 pictures"), "{error}");
    let error = room.fails("train a.toml --set model.start=\"nowhere.safetensors\"");
    assert!(error.contains("nowhere.safetensors"), "{error}");
    // 5 % of the pictures are broken: each is named, the run goes on.
    for index in 0..3 {
        room.write(&format!("pictures/down/down-{index:02}.png"), "no picture");
    }
    let run = room.succeeds("train a.toml -o run --set run.steps=8");
    assert!(run.stderr.contains("down-0"), "{}", run.stderr);
    let json = room.json("train a.toml --dry-run");
    assert!(json["dry_run"]["step_ms"].as_f64().unwrap() > 0.0, "{json}");
    assert!(!room.exists("runs"), "a dry run leaves nothing");
    let run = room.succeeds("train --explain optimizer.lr");
    assert!(run.stdout.contains("learning rate"), "{}", run.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_earlier_checkpoints_and_a_run_that_goes_on() {
    let _machine = busy();
    let room = Room::new();
    pictures(&room);
    config(
        &room,
        "a.toml",
        "pretrain",
        "run.keep_last = 9\nrun.checkpoint_every = 2",
    );
    room.succeeds("train a.toml -o whole");
    let size = |folder: &str| -> u64 {
        let files = room.files(folder);
        files
            .iter()
            .map(|file| room.read(&format!("{folder}/{file}")).len() as u64)
            .sum()
    };
    let checkpoint = size("whole/checkpoints/step-2");
    fs::create_dir(room.path("disk")).unwrap();
    let folder = room.path("disk");
    let disk = Disk(&folder);
    // Room for two checkpoints and a half, of four.
    let room_in_kib = checkpoint * 5 / 2 / 1024;
    if !disk.mount(&format!("size={room_in_kib}k")) {
        // A disk of its own takes root; scripts/test has it in CI.
        return;
    }
    let run = room.run("train a.toml -o disk/run");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("no checkpoint at step 6, the earlier ones are kept"),
        "{}",
        run.stderr
    );
    let last = run.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("error: ") && last.contains("No space left"),
        "{}",
        run.stderr
    );
    let left = room.files("disk/run/checkpoints");
    assert_eq!(left, ["step-2", "step-4"]);
    assert!(disk.mount(&format!("remount,size={}k", 6 * room_in_kib)));
    room.succeeds("train -o disk/run --resume");
    assert_eq!(lines(&room, "disk/run"), lines(&room, "whole"));
}

#[test]
fn curated_pictures_are_few_different_and_can_be_trained_on() {
    let _machine = busy();
    // The built-in model sees no difference between pictures that are a little alike.
    let room = Room::with_backbone(&Case::below("backbones")[0]);
    pictures(&room);
    // Copies under other names, of which the larger file stays.
    for index in 0..8 {
        let copy = room.read(&format!("pictures/down/down-{index:02}.png"));
        room.write(&format!("pictures/down/copy-{index:02}.png"), copy);
    }
    fs::create_dir(room.path("chosen")).unwrap();
    for name in ["across-00.png", "across-01.png"] {
        room.write(
            &format!("chosen/{name}"),
            room.read(&format!("pictures/across/{name}")),
        );
    }
    let json = room.json(
        "curate pictures --count 20 --levels 8,3 --duplicates 1 --near chosen --neighbors 3 --model model --size 64 -o out/c.csv",
    );
    let results = &json["results"];
    assert_eq!(results["pictures"], PICTURES + 8, "{json}");
    assert!(results["duplicates"].as_u64().unwrap() >= 8, "{json}");
    assert_eq!(results["groups"], serde_json::json!([8, 3]), "{json}");
    let text = String::from_utf8(room.read("out/c.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert_eq!(header, "path,set,group");
    let of = |set: &str| {
        rows.lines()
            .filter(|row| row.contains(&format!(",{set},")))
            .count()
    };
    assert!(of("near") >= 3 && of("near") <= 6, "{text}");
    assert!(
        of("balanced") <= 20 && of("balanced") + of("near") >= 20,
        "{text}"
    );
    room.mark_untrained("model", "random");
    let error = room.fails("curate pictures -o out/u.csv --model random --size 64");
    assert!(
        error.contains("untrained") && !room.exists("out/u.csv"),
        "{error}"
    );
    assert!(
        room.fails("curate pictures -o out/c.csv --model model --size 64")
            .contains("exists")
    );
    config(
        &room,
        "a.toml",
        "pretrain",
        "data.folder = \"\"\ndata.manifest = \"out/c.csv\"\ndata.homogeneous = [\"near\"]\ndata.homogeneous_share = 0.5",
    );
    room.succeeds("train a.toml -o run");
    // The same seed chooses the same pictures; a table of features instead of a network is checked first.
    room.succeeds(
        "curate pictures --count 20 --levels 8,3 --duplicates 1 --near chosen --neighbors 3 --model model --size 64 -o out/d.csv",
    );
    assert!(room.read("out/c.csv") == room.read("out/d.csv"));
    room.succeeds("features pictures/down/down-00.png --size 64 -o one.safetensors");
    let error = room.fails("curate pictures --table one.safetensors -o out/e.csv");
    assert!(error.contains("one.safetensors"), "{error}");
}
