//! The history against a naive model, and the claims of its documentation.

use proptest::prelude::*;

use super::*;

fn key(of: &str) -> CoalesceKey {
    CoalesceKey::of(of)
}

#[test]
fn a_drag_is_one_step() {
    let mut history = History::new(0);
    for (i, value) in [1, 2, 3].into_iter().enumerate() {
        assert!(history.edit("edit-opacity", Some(key("opacity")), i as f64 * 0.5, value));
    }
    assert_eq!(history.undo_label(), Some("edit-opacity"));
    assert_eq!(history.undo().map(|d| **d), Some(0));
    assert_eq!(history.undo(), None);
    assert_eq!(history.redo_label(), Some("edit-opacity"));
    assert_eq!(history.redo().map(|d| **d), Some(3));
    assert_eq!(history.redo(), None);
}

#[test]
fn a_pause_another_key_or_the_end_of_a_drag_start_a_new_step() {
    let mut history = History::new(0);
    history.edit("edit", Some(key("a")), 0.0, 1);
    history.edit("edit", Some(key("a")), 0.9, 2);
    history.edit("edit", Some(key("b")), 1.0, 3);
    history.seal();
    history.edit("edit", Some(key("b")), 1.1, 4);
    history.edit("edit", None, 1.2, 5);
    history.edit("edit", None, 1.3, 6);
    let undone: Vec<i32> = std::iter::from_fn(|| history.undo().map(|d| **d)).collect();
    assert_eq!(undone, [5, 4, 3, 2, 1, 0]);
}

#[test]
fn a_drag_back_to_its_start_leaves_no_step() {
    let mut history = History::new(0);
    history.edit("edit", Some(key("a")), 0.0, 1);
    history.edit("edit", Some(key("a")), 0.1, 0);
    assert_eq!(history.undo_label(), None);
    assert!(
        !history.edit("edit", Some(key("a")), 0.2, 0),
        "nothing changed"
    );
    history.edit("edit", Some(key("a")), 0.3, 7);
    assert_eq!(history.undo().map(|d| **d), Some(0));
}

#[test]
fn undo_back_to_the_saved_state_is_saved() {
    let mut history = History::new(0);
    assert!(!history.is_saved());
    history.edit("edit", Some(key("a")), 0.0, 1);
    let written = Arc::clone(history.present());
    history.edit("edit", Some(key("a")), 0.1, 2);
    history.mark_saved(&written);
    assert!(!history.is_saved(), "changed while it was written");
    history.mark_saved(&Arc::clone(history.present()));
    assert!(history.is_saved());
    history.edit("edit", Some(key("a")), 0.2, 3);
    assert!(!history.is_saved());
    history.undo();
    assert_eq!(**history.present(), 2, "undo stops at what is in the file");
    assert!(history.is_saved());
    history.undo();
    assert!(!history.is_saved());
    history.edit("edit", None, 9.0, 2);
    assert!(history.is_saved(), "made by hand again");
}

#[test]
fn what_is_learned_is_no_step() {
    let mut history = History::new(0);
    history.edit("edit", None, 0.0, 1);
    history.mark_saved(&Arc::clone(history.present()));
    history.amend(2);
    assert!(history.is_saved());
    assert_eq!(history.undo().map(|d| **d), Some(0));
    assert_eq!(history.redo().map(|d| **d), Some(2));
    assert!(history.is_saved());
    history.edit("edit", None, 1.0, 3);
    history.amend(4);
    assert!(!history.is_saved());
    assert_eq!(**history.present(), 4);
}

#[test]
fn bytes_and_steps_are_bounded() {
    let limits = Limits {
        steps: 1000,
        bytes: 10_000,
    };
    let mut history = History::with_limits(String::new(), limits);
    for i in 0..100 {
        history.edit("edit", None, i as f64, "x".repeat(900 + i));
    }
    let undone = std::iter::from_fn(|| history.undo().map(|d| d.len())).count();
    assert!((9..=11).contains(&undone), "{undone} steps of 1 kB");

    let limits = Limits { steps: 3, bytes: 1 };
    let mut history = History::with_limits(String::new(), limits);
    history.edit("edit", None, 0.0, "x".repeat(1000));
    history.edit("edit", None, 1.0, "y".repeat(1000));
    assert!(
        history.undo().is_some(),
        "one step is kept whatever it weighs"
    );
    assert!(history.undo().is_none());
}

#[derive(Clone, Debug)]
enum Op {
    Edit {
        value: u8,
        key: Option<u8>,
        wait: u8,
    },
    Undo,
    Redo,
    Save,
    Seal,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0..4_u8, proptest::option::of(0..2_u8), 0..12_u8)
            .prop_map(|(value, key, wait)| Op::Edit { value, key, wait }),
        2 => Just(Op::Undo),
        2 => Just(Op::Redo),
        1 => Just(Op::Save),
        1 => Just(Op::Seal),
    ];
    proptest::collection::vec(op, 0..80)
}

/// Two stacks of plain values and no cleverness.
#[derive(Default)]
struct Model {
    present: u8,
    undo: Vec<u8>,
    redo: Vec<u8>,
    saved: Option<u8>,
    open: Option<(u8, f64)>,
}

impl Model {
    fn edit(&mut self, value: u8, key: Option<u8>, now: f64) {
        if value == self.present {
            return;
        }
        let joins = self.redo.is_empty()
            && !self.undo.is_empty()
            && self
                .open
                .is_some_and(|(open, at)| Some(open) == key && now - at <= COALESCE_SECS);
        self.redo.clear();
        if !joins {
            self.undo.push(self.present);
        }
        self.present = value;
        self.open = key.map(|key| (key, now));
        if joins && self.undo.last() == Some(&value) {
            self.undo.pop();
            self.open = None;
        }
    }
}

proptest! {
    #[test]
    fn the_history_behaves_as_two_stacks(ops in ops()) {
        let mut history = History::new(0_u8);
        let mut model = Model::default();
        let mut now = 0.0;
        for op in ops {
            match op {
                Op::Edit { value, key, wait } => {
                    now += f64::from(wait) * 0.1;
                    history.edit("edit", key.map(CoalesceKey::of), now, value);
                    model.edit(value, key, now);
                }
                Op::Undo => {
                    let expected = model.undo.pop();
                    prop_assert_eq!(history.undo().map(|d| **d), expected);
                    if let Some(before) = expected {
                        model.redo.push(model.present);
                        model.present = before;
                        model.open = None;
                    }
                }
                Op::Redo => {
                    let expected = model.redo.pop();
                    prop_assert_eq!(history.redo().map(|d| **d), expected);
                    if let Some(after) = expected {
                        model.undo.push(model.present);
                        model.present = after;
                        model.open = None;
                    }
                }
                Op::Save => {
                    history.mark_saved(&Arc::clone(history.present()));
                    model.saved = Some(model.present);
                    model.open = None;
                }
                Op::Seal => {
                    history.seal();
                    model.open = None;
                }
            }
            prop_assert_eq!(**history.present(), model.present);
            prop_assert_eq!(history.is_saved(), model.saved == Some(model.present));
            prop_assert_eq!(history.undo_label().is_some(), !model.undo.is_empty());
            prop_assert_eq!(history.redo_label().is_some(), !model.redo.is_empty());
        }
    }

    #[test]
    fn steps_never_pass_the_limit(edits in proptest::collection::vec(any::<u8>(), 0..60)) {
        let limits = Limits { steps: 5, bytes: 1 << 20 };
        let mut history = History::with_limits(0, limits);
        for (i, value) in edits.into_iter().enumerate() {
            history.edit("edit", None, i as f64, value);
            prop_assert!(history.states.len() <= 6);
        }
    }
}
