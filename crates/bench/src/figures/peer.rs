//! What ours is compared to: the plain transaction in Postgres, driven by pgbench at full durability.
//!
//! The transaction does what a lock for each request costs: it updates the one counter where the count fits, inserts the
//! grant, and commits.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use leasehold_testkit::Process;
use tempfile::TempDir;

use crate::load::Latencies;
use crate::servers::Servers;

/// The peer's database in the Postgres that the product has its own in.
const DATABASE: &str = "plain";
const SCHEMA: &str = "\
create table counter (id int primary key, total bigint not null, used bigint not null);
create table grants (
    id bigint generated always as identity primary key,
    counter int not null references counter,
    device text not null,
    count bigint not null,
    granted_at timestamptz not null default now()
);";

const THREADS: usize = 2;

/// The plain transaction, in a database of its own.
pub(super) struct Peer<'a> {
    servers: &'a Servers,
    folder: TempDir,
    transactions: u64,
}

/// What came of one run of pgbench.
#[derive(Debug)]
pub(super) struct Run {
    /// Transactions a second, connecting left out.
    pub(super) rate: f64,
    /// Of single transactions.
    pub(super) latencies: Latencies,
}

impl<'a> Peer<'a> {
    /// Makes the database with so many counters, over which the transactions are spread.
    pub(super) fn new(servers: &'a Servers, counters: usize) -> Result<Self, String> {
        let folder =
            TempDir::with_prefix("pgbench-").map_err(|error| format!("no temporary folder: {error}"))?;
        std::fs::write(folder.path().join("transaction.sql"), transaction(counters))
            .map_err(|error| format!("the transaction cannot be written: {error}"))?;
        servers.make_database(DATABASE)?;
        let counters =
            format!("insert into counter select id, 1000000000, 0 from generate_series(1, {counters}) as id");
        servers.ask(DATABASE, SCHEMA)?;
        servers.ask(DATABASE, &counters)?;
        Ok(Self { servers, folder, transactions: 0 })
    }

    /// Lets so many clients run the transaction, one after the other each, for so many seconds. What it leaves to be
    /// written later is written at once, so that whoever is measured next does not pay for it.
    pub(super) async fn run(&mut self, clients: usize, seconds: u64) -> Result<Run, String> {
        let log = self.folder.path().join(format!("log-{}", self.transactions));
        let mut command = self.servers.postgres.pgbench(["--no-vacuum", "--protocol=prepared", "--log"]);
        command.arg(format!("--log-prefix={}", log.display())).arg(format!("--client={clients}"));
        command.arg(format!("--jobs={}", THREADS.min(clients))).arg(format!("--time={seconds}"));
        command.arg("--file").arg(self.folder.path().join("transaction.sql")).arg(DATABASE);
        let mut pgbench = Process::spawn(command).map_err(|error| error.to_string())?;
        let status =
            pgbench.wait(Duration::from_secs(seconds + 60)).await.map_err(|error| error.to_string())?;
        let output = pgbench.stdout();
        if !status.success() {
            return Err(format!("pgbench ended with {status}:\n{}{}", output, pgbench.stderr()));
        }
        let summary = Summary::read(&output)?;
        self.transactions += summary.transactions;
        self.servers.ask(DATABASE, "checkpoint")?;
        Ok(Run { rate: summary.rate, latencies: read_logs(&log)? })
    }

    /// Whether every transaction has left its grant and its count.
    pub(super) fn check(&self) -> Result<(), String> {
        let books = "select (select sum(used) from counter), (select count(*) from grants)";
        let found = self.servers.ask(DATABASE, books)?;
        let expected = format!("{0}|{0}", self.transactions);
        if found == expected {
            return Ok(());
        }
        Err(format!("PostgreSQL has {found} as counter and grants after {} transactions", self.transactions))
    }
}

/// Takes one of a counter, drawn by chance where there are several.
fn transaction(counters: usize) -> String {
    let mut script = String::new();
    // Drawing is left out where there is nothing to draw: the script is all that pgbench does.
    let id = if counters == 1 { "1" } else { ":id" };
    if counters > 1 {
        let _ = writeln!(script, "\\set id random(1, {counters})");
    }
    let _ = write!(
        script,
        "begin;\n\
         update counter set used = used + 1 where id = {id} and used < total;\n\
         insert into grants (counter, device, count) values ({id}, 'device-' || :client_id, 1);\n\
         commit;\n"
    );
    script
}

/// What pgbench prints at its end.
#[derive(Debug, PartialEq)]
struct Summary {
    transactions: u64,
    rate: f64,
}

impl Summary {
    fn read(output: &str) -> Result<Self, String> {
        let find = |label: &str| {
            let rest = output.lines().find_map(|line| line.strip_prefix(label));
            rest.and_then(|rest| rest.split_whitespace().next())
                .ok_or_else(|| format!("pgbench printed no line with {label:?}:\n{output}"))
        };
        let failed = find("number of failed transactions:")?;
        if failed != "0" {
            return Err(format!("{failed} transactions of pgbench failed"));
        }
        let transactions = find("number of transactions actually processed:")?;
        let rate = find("tps =")?;
        Ok(Self {
            transactions: transactions.parse().map_err(|_| format!("{transactions:?} is no number"))?,
            rate: rate.parse().map_err(|_| format!("{rate:?} is no rate"))?,
        })
    }
}

/// Every latency in the logs with this prefix, one log for each thread.
fn read_logs(prefix: &Path) -> Result<Latencies, String> {
    let unreadable = |error: std::io::Error| format!("pgbench's log cannot be read: {error}");
    let name = prefix.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = prefix.parent().unwrap_or(prefix).read_dir().map_err(unreadable)?;
    let mut latencies = Latencies::default();
    for entry in folder {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().to_string_lossy().starts_with(&format!("{name}.")) {
            let log = std::fs::read_to_string(entry.path()).map_err(unreadable)?;
            latencies.merge(read_log(&log)?);
        }
    }
    Ok(latencies)
}

/// Lines of: client, number, microseconds, script, and when.
fn read_log(log: &str) -> Result<Latencies, String> {
    let micros = |line: &str| line.split(' ').nth(2).and_then(|micros| micros.parse().ok());
    log.lines()
        .map(|line| micros(line).map(Duration::from_micros).ok_or_else(|| format!("pgbench logged {line:?}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
pgbench (15.20)
number of clients: 64
number of transactions actually processed: 1765
number of failed transactions: 0 (0.000%)
latency average = 108.1 ms
tps = 589.250000 (without initial connection time)
";

    #[test]
    fn the_summary_is_read_and_failures_are_not_overlooked() {
        assert_eq!(Summary::read(OUTPUT).unwrap(), Summary { transactions: 1765, rate: 589.25 });
        let failed = OUTPUT.replace("transactions: 0", "transactions: 3");
        assert_eq!(Summary::read(&failed).unwrap_err(), "3 transactions of pgbench failed");
        assert!(Summary::read("").unwrap_err().contains("printed no line"));
    }

    #[test]
    fn latencies_are_the_third_column() {
        let log = "0 1 1500 0 1763766000 123\n1 1 2500 0 1763766000 456\n";
        assert_eq!(read_log(log).unwrap().percentile(50), Some(Duration::from_micros(1500)));
        assert!(read_log("0 1 failed 0 1 1\n").is_err());
    }

    #[test]
    fn the_transaction_takes_a_count_and_leaves_a_grant() {
        let one = transaction(1);
        assert!(one.starts_with("begin;\n") && one.contains("where id = 1 and used < total"), "{one}");
        let many = transaction(100);
        assert!(many.starts_with("\\set id random(1, 100)\nbegin;\n"), "{many}");
        assert_eq!(many.matches(":id").count(), 2, "{many}");
    }

    #[tokio::test]
    async fn every_transaction_leaves_a_grant() {
        let servers = Servers::start().await.unwrap();
        let mut peer = Peer::new(&servers, 3).unwrap();
        let run = peer.run(3, 1).await.unwrap();
        assert!(run.rate > 0.0);
        assert_eq!(run.latencies.len(), peer.transactions);
        peer.check().unwrap();
        peer.transactions += 1;
        assert!(peer.check().is_err(), "a lost transaction is seen");
    }
}
