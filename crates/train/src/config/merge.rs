//! A user's table over the defaults: unknown keys are refused with the nearest known one, types are those of the default.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Config, ConfigError};
use crate::recipes::RecipeId;

/// Words in the names of keys that other programs have for the precision of numbers.
const PRECISIONS: [&str; 9] = [
    "precision",
    "dtype",
    "amp",
    "autocast",
    "f16",
    "fp16",
    "float16",
    "bf16",
    "bfloat16",
];

/// The user's table: a text, then `key=value` pairs.
pub(super) fn parse(text: &str, sets: &[String]) -> Result<Table, ConfigError> {
    let syntax = |error: toml::de::Error| ConfigError::Syntax {
        reason: error.to_string().trim().replace('\n', " "),
    };
    let mut table: Table = toml::from_str(text).map_err(syntax)?;
    for set in sets {
        let (key, value) = set
            .split_once('=')
            .ok_or_else(|| ConfigError::Set { text: set.clone() })?;
        let (key, value) = (key.trim(), value.trim());
        insert(&mut table, key, literal(value))?;
    }
    Ok(table)
}

/// A TOML value, or where it is none the text itself: `model.size=tiny` needs no quotes.
fn literal(text: &str) -> Value {
    let line = format!("value = {text}");
    let parsed = toml::from_str::<Table>(&line);
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn insert(table: &mut Table, key: &str, value: Value) -> Result<(), ConfigError> {
    let mut here = table;
    let (path, last) = key.rsplit_once('.').unwrap_or(("", key));
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let next = here
            .entry(part)
            .or_insert_with(|| Value::Table(Table::new()));
        here = next
            .as_table_mut()
            .ok_or_else(|| ConfigError::value(part, "a value", "a section"))?;
    }
    here.insert(last.to_owned(), value);
    Ok(())
}

/// The recipe that the table names.
pub(super) fn recipe(table: &Table) -> Result<RecipeId, ConfigError> {
    let found = table.get("recipe");
    let named = found.and_then(Value::as_str).and_then(RecipeId::from_id);
    named.ok_or_else(|| ConfigError::Recipe {
        found: found.map_or_else(|| "missing".into(), ToString::to_string),
        expected: RecipeId::ALL.map(RecipeId::id).join(", "),
    })
}

/// The value of a key such as `run.steps`, if the table has it.
pub(super) fn value_of<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// A value that defaults depend on, if it is given; [`over`] refuses one that cannot be read.
pub(super) fn early<T: DeserializeOwned>(user: &Table, key: &str) -> Option<T> {
    value_of(user, key)?.clone().try_into().ok()
}

/// The defaults with the user's values in their places.
pub(super) fn over(defaults: &Config, user: &Table) -> Result<Config, ConfigError> {
    let Ok(Value::Table(base)) = Value::try_from(defaults) else {
        unreachable!("a configuration is a table");
    };
    let known = keys_of(&base, "");
    let mut merged = base.clone();
    merge(&mut merged, user, "", &known)?;
    read(merged.clone()).map_err(|error| blamed(&base, &merged, user, &error))
}

fn read(table: Table) -> Result<Config, toml::de::Error> {
    Value::Table(table).try_into()
}

/// Which of the user's values cannot be read. Each is tried alone, since the error does not tell its place.
fn blamed(defaults: &Table, merged: &Table, user: &Table, error: &toml::de::Error) -> ConfigError {
    let wrong = keys_of(user, "").into_iter().find_map(|key| {
        let value = value_of(merged, &key).filter(|value| !value.is_table())?;
        let mut alone = defaults.clone();
        insert(&mut alone, &key, value.clone()).ok()?;
        let error = read(alone).err()?;
        Some(ConfigError::value(key, value, expected(error.message())))
    });
    wrong.unwrap_or_else(|| ConfigError::value("a value", "not allowed", expected(error.message())))
}

/// What a value may be, of a sentence of `serde` about one that it cannot read.
fn expected(message: &str) -> String {
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("the field {} too", field.replace('`', ""));
    }
    let (found, expected) = message.split_once(", expected ").unwrap_or(("", message));
    let words = match expected {
        "u64" | "usize" => "a whole number of at least 0".to_owned(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "f32" | "f64" => "a number".to_owned(),
        other => other.replace('`', ""),
    };
    if found.starts_with("unknown field") {
        format!("no fields but {}", words.trim_start_matches("one of "))
    } else {
        words
    }
}

/// Every key of a table, sections included: `run`, `run.steps`.
pub(super) fn keys_of(table: &Table, prefix: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        if let Value::Table(inner) = value {
            keys.extend(keys_of(inner, &format!("{key}.")));
        }
        keys.push(key);
    }
    keys
}

fn merge(
    base: &mut Table,
    user: &Table,
    prefix: &str,
    known: &[String],
) -> Result<(), ConfigError> {
    for (name, value) in user {
        let key = format!("{prefix}{name}");
        let Some(default) = base.get_mut(name) else {
            return Err(unknown(key, known));
        };
        match (default, value) {
            (Value::Table(base), Value::Table(user)) => {
                merge(base, user, &format!("{key}."), known)?;
            }
            (Value::Table(_), other) => {
                return Err(ConfigError::value(key, other, "a section"));
            }
            (default, value) => *default = fitted(&key, default, value)?,
        }
    }
    Ok(())
}

/// Why a key that does not exist is refused.
fn unknown(key: String, known: &[String]) -> ConfigError {
    let last = key.rsplit('.').next().unwrap_or(&key).to_lowercase();
    let mut words = last.split(['_', '-']);
    if last == "half" || words.any(|word| PRECISIONS.contains(&word)) {
        return ConfigError::Precision { key };
    }
    let nearest = nearest(&key, known);
    ConfigError::UnknownKey { key, nearest }
}

/// The user's value if its type is that of the default; a whole number may stand for a fraction.
fn fitted(key: &str, default: &Value, value: &Value) -> Result<Value, ConfigError> {
    let fits = match (default, value) {
        (Value::Float(_), Value::Integer(whole)) => return Ok(Value::Float(*whole as f64)),
        (Value::Array(defaults), Value::Array(values)) => {
            let floats = matches!(defaults.first(), Some(Value::Float(_)));
            let fit = |value: &Value| match value {
                Value::Integer(whole) if floats => Value::Float(*whole as f64),
                other => other.clone(),
            };
            return Ok(Value::Array(values.iter().map(fit).collect()));
        }
        (a, b) => a.same_type(b),
    };
    if fits {
        Ok(value.clone())
    } else {
        let expected = match default {
            Value::String(_) => "a text in quotes",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Array(_) => "a list",
            _ => "another type",
        };
        Err(ConfigError::value(key, value, expected))
    }
}

/// The known key that differs least, if it differs in few letters.
pub(super) fn nearest(key: &str, known: &[String]) -> Option<String> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let distances = known.iter().map(|candidate| {
        // The right word in the wrong section is near too.
        let elsewhere = distance(&last(key), &last(candidate)) + 1;
        (distance(key, candidate).min(elsewhere), candidate)
    });
    let (distance, found) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 + key.len() / 4).then(|| found.clone())
}

/// Letters that are inserted, left out, replaced or swapped with their neighbor between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut table = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let differs = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (table[(i - 1) * width + j] + 1)
                    .min(table[i * width + j - 1] + 1)
                    .min(table[(i - 1) * width + j - 1] + differs);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[(i - 2) * width + j - 2] + 1);
                }
                least
            }
        }
    }
    table[a.len() * width + b.len()]
}
