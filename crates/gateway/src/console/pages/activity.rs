//! Every change of licence state, searched and paged.

use askama::Template;

use crate::console::parts::Timeline;
use crate::console::shell::Shell;

/// The activity.
#[derive(Debug, Template)]
#[template(path = "pages/activity.html")]
pub(crate) struct ActivityPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it.
    pub(crate) event_names: &'static str,
    /// What is searched for.
    pub(crate) search: String,
    /// The list as a file.
    pub(crate) export: String,
    /// The changes.
    pub(crate) timeline: Timeline,
}
