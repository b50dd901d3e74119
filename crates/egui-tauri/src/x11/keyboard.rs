//! Keys and text, with GTK's input methods: pre-edit, dead keys and compose.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use egui::output::IMEOutput;
use egui::{Event, IMEPurpose, ImeEvent, Key, Modifiers};
use gtk::prelude::*;
use gtk::{gdk, glib};
use tauri_runtime_wry::tao::keyboard::KeyCode;

use super::{clipboard, pointer};
use crate::input::Input;
use crate::keys::{ClipboardCommand, clipboard_command, is_printable};

/// The keyboard of one window.
pub(super) struct Keyboard {
    input: Rc<Input>,
    method: gtk::IMMulticontext,
    composing: Rc<Composing>,
    /// The text field as of the last frame.
    last: Cell<Option<IMEOutput>>,
}

/// Where the input method is.
#[derive(Default)]
struct Composing {
    /// A text field has the focus, so that the input method sees the keys.
    on: Cell<bool>,
    preedit: Cell<bool>,
    /// Text committed while a key press is being filtered, for after its key event.
    committed: RefCell<Option<String>>,
    filtering: Cell<bool>,
}

impl Keyboard {
    pub(super) fn connect(
        toplevel: &gtk::ApplicationWindow,
        area: &gtk::DrawingArea,
        input: &Rc<Input>,
    ) -> Self {
        let method = gtk::IMMulticontext::new();
        method.set_client_window(area.window().as_ref());
        method.set_use_preedit(true);
        let keyboard = Self {
            input: Rc::clone(input),
            method,
            composing: Rc::default(),
            last: Cell::default(),
        };
        keyboard.connect_method();
        keyboard.connect_focus(toplevel);
        keyboard.connect_keys(toplevel);
        keyboard
    }

    /// Follows the text field that has the focus, if one has.
    pub(super) fn set_ime(&self, ime: Option<IMEOutput>) {
        let unchanged = self.last.replace(ime) == ime;
        if unchanged && !ime.is_some_and(|ime| ime.should_interrupt_composition) {
            return;
        }
        let Some(ime) = ime else {
            if self.composing.on.replace(false) {
                self.interrupt();
                self.method.focus_out();
            }
            return;
        };
        if !self.composing.on.replace(true) {
            self.method.focus_in();
        }
        self.method.set_input_purpose(match ime.purpose {
            IMEPurpose::Password => gtk::InputPurpose::Password,
            IMEPurpose::Terminal => gtk::InputPurpose::Terminal,
            IMEPurpose::Normal => gtk::InputPurpose::FreeForm,
        });
        let rect = self.input.logical_from_points(ime.cursor_rect);
        self.method.set_cursor_location(&gdk::Rectangle::new(
            rect.min.x as i32,
            rect.min.y as i32,
            rect.width().max(1.0) as i32,
            rect.height().max(1.0) as i32,
        ));
        if ime.should_interrupt_composition {
            self.interrupt();
        }
    }

    fn interrupt(&self) {
        self.method.reset();
        self.composing.preedit.set(false);
    }

    fn connect_method(&self) {
        let (input, composing) = (Rc::clone(&self.input), Rc::clone(&self.composing));
        self.method.connect_commit(move |_, text| {
            if !is_printable(text) {
                return;
            }
            let text = text.to_owned();
            if composing.preedit.replace(false) {
                input.push(Event::Ime(ImeEvent::Commit(text)));
            } else if composing.filtering.get() {
                composing.committed.replace(Some(text));
            } else {
                input.push(Event::Text(text));
            }
        });
        let (input, composing) = (Rc::clone(&self.input), Rc::clone(&self.composing));
        self.method.connect_preedit_changed(move |method| {
            let (text, _, cursor) = method.preedit_string();
            let before = composing.preedit.replace(!text.is_empty());
            // Some input methods repeat an empty text for ever.
            if before || !text.is_empty() {
                input.push(Event::Ime(preedit(&text, cursor)));
            }
        });
    }

    fn connect_focus(&self, toplevel: &gtk::ApplicationWindow) {
        let (input, composing) = (Rc::clone(&self.input), Rc::clone(&self.composing));
        let method = self.method.clone();
        toplevel.connect_focus_in_event(move |_, _| {
            if composing.on.get() {
                method.focus_in();
            }
            input.set_focused(true);
            glib::Propagation::Proceed
        });
        let (input, method) = (Rc::clone(&self.input), self.method.clone());
        toplevel.connect_focus_out_event(move |_, _| {
            method.focus_out();
            input.set_focused(false);
            glib::Propagation::Proceed
        });
    }

    fn connect_keys(&self, toplevel: &gtk::ApplicationWindow) {
        let (input, composing) = (Rc::clone(&self.input), Rc::clone(&self.composing));
        let method = self.method.clone();
        toplevel.connect_key_press_event(move |window, event| {
            // Accelerators of a native menu bar come first.
            if !composing.preedit.get() && window.activate_key(event) {
                return glib::Propagation::Stop;
            }
            input.set_modifiers(modifiers_after(event, true));
            press(&input, &method, &composing, event);
            glib::Propagation::Stop
        });
        let (input, composing) = (Rc::clone(&self.input), Rc::clone(&self.composing));
        let method = self.method.clone();
        toplevel.connect_key_release_event(move |_, event| {
            input.set_modifiers(modifiers_after(event, false));
            if composing.on.get() {
                method.filter_keypress(event);
            }
            let (logical, physical) = keys(event);
            push_key(&input, logical, physical, Press::Up);
            glib::Propagation::Stop
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Press {
    Down,
    Up,
}

fn press(
    input: &Rc<Input>,
    method: &gtk::IMMulticontext,
    composing: &Composing,
    event: &gdk::EventKey,
) {
    let (logical, physical) = keys(event);
    match logical.and_then(|key| clipboard_command(input.modifiers(), key)) {
        Some(ClipboardCommand::Copy) => return input.push(Event::Copy),
        Some(ClipboardCommand::Cut) => return input.push(Event::Cut),
        Some(ClipboardCommand::Paste) => return clipboard::paste(input),
        None => {}
    }
    if !composing.on.get() {
        push_key(input, logical, physical, Press::Down);
        if let Some(text) = plain_text(event, input.modifiers()) {
            input.push(Event::Text(text));
        }
        return;
    }
    composing.filtering.set(true);
    let filtered = method.filter_keypress(event);
    composing.filtering.set(false);
    let text = composing.committed.take();
    // A key that the input method took without a text belongs to a composition.
    if text.is_some() || !filtered {
        push_key(input, logical, physical, Press::Down);
    }
    if let Some(text) = text {
        input.push(Event::Text(text));
    }
}

fn push_key(input: &Input, logical: Option<Key>, physical: Option<Key>, press: Press) {
    if let Some(key) = logical {
        input.push(Event::Key {
            key,
            physical_key: physical,
            pressed: press == Press::Down,
            // egui finds out by itself.
            repeat: false,
            modifiers: input.modifiers(),
        });
    }
}

/// The text of a key while no input method is asked.
fn plain_text(event: &gdk::EventKey, modifiers: Modifiers) -> Option<String> {
    let text = event.keyval().to_unicode()?.to_string();
    (!modifiers.ctrl && !modifiers.alt && is_printable(&text)).then_some(text)
}

/// The pre-edit text with egui's range of characters: the cursor, which GTK counts in characters.
fn preedit(text: &str, cursor: i32) -> ImeEvent {
    let cursor = usize::try_from(cursor).unwrap_or(0);
    let cursor = cursor.min(text.chars().count());
    ImeEvent::Preedit {
        text: text.to_owned(),
        active_range_chars: (!text.is_empty()).then_some(cursor..cursor),
    }
}

/// The modifiers after a key event: GDK's state is the one before it.
fn modifiers_after(event: &gdk::EventKey, pressed: bool) -> Modifiers {
    use gdk::keys::constants as k;
    let mut state = event.state();
    let key = event.keyval();
    let is = |names: &[gdk::keys::Key]| names.contains(&key);
    if is(&[k::Shift_L, k::Shift_R]) {
        state.set(gdk::ModifierType::SHIFT_MASK, pressed);
    } else if is(&[k::Control_L, k::Control_R]) {
        state.set(gdk::ModifierType::CONTROL_MASK, pressed);
    } else if is(&[k::Alt_L, k::Alt_R, k::Meta_L, k::Meta_R]) {
        state.set(gdk::ModifierType::MOD1_MASK, pressed);
    }
    pointer::modifiers(state)
}

/// The logical key, which falls back to the physical one, and the physical key.
fn keys(event: &gdk::EventKey) -> (Option<Key>, Option<Key>) {
    let physical = physical_key(event.hardware_keycode());
    (logical_key(event.keyval()).or(physical), physical)
}

/// The key at this place of a US keyboard. X11 counts Linux's key codes from 8.
fn physical_key(x11_code: u16) -> Option<Key> {
    let code = KeyCode::from_scancode(u32::from(x11_code));
    // tao names its codes as the web does, and so egui knows them.
    Key::from_name(&format!("{code:?}"))
}

fn logical_key(key: gdk::keys::Key) -> Option<Key> {
    let character = key.to_unicode().filter(|c| !c.is_control());
    if let Some(character) = character {
        return Key::from_name(&character.to_string());
    }
    let name = key.name()?;
    Some(match name.strip_prefix("KP_").unwrap_or(&name) {
        "BackSpace" => Key::Backspace,
        "ISO_Left_Tab" => Key::Tab,
        "Prior" | "Page_Up" => Key::PageUp,
        "Next" | "Page_Down" => Key::PageDown,
        "XF86Back" => Key::BrowserBack,
        "XF86Forward" => Key::BrowserForward,
        "XF86Copy" => Key::Copy,
        "XF86Cut" => Key::Cut,
        "XF86Paste" => Key::Paste,
        name => return Key::from_name(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gdk::keys::constants as k;

    #[test]
    fn logical_keys_follow_the_layout() {
        for (key, expected) in [
            (k::a, Key::A),
            (k::A, Key::A),
            (k::_7, Key::Num7),
            (k::KP_7, Key::Num7),
            (k::KP_Enter, Key::Enter),
            (k::Return, Key::Enter),
            (k::BackSpace, Key::Backspace),
            (k::Delete, Key::Delete),
            (k::ISO_Left_Tab, Key::Tab),
            (k::Page_Up, Key::PageUp),
            (k::Left, Key::ArrowLeft),
            (k::KP_Left, Key::ArrowLeft),
            (k::Escape, Key::Escape),
            (k::F11, Key::F11),
            (k::space, Key::Space),
            (k::plus, Key::Plus),
            (k::KP_Subtract, Key::Minus),
        ] {
            assert_eq!(logical_key(key), Some(expected), "{key:?}");
        }
        assert_eq!(logical_key(k::Shift_L), None);
        assert_eq!(logical_key(k::Cyrillic_a), None);
    }

    #[test]
    fn physical_keys_are_places() {
        assert_eq!(physical_key(38), Some(Key::A));
        assert_eq!(physical_key(10), Some(Key::Num1));
        assert_eq!(physical_key(9), Some(Key::Escape));
        assert_eq!(physical_key(113), Some(Key::ArrowLeft));
    }

    #[test]
    fn the_preedit_cursor_stays_in_the_text() {
        let range = |text, cursor| match preedit(text, cursor) {
            ImeEvent::Preedit {
                active_range_chars, ..
            } => active_range_chars,
            _ => None,
        };
        assert_eq!(range("にほん", 3), Some(3..3));
        assert_eq!(range("にほん", 9), Some(3..3));
        assert_eq!(range("にほん", -1), Some(0..0));
        assert_eq!(range("", 0), None);
    }
}
