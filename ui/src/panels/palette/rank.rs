//! How well a name fits what was typed: whole words first, then letters in order.

/// Points of a name for `words`, all of lower case; none if it does not fit. More is better.
///
/// Every word has to be found: at the start of the name, at the start of a word, inside of one, or as letters in order.
pub(super) fn points(name: &str, words: &str) -> Option<u32> {
    let name = name.to_lowercase();
    let mut sum = 0;
    for word in words.split_whitespace() {
        sum += word_points(&name, word)?;
    }
    // Of equals the shorter one was meant more often.
    Some(sum * 1000 + 999_u32.saturating_sub(name.chars().count() as u32))
}

fn word_points(name: &str, word: &str) -> Option<u32> {
    if name.starts_with(word) {
        return Some(8);
    }
    let starts = |at: usize| name[..at].chars().next_back().is_some_and(|before| !before.is_alphanumeric());
    if name.match_indices(word).any(|(at, _)| starts(at)) {
        return Some(6);
    }
    if name.contains(word) {
        return Some(4);
    }
    has_in_order(name, word).then_some(1)
}

/// Whether the letters of `word` come in `name` in this order, the first one at the start of a word.
fn has_in_order(name: &str, word: &str) -> bool {
    let mut letters = word.chars();
    let Some(first) = letters.next().filter(|_| word.chars().count() > 1) else {
        return false;
    };
    let mut before = ' ';
    let begin = name.char_indices().find(|&(_, letter)| {
        let is_start = !before.is_alphanumeric();
        before = letter;
        is_start && letter == first
    });
    let Some((at, _)) = begin else {
        return false;
    };
    let mut rest = name[at..].chars().skip(1);
    letters.all(|letter| rest.any(|other| other == letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'a>(names: &[&'a str], words: &str) -> Vec<&'a str> {
        let mut fitting: Vec<_> = names.iter().filter_map(|name| Some((points(name, words)?, *name))).collect();
        fitting.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
        fitting.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn a_start_beats_a_word_beats_a_part_beats_letters() {
        let names = ["Reopen tab", "Open folder", "Project: open", "One pen", "Close"];
        assert_eq!(best(&names, "open"), ["Open folder", "Project: open", "Reopen tab", "One pen"]);
    }

    #[test]
    fn every_word_has_to_fit_and_no_word_fits_all() {
        assert_eq!(best(&["Open folder", "Open pictures"], "op fo"), ["Open folder"]);
        assert_eq!(best(&["Save", "Save as"], ""), ["Save", "Save as"]);
        assert!(best(&["Save"], "x").is_empty());
        assert!(best(&["abc"], "c").len() == 1 && best(&["abc"], "z").is_empty());
    }

    #[test]
    fn chinese_names_are_found_by_any_part() {
        assert_eq!(best(&["打开文件夹", "保存"], "文件"), ["打开文件夹"]);
    }
}
