//! Clients that keep to the rules of leases, by their own monotonic clock, and note when they believed what.
//!
//! Not responsible for whether the server was right: `checker::leases` judges that.

mod life;

use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::calls::{Licensing, feature, hostid, told};
use crate::checker::tenure::{Beat, End, Tenure};
use crate::server::channel;
pub(crate) use life::{Stop, fight, live_and_die, stay};

/// The time to live of everything that holders hold: the shortest that there is.
pub(crate) const TTL: Duration = Duration::from_secs(10);
/// What every holder can have at once.
pub(crate) const PLENTY: &str = "keep";
/// How long one sending is waited for, so that the next one is not late.
const ATTEMPT: Duration = TTL.checked_div(5).expect("5 is not 0");
const AGAIN: Duration = Duration::from_millis(250);

/// What only one holder can have at a time.
pub(crate) fn prize(number: u64) -> String {
    format!("prize-{number}")
}

/// Whether a feature is for holders alone.
pub(crate) fn is_held(feature: &str) -> bool {
    feature == PLENTY || feature.starts_with("prize-")
}

/// Whether a request was sent by a holder.
pub(crate) fn is_holders(request: Uuid) -> bool {
    request.as_u128() >> 64 == MARK
}

const MARK: u128 = 0x1ea5_e000_1ea5_e000;

/// Line items for holders.
pub(crate) fn line_items(prizes: u64) -> Vec<Value> {
    let item = |feature: &str, count: i64| json!({"id": format!("L-{feature}"), "feature": feature, "version": "1.0", "count": count, "lease_ttl": "10s"});
    let prizes = (0..prizes).map(|number| item(&prize(number), 1));
    prizes.chain([item(PLENTY, 10_000)]).collect()
}

/// One device, and its ways to the replicas.
pub(crate) struct Holder {
    rng: StdRng,
    channels: Vec<Channel>,
    device: String,
}

impl Holder {
    pub(crate) fn new(seed: u64, name: impl Into<String>, ports: &[u16]) -> Self {
        let device = name.into();
        let salt = device.bytes().fold(0_u64, |salt, byte| salt.wrapping_mul(31) ^ u64::from(byte));
        Self {
            rng: StdRng::seed_from_u64(seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            channels: ports.iter().map(|port| channel(*port)).collect(),
            device,
        }
    }

    /// A way to one of the replicas, any of them.
    fn licensing(&mut self) -> Licensing {
        Licensing::new(self.channels.choose(&mut self.rng).expect("there is a replica").clone())
    }

    /// Asks for one count until there is an answer; `None` where it is refused.
    pub(crate) async fn take(&mut self, name: &str) -> Option<Tenure> {
        let id = Uuid::from_u128((MARK << 64) | u128::from(self.rng.random::<u64>()));
        let request = pb::RequestCapabilitiesRequest {
            request_id: id.to_string(),
            hostids: vec![hostid(&self.device)],
            features: vec![feature(name, 1)],
            ..Default::default()
        };
        // A repetition has the answer of its first coming: the time to live runs from there.
        let asked = Instant::now();
        loop {
            let mut licensing = self.licensing();
            match timeout(ATTEMPT, licensing.request_capabilities(request.clone())).await {
                Ok(Ok(answer)) => {
                    let outcome = answer.into_inner().outcomes.into_iter().next().expect("one outcome");
                    let shown = outcome.grant.filter(|_| outcome.outcome == pb::Outcome::Granted as i32)?;
                    return Some(Tenure::new(&self.device, name, shown, (asked, Instant::now()), TTL));
                }
                Ok(Err(status)) => expect_passing(&status),
                Err(_) => {}
            }
            sleep(AGAIN).await;
        }
    }

    /// Sends heartbeats until one is answered. Each sending is one of its own: what is believed runs from the one that
    /// was answered. Gives up when told to.
    pub(crate) async fn beat(&mut self, tenure: &mut Tenure, give_up: &Stop) {
        let request = pb::HeartbeatRequest { leases: vec![tenure.shown.clone()], ..Default::default() };
        while !give_up.is_called() {
            let mut licensing = self.licensing();
            let sent = Instant::now();
            match timeout(ATTEMPT, licensing.heartbeat(request.clone())).await {
                Ok(Ok(answer)) => {
                    let result = answer.into_inner().results.into_iter().next().expect("one result");
                    tenure.beats.push(Beat { sent, heard: Instant::now(), result });
                    return;
                }
                Ok(Err(status)) => expect_passing(&status),
                Err(_) => {}
            }
            sleep(AGAIN).await;
        }
    }

    /// Keeps a grant for so long, or until it is lost or the holder is told to stop.
    pub(crate) async fn keep(&mut self, tenure: &mut Tenure, time: Duration, stop: &Stop) {
        let until = Instant::now() + time;
        while !stop.is_called() && tenure.lost().is_none() && Instant::now() < until {
            let next = Instant::now() + (TTL / 4).mul_f64(self.rng.random_range(0.9..1.1));
            if next > until {
                stop.sleep_until(until).await;
                return;
            }
            stop.sleep_until(next).await;
            self.beat(tenure, stop).await;
        }
    }

    /// Gives a grant back; from the first sending on it is not believed in.
    pub(crate) async fn give_back(&mut self, mut tenure: Tenure) -> Tenure {
        let request = pb::ReleaseRequest { grants: vec![tenure.shown.clone()], ..Default::default() };
        tenure.end = End::Returned(Instant::now());
        loop {
            let mut licensing = self.licensing();
            match timeout(ATTEMPT, licensing.release(request.clone())).await {
                Ok(Ok(_)) => return tenure,
                Ok(Err(status)) => expect_passing(&status),
                Err(_) => {}
            }
            sleep(AGAIN).await;
        }
    }
}

/// Only errors that call for another try are to be expected.
fn expect_passing(status: &tonic::Status) {
    if let Some(told) = told(status) {
        assert!(crate::player::is_passing(&told.reason), "{told:?}");
    }
}
