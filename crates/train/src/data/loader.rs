//! Samples of batches, made on threads ahead of the network and handed over in order.
//!
//! A sample depends on its picture and a generator that is seeded by (seed, epoch, index) alone, never on the thread. A
//! picture that cannot be read or that no sample can be made of is named, counted and replaced by another one, the same
//! one in a resumed run.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dinoscope_engine::Picture;
use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::error::DataError;
use super::order::{Order, Place};
use super::set::{DataSet, Item};
use crate::config::Config;

/// Other pictures that are tried in the place of a broken one.
const ATTEMPTS: u64 = 16;

/// Batches that are made ahead: one that is ready, one in the making.
pub(crate) const AHEAD: usize = 2;

/// How much is done ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoaderSettings {
    /// Threads that decode and crop.
    pub threads: usize,
    /// Batches that are made ahead.
    pub ahead: usize,
    /// Bytes of decoded pictures that are kept.
    pub cache_bytes: usize,
    /// Part of the pictures that may be unreadable.
    pub max_broken: f64,
    /// Seed of the samples.
    pub seed: u64,
}

impl LoaderSettings {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            threads: match config.data.threads {
                0 => cores.saturating_sub(1).max(1),
                threads => threads,
            },
            ahead: AHEAD,
            cache_bytes: config.data.cache_mib << 20,
            max_broken: config.data.max_broken,
            seed: config.seed,
        }
    }
}

/// The samples of one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    /// Its number, from 0.
    pub number: u64,
    /// What was made of each picture.
    pub samples: Vec<T>,
    /// The pictures' places in the data set.
    pub items: Vec<usize>,
}

/// What is made of a picture: a sample, or a result where a picture can turn out to be of no use.
pub trait Outcome<T> {
    /// The sample, or why there is none: another picture takes the place of that one.
    fn outcome(self) -> Result<T, String>;
}

impl<T> Outcome<T> for T {
    fn outcome(self) -> Result<T, String> {
        Ok(self)
    }
}

impl<T> Outcome<T> for Result<T, String> {
    fn outcome(self) -> Result<T, String> {
        self
    }
}

/// Makes samples ahead. Dropping it ends its threads.
#[derive(Debug)]
pub struct Loader<T> {
    data: Arc<DataSet>,
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
    next: u64,
    waited: Duration,
    broken: usize,
    tried: usize,
    max_broken: f64,
}

type Made<T> = Result<(usize, T), DataError>;
/// The place of a picture in the data set, and why it is of no use.
type Unusable = (usize, String);

/// One batch that is being made.
#[derive(Debug)]
struct Slot<T> {
    samples: Vec<Option<(usize, T)>>,
    left: usize,
    broken: Vec<Unusable>,
    error: Option<DataError>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// Something was made, or there is room again, or it is over.
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// Batches from `first` on.
    slots: VecDeque<Slot<T>>,
    first: u64,
    /// The next sample to be made: batch and place in it.
    cursor: (u64, usize),
    over: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A thread that panics holds no lock while it makes a sample.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Loader<T> {
    /// Starts at batch `first`. `make` turns a picture into a sample, or into a result of one; it draws from the generator
    /// that it is given.
    pub fn start<R: Outcome<T>>(
        data: Arc<DataSet>,
        order: Order,
        first: u64,
        settings: LoaderSettings,
        make: impl Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> R + Send + Sync + 'static,
    ) -> Result<Self, DataError> {
        let decoded = Decoded::new(settings.cache_bytes);
        Self::sharing(data, order, first, settings, decoded, make)
    }

    /// The same with decoded pictures that other loaders of the same data use too.
    pub fn sharing<R: Outcome<T>>(
        data: Arc<DataSet>,
        order: Order,
        first: u64,
        settings: LoaderSettings,
        decoded: Decoded,
        make: impl Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> R + Send + Sync + 'static,
    ) -> Result<Self, DataError> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                slots: VecDeque::new(),
                first,
                cursor: (first, 0),
                over: false,
            }),
            changed: Condvar::new(),
        });
        let worker = Arc::new(Worker {
            data: Arc::clone(&data),
            order,
            settings,
            make,
            decoded,
        });
        // Made first: dropping it ends the threads that were started when another cannot be.
        let mut loader = Self {
            data,
            shared,
            threads: Vec::new(),
            next: first,
            waited: Duration::ZERO,
            broken: 0,
            tried: 0,
            max_broken: settings.max_broken,
        };
        for number in 0..settings.threads.max(1) {
            let (shared, worker) = (Arc::clone(&loader.shared), Arc::clone(&worker));
            let thread = std::thread::Builder::new()
                .name(format!("loader-{number}"))
                .spawn(move || worker.run(&shared));
            loader
                .threads
                .push(thread.map_err(|error| DataError::Thread {
                    reason: error.to_string(),
                })?);
        }
        Ok(loader)
    }

    /// The next batch; waits for it.
    ///
    /// # Panics
    /// Never: the wait ends with a batch.
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless row of results is no iterator that anyone wants to collect"
    )]
    pub fn next(&mut self) -> Result<Batch<T>, DataError> {
        let since = Instant::now();
        let mut state = self.shared.lock();
        while state
            .slots
            .front()
            .is_none_or(|slot| slot.left > 0 && slot.error.is_none())
        {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let slot = state.slots.pop_front().expect("the loop waited for it");
        state.first += 1;
        drop(state);
        self.shared.changed.notify_all();
        self.waited += since.elapsed();
        let number = self.next;
        self.next += 1;
        self.count_broken(slot.broken, slot.samples.len())?;
        if let Some(error) = slot.error {
            return Err(error);
        }
        let (items, samples) = slot.samples.into_iter().flatten().unzip();
        Ok(Batch {
            number,
            samples,
            items,
        })
    }

    /// Time that [`Loader::next`] has waited in all.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// What was said of files that could not be read, since the last call: of each file once a run, whoever came across
    /// it.
    pub fn take_warnings(&mut self) -> Vec<String> {
        self.data.take_warnings()
    }

    /// Pictures that could not be read, counted as often as they came; [`DataSet::broken`] counts each once.
    pub fn broken(&self) -> usize {
        self.broken
    }

    fn count_broken(&mut self, broken: Vec<Unusable>, samples: usize) -> Result<(), DataError> {
        self.tried += samples + broken.len();
        self.broken += broken.len();
        let last = broken.last().map(|(_, text)| text.clone());
        for (index, text) in broken {
            self.data.note_broken(self.data.item(index).path(), text);
        }
        // A few broken ones at the start are no share of all.
        let seen_enough = self.tried >= self.data.len().min(64);
        let share = self.broken as f64 / self.tried.max(1) as f64;
        match last {
            Some(last) if seen_enough && share > self.max_broken => Err(DataError::Broken {
                broken: self.broken,
                tried: self.tried,
                last,
            }),
            _ => Ok(()),
        }
    }
}

impl<T> Drop for Loader<T> {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Its panic, if any, was told in a batch.
            let _ = thread.join();
        }
    }
}

struct Worker<F> {
    data: Arc<DataSet>,
    order: Order,
    settings: LoaderSettings,
    make: F,
    decoded: Decoded,
}

impl<F> Worker<F> {
    /// Makes samples until it is over.
    fn run<T, R: Outcome<T>>(&self, shared: &Shared<T>)
    where
        F: Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> R,
    {
        let mut places = (u64::MAX, Vec::new());
        while let Some((number, at)) = self.claim(shared) {
            let mut broken = Vec::new();
            // The consumer waits for this sample: a panic has to reach it as an error.
            let made = catch_unwind(AssertUnwindSafe(|| {
                if places.0 != number {
                    places = (number, self.order.batch(number));
                }
                self.sample(number, at, places.1[at], &mut broken)
            }));
            let made = made.unwrap_or_else(|panic| {
                Err(DataError::Thread {
                    reason: panic_text(&*panic),
                })
            });
            Self::deliver(shared, number, at, made, broken);
        }
    }

    /// The next sample that nobody makes yet, once there is room for its batch.
    fn claim<T>(&self, shared: &Shared<T>) -> Option<(u64, usize)> {
        let mut state = shared.lock();
        loop {
            if state.over {
                return None;
            }
            let (number, at) = state.cursor;
            if number < state.first + self.settings.ahead.max(1) as u64 {
                if at == 0 {
                    let count = self.order.batch_size();
                    state.slots.push_back(Slot {
                        samples: (0..count).map(|_| None).collect(),
                        left: count,
                        broken: Vec::new(),
                        error: None,
                    });
                }
                let count = state.slots.back().map_or(0, |slot| slot.samples.len());
                state.cursor = if at + 1 < count {
                    (number, at + 1)
                } else {
                    (number + 1, 0)
                };
                return Some((number, at));
            }
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn deliver<T>(
        shared: &Shared<T>,
        number: u64,
        at: usize,
        made: Made<T>,
        broken: Vec<Unusable>,
    ) {
        let mut state = shared.lock();
        // The batch may be gone after an error in it.
        let index = number.checked_sub(state.first);
        if let Some(slot) = index.and_then(|index| state.slots.get_mut(index as usize)) {
            slot.broken.extend(broken);
            slot.left -= 1;
            match made {
                Ok(sample) => slot.samples[at] = Some(sample),
                Err(error) => slot.error = Some(error),
            }
        }
        drop(state);
        shared.changed.notify_all();
    }

    /// The sample of a place, or of another picture where that one is of no use.
    fn sample<T, R: Outcome<T>>(
        &self,
        number: u64,
        at: usize,
        place: Place,
        broken: &mut Vec<Unusable>,
    ) -> Made<T>
    where
        F: Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> R,
    {
        let mut here = place;
        for attempt in 0..=ATTEMPTS {
            match self.attempt(here) {
                Ok(sample) => return Ok((here.index, sample)),
                Err(text) => broken.push((here.index, text)),
            }
            here = self.order.instead_of(number, at, attempt);
        }
        Err(DataError::Broken {
            broken: broken.len(),
            tried: broken.len(),
            last: broken.pop().map(|(_, text)| text).unwrap_or_default(),
        })
    }

    fn attempt<T, R: Outcome<T>>(&self, place: Place) -> Result<T, String>
    where
        F: Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> R,
    {
        let picture = self.picture(place.index)?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed ^ place.epoch);
        rng.set_stream(place.index as u64);
        let item = self.data.item(place.index);
        Outcome::<T>::outcome((self.make)(&picture, item, &mut rng))
    }

    fn picture(&self, index: usize) -> Result<Arc<RgbImage>, String> {
        let lock = || {
            self.decoded
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(picture) = lock().get(index) {
            return Ok(picture);
        }
        let picture = Picture::open(self.data.item(index).path()).map_err(|e| e.to_string())?;
        let picture = RgbImage::from_raw(
            picture.width(),
            picture.height(),
            picture.rgb_over([255; 3]),
        );
        let picture = Arc::new(picture.expect("a picture has three bytes a pixel"));
        lock().put(index, Arc::clone(&picture));
        Ok(picture)
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Decoded pictures of a data set that several loaders share.
#[derive(Clone, Debug)]
pub struct Decoded(Arc<Mutex<Cache>>);

impl Decoded {
    /// None yet, and at most so many bytes of them.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Cache::new(bytes))))
    }
}

/// Decoded pictures, until they take too much memory: those that came first stay, so that a collection that does not
/// fit is not thrown out picture by picture before each comes again.
#[derive(Debug)]
struct Cache {
    pictures: HashMap<usize, Arc<RgbImage>>,
    left: usize,
}

impl Cache {
    fn new(bytes: usize) -> Self {
        Self {
            pictures: HashMap::new(),
            left: bytes,
        }
    }

    fn get(&self, index: usize) -> Option<Arc<RgbImage>> {
        self.pictures.get(&index).cloned()
    }

    fn put(&mut self, index: usize, picture: Arc<RgbImage>) {
        let bytes = picture.as_raw().len();
        if bytes <= self.left && self.pictures.insert(index, picture).is_none() {
            self.left -= bytes;
        }
    }
}
