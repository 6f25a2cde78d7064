//! The estate file: line items, and reservations of them, in JSON, in the form of a conformance scenario.
//!
//! Responsible for reading the file and for telling exactly what is wrong with it: file, line, path and what
//! to do. Not responsible for granting the rights, nor for what the owned counts can meet.
//! Reference: `docs/reference/backoffice.md`, "The file of line items".

mod error;
mod line_item;
mod lines;
mod object;
mod reservation;
#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::SignedDuration;
use leasehold_domain::{FeatureName, HostId, LineItem, Version};
use serde_json::Value;

use error::Problem;
pub use error::{EstateFileError, Place};
use lines::Lines;
use object::{Object, kind, text};

/// Keys of an estate. Those after the first two are allowed, because the conformance cases have them.
const KEYS: &[&str] = &["line_items", "reservations", "name", "now", "steps", "model", "model_warnings"];

/// What an estate file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateFile {
    /// What it calls itself; may be empty.
    pub name: String,
    /// The line items, ids unique.
    pub items: Vec<LineItem>,
    /// The reservation groups, names unique.
    pub groups: Vec<WantedGroup>,
}

/// A reservation group as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedGroup {
    /// Unique.
    pub name: String,
    /// One a hostid.
    pub reservations: Vec<WantedReservation>,
}

/// A reservation as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedReservation {
    /// Device or user.
    pub hostid: HostId,
    /// What is kept, oldest first.
    pub entries: Vec<WantedEntry>,
}

/// A reservation entry as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedEntry {
    /// The feature.
    pub feature: FeatureName,
    /// The lowest version that it is filled from.
    pub version: Version,
    /// Counts.
    pub count: u64,
}

impl EstateFile {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, EstateFileError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| EstateFileError::Unreadable { file: file.clone(), source })?;
        Self::parse(&text, &file)
    }

    /// Reads a text: an estate, or an object whose list `scenarios` holds one. `file` is named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, EstateFileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value: Value = serde_json::from_str(text).map_err(|error| not_json(file, &error))?;
        let lines = Lines::of(text);
        let place =
            |path: &str| Place { file: file.to_owned(), line: lines.find(path), path: path.to_owned() };
        if let Some(path) = lines.duplicate() {
            let problem = "the key occurs twice; keep one of them".to_owned();
            return Err(EstateFileError::Content { place: place(path), problem });
        }
        let (path, value) = only_scenario(&value).map_err(|problem| content(&problem, place))?;
        scenario(path, value).map_err(|problem| content(&problem, place))
    }

    /// Reads one estate that is JSON already.
    pub fn from_scenario(value: &Value) -> Result<Self, EstateFileError> {
        let place = |path: &str| Place { path: path.to_owned(), ..Place::default() };
        scenario("", value).map_err(|problem| content(&problem, place))
    }
}

/// Reads a length of time as the file has it, like `14d`; else says what is wrong.
pub fn length_of_time(text: &str) -> Result<SignedDuration, String> {
    object::duration(&Value::from(text))
}

fn content(problem: &Problem, place: impl Fn(&str) -> Place) -> EstateFileError {
    EstateFileError::Content { place: place(&problem.path), problem: problem.text.clone() }
}

fn not_json(file: &str, error: &serde_json::Error) -> EstateFileError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
    EstateFileError::NotJson { file: file.to_owned(), line, column, problem }
}

/// The estate in a file that may wrap it in `scenarios`, with its path.
fn only_scenario(value: &Value) -> Result<(&'static str, &Value), Problem> {
    if value.get("scenarios").is_none() {
        return Ok(("", value));
    }
    let scenarios = Object::new("", value, &["scenarios"])?.list("scenarios")?;
    match scenarios.as_slice() {
        [(_, scenario)] => Ok(("scenarios[0]", scenario)),
        others => {
            let text = format!("must hold exactly one estate; found {}", others.len());
            Err(Problem::new("scenarios", text))
        }
    }
}

fn scenario(path: &str, value: &Value) -> Result<EstateFile, Problem> {
    let object = Object::new(path, value, KEYS)?;
    if let Some(model) = object.get("model") {
        let text = format!("models are not served yet; leave it out (found {})", kind(model));
        return Err(Problem::new(object.at("model"), text));
    }
    let name = object.optional("name", text)?.unwrap_or_default();
    let items = line_item::read_all(&object.list("line_items")?)?;
    let groups = reservation::read_all(&object.list("reservations")?)?;
    Ok(EstateFile { name, items, groups })
}
