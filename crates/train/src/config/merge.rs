//! A user's table over the defaults: unknown keys are refused with the nearest known one, types are those of the default.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Config, ConfigError};
use crate::recipes::RecipeId;
use crate::schedule::SmallRun;

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

/// The scale that the table names, if it does.
pub(super) fn scale(table: &Table) -> Result<Option<SmallRun>, ConfigError> {
    let Some(value) = table.get("run").and_then(|run| run.get("scale")) else {
        return Ok(None);
    };
    value.clone().try_into().map(Some).map_err(|_error| {
        let expected = "smoke, hundreds, thousands or tens_of_thousands";
        ConfigError::value("run.scale", value, expected)
    })
}

/// The defaults with the user's values in their places.
pub(super) fn over(defaults: &Config, user: &Table) -> Result<Config, ConfigError> {
    let Ok(Value::Table(mut base)) = Value::try_from(defaults) else {
        unreachable!("a configuration is a table");
    };
    let known = keys_of(&base, "");
    merge(&mut base, user, "", &known)?;
    read(Value::Table(base))
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
            let nearest = nearest(&key, known);
            return Err(ConfigError::UnknownKey { key, nearest });
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

/// Reads the merged table, and on failure says which key it was.
fn read<T: DeserializeOwned>(table: Value) -> Result<T, ConfigError> {
    let text = table.to_string();
    table.try_into().map_err(|error: toml::de::Error| {
        let reason = error.message().trim().to_owned();
        let key = error
            .span()
            .and_then(|span| text.get(span))
            .unwrap_or("a value")
            .to_owned();
        ConfigError::Value {
            key,
            found: "not allowed".into(),
            expected: reason,
        }
    })
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
