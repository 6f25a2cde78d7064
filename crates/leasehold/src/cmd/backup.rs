//! `leasehold backup`: a copy of an embedded server's data in one file, checked, and put back.

use std::path::{Path, PathBuf};

use leasehold::Config;
use leasehold::backup::{self, BackupError, CreateOptions, Entry, Index, RestoreOptions};
use leasehold_runtime::{Clock as _, SystemClock};
use leasehold_signing::sealed_file::{Identity, Recipient};
use serde::Serialize;
use zeroize::Zeroizing;

use super::settings::{DataDirFlag, Files, folder_of};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left, right, say};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write a backup; a server may be running
    Create(CreateArgs),
    /// Check every byte of a backup
    Verify {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Put a backup into a new or empty data directory
    Restore(RestoreArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Write the backup there
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Leave out the files of updates, which can be fetched from the vendor again
    #[arg(long)]
    without_artifacts: bool,
    /// Put the master key in, so that only the owner of `--recipient` can read it
    #[arg(long, requires = "recipient")]
    with_master_key: bool,
    /// Whom the master key is sealed for: `age1…`, as `age-keygen` prints it
    #[arg(long, value_name = "RECIPIENT", requires = "with_master_key")]
    recipient: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Take the master key out of the backup too, with the private key in this file: `AGE-SECRET-KEY-1…`
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Where the data directory is.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    data_dir: DataDirFlag,
}

impl Place {
    fn load(self) -> Result<Config, Failure> {
        let flags = self.data_dir.setting()?.into_iter().collect();
        self.files.load(flags)
    }
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args).await,
        Command::Restore(args) => restore(args).await,
        Command::Verify { file, output } => {
            let index = backup::verify(&file).map_err(|error| failure(&error))?;
            print(&index, output)?;
            say(&format!(
                "{} is good: every byte is the one that was written. Made {} by release {}.",
                file.display(),
                index.created_at,
                index.software_version
            ));
            Ok(())
        }
    }
}

async fn create(args: CreateArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    refuse_postgres(&config, &args.file)?;
    folder_of(&args.file)?;
    let recipient: Option<Recipient> =
        args.recipient.as_deref().map(str::parse).transpose().map_err(usage)?;
    let options = CreateOptions {
        config: &config,
        out: &args.file,
        force: args.force,
        artifacts: !args.without_artifacts,
        recipient,
        now: SystemClock::new().now(),
    };
    let told = |entry: &Entry| say(&format!("read {} ({})", entry.name, bytes(entry.size)));
    let index = backup::create(&options, told).await.map_err(|error| failure(&error))?;
    print(&index, args.output)?;
    if !index.has_master_key() {
        say(
            "The master key is not in it. Keep a copy of it elsewhere: without it the backup cannot be used.",
        );
    }
    Ok(())
}

async fn restore(args: RestoreArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    refuse_postgres(&config, &args.file)?;
    let identity = args.identity.as_deref().map(read_identity).transpose()?;
    let directory = config.runtime.data_dir.clone();
    let options = RestoreOptions { backup: &args.file, directory: &directory, identity: identity.as_ref() };
    let restored = backup::restore(&options).await.map_err(|error| failure(&error))?;
    print(&restored.index, args.output)?;
    let directory = directory.display();
    say(&format!("Restored {directory} to {}.", restored.index.created_at));
    if !restored.has_master_key && config.security.master_key().is_none() {
        say(&format!("Put its master key back first: {directory}/master.key."));
    }
    say(
        "Then start the server as always. It knows that it was restored, takes nothing back and lends nothing, until \
         `leasehold instance confirm-restored`.",
    );
    Ok(())
}

/// A server has tools of its own, which do it better.
fn refuse_postgres(config: &Config, file: &Path) -> Result<(), Failure> {
    if config.postgres.url.is_empty() {
        return Ok(());
    }
    let file = file.display();
    let text = format!(
        "licence state is in PostgreSQL (postgres.url), and this command is for data directories. Make the backup with \
         `pg_dump --format=custom --file={file} --dbname=DATABASE`, put it back into an empty database with \
         `pg_restore --exit-on-error --dbname=DATABASE {file}`, and then start with `leasehold serve --restored`"
    );
    Err(Failure::new(Exit::Usage, text))
}

/// The private key in a file as `age-keygen` writes it: one line, and comments.
fn read_identity(file: &Path) -> Result<Identity, Failure> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::error(format!("{} cannot be read: {error}", file.display())))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let wrong = |problem: &dyn std::fmt::Display| Failure::error(format!("{}: {problem}", file.display()));
    match (lines.next(), lines.next()) {
        (Some(line), None) => Identity::from_text(line).map_err(|error| wrong(&error)),
        _ => Err(wrong(&"expected one private key of sealed files, `AGE-SECRET-KEY-1…`")),
    }
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format!("--recipient: {error}"))
}

fn failure(error: &BackupError) -> Failure {
    let exit = if error.is_conflict() {
        Exit::Conflict
    } else if error.is_taken() {
        Exit::Unavailable
    } else {
        Exit::Error
    };
    Failure::new(exit, error)
}

fn print(index: &Index, output: Format) -> Result<(), Failure> {
    let rows: Vec<FileRow> = index.files.iter().map(|entry| FileRow(entry.clone())).collect();
    let total = rows.len() as u64;
    List { rows, total }.print(output)
}

/// A size for people.
fn bytes(size: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", size / unit, size % unit * 10 / unit),
        None => format!("{size} B"),
    }
}

/// A file of a backup.
#[derive(Serialize)]
#[serde(transparent)]
struct FileRow(Entry);

impl Row for FileRow {
    const NAME: &'static str = "files";
    const COLUMNS: &'static [Column] = &[left("FILE"), right("SIZE"), left("SHA-256")];
    const EMPTY: &'static str = "The backup is empty.";

    fn cells(&self) -> Vec<String> {
        vec![self.0.name.clone(), bytes(self.0.size), self.0.sha256.clone()]
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (size, told) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_600_000, "1.5 MiB")] {
            assert_eq!(super::bytes(size), told);
        }
    }
}
