//! The product from end to end, each service in a process of its own.

use std::time::Duration;

use leasehold_client::{Checkout, State};
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_admin_service_client::UpdateAdminServiceClient;
use tokio::time::timeout;

use super::program::{Program, check_out};
use super::{FEATURE, LEASE, MIRROR, PATIENCE, Site, UPDATES, compose, succeeds, up};
use crate::deploy::prometheus;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_compose_starts_works_from_the_vendor_to_the_program() {
    let Some(mut site) = Site::set_up().await else { return };
    let status = site.api("GET", "/instances/~/sync", None).await.unwrap();
    assert_eq!(status["status"], "SYNCHRONIZED", "{status:#}");
    let services = site.api("GET", "/services", None).await.unwrap();
    let services = services.as_array().unwrap();
    assert!(services.len() == 3 && services.iter().all(|service| service["ok"] == true), "{services:#?}");

    site.publish("1.0", "first").await;
    site.mirror().await;
    let mut program = Program::start(&site, "D1").await;
    assert_eq!(program.update().await, Err("NOT_LICENSED".to_owned()), "whoever holds nothing gets nothing");
    let held = program.client.checkout(Checkout::new(FEATURE).slot("desk")).await.unwrap();
    let borrow = Checkout::new(FEATURE).slot("trip").borrow_for(Duration::from_hours(2));
    let borrowed = program.client.checkout(borrow).await.unwrap();
    let grants = site.grants().await;
    let modes: Vec<_> = grants.iter().map(|grant| grant["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["ONLINE", "BORROW"], "{grants:#?}");
    for (grant, guard) in grants.iter().zip([&held, &borrowed]) {
        assert_eq!(grant["grant_id"], guard.grant_id().to_string(), "{grant:#}");
    }

    assert_eq!(program.update().await, Ok(Some("1.0".to_owned())));
    let installed = program.updater.installed(super::PRODUCT).unwrap();
    assert_eq!(std::fs::read(&installed.path).unwrap(), b"first");
    assert_eq!(reported(&site, &program).await.last().map(String::as_str), Some("UPDATE_STATE_INSTALLED"));
    let url = format!("https://{}/definitions/{}/rules.db", site.address(MIRROR), super::PRODUCT);
    assert_eq!(site.door.ask("GET", &url, None).await.good().unwrap(), "first");

    // Longer than a lease that nobody keeps up.
    tokio::time::sleep(LEASE + Duration::from_secs(2)).await;
    assert_eq!(held.state(), State::Valid);
    held.release().await.unwrap();
    borrowed.release().await.unwrap();
    assert_eq!(site.grants().await.len(), 0);

    every_alert_is_about_what_is_shown(&mut site).await;
    what_the_file_promises(&mut site, &program).await;
}

/// Every metric in an alert rule is one that a process of these shows, with the labels that the rule asks for.
async fn every_alert_is_about_what_is_shown(site: &mut Site) {
    let names: Vec<String> = site.running.keys().cloned().collect();
    let mut shown = Vec::new();
    for name in names {
        let url = format!("http://{}/metrics", site.admin_listener(&name));
        let page = site.door.ask("GET", &url, None).await.good().unwrap();
        shown.extend(page.as_str().unwrap().lines().filter(|line| !line.starts_with('#')).map(str::to_owned));
    }
    let is_of = |line: &str, metric: &str| {
        let name = line.split(['{', ' ']).next().unwrap();
        // A histogram is named in words without its parts.
        name == metric || name.strip_suffix("_bucket") == Some(metric)
    };
    for (metric, label) in prometheus::metrics_of_rules() {
        let labelled = |line: &String| label.is_empty() || line.contains(&format!("{label}=\""));
        let there = shown.iter().any(|line| is_of(line, &metric) && labelled(line));
        assert!(there, "no {metric} with `{label}` among {shown:#?}");
    }
}

/// Health checks of the containers, a second `up`, and file systems that nobody can write to.
async fn what_the_file_promises(site: &mut Site, program: &Program) {
    for name in site.running.keys() {
        let check = compose::names(&site.containers.service(name)["healthcheck"], "test");
        assert_eq!(check[..2], ["CMD", "/usr/local/bin/leasehold"], "{name}");
        succeeds(&mut site.containers.command(name, &check[2..])).await;
    }
    site.running.clear();
    site.running = up(&site.containers).await;
    timeout(PATIENCE, site.healthy()).await.unwrap();
    check_out(&program.client, "again").await.unwrap();
    assert_eq!(
        site.containers.strays(),
        Vec::<std::path::PathBuf>::new(),
        "in a container it could not be written"
    );
}

/// What the server has heard of a program, oldest first.
async fn reported(site: &Site, program: &Program) -> Vec<String> {
    let request =
        pb::GetClientRequest { client_id: program.updater.client_id().to_owned(), ..Default::default() };
    let found = UpdateAdminServiceClient::new(site.channel(UPDATES).await).get_client(request).await.unwrap();
    let mut events: Vec<_> = found.into_inner().events.into_iter().filter_map(|kept| kept.event).collect();
    events.sort_by_key(|event| event.sequence);
    events.iter().map(|event| event.state().as_str_name().to_owned()).collect()
}
