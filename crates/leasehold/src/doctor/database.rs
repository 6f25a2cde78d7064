//! Whether every service's tables can be used by this release.

use super::{Finding, Patient, Verdict};
use crate::app::migrate;
use crate::config::Migrate;

const CHECK: &str = "database";

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    // What cannot be reached has been told already; waiting for it does not help here.
    if patient.is_embedded() && !config.runtime.data_dir.join("format").exists() {
        return Vec::new();
    }
    if !patient.is_embedded() {
        let settings = crate::app::postgres_settings(&config.postgres);
        if leasehold_store_postgres::examine(&settings).await.is_err() {
            return Vec::new();
        }
    }
    let mut findings = Vec::new();
    let known = migrate::services_of_server();
    for service in known.into_iter().filter(|service| patient.runs(service)) {
        findings.push(match migrate::look(config, &[service]).await {
            Err(error) => Finding::error(CHECK, error),
            Ok(found) => {
                let versions = found.first().map(|schema| schema.version);
                let (found, newest) = versions.map_or((0, 0), |version| (version.found, version.known));
                judge(service, found, newest, config.postgres.migrate)
            }
        });
    }
    findings
}

fn judge(service: &str, found: i64, newest: i64, migrate: Migrate) -> Finding {
    if found == newest {
        return Finding::passed(CHECK, format!("the tables of {service} are up to date, version {found}"));
    }
    let told = match found {
        0 => format!("{service} has no tables yet"),
        _ => format!("the tables of {service} are version {found}, this release's are version {newest}"),
    };
    match migrate {
        Migrate::Apply => Finding::warning(
            CHECK,
            told,
            "nothing, the next start brings them up to date; make a backup before",
        ),
        Migrate::Check => Finding {
            verdict: Verdict::Failed,
            ..Finding::warning(
                CHECK,
                told,
                "make a backup, then run `leasehold migrate`: postgres.migrate is `check`",
            )
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use leasehold_runtime::SystemClock;

    use super::super::testing::{all_passed, config, patient, the};
    use super::*;
    use crate::app::create_data_dir;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tables_that_are_missing_or_damaged_are_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let config = config(&[("runtime.data_dir", path.to_str().unwrap())]);
        assert!(check(&patient(&config)).await.is_empty(), "there is no data directory");
        create_data_dir(&path, Arc::new(SystemClock::new())).await.unwrap();
        migrate::migrate(&config, &migrate::services_of_server()).await.unwrap();
        let look = async || check(&patient(&config)).await;
        all_passed(&look().await);
        the(&look().await, "the tables of licensing");
        fs::remove_file(path.join("sync.db")).unwrap();
        assert_eq!(the(&look().await, "sync has no tables").verdict, Verdict::Warning);
        assert!(!path.join("sync.db").exists());
        fs::write(
            path.join("licensing.db"),
            "no database, but long enough to be looked at as if it were one",
        )
        .unwrap();
        assert!(look().await.iter().any(|finding| finding.verdict == Verdict::Failed));
    }

    #[test]
    fn what_the_start_leaves_to_others_is_a_failure_until_they_did_it() {
        assert_eq!(judge("sync", 1, 2, Migrate::Apply).verdict, Verdict::Warning);
        assert_eq!(judge("sync", 1, 2, Migrate::Check).verdict, Verdict::Failed);
        assert_eq!(judge("sync", 2, 2, Migrate::Check).verdict, Verdict::Passed);
    }
}
