//! Users, tokens, the audit, and what runs here.

use askama::Template;

use crate::console::parts::{Action, Day, Paging, Tag, Tone, When};
use crate::console::shell::Shell;

/// The users.
#[derive(Debug, Template)]
#[template(path = "pages/users.html")]
pub(crate) struct UsersPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// One line of facts.
    pub(crate) facts: String,
    /// Leads to the form.
    pub(crate) add: Action,
    /// The users of this page.
    pub(crate) rows: Vec<UserRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
    /// Every role and what it may do.
    pub(crate) roles: Vec<(&'static str, &'static str)>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserRow {
    /// The name.
    pub(crate) name: String,
    /// The one who looks.
    pub(crate) me: bool,
    /// May not sign in.
    pub(crate) disabled: bool,
    /// The roles.
    pub(crate) roles: String,
    /// The last sign-in.
    pub(crate) last: Option<When>,
    /// When the account was made.
    pub(crate) made: When,
    /// Change roles, disable, enable.
    pub(crate) acts: Vec<Action>,
}

/// The API tokens.
#[derive(Debug, Template)]
#[template(path = "pages/tokens.html")]
pub(crate) struct TokensPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// Leads to the form.
    pub(crate) add: Action,
    /// The tokens of this page.
    pub(crate) rows: Vec<TokenRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    /// What it is for.
    pub(crate) name: String,
    /// Ended or revoked.
    pub(crate) tag: Option<Tag>,
    /// The roles.
    pub(crate) roles: String,
    /// Who made it.
    pub(crate) maker: String,
    /// When.
    pub(crate) made: When,
    /// When it was last used.
    pub(crate) last: Option<When>,
    /// When it ends.
    pub(crate) ends: Day,
    /// Ends it now; not where it has ended.
    pub(crate) revoke: Option<Action>,
}

/// What administrators did.
#[derive(Debug, Template)]
#[template(path = "pages/audit.html")]
pub(crate) struct AuditPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// What is searched for.
    pub(crate) search: String,
    /// The list as a file.
    pub(crate) export: String,
    /// The records of this page.
    pub(crate) rows: Vec<AuditRow>,
    /// How many there are, and the other pages.
    pub(crate) paging: Paging,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditRow {
    /// When.
    pub(crate) at: When,
    /// The user or the token.
    pub(crate) who: String,
    /// What was done.
    pub(crate) action: String,
    /// To what.
    pub(crate) target: String,
    /// What else is known of it.
    pub(crate) detail: String,
    /// How it went.
    pub(crate) result: Tag,
    /// From which address.
    pub(crate) from: String,
}

/// What runs here.
#[derive(Debug, Template)]
#[template(path = "pages/about.html")]
pub(crate) struct AboutPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// One line of facts.
    pub(crate) facts: String,
    /// Services and stores.
    pub(crate) services: Vec<ServiceRow>,
    /// Server, instance, program.
    pub(crate) groups: Vec<FactGroup>,
}

/// One service or store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceRow {
    /// Its name.
    pub(crate) name: String,
    /// How it stands.
    pub(crate) tone: Tone,
    /// In a word or two.
    pub(crate) state: String,
    /// Why it does not work, and what to do.
    pub(crate) detail: String,
    /// Its version, where it is known.
    pub(crate) version: String,
}

/// Facts under one title: name, value, whether it is to be compared letter by letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FactGroup {
    /// The title.
    pub(crate) title: &'static str,
    /// The facts.
    pub(crate) facts: Vec<(&'static str, String, bool)>,
}
