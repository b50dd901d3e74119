//! Which keys ask for which command.

use std::collections::BTreeMap;

use egui::text_selection::LabelSelectionState;
use egui::{Context, Event, Id, InputState, Key, Modifiers, Popup};

use super::shortcut::{Fit, Press, Shortcut};
use super::{Command, Scope};
use crate::text;

/// What has the keyboard in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyContext {
    /// A canvas has the focus.
    pub canvas: bool,
    /// A sheet lies over the window.
    pub modal: bool,
}

/// One shortcut for two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The shortcut.
    pub shortcut: Shortcut,
    /// The command that has it.
    pub used: Command,
    /// The command that goes without it.
    pub unused: Command,
}

/// Something in the user's settings that is no shortcut of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Keys for a command that there is not.
    #[error("there is no command \"{0}\"")]
    NoCommand(String),
    /// A text that is no shortcut; the other shortcuts of the command are used.
    #[error("\"{text}\" is no shortcut, for \"{}\"", command.id())]
    NoShortcut {
        /// The command.
        command: Command,
        /// What stands there.
        text: String,
    },
}

/// The shortcuts of all commands: the defaults, changed by the user.
#[derive(Clone, Debug)]
pub struct KeyMap {
    /// What the user chose comes first and wins over defaults; otherwise in the order of the commands.
    bindings: Vec<(Shortcut, Command)>,
    problems: Vec<KeyProblem>,
    is_mac: bool,
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::new(&BTreeMap::new())
    }
}

impl KeyMap {
    /// The keys of this system, with the user's: ids of commands, each with all shortcuts that it has.
    pub fn new(overrides: &BTreeMap<String, Vec<String>>) -> Self {
        Self::for_system(overrides, cfg!(target_os = "macos"))
    }

    fn for_system(overrides: &BTreeMap<String, Vec<String>>, is_mac: bool) -> Self {
        let mut map = Self {
            bindings: Vec::new(),
            problems: Vec::new(),
            is_mac,
        };
        for (id, shortcuts) in overrides {
            match Command::from_id(id) {
                Some(command) => map.bind(command, shortcuts),
                None => map.problems.push(KeyProblem::NoCommand(id.clone())),
            }
        }
        for &command in Command::ALL {
            if !overrides.contains_key(command.id()) {
                map.bind(command, command.default_shortcuts(is_mac));
            }
        }
        map
    }

    fn bind(&mut self, command: Command, shortcuts: &[impl AsRef<str>]) {
        for text in shortcuts {
            match text.as_ref().parse::<Shortcut>() {
                Ok(shortcut) => self.bindings.push((shortcut.on(self.is_mac), command)),
                Err(_) => self.problems.push(KeyProblem::NoShortcut {
                    command,
                    text: text.as_ref().to_owned(),
                }),
            }
        }
    }

    /// What in the user's settings could not be used.
    pub fn problems(&self) -> &[KeyProblem] {
        &self.problems
    }

    /// Shortcuts that two commands want.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (i, &(shortcut, unused)) in self.bindings.iter().enumerate() {
            let mut earlier = self.bindings[..i].iter();
            if let Some(&(_, used)) =
                earlier.find(|(other, command)| *other == shortcut && *command != unused)
            {
                conflicts.push(Conflict {
                    shortcut,
                    used,
                    unused,
                });
            }
        }
        conflicts
    }

    /// The command that has a shortcut.
    pub fn command_of(&self, shortcut: Shortcut) -> Option<Command> {
        let found = self.bindings.iter().find(|(other, _)| *other == shortcut);
        found.map(|&(_, command)| command)
    }

    /// All shortcuts of a command, the one to be shown first.
    pub fn shortcuts(&self, command: Command) -> impl Iterator<Item = Shortcut> {
        let bound = self
            .bindings
            .iter()
            .filter(move |(_, bound)| *bound == command);
        bound.map(|&(shortcut, _)| shortcut)
    }

    /// The key caps of a command's first shortcut, in the language of `ctx`; empty without one.
    pub fn caps(&self, ctx: &Context, command: Command) -> Vec<String> {
        let shortcut = self.shortcuts(command).next();
        let caps =
            |shortcut: Shortcut| shortcut.caps(self.is_mac, |id| text::tr(ctx, id).to_string());
        shortcut.map(caps).unwrap_or_default()
    }

    /// The same as one text for tooltips and menus: `Ctrl ⇧ S`.
    pub fn caps_text(&self, ctx: &Context, command: Command) -> Option<String> {
        Some(self.caps(ctx, command).join(" ")).filter(|text| !text.is_empty())
    }

    /// Takes the commands out of the keys of this frame, in the order in which they were pressed.
    ///
    /// To be called before anything is drawn, so that no widget sees these keys too. A focused text field keeps all
    /// that types and edits, a selected label keeps `Ctrl C`, an open popup keeps Esc. Pasted things stay in the input:
    /// the one who wants them takes them from there.
    ///
    /// A canvas that wants arrows and Esc has to lock its focus with an [`egui::EventFilter`], and the window has to
    /// turn `Options::zoom_with_keyboard` off; otherwise egui uses these keys itself.
    pub fn pressed(&self, ctx: &Context, context: KeyContext) -> Vec<Command> {
        let frame = Frame::of(ctx, context);
        let mut commands = Vec::new();
        ctx.input_mut(|input| {
            let mut drops_text = false;
            input.events.retain(|event| {
                if matches!(event, Event::Text(_)) && std::mem::take(&mut drops_text) {
                    return false;
                }
                let Some((press, repeats)) = frame.press(event) else {
                    return true;
                };
                let Some(command) = self.command_for(press, frame) else {
                    drops_text = false;
                    return true;
                };
                if command.scope() != Scope::Held && (!repeats || command.repeats()) {
                    commands.push(command);
                }
                // The character of a consumed key must not end in a field that the command opens.
                drops_text = true;
                false
            });
        });
        commands
    }

    /// Whether the key of a held command is down. Nothing is held while text is typed.
    pub fn held(&self, ctx: &Context, command: Command) -> bool {
        let is_down = |input: &InputState| self.shortcuts(command).any(|it| it.is_down(input));
        !ctx.text_edit_focused() && ctx.input(is_down)
    }

    fn command_for(&self, press: Press, frame: Frame) -> Option<Command> {
        let usable = self
            .bindings
            .iter()
            .filter(|&&(shortcut, command)| frame.allows(shortcut, command));
        let fitting =
            usable.filter_map(|&(shortcut, command)| Some((shortcut.fit(press)?, command)));
        let best = fitting.min_by_key(|&(fit, _): &(Fit, Command)| fit);
        best.map(|(_, command)| command)
    }
}

/// What decides in a frame who gets the keys.
#[derive(Clone, Copy)]
struct Frame {
    context: KeyContext,
    is_typing: bool,
    /// Esc belongs to a field that egui has just taken the focus from, or to a popup.
    keeps_escape: bool,
    keeps_copy: bool,
}

impl Frame {
    fn of(ctx: &Context, context: KeyContext) -> Self {
        let id = Id::unique("dinoscope-keymap-was-typing");
        let is_typing = ctx.text_edit_focused();
        let was_typing = ctx.data_mut(|data| {
            let was_typing = data.get_temp(id).unwrap_or(false);
            data.insert_temp(id, is_typing);
            was_typing
        });
        let selection = ctx.plugin_opt::<LabelSelectionState>();
        let has_selection = selection.is_some_and(|state| state.lock().has_selection());
        Self {
            context,
            is_typing,
            keeps_escape: (was_typing && !context.modal) || Popup::is_any_open(ctx),
            keeps_copy: is_typing || has_selection,
        }
    }

    /// The press that an event tells of, and whether it is a repetition.
    fn press(self, event: &Event) -> Option<(Press, bool)> {
        let clipboard = |key| {
            let press = Press {
                key,
                physical: Some(key),
                modifiers: Modifiers::COMMAND | Modifiers::CTRL,
            };
            (!self.keeps_copy).then_some((press, false))
        };
        match *event {
            // Hosts send these in place of the keys.
            Event::Copy => clipboard(Key::C),
            Event::Cut => clipboard(Key::X),
            Event::Key {
                key,
                physical_key,
                pressed: true,
                repeat,
                modifiers,
            } => {
                let press = Press {
                    key,
                    physical: physical_key,
                    modifiers,
                };
                Some((press, repeat))
            }
            _ => None,
        }
    }

    fn allows(self, shortcut: Shortcut, command: Command) -> bool {
        let has_place = match command.scope() {
            Scope::Everywhere => !self.context.modal || command.works_over_sheets(),
            Scope::Canvas | Scope::Held => {
                self.context.canvas && !self.context.modal && !self.is_typing
            }
        };
        let has_key = !self.is_typing || shortcut.spares_text();
        has_place && has_key && !(self.keeps_escape && shortcut.key() == Key::Escape)
    }
}

#[cfg(test)]
mod tests;
