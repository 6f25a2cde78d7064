//! What a check has found.

use std::fmt::Display;

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// It is as it should be.
    Passed,
    /// It works, and something about it should be looked at.
    Warning,
    /// It does not work, or will not.
    Failed,
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name, which stays.
    pub check: &'static str,
    /// How it ended.
    #[serde(rename = "result")]
    pub verdict: Verdict,
    /// What is there.
    pub found: String,
    /// What to do about it; `None` where it passed, and where `found` says it.
    pub remedy: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub(super) fn passed(check: &'static str, found: impl Display) -> Self {
        Self { check, verdict: Verdict::Passed, found: found.to_string(), remedy: None }
    }

    /// Something should be looked at, in this way.
    pub(super) fn warning(check: &'static str, found: impl Display, remedy: impl Display) -> Self {
        let remedy = Some(remedy.to_string());
        Self { check, verdict: Verdict::Warning, found: found.to_string(), remedy }
    }

    /// It has to be mended, in this way.
    pub(super) fn failed(check: &'static str, found: impl Display, remedy: impl Display) -> Self {
        Self { verdict: Verdict::Failed, ..Self::warning(check, found, remedy) }
    }

    /// An error that a start would end with; it says itself what to do.
    pub(super) fn error(check: &'static str, error: impl Display) -> Self {
        Self { check, verdict: Verdict::Failed, found: error.to_string(), remedy: None }
    }
}
