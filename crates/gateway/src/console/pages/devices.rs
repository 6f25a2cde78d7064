//! The list of devices.

use askama::Template;

use crate::console::parts::{Count, Head, Listing, Paging, When};
use crate::console::shell::Shell;

/// The devices.
#[derive(Debug, Template)]
#[template(path = "pages/devices.html")]
pub(crate) struct DevicesPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it.
    pub(crate) event_names: &'static str,
    /// One line of facts.
    pub(crate) facts: String,
    /// Search, order and page.
    pub(crate) listing: Listing,
    /// The list as a file.
    pub(crate) export: String,
    /// The heads of the columns.
    pub(crate) heads: Vec<Head>,
    /// The rows of this page.
    pub(crate) rows: Vec<DeviceRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRow {
    /// The alias, or the hostid.
    pub(crate) title: String,
    /// The hostid, where the title is an alias.
    pub(crate) subtitle: String,
    /// Its page.
    pub(crate) href: String,
    /// An administrator blocked it.
    pub(crate) blocked: bool,
    /// What the hostid identifies.
    pub(crate) id_type: &'static str,
    /// Physical, virtual or unknown.
    pub(crate) machine: &'static str,
    /// Grants that it holds.
    pub(crate) grants: Count,
    /// Counts that it holds.
    pub(crate) counts: Count,
    /// When the last of its grants ends.
    pub(crate) until: Option<When>,
    /// Newest request.
    pub(crate) last_seen: Option<When>,
}
