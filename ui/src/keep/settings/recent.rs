//! Lists of what was opened last.

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::keep::path_text::PathText;

/// Things that a list remembers.
const MAX: usize = 24;

/// Something that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    path: PathText,
    /// When, in microseconds since 1970.
    at_micros: u64,
}

impl Recent {
    /// Its path; for a model its name.
    pub fn path(&self) -> &Path {
        &self.path.0
    }
}

/// Puts something on top.
pub(super) fn remember(list: &mut Vec<Recent>, path: &Path) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_micros() as u64);
    let newest = list
        .iter()
        .map(|recent| recent.at_micros)
        .max()
        .unwrap_or(0);
    list.push(Recent {
        path: PathText::from(path),
        // Several things of one microsecond, and a clock that was put back, keep their order.
        at_micros: now.max(newest.saturating_add(1)),
    });
    tidy(list);
}

/// Newest first, each thing once, not too many.
pub(super) fn tidy(list: &mut Vec<Recent>) {
    list.sort_by_key(|recent| std::cmp::Reverse(recent.at_micros));
    let mut kept: Vec<Recent> = Vec::new();
    for recent in list.drain(..) {
        if kept.len() < MAX && kept.iter().all(|other| other.path != recent.path) {
            kept.push(recent);
        }
    }
    *list = kept;
}

/// What two instances made of one list: all that either opened, without what either took off.
pub(super) fn merge(before: &[Recent], ours: &[Recent], theirs: &[Recent]) -> Vec<Recent> {
    let times = |list: &[Recent]| -> HashMap<PathText, u64> {
        let times = list
            .iter()
            .map(|recent| (recent.path.clone(), recent.at_micros));
        times.collect()
    };
    let (before, own, others) = (times(before), times(ours), times(theirs));
    // On one side only: opened there since, or taken off on the other side.
    let stays = |recent: &Recent, across: &HashMap<PathText, u64>| {
        across.contains_key(&recent.path)
            || before
                .get(&recent.path)
                .is_none_or(|&then| then < recent.at_micros)
    };
    let ours = ours.iter().filter(|recent| stays(recent, &others));
    let theirs = theirs.iter().filter(|recent| stays(recent, &own));
    let mut merged: Vec<Recent> = ours.chain(theirs).cloned().collect();
    tidy(&mut merged);
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(entries: &[(&str, u64)]) -> Vec<Recent> {
        let recent = |&(path, at_micros): &(&str, u64)| Recent {
            path: PathText(path.into()),
            at_micros,
        };
        entries.iter().map(recent).collect()
    }

    fn names(list: &[Recent]) -> Vec<&str> {
        list.iter()
            .map(|recent| recent.path().to_str().unwrap())
            .collect()
    }

    #[test]
    fn the_newest_is_first_and_stands_once() {
        let mut recent = Vec::new();
        for name in ["a", "b", "c", "a"] {
            remember(&mut recent, Path::new(name));
        }
        assert_eq!(names(&recent), ["a", "c", "b"]);
        for i in 0..100 {
            remember(&mut recent, Path::new(&i.to_string()));
        }
        assert_eq!(recent.len(), MAX);
        assert_eq!(recent[0].path(), Path::new("99"));
    }

    #[test]
    fn both_sides_are_kept_and_removals_too() {
        let before = list(&[("b", 2), ("a", 1)]);
        let ours = list(&[("ours", 5), ("a", 1)]);
        let theirs = list(&[("theirs", 4), ("b", 2), ("a", 1)]);
        assert_eq!(
            names(&merge(&before, &ours, &theirs)),
            ["ours", "theirs", "a"]
        );
        let again = list(&[("b", 9), ("a", 1)]);
        assert_eq!(
            names(&merge(&before, &again, &list(&[("a", 1)]))),
            ["b", "a"]
        );
        assert!(merge(&before, &[], &before).is_empty(), "cleared here");
    }

    proptest! {
        #[test]
        fn a_merge_without_their_changes_is_ours(
            before in proptest::collection::vec((0..9_u8, 0..50_u64), 0..12),
            ours in proptest::collection::vec((0..9_u8, 50..99_u64), 0..12),
        ) {
            let build = |entries: &[(u8, u64)]| {
                let named: Vec<(String, u64)> =
                    entries.iter().map(|(name, at)| (name.to_string(), *at)).collect();
                let mut list = list(&named.iter().map(|(n, at)| (n.as_str(), *at)).collect::<Vec<_>>());
                tidy(&mut list);
                list
            };
            let (before, ours) = (build(&before), build(&ours));
            prop_assert_eq!(merge(&before, &ours, &before), ours);
        }
    }
}
