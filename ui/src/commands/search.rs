//! Search for commands by some of their letters, in the language of the window and in English.

/// What a command is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// In the language of the window.
    pub local: &'a str,
    /// In English, which many people type whatever the window shows, and in other words.
    pub english: &'a str,
}

/// A name that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Place in the list of names.
    pub index: usize,
    /// How well it fits; comparable within one search.
    pub score: f32,
    /// Characters of the local name that were found, by their number, ascending. None if the English name fits better.
    pub marks: Vec<usize>,
}

/// A letter at the start of a word, as in the initials of a name.
const WORD_START: f32 = 8.0;
/// A letter right after the one found before.
const ADJACENT: f32 = 6.0;
/// Each letter found.
const LETTER: f32 = 1.0;
/// Each letter of the name that is left over: of two names the shorter one is meant.
const LEFT_OVER: f32 = 0.05;
/// What a hit in the English name is worth beside one in the local name.
const ENGLISH: f32 = 0.9;

/// The names that hold all words of `query`, each as a subsequence; best first, and in their order where alike.
///
/// Without a query, all names in their order.
pub fn search(query: &str, names: &[Names<'_>]) -> Vec<Found> {
    let words: Vec<Vec<char>> = query.split_whitespace().map(folded).collect();
    let mut found: Vec<Found> = Vec::new();
    for (index, names) in names.iter().enumerate() {
        let local = fit(&words, names.local);
        let english = fit(&words, names.english).map(|(score, _)| (score * ENGLISH, Vec::new()));
        let best = match (local, english) {
            (Some(local), Some(english)) if english.0 > local.0 => Some(english),
            (local, english) => local.or(english),
        };
        if let Some((score, marks)) = best {
            found.push(Found {
                index,
                score,
                marks,
            });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

/// Lower case, one character for one character so that marks stay true.
fn folded(text: &str) -> Vec<char> {
    text.chars()
        .map(|c| c.to_lowercase().next().unwrap_or(c))
        .collect()
}

/// The score of a name and the characters found in it, if all words are.
fn fit(words: &[Vec<char>], name: &str) -> Option<(f32, Vec<usize>)> {
    if words.is_empty() {
        return Some((0.0, Vec::new()));
    }
    let letters = folded(name);
    let starts = word_starts(name);
    let (mut total, mut marks) = (0.0, Vec::new());
    for word in words {
        let (score, found) = subsequence(word, &letters, &starts)?;
        total += score;
        marks.extend(found);
    }
    marks.sort_unstable();
    marks.dedup();
    let left_over = letters.len().saturating_sub(marks.len());
    Some((total - LEFT_OVER * left_over as f32, marks))
}

/// Where words begin. Each Chinese character is one.
fn word_starts(name: &str) -> Vec<bool> {
    let mut before = ' ';
    let starts = name.chars().map(|c| {
        let is_word = c.is_alphanumeric();
        let starts =
            is_word && (!before.is_alphanumeric() || is_ideograph(c) || is_ideograph(before));
        before = c;
        starts
    });
    starts.collect()
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// The best way to find `word` in `letters` in order, by dynamic programming over all ways.
fn subsequence(word: &[char], letters: &[char], starts: &[bool]) -> Option<(f32, Vec<usize>)> {
    // `best[i]`: score of the letters of the word so far when the last one is at `i`; `from[k][i]`: where the one
    // before it is.
    let mut best: Vec<Option<f32>> = Vec::new();
    let mut from: Vec<Vec<usize>> = Vec::new();
    for (k, &wanted) in word.iter().enumerate() {
        let mut next = vec![None; letters.len()];
        let mut origins = vec![0; letters.len()];
        // The best end before `i - 1`, from where a letter is a jump.
        let mut jump: Option<(f32, usize)> = None;
        for i in 0..letters.len() {
            if letters[i] == wanted {
                let own = LETTER + if starts[i] { WORD_START } else { 0.0 };
                let adjacent = i
                    .checked_sub(1)
                    .and_then(|at| Some((best.get(at).copied()?? + ADJACENT, at)));
                let origin = match (k, adjacent, jump) {
                    (0, ..) => Some((0.0, 0)),
                    (_, Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
                    (_, a, b) => a.or(b),
                };
                if let Some((score, at)) = origin {
                    next[i] = Some(score + own);
                    origins[i] = at;
                }
            }
            if let Some(at) = i.checked_sub(1)
                && let Some(score) = best.get(at).copied().flatten()
                && jump.is_none_or(|(highest, _)| score > highest)
            {
                jump = Some((score, at));
            }
        }
        best = next;
        from.push(origins);
    }
    let ends = best
        .iter()
        .enumerate()
        .filter_map(|(i, score)| Some(((*score)?, i)));
    let (score, mut at) = ends.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
    let mut marks = vec![at];
    for origins in from.iter().skip(1).rev() {
        at = origins[at];
        marks.push(at);
    }
    marks.reverse();
    Some((score, marks))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn english(query: &str, names: &[&'static str]) -> Vec<&'static str> {
        let list: Vec<Names<'_>> = names
            .iter()
            .map(|name| Names {
                local: name,
                english: name,
            })
            .collect();
        search(query, &list)
            .into_iter()
            .map(|found| names[found.index])
            .collect()
    }

    #[test]
    fn initials_and_whole_words_come_first() {
        let names = [
            "Save as",
            "Split view",
            "Similarity view",
            "Export figure",
            "Save",
            "Swap pictures",
        ];
        assert_eq!(english("save", &names)[..2], ["Save", "Save as"]);
        assert_eq!(english("sa", &names)[..2], ["Save as", "Save"]);
        assert_eq!(
            english("sv", &names)[..2],
            ["Split view", "Similarity view"]
        );
        assert_eq!(english("figure exp", &names), ["Export figure"]);
        assert_eq!(english("EXP", &names), ["Export figure"]);
        assert_eq!(english("xyz", &names), [""; 0]);
        assert_eq!(english("  ", &names), names);
    }

    #[test]
    fn chinese_windows_understand_both_languages() {
        let names = [
            Names {
                local: "导出插图",
                english: "Export figure",
            },
            Names {
                local: "导出数值",
                english: "Export values",
            },
            Names {
                local: "撤销",
                english: "Undo",
            },
        ];
        let indices =
            |query| -> Vec<usize> { search(query, &names).iter().map(|it| it.index).collect() };
        assert_eq!(indices("插图"), [0]);
        assert_eq!(indices("导数"), [1]);
        assert_eq!(indices("undo"), [2]);
        assert_eq!(indices("导出 val"), [0; 0], "one language at a time");
        assert_eq!(search("出图", &names)[0].marks, [1, 3]);
        assert_eq!(search("exp", &names)[0].marks, [0; 0]);
    }

    #[test]
    fn marks_show_the_best_way_to_read_a_name() {
        let names = [Names {
            local: "Toggle the tray",
            english: "Toggle the tray",
        }];
        assert_eq!(search("tray", &names)[0].marks, [11, 12, 13, 14]);
        assert_eq!(search("ttt", &names)[0].marks, [0, 7, 11]);
    }

    proptest! {
        #[test]
        fn marks_are_the_letters_of_the_query(query in "[a-d]{1,5}", name in "[a-d ]{0,12}") {
            let names = [Names { local: &name, english: "" }];
            let letters: Vec<char> = name.chars().collect();
            let mut rest = letters.iter();
            let holds = query.chars().all(|wanted| rest.any(|&c| c == wanted));
            let found = search(&query, &names);
            prop_assert_eq!(found.len(), usize::from(holds));
            for found in found {
                let read: String = found.marks.iter().map(|&i| letters[i]).collect();
                prop_assert_eq!(&read, &query);
                prop_assert!(found.marks.is_sorted_by(|a, b| a < b));
            }
        }

        #[test]
        fn any_text_can_be_searched(query in ".*", name in ".*") {
            search(&query, &[Names { local: &name, english: &name }]);
        }
    }
}
