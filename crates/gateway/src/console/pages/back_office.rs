//! The vendor's side: enrolment, state of synchronisation, exchanges.

use askama::Template;

use super::dashboard::Banner;
use crate::console::parts::{Action, Count, Field, Paging, Permit, Tag, Tone, When};
use crate::console::shell::Shell;

/// How we stand with the vendor.
#[derive(Debug, Template)]
#[template(path = "pages/back_office.html")]
pub(crate) struct BackOfficePage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Where live changes come from.
    pub(crate) events: &'static str,
    /// Names of the events that concern it.
    pub(crate) event_names: &'static str,
    /// One line of facts.
    pub(crate) facts: String,
    /// What somebody should do.
    pub(crate) banner: Option<Banner>,
    /// The state, where the instance is enrolled.
    pub(crate) enrolled: Option<Enrolled>,
    /// Every exchange, newest first, one page.
    pub(crate) exchanges: Vec<ExchangeRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
    /// Whether they may enrol.
    pub(crate) enrol: Permit,
    /// The enrolment file.
    pub(crate) file_field: Field,
    /// The same by hand.
    pub(crate) fields: Vec<Field>,
}

/// The state of synchronisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Enrolled {
    /// How it stands.
    pub(crate) tone: Tone,
    /// In a word or two.
    pub(crate) state: &'static str,
    /// Which bundle is in force.
    pub(crate) bundle: String,
    /// When it was last synchronised.
    pub(crate) synchronised: Option<When>,
    /// When it next synchronises by itself.
    pub(crate) next: Option<When>,
    /// From then on nothing is granted.
    pub(crate) deadline: Option<When>,
    /// Request files whose response has not come.
    pub(crate) outstanding: i32,
    /// Ids and keys: name, value, whether it is to be compared letter by letter.
    pub(crate) identity: Vec<(&'static str, String, bool)>,
    /// The vendor's texts for administrators.
    pub(crate) notices: Vec<String>,
    /// How the vendor is reached.
    pub(crate) contact: Vec<(&'static str, String)>,
    /// Leads to the exchange by files.
    pub(crate) offline: Action,
    /// Leads to the test of the connection.
    pub(crate) test: Action,
    /// Whether they may synchronise.
    pub(crate) synchronise: Permit,
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExchangeRow {
    /// The number of its request.
    pub(crate) number: Count,
    /// How it stands.
    pub(crate) state: Tag,
    /// Over the network or by files.
    pub(crate) way: &'static str,
    /// When it began.
    pub(crate) began: Option<When>,
    /// How long it took.
    pub(crate) took: String,
    /// The sequence number of its bundle.
    pub(crate) bundle: String,
    /// What came of it.
    pub(crate) summary: String,
    /// What the bundle changed, or why it failed.
    pub(crate) details: Vec<String>,
    /// Who asked for it.
    pub(crate) actor: String,
}

/// The way to the vendor, step by step.
#[derive(Debug, Template)]
#[template(path = "pages/connection.html")]
pub(crate) struct ConnectionPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// The back office's address.
    pub(crate) address: String,
    /// What was found; empty before the test.
    pub(crate) steps: Vec<StepRow>,
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepRow {
    /// What it does.
    pub(crate) name: &'static str,
    /// Whether it succeeded.
    pub(crate) ok: bool,
    /// What was found, or what is wrong and what to do.
    pub(crate) message: String,
    /// How long it took.
    pub(crate) took: String,
}

/// The exchange by files, in three steps.
#[derive(Debug, Template)]
#[template(path = "pages/offline.html")]
pub(crate) struct OfflinePage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Why the last step did not work.
    pub(crate) banner: Option<Banner>,
    /// Whether they may make a request.
    pub(crate) export: Permit,
    /// Whether they may bring a response.
    pub(crate) import: Permit,
    /// Where the vendor takes request files.
    pub(crate) where_to: String,
    /// Requests whose response has not come.
    pub(crate) outstanding: i32,
    /// The same in words.
    pub(crate) outstanding_text: String,
    /// The response.
    pub(crate) file_field: Field,
}
