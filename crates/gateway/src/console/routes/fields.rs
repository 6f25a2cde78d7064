//! The fields of a form that was sent, as pairs: boxes of one name come several times.

use secrecy::SecretString;
use serde::Deserialize;

/// The fields of a form that was sent.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first field of this name, without spaces around it; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.trim())
    }

    /// A password, just as it was typed.
    pub(crate) fn secret(&self, name: &str) -> SecretString {
        let found = self.0.iter().find(|(found, _)| found == name);
        SecretString::from(found.map(|(_, value)| value.clone()).unwrap_or_default())
    }

    /// Every field of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn texts_lose_the_spaces_around_them_and_passwords_do_not() {
        let pairs = [("name", " ada "), ("password", " a b "), ("roles", "VIEWER"), ("roles", "ADMIN")];
        let fields = Fields(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        assert_eq!(fields.text("name"), "ada");
        assert_eq!(fields.text("nothing"), "");
        assert_eq!(fields.secret("password").expose_secret(), " a b ");
        assert_eq!(fields.all("roles"), ["VIEWER", "ADMIN"]);
    }
}
