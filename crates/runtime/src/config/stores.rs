//! `[postgres]` and `[redis]`: where licence state and leases are kept, and the secrets that open them.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::secret::{self, SecretError};
use super::value;

/// `[postgres]`: the database of licence state.
#[derive(Clone, Debug, Deserialize)]
pub struct Postgres {
    /// Its address; empty means the embedded store.
    pub url: String,
    password: SecretString,
    #[serde(deserialize_with = "value::file")]
    password_file: Option<PathBuf>,
    /// Most connections at a time.
    #[serde(deserialize_with = "value::connections")]
    pub max_connections: u32,
    /// How long one statement may take.
    #[serde(deserialize_with = "value::patience")]
    pub statement_timeout: Duration,
    /// Who brings the tables up to date.
    #[serde(deserialize_with = "value::migrate")]
    pub migrate: Migrate,
}

/// Who brings the tables up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// Each start.
    Apply,
    /// Somebody else, before the start.
    Check,
}

/// `[redis]`: the store of leases.
#[derive(Clone, Debug, Deserialize)]
pub struct Redis {
    /// Its address; empty means the memory of this process.
    pub url: String,
    /// The CAs that its certificate may come from; `None` for those that the system trusts.
    #[serde(deserialize_with = "value::file")]
    pub ca: Option<PathBuf>,
    password: SecretString,
    #[serde(deserialize_with = "value::file")]
    password_file: Option<PathBuf>,
    /// How long an answer may take before the leases count as away.
    #[serde(deserialize_with = "value::moment")]
    pub response_timeout: Duration,
}

impl Postgres {
    /// The password, where one is given.
    pub fn password(&self) -> Option<&SecretString> {
        secret::given(&self.password)
    }

    pub(super) fn read_secret(&mut self) -> Result<(), SecretError> {
        secret::read("postgres.password", &mut self.password, self.password_file.as_ref())
    }
}

impl Redis {
    /// The password, where one is given.
    pub fn password(&self) -> Option<&SecretString> {
        secret::given(&self.password)
    }

    pub(super) fn read_secret(&mut self) -> Result<(), SecretError> {
        secret::read("redis.password", &mut self.password, self.password_file.as_ref())
    }
}
