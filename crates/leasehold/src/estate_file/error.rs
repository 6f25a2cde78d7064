//! What can be wrong with an estate file.

use std::fmt;

/// Why an estate file is not taken. Nothing of it is in force then.
#[derive(Debug, thiserror::Error)]
pub enum EstateFileError {
    /// The file cannot be read.
    #[error("the estate file {file} cannot be read: {source}; give the path of a JSON file")]
    Unreadable {
        /// Its path.
        file: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text is not JSON.
    #[error("{file}, line {line}, column {column}: not JSON: {problem}")]
    NotJson {
        /// The file's path.
        file: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the reader expected.
        problem: String,
    },
    /// The JSON is not an estate.
    #[error("{place}: {problem}")]
    Content {
        /// Where.
        place: Place,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// A place in an estate file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's path; empty where the estate did not come from a file.
    pub file: String,
    /// From 1, where it is known.
    pub line: Option<usize>,
    /// The value's path, `line_items[2].count` for instance; empty for the whole.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!("line {line}")).unwrap_or_default();
        let parts = [self.file.as_str(), &line, &self.path];
        let known: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        formatter.write_str(if known.is_empty() { "estate" } else { "" })?;
        formatter.write_str(&known.join(", "))
    }
}

/// Something wrong at a path, before file and line are known.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) path: String,
    pub(super) text: String,
}

impl Problem {
    pub(super) fn new(path: impl Into<String>, text: impl fmt::Display) -> Self {
        Self { path: path.into(), text: text.to_string() }
    }
}
