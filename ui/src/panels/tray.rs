//! What runs in the background: the first job, or a list of them, with progress, pause and cancel.

use std::time::{Duration, Instant};

use dinoscope_jobs::runner::{Arg, Progress, State as JobState, Status, Title, Unit};
use egui::{Frame, Panel, ScrollArea, Stroke, Ui};

use crate::cx::Cx;
use crate::icons;
use crate::text::{self, Text, Value, tr, tr_with};
use crate::theme;
use crate::widgets::{Button, ProgressRow};

/// Height of a job, and most jobs that are seen at once.
const ROW: f32 = 44.0;
const MOST_ROWS: usize = 5;
/// Work that is over sooner than this is not worth a tray that comes and goes.
const DELAY: Duration = Duration::from_millis(400);

/// What the tray keeps between frames.
#[derive(Debug, Default)]
pub struct State {
    /// The jobs of this frame.
    jobs: Vec<Status>,
    /// When the first of them was seen.
    since: Option<Instant>,
}

impl State {
    /// The jobs that run, as they were at the start of this frame.
    pub fn jobs(&self) -> &[Status] {
        &self.jobs
    }

    /// Height that it takes from the bottom of the window, in points.
    pub fn height(&self, expanded: bool) -> f32 {
        if self.since.is_none_or(|since| since.elapsed() < DELAY) {
            return 0.0;
        }
        let rows = if expanded {
            self.jobs.len().min(MOST_ROWS)
        } else {
            1
        };
        ROW * rows as f32
    }

    fn take(&mut self, jobs: Vec<Status>) {
        self.since = if jobs.is_empty() {
            None
        } else {
            self.since.or_else(|| Some(Instant::now()))
        };
        self.jobs = jobs;
    }
}

/// Asks for the jobs, once a frame; whether there is something to show.
pub fn is_needed(cx: &mut Cx<'_>) -> bool {
    let jobs = cx.session.runner.active();
    cx.state.tray.take(jobs);
    cx.state.tray.height(false) > 0.0
}

/// Takes a strip from the bottom of `ui`: 44 high for the first job, more for the list.
pub fn tray_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let expanded = cx.state.panels.jobs;
    let height = cx.state.tray.height(expanded);
    let frame = Frame::new().fill(theme::palette(ui).panel);
    Panel::bottom("job-tray")
        .exact_size(height)
        .frame(frame)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let jobs = std::mem::take(&mut cx.state.tray.jobs);
            let shown = if expanded {
                &jobs[..]
            } else {
                &jobs[..jobs.len().min(1)]
            };
            ScrollArea::vertical()
                .min_scrolled_height(ROW)
                .auto_shrink(false)
                .show(ui, |ui| {
                    for (place, job) in shown.iter().enumerate() {
                        row_ui(ui, cx, job, (place, jobs.len()));
                    }
                });
            cx.state.tray.jobs = jobs;
        });
}

/// One job with its buttons.
fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, job: &Status, (place, all): (usize, usize)) {
    if place > 0 {
        let top = ui.cursor().top();
        ui.painter().hline(
            ui.max_rect().x_range(),
            top,
            Stroke::new(1.0, theme::palette(ui).line),
        );
    }
    let (name, detail) = (title(ui, &job.title), detail(ui, job, all));
    let left = job
        .eta
        .filter(|_| job.state == JobState::Running)
        .map(|eta| time_left(ui, eta));
    let numbers = count(ui, job.progress);
    ui.push_id(("job", job.id), |ui| {
        ProgressRow::new(name, detail, job.progress.fraction())
            .numbers(numbers, left.unwrap_or_default())
            .show(ui, |ui| buttons_ui(ui, cx, job, (place, all)));
    });
}

/// Pause, cancel, and on the first job the button that shows the others.
fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, job: &Status, (place, all): (usize, usize)) {
    if place == 0 {
        let open = cx.state.panels.jobs;
        let (icon, id) = if open {
            (icons::CARET_DOWN, "jobs-less")
        } else {
            (icons::CARET_UP, "jobs-more")
        };
        if all > 1 || open {
            if ui.add(Button::icon_only(icon, tr(ui, id))).clicked() {
                cx.state.panels.jobs = !open;
            }
        } else {
            ui.add_space(28.0);
        }
    } else {
        ui.add_space(28.0);
    }
    let roomy = ui.available_width() > 560.0;
    let button = |icon, id: &str| {
        let words = tr(ui, id);
        if roomy {
            Button::new(words).icon(icon)
        } else {
            Button::icon_only(icon, words)
        }
    };
    let stopping = job.state == JobState::Stopping;
    let (cancel, pause) = (
        button(icons::X, "jobs-cancel"),
        button(icons::PAUSE, "jobs-pause"),
    );
    let resume = button(icons::PLAY, "jobs-resume");
    let reason = stopping.then(|| tr(ui, "jobs-stopping"));
    if ui.add(cancel.disabled_because(reason)).clicked() {
        cx.session.runner.cancel(job.id);
    }
    if matches!(job.state, JobState::Paused | JobState::Pausing) {
        if ui.add(resume).clicked() {
            cx.session.runner.resume(job.id);
        }
    } else if job.pausable && !stopping && ui.add(pause).clicked() {
        cx.session.runner.pause(job.id);
    }
}

/// A job's name in the language of the window.
pub fn title(ui: &Ui, title: &Title) -> Text {
    let values: Vec<(&str, Value<'_>)> = title
        .args
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Arg::Text(text) => Value::from(text.as_str()),
                Arg::Message(id) => Value::from(tr(ui, id).to_string()),
                Arg::Number(number) => Value::from(*number),
            };
            (&**name, value)
        })
        .collect();
    tr_with(ui, &title.id, &values)
}

/// What a job is doing and what else waits.
fn detail(ui: &Ui, job: &Status, all: usize) -> Text {
    let state = match job.state {
        JobState::Waiting => "jobs-waiting",
        JobState::Running => "jobs-running",
        JobState::Pausing => "jobs-pausing",
        JobState::Paused => "jobs-paused",
        JobState::Stopping => "jobs-stopping",
    };
    let elapsed = duration(ui, job.elapsed);
    let state = tr_with(ui, state, &[("time", elapsed.into())]);
    if all > 1 {
        let more = tr_with(ui, "jobs-others", &[("count", (all - 1).into())]);
        Text::from(format!("{state} · {more}"))
    } else {
        state
    }
}

/// How far a job is, in what it counts: "24 of 38", "12 MB of 86 MB".
fn count(ui: &Ui, progress: Progress) -> Text {
    let number = |number: u64| match progress.unit {
        Unit::Bytes => text::bytes(number),
        _ => text::count(ui, number),
    };
    match progress.total {
        Some(total) if total > 0 => {
            let values = [
                ("done", number(progress.done).into()),
                ("total", number(total).into()),
            ];
            tr_with(ui, "jobs-progress", &values)
        }
        _ if progress.done > 0 => Text::from(number(progress.done)),
        _ => Text::default(),
    }
}

fn time_left(ui: &Ui, left: Duration) -> Text {
    tr_with(
        ui,
        "jobs-left",
        &[("time", duration(ui, rounded(left)).into())],
    )
}

/// A guess is no exact number: seconds by fives from 20 on, by tens from 60 on.
fn rounded(left: Duration) -> Duration {
    let secs = left.as_secs() + 1;
    let step = match secs {
        0..20 => 1,
        20..60 => 5,
        _ => 10,
    };
    Duration::from_secs(secs.div_ceil(step) * step)
}

/// "40 s", "3 min", "2 h 5 min".
fn duration(ui: &Ui, time: Duration) -> String {
    let secs = time.as_secs();
    let [hours, minutes] = [secs / 3600, secs / 60 % 60];
    let text = match secs {
        0..100 => tr_with(ui, "jobs-seconds", &[("count", secs.into())]),
        100..3600 => tr_with(ui, "jobs-minutes", &[("count", secs.div_ceil(60).into())]),
        _ => tr_with(
            ui,
            "jobs-hours",
            &[("hours", hours.into()), ("minutes", minutes.into())],
        ),
    };
    text.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_told_in_round_numbers() {
        let told = |secs| rounded(Duration::from_secs(secs)).as_secs();
        assert_eq!([0, 7, 19, 41, 61].map(told), [1, 8, 20, 45, 70]);
    }

    #[test]
    fn the_tray_waits_before_it_comes_and_goes_at_once() {
        let mut state = State::default();
        assert!(state.height(false).abs() < f32::EPSILON);
        state.since = Instant::now().checked_sub(DELAY);
        assert!((state.height(false) - ROW).abs() < f32::EPSILON);
        state.take(Vec::new());
        assert!(state.height(false).abs() < f32::EPSILON);
    }
}
