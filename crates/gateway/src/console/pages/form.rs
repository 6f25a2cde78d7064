//! A form on a page of its own: adding a user, making a token.

use askama::Template;

use crate::console::parts::{Choice, Field};
use crate::console::shell::Shell;

/// One form.
#[derive(Debug, Template)]
#[template(path = "pages/form.html")]
pub(crate) struct FormPage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// In a sentence, what it is for.
    pub(crate) text: String,
    /// The page that it belongs to.
    pub(crate) back: &'static str,
    /// That page's name.
    pub(crate) back_label: &'static str,
    /// Where it is sent.
    pub(crate) action: String,
    /// Why it did not work, where no field is to blame.
    pub(crate) wrong: Option<String>,
    /// The fields.
    pub(crate) fields: Vec<Field>,
    /// What stands above the boxes.
    pub(crate) legend: &'static str,
    /// The boxes to tick.
    pub(crate) choices: Vec<Choice>,
    /// What is wrong with them.
    pub(crate) choices_wrong: Option<String>,
    /// What the button says.
    pub(crate) label: &'static str,
    /// Fields that nobody sees: names and values.
    pub(crate) hidden: Vec<(&'static str, String)>,
}

/// A secret that is shown once.
#[derive(Debug, Template)]
#[template(path = "pages/token_made.html")]
pub(crate) struct TokenMadePage {
    /// What stands around it.
    pub(crate) shell: Shell,
    /// For whom it was made.
    pub(crate) text: String,
    /// What the secret is, for screen readers.
    pub(crate) label: String,
    /// The secret.
    pub(crate) secret: String,
    /// How it is used.
    pub(crate) hint: String,
    /// Where to go on.
    pub(crate) back: &'static str,
}
