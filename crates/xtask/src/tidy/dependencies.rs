//! Who may depend on whom among our crates, and what only tests may use.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Finding;
use super::manifest::{self, Dependency, Manifest};
use super::tree::Tree;

const SERVICE: &[&str] =
    &["domain", "proto", "store", "leases", "signing", "runtime", "answer-keys", "pages"];
/// The one that hands out files, too.
const SERVICE_WITH_FILES: &[&str] =
    &["domain", "proto", "store", "leases", "signing", "runtime", "answer-keys", "pages", "artifacts"];
/// The one for people, which keeps no licence state.
const SERVICE_FOR_PEOPLE: &[&str] = &["client", "proto", "signing", "runtime", "store"];
/// Each of them.
const SERVICES: [&[&str]; 3] = [SERVICE, SERVICE_WITH_FILES, SERVICE_FOR_PEOPLE];
/// They speak to servers from outside, in part with raw messages; hence `proto`.
const FROM_OUTSIDE: &[&str] = &["testkit", "client", "leasehold", "proto", "promises"];

/// Each crate's folder, and the crates that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("proto", &["domain"]),
    ("store", &["domain"]),
    ("leases", &["domain"]),
    ("signing", &["domain"]),
    ("store-postgres", &["store", "domain"]),
    ("store-sqlite", &["store", "domain"]),
    ("store-sql", &["store", "domain"]),
    ("runtime", &["domain", "proto"]),
    ("artifacts", &["domain", "signing"]),
    ("answer-keys", &["domain", "proto", "store", "signing"]),
    ("pages", &["domain", "proto", "store"]),
    ("licensing", SERVICE),
    ("updates", SERVICE_WITH_FILES),
    ("sync", SERVICE),
    ("backoffice", SERVICE),
    ("client", &["domain", "proto", "signing", "artifacts"]),
    ("promises", &["proto"]),
    ("gateway", SERVICE_FOR_PEOPLE),
    (
        "leasehold",
        &[
            "domain",
            "proto",
            "store",
            "leases",
            "signing",
            "store-postgres",
            "store-sqlite",
            "store-sql",
            "runtime",
            "answer-keys",
            "pages",
            "artifacts",
            "licensing",
            "updates",
            "sync",
            "backoffice",
            "client",
            "promises",
            "gateway",
        ],
    ),
    ("testkit", &[]),
    ("bench", FROM_OUTSIDE),
    ("tests", FROM_OUTSIDE),
    ("xtask", &[]),
];

/// Any crate may use this one for its own tests.
const TESTKIT: &str = "testkit";
/// Services may use these for their own tests: they need nothing but memory.
const EMBEDDED: &[&str] = &["store-sqlite", "store-sql"];
/// The feature that turns a suite for back ends on.
const CONFORMANCE: &str = "conformance";
/// Crates that are tests from end to end.
const ONLY_TESTS: &[&str] = &["bench", "tests"];

/// Compares every manifest with the table.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let workspace: Table = tree.text("Cargo.toml").and_then(|text| text.parse().ok()).unwrap_or_default();
    let manifests = manifest::all(tree);
    let roles: BTreeMap<&str, &str> = manifests.iter().map(|m| (m.package.as_str(), m.role)).collect();
    let mut findings = shared_features(&workspace);
    for manifest in &manifests {
        let Some((_, allowed)) = ALLOWED.iter().find(|(role, _)| *role == manifest.role) else {
            let message = format!(
                "`{}` is not in the table of who may depend on whom; add it in {}",
                manifest.role,
                file!()
            );
            findings.push(Finding::file(manifest.path, message));
            continue;
        };
        for dependency in manifest.dependencies(&workspace) {
            findings.extend(judge(manifest, allowed, &roles, &dependency));
        }
        findings.extend(forwarded(manifest));
    }
    findings
}

fn judge(
    manifest: &Manifest<'_>,
    allowed: &[&str],
    roles: &BTreeMap<&str, &str>,
    dependency: &Dependency,
) -> Option<Finding> {
    let used = *roles.get(dependency.package.as_str())?;
    let role = manifest.role;
    let finding = |message: String| Some(Finding::line(manifest.path, dependency.line, message));
    let tests = dependency.dev || ONLY_TESTS.contains(&role);
    if dependency.features.iter().any(|feature| feature == CONFORMANCE) && !tests {
        return finding(format!("the feature `{CONFORMANCE}` of `{used}` is for dev-dependencies only"));
    }
    let own_suite = used == role && dependency.dev;
    let for_tests = used == TESTKIT && dependency.dev && role != "xtask";
    let embedded = EMBEDDED.contains(&used) && dependency.dev && SERVICES.contains(&allowed);
    if allowed.contains(&used) || own_suite || for_tests || embedded {
        return None;
    }
    if used == TESTKIT {
        return finding(format!("`{TESTKIT}` is for dev-dependencies only"));
    }
    let may = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
    finding(format!("`{role}` may not depend on `{used}`; it may use {may}"))
}

/// Features of the crate that turn another's suite on for everybody.
fn forwarded(manifest: &Manifest<'_>) -> Vec<Finding> {
    if ONLY_TESTS.contains(&manifest.role) {
        return Vec::new();
    }
    let features = manifest.document.get("features").and_then(Value::as_table);
    let mut findings = Vec::new();
    for (name, list) in features.into_iter().flatten() {
        let turns_on = |entry: &str| {
            entry.ends_with(&format!("/{CONFORMANCE}")) || (name != CONFORMANCE && entry == CONFORMANCE)
        };
        if list.as_array().into_iter().flatten().filter_map(Value::as_str).any(turns_on) {
            let message = format!("the feature `{name}` turns `{CONFORMANCE}` on, which only tests may do");
            findings.push(Finding::line(manifest.path, manifest.line_of(name), message));
        }
    }
    findings
}

/// The workspace's own entries reach every crate.
fn shared_features(workspace: &Table) -> Vec<Finding> {
    let shared =
        workspace.get("workspace").and_then(|table| table.get("dependencies")).and_then(Value::as_table);
    let turns_on = |value: &Value| {
        let list = value.get("features").and_then(Value::as_array);
        list.into_iter().flatten().any(|feature| feature.as_str() == Some(CONFORMANCE))
    };
    let bad = shared.into_iter().flatten().filter(|(_, value)| turns_on(value));
    bad.map(|(name, _)| {
        let message =
            format!("`{name}` turns `{CONFORMANCE}` on for the whole workspace, which only tests may do");
        Finding::file("Cargo.toml", message)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Crates of these folders, with nothing in them but what `body` says of the last one.
    fn findings(role: &str, body: &str) -> Vec<String> {
        let mut files: Vec<(String, String)> = ALLOWED
            .iter()
            .map(|(role, _)| (manifest_path(role), package(role)))
            .filter(|(path, _)| *path != manifest_path(role))
            .collect();
        files.push((manifest_path(role), format!("{}{body}", package(role))));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files)).into_iter().map(|finding| finding.message).collect()
    }

    fn manifest_path(role: &str) -> String {
        if role == "tests" { "tests/Cargo.toml".into() } else { format!("crates/{role}/Cargo.toml") }
    }

    fn name(role: &str) -> String {
        match role {
            "leasehold" | "xtask" => role.to_owned(),
            _ => format!("leasehold-{role}"),
        }
    }

    fn package(role: &str) -> String {
        format!("[package]\nname = \"{}\"\n", name(role))
    }

    fn uses(role: &str, table: &str, used: &str) -> bool {
        findings(role, &format!("[{table}]\n{}.workspace = true\n", name(used))).is_empty()
    }

    #[test]
    fn the_table_decides() {
        for (role, allowed) in ALLOWED {
            for (used, _) in ALLOWED {
                let may = allowed.contains(used);
                assert_eq!(uses(role, "dependencies", used), may, "{role} on {used}");
            }
        }
    }

    #[test]
    fn the_rules_that_matter_most_stand_in_the_table() {
        for (role, used) in [
            ("licensing", "store-sqlite"),
            ("licensing", "store-postgres"),
            ("licensing", "updates"),
            ("gateway", "licensing"),
            ("domain", "proto"),
            ("store", "proto"),
            ("testkit", "domain"),
            ("xtask", "domain"),
            ("leasehold", "testkit"),
            ("client", "runtime"),
            ("bench", "licensing"),
            ("tests", "store-sqlite"),
        ] {
            for table in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
                assert!(!uses(role, table, used), "{role} must not use {used}");
            }
        }
        for (role, used) in [("leasehold", "store-sqlite"), ("bench", "testkit"), ("tests", "proto")] {
            assert!(uses(role, "dependencies", used), "{role} may use {used}");
        }
    }

    #[test]
    fn tests_of_a_crate_keep_to_the_table_but_may_use_the_testkit_and_a_store_in_memory() {
        assert!(uses("licensing", "dev-dependencies", "testkit"));
        assert!(uses("store", "dev-dependencies", "store"));
        assert!(uses("licensing", "dev-dependencies", "store-sqlite"));
        assert!(!uses("licensing", "dev-dependencies", "store-postgres"));
        assert!(!uses("client", "dev-dependencies", "store-sqlite"));
        assert!(!uses("xtask", "dev-dependencies", "testkit"));
    }

    #[test]
    fn the_conformance_feature_is_for_tests() {
        let with = |table: &str| format!("[{table}]\nleasehold-store = {{ features = [\"conformance\"] }}\n");
        assert_eq!(
            findings("store-sqlite", &with("dependencies")),
            ["the feature `conformance` of `store` is for dev-dependencies only"]
        );
        assert!(findings("store-sqlite", &with("dev-dependencies")).is_empty());
        assert_eq!(findings("store-sqlite", "[features]\nx = [\"leasehold-store/conformance\"]\n").len(), 1);
        assert_eq!(findings("store", "[features]\ndefault = [\"conformance\"]\nconformance = []\n").len(), 1);
        assert!(findings("store", "[features]\nconformance = []\n").is_empty());
        let workspace = "[workspace.dependencies]\nleasehold-store = { features = [\"conformance\"] }\n";
        assert_eq!(check(&Tree::of(&[("Cargo.toml", workspace)])).len(), 1);
    }

    #[test]
    fn a_renamed_dependency_is_seen_through() {
        let body = "[dependencies]\nharmless = { package = \"leasehold-store-sqlite\", path = \"../x\" }\n";
        assert_eq!(findings("licensing", body).len(), 1);
    }

    #[test]
    fn a_new_crate_has_to_be_placed() {
        let message = findings("plugin", "").join("\n");
        assert!(message.starts_with("`plugin` is not in the table"), "{message}");
    }
}
