//! Which versions are the same, which are lower, and what is no version.

use std::cmp::Ordering;

use leasehold_domain::Version;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionFile {
    equal: Vec<(String, String)>,
    less: Vec<(String, String)>,
    invalid: Vec<String>,
}

/// The number of cases, and what was found otherwise than written.
pub(crate) fn run(text: &str) -> (usize, Vec<String>) {
    let file: VersionFile = serde_json::from_str(text).expect("the file has the documented form");
    let mut mismatches = Vec::new();
    for (pairs, expected) in [(&file.equal, Ordering::Equal), (&file.less, Ordering::Less)] {
        for (a, b) in pairs {
            match (a.parse::<Version>(), b.parse::<Version>()) {
                (Ok(a), Ok(b)) if a.cmp(&b) == expected && b.cmp(&a) == expected.reverse() => {}
                found => mismatches.push(format!("{a} and {b}: expected {expected:?}, found {found:?}")),
            }
        }
    }
    for text in &file.invalid {
        if let Ok(version) = text.parse::<Version>() {
            mismatches.push(format!("{text:?} is taken for a version: {:?}", version.components()));
        }
    }
    (file.equal.len() + file.less.len() + file.invalid.len(), mismatches)
}
