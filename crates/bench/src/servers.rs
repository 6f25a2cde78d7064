//! Throw-away back ends of the server under test: one Postgres and one Redis, and databases in the former.

use leasehold_testkit::{Postgres, Redis};

/// As a server that has a machine of some size to itself. Whatever runs beside the product in a figure has the same.
const SETTINGS: &[(&str, &str)] =
    &[("shared_buffers", "512MB"), ("max_wal_size", "4GB"), ("min_wal_size", "2GB")];

/// Files of Postgres' log, 16 MiB each, that are there before anything is measured.
const LOG_FILES: u32 = 96;

/// One Postgres and one Redis, which end with this value.
pub(crate) struct Servers {
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
}

impl Servers {
    /// Starts both, and makes sure that what Postgres acknowledges is on the disk.
    pub(crate) async fn start() -> Result<Self, String> {
        let postgres = Postgres::start_with(SETTINGS).await.map_err(|error| error.to_string())?;
        let redis = Redis::start().await.map_err(|error| error.to_string())?;
        let servers = Self { postgres, redis };
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = servers.ask("postgres", &format!("show {setting}"))?;
            if value != "on" {
                return Err(format!("PostgreSQL has {setting} = {value}; only full durability counts"));
            }
        }
        Ok(servers)
    }

    /// Makes Postgres write through its log once, so that it has files to use again, as a server has that has run for a
    /// while. A new one makes and fills each file while a transaction waits for it.
    pub(crate) fn break_in(&self) -> Result<(), String> {
        let fill = format!(
            "select count(pg_logical_emit_message(false, '', '')), count(pg_switch_wal()) \
             from generate_series(1, {LOG_FILES})"
        );
        self.ask("postgres", &fill)?;
        self.ask("postgres", "checkpoint").map(drop)
    }

    /// How many files Postgres' log has.
    #[cfg(test)]
    fn log_files(&self) -> u32 {
        self.ask("postgres", "select count(*) from pg_ls_waldir()").unwrap().parse().unwrap()
    }

    /// Makes an empty database and gives its URL.
    pub(crate) fn make_database(&self, name: &str) -> Result<String, String> {
        self.ask("postgres", &format!("create database {name}"))?;
        let url = self.postgres.url();
        let server = url.rsplit_once('/').map_or(url.as_str(), |(server, _)| server);
        Ok(format!("{server}/{name}"))
    }

    /// The operating system's number for Postgres, whose children do the work.
    pub(crate) fn postgres_id(&self) -> Result<u32, String> {
        let line = self.ask("postgres", "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")?;
        line.parse().map_err(|_| format!("PostgreSQL says that its process is {line:?}"))
    }

    /// Runs statements in a database; what they print.
    pub(crate) fn ask(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = self.postgres.psql(["--dbname", database, "-c", sql]).output();
        let output = output.map_err(|error| format!("psql cannot be started: {error}"))?;
        if !output.status.success() {
            return Err(format!("psql failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn databases_are_apart_and_errors_are_told() {
        let servers = Servers::start().await.unwrap();
        let url = servers.make_database("one").unwrap();
        assert_eq!(url, format!("postgres://postgres@127.0.0.1:{}/one", servers.postgres.port()));
        servers.make_database("two").unwrap();
        assert_ne!(servers.postgres_id().unwrap(), servers.redis.id());
        servers.ask("one", "create table t (n int)").unwrap();
        assert_eq!(servers.ask("one", "select count(*) from t").unwrap(), "0");
        servers.break_in().unwrap();
        assert!(servers.log_files() >= LOG_FILES, "{} files are there to be used again", servers.log_files());
        let error = servers.ask("two", "select count(*) from t").unwrap_err();
        assert!(error.contains("\"t\" does not exist"), "{error}");
    }
}
