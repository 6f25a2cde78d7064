//! What a checkout costs when a million grants are out, against a thousand.
//!
//! Two servers, each with a database of its own in one Postgres, take turns: a burst of checkouts, which is timed,
//! and their return, which is not, so that as many stay out.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Bench, CLIENTS, Measured, Setting};
use crate::figures::table::{Better, Figure};
use crate::load::{CheckOut, Latencies, check_out};
use crate::servers::Servers;
use crate::tell;

/// Grants that are out in the small one.
const SMALL: usize = 1_000;
/// Clients that check them out, as many each.
const FILLERS: usize = 50;
/// How many times as many are out in the large one.
const TIMES: usize = 1_000;
/// Checkouts of each client in a burst.
const BURST: usize = 16;

/// Copies what the checkouts so far have left, so many times: grants, devices, answers and activity. Copies sort
/// before what is there, as older ids do.
const FILL: &str = "
begin;
create function pg_temp.copy_id(id uuid, n integer) returns uuid language sql immutable as
    $$ select (lpad(to_hex(n), 8, '0') || substr(id::text, 9))::uuid $$;
create function pg_temp.copy_device(device text, n integer) returns text language sql immutable as
    $$ select replace(device, 'device-', 'device-' || n || '-') $$;
create function pg_temp.copy(p_table regclass, p_which text) returns void language plpgsql as $$
declare
    v_columns text;
begin
    select string_agg(format(
               case
                   when attname in ('id', 'grant_id', 'request') then 'pg_temp.copy_id(t.%I, c.n)'
                   when attname in ('device', 'hostid') then 'pg_temp.copy_device(t.%I, c.n)'
                   else 't.%I'
               end, attname), ', ' order by attnum)
      into v_columns
      from pg_attribute
     where attrelid = p_table and attnum > 0 and not attisdropped;
    execute format('insert into %s select %s from generate_series(1, TIMES - 1) as c (n) cross join %s as t where %s',
                   p_table, v_columns, p_table, p_which);
end $$;
select pg_temp.copy('licensing.grants', 'true');
select pg_temp.copy('licensing.devices', 'true');
select pg_temp.copy('licensing.answers', 'true');
select pg_temp.copy('licensing.answer_times', 'true');
select pg_temp.copy('licensing.activity', 'true');
update licensing.cells set used = used * TIMES;
update licensing.tallies set used = used * TIMES;
update licensing.totals set activity_rows = (select sum(cardinality(records)) from licensing.activity);
commit;";

/// The cost of a checkout, with a million grants and with a thousand.
pub(in crate::figures) async fn grown(setting: &Setting, servers: &Servers) -> Result<Measured, String> {
    let small = Bench::on(setting, servers, "small", 1).await?;
    small.load.hold(FILLERS, SMALL).await?;
    let large = million(setting, servers).await?;
    for database in ["small", "large"] {
        servers.ask(database, "vacuum analyze")?;
    }
    servers.ask("large", "checkpoint")?;
    tell("warming up, then measuring in turns");
    let mut sides = [Side::new(small), Side::new(large)];
    for side in &mut sides {
        side.burst().await?;
        side.bursts = Latencies::default();
    }
    let until = Instant::now() + setting.length() * 3;
    while Instant::now() < until {
        for side in &mut sides {
            side.burst().await?;
        }
        // Whoever comes second may find the disk busier.
        sides.reverse();
    }
    sides.sort_by_key(|side| side.bench.database != Some("small"));
    let [small, large] = sides;
    let figure = Figure {
        id: "P7",
        work: "cost of a checkout, 1,000,000 grants out against 1,000",
        ours: large.cost()?,
        theirs: Some(small.cost()?),
        unit: "µs",
        better: Better::Lower,
        must: 1.3,
        goal: 1.1,
    };
    let note = format!(
        "P7: medians of {} and {} bursts of {} checkouts by {CLIENTS} clients; the machine's whole time, divided by them.",
        large.bursts.len(),
        small.bursts.len(),
        CLIENTS * BURST,
    );
    small.bench.finish(SMALL as u64).await?;
    large.bench.finish((SMALL * TIMES) as u64).await?;
    Ok(Measured { figures: vec![figure], notes: vec![note] })
}

/// A server with a million grants out.
async fn million<'a>(setting: &Setting, servers: &'a Servers) -> Result<Bench<'a>, String> {
    let bench = Bench::on(setting, servers, "large", 1).await?;
    bench.load.hold(FILLERS, SMALL).await?;
    let Bench { site, product, load, database, .. } = bench;
    drop(load);
    product.stop().await?;
    tell(&format!("making {} grants of {SMALL}", SMALL * TIMES));
    let start = Instant::now();
    servers.ask("large", &FILL.replace("TIMES", &TIMES.to_string()))?;
    tell(&format!("made in {:.0} s", start.elapsed().as_secs_f64()));
    let bench = Bench::start(servers, database, site).await?;
    // The first devices hold what is out.
    bench.load.pass_over(SMALL as u64);
    Ok(bench)
}

/// One of the two, and its clients.
struct Side<'a> {
    bench: Bench<'a>,
    clients: Vec<CheckOut>,
    bursts: Latencies,
}

impl<'a> Side<'a> {
    fn new(bench: Bench<'a>) -> Self {
        let clients = bench.load.check_outs(CLIENTS);
        Self { bench, clients, bursts: Latencies::default() }
    }

    /// Checks out with all clients, notes how long that took, and returns everything.
    async fn burst(&mut self) -> Result<(), String> {
        let failed = |error| format!("a client failed: {error}");
        let start = Instant::now();
        let mut tasks: JoinSet<_> = self.clients.drain(..).map(|client| check_out(client, BURST)).collect();
        let mut holding = Vec::with_capacity(CLIENTS);
        while let Some(joined) = tasks.join_next().await {
            holding.push(joined.map_err(failed)??);
        }
        self.bursts.add(start.elapsed());
        let mut tasks = JoinSet::new();
        for (mut client, grants) in holding {
            tasks.spawn(async move { client.release(grants).await.map(|()| client) });
        }
        while let Some(joined) = tasks.join_next().await {
            self.clients.push(joined.map_err(failed)??);
        }
        Ok(())
    }

    /// Microseconds a checkout.
    fn cost(&self) -> Result<f64, String> {
        let middle: Option<Duration> = self.bursts.percentile(50);
        let middle = middle.ok_or("there was no time for a single burst; give more --seconds")?;
        let checkouts = u32::try_from(CLIENTS * BURST).unwrap_or(u32::MAX);
        Ok(middle.as_secs_f64() * 1_000_000.0 / f64::from(checkouts))
    }
}
