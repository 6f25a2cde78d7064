//! One field of a form: label, hint, what is wrong with it.

use askama::Template;
use askama::filters::HtmlSafe;

/// One field of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "parts/field.html")]
pub(crate) struct Field {
    /// The name in the form, which is also its id on the page.
    pub(crate) name: &'static str,
    /// The label.
    pub(crate) label: &'static str,
    /// The `type` of the input: `text`, `password`, `file`, or `area` for several lines.
    pub(crate) kind: &'static str,
    /// What it holds already. Never a password.
    pub(crate) value: String,
    /// What belongs into it.
    pub(crate) hint: &'static str,
    /// What a browser may fill in; empty: nothing.
    pub(crate) autocomplete: &'static str,
    /// It may stay empty.
    pub(crate) optional: bool,
    /// What is wrong with it.
    pub(crate) wrong: Option<String>,
}

impl HtmlSafe for Field {}

impl Field {
    /// A line of text.
    pub(crate) fn text(name: &'static str, label: &'static str) -> Self {
        Self { name, label, kind: "text", autocomplete: "off", ..Self::default() }
    }

    /// A password. `autocomplete` is `current-password` or `new-password`.
    pub(crate) fn password(name: &'static str, label: &'static str, autocomplete: &'static str) -> Self {
        Self { name, label, kind: "password", autocomplete, ..Self::default() }
    }

    /// A file.
    pub(crate) fn file(name: &'static str, label: &'static str) -> Self {
        Self { name, label, kind: "file", ..Self::default() }
    }

    /// With a hint.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// With what a browser may fill in.
    pub(crate) fn fills(mut self, autocomplete: &'static str) -> Self {
        self.autocomplete = autocomplete;
        self
    }

    /// With what was typed before.
    pub(crate) fn holds(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// May stay empty.
    pub(crate) fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// With what is wrong with it.
    pub(crate) fn wrong(mut self, wrong: Option<String>) -> Self {
        self.wrong = wrong;
        self
    }

    /// The id of what describes it: what is wrong says what to do, and takes the place of the hint.
    fn described_by(&self) -> String {
        match (&self.wrong, self.hint) {
            (Some(_), _) => format!("{}-wrong", self.name),
            (None, "") => String::new(),
            (None, _) => format!("{}-hint", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_tied_to_the_field() {
        let field =
            Field::text("name", "Name").hint("Letters.").holds("a\"b").wrong(Some("Too short.".into()));
        let html = field.to_string();
        assert!(html.contains(r#"aria-describedby="name-wrong""#), "{html}");
        assert!(html.contains(r#"aria-invalid="true""#), "{html}");
        assert!(html.contains(r#"id="name-wrong""#) && html.contains("Too short."), "{html}");
        assert!(!html.contains("Letters.") && !html.contains("a\"b"), "{html}");
    }

    #[test]
    fn a_password_is_never_written_into_the_page() {
        let html = Field::password("password", "Password", "new-password").holds("secret").to_string();
        assert!(!html.contains("secret"), "{html}");
    }
}
