//! Registering leases, and taking them away again.

use std::time::{Duration, Instant};

use foldhash::{HashMap, HashMapExt};
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId};
use redis::Value;

use super::instance::Instance;
use super::owed::{Debt, Due};
use super::scripts::{CHUNK, Call, Script, Told, milliseconds, short};
use super::settings::Time;
use super::trouble::Trouble;
use super::{Shared, digits};
use crate::Lease;
use crate::known::Known;

impl Shared {
    pub(super) async fn register(
        &self,
        instance: InstanceId,
        leases: &[Lease],
        heard: Duration,
        now: Duration,
    ) -> Result<(), Trouble> {
        let now = Now { given: now, at: Instant::now() };
        let kept = self.instance(instance);
        let leases = newest(leases);
        drop_older(&kept, leases.iter(), now);
        let mut done = Ok(());
        for chunk in leases.chunks(CHUNK) {
            if done.is_ok() {
                let chunk: Vec<_> = chunk.iter().map(|lease| (*lease, heard)).collect();
                done = self.register_chunk(&kept, &self.scripts.register, &chunk, now).await;
            }
            if done.is_err() {
                // An older token that Redis still has must not be good at another replica either.
                let grants = chunk.iter().map(|lease| lease.grant);
                kept.memory().owed.add(Debt::Remove, grants);
            }
        }
        done
    }

    pub(super) async fn earned(
        &self,
        instance: InstanceId,
        leases: &[(Lease, Duration)],
        now: Duration,
    ) -> Result<(), Trouble> {
        let now = Now { given: now, at: Instant::now() };
        let kept = self.instance(instance);
        drop_older(&kept, leases.iter().map(|(lease, _)| lease), now);
        // A script takes no id twice.
        let mut latest: HashMap<GrantId, (Lease, Duration)> = HashMap::with_capacity(leases.len());
        for (lease, heard) in leases {
            let known = latest.entry(lease.grant).or_insert((*lease, *heard));
            if (known.0.fencing_token, known.1) < (lease.fencing_token, *heard) {
                *known = (*lease, *heard);
            }
        }
        let latest: Vec<_> = latest.into_values().collect();
        for chunk in latest.chunks(CHUNK) {
            self.register_chunk(&kept, &self.scripts.earned, chunk, now).await?;
        }
        Ok(())
    }

    async fn register_chunk(
        &self,
        kept: &Instance,
        script: &Script,
        leases: &[(Lease, Duration)],
        now: Now,
    ) -> Result<(), Trouble> {
        let leases: Vec<&(Lease, Duration)> = {
            let memory = kept.memory();
            leases.iter().filter(|(lease, _)| memory.ended.reason(lease.grant).is_none()).collect()
        };
        if leases.is_empty() {
            return Ok(());
        }
        let connection = self.connection(kept).await?;
        let seen = kept.memory().seen_over(&connection)?;
        let mut call = Call::new(script, &[&kept.keys.heard, &kept.keys.generation]);
        call.arg(self.time(now.given)).arg(&seen.value).arg(self.window(&seen).1);
        let told = |(lease, heard): &&(Lease, Duration)| Told {
            grant: lease.grant,
            token: short(lease.fencing_token),
            kind: [server_patience(lease.ttl).unsigned_abs(), self.age(*heard, now)].map(milliseconds),
        };
        let told: Vec<Told> = leases.iter().map(told).collect();
        call.leases(told.iter());
        let answers = match call.run(&self.link, &connection).await? {
            Value::Nil => return Err(Trouble::Changed),
            answers => digits(&answers, leases.len())?,
        };
        let mut memory = kept.memory();
        let mut ended = Vec::new();
        for ((lease, heard), answer) in leases.into_iter().zip(answers) {
            if memory.ended.reason(lease.grant).is_some() {
                // It ended while Redis was told of it, perhaps before.
                ended.push(lease.grant);
                continue;
            }
            match answer {
                0 => memory.learn(lease, Known::fresh(lease, *heard)),
                1 => memory.learn(lease, Known::learned(lease, now.given)),
                _ => {}
            }
        }
        memory.owed.add(Debt::Remove, ended);
        Ok(())
    }

    /// How long ago this was heard, this call's own time so far with it.
    fn age(&self, heard: Duration, now: Now) -> Duration {
        let given = now.given.saturating_sub(heard);
        match self.time {
            Time::Redis => given + now.at.elapsed(),
            Time::Callers => given,
        }
    }

    /// Never fails: what Redis cannot be told is told when it is back.
    pub(super) async fn forget(&self, instance: InstanceId, ended: &[(GrantId, Lost)], now: Duration) {
        let kept = self.instance(instance);
        {
            let mut memory = kept.memory_at(now);
            memory.forget(ended, now);
            memory.owed.add(Debt::Remove, ended.iter().map(|(grant, _)| *grant));
        }
        self.settle_soon(&kept).await;
    }

    /// Never fails, as [`Self::forget`].
    pub(super) async fn withdraw(&self, instance: InstanceId, grants: &[GrantId]) {
        let kept = self.instance(instance);
        {
            let mut memory = kept.memory();
            for grant in grants {
                memory.known.remove(grant);
            }
            memory.owed.add(Debt::Remove, grants.iter().copied());
        }
        self.settle_soon(&kept).await;
    }

    /// Never fails, as [`Self::forget`].
    pub(super) async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) {
        let kept = self.instance(instance);
        kept.memory().owed.add(Debt::Pardon, grants.iter().copied());
        self.settle_soon(&kept).await;
    }

    async fn settle_soon(&self, kept: &Instance) {
        if let Ok(connection) = self.link.connection().await {
            // What remains is settled before anything else is asked.
            let _ = self.settle(kept, &connection).await;
        }
    }

    /// Tells Redis what it must still be told.
    pub(super) async fn settle(
        &self,
        kept: &Instance,
        connection: &super::link::Connection,
    ) -> Result<(), Trouble> {
        loop {
            let due = kept.memory().owed.due(CHUNK);
            match &due {
                Due::Nothing => return Ok(()),
                Due::Everything => {
                    let mut unlink = redis::cmd("UNLINK");
                    unlink.arg(&kept.keys.heard).arg(&kept.keys.generation);
                    self.link.ask(connection, &unlink).await?;
                }
                Due::Some(Debt::Remove, some) => {
                    let mut remove = redis::cmd("ZREM");
                    remove.arg(&kept.keys.heard);
                    for (grant, _) in some {
                        remove.arg(grant.0.as_bytes());
                    }
                    self.link.ask(connection, &remove).await?;
                }
                Due::Some(Debt::Pardon, some) => {
                    let mut call = Call::new(&self.scripts.pardon, &[&kept.keys.heard]);
                    call.ids(some.iter().map(|(grant, _)| *grant));
                    call.run(&self.link, connection).await?;
                }
            }
            kept.memory().owed.paid(&due);
        }
    }
}

/// When a call came in: the caller's time, and ours.
#[derive(Clone, Copy)]
struct Now {
    given: Duration,
    at: Instant,
}

/// Whatever becomes of a call, an older token is not good any more.
fn drop_older<'a>(kept: &Instance, leases: impl Iterator<Item = &'a Lease>, now: Now) {
    let mut memory = kept.memory_at(now.given);
    for lease in leases {
        if let Some(older) = lease.fencing_token.0.checked_sub(1) {
            memory.drop_up_to(&shown(lease.grant, FencingToken(older)));
        }
    }
}

/// One lease for each grant, the one with the newest token.
fn newest(leases: &[Lease]) -> Vec<Lease> {
    let mut newest: HashMap<GrantId, Lease> = HashMap::with_capacity(leases.len());
    for lease in leases {
        let known = newest.entry(lease.grant).or_insert(*lease);
        if known.fencing_token < lease.fencing_token {
            *known = *lease;
        }
    }
    newest.into_values().collect()
}

fn shown(grant: GrantId, fencing_token: FencingToken) -> GrantRef {
    GrantRef { id: grant, fencing_token, lease_token: None }
}
