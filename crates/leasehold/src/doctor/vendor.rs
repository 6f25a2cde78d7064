//! The vendor: that the server is enrolled with one, and that there is a way to it.

use leasehold_runtime::config::SyncInterval;
use leasehold_runtime::peer::Outward;
use leasehold_store::SyncStore as _;
use leasehold_store_sql::SqlSyncStore;

use super::{Finding, Patient};
use crate::app::migrate;

const CHECK: &str = "vendor";

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    if !patient.runs("sync") {
        return Vec::new();
    }
    // A database that cannot be used, or is no database of this release yet, was told already.
    let Some(addresses) = addresses(patient).await else { return Vec::new() };
    if addresses.is_empty() {
        let found = "this server is enrolled with no vendor, and so grants nothing";
        return vec![Finding::warning(
            CHECK,
            found,
            "enrol it with the vendor's file: `leasehold sync enrol`",
        )];
    }
    let mut findings = Vec::new();
    for address in addresses {
        findings.push(way(patient, &address).await);
    }
    findings
}

/// Where the vendors are of those instances that are enrolled; `None` where that cannot be read.
async fn addresses(patient: &Patient<'_>) -> Option<Vec<String>> {
    let config = patient.config;
    if patient.is_embedded() && !config.runtime.data_dir.join("format").exists() {
        return None;
    }
    if !patient.is_embedded() {
        let settings = crate::app::postgres_settings(&config.postgres);
        leasehold_store_postgres::examine(&settings).await.ok()?;
    }
    let tables = migrate::look(config, &["sync"]).await.ok()?;
    if tables.iter().any(|schema| schema.version.is_pending()) {
        return None;
    }
    let store = SqlSyncStore::open_to_read(&migrate::sync_place(config)).await.ok()?;
    let found = read(&store).await;
    store.close().await;
    found
}

async fn read(store: &SqlSyncStore) -> Option<Vec<String>> {
    let mut addresses = Vec::new();
    for instance in store.enrolled().await.ok()? {
        if let Some(identity) = store.identity(instance).await.ok()?
            && !addresses.contains(&identity.enrolment.address)
        {
            addresses.push(identity.enrolment.address);
        }
    }
    Some(addresses)
}

async fn way(patient: &Patient<'_>, address: &str) -> Finding {
    let sync = &patient.config.sync;
    if address.is_empty() {
        return Finding::passed(CHECK, "it is reached by files alone");
    }
    match Outward::new(sync.vendor_ca.clone()).open(address).await {
        Ok(_) => Finding::passed(CHECK, format!("{address} can be reached")),
        Err(error) => {
            let found = format!("{address} cannot be reached: {error}");
            if sync.interval == SyncInterval::Off {
                return Finding::warning(
                    CHECK,
                    found,
                    "synchronise by files meanwhile: `leasehold sync export`",
                );
            }
            Finding::failed(CHECK, found, "or synchronise by files meanwhile: `leasehold sync export`")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use leasehold_runtime::SystemClock;

    use super::super::Verdict;
    use super::super::testing::{config, patient, the};
    use super::*;
    use crate::app::create_data_dir;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_without_a_vendor_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let config = config(&[("runtime.data_dir", path.to_str().unwrap())]);
        assert!(check(&patient(&config)).await.is_empty(), "there is nothing to read");
        create_data_dir(&path, Arc::new(SystemClock::new())).await.unwrap();
        assert_eq!(the(&check(&patient(&config)).await, "enrolled with no vendor").verdict, Verdict::Warning);
        let other = ["licensing".to_owned()];
        assert!(check(&Patient { services: &other, ..patient(&config) }).await.is_empty());
    }

    #[tokio::test]
    async fn a_vendor_out_of_reach_is_a_failure_where_it_is_called_by_itself() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let (off, daily) = (config(&[]), config(&[("sync.interval", "daily")]));
        assert_eq!(way(&patient(&off), &address).await.verdict, Verdict::Warning);
        let found = way(&patient(&daily), &address).await;
        assert!(found.verdict == Verdict::Failed && found.found.contains("no connection to"), "{found:?}");
        assert_eq!(way(&patient(&daily), "").await.verdict, Verdict::Passed);
    }
}
