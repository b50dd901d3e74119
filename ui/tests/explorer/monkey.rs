//! Random input: no panic, and no memory that only grows.

use dinoscope_ui::commands::Command;
use egui::{Key, Modifiers, MouseWheelUnit, PointerButton, TouchPhase, pos2, vec2};
use std::time::{Duration, Instant};

use crate::room::{Room, photo};

/// A small generator: the same seed presses the same keys.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.next(all.len() as u64)).unwrap()]
    }
}

const KEYS: [Key; 40] = [
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::Enter,
    Key::Escape,
    Key::Tab,
    Key::Space,
    Key::Delete,
    Key::Backspace,
    Key::A,
    Key::B,
    Key::D,
    Key::F,
    Key::G,
    Key::J,
    Key::K,
    Key::L,
    Key::O,
    Key::P,
    Key::R,
    Key::S,
    Key::T,
    Key::V,
    Key::X,
    Key::H,
    Key::Num0,
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::OpenBracket,
    Key::CloseBracket,
    Key::Comma,
    Key::Period,
    Key::Plus,
    Key::Minus,
    Key::Z,
    Key::F6,
    Key::F1,
    Key::W,
];

/// Views that are left open.
const MOST_VIEWS: usize = 6;

/// Growth in bytes that caches of features, pictures and undo may show after the first third.
const MOST_GROWN: u64 = 400 << 20;

/// Set for the process in which the monkey is alone, since other tests would change what is measured.
const ALONE: &str = "DINOSCOPE_MONKEY_ALONE";

/// Bytes that the app holds: its heap and the device's memory.
///
/// The resident memory would tell less: the software driver compiles shaders anew and keeps them.
fn memory(room: &Room) -> u64 {
    let device = room.app().session().display.gpu().device();
    let report = device.generate_allocator_report().unwrap();
    crate::ALLOCATOR.allocated() as u64 + report.total_allocated_bytes
}

fn one(room: &mut Room, dice: &mut Dice) {
    let at = pos2(dice.next(1440) as f32, dice.next(900) as f32);
    let modifiers = dice.pick(&[
        Modifiers::NONE,
        Modifiers::NONE,
        Modifiers::SHIFT,
        Modifiers::COMMAND,
    ]);
    match dice.next(12) {
        0..=3 => room.harness.hover_at(at),
        4 | 5 => {
            let button = dice.pick(&[
                PointerButton::Primary,
                PointerButton::Primary,
                PointerButton::Secondary,
            ]);
            room.harness.hover_at(at);
            let to = if dice.next(3) == 0 {
                at + vec2(90.0, -40.0)
            } else {
                at
            };
            for (pos, pressed) in [(at, true), (to, false)] {
                room.harness.hover_at(pos);
                room.harness.event(egui::Event::PointerButton {
                    pos,
                    button,
                    pressed,
                    modifiers,
                });
            }
        }
        6 => {
            let delta = vec2(0.0, dice.next(7) as f32 - 3.0);
            room.harness.hover_at(at);
            room.harness.event(egui::Event::MouseWheel {
                unit: dice.pick(&[MouseWheelUnit::Line, MouseWheelUnit::Point]),
                delta,
                phase: TouchPhase::Move,
                source: egui::MouseWheelSource::Unknown,
                modifiers,
            });
        }
        7 => room.harness.event(egui::Event::Text(
            dice.pick(&["a", "0.5", "猫", "-", "é"]).to_owned(),
        )),
        8 => {
            let quits = [Command::Quit, Command::FullScreen];
            let command = dice.pick(Command::ALL);
            if !quits.contains(&command) {
                room.app_mut().run(command);
            }
        }
        _ => {
            let key = dice.pick(&KEYS);
            room.harness.key_press_modifiers(modifiers, key);
        }
    }
    room.harness.step();
}

fn monkey(seed: u64, time: Duration) {
    let mut room = Room::new(&[photo("chelsea.png"), photo("coffee.png")]);
    let mut dice = Dice(seed);
    let start = Instant::now();
    let mut steps = 0_u64;
    let mut warm = 0;
    while start.elapsed() < time {
        one(&mut room, &mut dice);
        // Each open view rightly holds memory; more than a few would hide what is held for nothing.
        while room.app().document().views.len() > MOST_VIEWS {
            let open = room.app().document().views.len();
            room.app_mut().run(Command::CloseTab);
            room.harness.step();
            if room.app().document().views.len() >= open {
                break;
            }
        }
        steps += 1;
        if warm == 0 && start.elapsed() > time / 3 {
            warm = memory(&room);
        }
    }
    room.settle();
    let grown = memory(&room).saturating_sub(warm);
    assert!(
        grown < MOST_GROWN,
        "seed {seed}: {steps} steps, {} MiB more than after a third of them",
        grown >> 20
    );
    assert!(steps > 50, "seed {seed}: only {steps} steps");
}

/// `DINOSCOPE_MONKEY_SECS` and `DINOSCOPE_MONKEY_SEED` make it longer and other; 600 seconds are a full run.
#[test]
fn random_input_does_no_harm() {
    if std::env::var_os(ALONE).is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "monkey::random_input_does_no_harm",
                "--exact",
                "--nocapture",
            ])
            .env(ALONE, "yes")
            .status()
            .unwrap();
        assert!(status.success(), "{status}");
        return;
    }
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let secs = number("DINOSCOPE_MONKEY_SECS").unwrap_or(20);
    let seed = number("DINOSCOPE_MONKEY_SEED").unwrap_or(0x5EED);
    monkey(seed.max(1), Duration::from_secs(secs));
}
