//! What a person can do on a page, and small marks of how something stands.

use askama::Template;
use askama::filters::HtmlSafe;

/// How something stands, as a class of the stylesheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing to say.
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Warn,
    /// Something does not work.
    Bad,
}

impl Tone {
    /// The class.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A short mark beside a name.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(ext = "html", source = r#"<span class="tag {{ tone.class() }}">{{ text }}</span>"#)]
pub(crate) struct Tag {
    /// How it stands.
    pub(crate) tone: Tone,
    /// In a word or two.
    pub(crate) text: String,
}

impl HtmlSafe for Tag {}

impl Tag {
    /// A mark with this text.
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Whether the person who looks may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// They may.
    Granted,
    /// They may not; this role may.
    Needs(&'static str),
    /// Nobody may; this setting says so.
    Off(&'static str),
}

impl Permit {
    /// Why they may not, in a few words; empty where they may.
    pub(crate) fn why(self) -> String {
        match self {
            Self::Granted => String::new(),
            Self::Needs(role) => format!("needs the role {role}"),
            Self::Off(setting) => format!("{setting} is off"),
        }
    }

    /// The same where nobody may unless this setting is on.
    pub(crate) fn unless_off(self, on: bool, setting: &'static str) -> Self {
        if self == Self::Granted && !on { Self::Off(setting) } else { self }
    }
}

/// A link to a page that does something or asks before it, or what is shown instead where the person may not.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/action.html")]
pub(crate) struct Action {
    /// What happens, as the button says it.
    pub(crate) label: String,
    /// Where it leads.
    pub(crate) href: String,
    /// Whether they may.
    pub(crate) permit: Permit,
    /// Classes of the button.
    pub(crate) class: &'static str,
    /// The page asks something, and can do so in a dialog above this one.
    pub(crate) dialog: bool,
}

impl HtmlSafe for Action {}

impl Action {
    /// An ordinary button.
    pub(crate) fn new(label: impl Into<String>, href: impl Into<String>, permit: Permit) -> Self {
        Self { label: label.into(), href: href.into(), permit, class: "", dialog: false }
    }

    /// The main button of its page.
    pub(crate) fn main(mut self) -> Self {
        self.class = "main";
        self
    }

    /// A button that takes something away; it asks first.
    pub(crate) fn risk(mut self) -> Self {
        self.class = "risk";
        self.dialog = true;
        self
    }

    /// A button that asks first.
    pub(crate) fn asks(mut self) -> Self {
        self.dialog = true;
        self
    }

    fn in_a_row(&self) -> bool {
        self.class.contains("small")
    }

    /// A small button, for a row. Why somebody may not use it is told on hover and to screen readers.
    pub(crate) fn small(mut self) -> Self {
        self.class = if self.class == "risk" { "small risk" } else { "small" };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_that_is_not_for_everybody_says_whose_it_is() {
        let html = Action::new("Drop…", "/devices/x/drop", Permit::Needs("DROP_CLIENT")).risk().to_string();
        assert!(html.contains("disabled"), "{html}");
        assert!(html.contains("DROP_CLIENT"), "{html}");
        assert!(!html.contains("href"), "{html}");
    }

    #[test]
    fn a_button_that_is_for_nobody_says_which_setting_forbids_it() {
        let html =
            Action::new("Drop…", "/devices/x/drop", Permit::Off("licensing.allow_device_drop")).to_string();
        assert!(html.contains("disabled") && html.contains("licensing.allow_device_drop is off"), "{html}");
        assert!(!html.contains("href"), "{html}");
    }

    #[test]
    fn a_permitted_button_is_a_link_that_escapes_its_address() {
        let html = Action::new("Block…", "/devices/a\"b/block", Permit::Granted).risk().small().to_string();
        assert!(html.contains(r#"class="btn small risk""#), "{html}");
        assert!(html.contains("data-dialog"), "{html}");
        assert!(!html.contains("a\"b"), "{html}");
    }
}
