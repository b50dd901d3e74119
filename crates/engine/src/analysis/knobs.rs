//! Settings that describe themselves once: a panel draws them, the command line parses them.
//!
//! An analysis calls one method of [`Knobs`] for each of its settings. [`Assign`] sets them from `name=value`,
//! [`Describe`] lists them; the desktop's panel is a third.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::AnalysisError;

/// A point (x, y) in pixels of the original picture.
pub type Point = [f64; 2];

/// Visits the settings of something, one call each.
pub trait Knobs {
    /// A whole number.
    fn int(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut usize,
        range: RangeInclusive<usize>,
    );
    /// A number.
    fn real(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut f32,
        range: RangeInclusive<f32>,
    );
    /// A number, or off.
    fn maybe(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut Option<f32>,
        range: RangeInclusive<f32>,
    );
    /// On or off.
    fn toggle(&mut self, name: &'static str, help: &'static str, value: &mut bool);
    /// One of some names, by its place.
    fn choice(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut usize,
        names: &'static [&'static str],
    );
    /// Whole numbers in an order.
    fn ints(&mut self, name: &'static str, help: &'static str, value: &mut Vec<usize>);
    /// Points of the first picture.
    fn points(&mut self, name: &'static str, help: &'static str, value: &mut Vec<Point>);
    /// A file.
    fn file(&mut self, name: &'static str, help: &'static str, value: &mut Option<PathBuf>);
}

/// One setting, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name in `name=value`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What may be given, for example `0 to 1`.
    pub values: String,
    /// What it is now.
    pub current: String,
}

/// Lists settings.
#[derive(Clone, Debug, Default)]
pub struct Describe {
    /// In the order in which they were visited.
    pub found: Vec<Description>,
}

impl Describe {
    fn add(&mut self, name: &'static str, help: &'static str, values: String, current: String) {
        self.found.push(Description {
            name,
            help,
            values,
            current,
        });
    }
}

impl Knobs for Describe {
    fn int(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut usize,
        range: RangeInclusive<usize>,
    ) {
        let values = format!("{} to {}", range.start(), range.end());
        self.add(name, help, values, value.to_string());
    }

    fn real(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut f32,
        range: RangeInclusive<f32>,
    ) {
        let values = format!("{} to {}", range.start(), range.end());
        self.add(name, help, values, value.to_string());
    }

    fn maybe(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut Option<f32>,
        range: RangeInclusive<f32>,
    ) {
        let values = format!("off, or {} to {}", range.start(), range.end());
        let current = value.map_or_else(|| "off".to_owned(), |value| value.to_string());
        self.add(name, help, values, current);
    }

    fn toggle(&mut self, name: &'static str, help: &'static str, value: &mut bool) {
        self.add(name, help, "true or false".to_owned(), value.to_string());
    }

    fn choice(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut usize,
        names: &'static [&'static str],
    ) {
        let current = names.get(*value).copied().unwrap_or_default().to_owned();
        self.add(name, help, names.join(", "), current);
    }

    fn ints(&mut self, name: &'static str, help: &'static str, value: &mut Vec<usize>) {
        let current: Vec<String> = value.iter().map(usize::to_string).collect();
        self.add(name, help, "I,J,…".to_owned(), current.join(","));
    }

    fn points(&mut self, name: &'static str, help: &'static str, value: &mut Vec<Point>) {
        let current: Vec<String> = value.iter().map(|[x, y]| format!("{x},{y}")).collect();
        let values = "X,Y;X,Y;… in pixels of the first picture".to_owned();
        self.add(name, help, values, current.join(";"));
    }

    fn file(&mut self, name: &'static str, help: &'static str, value: &mut Option<PathBuf>) {
        let current = value
            .as_ref()
            .map_or_else(|| "none".to_owned(), |path| path.display().to_string());
        self.add(name, help, "none, or a file".to_owned(), current);
    }
}

/// Sets the settings that it was given as `name=value`; [`Assign::finish`] tells what was wrong.
#[derive(Debug)]
pub struct Assign {
    wanted: Vec<(String, String)>,
    used: Vec<bool>,
    known: Vec<&'static str>,
    error: Option<AnalysisError>,
}

impl Assign {
    /// Takes `name=value` texts; a name alone stands for `name=true`.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Self {
        let split = |text: &S| match text.as_ref().split_once('=') {
            Some((name, value)) => (name.trim().to_owned(), value.trim().to_owned()),
            None => (text.as_ref().trim().to_owned(), "true".to_owned()),
        };
        Self {
            wanted: texts.iter().map(split).collect(),
            used: vec![false; texts.len()],
            known: Vec::new(),
            error: None,
        }
    }

    /// The first error: a value that was not understood, or a name that nothing has.
    pub fn finish(self) -> Result<(), AnalysisError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let unused = self.wanted.iter().zip(&self.used).find(|(_, used)| !**used);
        match unused {
            None => Ok(()),
            Some(((name, _), _)) => Err(AnalysisError::UnknownSetting {
                name: name.clone(),
                nearest: nearest(name, &self.known).map(str::to_owned),
                known: self.known.join(", "),
            }),
        }
    }

    /// Sets `value` from the text of that name by `parse`, which says what it expects when it fails.
    fn set<T>(
        &mut self,
        name: &'static str,
        value: &mut T,
        expected: impl Fn() -> String,
        parse: impl Fn(&str) -> Option<T>,
    ) {
        self.known.push(name);
        for ((wanted, text), used) in self.wanted.iter().zip(&mut self.used) {
            if wanted != name {
                continue;
            }
            *used = true;
            match parse(text) {
                Some(parsed) => *value = parsed,
                None => {
                    self.error.get_or_insert_with(|| AnalysisError::BadSetting {
                        name: name.to_owned(),
                        expected: expected(),
                        found: text.clone(),
                    });
                }
            }
        }
    }
}

impl Knobs for Assign {
    fn int(
        &mut self,
        name: &'static str,
        _help: &'static str,
        value: &mut usize,
        range: RangeInclusive<usize>,
    ) {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let parse = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.set(name, value, expected, parse);
    }

    fn real(
        &mut self,
        name: &'static str,
        _help: &'static str,
        value: &mut f32,
        range: RangeInclusive<f32>,
    ) {
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        let parse = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.set(name, value, expected, parse);
    }

    fn maybe(
        &mut self,
        name: &'static str,
        _help: &'static str,
        value: &mut Option<f32>,
        range: RangeInclusive<f32>,
    ) {
        let expected = || format!("off, or a number from {} to {}", range.start(), range.end());
        let parse = |text: &str| match text {
            "off" | "none" => Some(None),
            text => Some(Some(text.parse().ok().filter(|n| range.contains(n))?)),
        };
        self.set(name, value, expected, parse);
    }

    fn toggle(&mut self, name: &'static str, _help: &'static str, value: &mut bool) {
        let parse = |text: &str| match text {
            "true" | "on" | "yes" | "1" => Some(true),
            "false" | "off" | "no" | "0" => Some(false),
            _ => None,
        };
        self.set(name, value, || "true or false".to_owned(), parse);
    }

    fn choice(
        &mut self,
        name: &'static str,
        _help: &'static str,
        value: &mut usize,
        names: &'static [&'static str],
    ) {
        let expected = || format!("one of {}", names.join(", "));
        let parse = |text: &str| names.iter().position(|known| *known == text);
        self.set(name, value, expected, parse);
    }

    fn ints(&mut self, name: &'static str, _help: &'static str, value: &mut Vec<usize>) {
        let expected = || "whole numbers I,J,…".to_owned();
        let parse = |text: &str| {
            if text.is_empty() {
                return Some(Vec::new());
            }
            let parts = text.split(',').map(|part| part.trim().parse().ok());
            parts.collect()
        };
        self.set(name, value, expected, parse);
    }

    fn points(&mut self, name: &'static str, _help: &'static str, value: &mut Vec<Point>) {
        let expected = || "points X,Y;X,Y;… in pixels".to_owned();
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok();
            number.filter(|number| number.is_finite())
        };
        let point = |text: &str| {
            let (x, y) = text.split_once(',')?;
            Some([number(x)?, number(y)?])
        };
        let parse = |text: &str| {
            let parts = text.split(';').filter(|part| !part.trim().is_empty());
            parts.map(point).collect()
        };
        self.set(name, value, expected, parse);
    }

    fn file(&mut self, name: &'static str, _help: &'static str, value: &mut Option<PathBuf>) {
        let parse = |text: &str| match text {
            "" | "none" => Some(None),
            path => Some(Some(PathBuf::from(path))),
        };
        self.set(name, value, || "none, or a file".to_owned(), parse);
    }
}

/// The known name that is spelled most alike, if any is near.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let measured = known.iter().map(|&other| (edits(name, other), other));
    let (distance, found) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 3).then_some(found)
}

/// Levenshtein distance in bytes: names of settings are ASCII.
fn edits(a: &str, b: &str) -> usize {
    let mut line: Vec<usize> = (0..=b.len()).collect();
    for (row, from) in a.bytes().enumerate() {
        let mut diagonal = line[0];
        line[0] = row + 1;
        for (col, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = line[col + 1];
            line[col + 1] = replaced.min(diagonal + 1).min(line[col] + 1);
        }
    }
    line[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Debug, PartialEq)]
    struct All {
        count: usize,
        weight: f32,
        limit: Option<f32>,
        enabled: bool,
        mode: usize,
        order: Vec<usize>,
        at: Vec<Point>,
        mask: Option<PathBuf>,
    }

    impl All {
        fn knobs(&mut self, knobs: &mut dyn Knobs) {
            knobs.int("count", "", &mut self.count, 0..=9);
            knobs.real("weight", "", &mut self.weight, 0.0..=1.0);
            knobs.maybe("limit", "", &mut self.limit, 0.0..=9.0);
            knobs.toggle("enabled", "", &mut self.enabled);
            knobs.choice("mode", "", &mut self.mode, &["mean", "max"]);
            knobs.ints("order", "", &mut self.order);
            knobs.points("at", "", &mut self.at);
            knobs.file("mask", "", &mut self.mask);
        }

        fn set(texts: &[&str]) -> Result<Self, AnalysisError> {
            let (mut all, mut assign) = (Self::default(), Assign::new(texts));
            all.knobs(&mut assign);
            assign.finish().map(|()| all)
        }
    }

    #[test]
    fn every_kind_of_setting_is_read() {
        let found = All::set(&[
            "count=3",
            "weight = 0.5",
            "limit=2",
            "enabled",
            "mode=max",
            "order=2,0,1",
            "at=1,2;3.5,4",
            "mask=a=b.png",
        ]);
        let expected = All {
            count: 3,
            weight: 0.5,
            limit: Some(2.0),
            enabled: true,
            mode: 1,
            order: vec![2, 0, 1],
            at: vec![[1.0, 2.0], [3.5, 4.0]],
            mask: Some("a=b.png".into()),
        };
        assert_eq!(found.unwrap(), expected);
        assert_eq!(All::set(&["limit=off"]).unwrap().limit, None);
    }

    #[test]
    fn what_is_described_can_be_set() {
        let mut all = All::set(&["count=4", "limit=1.5", "order=1,2", "at=1,2"]).unwrap();
        let mut described = Describe::default();
        all.knobs(&mut described);
        let texts: Vec<String> = described
            .found
            .iter()
            .map(|knob| format!("{}={}", knob.name, knob.current))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(All::set(&texts).unwrap(), all);
    }

    #[test]
    fn bad_values_and_unknown_names_are_told() {
        for text in [
            "count=10",
            "count=x",
            "weight=NaN",
            "limit=-1",
            "enabled=maybe",
            "mode=median",
            "order=1,,2",
            "at=1",
            "at=inf,1",
        ] {
            let error = All::set(&[text]).unwrap_err().to_string();
            assert!(error.contains(text.split_once('=').unwrap().0), "{error}");
        }
        let error = All::set(&["wieght=1"]).unwrap_err().to_string();
        assert!(
            error.contains("wieght") && error.contains("weight"),
            "{error}"
        );
        let error = All::set(&["zzzzzz=1"]).unwrap_err().to_string();
        assert!(error.contains("order"), "{error}");
    }
}
