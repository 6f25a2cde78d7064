//! What there is, for people who look at an address with a browser: plain text, not for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState, STABLE};

/// Most files of a listing; how many more there are is said.
const MAX_FILES: usize = 1_000;

/// What stands at `/`.
pub(super) const FRONT: &str = "Updates of a Leasehold licence server. Served here:\n\n\
    /definitions/                             which definition files there are\n\
    /definitions/PRODUCT/FILE                 the newest one; of another channel with ?channel=NAME\n\
    /tuf/INSTANCE/metadata/timestamp.json     the mirror of the vendor's repository, for clients of TUF\n\
    /blobs/sha256/HASH                        a file by its hash\n";

/// The newest definition file under each name of those that can be given.
pub(super) fn definitions(given: &[Release]) -> String {
    let mut newest = BTreeMap::<(&str, &str, &str), &Release>::new();
    let is_out = |release: &&Release| {
        release.kind == ReleaseKind::Definition && release.state == ReleaseState::Approved
    };
    for release in given.iter().filter(is_out) {
        let name = (release.product.as_str(), release.file(), release.channel.as_str());
        let known = newest.entry(name).or_insert(release);
        if known.compare(release).is_lt() {
            *known = release;
        }
    }
    if newest.is_empty() {
        return "There are no definition files here: none has been mirrored and approved yet.\n".to_owned();
    }
    let mut text = "Definition files: path, version, bytes\n\n".to_owned();
    let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a text takes all");
    for ((product, file, channel), Release { version, length, .. }) in newest.iter().take(MAX_FILES) {
        let (product, file) = (encoded(product), encoded(file));
        let query = if *channel == STABLE { String::new() } else { format!("?channel={channel}") };
        line(format_args!("/definitions/{product}/{file}{query}   {version}   {length}"));
    }
    if newest.len() > MAX_FILES {
        line(format_args!("and {} more", newest.len() - MAX_FILES));
    }
    text
}

/// A part of a path. Source: RFC 3986, section 2.3.
fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            write!(text, "%{byte:02X}").expect("a text takes all");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_an_address() {
        assert_eq!(encoded("VR kit/ü_1.0~x-y"), "VR%20kit%2F%C3%BC_1.0~x-y");
    }
}
