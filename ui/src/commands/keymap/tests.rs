//! Keys as the systems send them, on several layouts, and who gets them.

use egui::{RawInput, TextEdit};

use super::Command::{Cancel, NextRegion, Palette, PinPositive, Save, ToggleGrid};
use super::*;

const CANVAS: KeyContext = KeyContext {
    canvas: true,
    modal: false,
};
const CTRL: Modifiers = Modifiers {
    ctrl: true,
    command: true,
    ..Modifiers::NONE
};
const CMD: Modifiers = Modifiers {
    mac_cmd: true,
    command: true,
    ..Modifiers::NONE
};

fn event(key: Key, physical: Key, modifiers: Modifiers) -> Event {
    Event::Key {
        key,
        physical_key: Some(physical),
        pressed: true,
        repeat: false,
        modifiers,
    }
}

fn pc() -> KeyMap {
    KeyMap::for_system(&BTreeMap::new(), false)
}

/// One frame of a window with a text field, which is focused if wanted; what is left of the events afterwards.
fn frame(
    ctx: &Context,
    events: Vec<Event>,
    types: bool,
    draw: impl FnOnce(&Context),
) -> Vec<Event> {
    let input = RawInput {
        events,
        ..RawInput::default()
    };
    let mut draw = Some(draw);
    let mut left = Vec::new();
    let mut output = ctx.run_ui(input, |ui| {
        if let Some(draw) = draw.take() {
            draw(ui.ctx());
            left = ui.input(|input| input.events.clone());
        }
        let field = ui.add(TextEdit::singleline(&mut String::from("text")).id(Id::unique("field")));
        if types {
            field.request_focus();
        } else {
            field.surrender_focus();
        }
    });
    output.textures_delta.clear();
    left
}

fn pressed_in(map: &KeyMap, context: KeyContext, events: Vec<Event>) -> Vec<Command> {
    let mut commands = Vec::new();
    let ctx = Context::default();
    frame(&ctx, events, false, |ctx| {
        commands = map.pressed(ctx, context);
    });
    commands
}

fn pressed(key: Key, physical: Key, modifiers: Modifiers) -> Vec<Command> {
    pressed_in(&pc(), CANVAS, vec![event(key, physical, modifiers)])
}

#[test]
fn every_default_shortcut_gives_its_command() {
    for is_mac in [false, true] {
        let map = KeyMap::for_system(&BTreeMap::new(), is_mac);
        assert_eq!(map.problems(), []);
        assert_eq!(map.conflicts(), []);
        for &command in Command::ALL {
            for shortcut in map.shortcuts(command) {
                let text = shortcut.to_string();
                let mut modifiers = Modifiers {
                    shift: text.contains("Shift+"),
                    alt: text.contains("Alt+"),
                    ..Modifiers::NONE
                };
                if text.contains("Ctrl+") {
                    modifiers |= if is_mac { CMD } else { CTRL };
                }
                modifiers.ctrl |= text.contains("Control+");
                let event = event(shortcut.key(), shortcut.key(), modifiers);
                let expected = if command.scope() == Scope::Held {
                    vec![]
                } else {
                    vec![command]
                };
                assert_eq!(pressed_in(&map, CANVAS, vec![event]), expected, "{text}");
            }
        }
    }
}

#[test]
fn signs_are_found_on_all_layouts() {
    let shift = Modifiers::SHIFT;
    for (key, physical, modifiers, expected) in [
        // American: + and ? with shift, Shift 1 types an exclamation mark.
        (Key::Plus, Key::Equals, shift, Command::ZoomIn),
        (Key::Equals, Key::Equals, Modifiers::NONE, Command::ZoomIn),
        (Key::Plus, Key::Equals, shift | CTRL, Command::TextLarger),
        (Key::Questionmark, Key::Slash, shift, Command::Shortcuts),
        (Key::Exclamationmark, Key::Num1, shift, Command::Component1),
        (Key::CloseBracket, Key::Num0, shift, Command::LayerUp),
        // German: + has its own key, ? is Shift ß, [ is AltGr 8, Shift 0 types =.
        (
            Key::Plus,
            Key::CloseBracket,
            Modifiers::NONE,
            Command::ZoomIn,
        ),
        (Key::Questionmark, Key::Minus, shift, Command::Shortcuts),
        (
            Key::OpenBracket,
            Key::Num8,
            Modifiers::ALT,
            Command::LayerDown,
        ),
        (
            Key::OpenBracket,
            Key::Num8,
            CTRL | Modifiers::ALT,
            Command::LayerDown,
        ),
        (
            Key::Backslash,
            Key::Minus,
            CTRL | Modifiers::ALT,
            Command::SplitView,
        ),
        (Key::Equals, Key::Num0, shift, Command::ComponentAll),
        // French: the digits are typed with shift, the full stop too.
        (Key::Num1, Key::Num1, shift, Command::Component1),
        (Key::Period, Key::Comma, shift, Command::PictureNext),
        // Dvorak: letters go by their caps, not by their places.
        (Key::S, Key::Semicolon, Modifiers::NONE, Command::Swipe),
    ] {
        assert_eq!(
            pressed(key, physical, modifiers),
            [expected],
            "{key:?} at {physical:?}"
        );
    }
    assert_eq!(
        pressed(Key::N, Key::L, Modifiers::NONE),
        [],
        "no lasso for Dvorak's n"
    );
    assert_eq!(pressed(Key::Comma, Key::Comma, shift), [], "that types <");
}

#[test]
fn modifiers_are_not_ignored() {
    assert_eq!(
        pressed(Key::S, Key::S, CTRL | Modifiers::SHIFT),
        [Command::SaveAs]
    );
    assert_eq!(pressed(Key::S, Key::S, CTRL), [Command::Save]);
    assert_eq!(pressed(Key::S, Key::S, Modifiers::ALT), []);
    assert_eq!(pressed(Key::G, Key::G, CTRL), []);
    let mac = KeyMap::for_system(&BTreeMap::new(), true);
    let save = |modifiers| pressed_in(&mac, CANVAS, vec![event(Key::S, Key::S, modifiers)]);
    assert_eq!(save(CMD), [Command::Save]);
    assert_eq!(save(Modifiers::CTRL), []);
    let tab = event(Key::Tab, Key::Tab, Modifiers::CTRL);
    assert_eq!(pressed_in(&mac, CANVAS, vec![tab]), [Command::NextTab]);
}

#[test]
fn letters_need_a_canvas_and_sheets_keep_their_keys() {
    let map = pc();
    let keys = || {
        let plain =
            [Key::G, Key::Enter, Key::F6, Key::Escape].map(|key| event(key, key, Modifiers::NONE));
        let mut keys = plain.to_vec();
        keys.push(event(Key::S, Key::S, CTRL));
        keys.push(event(Key::K, Key::K, CTRL));
        keys
    };
    let all = [ToggleGrid, PinPositive, NextRegion, Cancel, Save, Palette];
    assert_eq!(pressed_in(&map, CANVAS, keys()), all);
    let window = KeyContext::default();
    assert_eq!(
        pressed_in(&map, window, keys()),
        [NextRegion, Cancel, Save, Palette]
    );
    let sheet = KeyContext {
        canvas: true,
        modal: true,
    };
    assert_eq!(pressed_in(&map, sheet, keys()), [Cancel, Palette]);
}

#[test]
fn a_text_field_keeps_what_it_needs() {
    let map = pc();
    let ctx = Context::default();
    frame(&ctx, vec![], true, |ctx| {
        assert_eq!(map.pressed(ctx, CANVAS), []);
    });
    let events = vec![
        event(Key::G, Key::G, Modifiers::NONE),
        Event::Text("g".to_owned()),
        event(Key::Questionmark, Key::Slash, Modifiers::SHIFT),
        event(Key::Z, Key::Z, CTRL),
        event(Key::C, Key::C, CTRL | Modifiers::ALT),
        Event::Copy,
        Event::Paste("x".to_owned()),
    ];
    let with_save = [events.clone(), vec![event(Key::S, Key::S, CTRL)]].concat();
    let left = frame(&ctx, with_save, true, |ctx| {
        assert_eq!(map.pressed(ctx, CANVAS), [Command::Save]);
        assert!(!map.held(ctx, Command::Blink));
    });
    assert_eq!(left, events);
    // egui takes the focus off before anybody sees the key.
    let escape = |pressed| Event::Key {
        key: Key::Escape,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    frame(&ctx, vec![escape(true)], false, |ctx| {
        assert_eq!(map.pressed(ctx, CANVAS), []);
    });
    frame(&ctx, vec![escape(false), escape(true)], false, |ctx| {
        assert_eq!(map.pressed(ctx, CANVAS), [Cancel]);
    });
}

#[test]
fn consumed_keys_are_gone_with_their_characters() {
    let map = pc();
    let kept = vec![
        event(Key::N, Key::N, Modifiers::NONE),
        Event::Text("n".to_owned()),
        Event::Paste("x".to_owned()),
    ];
    let mut events = vec![
        event(Key::G, Key::G, Modifiers::NONE),
        Event::Text("g".to_owned()),
        Event::Copy,
    ];
    events.extend(kept.clone());
    let ctx = Context::default();
    let left = frame(&ctx, events, false, |ctx| {
        assert_eq!(
            map.pressed(ctx, CANVAS),
            [Command::ToggleGrid, Command::CopyView]
        );
    });
    assert_eq!(left, kept);
}

#[test]
fn steps_repeat_and_switches_do_not() {
    let map = pc();
    let ctx = Context::default();
    let keys = || {
        let keys = [Key::ArrowRight, Key::G, Key::B];
        keys.map(|key| event(key, key, Modifiers::NONE)).to_vec()
    };
    frame(&ctx, keys(), false, |ctx| {
        assert_eq!(
            map.pressed(ctx, CANVAS),
            [Command::WalkRight, Command::ToggleGrid]
        );
        assert!(map.held(ctx, Command::Blink));
        assert!(!map.held(ctx, Command::HoldPan));
    });
    frame(&ctx, keys(), false, |ctx| {
        assert_eq!(map.pressed(ctx, CANVAS), [Command::WalkRight]);
    });
}

#[test]
fn the_user_decides_and_is_told_what_does_not_fit() {
    let overrides = BTreeMap::from([
        (
            "save".to_owned(),
            vec!["G".to_owned(), "Hyper+Q".to_owned()],
        ),
        ("quit".to_owned(), vec![]),
        ("fly".to_owned(), vec!["F9".to_owned()]),
    ]);
    let map = KeyMap::for_system(&overrides, false);
    let key = |key, modifiers| pressed_in(&map, CANVAS, vec![event(key, key, modifiers)]);
    assert_eq!(key(Key::G, Modifiers::NONE), [Command::Save]);
    assert_eq!(key(Key::S, CTRL), []);
    assert_eq!(key(Key::Q, CTRL), []);
    let conflicts = map.conflicts();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        (conflicts[0].used, conflicts[0].unused),
        (Command::Save, Command::ToggleGrid)
    );
    assert_eq!(map.problems().len(), 2);
    assert!(
        map.problems()
            .contains(&KeyProblem::NoCommand("fly".to_owned()))
    );
    assert_eq!(map.shortcuts(Command::Quit).count(), 0);
    assert_eq!(map.caps_text(&Context::default(), Command::Quit), None);
    assert_eq!(
        map.command_of("F1".parse().unwrap()),
        Some(Command::Shortcuts)
    );
}
