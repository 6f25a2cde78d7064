//! The dashboard: how everything stands, at a glance.

use askama::Template;

use crate::console::parts::{Action, Count, CountBar, Day, Last, Legend, Spark, Tag, Tone, When};
use crate::console::shell::Shell;

/// How everything stands.
#[derive(Debug, Template)]
#[template(path = "pages/dashboard.html")]
pub(crate) struct DashboardPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it, separated by spaces.
    pub(crate) event_names: &'static str,
    /// One line of facts.
    pub(crate) facts: String,
    /// Suspend or resume.
    pub(crate) suspension: Action,
    /// The one thing that somebody should do.
    pub(crate) banner: Option<Banner>,
    /// Counts out.
    pub(crate) used: String,
    /// Of how many.
    pub(crate) used_note: String,
    /// All use, by hour.
    pub(crate) spark: Spark,
    /// Refusals since midnight.
    pub(crate) denied: String,
    /// By reason.
    pub(crate) denied_note: String,
    /// Counts in use on overdraft.
    pub(crate) overdraft: String,
    /// Of which features.
    pub(crate) overdraft_note: String,
    /// When it was last synchronised.
    pub(crate) synchronised: Last,
    /// What stands before the deadline.
    pub(crate) deadline_note: &'static str,
    /// From then on nothing is granted.
    pub(crate) deadline: Option<When>,
    /// The features, those in need first.
    pub(crate) features: Vec<UseRow>,
    /// Features that are not shown.
    pub(crate) more: i64,
    /// What the bar's colours mean.
    pub(crate) legend: Legend,
    /// That there are no features, or that it is not known.
    pub(crate) empty_title: &'static str,
    /// Why there are no features.
    pub(crate) empty_text: &'static str,
    /// What to do about it.
    pub(crate) empty_act: Action,
    /// Services and stores.
    pub(crate) health: Vec<HealthRow>,
    /// That nothing ends soon, or that it is not known.
    pub(crate) expiring_empty: &'static str,
    /// What ends within 90 days.
    pub(crate) expiring: Vec<ExpiringRow>,
}

/// What somebody should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Banner {
    /// How much it matters.
    pub(crate) tone: Tone,
    /// In a word or two.
    pub(crate) title: String,
    /// What to do.
    pub(crate) text: String,
    /// Where; empty: nowhere.
    pub(crate) href: &'static str,
    /// What the link says.
    pub(crate) link: &'static str,
}

/// Use of one feature, all versions summed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UseRow {
    /// The feature.
    pub(crate) name: String,
    /// Its page.
    pub(crate) href: String,
    /// What is out of the ordinary.
    pub(crate) tags: Vec<Tag>,
    /// The counts as a bar.
    pub(crate) bar: CountBar,
    /// Counts out.
    pub(crate) used: Count,
    /// Counts to be had.
    pub(crate) available: String,
    /// Counts owned.
    pub(crate) total: String,
    /// The last 24 hours.
    pub(crate) spark: Spark,
}

/// How one service or store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthRow {
    /// How it stands.
    pub(crate) tone: Tone,
    /// Its name.
    pub(crate) name: String,
    /// What it is or where.
    pub(crate) detail: String,
    /// In a word or two.
    pub(crate) state: String,
}

/// Something that ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpiringRow {
    /// The feature.
    pub(crate) name: String,
    /// Its page.
    pub(crate) href: String,
    /// Version and counts.
    pub(crate) what: String,
    /// When it ends.
    pub(crate) day: Day,
    /// How long that is.
    pub(crate) tag: Tag,
}
