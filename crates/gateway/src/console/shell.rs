//! What stands around every page: the top bar, the menu, the person who is signed in.

use askama::Template;
use askama::filters::HtmlSafe;

use super::assets::Assets;
use super::parts::{Last, Tone};

/// Everything around a page, and what its forms carry.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// The page's name.
    pub(crate) title: String,
    /// Where it stands in the menu.
    pub(crate) section: Section,
    /// Its own address with the query, to come back to.
    pub(crate) here: String,
    /// Addresses of the stylesheet, the script and the icon.
    pub(crate) assets: Assets,
    /// The colours that the person chose.
    pub(crate) theme: Theme,
    /// The instance's name.
    pub(crate) instance: String,
    /// Services and stores, in one sentence.
    pub(crate) health: Health,
    /// When it was last synchronised with the vendor.
    pub(crate) synchronised: Last,
    /// Who is signed in.
    pub(crate) user: User,
    /// What every form carries.
    pub(crate) token: FormToken,
    /// How many things wait for somebody.
    pub(crate) waiting: Waiting,
    /// What the last action did.
    pub(crate) said: Option<Said>,
}

/// How services and stores are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    /// The worst of them.
    pub(crate) tone: Tone,
    /// `3 services, 2 stores healthy`.
    pub(crate) text: String,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// The name.
    pub(crate) name: String,
    /// The roles, as they are named in the API.
    pub(crate) roles: String,
}

/// How many things wait for somebody, by page of the menu.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Request files whose response has not come.
    pub(crate) back_office: u32,
}

/// The token that shows that a form came from one of our own pages to this session, as a hidden field.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(ext = "html", source = r#"<input type="hidden" name="form_token" value="{{ value }}">"#)]
pub(crate) struct FormToken {
    /// The token.
    pub(crate) value: String,
}

impl HtmlSafe for FormToken {}

/// What the last action did, shown once above the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// How it went.
    pub(crate) tone: Tone,
    /// In a sentence.
    pub(crate) text: String,
}

/// The colours of the console.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the person's system wishes.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Reads what the cookie or the form says; anything else is the system's wish.
    pub(crate) fn from_value(value: &str) -> Self {
        match value {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// As it stands in the cookie and the form.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Values and labels to choose from.
    #[expect(clippy::unused_self, reason = "templates call it on what is chosen")]
    pub(crate) fn choices(self) -> [(&'static str, &'static str); 3] {
        [("system", "As the system"), ("light", "Light"), ("dark", "Dark")]
    }

    /// The attribute of the document's root.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::System => "",
            Self::Light => r#" data-theme="light""#,
            Self::Dark => r#" data-theme="dark""#,
        }
    }
}

/// A page of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// How everything stands.
    Dashboard,
    /// What is owned and used.
    Features,
    /// Who uses it.
    Devices,
    /// The vendor's side.
    BackOffice,
    /// What changed.
    Activity,
    /// Administrators.
    Users,
    /// Tokens of programs.
    Tokens,
    /// What administrators did.
    Audit,
    /// Versions, services, addresses.
    About,
    /// None of the menu.
    Elsewhere,
}

impl Section {
    fn label(self) -> &'static str {
        match self {
            Self::Dashboard => "Dashboard",
            Self::Features => "Features",
            Self::Devices => "Devices",
            Self::BackOffice => "Back office",
            Self::Activity => "Activity",
            Self::Users => "Users & roles",
            Self::Tokens => "API tokens",
            Self::Audit => "Audit",
            Self::About => "About",
            Self::Elsewhere => "",
        }
    }

    fn href(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Elsewhere => "/",
            Self::Features => "/features",
            Self::Devices => "/devices",
            Self::BackOffice => "/back-office",
            Self::Activity => "/activity",
            Self::Users => "/users",
            Self::Tokens => "/tokens",
            Self::Audit => "/audit",
            Self::About => "/about",
        }
    }
}

/// The menu: groups by what a person wants.
const MENU: [(&str, &[Section]); 5] = [
    ("", &[Section::Dashboard]),
    ("Licences", &[Section::Features, Section::Devices]),
    ("Vendor", &[Section::BackOffice]),
    ("Insight", &[Section::Activity]),
    ("Administration", &[Section::Users, Section::Tokens, Section::Audit, Section::About]),
];

/// A group of the menu.
pub(crate) struct Group {
    /// What a person wants there; empty for the dashboard.
    pub(crate) label: &'static str,
    /// Its pages.
    pub(crate) entries: Vec<Entry>,
}

/// An entry of the menu.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) label: &'static str,
    /// Its address.
    pub(crate) href: &'static str,
    /// The page that is shown belongs to it.
    pub(crate) current: bool,
    /// Things that wait for somebody.
    pub(crate) waiting: u32,
    /// What they wait for.
    pub(crate) waiting_for: &'static str,
}

impl Shell {
    /// The menu as it looks from this page.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let entry = |section: &Section| {
            let (waiting, waiting_for) = match section {
                Section::BackOffice => (self.waiting.back_office, "waiting for a response"),
                _ => (0, ""),
            };
            let current = *section == self.section;
            Entry { label: section.label(), href: section.href(), current, waiting, waiting_for }
        };
        MENU.iter()
            .map(|(label, sections)| Group { label, entries: sections.iter().map(entry).collect() })
            .collect()
    }
}
