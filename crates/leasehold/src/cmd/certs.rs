//! `leasehold certs`: a CA and certificates for a system of one's own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use leasehold::certs::{Authority, CA_DAYS, CALLERS, DEFAULT_DAYS, Pair, SERVICES, Validity, files, hosts};
use leasehold_runtime::{Clock, SystemClock};

use super::settings::Files;
use crate::exit::{Exit, Failure};
use crate::output::print;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a CA, and a certificate from it for each service, for administrators and for clients
    Init(Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the files there; the directory is made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A host name or IP address that services are called by; may be given several times
    ///
    /// `runtime.advertised_addresses`, localhost and the loopback addresses are always among them.
    #[arg(long = "name", value_name = "HOST")]
    names: Vec<String>,
    /// For how many days the certificates are good; the CA is for ten years
    #[arg(long, default_value_t = DEFAULT_DAYS, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    #[command(flatten)]
    files: Files,
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    let Command::Init(args) = command;
    let config = args.files.load(Vec::new())?;
    let advertised = config.runtime.advertised_addresses.iter().map(|address| host(address));
    let hosts = hosts(args.names.into_iter().map(|name| host(&name)).chain(advertised));

    let now = SystemClock::new().now();
    let (ca_validity, validity) =
        (Validity::days(now, CA_DAYS.max(args.days)), Validity::days(now, args.days));
    let (ca_validity, validity) = (ca_validity.map_err(Failure::error)?, validity.map_err(Failure::error)?);
    let authority = Authority::new("Leasehold CA", ca_validity).map_err(Failure::error)?;
    let mut pairs: Vec<(&str, Pair)> = vec![("ca", authority.pair())];
    for name in SERVICES {
        pairs.push((name, authority.service(name, &hosts, validity).map_err(Failure::error)?));
    }
    for name in CALLERS {
        pairs.push((name, authority.caller(name, validity).map_err(Failure::error)?));
    }
    write(&args.out, &pairs)?;
    print(&told(&args.out, &hosts, validity))
}

/// The host of an address that may have a port.
fn host(address: &str) -> String {
    if address.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    if let Ok(socket) = address.parse::<std::net::SocketAddr>() {
        return socket.ip().to_string();
    }
    address.split(':').next().unwrap_or(address).to_owned()
}

/// Writes everything, or, where one of the files is there already, nothing.
fn write(directory: &Path, pairs: &[(&str, Pair)]) -> Result<(), Failure> {
    let paths = pairs.iter().flat_map(|(name, _)| <[_; 2]>::from(files(directory, name)));
    if let Some(there) = paths.into_iter().find(|path| path.exists()) {
        let text = format!(
            "{} is there already, and nothing is overwritten; give another directory with --out",
            there.display()
        );
        return Err(Failure::new(Exit::Conflict, text));
    }
    fs::create_dir_all(directory).map_err(|error| {
        Failure::error(format!("{} cannot be made: {error}; check the path", directory.display()))
    })?;
    pairs.iter().try_for_each(|(name, pair)| pair.write(directory, name)).map_err(Failure::error)
}

fn told(directory: &Path, hosts: &[String], validity: Validity) -> String {
    let mut text = format!(
        "Wrote to {}, the keys (NAME-key.pem) readable for their owner alone:\n",
        directory.display()
    );
    let _ =
        writeln!(text, "  ca.pem            the CA; its key signs new certificates, keep it off the servers");
    for name in SERVICES {
        let _ = writeln!(text, "  {:<17} the service {name}", format!("{name}.pem"));
    }
    let _ = writeln!(text, "  admin.pem         for administrators' commands");
    let _ = writeln!(text, "  client.pem        for programs, where `tls.client_auth` is \"required\"");
    let shown = |name: &str| directory.join(name).display().to_string();
    let _ = write!(
        text,
        "Good until {} for {}.\n\nNext, in the configuration of licensing:\n  [tls]\n  certificate = {:?}\n  key = {:?}\n  \
         client_ca = {:?}\nand for administrators:\n  export LEASEHOLD_CA={ca} LEASEHOLD_CERT={cert} LEASEHOLD_KEY={key}\n",
        validity.until,
        hosts.join(", "),
        shown("licensing.pem"),
        shown("licensing-key.pem"),
        shown("ca.pem"),
        ca = shown("ca.pem"),
        cert = shown("admin.pem"),
        key = shown("admin-key.pem"),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_a_name() {
        for (address, name) in [
            ("licences.example.com", "licences.example.com"),
            ("licences:16770", "licences"),
            ("10.0.0.5:7", "10.0.0.5"),
            ("2001:db8::5", "2001:db8::5"),
            ("[2001:db8::5]:7", "2001:db8::5"),
        ] {
            assert_eq!(host(address), name);
        }
    }
}
