//! Checkpoints of a run: written aside, renamed, kept by policy, found again.
//!
//! `checkpoints/step-N/` holds each network in the Hugging Face layout, usable at once as a model, and
//! `state.safetensors` with everything that the next step depends on. `checkpoints/best.json` names the best one by its
//! evaluation, which is kept too.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dinoscope_model::Params;
use dinoscope_model::checkpoint::{Layout, SaveOptions, save};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::DataSet;
use crate::error::TrainError;
use crate::recipes::{Export, Task};
use crate::state::State;

/// Name of the file with the state.
const STATE: &str = "state.safetensors";
/// Counter of the steps that are done.
const STEP: &str = "step";
/// Counters of the pictures: how many there are, and which.
const PICTURES: [&str; 2] = ["pictures", "pictures_hash"];
/// Counter of the models that a run started and learns from: a hash of their hashes.
const MODELS: &str = "models_hash";
/// Ending of a folder that is not complete.
const ASIDE: &str = ".part";
/// Ending of a folder that cannot be read any more.
const BROKEN: &str = ".broken";

/// A checkpoint that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its folder.
    pub path: PathBuf,
    /// Older ones that made room for it.
    pub removed: Vec<PathBuf>,
    /// Why it is not known whether it is the best one, if so.
    pub warning: Option<String>,
}

/// A hash of the hashes of all models in a task's lineage, in 53 bits: whole in every reader of JSON.
fn models(task: &dyn Task) -> u64 {
    let lineage = task.lineage();
    let sums = lineage.iter().filter(|(key, _)| key.ends_with("sha256"));
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in sums.flat_map(|(key, sum)| key.bytes().chain(sum.bytes())) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash >> 11
}

/// That a model of the task is not the one of the state, if so.
fn other_models(state: &State, task: &dyn Task) -> Option<String> {
    let known = *state.counters.get(MODELS)?;
    (known != models(task)).then(|| {
        "the model that the run started from, or one that it learns from, is not the file that it was: the steps to come are others than they would have been".into()
    })
}

/// Where a run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Steps that are done.
    pub done: u64,
    /// What is not as it was.
    pub warnings: Vec<String>,
}

/// The folder of checkpoints and its policy.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    keep_last: usize,
    keep_every: u64,
    metadata: BTreeMap<String, String>,
    /// Count and hash of the pictures.
    pictures: [u64; 2],
}

/// The best checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Best {
    step: u64,
    name: String,
    value: f64,
}

impl Checkpoints {
    /// Those of the run in this folder, over these pictures.
    pub fn new(run: &Path, config: &Config, data: &DataSet) -> Self {
        let metadata = BTreeMap::from([
            ("recipe".to_owned(), config.recipe.id().to_owned()),
            ("training_config".to_owned(), config.to_toml()),
            (
                "trained_with".to_owned(),
                concat!("dinoscope ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ]);
        Self {
            folder: run.join("checkpoints"),
            keep_last: config.run.keep_last,
            keep_every: config.run.keep_every,
            metadata,
            pictures: [data.len() as u64, fingerprint(data)],
        }
    }

    /// Puts the newest complete checkpoint into `task`; 0 steps are done without one.
    ///
    /// A checkpoint that cannot be read gets another name and gives way to the one before it; another architecture is an
    /// error.
    pub fn resume(&self, task: &mut dyn Task) -> Result<Resumed, TrainError> {
        let mut steps = self.steps();
        steps.reverse();
        let mut unusable = Vec::new();
        for step in steps {
            match State::read(&self.path(step).join(STATE)) {
                Ok(state) => {
                    let done = state.counters.get(STEP).copied().unwrap_or(step);
                    let other = [self.other_pictures(&state), other_models(&state, task)];
                    // First what can be refused: then nothing has changed.
                    task.restore(state)?;
                    let mut warnings: Vec<String> = unusable
                        .iter()
                        .map(|(at, error)| self.set_aside(*at, error))
                        .collect();
                    warnings.extend(other.into_iter().flatten());
                    return Ok(Resumed { done, warnings });
                }
                Err(error) => unusable.push((step, error)),
            }
        }
        match unusable.pop() {
            Some((_, error)) => Err(error),
            None => Ok(Resumed {
                done: 0,
                warnings: Vec::new(),
            }),
        }
    }

    /// Gives an unreadable checkpoint another name, so that it is not taken for the newest one; what there is to say.
    fn set_aside(&self, step: u64, error: &TrainError) -> String {
        let path = self.path(step);
        let aside = self.folder.join(format!("step-{step}{BROKEN}"));
        let _ = fs::remove_dir_all(&aside);
        let place = match fs::rename(&path, &aside) {
            Ok(()) => format!("it is now {}", aside.display()),
            Err(reason) => format!("it cannot be set aside ({reason})"),
        };
        format!("a checkpoint is left out, {place}: {error}")
    }

    /// That the pictures are not those of the state, if so.
    fn other_pictures(&self, state: &State) -> Option<String> {
        let [count, hash] = PICTURES.map(|name| state.counters.get(name).copied());
        let ([before, known], [now, own]) = ([count?, hash?], self.pictures);
        (before != now || known != own).then(|| {
            format!(
                "the pictures are not those that the run started with ({before} then, {now} now): the steps to come see others than they would have"
            )
        })
    }

    /// The folder of the run.
    pub(super) fn run(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// Whether there is a complete checkpoint after `done` steps.
    pub fn has(&self, done: u64) -> bool {
        self.steps().contains(&done)
    }

    /// The newest complete checkpoint.
    pub fn newest(&self) -> Option<PathBuf> {
        self.steps().last().map(|&step| self.path(step))
    }

    /// Writes a checkpoint after `done` steps, then removes those that the policy does not keep.
    pub fn save(
        &self,
        task: &dyn Task,
        done: u64,
        evaluation: &[(String, f64)],
    ) -> Result<Saved, TrainError> {
        let path = self.path(done);
        let aside = self.folder.join(format!("step-{done}{ASIDE}"));
        let written = self.write(task, done, &aside).and_then(|()| {
            // A resumed run may come by a step again.
            remove(&path).map_err(|error| failed(&path, &error))?;
            fs::rename(&aside, &path).map_err(|error| failed(&path, &error))
        });
        if let Err(error) = written {
            // What is left of it only takes the room that is missing.
            let _ = fs::remove_dir_all(&aside);
            return Err(error);
        }
        let warning = self.note_best(done, evaluation).err();
        Ok(Saved {
            path,
            removed: self.tidy(done),
            warning: warning.map(|error| error.to_string()),
        })
    }

    fn write(&self, task: &dyn Task, done: u64, aside: &Path) -> Result<(), TrainError> {
        remove(aside).map_err(|error| failed(aside, &error))?;
        fs::create_dir_all(aside).map_err(|error| failed(aside, &error))?;
        for export in task.exports() {
            let path = aside.join(format!("{}.safetensors", export.name));
            self.write_model(task, &export, &path)?;
        }
        for (name, tensors) in task.extras() {
            tensors.write(&aside.join(format!("{name}.safetensors")))?;
        }
        let mut state = task.state();
        state.counters.insert(STEP.into(), done);
        for (name, value) in PICTURES.into_iter().zip(self.pictures) {
            state.counters.insert(name.into(), value);
        }
        state.counters.insert(MODELS.into(), models(task));
        state.write(&aside.join(STATE))?;
        sync(aside).map_err(|error| failed(aside, &error))
    }

    /// Writes a network of the task in the Hugging Face layout.
    pub(super) fn write_model(
        &self,
        task: &dyn Task,
        export: &Export<'_>,
        path: &Path,
    ) -> Result<(), TrainError> {
        let values = export.backbone.read_params("");
        let mut metadata = self.metadata.clone();
        metadata.extend(task.lineage());
        let options = SaveOptions {
            layout: Layout::Hf,
            dtype: None,
            statistics: export.statistics,
            data: None,
            metadata,
            force: true,
        };
        let config = export.backbone.config();
        save(&config, path, &options, &mut |spec| {
            values.get(&spec.name).cloned().unwrap_or_default()
        })?;
        Ok(())
    }

    fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step-{step}"))
    }

    /// Steps of all complete checkpoints, ascending.
    fn steps(&self) -> Vec<u64> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut steps: Vec<u64> = files
            .filter_map(|file| {
                let name = file.file_name();
                name.to_str()?.strip_prefix("step-")?.parse().ok()
            })
            .collect();
        steps.sort_unstable();
        steps
    }

    fn note_best(&self, done: u64, evaluation: &[(String, f64)]) -> Result<(), TrainError> {
        let Some((name, value)) = evaluation.first().filter(|(_, value)| value.is_finite()) else {
            return Ok(());
        };
        if self.best().is_some_and(|best| best.value >= *value) {
            return Ok(());
        }
        let best = Best {
            step: done,
            name: name.clone(),
            value: *value,
        };
        let path = self.folder.join("best.json");
        let aside = self.folder.join(format!("best.json{ASIDE}"));
        let text = serde_json::to_string(&best).expect("numbers and names have a place in JSON");
        fs::write(&aside, text)
            .and_then(|()| fs::rename(&aside, &path))
            .map_err(|error| failed(&path, &error))
    }

    fn best(&self) -> Option<Best> {
        let text = fs::read_to_string(self.folder.join("best.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Removes what is neither among the last, nor the best, nor at a step that is kept for ever.
    fn tidy(&self, done: u64) -> Vec<PathBuf> {
        let steps = self.steps();
        let best = self.best().map(|best| best.step);
        let old = steps.len().saturating_sub(self.keep_last.max(1));
        let kept = |step: u64| {
            step == done
                || Some(step) == best
                || self.keep_every > 0 && step.is_multiple_of(self.keep_every)
        };
        steps[..old]
            .iter()
            .filter(|step| !kept(**step))
            .map(|step| self.path(*step))
            .filter(|path| fs::remove_dir_all(path).is_ok())
            .collect()
    }
}

/// Stands for the pictures: their names and labels, not where they are, so that a run may move with them.
fn fingerprint(data: &DataSet) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for at in 0..data.len() {
        let item = data.item(at);
        let name = item.path().file_name().unwrap_or_default();
        add(name.as_encoded_bytes());
        add(&item.label().unwrap_or(u32::MAX).to_le_bytes());
    }
    // JSON's numbers are exact up to 2^53 in many readers.
    hash >> 11
}

fn failed(path: &Path, error: &io::Error) -> TrainError {
    TrainError::Write {
        what: "a checkpoint",
        reason: error.to_string(),
        path: path.to_path_buf(),
    }
}

/// Removes a folder if it is there.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Brings the files of a folder to the disk before it gets its name.
fn sync(folder: &Path) -> io::Result<()> {
    for file in fs::read_dir(folder)? {
        // Windows brings only what may be written to the disk.
        let file = fs::OpenOptions::new().write(true).open(file?.path())?;
        file.sync_all()?;
    }
    Ok(())
}
