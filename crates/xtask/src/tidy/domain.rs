//! What the domain crate may not touch: runtimes, wires, databases, clocks, randomness and I/O.

use toml::Table;

use super::Finding;
use super::manifest;
use super::sources::{is_test_file, own_lines};
use super::tree::Tree;

const FOLDER: &str = "crates/domain/";
const CRATES: &[&str] = &["tokio", "sqlx", "redis", "tonic", "prost", "rand"];
const CALLS: &[(&str, &str)] = &[
    ("SystemTime::now", "reads a clock"),
    ("Instant::now", "reads a clock"),
    ("Timestamp::now", "reads a clock"),
    ("Zoned::now", "reads a clock"),
    ("now_v7", "reads a clock"),
    ("new_v4", "is random"),
    ("std::fs", "does I/O"),
    ("std::net::Tcp", "does I/O"),
    ("std::net::Udp", "does I/O"),
    ("std::process", "does I/O"),
    ("std::env", "reads the environment"),
    ("std::thread", "starts threads"),
];

/// Looks at the crate's manifest and at its sources, tests aside.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let workspace: Table = tree.text("Cargo.toml").and_then(|text| text.parse().ok()).unwrap_or_default();
    for manifest in manifest::all(tree).iter().filter(|manifest| manifest.role == "domain") {
        for dependency in manifest.dependencies(&workspace) {
            // Tests may draw from a seed.
            if dependency.dev && dependency.package == "rand" {
                continue;
            }
            if CRATES.iter().any(|name| dependency.package == *name || is_part_of(&dependency.package, name))
            {
                let message = format!("`domain` may not use `{}`: it knows values alone", dependency.package);
                findings.push(Finding::line(manifest.path, dependency.line, message));
            }
        }
    }
    let sources = tree.of_kind("rs").filter(|(path, _)| path.starts_with(FOLDER) && !is_test_file(path));
    for (path, text) in sources {
        for (number, line) in own_lines(text) {
            for (call, what) in CALLS.iter().filter(|(call, _)| line.contains(call)) {
                let message = format!("`{call}` {what}; the domain takes what it needs as an argument");
                findings.push(Finding::line(path, number, message));
            }
        }
    }
    findings
}

/// `tonic-types` is part of `tonic`, `tokio-util` of `tokio`.
fn is_part_of(package: &str, name: &str) -> bool {
    package.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_crate_is_found() {
        let manifest =
            |used: &str| format!("[package]\nname = \"leasehold-domain\"\n[dependencies]\n{used} = \"1\"\n");
        let count = |used: &str| check(&Tree::of(&[("crates/domain/Cargo.toml", &manifest(used))])).len();
        for used in ["tokio", "sqlx", "redis", "tonic", "prost", "rand", "tokio-util", "prost-types"] {
            assert_eq!(count(used), 1, "{used}");
        }
        for used in ["jiff", "uuid", "thiserror", "randomize"] {
            assert_eq!(count(used), 0, "{used}");
        }
        let tests =
            "[package]\nname = \"leasehold-domain\"\n[dev-dependencies]\nrand = \"1\"\ntokio = \"1\"\n";
        let found = check(&Tree::of(&[("crates/domain/Cargo.toml", tests)]));
        assert_eq!(found.len(), 1, "tests may be random, and no more: {found:?}");
    }

    #[test]
    fn a_clock_and_io_are_found_outside_tests() {
        let count = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).len();
        let lib = "crates/domain/src/lib.rs";
        assert_eq!(count(lib, "fn f() -> Timestamp { Timestamp::now() }\n"), 1);
        assert_eq!(count(lib, "use std::fs;\nlet id = Uuid::now_v7();\n"), 2);
        assert_eq!(count(lib, "use std::net::Ipv4Addr;\n// Timestamp::now would be wrong here.\n"), 0);
        assert_eq!(count(lib, "fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }\n"), 0);
        assert_eq!(count("crates/domain/tests/cases.rs", "use std::fs;\n"), 0);
        assert_eq!(count("crates/runtime/src/clock.rs", "fn f() -> Timestamp { Timestamp::now() }\n"), 0);
    }
}
