//! `leasehold service install` and `uninstall`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leasehold::Config;
use leasehold::app;
use leasehold_runtime::SystemClock;
use tempfile::NamedTempFile;

use super::super::settings::Files;
use super::place::{Which, user_folder};
use super::unit::{Account, Data, Unit};
use crate::exit::{Exit, Failure};
use crate::output::{print, say};

/// The configuration file that every command reads where none is given.
const CONFIG_FILE: &str = "leasehold.toml";
/// What a stop takes besides the grace of calls in flight, in seconds.
const STOP_BESIDES: u64 = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Read this configuration file; may be given several times, later ones overrule earlier ones
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Keep the data there; a service of the system needs `--run-as` with it
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Run as this user, and not as one that is there only while the service runs
    #[arg(long, value_name = "USER", conflicts_with = "user", value_parser = user)]
    run_as: Option<String>,
    /// The program to run; this one where it is left out
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Only print the unit, and change nothing
    #[arg(long, visible_alias = "dry-run")]
    print: bool,
    /// Replace a unit that is there
    #[arg(long)]
    force: bool,
}

fn user(text: &str) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    Err("give the name of a user of this machine".to_owned())
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    // What every command reads where none is given, a service would not find.
    let implied = Path::new(CONFIG_FILE);
    let named =
        if args.files.is_empty() && implied.exists() { vec![implied.to_owned()] } else { args.files.clone() };
    let files = named.iter().map(|file| absolute(file)).collect::<Result<Vec<_>, _>>()?;
    let config = Files::of(files.clone()).load(Vec::new())?;
    if !config.postgres.url.is_empty() {
        let text = "postgres.url is set, and this command is for servers with a data directory; on a database run \
                    `leasehold serve` as your deployment does";
        return Err(Failure::new(Exit::Usage, text));
    }
    let unit = unit(&args, files, &config)?;
    if args.print {
        return print(&unit.text());
    }
    let file = args.which.file()?;
    let there = fs::read_to_string(&file).ok();
    let same = there.as_deref() == Some(&unit.text());
    if there.is_some() && !same && !args.force {
        let text = format!(
            "{} is there already and differs; nothing was changed; --print shows the new one, --force replaces it",
            file.display()
        );
        return Err(Failure::new(Exit::Conflict, text));
    }
    // Whether there is somebody to tell is known before anything is made.
    let manager = args.which.manager();
    if args.which.root.is_none() {
        manager.run(&["show-environment"])?;
    }
    let data = args.which.below_root(&unit.data.path());
    match &unit.account {
        // Nobody but its user can make it so that it is its user's.
        Account::Named(user) if matches!(unit.data, Data::Dir(_)) => data_of(&data, user)?,
        _ => make_data(&data).await?,
    }
    if !same {
        write(&file, &unit.text())?;
    }
    if args.which.root.is_none() {
        manager.run(&["daemon-reload"])?;
    }
    manager.run(&["enable", &args.which.unit()])?;
    tell(&args.which, &data);
    let other = absolute(&config.runtime.data_dir)?;
    if other != unit.data.path() && other.join("format").exists() {
        say(&format!("{} is a data directory too; this service does not use it.", other.display()));
    }
    Ok(())
}

/// Says what was installed, and how it is started.
fn tell(which: &Which, data: &Path) {
    let mut start = "leasehold service start".to_owned();
    if which.user {
        start += " --user";
    }
    if which.name != "leasehold" {
        start = format!("{start} --name {}", which.name);
    }
    say(&format!(
        "Installed {}, with its data in {}. It starts with {}; start it now:\n  {start}",
        which.unit(),
        data.display(),
        if which.user { "this user's session" } else { "the machine" },
    ));
}

pub(super) fn uninstall(which: &Which) -> Result<(), Failure> {
    let file = which.installed()?;
    let manager = which.manager();
    if which.root.is_none() {
        manager.run(&["disable", "--now", &which.unit()])?;
    } else {
        manager.run(&["disable", &which.unit()])?;
    }
    fs::remove_file(&file).map_err(|error| cannot(&file, &error))?;
    if which.root.is_none() {
        manager.run(&["daemon-reload"])?;
    }
    say(&format!("{} is gone. Its data and its configuration stay where they are.", which.unit()));
    Ok(())
}

fn unit(args: &Args, files: Vec<PathBuf>, config: &Config) -> Result<Unit, Failure> {
    let (data, account) = match (&args.data_dir, &args.run_as) {
        (Some(path), None) if !args.which.user => {
            let text = format!(
                "a service of the system runs as a user that is there only meanwhile and cannot own {}; give --run-as \
                 USER too, or leave --data-dir out: the data is in /var/lib/{} then",
                path.display(),
                args.which.name
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        (Some(path), None) => (Data::Dir(absolute(path)?), Account::Own),
        (Some(path), Some(user)) => (Data::Dir(absolute(path)?), Account::Named(user.clone())),
        (None, Some(user)) => (Data::State(args.which.name.clone()), Account::Named(user.clone())),
        (None, None) if args.which.user => {
            let folder = user_folder("XDG_STATE_HOME", ".local/state")?;
            (Data::Dir(folder.join(&args.which.name)), Account::Own)
        }
        (None, None) => (Data::State(args.which.name.clone()), Account::Dynamic),
    };
    let program = match &args.program {
        Some(path) => absolute(path)?,
        None => std::env::current_exe()
            .map_err(|error| Failure::error(format!("this program's own path cannot be learned: {error}")))?,
    };
    let listened = config.effective().iter().filter(|row| row.key.ends_with("listen"));
    let port = |address: &str| address.rsplit(':').next()?.parse().ok();
    let privileged_port =
        listened.filter_map(|row| port(&row.value)).any(|port: u16| (1..1024).contains(&port));
    let stop_within = config.runtime.shutdown_grace.as_secs() + STOP_BESIDES;
    Ok(Unit { program, files, data, account, privileged_port, stop_within })
}

/// Fails where a directory is no data directory yet.
fn data_of(path: &Path, user: &str) -> Result<(), Failure> {
    if path.join("format").exists() {
        return Ok(());
    }
    let text = format!(
        "{path} is no data directory yet; let {user} make it: `sudo -u {user} leasehold init --data-dir {path}`; nothing \
         was changed",
        path = path.display()
    );
    Err(Failure::error(text))
}

/// Makes the data directory, unless it is one; systemd gives it to the service's user.
async fn make_data(path: &Path) -> Result<(), Failure> {
    let made = app::create_data_dir(path, Arc::new(SystemClock::new())).await;
    made.map(drop)
        .map_err(|error| Failure::new(if error.is_taken() { Exit::Unavailable } else { Exit::Error }, error))
}

/// Writes the unit whole or not at all.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().expect("a unit is in a folder");
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut part = NamedTempFile::new_in(folder)?;
        part.write_all(text.as_bytes())?;
        #[cfg(unix)]
        part.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        part.as_file().sync_all()?;
        part.persist(file).map(drop).map_err(|error| error.error)
    });
    written.map_err(|error| cannot(file, &error))
}

fn cannot(file: &Path, error: &std::io::Error) -> Failure {
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    let (exit, advice) = if denied {
        (Exit::Denied, "run it as root, or make a service of this user with --user")
    } else {
        (Exit::Error, "check the path")
    };
    Failure::new(exit, format!("{} cannot be written: {error}; {advice}", file.display()))
}

/// The path from the root: a service has no directory that it starts in.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::new(Exit::Usage, format!("{} cannot be used: {error}", path.display())))
}
