//! Reads answers for a client: as they come, or, where the vendor's root key is pinned, by what is signed of them.
//!
//! Responsible for what answers leave behind: the newest times, the addresses and the last good answer of each grant.
//! Not responsible for whether an answer may be believed (`verify`), for what a kept one is worth (`kept`), nor for the
//! files (`answers`). It reads the wall clock; nothing here keeps a task from running.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::HostId;
use leasehold_proto::licensing::v1 as pb;
use tokio::time::Instant;

use crate::addresses::Addresses;
use crate::answer::Reading;
use crate::answers::{Answers, Change, Found, Held, Key, Known, News};
use crate::holding::Sent;
use crate::kept::{self, Clocks, KeptError, Standing};
use crate::options::Options;
use crate::verify::{self, Asked, Chains, Pin, Seen, Today, Unverified, Verified};
use crate::wall_clock::WallClock;

/// How far the time of day goes on before that is put on disk, while no answer comes that counts.
const PASSED: SignedDuration = SignedDuration::from_mins(1);

/// Reads a client's answers.
#[derive(Debug)]
pub(crate) struct Reader {
    /// `None`: no root key is pinned, and answers are taken as they come.
    trust: Option<Trust>,
}

/// What answers are judged by.
#[derive(Debug)]
struct Trust {
    device: HostId,
    clock: WallClock,
    skew: SignedDuration,
    grace: Duration,
    called: String,
    chains: Mutex<Chains>,
    seen: Mutex<Seen>,
    addresses: Arc<Addresses>,
    answers: Option<Arc<Answers>>,
    /// How far the time of day has come, as it is on disk.
    passed: Mutex<Option<Passed>>,
}

/// The time of day, counted on from a moment: whatever becomes of the clock, it does not go back.
#[derive(Clone, Copy, Debug)]
struct Passed {
    time: Timestamp,
    at: Instant,
}

impl Reader {
    /// A reader for a device, over the answers of earlier runs where they are kept.
    pub(crate) fn new(
        options: &Options,
        device: HostId,
        addresses: Arc<Addresses>,
        answers: Option<Arc<Answers>>,
    ) -> Self {
        let trust = options.vendor_root.map(|root| {
            let called = called(options);
            if let Some(known) = answers.as_ref().and_then(|answers| answers.addresses(&called)) {
                addresses.learn(known);
            }
            Trust {
                device,
                clock: options.wall_clock.clone(),
                skew: SignedDuration::try_from(options.max_clock_skew).unwrap_or(SignedDuration::MAX),
                grace: options.grace,
                called,
                chains: Mutex::new(Chains::new(Pin { root, server: options.license_server_id }, "licensing")),
                seen: Mutex::new(answers.as_ref().map(|answers| answers.seen()).unwrap_or_default()),
                addresses,
                answers,
                passed: Mutex::new(None),
            }
        });
        Self { trust }
    }

    /// What was seen up to now.
    pub(crate) fn seen(&self) -> Seen {
        self.trust.as_ref().map(|trust| lock(&trust.seen).clone()).unwrap_or_default()
    }

    /// What an answer says about `feature`. `key` is what the last good answer of the grant is kept under.
    pub(crate) async fn read(
        &self,
        sent: &Sent,
        feature: &str,
        key: Option<&Key>,
        response: pb::RequestCapabilitiesResponse,
    ) -> Result<Reading, Unverified> {
        let Some(trust) = &self.trust else { return Ok(Reading::of(&response, feature)) };
        let now = trust.clock.now();
        let verified = trust.verify(sent, &response, now)?;
        let reading = Reading::of(&verified.answer, feature);
        let change = match (&reading, key, response.signed) {
            (Reading::Granted(granted) | Reading::Kept(granted), Some(key), Some(signed)) => {
                let since = SignedDuration::try_from(sent.at.elapsed()).unwrap_or(SignedDuration::MAX);
                let sent = verify::earlier(now, since);
                let over = kept::over(granted, sent, trust.grace);
                Change::Keep { key: key.clone(), signed, sent, over, grant: granted.grant.clone() }
            }
            (Reading::Refused { .. }, Some(key), _) => Change::Forget(key.clone()),
            _ => Change::Stay,
        };
        trust.learn(verified, now, change).await;
        Ok(reading)
    }

    /// How what `wish` asks for stands by the last good answer; `None` where none is kept.
    pub(crate) async fn standing(
        &self,
        wish: &pb::RequestCapabilitiesRequest,
        key: &Key,
    ) -> Option<Result<Standing, KeptError>> {
        let trust = self.trust.as_ref()?;
        let answers = trust.answers.clone()?;
        let wanted = key.clone();
        let found = on_disk(move || answers.find(&wanted)).await?;
        let found = match found {
            Ok(found) => found?,
            Err(error) => return Some(Err(KeptError::Unreadable(error.to_string()))),
        };
        let now = trust.clock.now();
        let standing = trust.standing(&found, wish, now);
        if standing.is_ok() {
            trust.pass(Passed { time: now, at: Instant::now() }).await;
        }
        Some(standing)
    }

    /// The time of day, where it counts for anything.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.trust.as_ref().map(|trust| trust.clock.now())
    }

    /// Time has passed without an answer that counts: no earlier time of day will be believed from now on.
    pub(crate) async fn time_passes(&self) {
        let Some(trust) = &self.trust else { return };
        let now = Instant::now();
        let Some(passed) = *lock(&trust.passed) else { return };
        let since = SignedDuration::try_from(now.duration_since(passed.at)).unwrap_or(SignedDuration::MAX);
        if since >= PASSED {
            let time = passed.time.checked_add(since).unwrap_or(Timestamp::MAX);
            trust.pass(Passed { time, at: now }).await;
        }
    }

    /// Nothing is held of these grants any more.
    pub(crate) async fn forget(&self, grants: Vec<Held>) {
        let answers = self.trust.as_ref().and_then(|trust| trust.answers.clone());
        let Some(answers) = answers.filter(|_| !grants.is_empty()) else { return };
        if let Some(Err(error)) = on_disk(move || answers.forget(&grants)).await {
            tracing::warn!(%error, "an answer that is over could not be removed");
        }
    }
}

impl Trust {
    fn verify(
        &self,
        sent: &Sent,
        response: &pb::RequestCapabilitiesResponse,
        now: Timestamp,
    ) -> Result<Verified, Unverified> {
        let asked =
            Asked { request_id: &sent.request.request_id, nonce: &sent.request.nonce, seen: &sent.seen };
        let today = Today { now, skew: self.skew };
        verify::verify(response, &asked, &self.device, today, &mut lock(&self.chains))
    }

    async fn learn(&self, verified: Verified, now: Timestamp, change: Change) {
        lock(&self.seen).see(verified.server, verified.server_time);
        let Verified { server, server_time, answer, addresses_number: number } = verified;
        let known = Known { server, number, addresses: answer.addresses };
        self.addresses.learn(known.clone());
        let Some(answers) = self.answers.clone() else { return };
        *lock(&self.passed) = Some(Passed { time: now, at: Instant::now() });
        let news = News { called: self.called.clone(), server_time, known, now, change };
        if let Some(Err(error)) = on_disk(move || answers.learn(news)).await {
            tracing::warn!(%error, "an answer could not be kept; it will not help when the server is out of reach");
        }
    }

    fn standing(
        &self,
        found: &Found,
        wish: &pb::RequestCapabilitiesRequest,
        now: Timestamp,
    ) -> Result<Standing, KeptError> {
        let verified = verify::open(&found.kept.signed, &self.device, &mut lock(&self.chains))?;
        let server = lock(&self.seen).newest(verified.server).unwrap_or(Timestamp::MIN);
        let clocks = Clocks { now, shown: found.shown, server, skew: self.skew };
        kept::standing(&verified, &found.kept, wish, clocks, self.grace)
    }

    async fn pass(&self, passed: Passed) {
        let Some(answers) = self.answers.clone() else { return };
        *lock(&self.passed) = Some(passed);
        if let Some(Err(error)) = on_disk(move || answers.pass(passed.time)).await {
            tracing::warn!(%error, "the time could not be put on disk");
        }
    }
}

/// The name under which a server's answers are kept, before it has said who it is.
pub(crate) fn called(options: &Options) -> String {
    options.license_server_id.map_or_else(|| options.server.to_string(), |id| id.to_string())
}

/// `None` where the runtime is ending.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Plain values are whole after every statement, also where somebody panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
