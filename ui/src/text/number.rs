//! Numbers in the way of the language: 1,536 in English, 1536 in Chinese; units apart ("38 ms").

use egui::Context;
use fluent_bundle::FluentValue;

use super::{Lang, lang};

/// A whole number, grouped as the language does.
pub fn count(ctx: &Context, number: u64) -> String {
    grouped(&number.to_string(), lang(ctx))
}

/// A number with `digits` after the point, grouped as the language does.
pub fn decimal(ctx: &Context, number: f64, digits: usize) -> String {
    grouped(&format!("{number:.digits$}"), lang(ctx))
}

/// A size of a file or of memory, in decimal units: "86 MB", "1.2 GB".
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95 && unit >= 3);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A measured time: "0.4 ms", "38 ms", "1.1 s".
pub fn millis(millis: f64) -> String {
    if millis < 9.95 {
        format!("{millis:.1} ms")
    } else if millis < 999.5 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", millis / 1000.0)
    }
}

/// A number inside a message; none for other values.
pub(super) fn formatted(value: &FluentValue<'_>, lang: Lang) -> Option<String> {
    match value {
        FluentValue::Number(number) => {
            let text = match number.options.maximum_fraction_digits {
                Some(digits) => format!("{:.digits$}", number.value),
                None => number.as_string().into_owned(),
            };
            Some(grouped(&text, lang))
        }
        _ => None,
    }
}

/// Puts a comma after every third digit before the point, in English.
fn grouped(number: &str, lang: Lang) -> String {
    if lang == Lang::ZhCn {
        return number.to_owned();
    }
    let digits = number.trim_start_matches('-');
    let (sign, whole) = (&number[..number.len() - digits.len()], digits);
    let (whole, fraction) = whole.split_at(whole.find('.').unwrap_or(whole.len()));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_groups_digits_and_chinese_does_not() {
        for (number, english) in [
            ("0", "0"),
            ("999", "999"),
            ("1536", "1,536"),
            ("-1234567.25", "-1,234,567.25"),
            ("NaN", "NaN"),
            ("inf", "inf"),
        ] {
            assert_eq!(grouped(number, Lang::En), english);
            assert_eq!(grouped(number, Lang::ZhCn), number);
        }
    }

    #[test]
    fn sizes_and_times_have_a_unit_that_fits() {
        let sizes = [
            0,
            999,
            1000,
            86_400_000,
            999_600_000,
            9_200_000_000,
            27_000_000_000,
        ];
        assert_eq!(
            sizes.map(bytes),
            ["0 B", "999 B", "1 kB", "86 MB", "1.0 GB", "9.2 GB", "27 GB"]
        );
        assert_eq!(
            [0.42, 38.2, 999.6].map(millis),
            ["0.4 ms", "38 ms", "1.0 s"]
        );
    }
}
