//! Many clients' checkouts against many clients' plain transactions: the rates.

use super::{Bench, CLIENTS, DATABASE, MANY_CLIENTS, Measured, Setting, WARM_UP, Watched, percentile};
use crate::figures::peer::{Peer, Run};
use crate::figures::table::{Better, Figure};
use crate::servers::Servers;
use crate::tell;

/// Features of the figure that spreads its checkouts.
const FEATURES: usize = 100;

/// One hot feature, on Postgres and Redis.
pub(in crate::figures) async fn hot(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let bench = Bench::on(setting, servers, DATABASE, 1).await?;
    let runs = Runs::of(setting, servers, &bench, 1, true).await?;
    let figures = runs.figures(&[
        ("P1", "checkouts, one hot feature, 64 clients", 12.0, 20.0),
        ("P1-512", "the same, 512 clients", 18.0, 30.0),
    ]);
    let notes = runs.notes("P1");
    finish(bench).await?;
    Ok(Measured { figures, notes })
}

/// Spread over features, on Postgres and Redis.
pub(in crate::figures) async fn spread(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let bench = Bench::on(setting, servers, DATABASE, FEATURES).await?;
    let runs = Runs::of(setting, servers, &bench, FEATURES, false).await?;
    let figures = runs.figures(&[("P2", "checkouts spread over 100 features, 64 clients", 1.5, 3.0)]);
    let notes = runs.notes("P2");
    finish(bench).await?;
    Ok(Measured { figures, notes })
}

/// One hot feature, on `SQLite`.
pub(in crate::figures) async fn embedded(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let bench = Bench::embedded(setting, servers).await?;
    let runs = Runs::of(setting, servers, &bench, 1, true).await?;
    let figures = runs.figures(&[("P12", "checkouts on SQLite, one hot feature, 64 clients", 8.0, 20.0)]);
    let notes = runs.notes("P12");
    finish(bench).await?;
    Ok(Measured { figures, notes })
}

async fn finish(bench: Bench<'_>) -> Result<(), String> {
    let out = bench.load.devices();
    bench.finish(out).await
}

/// What was run: theirs, ours with each number of clients, and theirs again.
struct Runs {
    before: Run,
    ours: Vec<Watched>,
    after: Run,
}

impl Runs {
    async fn of(
        setting: &Setting,
        servers: &Servers,
        bench: &Bench<'_>,
        counters: usize,
        with_many: bool,
    ) -> Result<Self, String> {
        let mut peer = Peer::new(servers, counters)?;
        tell("warming up");
        peer.run(CLIENTS, WARM_UP).await?;
        bench.warm_up(CLIENTS).await?;
        tell(&format!("theirs: {CLIENTS} clients, {} s, before ours and after it", setting.seconds));
        let before = peer.run(CLIENTS, setting.seconds).await?;
        let mut ours = vec![bench.run(bench.load.check_outs(CLIENTS), setting.length()).await?];
        if with_many {
            ours.push(bench.run(bench.load.check_outs(MANY_CLIENTS), setting.length()).await?);
        }
        let after = peer.run(CLIENTS, setting.seconds).await?;
        peer.check()?;
        Ok(Self { before, ours, after })
    }

    fn theirs(&self) -> f64 {
        f64::midpoint(self.before.rate, self.after.rate)
    }

    /// One figure for each run of ours that has bounds.
    fn figures(&self, bounds: &[(&'static str, &'static str, f64, f64)]) -> Vec<Figure> {
        let figure = |(&(id, work, must, goal), ours): (&(_, _, _, _), &Watched)| Figure {
            id,
            work,
            ours: ours.outcome.rate(),
            theirs: Some(self.theirs()),
            unit: "1/s",
            better: Better::Higher,
            must,
            goal,
        };
        bounds.iter().zip(&self.ours).map(figure).collect()
    }

    fn notes(&self, id: &str) -> Vec<String> {
        let (before, after) = (self.before.rate, self.after.rate);
        let mut notes = vec![format!("{id}: theirs before and after: {before:.0} and {after:.0}/s.")];
        for (ours, clients) in self.ours.iter().zip([CLIENTS, MANY_CLIENTS]) {
            notes.push(format!(
                "{id}, {clients} clients: {} checkouts, all granted, {:.0}/s, {:.2} × the transaction; p50 {:.1} ms, \
                 p99 {:.1} ms; {}.",
                ours.outcome.answered,
                ours.outcome.rate(),
                ours.outcome.rate() / self.theirs(),
                percentile(&ours.outcome, 50),
                percentile(&ours.outcome, 99),
                ours.cpu,
            ));
        }
        notes
    }
}
