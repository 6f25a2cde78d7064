//! What is published, staged and taken back.

use std::collections::BTreeMap;

use super::{PublishError, Publisher};
use crate::digest::Digest;
use crate::target::Release;

/// How a path stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The next publication names it.
    Staged,
    /// It is published.
    Published,
    /// The next publication takes it back.
    Withdrawing,
    /// It was taken back.
    Withdrawn,
    /// It was staged, and is not any more.
    Unstaged,
}

impl State {
    /// Its name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Published => "published",
            Self::Withdrawing => "withdrawing",
            Self::Withdrawn => "withdrawn",
            Self::Unstaged => "unstaged",
        }
    }
}

/// A path, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The path.
    pub path: String,
    /// Bytes; 0 where it was taken back.
    pub length: u64,
    /// Its hash; that of nothing where it was taken back.
    pub sha256: Digest,
    /// What is said about it.
    pub release: Option<Release>,
    /// How it stands.
    pub state: State,
    /// Why it is, or was, taken back.
    pub reason: Option<String>,
}

impl Publisher {
    /// Every path, in order.
    pub fn list(&self) -> Result<Vec<Listed>, PublishError> {
        let (in_force, staged) = (self.in_force()?, self.staged()?);
        let mut listed = BTreeMap::new();
        for role in in_force.products.values() {
            for (path, entry) in &role.withdrawn {
                let row = Listed {
                    path: path.clone(),
                    length: 0,
                    sha256: Digest::of(b""),
                    release: None,
                    state: State::Withdrawn,
                    reason: Some(entry.reason.clone()),
                };
                listed.insert(path.clone(), row);
            }
            for (path, file) in &role.targets {
                let leaving = staged.withdraw.get(path);
                let row = Listed {
                    path: path.clone(),
                    length: file.length,
                    sha256: file.sha256().unwrap_or(Digest::of(b"")),
                    release: serde_json::from_value(file.custom.clone()).ok(),
                    state: if leaving.is_some() { State::Withdrawing } else { State::Published },
                    reason: leaving.map(|entry| entry.reason.clone()),
                };
                listed.insert(path.clone(), row);
            }
        }
        for (path, file) in staged.add {
            let (length, sha256, release) = (file.length, file.sha256, Some(file.release));
            // One that is in force already was staged by a publication that broke off at its end.
            listed.entry(path.clone()).or_insert(Listed {
                path,
                length,
                sha256,
                release,
                state: State::Staged,
                reason: None,
            });
        }
        Ok(listed.into_values().collect())
    }
}
