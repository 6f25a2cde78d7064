//! `leasehold demo`: the whole product in one process, with a firm that works with it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use leasehold::app::Observed;
use leasehold::demo::{
    self, Addresses, Audience, Error, Numbers, Options, PROMISES, Pace, Report, Stores, UpdateReport,
};
use leasehold::estate_file::length_of_time;
use leasehold_runtime::config::Sources;
use leasehold_runtime::{Config, SystemClock, lifecycle, metrics, telemetry};

use crate::exit::{Exit, Failure};
use crate::output::{print, say};

/// How long a demonstration without a terminal goes on where nobody says it.
const HEADLESS: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// End by itself, on any free ports, and say nothing but the result
    #[arg(long)]
    headless: bool,
    /// End after so long: `30s`, `5min`; left out, at Ctrl-C, and with --headless after 30s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Print the result as one line of JSON
    #[arg(long)]
    json: bool,
    /// Let the clients make the choices of this number again
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many devices the firm has
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    clients: u16,
    /// Keep the data in this directory, and go on with it at the next start; left out, it is gone in the end
    #[arg(long, value_name = "DIR", conflicts_with = "database_url")]
    data_dir: Option<PathBuf>,
    /// Keep state in this Postgres database, which the demonstration alone uses and empties at each start
    #[arg(long, value_name = "URL", requires = "redis_url")]
    database_url: Option<String>,
    /// Keep leases in this Redis
    #[arg(long, value_name = "URL", requires = "database_url")]
    redis_url: Option<String>,
    /// What of the services' logs to show: off, error, warn, info, debug or trace
    #[arg(long, default_value = "warn", value_name = "LEVEL")]
    log_level: String,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let config = logging(&args.log_level)?;
    // Nobody would read what is recorded without the listener.
    let metrics = (!args.headless).then(metrics::install).transpose().map_err(Failure::error)?;
    let clock = Arc::new(SystemClock::new());
    metrics::record_process(&config, &clock);
    let telemetry = telemetry::init(&config.logging, &config.telemetry).map_err(Failure::error)?;
    let signals = lifecycle::on_signals()
        .map_err(|error| Failure::error(format!("signals cannot be received: {error}")))?;
    let stage = Stage { quiet: args.headless, live: !args.headless && io::stderr().is_terminal() };
    let json = args.json;
    let options = Options {
        clients: args.clients.into(),
        seed: args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        pace: if args.headless { Pace::Quick } else { Pace::Calm },
        duration: args.duration.or(args.headless.then_some(HEADLESS)),
        stores: match args.database_url.zip(args.redis_url) {
            Some((database_url, redis_url)) => Stores::Postgres { database_url, redis_url },
            None => Stores::Embedded,
        },
        data_dir: args.data_dir,
        usual_ports: !args.headless,
        observed: metrics.map(|metrics| Observed { metrics, levels: Some(telemetry.levels()) }),
        clock,
        shutdown: signals.child_token(),
    };
    let report = demo::run(options, &stage).await;
    stage.clear();
    telemetry.finish().await;
    let report = report.map_err(|error| failure(&error))?;
    if json {
        print(&(serde_json::to_string(&report).map_err(Failure::error)? + "\n"))?;
    } else {
        print(&summary(&report))?;
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { Exit::Error.into() })
}

/// The configuration of this process' own logs.
fn logging(level: &str) -> Result<Config, Failure> {
    // Neither files nor the environment have a say, as for the services.
    let flags = vec![("logging.level".to_owned(), level.to_owned())];
    let sources = Sources { directory: PathBuf::from("/nonexistent"), flags, ..Sources::default() };
    Config::load(&sources).map_err(|error| Failure::new(Exit::Usage, error))
}

/// A length of time, at least a second.
fn duration(text: &str) -> Result<Duration, String> {
    let time = Duration::try_from(length_of_time(text)?).map_err(|_| "must not be negative".to_owned())?;
    if time < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(time) }
}

fn failure(error: &Error) -> Failure {
    let exit = if error.is_taken() {
        Exit::Unavailable
    } else if error.is_foreign() {
        Exit::Conflict
    } else {
        Exit::Error
    };
    Failure::new(exit, error)
}

/// What people see while it runs.
struct Stage {
    quiet: bool,
    /// Whether there is a line that is written again and again.
    live: bool,
}

impl Audience for Stage {
    fn started(&self, addresses: &Addresses) {
        if !self.quiet {
            say(&welcome(addresses));
        }
    }

    fn goes_on(&self, since: Duration, numbers: &Numbers, out: u64) {
        if self.live {
            let mut terminal = io::stderr();
            // Nobody left to be told is no reason to stop.
            let _ = write!(terminal, "\r\x1b[2K{}", status(since, numbers, out));
            let _ = terminal.flush();
        }
    }

    fn another_code(&self, code: &str) {
        if !self.quiet {
            self.clear();
            say(&format!("Another one-time code for the console, in place of the one before: {code}"));
        }
    }
}

impl Stage {
    /// Takes the line away that is written again and again.
    fn clear(&self) {
        if self.live {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// What runs, where it is, and what to do with it.
fn welcome(addresses: &Addresses) -> String {
    let mut lines =
        vec!["A licence server, its vendor, and a small engineering firm that works with it:".to_owned()];
    if let Some(console) = &addresses.console {
        lines.push(format!("  console            {}", console.url));
        if !console.code.is_empty() {
            lines.push(format!("  one-time code      {}", console.code));
        }
    }
    lines.push(format!("  licensing          {}", addresses.licensing));
    lines.push(format!("  synchronisation    {}", addresses.sync));
    lines.push(format!("  updates            {}", addresses.updates));
    lines.push(format!("  definition files   http://{}/definitions/", addresses.mirror));
    lines.push(format!("  vendor             {}", addresses.vendor));
    lines.push(format!("  its repository     http://{}", addresses.repository));
    if let Some(admin) = addresses.admin {
        lines.push(format!("  health, metrics    http://{admin}/metrics"));
    }
    if let Some(directory) = &addresses.data_dir {
        lines.push(format!("  data               {directory}"));
    }
    if !addresses.elsewhere.is_empty() {
        let ports: Vec<_> = addresses.elsewhere.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "It does not listen on these of the usual ports, which are taken now or were at an earlier start: {}.\n\
             Other commands find it with:\n  export LEASEHOLD_SERVER={} LEASEHOLD_SYNC_SERVER={}",
            ports.join(", "),
            addresses.licensing,
            addresses.sync
        ));
    }
    lines.push(format!(
        "Look at it from another terminal, for instance:\n  leasehold feature list --server {}\nCtrl-C ends it.",
        addresses.licensing
    ));
    lines.join("\n")
}

fn status(since: Duration, numbers: &Numbers, out: u64) -> String {
    let seconds = since.as_secs();
    let Numbers { at_work, granted, denied, returned, crashed, updated, .. } = numbers;
    format!(
        "{:3}:{:02}   {at_work} programs at work   {out} grants out   {granted} granted   {denied} denied   \
         {returned} returned   {crashed} crashed   {updated} updated",
        seconds / 60,
        seconds % 60
    )
}

/// The result for people.
fn summary(report: &Report) -> String {
    let Report { clients, seconds, seed, granted, denied, returned, crashed, ended, .. } = report;
    let mut lines = vec![format!(
        "{clients} clients in {seconds} s (seed {seed}): {granted} checkouts granted, {denied} denied, {returned} returned, \
         {crashed} programs crashed, {ended} grants taken back or over."
    )];
    lines.extend(report.update.as_ref().map(|update| {
        let UpdateReport { product, version, bytes, heard, installed, reported } = update;
        format!(
            "Update {product} {version} ({bytes} bytes): {heard} devices heard of it, {installed} have it in place, \
             {reported} have reported it."
        )
    }));
    lines.extend(PROMISES.map(|(number, promise)| {
        let kept = report.promises.get(number).copied().unwrap_or("broken");
        format!("  {number:<4}{kept:<8}{promise}")
    }));
    lines.extend(report.violations.iter().map(|finding| format!("{}: {}", finding.rule, finding.found)));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_second_or_more() {
        assert_eq!(duration("30s").unwrap(), Duration::from_secs(30));
        assert_eq!(duration("5min").unwrap(), Duration::from_mins(5));
        for wrong in ["", "soon", "0s", "999ms", "-3s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_console_and_its_code_are_shown_where_there_is_one() {
        let at = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut addresses = Addresses {
            licensing: at(1),
            sync: at(2),
            updates: at(3),
            mirror: at(4),
            admin: None,
            vendor: at(5),
            repository: at(6),
            console: None,
            data_dir: None,
            elsewhere: Vec::new(),
        };
        assert!(!welcome(&addresses).contains("console"));
        let (url, code) = ("http://127.0.0.1:7070".to_owned(), "abcd-efgh".to_owned());
        addresses.console = Some(demo::Console { url, code });
        let shown = welcome(&addresses);
        assert!(shown.contains("http://127.0.0.1:7070") && shown.contains("abcd-efgh"), "{shown}");
        assert!(!shown.contains("usual ports"), "{shown}");
        addresses.elsewhere = vec![16770, 9090];
        let shown = welcome(&addresses);
        let parts =
            ["usual ports", "16770, 9090", "LEASEHOLD_SERVER=127.0.0.1:1 LEASEHOLD_SYNC_SERVER=127.0.0.1:2"];
        assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
    }

    #[test]
    fn the_status_is_one_line() {
        let numbers = Numbers { at_work: 31, denied: 4, ..Numbers::default() };
        let line = status(Duration::from_secs(83), &numbers, 29);
        assert!(line.starts_with("  1:23   31 programs at work   29 grants out"), "{line}");
        assert!(!line.contains('\n') && line.contains("4 denied"), "{line}");
    }
}
