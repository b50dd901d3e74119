//! Models that are opened, let go, read and refused.

use std::time::{Duration, Instant};

use dinoscope_jobs::runner::{Arg, Options};

use super::*;

#[path = "../../../tests/explorer/half_model.rs"]
mod half_model;

use half_model::write_half;

/// As long as anything here may take on a busy machine.
const LONG: Duration = Duration::from_mins(2);

fn runner() -> Runner {
    Runner::new(Options::new(|| {}))
}

/// Models with a store of their own.
fn models(folder: &tempfile::TempDir) -> Models {
    Models::with_store(
        Some(Store::at(folder.path().join("store"))),
        DeviceChoice::Cpu,
        1 << 20,
    )
}

/// Polls frame by frame until `done`.
fn until(models: &mut Models, what: &str, mut done: impl FnMut(&mut Models) -> bool) {
    let start = Instant::now();
    while !done(models) {
        assert!(start.elapsed() < LONG, "{what}");
        models.poll();
        std::thread::yield_now();
    }
}

#[test]
fn the_built_in_model_is_called_in_the_language_of_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, models) = (Context::default(), models(&folder));
    let english = models.title(&ctx, BUILTIN);
    crate::text::set(&ctx, crate::text::Lang::ZhCn);
    assert_ne!(models.title(&ctx, BUILTIN), english);
    assert_eq!(models.title(&ctx, "vits16"), "DINOv3 ViT-S/16");
    let name = |model| job_title("job-open-model", model).args.remove(0).1;
    assert_eq!(name(BUILTIN), Arg::Message(BUILTIN_TITLE.into()));
    assert_eq!(name("vits16"), Arg::Text("DINOv3 ViT-S/16".to_owned()));
}

#[test]
fn the_built_in_model_opens_and_tells_what_it_is_and_costs() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, mut models) = (runner(), models(&folder));
    assert!(!models.is_untrained(BUILTIN) && models.device_name().is_none());
    until(&mut models, "opened", |models| {
        models.ask(BUILTIN, &runner).ready().is_some()
    });
    assert_eq!(models.device_name().as_deref(), Some("cpu"));
    assert_eq!(models.layers(BUILTIN), Some(6));
    until(&mut models, "measured", |models| {
        models.ask(BUILTIN, &runner);
        models
            .predict(BUILTIN, Size::Short(512), (512, 512))
            .is_some()
    });
    let cost = |side| {
        models
            .predict(BUILTIN, Size::Short(side), (100, 100))
            .unwrap()
    };
    assert!(cost(1024).seconds > cost(512).seconds && cost(1024).bytes > cost(512).bytes);
    assert_eq!(cost(512).tokens, 32 * 32);
}

#[test]
fn a_fourth_model_waits_while_three_are_asked_for_and_takes_the_place_of_the_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, mut models) = (runner(), models(&folder));
    // Three models that are open, as far as the count goes: jobs that never end would hold the test.
    for name in ["a", "b", "c"] {
        let entry = models.open.entry(name.to_owned()).or_default();
        entry.slot = Slot::Busy(
            runner.submit(Spec::new(Lane::Files, Title::new(name)), |cx| {
                while !cx.is_cancelled() {
                    std::thread::yield_now();
                }
                Err(Failure::new("given up").into())
            }),
            dinoscope_jobs::runner::Progress::default(),
        );
    }
    let other = folder.path().join("d.safetensors").display().to_string();
    models.poll();
    for name in ["a", "b", "c"] {
        models.ask(name, &runner);
    }
    assert!(
        models.ask(&other, &runner).is_empty(),
        "all three were asked for in this frame"
    );
    assert!(models.poll(), "it is asked again in the next frame");
    models.poll();
    models.ask("a", &runner);
    models.ask("c", &runner);
    assert!(!models.ask(&other, &runner).is_empty());
    assert!(!models.open.contains_key("b"));
}

#[test]
fn a_file_that_is_no_model_is_broken_until_it_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, mut models) = (runner(), models(&folder));
    let path = folder.path().join("words.safetensors");
    std::fs::write(&path, "words").unwrap();
    let name = path.display().to_string();
    models.add_file(&name);
    assert!(
        models
            .known()
            .iter()
            .any(|known| known.name == name && known.place == Place::File)
    );
    until(&mut models, "read", |models| {
        models.report(&name, &runner).failure().is_some()
    });
    assert!(models.is_broken(&name) && !models.is_blocked(&name));
    models.forget_failure(&name);
    assert!(!models.is_broken(&name));
    until(&mut models, "listed", |models| {
        models.refresh(&runner);
        models
            .known()
            .iter()
            .any(|known| known.name == name && known.bytes == Some(5))
    });
}

#[test]
fn an_incomplete_model_is_read_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, mut models) = (runner(), models(&folder));
    let path = folder.path().join("half.safetensors");
    write_half(&path);
    let name = path.display().to_string();
    until(&mut models, "read", |models| {
        models.report(&name, &runner).ready().is_some()
    });
    let report = models.read_report(&name).unwrap();
    assert!(report.counts.missing > 0 && !report.is_complete());
    assert!(models.is_broken(&name));
    until(&mut models, "refused", |models| {
        models.ask(&name, &runner).failure().is_some()
    });
    assert!(
        models
            .failure(&name)
            .unwrap()
            .message
            .contains("incomplete")
    );
}

#[test]
fn a_smaller_cache_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut models = models(&folder);
    models.set_cache(7);
    assert_eq!(models.cache_use(), CacheUse { used: 0, limit: 7 });
}
