//! Leases in Redis, shared by all replicas of a service.
//!
//! Redis keeps until when each lease counts as heard, by its own clock, in one sorted set an instance. This process
//! keeps the secrets of the leases that it has met, for they never change under the same fencing token, and asks
//! Redis only whether the token is still the newest. What Redis has lost is `Unknown`, and the store knows.
//! Losing anything here, or the connection, evicts nobody: who condemns must have seen the same Redis, by the
//! same connection and with the same generation, a moment ago.

mod condemn;
mod examine;
mod heartbeat;
mod instance;
mod link;
mod owed;
mod register;
mod scripts;
mod settings;
mod tls;
mod trouble;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use leasehold_domain::grant::Lost;
use leasehold_domain::vigil::LeaseSample;
use leasehold_domain::{GrantId, GrantRef, InstanceId};
use redis::Value;

pub use examine::{ExamineError, Standing, examine};
pub use settings::{ConnectError, Settings, Time};

use crate::{FloorDue, Heard, Lease, LeaseError, Leases, Suspect, Verdict};
use instance::{Instance, Seen};
use link::{Connection, Link};
use scripts::Scripts;
use trouble::Trouble;

/// The start of 2020, from which the scripts count seconds.
const EPOCH: i64 = 1_577_836_800;

/// Leases in Redis.
///
/// While Redis is away calls fail within about a second, most of them at once; when it is back the next call finds
/// that out. `forget`, `withdraw` and `pardon` never fail: what they could not say is said before anything else is
/// asked.
///
/// `register`, `earned` and `heartbeat` need a [`look`](Leases::look) over the same connection before them. They fail until
/// the next one where Redis has forgotten something, where its clock stepped, and where a call comes too late for its
/// caller to wait for it, so that nobody counts as heard later than they were.
pub struct RedisLeases {
    shared: Arc<Shared>,
}

/// What all calls and the task that asks for them share.
struct Shared {
    link: Link,
    scripts: Scripts,
    time: Time,
    response_timeout: Duration,
    instances: Mutex<HashMap<InstanceId, Arc<Instance>>>,
}

impl RedisLeases {
    /// Leases in the Redis of these settings. It is tried once, to find out what waiting does not mend: bad
    /// settings, a refused password, a database that it does not have, a server that is too old. One that does not
    /// answer is no error here; calls say so until it does.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let shared = Shared {
            link: Link::new(settings)?,
            scripts: Scripts::new(),
            time: settings.time,
            response_timeout: settings.response_timeout,
            instances: Mutex::default(),
        };
        if let Err(trouble) = shared.link.connection().await
            && let Some(error) = ConnectError::of(shared.link.explain(trouble).await, shared.link.address())
        {
            return Err(error);
        }
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Where Redis is, `host:port`.
    pub fn address(&self) -> String {
        self.shared.link.address()
    }
}

impl fmt::Debug for RedisLeases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisLeases").finish_non_exhaustive()
    }
}

#[async_trait]
impl Leases for RedisLeases {
    async fn register(
        &self,
        instance: InstanceId,
        leases: &[Lease],
        heard: Duration,
        now: Duration,
    ) -> Result<(), LeaseError> {
        Ok(self.shared.register(instance, leases, heard, now).await?)
    }

    async fn earned(
        &self,
        instance: InstanceId,
        leases: &[(Lease, Duration)],
        now: Duration,
    ) -> Result<(), LeaseError> {
        Ok(self.shared.earned(instance, leases, now).await?)
    }

    async fn heartbeat(
        &self,
        instance: InstanceId,
        shown: &[GrantRef],
        now: Duration,
    ) -> Result<Vec<Heard>, LeaseError> {
        Ok(self.shared.heartbeat(instance, shown, now).await?)
    }

    async fn forget(
        &self,
        instance: InstanceId,
        ended: &[(GrantId, Lost)],
        now: Duration,
    ) -> Result<(), LeaseError> {
        self.shared.forget(instance, ended, now).await;
        Ok(())
    }

    async fn withdraw(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        self.shared.withdraw(instance, grants).await;
        Ok(())
    }

    async fn look(&self, instance: InstanceId) -> Result<LeaseSample, LeaseError> {
        Ok(self.shared.look(instance).await?)
    }

    async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        seen: u64,
        now: Duration,
    ) -> Result<Vec<Verdict>, LeaseError> {
        self.shared.condemn(instance, suspects, budget, seen, now).await?.ok_or(LeaseError::Forgot)
    }

    async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        self.shared.pardon(instance, grants).await;
        Ok(())
    }

    async fn floors_due(
        &self,
        instance: InstanceId,
        limit: usize,
        now: Duration,
    ) -> Result<Vec<FloorDue>, LeaseError> {
        Ok(self.shared.instance(instance).memory_at(now).floors_due(limit, now))
    }
}

impl Shared {
    fn instance(&self, instance: InstanceId) -> Arc<Instance> {
        // The only change is an insertion.
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.entry(instance).or_insert_with(|| Arc::new(Instance::new(instance))).clone()
    }

    /// The connection, after Redis was told over it what it must still be told of the instance.
    async fn connection(&self, instance: &Instance) -> Result<Connection, Trouble> {
        let connection = self.link.connection().await?;
        self.settle(instance, &connection).await?;
        Ok(connection)
    }

    /// The earliest and the latest time at which Redis may run a script sent now, as the scripts take them.
    fn window(&self, seen: &Seen) -> (String, String) {
        if self.time == Time::Callers {
            return (String::new(), String::new());
        }
        let (earliest, latest) = seen.window(self.response_timeout);
        (format!("{earliest:.6}"), format!("{latest:.6}"))
    }

    /// The time as the scripts take it.
    fn time(&self, now: Duration) -> String {
        match self.time {
            Time::Redis => String::new(),
            Time::Callers => format!("{}.{:06}", now.as_secs(), now.subsec_micros()),
        }
    }
}

/// As many digits as were asked for, as numbers.
fn digits(answer: &Value, count: usize) -> Result<Vec<u8>, Trouble> {
    match answer {
        Value::BulkString(digits) if digits.len() == count => {
            Ok(digits.iter().map(|digit| digit.wrapping_sub(b'0')).collect())
        }
        _ => Err(Trouble::Answer("too few or too many digits")),
    }
}
