//! One source as entries: known keys with values of the right type, each with where it stands.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use super::document::{self, Content, Item};
use super::error::{ConfigError, Origin};
use super::schema::Schema;

/// What environment variables that we read start with.
const PREFIX: &str = "LEASEHOLD__";
/// The one with a short name, and its key.
const MASTER_KEY: (&str, &str) = ("LEASEHOLD_MASTER_KEY", "security.master_key");

/// A value of one of the types that the defaults have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
}

/// A known key and a value of its type.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// An entry, or what is wrong with it.
pub(super) type Outcome = Result<Entry, ConfigError>;

/// The entries of a file. The error is one of the file as a whole.
pub(super) fn file(path: &Path, schema: &Schema) -> Result<Vec<Outcome>, ConfigError> {
    let text = document::read(path)?;
    let items = document::items(&text).map_err(|error| error.of(path, &text))?;
    Ok(items.into_iter().filter_map(|item| of_item(item, path, schema).transpose()).collect())
}

/// The entry of an item, unless that only begins a section.
fn of_item(item: Item, path: &Path, schema: &Schema) -> Result<Option<Entry>, ConfigError> {
    let origin = Origin::File { path: path.to_owned(), line: item.line };
    let wrong =
        |problem: String| ConfigError::Value { key: item.name.clone(), origin: origin.clone(), problem };
    match (schema.get(&item.name), item.content) {
        (Some(default), Content::Value(value)) => {
            let value = default.take(value).map_err(wrong)?;
            Ok(Some(Entry { key: item.name, value, origin }))
        }
        (Some(default), Content::Section) => Err(wrong(default.expected("a section"))),
        (Some(default), Content::Other(found)) => Err(wrong(default.expected(found))),
        (None, Content::Section) if schema.has_section(&item.name) => Ok(None),
        (None, content) => Err(unknown(&item.name, &content, origin, schema)),
    }
}

fn unknown(name: &str, content: &Content, origin: Origin, schema: &Schema) -> ConfigError {
    if schema.has_section(name) {
        let problem = format!("this is a section; write `[{name}]` and its keys below");
        return ConfigError::Value { key: name.to_owned(), origin, problem };
    }
    let (what, nearest) = match (content, name.split_once('.')) {
        (Content::Section, None) => ("section", schema.nearest_section(name)),
        (_, None) => ("key", schema.nearest_key(name)),
        (_, Some((section, _))) => {
            // Within the same section its name goes without saying.
            let short =
                |key: String| key.strip_prefix(&format!("{section}.")).map(str::to_owned).unwrap_or(key);
            ("key", schema.nearest_key(name).map(short))
        }
    };
    ConfigError::Unknown { what, name: name.to_owned(), origin, nearest }
}

/// The entries of environment variables.
pub(super) fn environment(variables: &[(OsString, OsString)], schema: &Schema) -> Vec<Outcome> {
    variables
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            let key = match name.strip_prefix(PREFIX) {
                Some(path) => path.replace("__", ".").to_ascii_lowercase(),
                None if name == MASTER_KEY.0 => MASTER_KEY.1.to_owned(),
                None => return None,
            };
            Some(of_variable(name, &key, value, schema))
        })
        .collect()
}

fn of_variable(name: String, key: &str, value: &OsStr, schema: &Schema) -> Outcome {
    let Some(default) = schema.get(key) else {
        let variable = |key: String| format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase());
        return Err(ConfigError::UnknownVariable { nearest: schema.nearest_key(key).map(variable), name });
    };
    let Some(text) = value.to_str() else { return Err(ConfigError::VariableNotUtf8 { name }) };
    from_text(key, text, default, Origin::Environment { name })
}

/// The entries of flags.
pub(super) fn flags(flags: &[(String, String)], schema: &Schema) -> Vec<Outcome> {
    let entry = |(key, text): &(String, String)| match schema.get(key) {
        Some(default) => from_text(key, text, default, Origin::Flag),
        None => {
            let nearest = schema.nearest_key(key);
            Err(ConfigError::Unknown { what: "key", name: key.clone(), origin: Origin::Flag, nearest })
        }
    };
    flags.iter().map(entry).collect()
}

fn from_text(key: &str, text: &str, default: &Value, origin: Origin) -> Outcome {
    match default.parse(text) {
        Ok(value) => Ok(Entry { key: key.to_owned(), value, origin }),
        Err(problem) => Err(ConfigError::Value { key: key.to_owned(), origin, problem }),
    }
}

impl Value {
    /// What a file says, as a value of this one's type. A number will do for text: some texts are sizes.
    fn take(&self, found: Self) -> Result<Self, String> {
        match (self, found) {
            (Self::Text(_), Self::Integer(number)) => Ok(Self::Text(number.to_string())),
            (Self::Text(_), found @ Self::Text(_))
            | (Self::Integer(_), found @ Self::Integer(_))
            | (Self::Boolean(_), found @ Self::Boolean(_))
            | (Self::List(_), found @ Self::List(_)) => Ok(found),
            (_, found) => Err(self.expected(found.kind())),
        }
    }

    /// What an environment variable or a flag says, as a value of this one's type.
    fn parse(&self, text: &str) -> Result<Self, String> {
        let expected = || self.expected(&format!("`{text}`"));
        match self {
            Self::Text(_) => Ok(Self::Text(text.to_owned())),
            Self::Integer(_) => text.trim().parse().map(Self::Integer).map_err(|_| expected()),
            Self::Boolean(_) => text.trim().parse().map(Self::Boolean).map_err(|_| expected()),
            Self::List(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Self::List(items.map(str::to_owned).collect()))
            }
        }
    }

    fn expected(&self, found: &str) -> String {
        let expected = match self {
            Self::Boolean(_) => "true or false",
            other => other.kind(),
        };
        format!("expected {expected}, found {found}")
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text in quotes",
            Self::Integer(_) => "a whole number",
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::List(_) => "a list of texts",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Integer(number) => number.fmt(formatter),
            Self::Boolean(flag) => flag.fmt(formatter),
            Self::List(items) => formatter.write_str(&items.join(", ")),
        }
    }
}
