//! The cookie that a session is known by.
//!
//! Over HTTPS its name begins with `__Host-`, so that a browser takes it from this host alone and sends it only encrypted.
//! On the loopback address over plain text browsers refuse that name; there it goes without. Source: RFC 6265bis, 4.1.3.

use http::{HeaderMap, HeaderValue, header};

use crate::origin::Visitor;

const SECURE: &str = "__Host-leasehold-session";
const LOCAL: &str = "leasehold-session";

/// Longest cookie that is looked at.
const MOST: usize = 128;

fn name(visitor: &Visitor) -> &'static str {
    if visitor.secure { SECURE } else { LOCAL }
}

/// The session that a request shows.
pub(crate) fn read(headers: &HeaderMap, visitor: &Visitor) -> Option<String> {
    let name = name(visitor);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    ((1..=MOST).contains(&value.len())).then(|| value.to_owned())
}

/// Makes a browser show this session.
pub(crate) fn set(visitor: &Visitor, secret: &str) -> HeaderValue {
    made(visitor, secret, "")
}

/// Makes a browser forget its session.
pub(crate) fn end(visitor: &Visitor) -> HeaderValue {
    made(visitor, "", "; Max-Age=0")
}

fn made(visitor: &Visitor, value: &str, end: &str) -> HeaderValue {
    let secure = if visitor.secure { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}", name(visitor));
    let mut value = HeaderValue::try_from(text).expect("it is made of letters, digits and signs of ASCII");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(secure: bool) -> Visitor {
        Visitor { address: "127.0.0.1".parse().unwrap(), secure, local: !secure, host: None }
    }

    #[test]
    fn a_cookie_is_for_this_host_and_no_script() {
        assert_eq!(
            set(&visitor(true), "abc").to_str().unwrap(),
            "__Host-leasehold-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(&visitor(false), "abc").to_str().unwrap(),
            "leasehold-session=abc; Path=/; HttpOnly; SameSite=Lax"
        );
        assert!(end(&visitor(true)).to_str().unwrap().ends_with("Secure; Max-Age=0"));
    }

    #[test]
    fn the_session_is_found_among_cookies() {
        let read_from = |text: &str, secure| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, text.parse().unwrap());
            read(&headers, &visitor(secure))
        };
        assert_eq!(read_from("a=b; __Host-leasehold-session=xyz; c=d", true).as_deref(), Some("xyz"));
        assert_eq!(read_from("leasehold-session=xyz", true), None, "what plain text could have set");
        assert_eq!(read_from("leasehold-session=", false), None);
        assert_eq!(read_from(&format!("leasehold-session={}", "x".repeat(129)), false), None);
    }
}
