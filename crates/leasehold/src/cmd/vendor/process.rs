//! `leasehold vendor process`: a request file in, a response file out.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use leasehold_proto::backoffice::v1::ProcessFileRequest;
use serde::Serialize;

use super::connection::{OneArgs, print_one};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The request file, in either form
    #[arg(value_name = "IN")]
    request: PathBuf,
    /// Write the response file there
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    /// Write it as text that survives mail
    #[arg(long)]
    armored: bool,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    one: OneArgs,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let file = std::fs::read(&args.request)
        .map_err(|error| Failure::error(format!("{} cannot be read: {error}", args.request.display())))?;
    if !args.force && args.out.exists() {
        return Err(is_there(&args.out));
    }
    let staff = args.one.server.connect().await?;
    let request = ProcessFileRequest { file, armored: args.armored };
    let answer = staff.call(staff.stub().process_file(request)).await?;
    write(&args.out, &answer.file, args.force)?;
    let row = ResponseRow {
        file: args.out.display().to_string(),
        license_server_id: answer.license_server_id,
        bundle_sequence: answer.bundle_sequence,
    };
    print_one(row, args.one.output)
}

fn write(path: &Path, content: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    if force {
        options.write(true).create(true).truncate(true);
    } else {
        options.write(true).create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::error(format!("{} cannot be written: {error}", path.display())),
    })
}

fn is_there(path: &Path) -> Failure {
    let text = format!(
        "{} is there already, and nothing is overwritten; give another --out, or --force",
        path.display()
    );
    Failure::new(Exit::Conflict, text)
}

/// A response file that was written.
#[derive(Serialize)]
struct ResponseRow {
    file: String,
    license_server_id: String,
    bundle_sequence: u64,
}

impl Row for ResponseRow {
    const NAME: &'static str = "responses";
    const COLUMNS: &'static [Column] = &[left("FILE"), left("LICENCE SERVER"), right("BUNDLE")];
    const EMPTY: &'static str = "Nothing was written.";

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone(), self.license_server_id.clone(), self.bundle_sequence.to_string()]
    }
}
