use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn runner() -> Runner {
    Runner::new(Options::new(|| {}))
}

fn spec(lane: Lane) -> Spec {
    Spec::new(lane, Title::new("test"))
}

/// A job that holds its thread until something is sent or the sender is gone, deaf to cancels.
fn deaf(runner: &Runner, spec: Spec) -> (Ticket<()>, Sender<()>) {
    let (go, gate) = channel::<()>();
    let (started, seen) = channel();
    let ticket = runner.submit(spec, move |_| {
        let _ = started.send(());
        let _ = gate.recv();
        Ok(())
    });
    seen.recv_timeout(LONG).unwrap();
    (ticket, go)
}

/// A job that says its name when it runs.
fn speaker(
    runner: &Runner,
    spec: Spec,
    name: &'static str,
    to: &Sender<&'static str>,
) -> Ticket<()> {
    let to = to.clone();
    runner.submit(spec, move |_| {
        let _ = to.send(name);
        Ok(())
    })
}

fn heard(from: &Receiver<&'static str>, count: usize) -> Vec<&'static str> {
    (0..count)
        .map(|_| from.recv_timeout(LONG).unwrap())
        .collect()
}

#[test]
fn an_outcome_is_handed_out_once() {
    let runner = runner();
    let done = runner.submit(spec(Lane::Files), |_| Ok(7));
    assert_eq!(done.wait(LONG), Poll::Done(7));
    assert_eq!(done.poll(), Poll::Over);
    let failed = runner.submit(spec(Lane::Files), |_| -> Result<(), _> {
        Err("seven".parse::<u8>().unwrap_err())?
    });
    let Poll::Failed(failure) = failed.wait(LONG) else {
        panic!("the job fails");
    };
    assert_eq!(failure, Failure::new("invalid digit found in string"));
    assert_eq!(failed.poll(), Poll::Over);
}

#[test]
fn priority_goes_first_and_then_age() {
    let runner = runner();
    let (busy, go) = deaf(&runner, spec(Lane::Network));
    let (to, from) = channel();
    let tickets: Vec<_> = [("low", -1), ("first", 0), ("second", 0), ("high", 5)]
        .map(|(name, priority)| {
            let spec = Spec {
                priority,
                ..spec(Lane::Network)
            };
            speaker(&runner, spec, name, &to)
        })
        .into();
    assert!(tickets.iter().all(|ticket| ticket.poll() == Poll::Waiting));
    drop(go);
    assert_eq!(heard(&from, 4), ["high", "first", "second", "low"]);
    assert_eq!(busy.wait(LONG), Poll::Done(()));
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let runner = runner();
    let busy: Vec<_> = [Lane::Decode, Lane::Network, Lane::Analysis, Lane::Transfer]
        .map(|lane| deaf(&runner, spec(lane)))
        .into();
    let free = runner.submit(spec(Lane::Files), |_| Ok(1));
    assert_eq!(free.wait(LONG), Poll::Done(1));
    let second = runner.submit(spec(Lane::Transfer), |_| Ok(2));
    assert_eq!(second.wait(LONG), Poll::Done(2), "two threads transfer");
    drop(busy);
}

#[test]
fn a_newer_job_takes_the_slot_from_a_waiting_and_from_a_running_one() {
    let runner = runner();
    let slotted = || Spec {
        slot: Some(Slot::new("view-3/features")),
        ..spec(Lane::Network)
    };
    let (running, go) = deaf(&runner, slotted());
    let waiting = runner.submit(slotted(), |_| Ok(1));
    assert_eq!(
        running.poll(),
        Poll::Cancelled,
        "told while its thread is still busy"
    );
    let newest = runner.submit(slotted(), |_| Ok(2));
    assert_eq!(waiting.poll(), Poll::Cancelled);
    let elsewhere = Spec {
        slot: Some(Slot::new("view-4/features")),
        ..spec(Lane::Network)
    };
    let other = runner.submit(elsewhere, |_| Ok(3));
    drop(go);
    assert_eq!(newest.wait(LONG), Poll::Done(2));
    assert_eq!(other.wait(LONG), Poll::Done(3));
}

#[test]
fn an_old_job_that_ends_late_leaves_the_slot_to_the_new_one() {
    let runner = runner();
    let slotted = |lane| Spec {
        slot: Some(Slot::new("one")),
        ..spec(lane)
    };
    let (_old, go_old) = deaf(&runner, slotted(Lane::Network));
    let (new, go_new) = deaf(&runner, slotted(Lane::Files));
    drop(go_old);
    // The lane is free again once the next job of it has run.
    let after = runner.submit(spec(Lane::Network), |_| Ok(()));
    assert_eq!(after.wait(LONG), Poll::Done(()));
    let newest = runner.submit(slotted(Lane::Analysis), |_| Ok(()));
    assert_eq!(new.poll(), Poll::Cancelled);
    assert_eq!(newest.wait(LONG), Poll::Done(()));
    drop(go_new);
}

#[test]
fn cancel_is_told_at_once_even_if_the_work_is_deaf() {
    let runner = runner();
    let (ticket, go) = deaf(&runner, spec(Lane::Network));
    let start = Instant::now();
    ticket.cancel();
    assert_eq!(ticket.poll(), Poll::Cancelled);
    assert!(
        start.elapsed() < Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(runner.active()[0].state, State::Stopping);
    assert!(
        !runner.cancel(ticket.id()),
        "there is nothing left to cancel"
    );
    drop(go);
    assert_eq!(ticket.wait(LONG), Poll::Over);
    let after = runner.submit(spec(Lane::Network), |_| Ok(()));
    assert_eq!(after.wait(LONG), Poll::Done(()));
    assert_eq!(ticket.poll(), Poll::Over, "the late result is thrown away");
}

#[test]
fn a_cancelled_job_that_fails_is_cancelled_and_one_that_stops_by_itself_too() {
    let runner = runner();
    let (started, seen) = channel();
    let ticket = runner.submit(spec(Lane::Network), move |cx| -> Result<(), _> {
        started.send(()).unwrap();
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
        Err(Failure::new("the device is gone"))?
    });
    seen.recv_timeout(LONG).unwrap();
    assert!(runner.cancel(ticket.id()));
    assert_eq!(ticket.wait(LONG), Poll::Cancelled);
    let own = runner.submit(spec(Lane::Network), |_| -> Result<(), _> {
        Err(JobError::Cancelled)
    });
    assert_eq!(own.wait(LONG), Poll::Cancelled);
}

#[test]
fn a_waiting_job_that_is_cancelled_never_runs_and_frees_what_it_holds() {
    let runner = runner();
    let (_busy, _go) = deaf(&runner, spec(Lane::Network));
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let ticket = runner.submit(spec(Lane::Network), move |_| {
        drop(kept);
        panic!("this job was cancelled before it ran")
    });
    let ticket: Ticket<()> = ticket;
    assert_eq!(runner.active().len(), 2);
    ticket.cancel();
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!(runner.active().len(), 1);
    assert_eq!(ticket.poll(), Poll::Cancelled);
}

#[test]
fn a_panic_is_a_failure_and_the_thread_goes_on() {
    let runner = runner();
    let ticket = runner.submit(spec(Lane::Analysis), |_| -> Result<(), _> {
        panic!("layers: [9] asked for, network has 3")
    });
    let Poll::Failed(failure) = ticket.wait(LONG) else {
        panic!("the job fails");
    };
    let expected = "the job crashed: layers: [9] asked for, network has 3";
    assert_eq!(failure.message, expected);
    let after = runner.submit(spec(Lane::Analysis), |_| Ok(1));
    assert_eq!(after.wait(LONG), Poll::Done(1));
}

#[test]
fn dropping_a_ticket_cancels_unless_it_is_detached() {
    let runner = runner();
    let (to, from) = channel();
    let (busy, go) = deaf(&runner, spec(Lane::Files));
    drop(speaker(&runner, spec(Lane::Files), "dropped", &to));
    speaker(&runner, spec(Lane::Files), "detached", &to).detach();
    drop(go);
    assert_eq!(heard(&from, 1), ["detached"]);
    drop(busy);
    drop(to);
    drop(runner);
    assert!(from.recv().is_err(), "the dropped one never spoke");
}

#[test]
fn dropping_the_runner_cancels_everything_and_does_not_wait_for_the_deaf() {
    let patience = Duration::from_millis(100);
    let runner = Runner::new(Options {
        patience,
        ..Options::new(|| {})
    });
    let (running, _go) = deaf(&runner, spec(Lane::Network));
    let waiting = runner.submit(spec(Lane::Network), |_| Ok(()));
    let start = Instant::now();
    drop(runner);
    assert!(
        start.elapsed() < patience + Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(running.poll(), Poll::Cancelled);
    assert_eq!(waiting.poll(), Poll::Cancelled);
}

#[test]
fn dropping_an_idle_runner_takes_no_time() {
    let runner = runner();
    let done = runner.submit(spec(Lane::Decode), |_| Ok(()));
    assert_eq!(done.wait(LONG), Poll::Done(()));
    let start = Instant::now();
    drop(runner);
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn progress_wakes_at_most_twenty_times_a_second_and_its_last_word_is_not_lost() {
    let wakes: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let log = Arc::clone(&wakes);
    let runner = Runner::new(Options::new(move || {
        log.lock().unwrap().push(Instant::now());
    }));
    let start = Instant::now();
    let (told, last) = channel();
    let (go, gate) = channel::<()>();
    let ticket = runner.submit(spec(Lane::Files), move |cx| {
        let start = Instant::now();
        let mut done = 0;
        while start.elapsed() < Duration::from_millis(520) {
            done += 1;
            cx.progress(done, 1 << 40, Unit::Bytes);
        }
        told.send((done, Instant::now())).unwrap();
        let _ = gate.recv();
        Ok(())
    });
    let (done, at) = last.recv_timeout(LONG).unwrap();
    // No job, no outcome: only the last progress is left to wake for, and it has 50 ms to do so.
    let (_quiet, wait) = channel::<()>();
    assert!(wait.recv_timeout(Duration::from_millis(150)).is_err());
    let woken = wakes.lock().unwrap().clone();
    assert!(
        *woken.last().unwrap() + Duration::from_millis(1) > at,
        "the last progress woke"
    );
    let most = start.elapsed().as_millis() / 50 + 2;
    assert!(
        woken.len() as u128 <= most,
        "{} wakes, {most} allowed",
        woken.len()
    );
    assert!(woken.len() > 5, "{} wakes", woken.len());
    assert!(done > 1000, "{done} calls: each is cheap");
    let Poll::Running(progress) = ticket.poll() else {
        panic!("the job still runs");
    };
    assert_eq!((progress.done, progress.total), (done, Some(1 << 40)));
    drop(go);
    assert_eq!(ticket.wait(LONG), Poll::Done(()));
    let before = Instant::now();
    while wakes.lock().unwrap().len() == woken.len() {
        assert!(before.elapsed() < LONG, "every outcome wakes");
        std::thread::yield_now();
    }
}

#[test]
fn a_job_pauses_at_its_checkpoints_and_goes_on() {
    let runner = runner();
    let steps = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&steps);
    let pausable = Spec {
        pausable: true,
        ..spec(Lane::Transfer)
    };
    let ticket = runner.submit(pausable, move |cx| -> Result<(), _> {
        loop {
            cx.checkpoint()?;
            count.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
        }
    });
    let id = ticket.id();
    let state = || runner.active()[0].state;
    let until = |wanted: State| {
        let start = Instant::now();
        while state() != wanted {
            assert!(start.elapsed() < LONG, "{:?}, expected {wanted:?}", state());
            std::thread::yield_now();
        }
    };
    until(State::Running);
    assert!(runner.pause(id));
    until(State::Paused);
    let before = steps.load(Ordering::SeqCst);
    let elapsed = runner.active()[0].elapsed;
    let (_quiet, wait) = channel::<()>();
    assert!(wait.recv_timeout(Duration::from_millis(30)).is_err());
    assert_eq!(steps.load(Ordering::SeqCst), before);
    assert!(
        runner.active()[0].elapsed < elapsed + Duration::from_millis(10),
        "pauses do not count"
    );
    assert!(runner.resume(id));
    until(State::Running);
    assert!(runner.pause(id));
    until(State::Paused);
    ticket.cancel();
    assert_eq!(ticket.poll(), Poll::Cancelled);
    let after = runner.submit(spec(Lane::Transfer), |_| Ok(()));
    assert_eq!(after.wait(LONG), Poll::Done(()));
    assert!(!runner.pause(id), "it is over");
}

#[test]
fn a_waiting_job_that_is_paused_lets_others_pass() {
    let runner = runner();
    let (to, from) = channel();
    let (_busy, go) = deaf(&runner, spec(Lane::Files));
    let first = speaker(&runner, spec(Lane::Files), "first", &to);
    let _second = speaker(&runner, spec(Lane::Files), "second", &to);
    assert!(runner.pause(first.id()));
    drop(go);
    assert_eq!(heard(&from, 1), ["second"]);
    assert!(runner.resume(first.id()));
    assert_eq!(heard(&from, 1), ["first"]);
}

#[test]
fn the_list_shows_what_is_not_hidden() {
    let runner = runner();
    let title = Title::new("job-features")
        .text("model", "vits16")
        .number("pictures", 3.0);
    let (_seen, _go) = deaf(&runner, Spec::new(Lane::Network, title.clone()));
    let hidden = Spec {
        visible: Visibility::Hidden,
        ..spec(Lane::Files)
    };
    let (_unseen, _go_too) = deaf(&runner, hidden);
    let active = runner.active();
    assert_eq!(active.len(), 1);
    assert_eq!(
        (&active[0].title, active[0].state),
        (&title, State::Running)
    );
    assert!(!runner.is_idle());
}

#[test]
fn thousands_of_jobs_from_many_threads_all_end_once() {
    let outcomes = Arc::new(AtomicUsize::new(0));
    let runner = runner();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (runner, outcomes) = (&runner, Arc::clone(&outcomes));
            scope.spawn(move || {
                let submit = |i: usize| {
                    let lane = Lane::ALL[i % Lane::ALL.len()];
                    let slot = (i.is_multiple_of(7)).then(|| Slot::new(format!("slot {}", i % 3)));
                    let priority = i32::from(i.is_multiple_of(5));
                    let spec = Spec {
                        slot,
                        priority,
                        ..spec(lane)
                    };
                    runner.submit(spec, move |_| {
                        if i.is_multiple_of(11) {
                            panic!("eleventh")
                        } else {
                            Ok(i)
                        }
                    })
                };
                let tickets: Vec<_> = (thread * 500..(thread + 1) * 500).map(submit).collect();
                for ticket in tickets.iter().step_by(13) {
                    ticket.cancel();
                }
                for ticket in tickets {
                    assert!(ticket.wait(LONG).is_outcome());
                    assert_eq!(ticket.poll(), Poll::Over);
                    outcomes.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(outcomes.load(Ordering::SeqCst), 2000);
}

#[test]
fn the_owner_may_cancel_while_it_holds_what_its_wake_needs() {
    let held = Arc::new(Mutex::new(0));
    let wake = Arc::clone(&held);
    let runner = Runner::new(Options::new(move || *wake.lock().unwrap() += 1));
    let (ticket, _go) = deaf(&runner, spec(Lane::Network));
    let before = {
        let count = held.lock().unwrap();
        ticket.cancel();
        *count
    };
    let start = Instant::now();
    while *held.lock().unwrap() == before {
        assert!(start.elapsed() < LONG, "the cancel wakes");
        std::thread::yield_now();
    }
}

#[test]
fn parallel_parts_of_a_picture_stay_on_its_thread() {
    use rayon::prelude::*;
    let runner = runner();
    let sum = |_: &JobContext| {
        let sum: u64 = (0..1000_u64).into_par_iter().sum();
        Ok((rayon::current_num_threads(), sum))
    };
    let decoded = runner.submit(spec(Lane::Decode), sum);
    assert_eq!(decoded.wait(LONG), Poll::Done((1, 499_500)));
    for lane in [Lane::Network, Lane::Analysis] {
        let Poll::Done((threads, sum)) = runner.submit(spec(lane), sum).wait(LONG) else {
            panic!("the job ends");
        };
        assert!(threads >= 1 && sum == 499_500);
    }
}
