//! Time that is left, from measured progress.

use std::collections::VecDeque;
use std::time::Duration;

use super::spec::Progress;

/// Time between two samples that are kept, in seconds: 32 of them see the last 16 seconds of a steady stream.
const SPACING_SECS: f64 = 0.5;
const SAMPLES: usize = 32;

/// Progress over the time that a job has worked, pauses left out.
#[derive(Debug, Default)]
pub(super) struct Eta {
    /// (seconds worked, done), ascending in both.
    samples: VecDeque<(f64, u64)>,
    latest: Option<(f64, Progress)>,
}

impl Eta {
    /// Takes in the progress after `worked` of work. A new unit or a step back starts anew.
    pub(super) fn add(&mut self, worked: Duration, progress: Progress) {
        let now = worked.as_secs_f64();
        if self
            .latest
            .is_some_and(|(_, last)| last.unit != progress.unit || last.done > progress.done)
        {
            self.samples.clear();
        }
        self.latest = Some((now, progress));
        let spaced = |&(then, _): &(f64, u64)| now - then >= SPACING_SECS;
        if self.samples.back().is_none_or(spaced) {
            self.samples.push_back((now, progress.done));
        }
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
    }

    /// What is left after `worked` of work; nothing before two different samples or without a total.
    pub(super) fn left(&self, worked: Duration) -> Option<Duration> {
        let (now, progress) = self.latest?;
        let &(first, done) = self.samples.front()?;
        let (span, steps) = (now - first, progress.done.checked_sub(done)?);
        if span <= 0.0 || steps == 0 {
            return None;
        }
        let remaining = progress.total?.saturating_sub(progress.done);
        let since = (worked.as_secs_f64() - now).max(0.0);
        let secs = remaining as f64 * span / steps as f64 - since;
        Duration::try_from_secs_f64(secs.max(0.0)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Unit;

    fn bytes(done: u64) -> Progress {
        Progress {
            done,
            total: Some(1000),
            unit: Unit::Bytes,
        }
    }

    #[test]
    fn a_steady_job_is_foretold_and_counts_down_between_two_steps() {
        let mut eta = Eta::default();
        eta.add(Duration::from_secs(1), bytes(500));
        assert_eq!(
            eta.left(Duration::from_secs(1)),
            None,
            "one sample is no speed"
        );
        eta.add(Duration::from_secs(3), bytes(600));
        assert_eq!(
            eta.left(Duration::from_secs(3)),
            Some(Duration::from_secs(8))
        );
        assert_eq!(
            eta.left(Duration::from_secs(5)),
            Some(Duration::from_secs(6))
        );
        assert_eq!(eta.left(Duration::from_secs(50)), Some(Duration::ZERO));
    }

    #[test]
    fn only_the_last_seconds_count() {
        let mut eta = Eta::default();
        for tick in 0..200_u64 {
            // The first hundred steps are ten times slower than the others.
            let secs = if tick < 100 { tick * 10 } else { 900 + tick };
            eta.add(Duration::from_secs(secs), bytes(tick));
        }
        let left = eta.left(Duration::from_secs(1099)).unwrap();
        assert_eq!(left, Duration::from_secs(801));
    }

    #[test]
    fn another_unit_starts_anew() {
        let mut eta = Eta::default();
        eta.add(Duration::from_secs(1), bytes(0));
        eta.add(Duration::from_secs(2), bytes(500));
        let step = |done| Progress {
            done,
            total: Some(4),
            unit: Unit::Steps,
        };
        eta.add(Duration::from_secs(3), step(0));
        assert_eq!(eta.left(Duration::from_secs(3)), None);
        eta.add(Duration::from_secs(5), step(1));
        assert_eq!(
            eta.left(Duration::from_secs(5)),
            Some(Duration::from_secs(6))
        );
    }
}
