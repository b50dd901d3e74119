//! Threads and queues.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::context::JobContext;
use super::error::{Failure, JobError};
use super::job::{Job, Phase, Verdict};
use super::lane::Lane;
use super::notify::{Notify, Wake};
use super::spec::{JobId, Slot, Spec, Visibility};
use super::status::Status;
use super::ticket::{Parcel, Ticket};

/// How a [`Runner`] works.
#[derive(Clone)]
pub struct Options {
    /// Called from a thread of the runner's own after every outcome; after progress too, at most 20 times a second.
    pub wake: Wake,
    /// Threads of each lane, in the order of [`Lane::ALL`].
    pub threads: [usize; 5],
    /// Longest time that dropping the runner waits for threads that are busy.
    pub patience: Duration,
}

impl Options {
    /// All cores but one decode, at least one; two threads transfer; the other lanes have one thread.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            wake: Arc::new(wake),
            threads: [(cores - 1).max(1), 1, 1, 1, 2],
            patience: Duration::from_secs(2),
        }
    }
}

/// Runs jobs. Dropping it cancels them all.
pub struct Runner {
    pool: Arc<Pool>,
    threads: Vec<JoinHandle<()>>,
    patience: Duration,
}

impl Runner {
    /// Starts the threads. Where the system refuses one, the lane has fewer; a lane without any fails its jobs.
    pub fn new(options: Options) -> Self {
        let pool = Arc::new(Pool {
            notify: Arc::new(Notify::new(options.wake)),
            state: Mutex::default(),
            work: Default::default(),
            ended: Condvar::new(),
        });
        let mut threads = Vec::new();
        let caller = Arc::clone(&pool);
        pool.state().notifying = true;
        match start("notify".into(), move || caller.notify()) {
            Some(thread) => threads.push(thread),
            None => pool.state().notifying = false,
        }
        for lane in Lane::ALL {
            let hands = Hands::of(lane);
            for number in 0..options.threads[lane.index()].max(1) {
                let name = format!("{} {number}", lane.name());
                let (worker, hands) = (Arc::clone(&pool), hands.clone());
                pool.state().alive[lane.index()] += 1;
                match start(name, move || hands.run(|| worker.work(lane))) {
                    Some(thread) => threads.push(thread),
                    None => pool.state().alive[lane.index()] -= 1,
                }
            }
        }
        Self {
            pool,
            threads,
            patience: options.patience,
        }
    }

    /// Queues `work`. An older job in the same slot is cancelled.
    pub fn submit<T: Send + 'static>(
        &self,
        spec: Spec,
        work: impl FnOnce(&JobContext) -> Result<T, JobError> + Send + 'static,
    ) -> Ticket<T> {
        let parcel = Parcel::default();
        let task = wrapped(work, Arc::clone(&parcel));
        let job = self.pool.submit(spec, task);
        Ticket::new(job, Arc::clone(&self.pool), parcel)
    }

    /// The listed jobs that are not over, oldest first.
    pub fn active(&self) -> Vec<Status> {
        let jobs: Vec<Arc<Job>> = self.pool.state().jobs.values().cloned().collect();
        jobs.iter()
            .filter(|job| job.spec.visible == Visibility::Tray)
            .filter_map(|job| job.status())
            .collect()
    }

    /// Whether every job, listed or not, is over and no thread is busy.
    pub fn is_idle(&self) -> bool {
        self.pool.state().jobs.is_empty()
    }

    /// Cancels a job; `false` if it is over.
    pub fn cancel(&self, id: JobId) -> bool {
        let job = self.pool.find(id);
        job.is_some_and(|job| self.pool.cancel(&job))
    }

    /// Asks a job to pause; `false` if it is over, being cancelled, or cannot.
    pub fn pause(&self, id: JobId) -> bool {
        self.set_paused(id, true)
    }

    /// Lets a paused job go on; `false` if it is over, being cancelled, or cannot be paused.
    pub fn resume(&self, id: JobId) -> bool {
        self.set_paused(id, false)
    }

    fn set_paused(&self, id: JobId, paused: bool) -> bool {
        let Some(job) = self.pool.find(id) else {
            return false;
        };
        let mut live = job.live();
        let can = live.phase == Phase::Waiting || job.spec.pausable;
        if live.verdict != Verdict::Open || !can {
            return false;
        }
        live.pause_asked = paused;
        drop(live);
        job.announce();
        self.pool.rouse(job.spec.lane);
        self.pool.notify.progress();
        true
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.pool.close();
        let end = Instant::now() + self.patience;
        let mut state = self.pool.state();
        while state.is_busy() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!("a job does not stop; its thread is left behind");
                break;
            }
            let waited = self.pool.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let all_ended = !state.is_busy();
        drop(state);
        for thread in self.threads.drain(..) {
            if (all_ended || thread.is_finished()) && thread.join().is_err() {
                tracing::error!("a thread of the runner crashed");
            }
        }
    }
}

/// A job's work, with the type of its result forgotten. `true` if it settled the outcome.
type Task = Box<dyn FnOnce(&JobContext) -> bool + Send>;

/// Work without a thread: the highest priority first, then the oldest.
type Waiting = BTreeMap<(Reverse<i32>, JobId), (Arc<Job>, Task)>;

/// Runs `work`, catches its panic, and leaves the result unless the job was cancelled meanwhile.
fn wrapped<T: Send + 'static>(
    work: impl FnOnce(&JobContext) -> Result<T, JobError> + Send + 'static,
    parcel: Parcel<T>,
) -> Task {
    Box::new(move |cx| {
        let result = match catch_unwind(AssertUnwindSafe(|| work(cx))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(JobError::Failed(failure))) => Err(failure),
            Ok(Err(JobError::Cancelled)) => return cx.job.settle(Verdict::Cancelled),
            Err(panic) => Err(Failure::of_panic(&*panic)),
        };
        if let Err(failure) = &result
            && cx.job.live().detached
        {
            let job = &cx.job.spec.title.id;
            tracing::warn!(%job, message = failure.message, "job failed");
        }
        // The parcel is in place before anyone is told of it, and is thrown away if a cancel came first.
        *parcel.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        let told = cx.job.settle(Verdict::Finished);
        if !told {
            let late = parcel.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(late);
        }
        told
    })
}

/// What the runner, its threads and the tickets share.
pub(super) struct Pool {
    notify: Arc<Notify>,
    state: Mutex<Queues>,
    /// Told of new work, one a lane.
    work: [Condvar; 5],
    /// Told when a thread ends.
    ended: Condvar,
}

#[derive(Default)]
struct Queues {
    /// Waiting work of each lane.
    waiting: [Waiting; 5],
    /// Every job that waits or has a thread.
    jobs: BTreeMap<JobId, Arc<Job>>,
    slots: HashMap<Slot, JobId>,
    /// Threads of each lane.
    alive: [usize; 5],
    /// Whether the thread that wakes the owner lives.
    notifying: bool,
    last_id: u64,
    closed: bool,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, Queues> {
        // Work runs and is dropped outside of the lock; what happens under it does not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: JobId) -> Option<Arc<Job>> {
        self.state().jobs.get(&id).cloned()
    }

    fn submit(&self, spec: Spec, task: Task) -> Arc<Job> {
        let lane = spec.lane;
        let mut state = self.state();
        state.last_id += 1;
        let job = Arc::new(Job::new(JobId(state.last_id), spec));
        if state.alive[lane.index()] == 0 {
            drop(state);
            job.settle(Verdict::Refused);
            self.notify.outcome();
            return job;
        }
        let older = job
            .spec
            .slot
            .clone()
            .and_then(|slot| state.slots.insert(slot, job.id));
        let older = older.and_then(|id| state.jobs.get(&id).cloned());
        state.jobs.insert(job.id, Arc::clone(&job));
        state.waiting[lane.index()].insert(place(&job), (Arc::clone(&job), task));
        drop(state);
        self.work[lane.index()].notify_one();
        if let Some(older) = older {
            self.cancel(&older);
        }
        self.notify.progress();
        job
    }

    /// Tells the outcome at once; takes waiting work out of its queue. `false` if the job is over.
    pub(super) fn cancel(&self, job: &Arc<Job>) -> bool {
        let settled = job.settle(Verdict::Cancelled);
        if !settled {
            return false;
        }
        let mut state = self.state();
        let task = state.waiting[job.spec.lane.index()].remove(&place(job));
        if task.is_some() {
            state.forget(job);
        }
        drop(state);
        drop(task);
        self.notify.outcome();
        true
    }

    /// Makes the threads of a lane look again.
    fn rouse(&self, lane: Lane) {
        let _state = self.state();
        self.work[lane.index()].notify_all();
    }

    /// Cancels everything and lets the threads end.
    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let jobs: Vec<Arc<Job>> = state.jobs.values().cloned().collect();
        drop(state);
        for job in &jobs {
            self.cancel(job);
        }
        for lane in Lane::ALL {
            self.rouse(lane);
        }
        self.notify.close();
    }

    /// What the thread that wakes the owner does until the runner is dropped.
    fn notify(&self) {
        self.notify.run();
        self.state().notifying = false;
        self.ended.notify_all();
    }

    /// What a thread of `lane` does until the runner is dropped.
    fn work(&self, lane: Lane) {
        while let Some((job, task)) = self.next(lane) {
            let cx = JobContext {
                job: Arc::clone(&job),
                notify: Arc::clone(&self.notify),
            };
            self.notify.progress();
            let told = task(&cx);
            job.live().phase = Phase::Ended;
            self.state().forget(&job);
            if told {
                self.notify.outcome();
            } else {
                self.notify.progress();
            }
        }
        self.state().alive[lane.index()] -= 1;
        self.ended.notify_all();
    }

    /// The next job of a lane, started; waits for one, and ends with the runner.
    fn next(&self, lane: Lane) -> Option<(Arc<Job>, Task)> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some((job, task)) = state.take(lane) {
                if job.start() {
                    return Some((job, task));
                }
                // Cancelled on the way out of the queue.
                state.forget(&job);
                drop(state);
                drop(task);
                state = self.state();
                continue;
            }
            let waited = self.work[lane.index()].wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queues {
    /// The first of a lane's jobs that is not paused.
    fn take(&mut self, lane: Lane) -> Option<(Arc<Job>, Task)> {
        let waiting = &mut self.waiting[lane.index()];
        let ready = waiting.iter().find(|(_, (job, _))| !job.live().pause_asked);
        let place = *ready?.0;
        waiting.remove(&place)
    }

    fn is_busy(&self) -> bool {
        self.notifying || self.alive.iter().any(|&threads| threads > 0)
    }

    fn forget(&mut self, job: &Job) {
        self.jobs.remove(&job.id);
        if let Some(slot) = &job.spec.slot
            && self.slots.get(slot) == Some(&job.id)
        {
            self.slots.remove(slot);
        }
    }
}

fn place(job: &Job) -> (Reverse<i32>, JobId) {
    (Reverse(job.spec.priority), job.id)
}

/// Where the parallel parts of a lane's work run: a long network on the common threads must not hold up the others.
#[derive(Clone)]
enum Hands {
    /// On the threads that all share.
    Common,
    /// On threads of the lane's own.
    Own(Arc<ThreadPool>),
    /// On the thread of the job alone: many jobs are parallel enough.
    Single,
}

impl Hands {
    fn of(lane: Lane) -> Self {
        match lane {
            Lane::Decode => Self::Single,
            Lane::Analysis => {
                let pool = ThreadPoolBuilder::new().thread_name(|i| format!("analysis part {i}"));
                pool.build()
                    .map_or(Self::Common, |pool| Self::Own(Arc::new(pool)))
            }
            Lane::Network | Lane::Files | Lane::Transfer => Self::Common,
        }
    }

    /// Runs all that a thread of the lane does.
    fn run(&self, work: impl FnOnce() + Send) {
        match self {
            Self::Common => work(),
            Self::Own(pool) => pool.install(work),
            Self::Single => {
                let single = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
                // The pool has to live as long as the work; without one the common threads help.
                let _single = single.build();
                work();
            }
        }
    }
}

/// A named thread, or nothing where the system refuses one.
fn start(name: String, run: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    match Builder::new().name(name).spawn(run) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::error!(%error, "no thread for background work");
            None
        }
    }
}
