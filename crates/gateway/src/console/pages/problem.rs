//! Pages for what went wrong: not found, denied, a service that is away.

use askama::Template;

use crate::console::assets::Assets;
use crate::console::parts::Action;
use crate::console::shell::{Shell, Theme};

/// What went wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// In a few words.
    pub(crate) title: String,
    /// In a sentence.
    pub(crate) text: String,
    /// What to do; empty where the text says it.
    pub(crate) advice: String,
    /// Names and values for whoever looks into it: the service, the reason, the trace id.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Ways on.
    pub(crate) acts: Vec<Action>,
}

/// A problem with the menu around it.
#[derive(Debug, Template)]
#[template(path = "pages/problem.html")]
pub(crate) struct ProblemPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// What went wrong.
    pub(crate) problem: Problem,
}

/// A problem of somebody who is not signed in.
#[derive(Debug, Template)]
#[template(path = "pages/problem_alone.html")]
pub(crate) struct ProblemAlonePage {
    /// Colours.
    pub(crate) theme: Theme,
    /// Stylesheet, script, icon.
    pub(crate) assets: Assets,
    /// What went wrong.
    pub(crate) problem: Problem,
}
