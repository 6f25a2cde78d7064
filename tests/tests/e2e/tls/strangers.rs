//! Certificates that are not good: no method of the server is reached with them.

use std::time::{Duration, Instant};

use leasehold::certs::{Authority, Pair, Validity};
use leasehold_client::{CallError, Checkout, CheckoutError, Client};
use tokio::time::sleep;

use super::{SAMPLE, Site, ask, is_served, now, reason, today};

const PATIENCE: Duration = Duration::from_mins(1);

fn hours(from: i64, until: i64) -> Validity {
    let at = |hours| now() + jiff::SignedDuration::from_hours(hours);
    Validity { from: at(from), until: at(until) }
}

/// Every method is out of reach, and the client says why.
async fn turned_away(client: &Client, why: &str) {
    for path in SAMPLE {
        let error = ask(client, path).await.unwrap_or_else(|| panic!("{path} was served"));
        assert_eq!(reason(Some(&error)), None, "no method has answered");
        match client.call_error(&error) {
            CallError::Insecure { problem, .. } => assert!(problem.contains(why), "{path}: {problem}"),
            other => panic!("{path}: {other:?}, from {error:?}"),
        }
    }
    // A checkout does not go on trying what cannot succeed.
    let start = Instant::now();
    let error = client.checkout(Checkout::new("cad")).await.unwrap_err();
    assert!(matches!(&error, CheckoutError::Insecure { problem, .. } if problem.contains(why)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(20), "it gave up at once");
}

async fn shown(pair: impl FnOnce(&Site) -> Pair, why: &str) {
    let site = Site::serve(&[]).await;
    let pair = pair(&site);
    turned_away(&site.client(Some(&pair)).await, why).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_ca_is_refused() {
    let other = Authority::new("Another CA", today()).unwrap();
    let pair = other.caller("admin", today()).unwrap();
    shown(|_| pair, "the server refuses this client's certificate: it is not of a CA that the server trusts")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_a_ca_that_only_has_the_name_is_refused() {
    let namesake = Authority::new("Test CA", today()).unwrap();
    let pair = namesake.caller("admin", today()).unwrap();
    shown(|_| pair, "the server refuses this client's certificate").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_refused() {
    let expired = |site: &Site| site.authority.caller("admin", hours(-48, -1)).unwrap();
    shown(expired, "the server refuses this client's certificate: it has expired").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_valid_yet_is_refused() {
    let early = |site: &Site| site.authority.caller("admin", hours(1, 48)).unwrap();
    shown(early, "the server refuses this client's certificate: it has expired, or is not valid yet").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_certificate_is_required_nobody_is_served_without() {
    let site = Site::serve(&[("tls.client_auth", "required")]).await;
    turned_away(&site.client(None).await, "the server asks for a client certificate").await;
    let pair = site.authority.caller("client", today()).unwrap();
    let client = site.client(Some(&pair)).await;
    assert!(is_served(&client, SAMPLE[0]).await, "with one it is");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_none_is_asked_for_a_certificate_counts_for_nothing() {
    let site = Site::serve(&[("tls.client_auth", "none")]).await;
    let pair = site.authority.caller("admin", today()).unwrap();
    let error = ask(&site.client(Some(&pair)).await, SAMPLE[1]).await;
    assert_eq!(reason(error.as_ref()).as_deref(), Some("UNAUTHENTICATED"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_with_its_certificate() {
    let site = Site::serve(&[]).await;
    let brief = Validity {
        from: now() - jiff::SignedDuration::from_hours(1),
        until: now() + jiff::SignedDuration::from_secs(4),
    };
    let client = site.client(Some(&site.authority.caller("admin", brief).unwrap())).await;
    assert!(ask(&client, SAMPLE[1]).await.is_none(), "good at first");
    let start = Instant::now();
    let error = loop {
        // The call that the end meets is broken off; the next one is turned away.
        match ask(&client, SAMPLE[1]).await.map(|error| client.call_error(&error)) {
            Some(CallError::Insecure { problem, .. }) => break problem,
            _ => assert!(start.elapsed() < PATIENCE, "an open connection outlives its certificate"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!(error.contains("it has expired"), "{error}");

    // The same client goes on with the certificate that stands in its place.
    site.write("caller", &site.authority.caller("admin", today()).unwrap());
    assert!(ask(&client, SAMPLE[1]).await.is_none());
    site.stop().await;
}
