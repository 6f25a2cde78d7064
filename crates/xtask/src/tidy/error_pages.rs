//! Every reason that an error can carry has a page, every page has a reason, and the index names them all.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const CONTRACT: &str = "proto/leasehold/types/v1/error.proto";
const FOLDER: &str = "docs/errors/";
const INDEX: &str = "docs/errors/README.md";

/// Compares the contract's enum with the folder of pages.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(contract) = tree.text(CONTRACT) else {
        return vec![Finding::file(CONTRACT, "is not there, so the error pages cannot be checked")];
    };
    let reasons = reasons(contract);
    if reasons.is_empty() {
        return vec![Finding::file(CONTRACT, "has no enum `ErrorReason`")];
    }
    let index = tree.text(INDEX).unwrap_or_default();
    let mut findings = Vec::new();
    let wanted: BTreeSet<String> = reasons.iter().map(|reason| page(reason)).collect();
    for reason in &reasons {
        let page = page(reason);
        if !tree.has(&format!("{FOLDER}{page}")) {
            findings.push(Finding::file(CONTRACT, format!("{reason} has no page: write {FOLDER}{page}")));
        } else if !index.contains(&format!("({page})")) {
            findings.push(Finding::file(INDEX, format!("does not link {page}")));
        }
    }
    for path in tree.paths().filter(|path| path.starts_with(FOLDER) && *path != INDEX) {
        if !wanted.contains(&path[FOLDER.len()..]) {
            findings.push(Finding::file(path, "no value of `ErrorReason` has this page"));
        }
    }
    findings
}

fn page(reason: &str) -> String {
    format!("{}.md", reason.to_lowercase().replace('_', "-"))
}

/// The values of the enum without their prefix, but for the one that is never sent.
fn reasons(contract: &str) -> Vec<String> {
    let body = contract.split_once("enum ErrorReason {").map(|(_, rest)| rest);
    let body = body.and_then(|rest| rest.split_once('}')).map_or("", |(body, _)| body);
    body.lines()
        .filter_map(|line| line.trim().strip_prefix("ERROR_REASON_")?.split_once(' '))
        .map(|(reason, _)| reason.to_owned())
        .filter(|reason| reason != "UNSPECIFIED")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = "\
        // Why.\nenum Other { X = 0; }\nenum ErrorReason {\n  // Never sent.\n  ERROR_REASON_UNSPECIFIED = 0;\n  \
        // Gone.\n  ERROR_REASON_NOT_FOUND = 1;\n  ERROR_REASON_INTERNAL = 2;\n}\nenum Last { Y = 0; }\n";

    fn paths(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn missing_and_spare_pages_are_found() {
        let all = [
            (CONTRACT, PROTO),
            ("docs/errors/README.md", "[a](not-found.md) [b](internal.md)"),
            ("docs/errors/internal.md", ""),
            ("docs/errors/not-found.md", ""),
        ];
        assert!(paths(&all).is_empty());
        assert_eq!(paths(&all[..3]), [CONTRACT], "a page is missing");
        let mut spare = all.to_vec();
        spare.push(("docs/errors/old-reason.md", ""));
        assert_eq!(paths(&spare), ["docs/errors/old-reason.md"]);
        let mut unnamed = all;
        unnamed[1].1 = "[a](not-found.md)";
        assert_eq!(paths(&unnamed), [INDEX], "the index does not name a page");
    }

    #[test]
    fn a_contract_that_cannot_be_read_is_no_pass() {
        assert_eq!(paths(&[]), [CONTRACT]);
        assert_eq!(paths(&[(CONTRACT, "enum Renamed { A = 0; }")]), [CONTRACT]);
    }
}
