//! Why something cannot be published.

use std::io;
use std::path::{Path, PathBuf};

use leasehold_signing::KeyError;

/// Why something cannot be published. What is published stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is a repository already.
    #[error("{} holds a repository already; nothing was changed", .path.display())]
    There {
        /// The folder.
        path: PathBuf,
    },
    /// There is none yet.
    #[error("{} holds no repository yet; make one with `leasehold vendor updates init`", .path.display())]
    NotThere {
        /// The folder.
        path: PathBuf,
    },
    /// Another process works there.
    #[error("another process works in {}; wait for it, or stop it", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A value that was given cannot be used.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong, and what to give.
        problem: String,
    },
    /// The path is taken by other content, or was taken back.
    #[error("{path} {state}; a path never changes what it stands for: give another version")]
    Taken {
        /// The path.
        path: String,
        /// How it stands.
        state: &'static str,
    },
    /// Nothing has this path.
    #[error("nothing is published or staged as {path}; `leasehold vendor updates list` shows what is")]
    NoTarget {
        /// The path.
        path: String,
    },
    /// There is no such role.
    #[error("there is no role {role}; give root, targets, snapshot, timestamp or a product: {products}")]
    NoRole {
        /// What was given.
        role: String,
        /// The products that there are.
        products: String,
    },
    /// A key is not there.
    #[error("the key of {role} is not in {}; put its file there, from where it is kept", .path.display())]
    NoKey {
        /// The role.
        role: String,
        /// The folder.
        path: PathBuf,
    },
    /// A file holds no key.
    #[error("{} holds no usable key: {source}; put it back from where it is kept", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// A file of the repository is not as it was written.
    #[error("{} is damaged: {detail}; restore the folder from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The system refused.
    #[error("cannot use {}: {source}; check the path and its permissions", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl PublishError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(super) fn damaged(path: &Path, detail: &dyn std::fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), detail: detail.to_string() }
    }

    pub(super) fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}
