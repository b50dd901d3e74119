//! `dinoscope train`: any recipe, from a configuration to checkpoints.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use dinoscope_engine::ComputeDevice;
use dinoscope_train::config::{KEYS, explain};
use dinoscope_train::run::{Event, RunOptions, Summary, dry_run, run as train};
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};

use crate::args::{Common, Train};
use crate::{CancelToken, out};

pub(crate) fn run(common: &Common, arguments: &Train, cancel: &CancelToken) -> Result<()> {
    if let Some(key) = &arguments.explain {
        return explain_key(common, key);
    }
    let options = options(common, arguments)?;
    if arguments.dry_run {
        return forecast(common, &options);
    }
    let mut console = Console::new(common, cancel);
    let summary = train(&options, &mut |event| console.hear(event))?;
    console.bar.finish_and_clear();
    tell(common, &options, &summary);
    Ok(())
}

/// What a key means; without a name, all of them.
fn explain_key(common: &Common, key: &str) -> Result<()> {
    if key == "all" {
        let keys: Map<String, Value> = KEYS
            .iter()
            .map(|key| (key.name.to_owned(), json!(key.about)))
            .collect();
        let rows: Vec<_> = KEYS
            .iter()
            .map(|key| vec![key.name.to_owned(), key.about.to_owned()])
            .collect();
        out::results(common, &json!({ "keys": keys }), &out::table(&rows));
        return Ok(());
    }
    match explain(key) {
        Ok(key) => {
            let json = json!({ "key": key.name, "about": key.about });
            out::results(common, &json, &[format!("{}: {}", key.name, key.about)]);
            Ok(())
        }
        Err(Some(near)) => bail!("unknown key \"{key}\", did you mean \"{}\"?", near.name),
        Err(None) => {
            bail!("unknown key \"{key}\", expected one of `dinoscope train --explain all`")
        }
    }
}

fn options(common: &Common, arguments: &Train) -> Result<RunOptions> {
    let text = arguments
        .config
        .as_ref()
        .map(|path| {
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the configuration: {}", path.display()))
        })
        .transpose()?;
    let out = match (&common.output, &arguments.config) {
        (Some(out), _) => out.clone(),
        (None, Some(config)) => {
            let stem = config.file_stem().unwrap_or_default();
            PathBuf::from("runs").join(stem)
        }
        (None, None) => {
            bail!("no configuration named, expected CONFIG.toml, or -o RUN_DIR with --resume")
        }
    };
    if text.is_none() && !arguments.resume {
        bail!("no configuration named, expected CONFIG.toml, or --resume");
    }
    Ok(RunOptions {
        text,
        sets: arguments.set.clone(),
        out,
        resume: arguments.resume,
        device: ComputeDevice::open(common.device)?,
        tensorboard: true,
    })
}

/// Prints what a run would take.
fn forecast(common: &Common, options: &RunOptions) -> Result<()> {
    let forecast = dry_run(options)?;
    let mut lines = vec![
        format!(
            "{} steps of {:.0} ms: {}",
            forecast.steps,
            forecast.step_ms,
            duration(Duration::from_secs_f64(forecast.seconds))
        ),
        format!(
            "memory about {}, checkpoints {} each and {} in all",
            bytes(forecast.memory_bytes),
            bytes(forecast.checkpoint_bytes),
            bytes(forecast.disk_bytes)
        ),
        format!(
            "{} pictures, {:.0} % of the time waiting for them",
            forecast.pictures,
            100.0 * forecast.waiting
        ),
    ];
    let advice = forecast.advice.iter();
    lines.extend(advice.map(|advice| format!("advice: {}; {}", advice.seen, advice.change)));
    out::results(
        common,
        &json!({ "command": "train", "dry_run": forecast }),
        &lines,
    );
    Ok(())
}

/// Progress on a terminal, warnings everywhere.
struct Console<'a> {
    common: &'a Common,
    cancel: &'a CancelToken,
    bar: ProgressBar,
    last: Option<Instant>,
}

impl<'a> Console<'a> {
    fn new(common: &'a Common, cancel: &'a CancelToken) -> Self {
        Self {
            common,
            cancel,
            bar: ProgressBar::hidden(),
            last: None,
        }
    }

    fn hear(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Started {
                steps,
                done,
                pictures,
                classes,
                params,
            } => {
                self.bar = out::progress(self.common, steps, "steps");
                self.bar.set_position(done);
                let classes = match classes {
                    0 => String::new(),
                    count => format!(" in {count} classes"),
                };
                let from = match done {
                    0 => String::new(),
                    done => format!(", from step {done}"),
                };
                self.say(&format!(
                    "{pictures} pictures{classes}, {params} parameters, {steps} steps{from}"
                ));
            }
            Event::Step {
                done,
                numbers,
                step_time,
                ..
            } => self.step(done, &numbers, step_time),
            Event::Done(done) => self.bar.set_position(done),
            Event::Advice(advice) => {
                self.say(&format!("advice: {}; {}", advice.seen, advice.change));
            }
            Event::Warning(text) => self.say(&format!("warning: {text}")),
            Event::Checkpoint(path) => self.say(&format!("checkpoint {}", path.display())),
            Event::Preview(path) => self.say(&format!("preview {}", path.display())),
        }
        if self.cancel.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn step(&mut self, done: u64, numbers: &[(String, f64)], step_time: Duration) {
        let find = |name: &str| numbers.iter().find(|(own, _)| own == name);
        let loss =
            find("loss/total").or_else(|| numbers.iter().find(|(n, _)| n.starts_with("loss/")));
        let loss = loss.map_or(f64::NAN, |(_, loss)| *loss);
        self.bar.set_message(format!("loss {loss:.4}"));
        // Without a bar a line now and then shows that the run goes on.
        let due = self
            .last
            .is_none_or(|last| last.elapsed() > Duration::from_secs(10));
        if self.bar.is_hidden() && due {
            self.last = Some(Instant::now());
            self.say(&format!(
                "step {done}: loss {loss:.4}, {:.0} ms a step",
                step_time.as_secs_f64() * 1e3
            ));
        }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| out::note(self.common, text));
    }
}

fn tell(common: &Common, options: &RunOptions, summary: &Summary) {
    let evaluation: Map<String, Value> = summary
        .evaluation
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let json = json!({
        "command": "train",
        "run": options.out,
        "steps": summary.steps,
        "checkpoint": summary.checkpoint,
        "evaluation": evaluation,
        "pictures_per_second": summary.pictures_per_second,
        "waiting": summary.waiting,
    });
    let mut lines = vec![format!(
        "{} steps, {:.1} pictures a second, {:.1} % of the time waiting for them",
        summary.steps,
        summary.pictures_per_second,
        100.0 * summary.waiting
    )];
    let numbers = summary.evaluation.iter();
    lines.extend(numbers.map(|(name, value)| format!("{name} {value:.4}")));
    if summary.checkpoint.as_os_str().is_empty() {
        lines.push(format!("results in {}", options.out.display()));
    } else {
        lines.push(format!("model in {}", summary.checkpoint.display()));
    }
    out::results(common, &json, &lines);
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

fn bytes(count: u64) -> String {
    let count = count as f64;
    if count < 1e9 {
        format!("{:.0} MB", count / 1e6)
    } else {
        format!("{:.1} GB", count / 1e9)
    }
}
