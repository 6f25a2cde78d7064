//! Where a request comes from: the visitor's address, and whether what it sends can be overheard.
//!
//! A proxy's word counts only where the configuration trusts it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use leasehold_runtime::config::Network;
use leasehold_runtime::http::{Client, Problem};

use crate::state::Shared;

/// Who is at the other end, past the proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Whether the way from it is encrypted.
    pub(crate) secure: bool,
    /// Whether it is on this machine, and no proxy stands between.
    pub(crate) local: bool,
    /// The name and port that it called, as far as it says.
    pub(crate) host: Option<String>,
}

impl Visitor {
    fn of(parts: &Parts, trusted: &[Network]) -> Self {
        let client = parts.extensions.get::<Client>();
        let near =
            client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.address.ip().to_canonical());
        let tls = client.is_some_and(|client| client.tls);
        let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
        let host = authority.or_else(|| text(&parts.headers, "host"));
        let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        if !is_proxy(near) {
            return Self { address: near, secure: tls, local: near.is_loopback() && !tls, host };
        }
        // The last address that no proxy of ours has: what stands before it, anybody can have written.
        let forwarded = parts.headers.get_all("x-forwarded-for").iter();
        let forwarded = forwarded.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let said: Vec<&str> = forwarded.collect();
        let read = |hop: &&str| hop.trim().parse::<IpAddr>().ok().map(|hop| hop.to_canonical());
        let hops: Vec<IpAddr> = said.iter().rev().map_while(read).collect();
        let address =
            hops.iter().find(|hop| !is_proxy(**hop)).or_else(|| hops.last()).copied().unwrap_or(near);
        let scheme = text(&parts.headers, "x-forwarded-proto");
        let secure = scheme.map_or(tls, |scheme| scheme.eq_ignore_ascii_case("https"));
        let host = text(&parts.headers, "x-forwarded-host").or(host);
        Self { address, secure, local: false, host }
    }

    /// Refuses to take a secret that others can overhear.
    pub(crate) fn may_sign_in(&self) -> Result<(), Problem> {
        if self.secure || self.local {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "HTTPS_REQUIRED",
            "this connection is plain text, so that others could read the password and the session; set \
             `gateway.certificate` and `gateway.key` to a certificate and its key and come by https://, or name the proxy \
             that speaks HTTPS in `gateway.trusted_proxies`",
        ))
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    // Of several, the nearest proxy's.
    value.rsplit(',').next().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Infallible> {
        Ok(Self::of(parts, &state.config.trusted_proxies))
    }
}

/// Whether a request comes from a page of this server itself, or from no page at all, as far as the browser says. Source:
/// Fetch Metadata Request Headers, and RFC 6454.
pub(crate) fn is_own_page(headers: &HeaderMap, visitor: &Visitor) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
        // A program, or a browser from before: those say at least where a form comes from.
        None => true,
        Some(origin) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == visitor.host.as_deref()
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn visitor(near: &str, tls: bool, headers: &[(&str, &str)]) -> Visitor {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let address = format!("{near}:5").parse().unwrap();
        let request = request.extension(Client { address, tls }).body(()).unwrap();
        Visitor::of(&request.into_parts().0, &[Network::parse("10.0.0.0/8").unwrap()])
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let said = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https"), ("host", "here")];
        let stranger = visitor("192.0.2.1", false, &said);
        assert_eq!((stranger.address.to_string().as_str(), stranger.secure), ("192.0.2.1", false));
        assert!(stranger.may_sign_in().is_err());
        let proxied = visitor("10.0.0.7", false, &said);
        assert_eq!((proxied.address.to_string().as_str(), proxied.secure), ("198.51.100.1", true));
        proxied.may_sign_in().unwrap();
        assert!(visitor("10.0.0.7", false, &[]).may_sign_in().is_err(), "it says nothing of HTTPS");
        let plain = visitor("10.0.0.7", true, &[("x-forwarded-proto", "http")]);
        assert!(plain.may_sign_in().is_err());
    }

    #[test]
    fn what_stands_before_the_proxies_is_made_up() {
        for (said, expected) in [
            ("1.1.1.1, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
            ("nonsense, 198.51.100.1", "198.51.100.1"),
            ("9.9.9.9, nonsense, 198.51.100.1", "198.51.100.1"),
            ("198.51.100.1, nonsense", "10.0.0.7"),
            ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
            ("", "10.0.0.7"),
        ] {
            let visitor = visitor("10.0.0.7", false, &[("x-forwarded-for", said)]);
            assert_eq!(visitor.address.to_string(), expected, "{said}");
        }
    }

    #[test]
    fn plain_text_is_for_this_machine() {
        visitor("127.0.0.1", false, &[]).may_sign_in().unwrap();
        visitor("192.0.2.1", true, &[]).may_sign_in().unwrap();
        let refused = visitor("192.0.2.1", false, &[]).may_sign_in().unwrap_err();
        assert!(refused.message.contains("gateway.certificate"), "{refused:?}");
    }

    #[test]
    fn a_foreign_page_is_told_apart() {
        let own = visitor("127.0.0.1", false, &[("host", "here:7070")]);
        let is_own = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            is_own_page(&headers.collect(), &own)
        };
        assert!(is_own(&[]) && is_own(&[("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[("sec-fetch-site", "none")]) && is_own(&[("origin", "http://here:7070")]));
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "http://here")],
            &[("origin", "http://there:7070")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://here:7070")],
        ] {
            assert!(!is_own(foreign), "{foreign:?}");
        }
    }
}
