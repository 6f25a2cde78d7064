//! How a certificate that is there already stands: how long it is good, and for which names.

use std::net::IpAddr;

use jiff::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;

/// What a certificate says of itself. Whether anybody believes it is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    from: i64,
    until: i64,
    hosts: Vec<String>,
}

impl Standing {
    /// Reads a certificate, PEM; `None` where that is none.
    pub fn read(certificate: &str) -> Option<Self> {
        let (_, pem) = parse_x509_pem(certificate.as_bytes()).ok()?;
        let (_, certificate) = parse_x509_certificate(&pem.contents).ok()?;
        let names = certificate.subject_alternative_name().ok()?;
        let names = names.iter().flat_map(|extension| &extension.value.general_names);
        let hosts = names.filter_map(|name| match name {
            GeneralName::DNSName(host) => Some((*host).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        });
        let validity = certificate.validity();
        let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        Some(Self { from, until, hosts: hosts.collect() })
    }

    /// From when it is good.
    pub fn from(&self) -> Timestamp {
        Timestamp::from_second(self.from).unwrap_or(Timestamp::MIN)
    }

    /// Until when it is good.
    pub fn until(&self) -> Timestamp {
        Timestamp::from_second(self.until).unwrap_or(Timestamp::MAX)
    }

    /// The host names and IP addresses that it is for.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Whether it is good for another third of its time, and for all these hosts.
    pub fn will_do(&self, now: Timestamp, hosts: &[String]) -> bool {
        let left = self.until.saturating_sub(now.as_second());
        let named = hosts.iter().all(|host| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)));
        named && left > self.until.saturating_sub(self.from) / 3
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Authority, Validity};
    use super::*;

    #[test]
    fn a_certificate_will_do_for_two_thirds_of_its_time_and_for_its_names() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let made = time("2026-03-01T12:00:00Z");
        let validity = Validity::days(made, 90).unwrap();
        let hosts = ["licensing", "10.0.0.5", "2001:db8::5"].map(str::to_owned);
        let authority = Authority::new("test", validity).unwrap();
        let pair = authority.service("licensing", &hosts, validity).unwrap();
        let standing = Standing::read(&pair.certificate).unwrap();
        assert!(standing.will_do(made, &hosts) && standing.will_do(time("2026-04-30T00:00:00Z"), &hosts));
        assert!(!standing.will_do(time("2026-05-01T00:00:00Z"), &hosts), "a third is left");
        assert!(!standing.will_do(time("2027-01-01T00:00:00Z"), &hosts));
        assert!(!standing.will_do(made, &["sync".to_owned()]));
        assert!(standing.will_do(made, &["LICENSING".to_owned()]));
        assert_eq!(Standing::read("-----BEGIN NOTHING-----"), None);
        let caller = Standing::read(&authority.caller("admin", validity).unwrap().certificate).unwrap();
        assert!(caller.will_do(made, &[]));
    }
}
