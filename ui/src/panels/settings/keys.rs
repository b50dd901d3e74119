//! The shortcuts of all commands: press new keys, see who has them already, bring the defaults back.

use egui::{Align, Event, Key, Label, Layout, RichText, ScrollArea, Ui};

use super::super::sheet;
use crate::commands::{Command, KeyMap, Section, Shortcut};
use crate::cx::Cx;
use crate::icons;
use crate::keep::settings::Settings;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::{Button, KeyCap, Note, TextField, Tone};

/// Height of a line, in points.
const LINE: f32 = 32.0;

/// What the page keeps between frames.
#[derive(Debug, Default)]
pub(super) struct State {
    filter: String,
    /// The command that waits for its keys.
    recorded: Option<Command>,
    /// Keys that another command has: they wait for a decision.
    taken: Option<Taken>,
}

impl State {
    /// Whether the next keys are meant for the page.
    pub(super) fn is_recording(&self) -> bool {
        self.recorded.is_some()
    }
}

/// A shortcut that is asked for and in use.
#[derive(Clone, Copy, Debug)]
struct Taken {
    shortcut: Shortcut,
    wanted: Command,
    holder: Command,
}

/// Draws the page.
pub(super) fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    record(ui, cx);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let none = cx
                .preferences
                .keys
                .is_empty()
                .then(|| tr(ui, "keys-all-default"));
            let reset = Button::new(tr(ui, "keys-reset-all")).icon(icons::ARROW_COUNTER_CLOCKWISE);
            if ui.add(reset.disabled_because(none)).clicked() {
                cx.preferences.keys.clear();
            }
            let hint = tr(ui, "shortcuts-search");
            ui.add(TextField::search(&mut cx.state.settings.keys.filter, hint));
        });
    });
    taken_ui(ui, cx);
    for problem in cx.keys.problems() {
        Note::new(Tone::Warn, problem.to_string()).show(ui);
    }
    list_ui(ui, cx);
}

/// Takes the keys that a command waits for; Esc leaves it as it was.
fn record(ui: &Ui, cx: &mut Cx<'_>) {
    let Some(command) = cx.state.settings.keys.recorded else {
        return;
    };
    let pressed = ui.input_mut(|input| {
        let mut pressed = None;
        input.events.retain(|event| match event {
            Event::Key {
                key,
                modifiers,
                pressed: true,
                ..
            } => {
                pressed = pressed.or(Some((*key, *modifiers)));
                false
            }
            Event::Text(_) | Event::Copy | Event::Cut | Event::Paste(_) => false,
            _ => true,
        });
        pressed
    });
    let Some((key, modifiers)) = pressed else {
        return;
    };
    if key == Key::Escape && modifiers.is_none() {
        cx.state.settings.keys.recorded = None;
    } else if let Some(shortcut) = Shortcut::of_press(key, modifiers) {
        cx.state.settings.keys.recorded = None;
        choose(cx, command, shortcut);
    }
}

/// Gives keys to a command, or asks first if another one has them.
fn choose(cx: &mut Cx<'_>, wanted: Command, shortcut: Shortcut) {
    match cx
        .keys
        .command_of(shortcut)
        .filter(|&holder| holder != wanted)
    {
        Some(holder) => {
            cx.state.settings.keys.taken = Some(Taken {
                shortcut,
                wanted,
                holder,
            });
        }
        None => bind(cx.preferences, wanted, &[shortcut]),
    }
}

/// Sets all shortcuts of a command.
fn bind(settings: &mut Settings, command: Command, shortcuts: &[Shortcut]) {
    let texts = shortcuts.iter().map(ToString::to_string).collect();
    settings.keys.insert(command.id().to_owned(), texts);
}

/// Takes keys from the one who has them and gives them to the one who wants them.
fn take_over(settings: &mut Settings, keys: &KeyMap, taken: Taken) {
    let rest: Vec<Shortcut> = keys
        .shortcuts(taken.holder)
        .filter(|&other| other != taken.shortcut)
        .collect();
    bind(settings, taken.holder, &rest);
    bind(settings, taken.wanted, &[taken.shortcut]);
}

fn taken_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(taken) = cx.state.settings.keys.taken else {
        return;
    };
    let values = [
        ("keys", caps(ui, taken.shortcut).into()),
        ("holder", tr(ui, taken.holder.name_id()).to_string().into()),
    ];
    let said = tr_with(ui, "keys-taken", &values);
    let wanted = [("name", tr(ui, taken.wanted.name_id()).to_string().into())];
    Note::new(Tone::Warn, said)
        .cause(tr(ui, "keys-taken-cause"))
        .show(ui);
    ui.horizontal(|ui| {
        if ui
            .add(Button::new(tr_with(ui, "keys-take", &wanted)).primary())
            .clicked()
        {
            take_over(cx.preferences, cx.keys, taken);
            cx.state.settings.keys.taken = None;
        }
        if ui.add(Button::new(tr(ui, "app-cancel"))).clicked() {
            cx.state.settings.keys.taken = None;
        }
    });
}

/// A line of the list.
enum Line {
    Heading(Section),
    Command(Command),
}

fn list_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let lines = lines(ui, cx);
    if lines.is_empty() {
        sheet::quiet(ui, &tr(ui, "app-nothing-found"));
        return;
    }
    let height = ui.available_height().max(4.0 * LINE);
    ui.spacing_mut().item_spacing.y = 0.0;
    let scroll = ScrollArea::vertical()
        .id_salt("settings-keys")
        .max_height(height)
        .auto_shrink(false);
    scroll.show_rows(ui, LINE, lines.len(), |ui, range| {
        for line in &lines[range] {
            match line {
                Line::Heading(section) => heading_ui(ui, *section),
                Line::Command(command) => line_ui(ui, cx, *command),
            }
        }
    });
}

fn lines(ui: &Ui, cx: &Cx<'_>) -> Vec<Line> {
    let words = cx.state.settings.keys.filter.to_lowercase();
    let fits = |command: &&Command| {
        let keys = cx.keys.caps_text(ui, **command).unwrap_or_default();
        let text = format!("{} {keys}", tr(ui, command.name_id())).to_lowercase();
        words.split_whitespace().all(|word| text.contains(word))
    };
    let mut lines = Vec::new();
    for section in Section::ALL {
        let all = Command::ALL
            .iter()
            .filter(|command| command.section() == section);
        let fitting: Vec<Line> = all
            .filter(fits)
            .map(|&command| Line::Command(command))
            .collect();
        if !fitting.is_empty() {
            lines.push(Line::Heading(section));
            lines.extend(fitting);
        }
    }
    lines
}

fn heading_ui(ui: &mut Ui, section: Section) {
    ui.horizontal(|ui| {
        ui.set_height(LINE);
        ui.with_layout(Layout::left_to_right(Align::Max), |ui| {
            sheet::strong(ui, &tr(ui, section.title_id()))
        });
    });
}

fn line_ui(ui: &mut Ui, cx: &mut Cx<'_>, command: Command) {
    let name = tr(ui, command.name_id());
    let is_changed = cx.preferences.keys.contains_key(command.id());
    ui.horizontal(|ui| {
        ui.set_height(LINE);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            buttons_ui(ui, cx, command, is_changed);
            if cx.state.settings.keys.recorded == Some(command) {
                let shown = RichText::from(tr(ui, "keys-press")).color(theme::palette(ui).accent);
                ui.label(shown);
            } else {
                // From right to left, so that the first one stands first.
                let shortcuts: Vec<Shortcut> = cx.keys.shortcuts(command).collect();
                for &shortcut in shortcuts.iter().rev() {
                    ui.add(KeyCap::new(caps(ui, shortcut)));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let shown = RichText::from(name).color(theme::palette(ui).text_1);
                ui.add(Label::new(shown).truncate())
                    .on_hover_text(tr(ui, command.help_id()));
            });
        });
    });
}

fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, command: Command, is_changed: bool) {
    let values = [("name", tr(ui, command.name_id()).to_string().into())];
    let default = (!is_changed).then(|| tr(ui, "keys-is-default"));
    let reset = Button::icon_only(
        icons::ARROW_COUNTER_CLOCKWISE,
        tr_with(ui, "keys-reset", &values),
    );
    if ui.add(reset.disabled_because(default)).clicked() {
        cx.preferences.keys.remove(command.id());
    }
    let none = cx
        .keys
        .shortcuts(command)
        .next()
        .is_none()
        .then(|| tr(ui, "keys-has-none"));
    let clear = Button::icon_only(icons::X, tr_with(ui, "keys-clear", &values));
    if ui.add(clear.disabled_because(none)).clicked() {
        bind(cx.preferences, command, &[]);
    }
    let record = Button::icon_only(icons::KEYBOARD, tr_with(ui, "keys-change", &values));
    let is_recorded = cx.state.settings.keys.recorded == Some(command);
    if ui.add(record.on(is_recorded)).clicked() {
        cx.state.settings.keys.recorded = (!is_recorded).then_some(command);
        cx.state.settings.keys.taken = None;
    }
}

/// The key caps of a shortcut as one text.
fn caps(ui: &Ui, shortcut: Shortcut) -> String {
    let caps = shortcut.caps(cfg!(target_os = "macos"), |id| tr(ui, id).to_string());
    caps.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Modifiers;

    #[test]
    fn keys_that_are_taken_over_leave_the_other_command_its_other_keys() {
        let mut settings = Settings::default();
        let keys = KeyMap::new(&settings.keys);
        let shortcut = Shortcut::of_press(Key::Y, Modifiers::COMMAND).unwrap();
        assert_eq!(keys.command_of(shortcut), Some(Command::Redo));
        let taken = Taken {
            shortcut,
            wanted: Command::Models,
            holder: Command::Redo,
        };
        take_over(&mut settings, &keys, taken);
        let keys = KeyMap::new(&settings.keys);
        assert_eq!(keys.command_of(shortcut), Some(Command::Models));
        assert_eq!(keys.shortcuts(Command::Redo).count(), 1);
        assert!(keys.conflicts().is_empty() && keys.problems().is_empty());
    }
}
