//! Undo and redo of all edits: the states of the document in a row, with a cursor.
//!
//! Documents are small, so a step is a whole state behind an [`Arc`]; nothing has to know how to reverse itself.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

/// Edits of one key that follow each other within this time are one step, in seconds.
const COALESCE_SECS: f64 = 0.8;

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most steps that can be undone and redone together.
    pub steps: usize,
    /// Most bytes of all past states together, measured as JSON. At least one step is kept whatever its size.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 500,
            bytes: 64 << 20,
        }
    }
}

/// Names what is being changed, so that a drag of one slider or the typing into one field becomes one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoalesceKey(u64);

impl CoalesceKey {
    /// A key from whatever tells the changed thing from all others, such as `("opacity", view_id)`.
    pub fn of(thing: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// All states of a document that can be reached by undo and redo.
#[derive(Debug)]
pub struct History<T> {
    /// Oldest first; never empty.
    states: VecDeque<State<T>>,
    /// Index of the present state.
    cursor: usize,
    saved: Option<Arc<T>>,
    is_saved: bool,
    /// Key, label and time of the last edit, while later ones may still join it.
    open: Option<(CoalesceKey, &'static str, f64)>,
    limits: Limits,
    /// Edits, steps back and steps forward so far.
    changes: u64,
}

/// A document and the edit that made it from the one before.
#[derive(Debug)]
struct State<T> {
    document: Arc<T>,
    label: &'static str,
    /// Length as JSON, once nothing can join the state anymore.
    bytes: usize,
}

impl<T: Serialize + PartialEq> History<T> {
    /// A history without steps. The document counts as not saved until [`mark_saved`](Self::mark_saved).
    pub fn new(document: T) -> Self {
        Self::with_limits(document, Limits::default())
    }

    /// The same with limits of one's own.
    pub fn with_limits(document: T, limits: Limits) -> Self {
        Self {
            states: VecDeque::from([State::new(Arc::new(document), "")]),
            cursor: 0,
            saved: None,
            is_saved: false,
            open: None,
            limits,
            changes: 0,
        }
    }

    /// The document as it is now.
    pub fn present(&self) -> &Arc<T> {
        &self.states[self.cursor].document
    }

    /// Makes `new` the present document and returns whether that changed anything.
    ///
    /// `label` is the message id of what the edit does, for the menu. Edits with one `key` and label within 0.8 s of
    /// each other are one step; `now_secs` is the time of the user interface. What was undone is forgotten.
    pub fn edit(
        &mut self,
        label: &'static str,
        key: Option<CoalesceKey>,
        now_secs: f64,
        new: T,
    ) -> bool {
        if *self.present().as_ref() == new {
            return false;
        }
        self.changes += 1;
        let joins = self.joins(label, key, now_secs);
        self.states.truncate(self.cursor + 1);
        if joins {
            self.states.pop_back();
            self.cursor -= 1;
        }
        if joins && *self.present().as_ref() == new {
            // A drag that comes back to its start leaves no step, and nothing that later edits may join.
            self.open = None;
        } else {
            self.states[self.cursor].measure();
            self.states.push_back(State::new(Arc::new(new), label));
            self.cursor += 1;
            self.open = key.map(|key| (key, label, now_secs));
            self.trim();
        }
        self.compare_with_saved();
        true
    }

    /// Changes the present document without a step: for what was learned, not done, such as the hash of a picture.
    ///
    /// A saved document stays saved.
    pub fn amend(&mut self, new: T) {
        let new = Arc::new(new);
        if self.is_saved {
            self.saved = Some(Arc::clone(&new));
        }
        self.states[self.cursor].document = new;
        self.compare_with_saved();
    }

    /// How often the document was changed by somebody; what is learned does not count.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Ends the current step: at the end of a drag, when a field loses the focus.
    pub fn seal(&mut self) {
        self.open = None;
    }

    /// Goes one step back and returns the document, or `None` if there is no step.
    pub fn undo(&mut self) -> Option<&Arc<T>> {
        self.go(self.cursor.checked_sub(1)?)
    }

    /// Goes one undone step forward again and returns the document, or `None` if nothing was undone.
    pub fn redo(&mut self) -> Option<&Arc<T>> {
        self.go(self.cursor + 1)
    }

    /// Message id of the edit that undo takes back.
    pub fn undo_label(&self) -> Option<&'static str> {
        (self.cursor > 0).then(|| self.states[self.cursor].label)
    }

    /// Message id of the edit that redo repeats.
    pub fn redo_label(&self) -> Option<&'static str> {
        Some(self.states.get(self.cursor + 1)?.label)
    }

    /// Whether the present document equals the one last saved, by whatever way it became so.
    pub fn is_saved(&self) -> bool {
        self.is_saved
    }

    /// Remembers the document that was written. It may be older than the present one: saving takes time.
    pub fn mark_saved(&mut self, document: &Arc<T>) {
        self.saved = Some(Arc::clone(document));
        // A later edit must not join: undo has to stop at what is in the file.
        self.seal();
        self.compare_with_saved();
    }

    fn go(&mut self, cursor: usize) -> Option<&Arc<T>> {
        if cursor >= self.states.len() {
            return None;
        }
        self.changes += 1;
        self.states[self.cursor].measure();
        self.cursor = cursor;
        self.seal();
        self.compare_with_saved();
        Some(self.present())
    }

    fn joins(&self, label: &'static str, key: Option<CoalesceKey>, now_secs: f64) -> bool {
        let is_last = self.cursor > 0 && self.cursor + 1 == self.states.len();
        is_last
            && self.open.is_some_and(|(open, of, at_secs)| {
                Some(open) == key && of == label && now_secs - at_secs <= COALESCE_SECS
            })
    }

    /// Forgets the oldest steps beyond the limits. The present state and the one before it always stay.
    fn trim(&mut self) {
        let mut bytes: usize = self.states.iter().map(|state| state.bytes).sum();
        while self.cursor > 1
            && (self.states.len() > self.limits.steps + 1 || bytes > self.limits.bytes)
        {
            bytes -= self.states.pop_front().map_or(0, |oldest| oldest.bytes);
            self.cursor -= 1;
        }
    }

    fn compare_with_saved(&mut self) {
        let present = self.present();
        self.is_saved = self
            .saved
            .as_ref()
            .is_some_and(|saved| Arc::ptr_eq(saved, present) || saved == present);
    }
}

impl<T: Serialize> State<T> {
    fn new(document: Arc<T>, label: &'static str) -> Self {
        Self {
            document,
            label,
            bytes: 0,
        }
    }

    /// Measures once, when the state is left: a drag makes hundreds of states that nobody has to measure.
    fn measure(&mut self) {
        if self.bytes == 0 {
            let mut length = Length(0);
            // What cannot be written as JSON cannot be saved either, which is told there; here it counts as small.
            let _ = serde_json::to_writer(&mut length, self.document.as_ref());
            self.bytes = length.0.max(1);
        }
    }
}

/// A writer that only counts.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
