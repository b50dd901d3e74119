use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use dinoscope_engine::ComputeDevice;
use dinoscope_model::checkpoint::Checkpoint;
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::metrics::read_metrics;
use crate::recipes::RecipeId;

/// Pictures of two classes: stripes across and stripes down, with masks of their light parts.
fn pictures(folder: &Path, count: u32) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (class, down) in [("across", false), ("down", true)] {
        for folder in [folder.join("pictures").join(class), folder.join("masks")] {
            fs::create_dir_all(folder).unwrap();
        }
        for index in 0..count / 2 {
            let (width, color) = (rng.random_range(3..9), rng.random::<[u8; 3]>());
            let light = |x: u32, y: u32| (if down { x } else { y }) / width % 2 == 0;
            let picture = RgbImage::from_fn(48, 40, |x, y| {
                if light(x, y) {
                    Rgb([255; 3])
                } else {
                    Rgb(color)
                }
            });
            let name = format!("{class}-{index:02}.png");
            picture
                .save(folder.join("pictures").join(class).join(&name))
                .unwrap();
            let mask =
                image::GrayImage::from_fn(48, 40, |x, y| image::Luma([u8::from(light(x, y))]));
            mask.save(folder.join("masks").join(&name)).unwrap();
        }
    }
}

/// The least that makes a recipe run in seconds.
fn text(folder: &Path, recipe: RecipeId) -> String {
    let mut lines = vec![
        format!("recipe = \"{}\"", recipe.id()),
        format!("data.folder = {:?}", folder.join("pictures")),
        "run.scale = \"smoke\"".into(),
        "run.steps = 6".into(),
        "run.batch = 4".into(),
        "run.checkpoint_every = 2".into(),
        "run.monitor_every = 3".into(),
        "model.dim = 16".into(),
        "model.depth = 2".into(),
        "crops.global_px = 32".into(),
        "crops.local_px = 16".into(),
        "heads.dino_prototypes = 16".into(),
        "heads.ibot_prototypes = 16".into(),
    ];
    match recipe {
        RecipeId::Gram => lines.push("gram.px = 48\ngram.every = 2\ngram.times = 1".into()),
        RecipeId::Hires => lines.push(
            "[[crops.mixed]]\nglobal_px = 32\nlocal_px = 16\ngram_px = 48\nshare = 0.5\n\
             [[crops.mixed]]\nglobal_px = 48\nlocal_px = 16\ngram_px = 64\nshare = 0.5"
                .into(),
        ),
        RecipeId::Distill => lines.push(
            "distill.teacher = \"builtin\"\ndistill.students = [\"nano\", \"convnext_nano\"]"
                .into(),
        ),
        RecipeId::Probe | RecipeId::Lora | RecipeId::Finetune => {
            lines.push(
                "model.start = \"scratch\"\nprobe.px = 32\ndata.held_out_share = 0.25".into(),
            );
        }
        RecipeId::Pretrain => {}
    }
    lines.join("\n")
}

fn options(text: String, out: PathBuf) -> RunOptions {
    RunOptions {
        text: Some(text),
        sets: Vec::new(),
        out,
        resume: false,
        device: ComputeDevice::cpu(),
        tensorboard: false,
    }
}

fn go(options: &RunOptions) -> Result<(Summary, Vec<Event>), TrainError> {
    let mut events = Vec::new();
    let summary = run(options, &mut |event| {
        events.push(event);
        ControlFlow::Continue(())
    })?;
    Ok((summary, events))
}

/// All numbers of a run's steps: neither those of the clock nor evaluations, of which a stop makes one more.
fn numbers(out: &Path) -> Vec<(u64, BTreeMap<String, u64>)> {
    let lines = read_metrics(&out.join("metrics.jsonl")).unwrap();
    lines
        .into_iter()
        .filter(|line| {
            !line
                .numbers
                .iter()
                .any(|(name, _)| name.starts_with("eval/"))
        })
        .map(|line| {
            let bits = |(name, value): (String, f64)| (name, value.to_bits());
            (line.step, line.numbers.into_iter().map(bits).collect())
        })
        .collect()
}

#[test]
fn every_recipe_runs_and_its_model_opens() {
    for recipe in RecipeId::ALL {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path(), 24);
        let out = folder.path().join("run");
        let (summary, events) = go(&options(text(folder.path(), recipe), out.clone()))
            .unwrap_or_else(|error| panic!("{}: {error}", recipe.id()));
        for event in &events {
            if let Event::Warning(text) = event {
                assert!(!text.contains("taught nothing"), "{}: {text}", recipe.id());
            }
        }
        if recipe == RecipeId::Probe {
            assert!(
                summary
                    .evaluation
                    .iter()
                    .any(|(name, _)| name.contains("knn"))
            );
            continue;
        }
        let lines = numbers(&out);
        assert_eq!(lines.last().unwrap().0, 6, "{}", recipe.id());
        let mut models = 0;
        for file in fs::read_dir(&summary.checkpoint).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("student") || name.starts_with("teacher") {
                let opened = Checkpoint::open(&path).unwrap();
                opened.refuse_if_incomplete().unwrap();
                assert_eq!(opened.metadata()["recipe"], recipe.id());
                models += 1;
            }
        }
        let expected = match recipe {
            RecipeId::Distill => 4,
            RecipeId::Lora | RecipeId::Finetune => 1,
            _ => 2,
        };
        assert_eq!(models, expected, "{}", recipe.id());
    }
}

#[test]
fn a_run_that_was_stopped_and_resumed_is_the_run_that_was_not() {
    for recipe in [
        RecipeId::Pretrain,
        RecipeId::Gram,
        RecipeId::Hires,
        RecipeId::Distill,
        RecipeId::Lora,
        RecipeId::Finetune,
    ] {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path(), 24);
        let text = text(folder.path(), recipe);
        let whole = folder.path().join("whole");
        go(&options(text.clone(), whole.clone())).unwrap();
        for stop in [1, 3, 4] {
            let parts = folder.path().join(format!("parts-{stop}"));
            let mut options = options(text.clone(), parts.clone());
            let error = run(&options, &mut |event| match event {
                Event::Step { done, .. } if done == stop => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            });
            assert!(matches!(error, Err(TrainError::Cancelled { step }) if step == stop));
            options.resume = true;
            options.text = None;
            go(&options).unwrap();
            assert_eq!(
                numbers(&parts),
                numbers(&whole),
                "{} at {stop}",
                recipe.id()
            );
        }
    }
}

#[test]
fn a_run_that_was_killed_goes_on_from_its_last_complete_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 24);
    let text = text(folder.path(), RecipeId::Pretrain);
    let whole = folder.path().join("whole");
    go(&options(text.clone(), whole.clone())).unwrap();
    let killed = folder.path().join("killed");
    let mut options = options(text, killed.clone());
    go(&options).unwrap();
    // What a kill leaves: the newest checkpoint half-written, metrics beyond the last complete one, half a line.
    let checkpoints = killed.join("checkpoints");
    fs::rename(checkpoints.join("step-6"), checkpoints.join("step-6.part")).unwrap();
    let metrics = killed.join("metrics.jsonl");
    let mut lines = fs::read_to_string(&metrics).unwrap();
    lines.push_str("{\"step\":7,\"lo");
    fs::write(&metrics, lines).unwrap();
    options.resume = true;
    go(&options).unwrap();
    assert_eq!(numbers(&killed), numbers(&whole));
    // A checkpoint whose file is cut short gives way to the one before it.
    let state = checkpoints.join("step-6/state.safetensors");
    let bytes = fs::read(&state).unwrap();
    fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    go(&options).unwrap();
    assert_eq!(numbers(&killed), numbers(&whole));
}

#[test]
fn bad_input_is_told_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let good = text(folder.path(), RecipeId::Pretrain);
    let out = folder.path().join("run");
    let message = |text: String| go(&options(text, out.clone())).unwrap_err().to_string();
    assert!(message(good.replace("run.steps", "run.stesp")).contains("did you mean"));
    assert!(message(good.replace("pictures\"", "nowhere\"")).contains("cannot read the folder"));
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let text_of_empty = good.replace(
        &format!("{:?}", folder.path().join("pictures")),
        &format!("{empty:?}"),
    );
    assert!(message(text_of_empty).contains("0 pictures"));
    assert!(!out.exists(), "a run that did not start leaves no folder");
    // A folder with somebody's files is not written into.
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine.txt"), "mine").unwrap();
    assert!(message(good.clone()).contains("not empty"));
    assert_eq!(fs::read_to_string(out.join("mine.txt")).unwrap(), "mine");
    let mut nothing = options(good, folder.path().join("none"));
    nothing.resume = true;
    assert!(
        go(&nothing)
            .unwrap_err()
            .to_string()
            .contains("no run to resume")
    );
}

#[test]
fn one_picture_and_broken_ones_are_enough_to_run() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 20);
    let broken = folder.path().join("pictures/across/across-03.png");
    fs::write(&broken, "no picture").unwrap();
    let (_, events) = go(&options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("a"),
    ))
    .unwrap();
    let named = events
        .iter()
        .filter(|event| matches!(event, Event::Warning(text) if text.contains("across-03.png")));
    assert!(named.count() > 0);
    let alone = tempfile::tempdir().unwrap();
    pictures(alone.path(), 2);
    fs::remove_dir_all(alone.path().join("pictures/down")).unwrap();
    let (summary, _) = go(&options(
        text(alone.path(), RecipeId::Pretrain),
        alone.path().join("a"),
    ))
    .unwrap();
    assert_eq!(summary.steps, 6);
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let mut options = options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("a"),
    );
    go(&options).unwrap();
    options.resume = true;
    options.sets = vec!["model.depth=3".into(), "run.steps=8".into()];
    let error = go(&options).unwrap_err().to_string();
    assert!(error.contains("the saved state has"), "{error}");
}

#[test]
fn old_checkpoints_go_and_the_best_stays() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 16);
    let mut options = options(
        text(folder.path(), RecipeId::Finetune),
        folder.path().join("a"),
    );
    options.sets = vec!["run.checkpoint_every=1".into(), "run.keep_every=4".into()];
    go(&options).unwrap();
    let mut steps: Vec<u64> = fs::read_dir(options.out.join("checkpoints"))
        .unwrap()
        .filter_map(|file| {
            let name = file.unwrap().file_name();
            name.to_str()?.strip_prefix("step-")?.parse().ok()
        })
        .collect();
    steps.sort_unstable();
    assert!(steps.ends_with(&[5, 6]), "{steps:?}");
    assert!(steps.contains(&4) && steps.len() <= 4, "{steps:?}");
}

#[test]
fn a_dry_run_writes_nothing_and_tells_what_a_run_takes() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let options = options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("a"),
    );
    let forecast = dry_run(&options).unwrap();
    assert!(!options.out.exists());
    assert!(forecast.step_ms > 0.0 && forecast.checkpoint_bytes > 10_000);
    assert!(forecast.memory_bytes > forecast.checkpoint_bytes);
    let few = forecast
        .advice
        .iter()
        .any(|advice| advice.seen.contains("few for self-supervised"));
    assert!(few, "{:?}", forecast.advice);
}
