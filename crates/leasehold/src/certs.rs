//! Certificates for a system of one's own: a CA, and a certificate for each service from it.
//!
//! Responsible for what stands in them and for writing them to files. Not responsible for when: the caller
//! gives the time. A CA lives only while its certificates are made; afterwards it is its files.

mod layout;
mod standing;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use leasehold_runtime::caller::SERVICE_URI;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, string::Ia5String,
};
use time::OffsetDateTime;

pub use layout::{CA, Layout};
pub use standing::Standing;

/// The services that get a certificate for both ends of a connection.
pub const SERVICES: [&str; 5] = ["licensing", "updates", "sync", "gateway", "backoffice"];
/// Who gets one to call with: administrators, and programs of a site that wants every caller to have one.
pub const CALLERS: [&str; 2] = ["admin", "client"];
/// How long a CA is good where nobody says otherwise, in days.
pub const CA_DAYS: u32 = 3_650;
/// How long a certificate is good where nobody says otherwise, in days: what the strictest published profile
/// for servers allows.
pub const DEFAULT_DAYS: u32 = 90;

/// Clocks of other machines may be behind by so much.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// Why a certificate cannot be made or written.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A name that no certificate can have.
    #[error("a certificate cannot have the name {name:?}; give host names and IP addresses, without a port")]
    Name {
        /// The name.
        name: String,
    },
    /// Beyond the calendar.
    #[error("certificates cannot be good for so long; give fewer days")]
    Time,
    /// The library failed.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A file is there already.
    #[error("{} is there already, and nothing is overwritten; give another directory, or remove it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written: {source}; check the path and its permissions", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// From when until when a certificate is good, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: Timestamp,
    /// The last one.
    pub until: Timestamp,
}

impl Validity {
    /// This many days, of which the first has begun a little before `now`.
    pub fn days(now: Timestamp, days: u32) -> Result<Self, CertsError> {
        // Certificates know whole seconds.
        let now = Timestamp::from_second(now.as_second()).map_err(|_| CertsError::Time)?;
        let from = now.checked_sub(BACKDATED).map_err(|_| CertsError::Time)?;
        // Both ends belong to it, so the last second of the last day is not taken.
        let length = SignedDuration::from_hours(i64::from(days) * 24) - SignedDuration::from_secs(1);
        let until = from.checked_add(length).map_err(|_| CertsError::Time)?;
        Ok(Self { from, until })
    }
}

/// A certificate and its private key, PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key, PKCS #8.
    pub key: String,
}

/// A CA while its certificates are made.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new CA of this name, with a key of its own.
    pub fn new(name: &str, validity: Validity) -> Result<Self, CertsError> {
        let mut params = params(name, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = key()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// The CA of these files' content, PEM: its certificate and its key.
    pub fn read(certificate: String, key: &str) -> Result<Self, CertsError> {
        let issuer = Issuer::from_ca_cert_pem(&certificate, KeyPair::from_pem(key)?)?;
        Ok(Self { certificate, issuer })
    }

    /// The CA's certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The CA's certificate and key.
    pub fn pair(&self) -> Pair {
        Pair { certificate: self.certificate.clone(), key: self.issuer.key().serialize_pem() }
    }

    /// A certificate that a service of this name serves with, under these hosts, and calls with.
    pub fn service(&self, name: &str, hosts: &[String], validity: Validity) -> Result<Pair, CertsError> {
        let both = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, hosts, validity, both)
    }

    /// A certificate to call with under this name.
    pub fn caller(&self, name: &str, validity: Validity) -> Result<Pair, CertsError> {
        self.issue(name, &[], validity, vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    fn issue(
        &self,
        name: &str,
        hosts: &[String],
        validity: Validity,
        purposes: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Pair, CertsError> {
        let mut params = params(name, validity)?;
        params.subject_alt_names.push(SanType::URI(text(&format!("{SERVICE_URI}{name}"))?));
        for host in hosts {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(text(host)?),
            });
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purposes;
        params.use_authority_key_identifier_extension = true;
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem() })
    }
}

impl Pair {
    /// Writes `NAME.pem` and `NAME-key.pem`, the key for its owner alone. Overwrites nothing.
    pub fn write(&self, directory: &Path, name: &str) -> Result<(), CertsError> {
        Layout::Files.write(directory, name, self)
    }
}

/// Where the certificate and the key of a name are, all of them side by side.
pub fn files(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (Layout::Files.certificate(directory, name), Layout::Files.key(directory, name))
}

/// The given hosts, once each, and this machine's own names of itself.
pub fn hosts(given: impl IntoIterator<Item = String>) -> Vec<String> {
    let own = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    let mut hosts: Vec<String> = Vec::new();
    for host in given.into_iter().chain(own) {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// A key on P-256: every TLS library of the last decade takes it.
fn key() -> Result<KeyPair, CertsError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn params(name: &str, validity: Validity) -> Result<CertificateParams, CertsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::OrganizationName, "Leasehold");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date(validity.from)?;
    params.not_after = date(validity.until)?;
    Ok(params)
}

fn date(time: Timestamp) -> Result<OffsetDateTime, CertsError> {
    OffsetDateTime::from_unix_timestamp(time.as_second()).map_err(|_| CertsError::Time)
}

fn text(name: &str) -> Result<Ia5String, CertsError> {
    let odd = |byte: u8| !byte.is_ascii_graphic();
    if name.is_empty() || name.bytes().any(odd) {
        return Err(CertsError::Name { name: name.to_owned() });
    }
    Ia5String::try_from(name).map_err(|_| CertsError::Name { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_good_for_no_more_than_its_days() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let validity = Validity::days(now, 90).unwrap();
        let (from, until) = (validity.from.to_string(), validity.until.to_string());
        assert_eq!((from.as_str(), until.as_str()), ("2026-03-01T11:00:00Z", "2026-05-30T10:59:59Z"));
        assert!(matches!(Validity::days(now, u32::MAX), Err(CertsError::Time)));
    }

    #[test]
    fn hosts_come_once_and_this_machine_is_among_them() {
        let given = ["licences.example.com", "::1", "licences.example.com"].map(str::to_owned);
        assert_eq!(hosts(given), ["licences.example.com", "::1", "localhost", "127.0.0.1"]);
    }

    #[test]
    fn odd_names_are_refused() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let validity = Validity::days(now, 1).unwrap();
        let authority = Authority::new("test", validity).unwrap();
        for odd in ["", "two words", "bücher.example"] {
            let refused = authority.service("licensing", &[odd.to_owned()], validity);
            assert!(matches!(refused, Err(CertsError::Name { name }) if name == odd));
        }
    }
}
