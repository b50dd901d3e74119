//! A shortcut: as it is written in settings, shown on key caps, and recognized in what the keyboard sends.

use std::fmt;
use std::str::FromStr;

use egui::{Key, Modifiers};

/// Characters that no common layout types without shift, for hosts that do not tell the physical key.
const SHIFTED: [Key; 7] = [
    Key::Plus,
    Key::Questionmark,
    Key::Exclamationmark,
    Key::Colon,
    Key::Pipe,
    Key::OpenCurlyBracket,
    Key::CloseCurlyBracket,
];

/// A key with modifiers; written `Ctrl+Shift+S`.
///
/// `Ctrl` is ⌘ on macOS, `Control` is the key of that name on all systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shortcut {
    modifiers: Modifiers,
    key: Key,
}

/// Why a text is no shortcut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a shortcut such as Ctrl+Shift+S, found \"{0}\"")]
pub struct ShortcutError(String);

/// How well a shortcut fits what was pressed, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The key and the modifiers.
    Exact,
    /// The character, which this layout types with shift or `AltGr`.
    Typed,
    /// The place on the keyboard, where the layout has another sign.
    Place,
}

/// What the keyboard sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    pub(super) key: Key,
    pub(super) physical: Option<Key>,
    pub(super) modifiers: Modifiers,
}

impl Shortcut {
    /// A shortcut of a press, for a page where the user presses what he wants; none for a lone modifier.
    pub fn of_press(key: Key, modifiers: Modifiers) -> Option<Self> {
        let is_modifier = matches!(
            key,
            Key::ShiftLeft
                | Key::ShiftRight
                | Key::ControlLeft
                | Key::ControlRight
                | Key::AltLeft
                | Key::AltRight
                | Key::SuperLeft
                | Key::SuperRight
        );
        // Where ⌘ and Ctrl are one key, it is set twice.
        let ctrl = modifiers.ctrl && (modifiers.mac_cmd || !modifiers.command);
        let modifiers = Modifiers {
            ctrl,
            mac_cmd: false,
            ..modifiers
        };
        (!is_modifier).then_some(Self { modifiers, key })
    }

    /// The key without modifiers.
    pub fn key(self) -> Key {
        self.key
    }

    /// Whether it can be pressed while text is typed: it types nothing and is nothing that a field uses.
    pub(super) fn spares_text(self) -> bool {
        let is_function = self.key.name().len() > 1 && self.key.name().starts_with('F');
        if is_function || self.key == Key::Escape {
            return true;
        }
        let command = self.modifiers.command || self.modifiers.ctrl;
        // Ctrl and Alt together are AltGr on Windows, which types.
        let types = !command || self.modifiers.alt;
        let edits = matches!(
            self.key,
            Key::A | Key::C | Key::V | Key::X | Key::Y | Key::Z | Key::Backspace | Key::Delete
        );
        let moves = matches!(
            self.key,
            Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown | Key::Home | Key::End
        );
        !types && !edits && !moves
    }

    /// How it fits a press, if it does.
    pub(super) fn fit(self, press: Press) -> Option<Fit> {
        let Press {
            key,
            physical,
            modifiers,
        } = press;
        let is_exact = modifiers.matches_exact(self.modifiers);
        if self.key == key {
            if is_exact {
                return Some(Fit::Exact);
            }
            return self.is_typed(press).then_some(Fit::Typed);
        }
        // Letters go by what is on the cap alone. For signs and digits, `Shift 1` has to work where that types a sign.
        let is_sign = !is_letter(key) && !is_digit(key) && !is_letter(self.key);
        (is_sign && is_exact && physical == Some(self.key)).then_some(Fit::Place)
    }

    /// Whether modifiers that it does not ask for were only pressed to type its character.
    fn is_typed(self, press: Press) -> bool {
        let elsewhere = press
            .physical
            .map_or(SHIFTED.contains(&self.key), |key| key != self.key);
        // `=` is not among them: with shift, its key is `Shift 0` on half of Europe's keyboards.
        let is_sign = !is_letter(self.key) && !is_digit(self.key) && self.key != Key::Equals;
        let mut pressed = press.modifiers;
        if pressed.alt && !self.modifiers.alt {
            pressed.alt = false;
            // AltGr comes as Ctrl and Alt on Windows.
            if !self.modifiers.command && !self.modifiers.ctrl && !pressed.mac_cmd {
                pressed.ctrl = false;
                pressed.command = false;
            }
        }
        pressed.shift &= self.modifiers.shift;
        elsewhere && is_sign && pressed.matches_exact(self.modifiers)
    }

    /// Whether it is held down.
    pub(super) fn is_down(self, input: &egui::InputState) -> bool {
        input.key_down(self.key) && input.modifiers.matches_exact(self.modifiers)
    }

    /// The same where ⌘ and Ctrl are one key: there, `Control` is just `Ctrl`.
    pub(super) fn on(mut self, is_mac: bool) -> Self {
        if self.modifiers.ctrl && !is_mac {
            self.modifiers.ctrl = false;
            self.modifiers.command = true;
        }
        self
    }

    /// The texts of the key caps, in the order in which they are pressed: `Ctrl`, `⇧`, `S`.
    ///
    /// `tr` gives the message of an id, such as `key-enter`.
    pub fn caps(self, is_mac: bool, tr: impl Fn(&str) -> String) -> Vec<String> {
        let Modifiers {
            alt,
            ctrl,
            shift,
            command,
            ..
        } = self.modifiers;
        let modifiers = if is_mac {
            // Apple's order.
            [
                (ctrl, "key-mac-control"),
                (alt, "key-mac-option"),
                (shift, "key-shift"),
                (command, "key-mac-command"),
            ]
        } else {
            [
                (ctrl || command, "key-ctrl"),
                (alt, "key-alt"),
                (shift, "key-shift"),
                (false, ""),
            ]
        };
        let pressed = modifiers.into_iter().filter(|(is_pressed, _)| *is_pressed);
        let mut caps: Vec<String> = pressed.map(|(_, id)| tr(id)).collect();
        caps.push(match key_id(self.key) {
            Some(id) => tr(id),
            None => sign(self.key).to_owned(),
        });
        caps
    }
}

impl FromStr for Shortcut {
    type Err = ShortcutError;

    fn from_str(text: &str) -> Result<Self, ShortcutError> {
        let bad = || ShortcutError(text.to_owned());
        let (modifiers, key) = match text.trim().strip_suffix('+') {
            // The key is the plus itself: `+`, `Ctrl++`.
            Some(rest) => (rest.trim_end().strip_suffix('+').unwrap_or(rest), "+"),
            None => text.trim().rsplit_once('+').unwrap_or(("", text.trim())),
        };
        let mut shortcut = Self {
            modifiers: Modifiers::NONE,
            key: Key::from_name(key.trim()).ok_or_else(bad)?,
        };
        for modifier in modifiers
            .split('+')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            shortcut.modifiers |= match modifier.to_ascii_lowercase().as_str() {
                "ctrl" | "cmd" | "command" => Modifiers::COMMAND,
                "control" => Modifiers::CTRL,
                "shift" => Modifiers::SHIFT,
                "alt" | "option" => Modifiers::ALT,
                _ => return Err(bad()),
            };
        }
        Ok(shortcut)
    }
}

impl fmt::Display for Shortcut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (is_pressed, name) in [
            (self.modifiers.ctrl, "Control+"),
            (self.modifiers.command, "Ctrl+"),
            (self.modifiers.alt, "Alt+"),
            (self.modifiers.shift, "Shift+"),
        ] {
            if is_pressed {
                f.write_str(name)?;
            }
        }
        f.write_str(self.key.name())
    }
}

fn is_letter(key: Key) -> bool {
    (Key::A..=Key::Z).contains(&key)
}

fn is_digit(key: Key) -> bool {
    (Key::Num0..=Key::Num9).contains(&key)
}

/// Message id of a key that has a name.
fn key_id(key: Key) -> Option<&'static str> {
    Some(match key {
        Key::Enter => "key-enter",
        Key::Space => "key-space",
        Key::Tab => "key-tab",
        Key::Escape => "key-escape",
        Key::Delete => "key-delete",
        Key::Backspace => "key-backspace",
        Key::Insert => "key-insert",
        Key::Home => "key-home",
        Key::End => "key-end",
        Key::PageUp => "key-page-up",
        Key::PageDown => "key-page-down",
        Key::ArrowLeft => "key-left",
        Key::ArrowRight => "key-right",
        Key::ArrowUp => "key-up",
        Key::ArrowDown => "key-down",
        _ => return None,
    })
}

/// What is printed on the cap of any other key.
fn sign(key: Key) -> &'static str {
    match key {
        Key::Quote => "'",
        _ => key.symbol_or_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortcut(text: &str) -> Shortcut {
        text.parse().unwrap()
    }

    #[test]
    fn texts_are_read_and_written() {
        for (text, written) in [
            ("Ctrl+Shift+S", "Ctrl+Shift+S"),
            (" shift + ctrl + s ", "Ctrl+Shift+S"),
            ("F1", "F1"),
            ("+", "Plus"),
            ("Ctrl++", "Ctrl+Plus"),
            ("Ctrl+,", "Ctrl+Comma"),
            ("Ctrl+Alt+C", "Ctrl+Alt+C"),
            ("Cmd+Option+-", "Ctrl+Alt+Minus"),
            ("Control+Tab", "Control+Tab"),
        ] {
            assert_eq!(shortcut(text).to_string(), written);
            assert_eq!(shortcut(written), shortcut(text));
        }
        for text in [
            "",
            "Ctrl",
            "Ctrl+",
            "Strg+S",
            "Ctrl+Shift",
            "S+Ctrl",
            "++",
            "é",
        ] {
            let read = text.parse::<Shortcut>();
            assert!(
                read.is_err() || text == "Ctrl+" || text == "++",
                "{text} is {read:?}"
            );
        }
        assert_eq!(
            "Strg+S".parse::<Shortcut>(),
            Err(ShortcutError("Strg+S".to_owned()))
        );
    }

    #[test]
    fn every_key_comes_back() {
        for &key in Key::ALL {
            let shortcut = Shortcut {
                modifiers: Modifiers::SHIFT,
                key,
            };
            assert_eq!(shortcut.to_string().parse(), Ok(shortcut), "{key:?}");
        }
    }

    #[test]
    fn caps_follow_the_system() {
        let name = |id: &str| id.trim_start_matches("key-").to_owned();
        let caps = |text: &str, is_mac| shortcut(text).caps(is_mac, name).join(" ");
        assert_eq!(caps("Ctrl+Shift+S", false), "ctrl shift S");
        assert_eq!(caps("Ctrl+Shift+S", true), "shift mac-command S");
        assert_eq!(caps("Ctrl+Alt+C", true), "mac-option mac-command C");
        assert_eq!(caps("Control+Tab", true), "mac-control tab");
        assert_eq!(caps("Ctrl+Minus", false), "ctrl −");
        assert_eq!(caps("Shift+Up", false), "shift up");
    }

    #[test]
    fn a_press_becomes_a_shortcut() {
        let of = |key, modifiers| Shortcut::of_press(key, modifiers).map(|it| it.to_string());
        let pc_ctrl = Modifiers::CTRL | Modifiers::COMMAND;
        assert_eq!(
            of(Key::S, pc_ctrl | Modifiers::SHIFT).as_deref(),
            Some("Ctrl+Shift+S")
        );
        let mac_cmd = Modifiers::MAC_CMD | Modifiers::COMMAND;
        assert_eq!(of(Key::S, mac_cmd).as_deref(), Some("Ctrl+S"));
        assert_eq!(of(Key::S, Modifiers::CTRL).as_deref(), Some("Control+S"));
        assert_eq!(of(Key::ShiftLeft, Modifiers::SHIFT), None);
    }

    #[test]
    fn text_fields_keep_what_they_use() {
        for text in [
            "G",
            "Shift+O",
            "Questionmark",
            "Ctrl+Z",
            "Ctrl+C",
            "Ctrl+Alt+C",
            "Ctrl+Left",
            "Delete",
        ] {
            assert!(!shortcut(text).spares_text(), "{text}");
        }
        for text in [
            "Ctrl+S",
            "Ctrl+K",
            "F1",
            "F11",
            "Escape",
            "Ctrl+Comma",
            "Control+Tab",
        ] {
            assert!(shortcut(text).spares_text(), "{text}");
        }
        assert!(!shortcut("F").spares_text());
    }
}
