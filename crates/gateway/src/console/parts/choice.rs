//! A box to tick.

use askama::Template;
use askama::filters::HtmlSafe;

/// A box to tick in a form.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/choice.html")]
pub(crate) struct Choice {
    /// The field's name.
    pub(crate) name: &'static str,
    /// What it sends when ticked.
    pub(crate) value: &'static str,
    /// The label.
    pub(crate) label: &'static str,
    /// What it means.
    pub(crate) hint: &'static str,
    /// Whether it is ticked.
    pub(crate) checked: bool,
}

impl HtmlSafe for Choice {}

impl Choice {
    fn id(&self) -> String {
        format!("{}-{}", self.name, self.value.to_lowercase())
    }
}
