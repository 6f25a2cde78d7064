//! The list of features.

use askama::Template;

use crate::console::parts::{Action, Count, CountBar, Day, Head, Legend, Listing, Paging, Tag};
use crate::console::shell::Shell;

/// The features, by name and version.
#[derive(Debug, Template)]
#[template(path = "pages/features.html")]
pub(crate) struct FeaturesPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it.
    pub(crate) event_names: &'static str,
    /// One line of facts.
    pub(crate) facts: String,
    /// Leads to the vendor.
    pub(crate) synchronise: Action,
    /// Search, order and page.
    pub(crate) listing: Listing,
    /// The list as a file.
    pub(crate) export: String,
    /// The heads of the columns.
    pub(crate) heads: Vec<Head>,
    /// The rows of this page.
    pub(crate) rows: Vec<FeatureRow>,
    /// What the bar's colours mean.
    pub(crate) legend: Legend,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
    /// Why there are none.
    pub(crate) empty_text: &'static str,
    /// What to do about it.
    pub(crate) empty_act: Action,
}

/// One feature in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeatureRow {
    /// The name.
    pub(crate) name: String,
    /// Its page.
    pub(crate) href: String,
    /// Uncounted, metered, on overdraft, ending soon.
    pub(crate) tags: Vec<Tag>,
    /// The version.
    pub(crate) version: String,
    /// The counts as a bar.
    pub(crate) bar: CountBar,
    /// Counts out.
    pub(crate) used: Count,
    /// Counts set aside.
    pub(crate) reserved: Count,
    /// Counts to be had.
    pub(crate) available: String,
    /// Counts owned.
    pub(crate) total: String,
    /// Counts that overdraft adds.
    pub(crate) overdraft: String,
    /// Counts out beyond what a later bundle left.
    pub(crate) overage: String,
    /// First end of a line item.
    pub(crate) first: Day,
    /// Last end of a line item.
    pub(crate) last: Day,
}
