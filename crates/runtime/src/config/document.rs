//! A TOML file as a flat list of keys with their lines.

use std::path::Path;
use std::{fs, io, str};

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::source::Value;

/// What stands at the top of a file or in one of its sections.
pub(super) struct Item {
    /// `section.key`, or what stands at the top.
    pub(super) name: String,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) content: Content,
}

pub(super) enum Content {
    Value(Value),
    /// A table.
    Section,
    /// A value of a type that no key has, with the type's name.
    Other(&'static str),
}

/// Why text is not TOML, and at which byte.
#[derive(Debug)]
pub(super) struct SyntaxError {
    at: usize,
    problem: String,
}

/// Reads a file as text.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    if path.is_dir() {
        return Err(ConfigError::Directory { path: path.to_owned() });
    }
    let bytes = fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::NoSuchFile { path: path.to_owned() },
        _ => ConfigError::Unreadable { path: path.to_owned(), source },
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        ConfigError::NotUtf8 { path: path.to_owned(), line }
    })
}

/// Everything that a TOML text says, by line.
pub(super) fn items(text: &str) -> Result<Vec<Item>, SyntaxError> {
    let document = DeTable::parse(text).map_err(|error| SyntaxError {
        at: error.span().map_or(0, |span| span.start),
        problem: error.message().to_owned(),
    })?;
    let mut items = Vec::new();
    for (top, value) in document.get_ref() {
        let item = |name: String, at: usize, value| Item {
            name,
            line: position(text, at).0,
            content: content(value),
        };
        items.push(item(top.get_ref().to_string(), top.span().start, value.get_ref()));
        let DeValue::Table(section) = value.get_ref() else { continue };
        for (key, value) in section {
            items.push(item(
                format!("{}.{}", top.get_ref(), key.get_ref()),
                key.span().start,
                value.get_ref(),
            ));
        }
    }
    items.sort_by_key(|item| item.line);
    Ok(items)
}

impl SyntaxError {
    pub(super) fn of(self, path: &Path, text: &str) -> ConfigError {
        let (line, column) = position(text, self.at);
        ConfigError::Syntax { path: path.to_owned(), line, column, problem: self.problem }
    }
}

/// Line and column of a byte, both from 1, the column in characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (1 + before.matches('\n').count(), 1 + before[line_start..].chars().count())
}

fn content(value: &DeValue<'_>) -> Content {
    match value {
        DeValue::String(text) => Content::Value(Value::Text(text.to_string())),
        DeValue::Boolean(flag) => Content::Value(Value::Boolean(*flag)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Content::Other("a number that is too large"), |number| {
                Content::Value(Value::Integer(number))
            }),
        DeValue::Float(_) => Content::Other("a fraction"),
        DeValue::Datetime(_) => Content::Other("a date or time"),
        DeValue::Table(_) => Content::Section,
        DeValue::Array(array) => array
            .iter()
            .map(|element| element.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map_or(Content::Other("a list of other things than text"), |items| {
                Content::Value(Value::List(items))
            }),
    }
}
