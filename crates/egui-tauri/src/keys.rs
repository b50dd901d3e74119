//! Which key presses are clipboard commands, and which text is text.

use egui::{Key, Modifiers};

/// A clipboard command that a key press stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClipboardCommand {
    Copy,
    Cut,
    Paste,
}

/// The clipboard command of a key press, as eframe has them.
pub(crate) fn clipboard_command(modifiers: Modifiers, key: Key) -> Option<ClipboardCommand> {
    let windows = cfg!(target_os = "windows");
    match key {
        Key::Copy => Some(ClipboardCommand::Copy),
        Key::Cut => Some(ClipboardCommand::Cut),
        Key::Paste => Some(ClipboardCommand::Paste),
        Key::C if modifiers.command_only() => Some(ClipboardCommand::Copy),
        Key::X if modifiers.command_only() => Some(ClipboardCommand::Cut),
        Key::V if modifiers.command_only() => Some(ClipboardCommand::Paste),
        Key::Insert if windows && modifiers.ctrl => Some(ClipboardCommand::Copy),
        Key::Delete if windows && modifiers.shift => Some(ClipboardCommand::Cut),
        Key::Insert if windows && modifiers.shift => Some(ClipboardCommand::Paste),
        _ => None,
    }
}

/// Whether `text` is something to insert: not empty, without control characters and without the
/// private characters that some systems send for function keys.
pub(crate) fn is_printable(text: &str) -> bool {
    let private = |c: char| matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}');
    !text.is_empty() && !text.chars().any(|c| c.is_control() || private(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bare_command_key_copies() {
        let copy = Some(ClipboardCommand::Copy);
        assert_eq!(clipboard_command(Modifiers::COMMAND, Key::C), copy);
        assert_eq!(clipboard_command(Modifiers::NONE, Key::Copy), copy);
        assert_eq!(clipboard_command(Modifiers::NONE, Key::C), None);
        let with_shift = Modifiers::COMMAND | Modifiers::SHIFT;
        assert_eq!(clipboard_command(with_shift, Key::C), None);
        let with_alt = Modifiers::COMMAND | Modifiers::ALT;
        assert_eq!(clipboard_command(with_alt, Key::V), None);
    }

    #[test]
    fn control_and_function_characters_are_no_text() {
        for text in ["a", "é", "日本", " ", "👍"] {
            assert!(is_printable(text), "{text:?}");
        }
        for text in ["", "\r", "\u{1}", "\u{7f}", "\u{f728}", "a\n"] {
            assert!(!is_printable(text), "{text:?}");
        }
    }
}
