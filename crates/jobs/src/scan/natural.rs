//! The order in which people number their files.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

/// Numbers by their value, letters without their case: `img2` before `IMG10`. Equal only for equal texts.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let (Some(&x), Some(&y)) = (left.peek(), right.peek()) else {
            let rest = left.peek().is_some().cmp(&right.peek().is_some());
            return rest.then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            number_order(&digits(&mut left), &digits(&mut right))
        } else {
            left.next();
            right.next();
            x.to_lowercase().cmp(y.to_lowercase())
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits that come next, zeros before them left out.
fn digits(text: &mut Peekable<Chars<'_>>) -> String {
    let mut found = String::new();
    while let Some(digit) = text.next_if(char::is_ascii_digit) {
        if !(found.is_empty() && digit == '0') {
            found.push(digit);
        }
    }
    found
}

/// Numbers of any length, without zeros before them.
fn number_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_by_value_and_letters_by_name() {
        let sorted = [
            "1.png",
            "02.png",
            "2.png",
            "10.png",
            "99999999999999999999999.png",
            "100000000000000000000000.png",
            "a.png",
            "a1.png",
            "B.png",
            "img2 (1).png",
            "img2 (10).png",
            "IMG10.png",
            "ä.png",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, sorted);
    }

    #[test]
    fn only_equal_texts_are_equal() {
        assert_eq!(natural_order("a01", "a01"), Ordering::Equal);
        assert_ne!(natural_order("a01", "a1"), Ordering::Equal);
        assert_ne!(natural_order("A", "a"), Ordering::Equal);
    }
}
