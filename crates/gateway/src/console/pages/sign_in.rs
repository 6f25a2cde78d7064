//! Signing in: with name and password, for the first time with the one-time code, and why not over plain HTTP.

use askama::Template;
use leasehold_runtime::http::Problem;

use crate::console::answer::sentence;
use crate::console::assets::Assets;
use crate::console::parts::Field;
use crate::console::shell::Theme;

/// Name and password.
#[derive(Debug, Template)]
#[template(path = "pages/sign_in.html")]
pub(crate) struct SignInPage {
    /// Colours.
    pub(crate) theme: Theme,
    /// Stylesheet, script, icon.
    pub(crate) assets: Assets,
    /// Where to go afterwards: a path of ours.
    pub(crate) back: String,
    /// Why it did not work.
    pub(crate) wrong: Option<String>,
    /// What happened before, signing out for instance.
    pub(crate) said: Option<String>,
    /// The name.
    pub(crate) name_field: Field,
    /// The password.
    pub(crate) password_field: Field,
}

impl SignInPage {
    /// An empty form that leads to `back`.
    pub(crate) fn new(theme: Theme, back: String) -> Self {
        Self {
            theme,
            assets: Assets::here(),
            back,
            wrong: None,
            said: None,
            name_field: Field::text("name", "Name").fills("username"),
            password_field: Field::password("password", "Password", "current-password"),
        }
    }
}

/// The first administrator makes an account with the code that the server printed.
#[derive(Debug, Template)]
#[template(path = "pages/first_sign_in.html")]
pub(crate) struct FirstSignInPage {
    /// Colours.
    pub(crate) theme: Theme,
    /// Stylesheet, script, icon.
    pub(crate) assets: Assets,
    /// Why it did not work, where no field is to blame.
    pub(crate) wrong: Option<String>,
    /// Code, name, password, password again.
    pub(crate) fields: Vec<Field>,
}

/// What is wrong with the fields of a form, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrongs(Vec<(String, String)>);

impl Wrongs {
    /// What a problem says of fields.
    pub(crate) fn of_problem(problem: &Problem) -> Self {
        Self(problem.fields.iter().map(|(field, wrong)| (field.clone(), sentence(wrong))).collect())
    }

    /// Adds what is wrong with a field.
    pub(crate) fn add(&mut self, field: impl Into<String>, wrong: impl Into<String>) {
        self.0.push((field.into(), wrong.into()));
    }

    /// What is wrong with this field.
    pub(crate) fn of(&self, field: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, wrong)| wrong.clone())
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FirstSignInPage {
    /// The form with what was typed before; passwords are typed again.
    pub(crate) fn new(theme: Theme, code: &str, name: &str, wrongs: &Wrongs) -> Self {
        let fields = vec![
            Field::text("code", "One-time code")
                .hint("The server printed it when it started; its log has the newest one.")
                .fills("one-time-code")
                .holds(code)
                .wrong(wrongs.of("code")),
            Field::text("name", "Your name here")
                .hint("Letters, digits and -_.@. It stands in the audit beside what you do.")
                .fills("username")
                .holds(name)
                .wrong(wrongs.of("name")),
            Field::password("password", "Password", "new-password")
                .hint("At least 12 characters; several words will do.")
                .wrong(wrongs.of("password")),
            Field::password("again", "The same password again", "new-password").wrong(wrongs.of("again")),
        ];
        Self { theme, assets: Assets::here(), wrong: None, fields }
    }
}

/// Shown where the sign-in would go over plain HTTP from another machine.
#[derive(Debug, Template)]
#[template(path = "pages/https_needed.html")]
pub(crate) struct HttpsNeededPage {
    /// Colours.
    pub(crate) theme: Theme,
    /// Stylesheet, script, icon.
    pub(crate) assets: Assets,
    /// The console's address with `https`.
    pub(crate) address: String,
}
