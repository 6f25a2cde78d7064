//! One client's checkouts against one client's transactions: the middle latency.

use std::time::Duration;

use super::{Bench, DATABASE, Measured, Setting, WARM_UP, Watched, millis, percentile};
use crate::figures::peer::Peer;
use crate::figures::table::{Better, Figure};
use crate::load::{self, Latencies};
use crate::servers::Servers;
use crate::tell;

/// On Postgres and Redis; the same on `SQLite` is told beside it.
pub(in crate::figures) async fn latency(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let mut peer = Peer::new(servers, 1)?;
    peer.run(1, WARM_UP).await?;
    tell(&format!("theirs: 1 client, {} s, before ours and after it", setting.seconds));
    let before = middle(&peer.run(1, setting.seconds).await?.latencies)?;
    let ours = one_client(setting, Bench::on(setting, servers, DATABASE, 1).await?).await?;
    let after = middle(&peer.run(1, setting.seconds).await?.latencies)?;
    let embedded = one_client(setting, Bench::embedded(setting, servers).await?).await?;
    peer.check()?;
    let theirs = f64::midpoint(before, after);
    let figure = Figure {
        id: "P6",
        work: "one client's checkout, p50",
        ours: middle(&ours.outcome.latencies)?,
        theirs: Some(theirs),
        unit: "ms",
        better: Better::Lower,
        must: 3.0,
        goal: 2.0,
    };
    let notes = vec![
        format!(
            "P6: p50 of {} checkouts (p99 {:.3} ms) and of the transactions in pgbench's log; theirs before and \
             after: {before:.3} and {after:.3} ms; {}.",
            ours.outcome.answered,
            percentile(&ours.outcome, 99),
            ours.cpu,
        ),
        format!(
            "P6 on SQLite, for information: p50 {:.3} ms, {:.2} × the transaction in Postgres.",
            percentile(&embedded.outcome, 50),
            percentile(&embedded.outcome, 50) / theirs,
        ),
    ];
    Ok(Measured { figures: vec![figure], notes })
}

async fn one_client(setting: &Setting, bench: Bench<'_>) -> Result<Watched, String> {
    load::run(bench.load.check_outs(1), Duration::from_secs(WARM_UP)).await?;
    let ours = bench.run(bench.load.check_outs(1), setting.length()).await?;
    let out = bench.load.devices();
    bench.finish(out).await?;
    Ok(ours)
}

fn middle(latencies: &Latencies) -> Result<f64, String> {
    latencies.percentile(50).map(millis).ok_or("a run had not a single call".to_owned())
}
