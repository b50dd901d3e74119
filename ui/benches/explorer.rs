//! How fast the window is: `cargo bench --workspace --bench explorer`.
//!
//! The real explorer without a window, on software Vulkan where there is no card: the code of the panels alone is timed,
//! not the drawing of the frame. 2,000 pictures are in the library and four views are open.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dinoscope_jobs::runner::{Lane, Options, Poll, Runner, Spec, Title};
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

/// Times of frames.
#[derive(Default)]
struct Frames {
    /// Of the window's code, without the driver.
    own: Vec<Duration>,
    /// Within the driver, that come on top.
    driver: Vec<Duration>,
    /// Of the processor for the same on the thread that draws, with the driver's part of it.
    cpu: Vec<Duration>,
}

fn line(name: &str, frames: Frames, target: &str) {
    let (median, high) = told(frames.own);
    let told = [frames.cpu, frames.driver].map(|times| match times.len() {
        0 => String::new(),
        _ => format!("{:.2} ms", told(times).0),
    });
    let [cpu, driver] = told;
    println!("| {name} | {median:.2} ms | {high:.2} ms | {cpu} | {driver} | {target} |");
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

/// Times of frames while `change` does something before each. A software driver draws the frame before on these cores: its
/// caller waits for that, and its threads push the window's code aside.
fn frames(room: &mut Room, mut change: impl FnMut(&mut Room, usize)) -> Frames {
    let mut frames = Frames::default();
    for at in 0..FRAMES {
        change(room, at);
        let before = room.app().session().display.gpu().submitting();
        room.asked.borrow_mut().cpu = Duration::ZERO;
        room.harness.step();
        frames.cpu.push(room.asked.borrow().cpu);
        let session = room.app().session();
        let driver = session.display.gpu().submitting().saturating_sub(before);
        frames.own.push(session.times.frame.saturating_sub(driver));
        frames.driver.push(driver);
    }
    frames
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
    println!("| what | median | 95 % | processor, median | driver, median | target |");
    println!("|---|---:|---:|---:|---:|---|");
    let start = Instant::now();
    let mut room = Room::new(&[photo("chelsea.png"), photo("astronaut.png")]);
    println!(
        "| from the start to features on the screen | {:.0} ms | | | | |",
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
    let found = frames(&mut room, |_, _| {});
    line("a frame in which nothing changes", found, "2 ms");
    let middle = room.middle();
    let found = frames(&mut room, |room, at| {
        let angle = at as f32 * 0.1;
        room.harness
            .hover_at(middle + vec2(angle.cos(), angle.sin()) * 90.0);
    });
    line("a frame with the pointer over PCA", found, "2 ms");
    let views = &room.app().document().views;
    let similar = views
        .iter()
        .find(|(_, view)| view.kind == ViewKind::Similarity);
    let similar = *similar.unwrap().0;
    room.app_mut().request(Request::Activate(similar));
    room.settle();
    let middle = room.middle();
    let found = frames(&mut room, |room, at| {
        let angle = at as f32 * 0.1;
        room.harness
            .hover_at(middle + vec2(angle.cos(), angle.sin()) * 90.0);
    });
    line("a frame with the pointer over similarity", found, "2 ms");
    let found = frames(&mut room, |room, at| {
        room.harness.hover_at(egui::pos2(100.0, 400.0));
        room.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: vec2(0.0, if at < FRAMES / 2 { -400.0 } else { 400.0 }),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: egui::Modifiers::NONE,
        });
    });
    line("a frame while the library of 2,000 scrolls", found, "2 ms");
    let cancel = Frames {
        own: cancel_latency(),
        ..Frames::default()
    };
    line("from cancel to its owner knows", cancel, "200 ms");
}
