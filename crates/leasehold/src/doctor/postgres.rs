//! The database server: that it can be reached, keeps what it is given, and has connections to spare.

use leasehold_store_postgres::{Standing, examine};

use super::{Finding, Patient, clock};
use crate::app::postgres_settings;

const CHECK: &str = "postgres";

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let settings = postgres_settings(&patient.config.postgres);
    let before = patient.clock.now();
    match examine(&settings).await {
        Ok(standing) => {
            let mut findings = judge(&standing, patient.config.postgres.max_connections);
            findings.push(clock::compare("PostgreSQL's", standing.now, before, patient.clock.now()));
            findings
        }
        Err(error) => vec![Finding::error(CHECK, error)],
    }
}

fn judge(standing: &Standing, wanted: u32) -> Vec<Finding> {
    let Standing { server, database, version, .. } = standing;
    let mut findings = Vec::new();
    findings.push(if standing.takes_changes {
        Finding::passed(
            CHECK,
            format!("PostgreSQL {version} at {server} answers for the database {database}"),
        )
    } else {
        let found = format!("PostgreSQL at {server} is a standby and takes no changes");
        Finding::failed(CHECK, found, "name its primary in postgres.url")
    });
    if !standing.unsafe_settings.is_empty() {
        let names = standing.unsafe_settings.join(" and ");
        let found = format!(
            "{names} off: what was granted can be lost, and the database with it, when the power fails"
        );
        findings.push(Finding::failed(CHECK, found, format!("turn {names} on in postgresql.conf")));
    }
    let (most, taken) = (standing.max_connections, standing.connections);
    // One more listens, and this one ends.
    let left = most.saturating_sub(taken.saturating_sub(1));
    if left <= wanted {
        let found =
            format!("{taken} of {most} connections are in use, and one replica takes up to {}", wanted + 1);
        let remedy = "raise max_connections of PostgreSQL, or lower postgres.max_connections";
        findings.push(Finding::warning(CHECK, found, remedy));
    }
    findings
}

#[cfg(test)]
mod tests {
    use leasehold_testkit::Postgres;

    use jiff::Timestamp;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_good_server_passes_and_one_that_is_full_or_gone_does_not() {
        let mut postgres = Postgres::start().await.unwrap();
        let url = postgres.url();
        let named = config(&[("postgres.url", &url), ("redis.url", "redis://nowhere")]);
        all_passed(&check(&patient(&named)).await);
        let greedy = [("postgres.url", url.as_str()), ("postgres.max_connections", "1000")];
        let found = check(&patient(&config(&greedy))).await;
        assert_eq!(the(&found, "one replica takes up to 1001").verdict, Verdict::Warning);
        let wrong = config(&[("postgres.url", &url.replace("postgres://", "mysql://"))]);
        assert_eq!(the(&check(&patient(&wrong)).await, "postgres://user@host").verdict, Verdict::Failed);
        postgres.stop().await.unwrap();
        assert_eq!(
            the(&check(&patient(&named)).await, "check that PostgreSQL runs").verdict,
            Verdict::Failed
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_that_forgets_when_the_power_fails_is_none_to_use() {
        let postgres = Postgres::start_with(&[("fsync", "off"), ("full_page_writes", "off")]).await.unwrap();
        let named = config(&[("postgres.url", &postgres.url())]);
        assert_eq!(
            the(&check(&patient(&named)).await, "fsync and full_page_writes off").verdict,
            Verdict::Failed
        );
    }

    #[test]
    fn a_standby_is_no_place_for_state() {
        let standing = Standing {
            server: "db:5432".into(),
            database: "leasehold".into(),
            version: "17.2".into(),
            now: Timestamp::UNIX_EPOCH,
            takes_changes: false,
            unsafe_settings: Vec::new(),
            max_connections: 100,
            connections: 5,
        };
        assert_eq!(the(&judge(&standing, 16), "standby").verdict, Verdict::Failed);
        all_passed(&judge(&Standing { takes_changes: true, ..standing }, 16));
    }
}
