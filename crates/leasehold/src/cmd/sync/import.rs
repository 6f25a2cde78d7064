//! `leasehold sync import`: takes a response file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use leasehold_proto::sync::v1::ImportLicenseFileRequest;

use super::connection::ServerArgs;
use super::exchange::ExchangeRow;
use crate::exit::{Exit, Failure};
use crate::output::Format;

/// Largest file in bytes.
const MAX: u64 = 32 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The vendor's file, or the text of its mail, as it came; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print what came of it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let file = read(&args.file)?;
    let service = args.server.connect().await?;
    let request = ImportLicenseFileRequest { instance: args.server.instance, file };
    let answer = service
        .call(request, |mut stub, request| async move { stub.import_license_file(request).await })
        .await?;
    ExchangeRow::of(&answer.exchange.unwrap_or_default()).print(args.output)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::error(format!("{} cannot be read: {error}", path.display()));
    let mut content = Vec::new();
    // One byte more than may be shows that there is more.
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX + 1).read_to_end(&mut content)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX + 1).read_to_end(&mut content))
    };
    read.map_err(unreadable)?;
    if content.len() as u64 > MAX {
        let text = format!("{} is no response file: it has more than {MAX} bytes", path.display());
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(content)
}
