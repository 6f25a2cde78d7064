//! `leasehold client-config`: the connection file that clients and installers get.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use leasehold::Config;
use leasehold_client::{ConnectionFile, ServerAddress, VerifyingKey};
use uuid::Uuid;

use super::settings::Files;
use crate::exit::{Exit, Failure};
use crate::output::print;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the file there; to standard output where it is left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// An address that clients call the server by; may be given several times, best first
    ///
    /// Without it, `runtime.advertised_addresses`, and without those `licensing.listen`.
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<ServerAddress>,
    /// The CA of the server's certificate, a PEM file; `tls.client_ca` where it is left out
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The vendor's root key, 64 hexadecimal digits; clients believe no answer then behind which it does not stand
    #[arg(long, value_name = "KEY")]
    vendor_root: Option<VerifyingKey>,
    /// The id that the vendor gave to this licence server; clients believe no other server's answers then
    #[arg(long, value_name = "UUID", requires = "vendor_root")]
    license_server_id: Option<Uuid>,
    #[command(flatten)]
    files: Files,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let config = args.files.load(Vec::new())?;
    let addresses = match args.addresses.as_slice() {
        [] => addresses(&config)?,
        given => given.to_vec(),
    };
    let mut file = ConnectionFile::new(&addresses, ca(&config, args.ca)?);
    file.vendor_root = args.vendor_root.map(|root| root.to_string());
    file.license_server_id = args.license_server_id.map(|id| id.to_string());
    let text = file.to_json();
    let Some(path) = args.out else { return print(&text) };
    if !write_new(&path, &text)? {
        let text =
            format!("{} is there already, and nothing is overwritten; give another --out", path.display());
        return Err(Failure::new(Exit::Conflict, text));
    }
    print(&format!(
        "Wrote {}. Clients use it with `LEASEHOLD_SERVER={}` or `--server {}`.\n",
        path.display(),
        path.display(),
        path.display()
    ))
}

/// Where clients can reach the server that is configured so.
pub(super) fn addresses(config: &Config) -> Result<Vec<ServerAddress>, Failure> {
    let listen = config.licensing.listen;
    match config.runtime.advertised_addresses.as_slice() {
        [] if listen.ip().is_unspecified() => Err(Failure::error(
            "it is not known by what name clients reach this server; set `runtime.advertised_addresses`, or give \
             --address",
        )),
        [] if listen.port() == 0 => Err(Failure::error(
            "`licensing.listen` leaves the port open; set a port there, or give --address",
        )),
        [] if listen.ip().is_loopback() => {
            Ok(vec![ServerAddress::new("localhost", listen.port()).map_err(Failure::error)?])
        }
        [] => Ok(vec![listen.into()]),
        advertised => advertised.iter().map(|address| address.parse().map_err(Failure::error)).collect(),
    }
}

/// The CA's certificate, where the server speaks TLS.
fn ca(config: &Config, given: Option<PathBuf>) -> Result<Option<String>, Failure> {
    let path = match (given, &config.tls.certificate) {
        (Some(given), _) => given,
        (None, None) => return Ok(None),
        (None, Some(_)) => config.tls.client_ca.clone().ok_or_else(|| {
            Failure::error("it is not known whose CA the server's certificate is from; give it with --ca")
        })?,
    };
    let read = std::fs::read_to_string(&path);
    let text = read.map_err(|error| Failure::error(format!("{} cannot be read: {error}", path.display())))?;
    if text.contains("PRIVATE KEY") {
        let text = format!(
            "{} holds a private key, which no client may have; give the certificate alone",
            path.display()
        );
        return Err(Failure::error(text));
    }
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Failure::error(format!("{} holds no certificate in PEM form", path.display())));
    }
    Ok(Some(text))
}

/// Writes a file, unless there is one; says whether it did.
pub(super) fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    let failed = |error| Failure::error(format!("{} cannot be written: {error}", path.display()));
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(true)
}
