//! Clients: what each of them calls, over and over, and what it takes for an answer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::types::v1 as types;
use tonic::Status;
use tonic::transport::Channel;

use super::ids::Ids;

/// A client that makes one call after the other.
pub(crate) trait Caller: Send + 'static {
    /// Makes a call. An answer other than the one that it is about is an error.
    fn call(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

/// Checks out, each time for a device that holds nothing yet.
pub(crate) struct CheckOut {
    calls: LicensingServiceClient<Channel>,
    features: Arc<[String]>,
    devices: Arc<AtomicU64>,
    ids: Ids,
}

impl CheckOut {
    /// A client of its own over a connection that others may share; `devices` numbers devices over all of them.
    pub(crate) fn new(channel: Channel, features: Arc<[String]>, devices: Arc<AtomicU64>) -> Self {
        Self { calls: LicensingServiceClient::new(channel), features, devices, ids: Ids::new() }
    }

    /// One checkout for a new device, with a new request id; what keeps the grant alive.
    pub(crate) async fn check_out(&mut self) -> Result<pb::GrantRef, String> {
        let device = self.devices.fetch_add(1, Ordering::Relaxed);
        let request = pb::RequestCapabilitiesRequest {
            request_id: self.ids.next().to_string(),
            hostids: vec![types::HostId {
                r#type: types::HostIdType::String.into(),
                value: format!("device-{device}"),
            }],
            features: vec![pb::DesiredFeature {
                name: self.features[spread(device, self.features.len())].clone(),
                version: "1.0".to_owned(),
                count: 1,
            }],
            ..pb::RequestCapabilitiesRequest::default()
        };
        let answer = self.calls.request_capabilities(request).await;
        full_grant(answer.map_err(|status| failed("a checkout", &status))?.into_inner())
    }

    /// Returns what was checked out.
    pub(crate) async fn release(&mut self, grants: Vec<pb::GrantRef>) -> Result<(), String> {
        let request = pb::ReleaseRequest { grants, ..pb::ReleaseRequest::default() };
        let answer = self.calls.release(request).await;
        let answer = answer.map_err(|status| failed("a release", &status))?.into_inner();
        all_are(pb::LeaseStatus::Released, &answer.results)
    }
}

impl Caller for CheckOut {
    async fn call(&mut self) -> Result<(), String> {
        self.check_out().await.map(drop)
    }
}

/// Keeps leases alive: the same ones over and over, so many in a call.
pub(crate) struct Beat {
    calls: LicensingServiceClient<Channel>,
    requests: Vec<pb::HeartbeatRequest>,
    next: usize,
}

impl Beat {
    /// A client for these leases, at least one of them.
    pub(crate) fn new(channel: Channel, leases: &[pb::GrantRef], in_a_call: usize) -> Self {
        let request =
            |leases: &[pb::GrantRef]| pb::HeartbeatRequest { leases: leases.to_vec(), ..Default::default() };
        let requests = leases.chunks(in_a_call).map(request).collect();
        Self { calls: LicensingServiceClient::new(channel), requests, next: 0 }
    }

    /// How many calls it takes to keep all of its leases alive once.
    pub(crate) fn calls_in_a_round(&self) -> usize {
        self.requests.len()
    }
}

impl Caller for Beat {
    async fn call(&mut self) -> Result<(), String> {
        let request = self.requests[self.next].clone();
        self.next = (self.next + 1) % self.requests.len();
        let sent = request.leases.len();
        let answer = self.calls.heartbeat(request).await;
        let answer = answer.map_err(|status| failed("a heartbeat", &status))?.into_inner();
        if answer.results.len() != sent {
            return Err(format!("{} answers to {sent} leases", answer.results.len()));
        }
        all_are(pb::LeaseStatus::Ok, &answer.results)
    }
}

/// Sends a message without a single field and takes one back.
pub(crate) struct Empty(LicensingServiceClient<Channel>);

impl Empty {
    /// A client of a server that answers so.
    pub(crate) fn new(channel: Channel) -> Self {
        Self(LicensingServiceClient::new(channel))
    }
}

impl Caller for Empty {
    async fn call(&mut self) -> Result<(), String> {
        let answer = self.0.request_capabilities(pb::RequestCapabilitiesRequest::default()).await;
        answer.map(drop).map_err(|status| failed("an empty call", &status))
    }
}

/// Picks one of so many for a number, so that numbers in a row go to different ones, and each gets its share.
fn spread(number: u64, len: usize) -> usize {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).unwrap_or_default() % len.max(1)
}

fn failed(what: &str, status: &Status) -> String {
    format!("{what} failed with {:?}: {}", status.code(), status.message())
}

fn full_grant(mut answer: pb::RequestCapabilitiesResponse) -> Result<pb::GrantRef, String> {
    if let [outcome] = answer.outcomes.as_mut_slice()
        && outcome.outcome() == pb::Outcome::Granted
        && outcome.count == 1
        && let Some(grant) = outcome.grant.take()
    {
        return Ok(grant);
    }
    Err(format!("a checkout was not granted: {answer:?}"))
}

fn all_are(status: pb::LeaseStatus, results: &[pb::LeaseResult]) -> Result<(), String> {
    match results.iter().find(|result| result.status() != status) {
        None => Ok(()),
        Some(other) => Err(format!("a lease is not {}: {other:?}", status.as_str_name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: pb::Outcome, count: i64) -> pb::RequestCapabilitiesResponse {
        let grant = Some(pb::GrantRef::default());
        let outcome = pb::FeatureOutcome { outcome: outcome.into(), count, grant, ..Default::default() };
        pb::RequestCapabilitiesResponse { outcomes: vec![outcome], ..Default::default() }
    }

    #[test]
    fn only_a_full_grant_counts() {
        assert!(full_grant(answer(pb::Outcome::Granted, 1)).is_ok());
        for wrong in [
            answer(pb::Outcome::Refused, 0),
            answer(pb::Outcome::Partial, 1),
            answer(pb::Outcome::Granted, 2),
            pb::RequestCapabilitiesResponse::default(),
        ] {
            assert!(full_grant(wrong.clone()).unwrap_err().contains("was not granted"), "{wrong:?}");
        }
    }

    #[test]
    fn a_lease_that_is_lost_or_only_half_heard_is_seen() {
        let result =
            |status: pb::LeaseStatus| pb::LeaseResult { status: status.into(), ..Default::default() };
        let well = result(pb::LeaseStatus::Ok);
        assert!(all_are(pb::LeaseStatus::Ok, &[well.clone(), well.clone()]).is_ok());
        for wrong in [pb::LeaseStatus::Lost, pb::LeaseStatus::OkDegraded] {
            let error = all_are(pb::LeaseStatus::Ok, &[well.clone(), result(wrong)]).unwrap_err();
            assert!(error.contains("is not LEASE_STATUS_OK"), "{error}");
        }
    }

    #[test]
    fn work_is_spread_evenly() {
        let mut shares = [0_u32; 100];
        (0..100_000).for_each(|number| shares[spread(number, 100)] += 1);
        assert!(shares.iter().all(|share| (800..1_200).contains(share)), "{shares:?}");
        assert_eq!(spread(7, 1), 0);
    }
}
