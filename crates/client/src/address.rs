//! Where a licence server is: a host name or an IP address, and a port. Names are not looked up here.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The port of the licensing service where none is given.
pub const DEFAULT_PORT: u16 = 16770;

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A licence server's host and port.
///
/// Read from `HOST` or `HOST:PORT`, where the host is a name (`licences`, `licences.example.com`,
/// `localhost`), an IPv4 address or an IPv6 address; the latter stands in brackets where a port follows.
/// Shown with its port always.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    host: Box<str>,
    port: u16,
}

/// Why a text is not a server's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is given.
    #[error("no licence server is given; write its host name or IP address, like licences.example.com")]
    Empty,
    /// It has a scheme.
    #[error(
        "{text:?} is a URL; give the host name or IP address alone, like licences.example.com:{DEFAULT_PORT}"
    )]
    Url {
        /// What was given.
        text: String,
    },
    /// What follows the colon is not a port.
    #[error(
        "{port:?} in {text:?} is not a port; give 1 to 65535, or leave it out with its colon for {DEFAULT_PORT}"
    )]
    Port {
        /// What was given.
        text: String,
        /// The part after the colon.
        port: String,
    },
    /// It looks like an IPv4 address and is none.
    #[error("{text:?} is not an IPv4 address; give four numbers from 0 to 255 with dots, like 10.0.0.5")]
    Ipv4 {
        /// The host.
        text: String,
    },
    /// It looks like an IPv6 address and is none.
    #[error(
        "{text:?} is not an IPv6 address; write it like 2001:db8::5, or with a port like [2001:db8::5]:{DEFAULT_PORT}"
    )]
    Ipv6 {
        /// What was given.
        text: String,
    },
    /// A host name with something in it that names cannot have.
    #[error("{text:?} is not a host name: {problem}; write it like licences.example.com")]
    Name {
        /// The host.
        text: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl ServerAddress {
    /// This machine, on the default port.
    pub fn localhost() -> Self {
        Self { host: "localhost".into(), port: DEFAULT_PORT }
    }

    /// The host, a name or an IP address without a port, and a port of 1 to 65535.
    pub fn new(host: &str, port: u16) -> Result<Self, AddressError> {
        if port == 0 {
            return Err(AddressError::Port { text: host.to_owned(), port: "0".to_owned() });
        }
        if host.contains(':') {
            return ipv6(host, host).map(|host| Self { host, port });
        }
        Ok(Self { host: name(host)?, port })
    }

    /// The host; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    /// Blanks around the address are passed over.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.contains("://") {
            return Err(AddressError::Url { text: text.to_owned() });
        }
        let (host, port) = split(text)?;
        Self::new(host, port)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(formatter, "[{}]:{}", self.host, self.port);
        }
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for ServerAddress {
    /// The zone of an IPv6 address is left out.
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string().into(), port: address.port() }
    }
}

/// The host without brackets, and the port.
fn split(text: &str) -> Result<(&str, u16), AddressError> {
    let not_ipv6 = || AddressError::Ipv6 { text: text.to_owned() };
    if let Some(bracketed) = text.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or_else(not_ipv6)?;
        // Brackets around anything else would be taken for a name.
        ipv6(host, text)?;
        return match rest.strip_prefix(':') {
            Some(digits) => Ok((host, port(text, digits)?)),
            None if rest.is_empty() => Ok((host, DEFAULT_PORT)),
            None => Err(not_ipv6()),
        };
    }
    match text.split_once(':') {
        None => Ok((text, DEFAULT_PORT)),
        Some((_, rest)) if rest.contains(':') => Ok((text, DEFAULT_PORT)),
        Some((host, digits)) => Ok((host, port(text, digits)?)),
    }
}

fn port(text: &str, digits: &str) -> Result<u16, AddressError> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| plain && *port != 0);
    port.ok_or_else(|| AddressError::Port { text: text.to_owned(), port: digits.to_owned() })
}

fn ipv6(host: &str, text: &str) -> Result<Box<str>, AddressError> {
    let address: Ipv6Addr = host.parse().map_err(|_| AddressError::Ipv6 { text: text.to_owned() })?;
    Ok(address.to_string().into())
}

/// An IPv4 address or a host name.
fn name(host: &str) -> Result<Box<str>, AddressError> {
    let refuse = |problem| AddressError::Name { text: host.to_owned(), problem };
    let labels = host.strip_suffix('.').unwrap_or(host);
    if labels.is_empty() {
        return Err(refuse("it is empty"));
    }
    if !host.is_ascii() {
        return Err(refuse("it has letters beyond ASCII; give its `xn--` form"));
    }
    if labels.len() > MAX_NAME {
        return Err(refuse("it is longer than 253 characters"));
    }
    for label in labels.split('.') {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !label.bytes().all(allowed) {
            return Err(refuse("only letters, digits, `-`, `_` and dots are allowed"));
        }
        if label.is_empty() || label.len() > MAX_LABEL {
            return Err(refuse("each part between dots has 1 to 63 characters"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(refuse("no part may begin or end with `-`"));
        }
    }
    // No top-level domain is a number, so such a host can only be meant as an address.
    let last = labels.rsplit('.').next().unwrap_or(labels);
    if last.bytes().all(|byte| byte.is_ascii_digit()) && host.parse::<Ipv4Addr>().is_err() {
        return Err(AddressError::Ipv4 { text: host.to_owned() });
    }
    Ok(host.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_every_kind_are_read_and_the_port_is_optional() {
        for (text, shown) in [
            ("localhost", "localhost:16770"),
            (" licences.example.com\n", "licences.example.com:16770"),
            ("licences.example.com.:443", "licences.example.com.:443"),
            ("build_7", "build_7:16770"),
            ("10.0.0.5", "10.0.0.5:16770"),
            ("10.0.0.5:16771", "10.0.0.5:16771"),
            ("::1", "[::1]:16770"),
            ("2001:DB8:0::5", "[2001:db8::5]:16770"),
            ("[::1]", "[::1]:16770"),
            ("[2001:db8::5]:1", "[2001:db8::5]:1"),
        ] {
            let address: ServerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown, "{text:?}");
            assert_eq!(shown.parse::<ServerAddress>().unwrap(), address, "what is shown can be read");
        }
        let address: ServerAddress = "[::1]:7".parse().unwrap();
        assert_eq!((address.host(), address.port()), ("::1", 7));
        assert_eq!(ServerAddress::from(SocketAddr::from(([127, 0, 0, 1], 9))).to_string(), "127.0.0.1:9");
    }

    #[test]
    fn errors_say_what_is_wrong_and_what_to_write() {
        for (text, part) in [
            ("  ", "no licence server is given"),
            ("http://licences", "is a URL"),
            ("licences:", "\"\" in \"licences:\" is not a port"),
            ("licences:0", "give 1 to 65535"),
            ("licences:65536", "give 1 to 65535"),
            ("licences:+5", "\"+5\" in \"licences:+5\" is not a port"),
            ("[::1]:x", "is not a port"),
            ("[::1", "is not an IPv6 address"),
            ("[::1]5", "is not an IPv6 address"),
            ("[licences]:5", "is not an IPv6 address"),
            ("fe80::1%eth0", "is not an IPv6 address"),
            ("1:2:3", "like [2001:db8::5]:16770"),
            ("10.0.0.256", "is not an IPv4 address"),
            ("10.0.5", "is not an IPv4 address"),
            (":16770", "it is empty"),
            ("licences/x", "only letters, digits"),
            ("kim@licences", "only letters, digits"),
            ("bücher.example", "xn--"),
            ("a..b", "1 to 63 characters"),
            ("-a.example", "begin or end with `-`"),
        ] {
            let error = text.parse::<ServerAddress>().unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        let long = "a.".repeat(130);
        assert!(matches!(long.parse::<ServerAddress>(), Err(AddressError::Name { .. })));
        assert!(ServerAddress::new("licences", 0).is_err());
    }
}
