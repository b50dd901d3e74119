//! Gives what a shortcut opens the time to take the focus before the keys that follow are handed over.
//!
//! On a busy machine Ctrl+K and the letters typed behind it come in one frame. egui would give those letters to whatever
//! had the focus before, and Enter to a list that has not seen them.

use egui::{Event, Key};

/// Events that wait for a frame of their own.
#[derive(Debug, Default)]
pub(crate) struct Order {
    waiting: Vec<Event>,
    /// Whether the next frame goes by without keys and clicks: what the last shortcut opened asks for the focus in it.
    pauses: bool,
    /// Keys that are down: the system repeats a held one without a mark.
    held: Vec<Key>,
}

impl Order {
    /// The events of this frame, of all that waited and came; whether some wait for the next one.
    pub(crate) fn next(&mut self, came: Vec<Event>) -> (Vec<Event>, bool) {
        let mut events = std::mem::take(&mut self.waiting);
        events.extend(came);
        let end = if std::mem::take(&mut self.pauses) {
            events.iter().position(acts)
        } else {
            let mut held = self.held.clone();
            let shortcut = events
                .iter()
                .position(|event| comes_down(&mut held, event) && is_shortcut(event));
            self.pauses = shortcut.is_some();
            shortcut.and_then(|at| {
                let behind = events[at + 1..].iter().position(acts)?;
                Some(at + 1 + behind)
            })
        };
        if let Some(end) = end {
            self.waiting = events.split_off(end);
        }
        for event in &events {
            comes_down(&mut self.held, event);
        }
        (events, !self.waiting.is_empty())
    }
}

/// Follows the keys that are down; whether this event is a key that was up before.
fn comes_down(held: &mut Vec<Key>, event: &Event) -> bool {
    match *event {
        Event::Key {
            key, pressed: true, ..
        } => {
            let fresh = !held.contains(&key);
            if fresh {
                held.push(key);
            }
            fresh
        }
        Event::Key { key, .. } => {
            held.retain(|&other| other != key);
            false
        }
        // Releases elsewhere are not told.
        Event::WindowFocused(_) => {
            held.clear();
            false
        }
        _ => false,
    }
}

/// Whether the event does something to what has the focus or lies under the pointer.
fn acts(event: &Event) -> bool {
    match event {
        Event::Key { pressed, .. } | Event::PointerButton { pressed, .. } => *pressed,
        Event::Text(_) | Event::Paste(_) | Event::Cut | Event::Copy | Event::Ime(_) => true,
        _ => false,
    }
}

/// A combination that may open something; held keys repeat what it did.
fn is_shortcut(event: &Event) -> bool {
    let Event::Key {
        pressed: true,
        repeat: false,
        modifiers,
        ..
    } = event
    else {
        return false;
    };
    modifiers.ctrl || modifiers.command || modifiers.mac_cmd
}

#[cfg(test)]
mod tests {
    use egui::{Key, Modifiers, Pos2};

    use super::*;

    fn key(key: Key, pressed: bool, modifiers: Modifiers) -> Event {
        Event::Key {
            key,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers,
        }
    }

    #[test]
    fn letters_behind_a_shortcut_wait_for_two_frames() {
        let shortcut = key(Key::K, true, Modifiers::COMMAND);
        let release = key(Key::K, false, Modifiers::COMMAND);
        let letter = Event::Text("p".into());
        let enter = key(Key::Enter, true, Modifiers::NONE);
        let mut order = Order::default();
        let came = vec![shortcut.clone(), release.clone(), letter.clone()];
        assert_eq!(order.next(came), (vec![shortcut, release], true));
        assert_eq!(order.next(vec![enter.clone()]), (vec![], true));
        assert_eq!(order.next(vec![]), (vec![letter, enter], false));
    }

    #[test]
    fn what_comes_in_the_frame_behind_a_shortcut_waits_for_one() {
        let shortcut = key(Key::K, true, Modifiers::CTRL);
        let letter = Event::Text("p".into());
        let moved = Event::PointerMoved(Pos2::ZERO);
        let mut order = Order::default();
        assert_eq!(order.next(vec![shortcut.clone()]), (vec![shortcut], false));
        let came = vec![moved.clone(), letter.clone()];
        assert_eq!(order.next(came), (vec![moved], true));
        assert_eq!(order.next(vec![]), (vec![letter], false));
    }

    #[test]
    fn without_a_shortcut_nothing_waits() {
        let events = vec![
            Event::Text("a".into()),
            key(Key::A, true, Modifiers::SHIFT),
            key(Key::Enter, true, Modifiers::NONE),
        ];
        let mut order = Order::default();
        assert_eq!(order.next(events.clone()), (events, false));
        assert_eq!(order.next(vec![]), (vec![], false));
    }

    #[test]
    fn one_shortcut_after_the_other_loses_none() {
        let undo = key(Key::Z, true, Modifiers::COMMAND);
        let up = key(Key::Z, false, Modifiers::COMMAND);
        let mut order = Order::default();
        let (mut seen, mut waits) = (0, true);
        let mut came = [&undo, &up, &undo, &up, &undo, &up]
            .map(Event::clone)
            .to_vec();
        for _ in 0..10 {
            let (events, more) = order.next(std::mem::take(&mut came));
            seen += events.len();
            waits = more;
        }
        assert_eq!((seen, waits), (6, false));
    }

    #[test]
    fn a_held_shortcut_repeats_without_a_pause() {
        let undo = key(Key::Z, true, Modifiers::COMMAND);
        let mut order = Order::default();
        let first = vec![undo.clone()];
        assert_eq!(order.next(first.clone()), (first, false));
        // The frame behind the press is the pause.
        assert_eq!(order.next(vec![]), (vec![], false));
        let held = vec![undo.clone(); 5];
        assert_eq!(order.next(held.clone()), (held.clone(), false));
        assert_eq!(order.next(held.clone()), (held, false));
        // Elsewhere it was let go of.
        let back = vec![Event::WindowFocused(true), undo.clone(), undo];
        let (now, waits) = order.next(back);
        assert_eq!((now.len(), waits), (2, true));
    }
}
