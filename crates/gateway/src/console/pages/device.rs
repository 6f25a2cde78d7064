//! One device: what it holds and until when, and what happened to it.

use askama::Template;

use crate::console::parts::{Action, Count, Tag, Timeline, When};
use crate::console::shell::Shell;

/// One device.
#[derive(Debug, Template)]
#[template(path = "pages/device.html")]
pub(crate) struct DevicePage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it.
    pub(crate) event_names: &'static str,
    /// The alias, or the hostid.
    pub(crate) title: String,
    /// The hostid.
    pub(crate) hostid: String,
    /// What the hostid identifies.
    pub(crate) id_type: &'static str,
    /// Physical, virtual or unknown.
    pub(crate) machine: &'static str,
    /// An administrator blocked it.
    pub(crate) blocked: bool,
    /// Blocks it or lifts the block.
    pub(crate) block: Action,
    /// Ends what it holds and forgets it.
    pub(crate) drop: Action,
    /// Counts that it holds.
    pub(crate) counts: Count,
    /// In how many grants.
    pub(crate) grants_note: String,
    /// When the last of its grants ends.
    pub(crate) until: Option<When>,
    /// Newest request.
    pub(crate) last_seen: Option<When>,
    /// First request.
    pub(crate) first_seen: Option<When>,
    /// What it holds.
    pub(crate) grants: Vec<GrantRow>,
    /// What happened.
    pub(crate) history: Timeline,
}

/// One grant, seen from the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantRow {
    /// The feature.
    pub(crate) feature: String,
    /// Its page.
    pub(crate) href: String,
    /// The slot or client instance.
    pub(crate) holder: String,
    /// Counts.
    pub(crate) count: Count,
    /// Online or borrowed.
    pub(crate) mode: Tag,
    /// Default pool, reservation, named pool.
    pub(crate) charged: String,
    /// First granted.
    pub(crate) since: Option<When>,
    /// When it ends if nothing renews it.
    pub(crate) until: Option<When>,
    /// Ends it.
    pub(crate) drop: Action,
}
