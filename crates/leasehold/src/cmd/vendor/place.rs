//! The flags that say where a vendor's data is, for commands that work on it without a server.

use std::path::PathBuf;

use leasehold::Config;
use leasehold::app::backoffice::{VendorError, VendorPlace};

use super::super::settings::Files;
use crate::exit::{Exit, Failure};

/// Where the configuration comes from, and the database that it may name.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    files: Files,
    /// Keep the data in this Postgres database, whatever `postgres.url` says
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl Settings {
    /// Reads the configuration; `flags` are keys and values that overrule everything else.
    pub(super) fn load(self, mut flags: Vec<(String, String)>) -> Result<Config, Failure> {
        flags.extend(self.database_url.map(|url| ("postgres.url".to_owned(), url)));
        self.files.load(flags)
    }
}

/// Where the data is: in the configuration's database, where it names one, else in this directory.
pub(super) fn place(config: &Config, directory: Option<PathBuf>) -> Result<VendorPlace, Failure> {
    match directory {
        _ if !config.postgres.url.is_empty() => Ok(VendorPlace::Postgres),
        Some(directory) => Ok(VendorPlace::Dir(directory)),
        None => Err(Failure::new(Exit::Usage, "say where the data is: --dir DIR, or --database-url URL")),
    }
}

/// What went wrong, with the exit code that goes with it.
pub(super) fn failure(error: &VendorError) -> Failure {
    let exit = if error.is_taken() {
        Exit::Unavailable
    } else if error.is_set_up() {
        Exit::Conflict
    } else {
        match error {
            VendorError::Service(leasehold_backoffice::Error::Rejected(_)) => Exit::Usage,
            VendorError::Service(leasehold_backoffice::Error::OtherRoot) => Exit::Denied,
            _ => Exit::Error,
        }
    };
    Failure::new(exit, error)
}
