//! `leasehold run`: a program that holds a licence while it runs.
//!
//! The grant is returned however the program ends. What the program does without a licence is its own affair,
//! unless `--on-lost stop` asks to end it.

mod signals;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use leasehold_client::{Checkout, Client, Guard, ReleaseError, State};
use leasehold_domain::{HostId, MAX_COUNT};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::connection::ServerArgs;
use crate::exit::{Exit, Failure};
use crate::output::say;
use signals::{Signal, Signals};

/// How long a grant may take to be returned when the program has ended.
const RETURN_TIMEOUT: Duration = Duration::from_secs(10);
/// For so long no signal keeps it from being returned: the one that ended the program often comes twice.
const UNINTERRUPTED: Duration = Duration::from_secs(3);
/// How long an interrupted checkout may take to be answered, so that its grant can be returned.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// What shells return for a program that may not be run, and for one that is not there.
const NOT_EXECUTABLE: u8 = 126;
const NO_SUCH_PROGRAM: u8 = 127;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The feature to check out
    feature: String,
    /// The lowest version that will do; any where it is left out
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// How many counts
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_COUNT))]
    count: u64,
    /// Name this device: VALUE/TYPE, or VALUE for type STRING; this machine's own ids where it is left out
    #[arg(long, value_name = "HOSTID")]
    hostid: Option<HostId>,
    /// What to do when the licence is lost for good while the program runs
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    on_lost: OnLost,
    /// Keep the last good answer in this directory, to start by it when the server is out of reach; else
    /// `LEASEHOLD_ANSWERS`
    ///
    /// One process uses it at a time. It needs the vendor's root key: in the connection file, or in
    /// `LEASEHOLD_VENDOR_ROOT`.
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// What happens to the program when its licence is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum OnLost {
    /// Say so and let the program run.
    #[default]
    Warn,
    /// Say so and send the program SIGTERM.
    Stop,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::error(format!("signals cannot be received: {error}")))?;
    let mut options = args.server.options()?;
    options.hostids.extend(args.hostid.clone());
    if args.answers.is_some() {
        options.answers.clone_from(&args.answers);
    }
    if options.answers.is_some() && options.vendor_root.is_none() {
        let text = "answers are to be kept (--answers, LEASEHOLD_ANSWERS) and there is no vendor's root key, so none could \
                    be believed later; give the connection file a `vendor_root`, or set LEASEHOLD_VENDOR_ROOT";
        return Err(Failure::new(Exit::Usage, text));
    }
    let client = Client::connect(options).await.map_err(Failure::error)?;
    let guard = match check_out(&client, &args, &mut signals).await? {
        Ok(guard) => guard,
        Err(signal) => return Ok(signal.exit_code()),
    };
    let state = guard.state();
    if matches!(state, State::Offline { .. } | State::Grace) {
        say(&format!("leasehold: {}: {state}", guard.feature()));
    }
    let code = match start(&args, &guard) {
        Ok(child) => supervise(child, &guard, args.on_lost, &mut signals).await,
        Err(code) => Ok(code),
    };
    give_back(guard, &mut signals).await;
    code
}

/// Checks the feature out; a signal meanwhile ends the attempt, and returns what it may have brought.
async fn check_out(
    client: &Client,
    args: &Args,
    signals: &mut Signals,
) -> Result<Result<Guard, Signal>, Failure> {
    let mut wanted = Checkout::new(&args.feature).count(args.count);
    if let Some(version) = &args.version {
        wanted = wanted.version(version);
    }
    let checkout = client.checkout(wanted);
    tokio::pin!(checkout);
    tokio::select! {
        answer = &mut checkout => Ok(Ok(answer?)),
        signal = signals.next() => {
            if let Ok(Ok(guard)) = timeout(ANSWER_TIMEOUT, checkout).await {
                give_back(guard, signals).await;
            }
            Ok(Err(signal))
        }
    }
}

/// Starts the program; on failure says why and gives the exit code that shells use.
fn start(args: &Args, guard: &Guard) -> Result<Child, ExitCode> {
    let (program, arguments) = args.program.split_first().expect("the command line requires a program");
    let started = Command::new(program)
        .args(arguments)
        .env("LEASEHOLD_FEATURE", guard.feature())
        .env("LEASEHOLD_GRANT_ID", guard.grant_id().to_string())
        .spawn();
    started.map_err(|error| {
        let name = program.display();
        if error.kind() == ErrorKind::NotFound {
            say(&format!("error: there is no program {name}; check its name and PATH"));
            return NO_SUCH_PROGRAM.into();
        }
        say(&format!("error: {name} cannot be started: {error}"));
        NOT_EXECUTABLE.into()
    })
}

/// Waits for the program to end; passes signals on to it and tells people how its licence stands.
async fn supervise(
    mut child: Child,
    guard: &Guard,
    on_lost: OnLost,
    signals: &mut Signals,
) -> Result<ExitCode, Failure> {
    let mut watch = guard.watch();
    let mut watching = true;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let status = ended.map_err(|error| {
                    Failure::error(format!("the program's end cannot be learned: {error}"))
                })?;
                return Ok(exit_code(status));
            }
            signal = signals.next() => {
                if !signal.reaches_the_program_itself() {
                    signal.send_to(&child);
                }
            }
            changed = watch.changed(), if watching => {
                if changed.is_err() {
                    watching = false;
                    continue;
                }
                let state = *watch.borrow_and_update();
                say(&format!("leasehold: {}: {state}", guard.feature()));
                if matches!(state, State::Lost(_)) {
                    watching = false;
                    if on_lost == OnLost::Stop {
                        Signal::Terminate.send_to(&child);
                    }
                }
            }
        }
    }
}

/// The program's exit code; 128 and the signal's number where one killed it, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None::<i32>;
    let code = status.code().or(signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Returns the grant. What cannot be returned now the server takes back when its lease has run out.
async fn give_back(guard: Guard, signals: &mut Signals) {
    if matches!(guard.state(), State::Lost(_)) {
        return;
    }
    let feature = guard.feature().to_owned();
    let release = timeout(RETURN_TIMEOUT, guard.release());
    tokio::pin!(release);
    let outcome = match timeout(UNINTERRUPTED, &mut release).await {
        Ok(outcome) => Some(outcome),
        Err(_) => tokio::select! {
            outcome = release => Some(outcome),
            _ = signals.next() => None,
        },
    };
    let problem = match outcome {
        Some(Ok(Ok(()))) => return,
        Some(Ok(Err(error @ ReleaseError::NotHeld { .. }))) => {
            say(&format!("leasehold: {feature}: {error}"));
            return;
        }
        Some(Ok(Err(error))) => error.to_string(),
        Some(Err(_)) => "the server did not answer in time".to_owned(),
        None => "interrupted".to_owned(),
    };
    say(&format!(
        "leasehold: {feature} was not returned ({problem}); the server takes it back when its lease runs out"
    ));
}
