//! How fast the window is: `cargo bench -p dinoscope-ui --bench explorer`.
//!
//! The real explorer without a window, on software Vulkan where there is no card: the code of the panels alone is timed,
//! not the drawing of the frame. 2,000 pictures are in the library and four views are open.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dinoscope_jobs::runner::{Lane, Options, Poll, Runner, Spec, Title};
use dinoscope_ui::commands::Command;
use dinoscope_ui::cx::Request;
use dinoscope_ui::document::{PictureId, ViewKind};
use egui::vec2;

#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/explorer/room.rs"]
mod room;

use room::{Room, photo};

/// Pictures in the library.
const PICTURES: usize = 2000;
/// Frames of a series.
const FRAMES: usize = 200;

/// Median and 95th percentile in milliseconds.
fn told(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    (at(50), at(95))
}

fn line(name: &str, times: Vec<Duration>, driver: Option<Vec<Duration>>, target: &str) {
    let (median, high) = told(times);
    let driver = driver.map_or(String::new(), |times| format!("{:.2} ms", told(times).0));
    println!("| {name} | {median:.2} ms | {high:.2} ms | {driver} | {target} |");
}

/// Many small pictures in a folder.
fn fill(folder: &std::path::Path) -> PathBuf {
    let below = folder.join("many");
    std::fs::create_dir_all(&below).unwrap();
    for number in 0..PICTURES {
        let pixel = |x: u32, y: u32| {
            image::Rgb([
                (x * 9 + number as u32) as u8,
                (y * 7) as u8,
                (number % 251) as u8,
            ])
        };
        image::RgbImage::from_fn(48, 36, pixel)
            .save(below.join(format!("{number:05}.png")))
            .unwrap();
    }
    below
}

/// Times of the window's code while `change` does something before each frame, and those within the driver, that come on
/// top: a software driver draws the frame before on these cores, and its caller waits for that.
fn frames(
    room: &mut Room,
    mut change: impl FnMut(&mut Room, usize),
) -> (Vec<Duration>, Vec<Duration>) {
    (0..FRAMES)
        .map(|at| {
            change(room, at);
            let before = room.app().session().display.gpu().submitting();
            room.harness.step();
            let session = room.app().session();
            let driver = session.display.gpu().submitting().saturating_sub(before);
            (session.times.frame.saturating_sub(driver), driver)
        })
        .unzip()
}

/// Time from a cancel to the moment at which its owner knows, while a job does not look at it.
fn cancel_latency() -> Vec<Duration> {
    let runner = Runner::new(Options::new(|| {}));
    (0..20)
        .map(|_| {
            let (started, begins) = std::sync::mpsc::channel();
            let (release, waits) = std::sync::mpsc::channel::<()>();
            let ticket = runner.submit(
                Spec::new(Lane::Network, Title::new("job-features")),
                move |_| {
                    started.send(()).ok();
                    waits.recv_timeout(Duration::from_millis(300)).ok();
                    Ok(())
                },
            );
            begins.recv().unwrap();
            let start = Instant::now();
            ticket.cancel();
            while !matches!(ticket.poll(), Poll::Cancelled) {
                std::thread::yield_now();
            }
            let took = start.elapsed();
            release.send(()).ok();
            took
        })
        .collect()
}

fn main() {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let many = fill(folder.path());
    println!("| what | median | 95 % | driver, median | target |\n|---|---:|---:|---:|---|");
    let start = Instant::now();
    let mut room = Room::new(&[photo("chelsea.png"), photo("astronaut.png")]);
    println!(
        "| from the start to features on the screen | {:.0} ms | | | |",
        start.elapsed().as_secs_f64() * 1e3
    );
    room.app_mut().request(Request::Open(vec![many]));
    room.settle();
    let pictures: Vec<PictureId> = room
        .app()
        .document()
        .library
        .iter()
        .map(|(id, _)| id)
        .collect();
    assert!(pictures.len() >= PICTURES, "{} pictures", pictures.len());
    for picture in &pictures[..2] {
        room.app_mut()
            .request(Request::Show(ViewKind::Pca, *picture));
        room.settle();
    }
    assert_eq!(room.app().document().views.len(), 4);
    let (own, driver) = frames(&mut room, |_, _| {});
    line(
        "a frame in which nothing changes",
        own,
        Some(driver),
        "2 ms",
    );
    let middle = room.middle();
    let (own, driver) = frames(&mut room, |room, at| {
        let angle = at as f32 * 0.1;
        room.harness
            .hover_at(middle + vec2(angle.cos(), angle.sin()) * 90.0);
    });
    line(
        "a frame with the pointer over PCA",
        own,
        Some(driver),
        "2 ms",
    );
    room.run(Command::ViewSimilarity);
    let middle = room.middle();
    let (own, driver) = frames(&mut room, |room, at| {
        let angle = at as f32 * 0.1;
        room.harness
            .hover_at(middle + vec2(angle.cos(), angle.sin()) * 90.0);
    });
    line(
        "a frame with the pointer over similarity",
        own,
        Some(driver),
        "2 ms",
    );
    let (own, driver) = frames(&mut room, |room, at| {
        room.harness.hover_at(egui::pos2(100.0, 400.0));
        room.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: vec2(0.0, if at < FRAMES / 2 { -400.0 } else { 400.0 }),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: egui::Modifiers::NONE,
        });
    });
    line(
        "a frame while the library of 2,000 scrolls",
        own,
        Some(driver),
        "2 ms",
    );
    let cancel = cancel_latency();
    line("from cancel to its owner knows", cancel, None, "200 ms");
}
