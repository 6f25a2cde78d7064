//! The question before something is taken away: what it is, whom it affects, yes or no.

use askama::Template;

use crate::console::parts::{Choice, Field};
use crate::console::shell::Shell;

/// One question. The page works alone; the script shows its middle in a dialog.
#[derive(Debug, Template)]
#[template(path = "pages/ask.html")]
pub(crate) struct AskPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// The question.
    pub(crate) ask: Ask,
}

/// A question before something is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The question.
    pub(crate) title: String,
    /// What will happen, in sentences.
    pub(crate) texts: Vec<String>,
    /// What stands above the list of what it affects.
    pub(crate) affects_title: &'static str,
    /// What it affects.
    pub(crate) affects: Vec<Affected>,
    /// More of them than are listed.
    pub(crate) more: i64,
    /// Fields, a reason for instance.
    pub(crate) fields: Vec<Field>,
    /// Boxes to tick.
    pub(crate) choices: Vec<Choice>,
    /// Fields that nobody sees: names and values.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// Where the answer goes.
    pub(crate) action: String,
    /// What the button says.
    pub(crate) label: String,
    /// Whether it takes something away.
    pub(crate) risk: bool,
    /// Where "no" leads.
    pub(crate) back: String,
    /// Why the answer before did not work.
    pub(crate) wrong: Option<String>,
}

/// One thing that is affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Affected {
    /// What.
    pub(crate) what: String,
    /// And how.
    pub(crate) note: String,
}
