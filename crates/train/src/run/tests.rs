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
use crate::recipes::{Export, RecipeId};
use crate::schedule::Values;
use crate::state::State;

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

#[test]
fn a_forecast_counts_the_decoded_pictures_that_stay_in_memory() {
    /// Bytes of one of the pictures, decoded.
    const EACH: u64 = 48 * 40 * 3;
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 24);
    let memory = |steps: u64, cache_mib: u64| {
        let text = text(folder.path(), RecipeId::Pretrain);
        let mut options = options(text, folder.path().join("run"));
        options.sets = vec![
            format!("run.steps={steps}"),
            format!("data.cache_mib={cache_mib}"),
        ];
        dry_run(&options).unwrap().memory_bytes
    };
    // Batches of 4: two steps see 8 of the pictures, twelve of them see all.
    assert_eq!(memory(2, 1), memory(2, 0) + 8 * EACH);
    assert_eq!(memory(12, 1), memory(12, 0) + 24 * EACH);
}

#[test]
fn coordinates_vary_in_distillation_and_alike_for_any_number_of_students() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let losses = |name: &str, sets: &[&str]| {
        let text = text(folder.path(), RecipeId::Distill);
        let mut options = options(text, folder.path().join(name));
        // Branches start at 1e-5 of their size: what they see tells after large steps.
        options.sets = vec!["loss.rope_jitter=1".into(), "optimizer.lr=0.05".into()];
        options.sets.extend(sets.iter().map(|&set| set.to_owned()));
        go(&options).unwrap();
        let lines = read_metrics(&options.out.join("metrics.jsonl")).unwrap();
        let loss = |(name, _): &(String, f64)| {
            name.starts_with("loss/") && !name.ends_with("-convnext_nano")
        };
        let numbers = lines.into_iter().flat_map(|line| line.numbers);
        let losses: Vec<f64> = numbers.filter(loss).map(|(_, loss)| loss).collect();
        assert!(losses.len() >= 2, "{losses:?}");
        losses
    };
    let two = losses("two", &["loss.rope_rescale=2"]);
    let still = losses("still", &["loss.rope_rescale=1"]);
    let apart = two.iter().zip(&still).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f64::max) > 1e-5, "{two:?} {still:?}");
    let one = ["loss.rope_rescale=2", "distill.students=[\"nano\"]"];
    assert_eq!(losses("one", &one), two);
}

/// A task whose weights are not numbers in some of its steps.
struct Poisoned {
    task: Box<dyn Task>,
    steps: std::ops::Range<u64>,
}

impl Task for Poisoned {
    fn steps(&self) -> u64 {
        self.task.steps()
    }

    fn seek(&mut self, step: u64) -> Result<(), TrainError> {
        self.task.seek(step)
    }

    fn step(&mut self, step: u64, values: &Values, reads: bool) -> Result<Report, TrainError> {
        if !self.steps.contains(&step) {
            return self.task.step(step, values, reads);
        }
        let healthy = self.task.state();
        let mut sick = healthy.clone();
        let name = "student.backbone.blocks.1.mlp.fc1.weight";
        sick.tensors.get_mut(name).expect("the block exists")[5] = f32::NAN;
        self.task.restore(sick)?;
        let report = self.task.step(step, values, reads);
        self.task.restore(healthy)?;
        report
    }

    fn exports(&self) -> Vec<Export<'_>> {
        self.task.exports()
    }

    fn lineage(&self) -> Vec<(String, String)> {
        self.task.lineage()
    }

    fn state(&self) -> State {
        self.task.state()
    }

    fn restore(&mut self, state: State) -> Result<(), TrainError> {
        self.task.restore(state)
    }

    fn waited(&self) -> Duration {
        self.task.waited()
    }

    fn warnings(&mut self) -> Vec<String> {
        self.task.warnings()
    }

    fn evaluate(&mut self) -> Result<Vec<(String, f64)>, TrainError> {
        self.task.evaluate()
    }
}

fn go_poisoned(
    options: &RunOptions,
    steps: std::ops::Range<u64>,
) -> (Result<Summary, TrainError>, Vec<String>) {
    let text = options.text.as_ref().unwrap();
    let context = context(text, &options.sets, &options.device).unwrap();
    let task = context.config.recipe.recipe().prepare(&context).unwrap();
    let task = Box::new(Poisoned { task, steps });
    let mut warnings = Vec::new();
    let summary = run_task(options, &context, task, &mut |event| {
        if let Event::Warning(text) = event {
            warnings.push(text);
        }
        ControlFlow::Continue(())
    });
    (summary, warnings)
}

#[test]
fn a_step_that_is_not_finite_is_named_skipped_and_after_some_in_a_row_the_end() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 16);
    let mut options = options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("one"),
    );
    options.sets = vec![
        "run.steps=9".into(),
        "run.checkpoint_every=6".into(),
        "run.max_broken_steps=2".into(),
    ];
    let (summary, warnings) = go_poisoned(&options, 6..7);
    assert_eq!(summary.unwrap().steps, 9);
    let told: Vec<_> = warnings
        .iter()
        .filter(|text| text.contains("taught nothing"))
        .collect();
    assert_eq!(told.len(), 1, "{warnings:?}");
    assert!(told[0].starts_with("step 7 taught nothing: "), "{told:?}");
    assert!(told[0].ends_with("first in backbone, layer 1"), "{told:?}");
    let newest = options.out.join("checkpoints/step-9/teacher.safetensors");
    Checkpoint::open(&newest).unwrap();

    options.out = folder.path().join("many");
    let (summary, warnings) = go_poisoned(&options, 6..9);
    let error = summary.unwrap_err().to_string();
    assert!(error.contains("3 steps in a row"), "{error}");
    assert!(error.contains("step-6"), "{error}");
    let told = warnings
        .iter()
        .filter(|text| text.contains("taught nothing"));
    assert_eq!(told.count(), 2, "{warnings:?}");
    // The last good checkpoint is what the run would have been without the bad steps.
    resumes_to_the_whole(&options);

    // Nor are the good steps since a checkpoint lost.
    options.out = folder.path().join("between");
    options.sets[1] = "run.checkpoint_every=100".into();
    let (summary, _) = go_poisoned(&options, 4..7);
    let error = summary.unwrap_err().to_string();
    assert!(error.contains("step-4"), "{error}");
    resumes_to_the_whole(&options);
}

/// A run that broke off, resumed without its trouble, has the numbers of one that had none.
fn resumes_to_the_whole(options: &RunOptions) {
    let whole = RunOptions {
        out: options.out.with_extension("whole"),
        ..options.clone()
    };
    let resumed = RunOptions {
        resume: true,
        text: None,
        ..options.clone()
    };
    go(&resumed).unwrap();
    go(&whole).unwrap();
    assert_eq!(numbers(&resumed.out), numbers(&whole.out));
}

#[test]
fn another_file_in_the_place_of_the_start_is_told_at_a_resume() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let first = folder.path().join("first");
    go(&options(
        text(folder.path(), RecipeId::Pretrain),
        first.clone(),
    ))
    .unwrap();
    let (own, start) = (folder.path().join("start"), first.join("checkpoints"));
    fs::create_dir(&own).unwrap();
    let put = |step: &str| {
        for file in fs::read_dir(start.join(step)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), own.join(file.file_name())).unwrap();
        }
    };
    put("step-4");
    let mut options = options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("second"),
    );
    let path = own.join("teacher.safetensors");
    options.sets = vec![format!("model.start={path:?}")];
    go(&options).unwrap();
    options.resume = true;
    options.text = None;
    options.sets.clear();
    let told = |events: &[Event]| {
        events.iter().any(
            |event| matches!(event, Event::Warning(text) if text.contains("the file that it was")),
        )
    };
    assert!(!told(&go(&options).unwrap().1));
    put("step-6");
    assert!(told(&go(&options).unwrap().1));
}

#[test]
fn keys_without_effect_are_told_before_a_run_and_not_when_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 16);
    let mut options = options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("run"),
    );
    options.sets = vec!["lora.rank=4".into(), "run.steps=1".into()];
    let advice = |options: &RunOptions| {
        let mut seen = Vec::new();
        run(options, &mut |event| {
            if let Event::Advice(advice) = event {
                seen.push(advice.seen);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        seen.retain(|seen| seen.contains("without effect"));
        seen
    };
    let told = advice(&options);
    assert_eq!(told, ["without effect in this run: lora.rank"]);
    options.text = None;
    options.sets.clear();
    options.resume = true;
    assert!(advice(&options).is_empty());
}

#[test]
fn a_gram_run_stays_nearer_to_where_it_started() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 24);
    let first = folder.path().join("first");
    go(&options(
        text(folder.path(), RecipeId::Pretrain),
        first.clone(),
    ))
    .unwrap();
    let start = first.join("checkpoints/step-6/teacher.safetensors");
    let drift = |name: &str, sets: &[&str]| -> f64 {
        let mut options = options(
            text(folder.path(), RecipeId::Gram).replace("gram.every = 2\ngram.times = 1", ""),
            folder.path().join(name),
        );
        options.sets = sets.iter().map(|&set| set.to_owned()).collect();
        options.sets.extend([
            format!("model.start={start:?}"),
            "run.steps=30".into(),
            "run.monitor_every=30".into(),
            "gram.times=0".into(),
            "optimizer.lr=2e-3".into(),
            "teacher.momentum=0.8".into(),
        ]);
        go(&options).unwrap();
        let lines = read_metrics(&options.out.join("metrics.jsonl")).unwrap();
        let of = |line: &crate::metrics::Line| {
            let named = line
                .numbers
                .iter()
                .find(|(name, _)| name == "monitor/gram_drift")?;
            Some(named.1)
        };
        lines.iter().rev().find_map(of).expect("the monitor reads")
    };
    let with = drift("with", &["gram.weight=10.0"]);
    let without = drift("without", &["gram.weight=0.0"]);
    assert!(
        with < 0.7 * without,
        "with the Gram loss {with}, without {without}"
    );
}

#[test]
fn activation_checkpointing_changes_no_number() {
    for recipe in [RecipeId::Pretrain, RecipeId::Distill, RecipeId::Finetune] {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path(), 16);
        let mut options = options(text(folder.path(), recipe), folder.path().join("plain"));
        go(&options).unwrap();
        options.out = folder.path().join("checkpointed");
        options.sets = vec!["run.activation_checkpointing=true".into()];
        go(&options).unwrap();
        let plain = numbers(&folder.path().join("plain"));
        assert_eq!(numbers(&options.out), plain, "{}", recipe.id());
    }
}

#[test]
fn heads_go_along_to_the_next_stage_and_teach_students() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 16);
    let first = folder.path().join("first");
    go(&options(
        text(folder.path(), RecipeId::Pretrain),
        first.clone(),
    ))
    .unwrap();
    let model = first.join("checkpoints/step-6/teacher.safetensors");
    let heads = |run: &Path, step: u64| {
        let path = run.join(format!("checkpoints/step-{step}/heads.safetensors"));
        State::read(&path).unwrap()
    };

    let mut gram = options(
        text(folder.path(), RecipeId::Gram),
        folder.path().join("gram"),
    );
    gram.sets = vec![
        format!("model.start={model:?}"),
        "run.steps=1".into(),
        "optimizer.lr=1e-12".into(),
    ];
    go(&gram).unwrap();
    let (before, after) = (heads(&first, 6), heads(&gram.out, 1));
    assert_eq!(before.counters, after.counters);
    for (name, values) in &before.tensors {
        let most = values
            .iter()
            .zip(&after.tensors[name])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(most < 1e-6, "{name} has moved by {most}");
    }

    let mut distill = options(
        text(folder.path(), RecipeId::Distill),
        folder.path().join("distill"),
    );
    distill.sets = vec![
        format!("distill.teacher={model:?}"),
        "distill.students=[]".into(),
        "model.size=\"nano\"".into(),
    ];
    go(&distill).unwrap();
    let lines = read_metrics(&distill.out.join("metrics.jsonl")).unwrap();
    let names: Vec<&String> = lines[0].numbers.iter().map(|(name, _)| name).collect();
    assert!(
        names.iter().any(|name| *name == "loss/dino_global"),
        "{names:?}"
    );
    // The average of the student, not the teacher, is what is exported and what heads are saved of.
    let student = heads(&distill.out, 6);
    assert_ne!(student.tensors, before.tensors);
    let exported = distill.out.join("checkpoints/step-6/teacher.safetensors");
    let exported = Checkpoint::open(&exported).unwrap();
    assert!(exported.metadata()["teacher"].contains("step-6"));
}

#[test]
fn a_refused_resume_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let text = text(folder.path(), RecipeId::Pretrain);
    let mut options = options(text.clone(), folder.path().join("a"));
    go(&options).unwrap();
    let config = options.out.join("config.toml");
    let before = fs::read_to_string(&config).unwrap();
    options.resume = true;
    options.text = None;
    options.sets = vec!["model.depth=3".into(), "run.steps=8".into()];
    assert!(go(&options).is_err());
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
    // Another configuration than the run's own is no silent one.
    options.sets.clear();
    options.text = Some(text.replace("run.steps = 6", "run.steps = 7"));
    let error = go(&options).unwrap_err().to_string();
    assert!(error.contains("not that of the run"), "{error}");
    options.text = Some(text);
    go(&options).unwrap();
}

#[test]
fn an_unreadable_checkpoint_is_set_aside_and_other_pictures_are_told() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let mut options = options(
        text(folder.path(), RecipeId::Pretrain),
        folder.path().join("a"),
    );
    options.sets = vec!["run.keep_last=1".into(), "run.checkpoint_every=3".into()];
    go(&options).unwrap();
    let checkpoints = options.out.join("checkpoints");
    fs::rename(checkpoints.join("step-6"), checkpoints.join("step-3")).unwrap();
    fs::create_dir(checkpoints.join("step-6")).unwrap();
    fs::write(checkpoints.join("step-6/state.safetensors"), "no state").unwrap();
    let extra = folder.path().join("pictures/down/extra.png");
    fs::copy(folder.path().join("pictures/down/down-00.png"), extra).unwrap();
    options.resume = true;
    options.text = None;
    options.sets.push("run.steps=9".into());
    let (_, events) = go(&options).unwrap();
    let told = |words: &str| {
        events
            .iter()
            .any(|event| matches!(event, Event::Warning(text) if text.contains(words)))
    };
    assert!(told("step-6.broken"), "{events:?}");
    assert!(told("8 then, 9 now"), "{events:?}");
    assert!(checkpoints.join("step-9/state.safetensors").exists());
    assert!(checkpoints.join("step-6.broken").exists());
}
