//! What happened, newest first.

use askama::Template;
use askama::filters::HtmlSafe;

use super::{Paging, Tag, When};

/// Changes of licence state, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/timeline.html")]
pub(crate) struct Timeline {
    /// What the table is called.
    pub(crate) label: &'static str,
    /// Said where there is nothing.
    pub(crate) empty: String,
    /// Whether the device has a column.
    pub(crate) with_device: bool,
    /// The rows.
    pub(crate) rows: Vec<TimelineRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
}

impl HtmlSafe for Timeline {}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimelineRow {
    /// When.
    pub(crate) at: Option<When>,
    /// What it is about.
    pub(crate) kind: Tag,
    /// The feature; may be empty.
    pub(crate) feature: String,
    /// Its page; empty where there is none.
    pub(crate) feature_href: String,
    /// The device; may be empty.
    pub(crate) device: String,
    /// Its page.
    pub(crate) device_href: String,
    /// Counts added or taken away; may be empty.
    pub(crate) counts: String,
    /// The refusal's reason, or why.
    pub(crate) detail: String,
    /// Who did it.
    pub(crate) actor: String,
}
