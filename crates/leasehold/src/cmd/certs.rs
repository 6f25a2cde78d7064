//! `leasehold certs`: a CA and certificates for a system of one's own.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use leasehold::certs::{
    Authority, CA, CA_DAYS, CALLERS, CertsError, DEFAULT_DAYS, Layout, Pair, SERVICES, Standing, Validity,
    hosts,
};
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
    /// A folder for each certificate, NAME/tls.crt, NAME/tls.key and NAME/ca.crt: as in Kubernetes' TLS secrets
    #[arg(long)]
    folders: bool,
    /// Keep what is there, and make what is missing, ends within a third of its time, or lacks a name
    ///
    /// New certificates come from the CA that is there. Run it as often as you like.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    files: Files,
}

/// What is to be made.
struct Wanted {
    directory: PathBuf,
    layout: Layout,
    hosts: Vec<String>,
    now: Timestamp,
    ca_validity: Validity,
    validity: Validity,
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    let Command::Init(args) = command;
    let keep = args.keep;
    let wanted = Wanted::of(args)?;
    let there = wanted.there();
    if there.is_empty() {
        wanted.make(&NAMES, &wanted.new_ca()?)?;
        return print(&told(&wanted));
    }
    if !keep {
        let text = format!(
            "{} is there already, and nothing is overwritten; give another directory with --out, or make what is \
             missing there with --keep",
            there[0].display()
        );
        return Err(Failure::new(Exit::Conflict, text));
    }
    let authority = wanted.ca_that_is_there()?;
    let due: Vec<&str> = NAMES.into_iter().filter(|name| wanted.is_due(name)).collect();
    wanted.make(&due, &authority)?;
    for name in NAMES {
        wanted.layout.show_ca(&wanted.directory, name, authority.certificate()).map_err(Failure::error)?;
    }
    print(&match due.as_slice() {
        [] => format!("Every certificate in {} will do; nothing was made.\n", wanted.directory.display()),
        due => format!(
            "Made in {}, good until {}: {}.\n",
            wanted.directory.display(),
            wanted.validity.until,
            due.join(", ")
        ),
    })
}

/// Whoever gets a certificate of the CA's.
const NAMES: [&str; SERVICES.len() + CALLERS.len()] = {
    let [licensing, updates, sync, gateway, backoffice] = SERVICES;
    let [admin, client] = CALLERS;
    [licensing, updates, sync, gateway, backoffice, admin, client]
};

impl Wanted {
    fn of(args: Args) -> Result<Self, Failure> {
        let config = args.files.load(Vec::new())?;
        let advertised = config.runtime.advertised_addresses.iter().map(|address| host(address));
        let hosts = hosts(args.names.into_iter().map(|name| host(&name)).chain(advertised));
        let now = SystemClock::new().now();
        let ca_validity = Validity::days(now, CA_DAYS.max(args.days)).map_err(Failure::error)?;
        let validity = Validity::days(now, args.days).map_err(Failure::error)?;
        let layout = if args.folders { Layout::Folders } else { Layout::Files };
        Ok(Self { directory: args.out, layout, hosts, now, ca_validity, validity })
    }

    /// What is there of all the files.
    fn there(&self) -> Vec<PathBuf> {
        let names = [CA].into_iter().chain(NAMES);
        let paths = names.flat_map(|name| {
            [self.layout.certificate(&self.directory, name), self.layout.key(&self.directory, name)]
        });
        paths.filter(|path| path.exists()).collect()
    }

    fn new_ca(&self) -> Result<Authority, Failure> {
        // Nothing is written before it is sure that the names are good.
        let authority = Authority::new("Leasehold CA", self.ca_validity).map_err(Failure::error)?;
        self.issue(&authority, SERVICES[0]).map_err(Failure::error)?;
        self.folder_of(CA)?;
        self.layout.write(&self.directory, CA, &authority.pair()).map_err(Failure::error)?;
        Ok(authority)
    }

    /// The CA whose files are there.
    fn ca_that_is_there(&self) -> Result<Authority, Failure> {
        let (certificate, key) =
            (self.layout.certificate(&self.directory, CA), self.layout.key(&self.directory, CA));
        let [certificate_text, key_text] = [&certificate, &key].map(|path| {
            fs::read_to_string(path).map_err(|error| {
                let text = format!(
                    "{} cannot be read: {error}; nothing can be made without the CA that made the others: put its \
                     files back, or begin anew in an empty directory",
                    path.display()
                );
                Failure::new(Exit::Conflict, text)
            })
        });
        let (certificate_text, key_text) = (certificate_text?, key_text?);
        let place = format!("{} and {}", certificate.display(), key.display());
        let unusable = |error: CertsError| Failure::error(format!("{place} are no CA: {error}"));
        Authority::read(certificate_text, &key_text).map_err(unusable)
    }

    /// Whether a certificate has to be made: it is missing, cannot be read, ends soon, or lacks a name.
    fn is_due(&self, name: &str) -> bool {
        let hosts: &[String] = if SERVICES.contains(&name) { &self.hosts } else { &[] };
        let text = fs::read_to_string(self.layout.certificate(&self.directory, name)).ok();
        let standing = text.and_then(|text| Standing::read(&text));
        let will_do = standing.is_some_and(|standing| standing.will_do(self.now, hosts));
        !will_do || !self.layout.key(&self.directory, name).is_file()
    }

    fn make(&self, names: &[&str], authority: &Authority) -> Result<(), Failure> {
        for name in names {
            let pair = self.issue(authority, name).map_err(Failure::error)?;
            self.folder_of(name)?;
            self.layout.replace(&self.directory, name, &pair).map_err(Failure::error)?;
            self.layout.show_ca(&self.directory, name, authority.certificate()).map_err(Failure::error)?;
        }
        Ok(())
    }

    fn issue(&self, authority: &Authority, name: &str) -> Result<Pair, CertsError> {
        if SERVICES.contains(&name) {
            authority.service(name, &self.hosts, self.validity)
        } else {
            authority.caller(name, self.validity)
        }
    }

    fn folder_of(&self, name: &str) -> Result<(), Failure> {
        let path = self.layout.key(&self.directory, name);
        let folder = path.parent().expect("the layout puts files into a directory");
        fs::create_dir_all(folder).map_err(|error| {
            Failure::error(format!("{} cannot be made: {error}; check the path", folder.display()))
        })
    }
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

fn told(wanted: &Wanted) -> String {
    let Wanted { directory, layout, hosts, validity, .. } = wanted;
    let certificate = |name: &str| layout.certificate(directory, name);
    let mut text = format!("Wrote to {}, the keys readable for their owner alone:\n", directory.display());
    let mut list = |name: &str, what: &str| {
        let file = certificate(name);
        let file = file.strip_prefix(directory).unwrap_or(&file).display().to_string();
        let _ = writeln!(text, "  {file:<19} {what}");
    };
    list(CA, "the CA; its key signs new certificates, keep it off the servers");
    for name in SERVICES {
        list(name, &format!("the service {name}"));
    }
    list("admin", "for administrators' commands");
    list("client", "for programs, where `tls.client_auth` is \"required\"");
    let _ = write!(
        text,
        "Good until {} for {}.\n\nNext, in the configuration of licensing:\n  [tls]\n  certificate = {:?}\n  key = {:?}\n  \
         client_ca = {:?}\nand for administrators:\n  export LEASEHOLD_CA={ca} LEASEHOLD_CERT={cert} LEASEHOLD_KEY={key}\n",
        validity.until,
        hosts.join(", "),
        certificate("licensing").display().to_string(),
        layout.key(directory, "licensing").display().to_string(),
        layout.ca(directory, "licensing").display().to_string(),
        ca = layout.ca(directory, "admin").display(),
        cert = certificate("admin").display(),
        key = layout.key(directory, "admin").display(),
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
