//! `leasehold sync export`: writes a request file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use leasehold_proto::sync::v1::ExportSyncDataRequest;

use super::super::settings::folder_of;
use super::connection::ServerArgs;
use crate::exit::{Exit, Failure};
use crate::output::say;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to write the file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write text that survives mail, instead of bytes
    #[arg(long)]
    armored: bool,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    // Before the request is made: it could not be had again.
    if !args.force && std::fs::exists(&args.file).unwrap_or(false) {
        return Err(taken(&args.file));
    }
    folder_of(&args.file)?;
    let service = args.server.connect().await?;
    let request = ExportSyncDataRequest { instance: args.server.instance, armored: args.armored };
    let answer = service
        .call(request, |mut stub, request| async move { stub.export_sync_data(request).await })
        .await?;
    write(&args.file, &answer.file, args.force)?;
    say(&format!(
        "Wrote request {} to {}. Send it to the vendor, and take the answer with `leasehold sync import FILE`.",
        answer.number,
        args.file.display()
    ));
    Ok(())
}

fn write(path: &Path, content: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(force).create(force).create_new(!force);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => taken(path),
        _ => Failure::error(format!("{} cannot be written: {error}; export again elsewhere", path.display())),
    };
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
}

fn taken(path: &Path) -> Failure {
    let text = format!("{} is there already; give another file, or --force to overwrite it", path.display());
    Failure::new(Exit::Conflict, text)
}
