//! Numbers under a map that the device draws: values, ranks, the best patches, a histogram.
//!
//! The device shows a new map in the same frame. The processor computes the same map for the numbers: at once where that
//! takes less than about a millisecond, otherwise in the background, where the newest question replaces older ones.

use std::sync::Arc;

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::cosine::cosine;
use dinoscope_engine::analysis::similarity::{exclude, top_k};
use dinoscope_engine::analysis::{Patch, Peak, ScalarMap};
use dinoscope_jobs::runner::{Lane, Runner, Slot as JobSlot, Spec, Title, Visibility};

use crate::session::Slot;

/// Values of a feature map up to which the cosines are computed in the frame: about half a millisecond.
const AT_ONCE: usize = 4 << 20;
/// Bars of a histogram.
pub const BARS: usize = 48;

/// A map with what is read from it.
#[derive(Debug)]
pub struct Read {
    /// The values `[rows, cols]`.
    pub values: Arc<ScalarMap>,
    /// Smallest and largest value.
    pub range: (f32, f32),
    /// Patches in [`BARS`] equal parts of that range.
    pub histogram: Vec<u32>,
}

impl Read {
    /// Takes the numbers of a map; NaN stands for a patch that was left out.
    pub fn new(values: Arc<ScalarMap>) -> Self {
        let finite = values
            .values
            .iter()
            .copied()
            .filter(|value| !value.is_nan());
        let range = finite
            .clone()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), value| {
                (min.min(value), max.max(value))
            });
        let range = if range.0 <= range.1 {
            range
        } else {
            (0.0, 1.0)
        };
        let histogram = histogram(finite, range);
        Self {
            values,
            range,
            histogram,
        }
    }

    /// The value of a patch; none outside or where it was left out.
    pub fn at(&self, patch: Patch) -> Option<f32> {
        let inside = patch.row < self.values.rows && patch.col < self.values.cols;
        let index = patch.row * self.values.cols + patch.col;
        inside
            .then(|| self.values.values[index])
            .filter(|value| !value.is_nan())
    }

    /// Place of a value among all, from 1.
    pub fn rank(&self, value: f32) -> usize {
        1 + self
            .values
            .values
            .iter()
            .filter(|&&other| other > value)
            .count()
    }

    /// Patches that take part.
    pub fn count(&self) -> usize {
        self.values
            .values
            .iter()
            .filter(|value| !value.is_nan())
            .count()
    }

    /// The best patches that are not near one of `pins`.
    pub fn top(&self, count: usize, pins: &[Patch], radius: f32) -> Vec<Peak> {
        if pins.is_empty() {
            return top_k(&self.values, count);
        }
        let mut map = self.values.as_ref().clone();
        exclude(&mut map, pins, radius);
        top_k(&map, count)
    }
}

/// A histogram of values with their range.
pub fn bars(values: &[f32]) -> (Vec<u32>, (f32, f32)) {
    let range = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &value| {
            (min.min(value), max.max(value))
        });
    let range = if range.0 < range.1 { range } else { (0.0, 1.0) };
    (histogram(values.iter().copied(), range), range)
}

fn histogram(values: impl Iterator<Item = f32>, (min, max): (f32, f32)) -> Vec<u32> {
    let mut bars = vec![0; BARS];
    let width = (max - min).max(f32::MIN_POSITIVE);
    for value in values {
        #[expect(clippy::cast_sign_loss, reason = "min is the smallest value")]
        let bar = ((value - min) / width * BARS as f32) as usize;
        bars[bar.min(BARS - 1)] += 1;
    }
    bars
}

/// The numbers that belong to a query.
#[derive(Debug, Default)]
pub struct Cosines {
    /// Query and features that `read` belongs to.
    of: Option<(Arc<[f32]>, FeatureMap)>,
    read: Option<Arc<Read>>,
    /// Query and features that the background works on.
    asked: Option<(Arc<[f32]>, FeatureMap)>,
    job: Slot<Arc<ScalarMap>>,
}

impl Cosines {
    /// The numbers of `query`; those of an older one while the new ones are computed.
    pub fn of(
        &mut self,
        query: &Arc<[f32]>,
        map: &FeatureMap,
        runner: &Runner,
        name: &str,
    ) -> Option<&Arc<Read>> {
        let is = |known: &Option<(Arc<[f32]>, FeatureMap)>| {
            known.as_ref().is_some_and(|(old, on)| {
                std::ptr::eq(on.values(), map.values()) && (Arc::ptr_eq(old, query) || old == query)
            })
        };
        if self.job.poll()
            && let Some(values) = self.job.ready()
        {
            self.read = Some(Arc::new(Read::new(Arc::clone(values))));
            self.of = self.asked.take();
            self.job = Slot::Empty;
        }
        if !is(&self.of) {
            let now = (Arc::clone(query), map.clone());
            if map.values().len() <= AT_ONCE {
                self.read = Some(Arc::new(Read::new(Arc::new(cosine(map, query)))));
                self.of = Some(now);
            } else if !is(&self.asked) {
                self.job.start(runner.submit(spec(name), {
                    let (query, map) = now.clone();
                    move |_| Ok(Arc::new(cosine(&map, &query)))
                }));
                self.asked = Some(now);
            }
        }
        self.read.as_ref()
    }

    /// The numbers that were last computed.
    pub fn last(&self) -> Option<&Arc<Read>> {
        self.read.as_ref()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn spec(name: &str) -> Spec {
    let mut spec = Spec::new(Lane::Analysis, Title::new("job-similarity"));
    spec.visible = Visibility::Hidden;
    spec.priority = 20;
    spec.slot = Some(JobSlot::new(name.to_owned()));
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[f32]) -> Read {
        Read::new(Arc::new(ScalarMap {
            rows: 1,
            cols: values.len(),
            values: values.to_vec(),
        }))
    }

    #[test]
    fn ranks_start_at_one_and_left_out_patches_do_not_count() {
        let read = read(&[0.1, 0.9, f32::NAN, 0.5]);
        assert_eq!(read.rank(0.9), 1);
        assert_eq!(read.rank(0.1), 3);
        assert_eq!(read.count(), 3);
        assert_eq!(read.at(Patch { row: 0, col: 2 }), None);
        assert_eq!(read.at(Patch { row: 1, col: 0 }), None);
        assert_eq!(read.range, (0.1, 0.9));
    }

    #[test]
    fn every_value_is_in_the_histogram() {
        let flat = read(&[0.5; 7]);
        assert_eq!(flat.histogram.iter().sum::<u32>(), 7);
        let spread = read(&[0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(spread.histogram.iter().sum::<u32>(), 5);
        assert_eq!(spread.histogram[BARS - 1], 1);
        let none = read(&[f32::NAN]);
        assert_eq!(
            (none.histogram.iter().sum::<u32>(), none.range),
            (0, (0.0, 1.0))
        );
    }

    #[test]
    fn patches_near_a_pin_are_no_matches() {
        let read = read(&[1.0, 0.9, 0.2, 0.8]);
        let top = read.top(2, &[Patch { row: 0, col: 0 }], 1.0);
        let cols: Vec<usize> = top.iter().map(|peak| peak.patch.col).collect();
        assert_eq!(cols, [3, 2]);
    }
}
