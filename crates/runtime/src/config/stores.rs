//! `[postgres]` and `[redis]`: where licence state and leases are kept, and the secrets that open them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::value;

/// What stands in place of a secret where settings are shown.
const HIDDEN: &str = "(hidden)";

/// `[postgres]`: the database of licence state.
#[derive(Clone, Debug, Deserialize)]
pub struct Postgres {
    /// Its address; empty means the embedded store.
    pub url: String,
    #[serde(flatten)]
    secret: Secret,
    /// Most connections at a time.
    #[serde(deserialize_with = "value::connections")]
    pub max_connections: u32,
    /// How long one statement may take.
    #[serde(deserialize_with = "value::patience")]
    pub statement_timeout: Duration,
}

/// `[redis]`: the store of leases.
#[derive(Clone, Debug, Deserialize)]
pub struct Redis {
    /// Its address; empty means the memory of this process.
    pub url: String,
    /// The CAs that its certificate may come from; `None` for those that the system trusts.
    #[serde(deserialize_with = "value::file")]
    pub ca: Option<PathBuf>,
    #[serde(flatten)]
    secret: Secret,
    /// How long an answer may take before the leases count as away.
    #[serde(deserialize_with = "value::moment")]
    pub response_timeout: Duration,
}

#[derive(Clone, Debug, Deserialize)]
struct Secret {
    password: SecretString,
    #[serde(deserialize_with = "value::file")]
    password_file: Option<PathBuf>,
}

/// Why a secret cannot be had, and the key that is wrong.
pub(super) struct SecretError {
    pub(super) key: String,
    pub(super) problem: String,
}

impl Postgres {
    /// The password, where one is given.
    pub fn password(&self) -> Option<&SecretString> {
        self.secret.given()
    }

    pub(super) fn read_secret(&mut self) -> Result<(), SecretError> {
        self.secret.read("postgres")
    }
}

impl Redis {
    /// The password, where one is given.
    pub fn password(&self) -> Option<&SecretString> {
        self.secret.given()
    }

    pub(super) fn read_secret(&mut self) -> Result<(), SecretError> {
        self.secret.read("redis")
    }
}

impl Secret {
    fn given(&self) -> Option<&SecretString> {
        use secrecy::ExposeSecret as _;
        (!self.password.expose_secret().is_empty()).then_some(&self.password)
    }

    /// Reads the file, where there is one.
    fn read(&mut self, section: &str) -> Result<(), SecretError> {
        let Some(path) = &self.password_file else { return Ok(()) };
        let wrong = |problem| SecretError { key: format!("{section}.password_file"), problem };
        if self.given().is_some() {
            return Err(wrong(format!("give {section}.password or {section}.password_file, not both")));
        }
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(wrong(format!("{} is empty; write the password into it", path.display())));
        }
        self.password = password.into();
        Ok(())
    }
}

/// A setting as it may be shown: without what is secret in it.
pub(super) fn shown(key: &str, value: String) -> String {
    let is_password = key.rsplit('.').next() == Some("password");
    if is_password && !value.is_empty() {
        return HIDDEN.to_owned();
    }
    let Some((scheme, rest)) = value.split_once("://") else { return value };
    match rest.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:{HIDDEN}@{host}"),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (key, value, expected) in [
            ("postgres.password", "s3cret", HIDDEN),
            ("postgres.password", "", ""),
            ("postgres.url", "postgres://db/leasehold", "postgres://db/leasehold"),
            ("postgres.url", "postgres://me@db/leasehold", "postgres://me@db/leasehold"),
            ("redis.url", "redis://:p@ss@cache:6379", "redis://:(hidden)@cache:6379"),
            ("runtime.data_dir", "a:b@c", "a:b@c"),
        ] {
            assert_eq!(shown(key, value.to_owned()), expected);
        }
        let redis = Redis {
            url: String::new(),
            ca: None,
            secret: secret("s3cret", None),
            response_timeout: Duration::ZERO,
        };
        assert!(!format!("{redis:?}").contains("s3cret"));
    }

    fn secret(password: &str, file: Option<PathBuf>) -> Secret {
        Secret { password: password.into(), password_file: file }
    }

    #[test]
    fn a_password_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let mut both = secret("x", Some(file.clone()));
        assert!(both.read("redis").is_err_and(|error| error.problem.contains("not both")));
        let mut missing = secret("", Some(file.clone()));
        assert!(missing.read("redis").is_err_and(|error| error.key == "redis.password_file"));
        fs::write(&file, "\n").unwrap();
        assert!(missing.read("redis").is_err_and(|error| error.problem.contains("is empty")));
        fs::write(&file, "from a file\n").unwrap();
        assert!(missing.read("redis").is_ok());
        assert_eq!(missing.given().map(SecretString::expose_secret), Some("from a file"));
        assert!(secret("", None).given().is_none());
    }
}
