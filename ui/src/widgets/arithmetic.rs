//! Sums in number fields: `512*2`, `(1 + 2) / 4`, `1,536`, `78 %`.

/// The value of `text`, or none where it is no sum or the value is not finite.
///
/// Knows `+ - * /`, their typographic forms, parentheses and decimal points; commas and a unit at the end are passed
/// over.
pub fn evaluate(text: &str) -> Option<f64> {
    let plain: Vec<char> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ',')
        .map(|c| match c {
            '×' | '·' => '*',
            '÷' => '/',
            '−' | '–' => '-',
            '（' => '(',
            '）' => ')',
            other => other,
        })
        .collect();
    let mut sum = Sum {
        rest: &plain,
        depth: 0,
    };
    let value = sum.terms()?;
    let unit = sum.rest.iter().all(|c| c.is_alphabetic() || *c == '%');
    (unit && value.is_finite()).then_some(value)
}

/// What is left to read.
struct Sum<'a> {
    rest: &'a [char],
    /// Of parentheses and signs: bounds the recursion on any input.
    depth: u32,
}

impl Sum<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest.first() == Some(&wanted);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn terms(&mut self) -> Option<f64> {
        let mut value = self.factors()?;
        loop {
            if self.take('+') {
                value += self.factors()?;
            } else if self.take('-') {
                value -= self.factors()?;
            } else {
                return Some(value);
            }
        }
    }

    fn factors(&mut self) -> Option<f64> {
        let mut value = self.atom()?;
        loop {
            if self.take('*') {
                value *= self.atom()?;
            } else if self.take('/') {
                value /= self.atom()?;
            } else {
                return Some(value);
            }
        }
    }

    fn atom(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > 64 {
            return None;
        }
        let value = if self.take('-') {
            -self.atom()?
        } else if self.take('+') {
            self.atom()?
        } else if self.take('(') {
            let value = self.terms()?;
            self.take(')').then_some(value)?
        } else {
            self.number()?
        };
        self.depth -= 1;
        Some(value)
    }

    fn number(&mut self) -> Option<f64> {
        let is_part = |c: &char| c.is_ascii_digit() || *c == '.';
        let mut length = self.rest.iter().take_while(|c| is_part(c)).count();
        if length > 0 && matches!(self.rest.get(length), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.rest.get(length + 1), Some('+' | '-')));
            let digits = &self.rest[length + 1 + sign..];
            let count = digits.iter().take_while(|c| c.is_ascii_digit()).count();
            if count > 0 {
                length += 1 + sign + count;
            }
        }
        let text: String = self.rest[..length].iter().collect();
        self.rest = &self.rest[length..];
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_have_the_usual_order() {
        for (text, value) in [
            ("512*2", 1024.0),
            ("1 + 2 * 3", 7.0),
            ("(1+2)*3", 9.0),
            ("-4/-2", 2.0),
            ("1,536", 1536.0),
            ("78 %", 78.0),
            ("512 px", 512.0),
            ("2e-3", 0.002),
            ("3 × 4 − 1", 11.0),
            (".5", 0.5),
        ] {
            assert_eq!(evaluate(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_sum_has_no_value() {
        for text in ["", "abc", "1+", "(1", "1/0", "1 2 x 3", "--", "..", "1e999"] {
            assert_eq!(evaluate(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text in ".{0,200}") {
            let _ = evaluate(&text);
        }

        #[test]
        fn deep_nesting_is_refused_and_not_followed(depth in 100_usize..5000) {
            prop_assert_eq!(evaluate(&"(".repeat(depth)), None);
        }

        #[test]
        fn a_printed_number_is_read_back(value in -1e9_f64..1e9) {
            prop_assert_eq!(evaluate(&value.to_string()), Some(value));
        }
    }
}
