//! Keys and text from tao.

use egui::{Event, ImeEvent, Key, Modifiers};
use tauri_runtime_wry::tao::event::{ElementState, KeyEvent};
use tauri_runtime_wry::tao::keyboard::{Key as TaoKey, KeyCode, ModifiersState};

use super::clipboard::Clipboard;
use crate::input::Input;
use crate::keys::{ClipboardCommand, clipboard_command, is_printable};

pub(super) fn modifiers(state: ModifiersState) -> Modifiers {
    let mac = cfg!(target_os = "macos");
    let ctrl = state.control_key();
    let mac_cmd = mac && state.super_key();
    Modifiers {
        alt: state.alt_key(),
        ctrl,
        shift: state.shift_key(),
        mac_cmd,
        command: if mac { mac_cmd } else { ctrl },
    }
}

/// Text that an input method committed.
pub(super) fn commit(text: &str, input: &Input) {
    if !is_printable(text) {
        return;
    }
    // macOS sends all text this way, and that of plain keys with the key once more.
    if cfg!(target_os = "macos") && !input.modifiers().mac_cmd && !input.modifiers().ctrl {
        input.push(Event::Text(text.to_owned()));
        input.set_committed(true);
    } else if !cfg!(target_os = "macos") {
        input.push(Event::Ime(ImeEvent::Commit(text.to_owned())));
    }
}

pub(super) fn key(event: &KeyEvent, input: &Input) {
    let pressed = event.state == ElementState::Pressed;
    let committed = input.set_committed(false);
    let physical = physical_key(event.physical_key);
    let logical = logical_key(&event.logical_key).or(physical);
    let modifiers = input.modifiers();
    if pressed && let Some(command) = logical.and_then(|key| clipboard_command(modifiers, key)) {
        match command {
            ClipboardCommand::Copy => input.push(Event::Copy),
            ClipboardCommand::Cut => input.push(Event::Cut),
            ClipboardCommand::Paste => Clipboard::default().paste(input),
        }
        return;
    }
    if let Some(key) = logical {
        input.push(Event::Key {
            key,
            physical_key: physical,
            pressed,
            // egui finds out by itself.
            repeat: false,
            modifiers,
        });
    }
    let command = modifiers.ctrl || modifiers.mac_cmd;
    // AltGr is Ctrl+Alt on Windows, and its characters are text.
    let alt_gr = cfg!(windows) && modifiers.ctrl && modifiers.alt;
    let text = event.text.filter(|text| is_printable(text));
    if let Some(text) = text.filter(|_| pressed && !committed && (!command || alt_gr)) {
        input.push(Event::Text(text.to_owned()));
    }
}

fn physical_key(code: KeyCode) -> Option<Key> {
    // tao names its codes as the web does, and so egui knows them.
    Key::from_name(&format!("{code:?}"))
}

fn logical_key(key: &TaoKey<'_>) -> Option<Key> {
    match key {
        TaoKey::Character(text) => Key::from_name(text),
        TaoKey::Unidentified(_) | TaoKey::Dead(_) => None,
        named => Key::from_name(&format!("{named:?}")),
    }
}
