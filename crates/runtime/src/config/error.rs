//! What can be wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The defaults that are built in.
    Default,
    /// A configuration file.
    File {
        /// The file as it was given.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag on the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("the built-in defaults"),
            Self::File { path, line } => write!(formatter, "{}, line {line}", path.display()),
            Self::Environment { name } => write!(formatter, "environment variable {name}"),
            Self::Flag => formatter.write_str("the flags"),
        }
    }
}

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is not there.
    #[error("configuration file {} does not exist; create it, or correct the path given with -c", .path.display())]
    NoSuchFile {
        /// The file.
        path: PathBuf,
    },
    /// A directory was given.
    #[error("{} is a directory; give a configuration file with -c", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("configuration file {} cannot be read: {source}; check its permissions", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is not text.
    #[error("configuration file {}, line {line}: not UTF-8; save the file as UTF-8 text", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line with the first wrong byte, from 1.
        line: usize,
    },
    /// A file is not TOML.
    #[error("configuration file {}, line {line}, column {column}: {problem}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What the parser says.
        problem: String,
    },
    /// A key or a section that nothing reads.
    #[error("unknown {what} `{name}` in {origin}{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// "key" or "section".
        what: &'static str,
        /// As it was written.
        name: String,
        /// Where.
        origin: Origin,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// An environment variable that nothing reads.
    #[error("unknown environment variable `{name}`{}", did_you_mean(.nearest.as_deref()))]
    UnknownVariable {
        /// As it is set.
        name: String,
        /// The known variable that is most like it.
        nearest: Option<String>,
    },
    /// An environment variable is not text.
    #[error("environment variable {name} is not UTF-8; set it to UTF-8 text")]
    VariableNotUtf8 {
        /// Its name.
        name: String,
    },
    /// A value of the wrong type or out of its range.
    #[error("`{key}` in {origin}: {problem}")]
    Value {
        /// `section.key`.
        key: String,
        /// Where.
        origin: Origin,
        /// What is wrong and what to give.
        problem: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}
