//! `[gateway]` as the rest of the program reads it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use super::security::Tls;
use super::value;

/// `[gateway]`: the HTTP API and the console.
#[derive(Clone, Debug, Deserialize)]
pub struct Gateway {
    /// Where to serve HTTP; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub listen: SocketAddr,
    /// The certificate that browsers see, PEM; `None`: that of `[tls]`.
    #[serde(deserialize_with = "value::file")]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[serde(deserialize_with = "value::file")]
    pub key: Option<PathBuf>,
    /// Whose word counts about who asks, and over what.
    #[serde(deserialize_with = "value::networks")]
    pub trusted_proxies: Vec<Network>,
    /// How long a session outlives its last use.
    #[serde(deserialize_with = "value::session")]
    pub session_idle: SignedDuration,
    /// How long a session lasts.
    #[serde(deserialize_with = "value::session")]
    pub session_lifetime: SignedDuration,
    /// How long audit records are kept.
    #[serde(deserialize_with = "value::activity_retention")]
    pub audit_retention: SignedDuration,
    /// How long a request may take until its answer begins.
    #[serde(deserialize_with = "value::patience")]
    pub request_deadline: Duration,
}

impl Gateway {
    /// The certificates to serve with, and the keys that named them.
    pub fn tls(&self, shared: &Tls) -> (Tls, [&'static str; 2]) {
        if self.certificate.is_none() && self.key.is_none() {
            return (shared.clone(), ["tls.certificate", "tls.key"]);
        }
        let own = Tls { certificate: self.certificate.clone(), key: self.key.clone(), ..shared.clone() };
        (own, ["gateway.certificate", "gateway.key"])
    }
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits they have in common.
    bits: u8,
}

impl Network {
    /// The network of a text: `ADDRESS` or `ADDRESS/BITS`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u128::from(own.to_bits()), u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let rest = width - u32::from(self.bits);
        own.checked_shr(rest) == other.checked_shr(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        for (network, address, expected) in [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "a00::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe00::1", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
        ] {
            let parsed = Network::parse(network).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{network} {address}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/", "proxy"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
