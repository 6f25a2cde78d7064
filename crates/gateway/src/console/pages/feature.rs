//! One feature: what it consists of, its use over time, who holds it.

use askama::Template;

use crate::console::parts::{Action, Chart, Count, CountBar, Day, Legend, Paging, Tag, When};
use crate::console::shell::Shell;

/// One feature, all versions.
#[derive(Debug, Template)]
#[template(path = "pages/feature.html")]
pub(crate) struct FeaturePage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it.
    pub(crate) event_names: &'static str,
    /// The name.
    pub(crate) name: String,
    /// One line of facts.
    pub(crate) facts: String,
    /// What is out of the ordinary.
    pub(crate) tags: Vec<Tag>,
    /// Counts out.
    pub(crate) used: Count,
    /// Of how many.
    pub(crate) used_note: String,
    /// Counts to be had.
    pub(crate) available: String,
    /// Of these reserved.
    pub(crate) reserved_note: String,
    /// Refusals since midnight.
    pub(crate) denied: Count,
    /// By reason.
    pub(crate) denied_note: String,
    /// First end of a line item.
    pub(crate) first: Day,
    /// The last one.
    pub(crate) ends_note: String,
    /// The line items.
    pub(crate) items: Vec<ItemRow>,
    /// What the bar's colours mean.
    pub(crate) legend: Legend,
    /// Periods that the chart can show.
    pub(crate) periods: Vec<Period>,
    /// Use over time.
    pub(crate) chart: Chart,
    /// Who holds it, one page.
    pub(crate) holders: Vec<HolderRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
}

/// A period that the chart can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    /// As it is called.
    pub(crate) label: &'static str,
    /// Its address.
    pub(crate) href: String,
    /// The one that is shown.
    pub(crate) current: bool,
}

/// One line item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemRow {
    /// The product it was sold as.
    pub(crate) product: String,
    /// The version.
    pub(crate) version: String,
    /// Id, vendor string, selectors, notice, intervals: what is given, by name.
    pub(crate) details: Vec<(&'static str, String)>,
    /// The counts as a bar.
    pub(crate) bar: CountBar,
    /// Counts out.
    pub(crate) used: Count,
    /// Counts set aside.
    pub(crate) reserved: Count,
    /// Counts owned.
    pub(crate) count: String,
    /// Counts that overdraft adds.
    pub(crate) overdraft: String,
    /// Serves from then on.
    pub(crate) starts: String,
    /// Serves until then.
    pub(crate) ends: Day,
}

/// One grant, seen from the feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HolderRow {
    /// The device for people.
    pub(crate) device: String,
    /// Its hostid, where the device has another name.
    pub(crate) hostid: String,
    /// Its page.
    pub(crate) href: String,
    /// The slot or client instance.
    pub(crate) holder: String,
    /// Counts.
    pub(crate) count: Count,
    /// Online or borrowed.
    pub(crate) mode: Tag,
    /// First granted.
    pub(crate) since: Option<When>,
    /// When it ends if nothing renews it.
    pub(crate) until: Option<When>,
    /// Ends it.
    pub(crate) drop: Action,
}
