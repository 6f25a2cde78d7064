//! What leases cost in memory: in the server's process, and in Redis.

use std::time::Duration;

use super::{Bench, CLIENTS, DATABASE, Measured, Setting};
use crate::figures::machine::{resident, resident_peak};
use crate::figures::table::{Better, Figure};
use crate::load::run_calls;
use crate::servers::Servers;
use crate::tell;

/// Online leases, all of them heard at least twice.
const LEASES: usize = 100_000;
const LEASES_IN_A_CALL: usize = 100;
/// Buffers of calls that are over are given back by then.
const SETTLING: Duration = Duration::from_secs(3);
const MEBIBYTE: f64 = 1_048_576.0;

/// Both, with one hundred thousand online leases.
#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
pub(in crate::figures) async fn memory(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let bench = Bench::on(setting, servers, DATABASE, 1).await?;
    let silent = "the system does not say how much memory the server has";
    let process = bench.product.id();
    let redis_before = redis_memory(servers).await?;
    let started = resident(process).ok_or(silent)?;
    tell(&format!("checking out {LEASES} leases"));
    let leases = bench.load.hold(CLIENTS, LEASES).await?;
    let beats = bench.load.beats(CLIENTS, &leases, LEASES_IN_A_CALL);
    let round = beats.iter().map(crate::load::Beat::calls_in_a_round).max().unwrap_or_default();
    run_calls(beats, round).await?;
    tokio::time::sleep(SETTLING).await;
    let (server, peak) = (resident(process).ok_or(silent)?, resident_peak(process).ok_or(silent)?);
    let redis = redis_memory(servers).await?.saturating_sub(redis_before);
    let note = format!(
        "P8: {} leases; the server had {:.1} MiB after its start and {:.1} MiB at most; Redis took {:.1} MiB more.",
        leases.len(),
        started as f64 / MEBIBYTE,
        peak as f64 / MEBIBYTE,
        redis as f64 / MEBIBYTE,
    );
    let figure = |id, work, ours, unit, [must, goal]: [f64; 2]| Figure {
        id,
        work,
        ours,
        theirs: None,
        unit,
        better: Better::Lower,
        must,
        goal,
    };
    let held = "the server's memory with 100,000 online leases";
    let figures = vec![
        figure("P8", held, server as f64 / MEBIBYTE, "MiB", [250.0, 150.0]),
        figure("P8-redis", "Redis, a lease", redis as f64 / leases.len() as f64, "B", [200.0, 140.0]),
    ];
    let out = bench.load.devices();
    bench.finish(out).await?;
    Ok(Measured { figures, notes: vec![note] })
}

async fn redis_memory(servers: &Servers) -> Result<u64, String> {
    let info = servers.redis.ask(&["INFO", "memory"]).await.map_err(|error| error.to_string())?;
    used_memory(&info)
}

fn used_memory(info: &str) -> Result<u64, String> {
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    let bytes = line.and_then(|bytes| bytes.trim().parse().ok());
    bytes.ok_or_else(|| format!("Redis does not say how much memory it uses:\n{info}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_use_is_found() {
        let info = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n";
        assert_eq!(used_memory(info), Ok(1_048_576));
        assert!(used_memory("# Memory\r\n").is_err());
    }
}
