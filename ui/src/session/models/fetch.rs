//! Downloads: a known model and a token → files in the store, or why they are not given.

use dinoscope_engine::store::{
    DownloadOptions, Installed, Progress, Store, StoreError, Token, Wanted,
};
use dinoscope_jobs::runner::{
    Failure, JobContext, JobError, Lane, Runner, Slot as JobSlot, Spec, Ticket, Title, Unit,
};

use super::Known;
use crate::session::Slot;

/// Ends of the names of files that hold weights: whoever gets one of them has access.
const WEIGHTS: [&str; 2] = [".safetensors", ".pth"];

/// How a download ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The model is in the store.
    Done,
    /// The hub gives the weights; nothing was kept.
    Access,
    /// The hub does not give them to this user.
    Gated {
        /// Whether a token was sent.
        with_token: bool,
    },
}

/// A download that runs, or how the last one ended.
#[derive(Debug, Default)]
pub struct Download {
    pub(super) slot: Slot<Fetched>,
}

impl Download {
    /// Its state.
    pub fn slot(&self) -> &Slot<Fetched> {
        &self.slot
    }
}

/// Starts a download, or a look whether it would be allowed if it is not to be `whole`.
pub(super) fn start(
    (known, title): (&Known, &str),
    token: &str,
    whole: bool,
    store: Option<Store>,
    runner: &Runner,
) -> Option<Ticket<Fetched>> {
    let repository = known.repository.clone()?;
    let message = if whole {
        "job-download"
    } else {
        "job-check-access"
    };
    let mut spec = Spec::new(Lane::Transfer, Title::new(message).text("name", title));
    spec.slot = Some(JobSlot::new(format!("download/{}", known.name)));
    let name = known.name.clone();
    let mut options = DownloadOptions::from_env();
    if let Some(token) = Token::new(token) {
        options.token = Some(token);
    }
    Some(runner.submit(spec, move |cx| {
        let wanted = Wanted::new(&name, &repository)?;
        let store = store.ok_or(StoreError::NoHome)?;
        run(&store, &wanted, &options, whole, cx)
    }))
}

fn run(
    store: &Store,
    wanted: &Wanted,
    options: &DownloadOptions,
    whole: bool,
    cx: &JobContext,
) -> Result<Fetched, JobError> {
    // The store tells of pieces and asks for a stop through two closures that know nothing of each other.
    let seen_weights = std::cell::Cell::new(false);
    let mut count = Count::default();
    let mut progress = |now: Progress<'_>| {
        if let Progress::Bytes { file, .. } = now {
            seen_weights.set(seen_weights.get() || WEIGHTS.iter().any(|end| file.ends_with(end)));
        }
        if let Some((done, total)) = count.add(&now) {
            cx.progress(done, total, Unit::Bytes);
        }
    };
    let stop = || cx.is_cancelled() || (!whole && seen_weights.get());
    let outcome = store.download(wanted, options, &mut progress, &stop);
    if cx.is_cancelled() {
        return Err(JobError::Cancelled);
    }
    answer(outcome, !whole && seen_weights.get())
}

fn answer(outcome: Result<Installed, StoreError>, has_access: bool) -> Result<Fetched, JobError> {
    match outcome {
        Ok(_) => Ok(Fetched::Done),
        Err(StoreError::Gated { with_token, .. }) => Ok(Fetched::Gated { with_token }),
        Err(_) if has_access => Ok(Fetched::Access),
        Err(error) => Err(JobError::Failed(Failure::of(&error))),
    }
}

/// Bytes of all files together, from reports of one file at a time.
#[derive(Debug, Default)]
struct Count {
    /// Bytes of files that came before the present one.
    before: u64,
    file: String,
    done: u64,
    total: Option<u64>,
}

impl Count {
    /// Done and total after a report, if it changed them.
    fn add(&mut self, now: &Progress<'_>) -> Option<(u64, Option<u64>)> {
        match now {
            Progress::Started { total, .. } => self.total = *total,
            Progress::Bytes { file, done, .. } => {
                if *file != self.file {
                    self.before += self.done;
                    (*file).clone_into(&mut self.file);
                }
                self.done = *done;
            }
            _ => return None,
        }
        Some((self.before + self.done, self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_add_up_and_a_repeated_try_does_not_count_twice() {
        let mut count = Count::default();
        let bytes = |file, done| Progress::Bytes {
            file,
            done,
            total: None,
        };
        let started = Progress::Started {
            files: 2,
            total: Some(110),
        };
        assert_eq!(count.add(&started), Some((0, Some(110))));
        assert_eq!(count.add(&bytes("config.json", 10)), Some((10, Some(110))));
        assert_eq!(
            count.add(&bytes("model.safetensors", 40)),
            Some((50, Some(110)))
        );
        assert_eq!(
            count.add(&bytes("model.safetensors", 20)),
            Some((30, Some(110)))
        );
        assert_eq!(count.add(&Progress::Waiting), None);
    }

    #[test]
    fn a_closed_gate_is_an_answer_and_not_an_error() {
        let gated = StoreError::Gated {
            repository: "a/b".to_owned(),
            status: 403,
            with_token: true,
        };
        assert_eq!(
            answer(Err(gated), false),
            Ok(Fetched::Gated { with_token: true })
        );
        assert_eq!(answer(Err(StoreError::NoHome), true), Ok(Fetched::Access));
        assert!(answer(Err(StoreError::NoHome), false).is_err());
    }
}
