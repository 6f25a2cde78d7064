//! Calls against empty calls by the same clients: how much of what the transport can carry is left with all that the
//! product does.

use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;

use super::{Bench, CLIENTS, DATABASE, MANY_CLIENTS, Measured, Setting, WARM_UP, Watched, percentile};
use crate::figures::cpu::Cpu;
use crate::figures::empty::EmptyCalls;
use crate::figures::table::{Better, Figure};
use crate::load::{self, Caller, Load};
use crate::servers::Servers;
use crate::tell;

/// Both are tried; the better one counts, of theirs as of ours.
const CROWDS: [usize; 2] = [CLIENTS, MANY_CLIENTS];
/// Leases of the clients that send heartbeats: as many for each of them, and enough of them for a full call.
const LEASES: usize = MANY_CLIENTS * LEASES_IN_A_CALL;
const LEASES_IN_A_CALL: usize = 100;

/// Checkouts.
pub(in crate::figures) async fn check_outs(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let bench = Bench::on(setting, servers, DATABASE, 1).await?;
    tell("warming up");
    bench.warm_up(CLIENTS).await?;
    let beside = Beside::run(setting, &bench, |clients| bench.load.check_outs(clients)).await?;
    let figure = beside.figure("P3", "checkouts, best of 64 and 512 clients", 1, [0.4, 0.6]);
    let notes = beside.notes("P3");
    let out = bench.load.devices();
    bench.finish(out).await?;
    Ok(Measured { figures: vec![figure], notes })
}

/// Heartbeats of one lease each.
pub(in crate::figures) async fn single_heartbeats(
    setting: &Setting,
    servers: &Servers,
) -> Result<Measured, String> {
    let (beside, notes) = heartbeats(setting, servers, 1, "P4").await?;
    let figure = beside.figure("P4", "heartbeats, one lease a call, best of 64 and 512", 1, [0.6, 0.8]);
    Ok(Measured { figures: vec![figure], notes })
}

/// Heartbeats of many leases each.
pub(in crate::figures) async fn many_heartbeats(
    setting: &Setting,
    servers: &Servers,
) -> Result<Measured, String> {
    let (beside, notes) = heartbeats(setting, servers, LEASES_IN_A_CALL, "P5").await?;
    let work = "leases heard, 100 a call, best of 64 and 512 clients";
    let figure = beside.figure("P5", work, LEASES_IN_A_CALL, [4.0, 10.0]);
    Ok(Measured { figures: vec![figure], notes })
}

async fn heartbeats(
    setting: &Setting,
    servers: &Servers,
    in_a_call: usize,
    id: &str,
) -> Result<(Beside, Vec<String>), String> {
    let bench = Bench::on(setting, servers, DATABASE, 1).await?;
    tell(&format!("checking out {LEASES} leases"));
    let leases: Vec<pb::GrantRef> = bench.load.hold(MANY_CLIENTS, LEASES).await?;
    let beats = |clients| bench.load.beats(clients, &leases, in_a_call);
    load::run(beats(CLIENTS), Duration::from_secs(WARM_UP)).await?;
    let beside = Beside::run(setting, &bench, beats).await?;
    let notes = beside.notes(id);
    let out = bench.load.devices();
    bench.finish(out).await?;
    Ok((beside, notes))
}

/// Runs with each number of clients: ours, and empty calls before and after.
struct Beside {
    ours: Vec<Watched>,
    empty: Vec<[f64; 2]>,
    empty_cpu: String,
}

impl Beside {
    async fn run<C: Caller>(
        setting: &Setting,
        bench: &Bench<'_>,
        callers: impl Fn(usize) -> Vec<C>,
    ) -> Result<Self, String> {
        let server = EmptyCalls::start().await?;
        let empty = Load::connect(server.address(), super::CONNECTIONS, &[]).await?;
        load::run(empty.empties(CLIENTS), Duration::from_secs(WARM_UP)).await?;
        let (mut rates, mut ours) = (vec![[0.0; 2]; CROWDS.len()], Vec::new());
        let mut empty_cpu = String::new();
        for turn in [0, 1] {
            for (place, clients) in CROWDS.into_iter().enumerate() {
                tell(&format!("empty calls: {clients} clients, {:?}", setting.length()));
                let cpu = Cpu::start(vec![("server", server.id())]);
                let outcome = load::run(empty.empties(clients), setting.length()).await?;
                rates[place][turn] = outcome.rate();
                empty_cpu = cpu.stop(outcome.answered);
            }
            if turn == 0 {
                for clients in CROWDS {
                    ours.push(bench.run(callers(clients), setting.length()).await?);
                }
            }
        }
        Ok(Self { ours, empty: rates, empty_cpu })
    }

    fn theirs(&self) -> f64 {
        self.empty.iter().map(|[before, after]| f64::midpoint(*before, *after)).fold(0.0, f64::max)
    }

    fn figure(&self, id: &'static str, work: &'static str, in_a_call: usize, bounds: [f64; 2]) -> Figure {
        let in_a_call = f64::from(u16::try_from(in_a_call).unwrap_or(u16::MAX));
        let best = self.ours.iter().map(|run| run.outcome.rate()).fold(0.0, f64::max);
        let [must, goal] = bounds;
        let (theirs, better) = (Some(self.theirs()), Better::Higher);
        Figure { id, work, ours: best * in_a_call, theirs, unit: "1/s", better, must, goal }
    }

    fn notes(&self, id: &str) -> Vec<String> {
        let mut notes = Vec::new();
        for ((ours, [before, after]), clients) in self.ours.iter().zip(&self.empty).zip(CROWDS) {
            notes.push(format!(
                "{id}, {clients} clients: {:.0} calls/s, p50 {:.1} ms, p99 {:.1} ms; {}; empty calls before and after: \
                 {before:.0} and {after:.0}/s.",
                ours.outcome.rate(),
                percentile(&ours.outcome, 50),
                percentile(&ours.outcome, 99),
                ours.cpu,
            ));
        }
        notes.push(format!("{id}, empty calls, {MANY_CLIENTS} clients: {}.", self.empty_cpu));
        notes
    }
}
