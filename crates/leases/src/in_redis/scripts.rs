//! The scripts that Redis runs, each one whole or not at all.

use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use leasehold_domain::{FencingToken, GrantId};
use redis::{Cmd, Value};

use super::link::{Connection, Link};
use super::trouble::Trouble;

/// How many leases one script takes at most: few enough to be done within a few milliseconds, in which Redis does
/// nothing else, and few enough for Lua's stack.
pub(super) const CHUNK: usize = 1_000;

/// Tokens are counted up to here in scores, and begin again.
const SPAN: u64 = 1 << 22;

/// A fencing token as scores hold it.
pub(super) fn short(token: FencingToken) -> u64 {
    token.0 % SPAN
}

/// A lease as scripts take it.
pub(super) struct Told {
    pub(super) grant: GrantId,
    /// As [`short`] makes it.
    pub(super) token: u64,
    /// Two numbers of milliseconds that many leases have in common; each script says what they are.
    pub(super) kind: [u64; 2],
}

/// Milliseconds, rounded up.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// A script and the name by which Redis knows it.
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

/// All of them.
pub(super) struct Scripts {
    pub(super) heartbeat: Script,
    pub(super) register: Script,
    pub(super) earned: Script,
    pub(super) look: Script,
    pub(super) condemn: Script,
    pub(super) pardon: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        macro_rules! script {
            ($file:literal) => {
                script(concat!(include_str!("scripts/prelude.lua"), include_str!($file)))
            };
        }
        Self {
            heartbeat: script!("scripts/heartbeat.lua"),
            register: script!("scripts/register.lua"),
            earned: script!("scripts/earned.lua"),
            look: script!("scripts/look.lua"),
            condemn: script!("scripts/condemn.lua"),
            pardon: script!("scripts/pardon.lua"),
        }
    }
}

fn script(source: &'static str) -> Script {
    Script { source, hash: redis::Script::new(source).get_hash().to_owned() }
}

/// A call of a script.
pub(super) struct Call<'a> {
    script: &'a Script,
    command: Cmd,
}

impl<'a> Call<'a> {
    pub(super) fn new(script: &'a Script, keys: &[&str]) -> Self {
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(&script.hash).arg(keys.len()).arg(keys);
        Self { script, command }
    }

    pub(super) fn arg(&mut self, arg: impl redis::ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Adds leases, behind everything else: see the scripts' `leases`.
    pub(super) fn leases<'t>(&mut self, leases: impl Iterator<Item = &'t Told> + Clone) -> &mut Self {
        let mut kinds: Vec<[u64; 2]> = Vec::new();
        let mut places: HashMap<[u64; 2], u64> = HashMap::new();
        let mut codes = Vec::new();
        for lease in leases.clone() {
            let place = *places.entry(lease.kind).or_insert_with(|| {
                kinds.push(lease.kind);
                kinds.len() as u64 - 1
            });
            codes.push(place * SPAN + lease.token);
        }
        self.command.arg(kinds.len());
        self.numbers(kinds.into_iter().flatten());
        self.ids(leases.map(|lease| lease.grant)).numbers(codes)
    }

    pub(super) fn ids(&mut self, ids: impl IntoIterator<Item = GrantId>) -> &mut Self {
        for id in ids {
            self.command.arg(id.0.as_bytes());
        }
        self
    }

    pub(super) fn numbers(&mut self, numbers: impl IntoIterator<Item = u64>) -> &mut Self {
        for number in numbers {
            self.command.arg(number);
        }
        self
    }

    /// Runs it; a server that does not have the script is given it first.
    pub(super) async fn run(&self, link: &Link, connection: &Connection) -> Result<Value, Trouble> {
        let unknown = redis::ErrorKind::Server(redis::ServerErrorKind::NoScript);
        match link.ask(connection, &self.command).await {
            Err(error) if error.kind() == unknown => {
                let load = redis::cmd("SCRIPT").arg("LOAD").arg(self.script.source).to_owned();
                link.ask(connection, &load).await?;
                Ok(link.ask(connection, &self.command).await?)
            }
            answer => Ok(answer?),
        }
    }
}
