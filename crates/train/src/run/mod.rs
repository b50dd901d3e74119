//! A run from its configuration to its last checkpoint: the loop that all recipes share.
//!
//! Input: a configuration, a folder, a device. Output: metrics, checkpoints and previews in the folder, [`Event`]s to
//! whoever watches. The folder holds `config.toml` (as run), `metrics.jsonl`, events for `TensorBoard`, `checkpoints/step-N`,
//! `previews/step-N`. Nothing is half-written under its final name.

mod checkpoints;
mod dry;
mod preview;
mod schedules;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dinoscope_engine::ComputeDevice;

pub use checkpoints::{Checkpoints, Resumed, Saved};
pub use dry::{Forecast, dry_run};

use crate::config::{Config, Heads};
use crate::data::DataSet;
use crate::error::TrainError;
use crate::metrics::{self, Metrics, read_metrics};
use crate::monitors::{Monitor, Reading, Sizes, Watcher};
use crate::networks::HeadConfigs;
use crate::recipes::{Advice, Context, Report, Task};
use crate::start::heads_beside;
use schedules::schedules;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Text of the configuration. A resumed run goes on with its own; one that is given too has to be the same.
    pub text: Option<String>,
    /// `key=value` pairs that win over it.
    pub sets: Vec<String>,
    /// The folder of the run.
    pub out: PathBuf,
    /// Whether to go on from the newest checkpoint in the folder.
    pub resume: bool,
    /// Where networks run.
    pub device: ComputeDevice,
    /// Lines of metrics go into event files for `TensorBoard` too.
    pub tensorboard: bool,
}

/// What happens in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// Everything is ready.
    Started {
        /// Steps of the whole run.
        steps: u64,
        /// Steps that an earlier part of the run has done.
        done: u64,
        /// Pictures to learn from.
        pictures: usize,
        /// Classes, if pictures have them.
        classes: usize,
        /// Parameters that learn or are learned about.
        params: usize,
    },
    /// What is known not to work well about the configuration.
    Advice(Advice),
    /// A step was done and its numbers are written.
    Step {
        /// Steps that are done.
        done: u64,
        /// The numbers of the last step.
        numbers: Vec<(String, f64)>,
        /// Time of a step, on average since the last event.
        step_time: Duration,
        /// Part of that time in which the step waited for pictures, 0 to 1.
        waiting: f64,
    },
    /// A step is done; said at every one, so that whoever wants to stop is asked often.
    Done(u64),
    /// Something that should be seen: a broken picture, a monitor's alarm, a step that taught nothing.
    Warning(String),
    /// A checkpoint was written.
    Checkpoint(PathBuf),
    /// Previews were drawn.
    Preview(PathBuf),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Steps that are done.
    pub steps: u64,
    /// The newest checkpoint.
    pub checkpoint: PathBuf,
    /// Numbers of the last evaluation, by name.
    pub evaluation: Vec<(String, f64)>,
    /// Pictures a second over the part of the run that was done now.
    pub pictures_per_second: f64,
    /// Part of the time in which steps waited for pictures, 0 to 1.
    pub waiting: f64,
}

/// Hears of everything; breaks to stop the run, which writes a checkpoint first.
pub type Observer<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// Opens pictures and reads the configuration for them.
pub fn context(text: &str, sets: &[String], device: &ComputeDevice) -> Result<Context, TrainError> {
    let (data, seed) = Config::read_data(text, sets)?;
    let all = DataSet::open(&data.source())?;
    let (data_set, held_out) = data.split(all, seed)?;
    let config = Config::read(text, sets, data_set.len())?;
    Ok(Context {
        config,
        device: device.burn().clone(),
        data: Arc::new(data_set),
        held_out: held_out.map(Arc::new),
    })
}

/// Heads that come with the network that a run starts from are of their own sizes, whatever the configuration says.
fn take_heads(config: &mut Config) -> Result<(), TrainError> {
    if let Some(own) = heads_of_start(config)? {
        config.heads = Heads {
            dino_prototypes: own.dino.prototypes,
            ibot_prototypes: own.ibot.prototypes,
            hidden: own.dino.hidden,
            bottleneck: own.dino.bottleneck,
            layers: own.dino.layers,
        };
    }
    Ok(())
}

fn heads_of_start(config: &Config) -> Result<Option<HeadConfigs>, TrainError> {
    if !config.is_self_supervised() || config.model.start == "scratch" {
        return Ok(None);
    }
    heads_beside(&config.model.start)
}

/// What to say of keys that were given and have no effect, if there are any.
fn idle(config: &Config, options: &RunOptions) -> Result<Option<Advice>, TrainError> {
    // The file of a run that goes on has every key.
    let Some(text) = options.text.as_ref().filter(|_| !options.resume) else {
        return Ok(None);
    };
    let own_heads = heads_of_start(config)?.is_some();
    let mut given = Config::given(text, &options.sets)?;
    given.retain(|key| config.is_idle(key) || own_heads && key.starts_with("heads."));
    Ok((!given.is_empty()).then(|| Advice {
        seen: format!("without effect in this run: {}", given.join(", ")),
        change: "leave them out, or see `--explain KEY`".into(),
    }))
}

/// Runs, or goes on with a run.
pub fn run(options: &RunOptions, observer: &mut Observer<'_>) -> Result<Summary, TrainError> {
    let text = configuration(options)?;
    let mut context = context(&text, &options.sets, &options.device)?;
    take_heads(&mut context.config)?;
    refuse_another(options, &context)?;
    let task = context.config.recipe.recipe().prepare(&context)?;
    run_task(options, &context, task, observer)
}

/// Runs a task in the folder of the options.
fn run_task(
    options: &RunOptions,
    context: &Context,
    mut task: Box<dyn Task>,
    observer: &mut Observer<'_>,
) -> Result<Summary, TrainError> {
    let folder = &options.out;
    let checkpoints = Checkpoints::new(folder, &context.config, &context.data);
    let done = if options.resume {
        let resumed = checkpoints.resume(&mut *task)?;
        for warning in resumed.warnings {
            let _ = observer(Event::Warning(warning));
        }
        resumed.done
    } else {
        0
    };
    task.seek(done)?;
    // Only now: what is refused changes nothing.
    prepare_folder(options, &context.config)?;
    let advice = context.config.recipe.recipe().advice(context);
    for advice in advice.into_iter().chain(idle(&context.config, options)?) {
        // Advice is no reason to stop: whoever wants to read it first makes a dry run.
        let _ = observer(Event::Advice(advice));
    }
    let params = task
        .exports()
        .first()
        .map_or(0, |e| e.backbone.num_params());
    let _ = observer(Event::Started {
        steps: task.steps(),
        done,
        pictures: context.data.len(),
        classes: context.data.classes().len(),
        params,
    });
    let untrained = if done == 0 {
        None
    } else {
        untrained_score(folder)
    };
    Loop {
        metrics: Metrics::open(folder, done, options.tensorboard)?,
        watcher: Watcher::default(),
        checkpoints,
        context,
        untrained,
        observer,
        started: Instant::now(),
        since: Since::new(),
        broken_in_a_row: 0,
        pictures: 0,
        evaluation: Vec::new(),
        saved: None,
    }
    .run(&mut *task, done)
}

/// What the nearest neighbors were right about before the first step of the run in `folder`.
fn untrained_score(folder: &Path) -> Option<f64> {
    let lines = read_metrics(&folder.join(metrics::FILE)).ok()?;
    let first = lines.first().filter(|line| line.step == 0)?;
    let score = first.numbers.iter().find(|(name, _)| name == KNN)?;
    Some(score.1)
}

/// Refuses a configuration that is given to a run which has another: going on with either would surprise.
fn refuse_another(options: &RunOptions, context: &Context) -> Result<(), TrainError> {
    let Some(text) = options.text.as_ref().filter(|_| options.resume) else {
        return Ok(());
    };
    let mut given = Config::read(text, &options.sets, context.data.len())?;
    take_heads(&mut given)?;
    if given.to_toml() == context.config.to_toml() {
        return Ok(());
    }
    Err(TrainError::OtherConfig {
        path: options.out.join("config.toml"),
    })
}

/// The text of the configuration: given, or that of the folder.
fn configuration(options: &RunOptions) -> Result<String, TrainError> {
    let path = options.out.join("config.toml");
    match &options.text {
        Some(text) if !options.resume => Ok(text.clone()),
        _ => std::fs::read_to_string(&path).map_err(|_missing| TrainError::NoRun {
            path: options.out.clone(),
        }),
    }
}

/// Makes the folder of a new run and writes its configuration.
fn prepare_folder(options: &RunOptions, config: &Config) -> Result<(), TrainError> {
    let folder = &options.out;
    let failed = |what: &'static str, path: &Path, error: &std::io::Error| TrainError::Write {
        what,
        reason: error.to_string(),
        path: path.to_path_buf(),
    };
    if !options.resume {
        let occupied = std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
        if occupied {
            return Err(TrainError::Occupied {
                path: folder.clone(),
            });
        }
        std::fs::create_dir_all(folder)
            .map_err(|error| failed("the folder of the run", folder, &error))?;
    }
    let path = folder.join("config.toml");
    let aside = folder.join("config.toml.part");
    std::fs::write(&aside, config.to_toml())
        .and_then(|()| std::fs::rename(&aside, &path))
        .map_err(|error| failed("the configuration", &path, &error))
}

/// Name of the accuracy of nearest neighbors among the numbers of an evaluation.
const KNN: &str = "eval/knn";

fn knn_of(evaluation: &[(String, f64)]) -> Option<f64> {
    let found = evaluation.iter().find(|(name, _)| name == KNN)?;
    Some(found.1)
}

/// Time since the last line of metrics.
struct Since {
    at: Instant,
    steps: u32,
    waited: Duration,
}

impl Since {
    fn new() -> Self {
        Self {
            at: Instant::now(),
            steps: 0,
            waited: Duration::ZERO,
        }
    }
}

struct Loop<'a, 'o> {
    metrics: Metrics,
    watcher: Watcher,
    checkpoints: Checkpoints,
    context: &'a Context,
    observer: &'a mut Observer<'o>,
    started: Instant,
    since: Since,
    broken_in_a_row: u32,
    pictures: usize,
    evaluation: Vec<(String, f64)>,
    /// What the nearest neighbors were right about before the first step.
    untrained: Option<f64>,
    /// The step of the newest checkpoint that was written now.
    saved: Option<u64>,
}

impl Loop<'_, '_> {
    fn run(mut self, task: &mut dyn Task, done: u64) -> Result<Summary, TrainError> {
        let config = &self.context.config;
        let steps = task.steps();
        let schedules = schedules(config, steps);
        if done == 0 && steps > 0 {
            let evaluation = self.evaluate(task, 0);
            self.untrained = knn_of(&evaluation);
        }
        for step in done..steps {
            let due = |every: u64| every > 0 && (step + 1).is_multiple_of(every);
            let last = step + 1 == steps;
            let reads = due(config.run.monitor_every) || last && config.run.monitor_every > 0;
            let values = schedules.at(step);
            let report = match task.step(step, &values, reads) {
                Ok(report) => report,
                Err(error) => {
                    self.rescue(task, step);
                    return Err(error);
                }
            };
            self.pictures += report.pictures;
            self.since.steps += 1;
            let mut ends = self.look_at(task, step, &report)?;
            ends |= (self.observer)(Event::Done(step + 1)).is_break();
            if due(config.run.log_every) || report.reading.is_some() || last {
                ends |= self.log(task, step, report, &values);
            }
            let saves = due(config.run.checkpoint_every) || last || ends;
            if saves {
                self.save(task, step + 1, last || ends)?;
            }
            if due(config.preview.every) || (saves && config.preview.every == 0) {
                self.preview(task, step + 1);
            }
            if ends && !last {
                return Err(TrainError::Cancelled { step: step + 1 });
            }
        }
        if done >= steps {
            self.evaluation = task.evaluate()?;
            self.warn(task);
            if steps == 0 {
                self.metrics.write(0, &self.evaluation)?;
            }
        }
        let seconds = self.started.elapsed().as_secs_f64();
        Ok(Summary {
            steps,
            checkpoint: self.checkpoints.newest().unwrap_or_default(),
            evaluation: self.evaluation,
            pictures_per_second: self.pictures as f64 / seconds.max(1e-9),
            waiting: task.waited().as_secs_f64() / seconds.max(1e-9),
        })
    }

    /// Warnings of a step; an error after too many broken ones. Returns whether the run is to stop.
    fn look_at(
        &mut self,
        task: &mut dyn Task,
        step: u64,
        report: &Report,
    ) -> Result<bool, TrainError> {
        let mut stops = self.warn(task);
        let Some(broken) = &report.broken else {
            self.broken_in_a_row = 0;
            return Ok(stops);
        };
        self.broken_in_a_row += 1;
        let (what, module) = broken.split_once(", first in ").unwrap_or((broken, "?"));
        if self.broken_in_a_row > self.context.config.run.max_broken_steps {
            // Broken steps taught nothing: the networks are those of the last good one.
            let good = step + 1 - u64::from(self.broken_in_a_row).min(step + 1);
            let state = task.state();
            let mut values = state.tensors.values().flatten();
            if values.all(|value| value.is_finite()) {
                self.rescue(task, good);
            }
            let newest = self.checkpoints.newest();
            return Err(TrainError::Diverged {
                count: self.broken_in_a_row,
                step: step + 1,
                what: what.into(),
                module: module.into(),
                checkpoint: newest.map_or("none".into(), |path| path.display().to_string()),
            });
        }
        let text = format!(
            "step {} taught nothing: {what} is not finite, first in {module}",
            step + 1
        );
        stops |= (self.observer)(Event::Warning(text)).is_break();
        Ok(stops)
    }

    /// Passes on what the task has to say; whether the run is to stop.
    fn warn(&mut self, task: &mut dyn Task) -> bool {
        let mut stops = false;
        for warning in task.warnings() {
            stops |= (self.observer)(Event::Warning(warning)).is_break();
        }
        stops
    }

    /// Writes a line of metrics. That it cannot be written is told, and no reason to lose a run.
    fn note(&mut self, done: u64, numbers: &[(String, f64)]) {
        if let Err(error) = self.metrics.write(done, numbers) {
            let text = format!("no metrics of step {done}: {error}");
            let _ = (self.observer)(Event::Warning(text));
        }
    }

    /// Numbers about held-out pictures; that there are none is told, and no reason to lose a run.
    fn evaluate(&mut self, task: &mut dyn Task, done: u64) -> Vec<(String, f64)> {
        let evaluation = task.evaluate().unwrap_or_else(|error| {
            let text = format!("no evaluation at step {done}: {error}");
            let _ = (self.observer)(Event::Warning(text));
            Vec::new()
        });
        self.warn(task);
        if !evaluation.is_empty() {
            self.note(done, &evaluation);
        }
        evaluation
    }

    /// Saves what `done` steps have made before an error ends the run.
    fn rescue(&mut self, task: &mut dyn Task, done: u64) {
        if done == 0 || self.saved == Some(done) || self.checkpoints.has(done) {
            return;
        }
        let event = match self.checkpoints.save(task, done, &[]) {
            Ok(saved) => Event::Checkpoint(saved.path),
            Err(error) => Event::Warning(format!("no checkpoint at step {done}: {error}")),
        };
        let _ = (self.observer)(event);
    }

    fn log(
        &mut self,
        task: &dyn Task,
        step: u64,
        report: Report,
        values: &crate::schedule::Values,
    ) -> bool {
        let mut numbers = report.numbers;
        numbers.push(("lr".into(), values.lr));
        numbers.push(("weight_decay".into(), values.weight_decay));
        numbers.push(("momentum".into(), values.momentum));
        let mut stops = false;
        if let Some(reading) = report.reading {
            numbers.extend(reading.numbers());
            for warning in self.watcher.look(&reading) {
                stops |= (self.observer)(Event::Warning(warning.to_string())).is_break();
            }
        }
        self.note(step + 1, &numbers);
        let elapsed = self.since.at.elapsed();
        let waited = task.waited().saturating_sub(self.since.waited);
        let event = Event::Step {
            done: step + 1,
            numbers,
            step_time: elapsed / self.since.steps.max(1),
            waiting: waited.as_secs_f64() / elapsed.as_secs_f64().max(1e-9),
        };
        self.since = Since {
            waited: task.waited(),
            ..Since::new()
        };
        stops |= (self.observer)(event).is_break();
        stops
    }

    /// Writes a checkpoint. A full disk is told and, unless this is the last chance, tried again at the next one.
    fn save(&mut self, task: &mut dyn Task, done: u64, must: bool) -> Result<(), TrainError> {
        let evaluation = self.evaluate(task, done);
        if !evaluation.is_empty() {
            self.evaluation.clone_from(&evaluation);
        }
        if let (Some(score), Some(untrained)) = (knn_of(&evaluation), self.untrained) {
            let reading = Reading::new(done, Sizes::default())
                .with(Monitor::Knn, score)
                .with(Monitor::KnnBaseline, untrained);
            for warning in self.watcher.look(&reading) {
                let _ = (self.observer)(Event::Warning(warning.to_string()));
            }
        }
        match self.checkpoints.save(task, done, &evaluation) {
            Ok(saved) => {
                self.saved = Some(done);
                let _ = (self.observer)(Event::Checkpoint(saved.path));
                if let Some(warning) = saved.warning {
                    let _ = (self.observer)(Event::Warning(warning));
                }
                Ok(())
            }
            Err(error) if must => Err(error),
            Err(error) => {
                let text =
                    format!("no checkpoint at step {done}, the earlier ones are kept: {error}");
                let _ = (self.observer)(Event::Warning(text));
                Ok(())
            }
        }
    }

    fn preview(&mut self, task: &dyn Task, done: u64) {
        let event = match preview::draw(self.context, task, &self.checkpoints, done) {
            Ok(None) => return,
            Ok(Some(folder)) => Event::Preview(folder),
            Err(error) => Event::Warning(format!("no preview at step {done}: {error}")),
        };
        let _ = (self.observer)(event);
    }
}

#[cfg(test)]
mod tests;
