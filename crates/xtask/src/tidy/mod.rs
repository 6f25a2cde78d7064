//! The rules of the tree that no compiler checks. Each rule has a module and looks at the same loaded tree.

mod alerts;
mod dependencies;
mod domain;
mod error_pages;
mod links;
mod manifest;
mod sources;
mod text;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use crate::args::Args;
use crate::workspace::Workspace;
use tree::Tree;

/// A place that breaks a rule or comes close.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// From 1; `None` where the whole file is meant.
    line: Option<usize>,
    message: String,
    /// Only a warning: told, but it fails nothing.
    warning: bool,
}

impl Finding {
    fn file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into(), warning: false }
    }

    fn line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::file(path, message) }
    }

    fn warning(path: &str, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::file(path, message) }
    }

    fn print(&self) {
        let level = if self.warning { "warning" } else { "error" };
        match self.line {
            Some(line) => eprintln!("{}:{line}: {level}: {}", self.path, self.message),
            None => eprintln!("{}: {level}: {}", self.path, self.message),
        }
    }
}

/// A rule: what it finds in the tree.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    manifest::check,
    dependencies::check,
    domain::check,
    sources::check,
    text::check,
    error_pages::check,
    alerts::check,
    links::check,
];

/// The task: prints every finding, fails if one is more than a warning.
pub(crate) fn run(_: &Args) -> crate::Result<ExitCode> {
    check_tree(&Workspace::find()?.root)?;
    println!("tidy");
    Ok(crate::DONE)
}

/// Looks at the tree under `root` with every rule, and prints what it finds.
pub(crate) fn check_tree(root: &Path) -> crate::Result<()> {
    let findings = findings(&Tree::load(root)?);
    findings.iter().for_each(Finding::print);
    match findings.iter().filter(|finding| !finding.warning).count() {
        0 => Ok(()),
        1 => Err("1 place breaks a rule of the tree".into()),
        count => Err(format!("{count} places break rules of the tree")),
    }
}

fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// A small tree on disk that keeps every rule.
    fn good_tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "crates/domain/Cargo.toml",
            "[package]\nname = \"leasehold-domain\"\n[lints]\nworkspace = true\n",
        );
        write(dir.path(), "crates/domain/src/lib.rs", "//! Rules.\n");
        write(
            dir.path(),
            "proto/leasehold/types/v1/error.proto",
            "enum ErrorReason {\n  ERROR_REASON_UNSPECIFIED = 0;\n  ERROR_REASON_NOT_FOUND = 1;\n}\n",
        );
        write(dir.path(), "docs/errors/README.md", "[not found](not-found.md)\n");
        write(dir.path(), "docs/errors/not-found.md", "# NOT_FOUND\n");
        write(dir.path(), "deploy/prometheus/rules/leasehold.yml", "- alert: LeaseholdDown\n");
        write(dir.path(), "docs/reference/operations.md", "| `LeaseholdDown` | start it |\n");
        dir
    }

    #[test]
    fn a_good_tree_passes() {
        assert_eq!(check_tree(good_tree().path()), Ok(()));
    }

    /// Every rule is asked: each of these changes alone makes the tree fail.
    #[test]
    fn each_broken_rule_fails_the_tree() {
        let bare_manifest = "[package]\nname = \"leasehold-domain\"\n";
        let upward = "[package]\nname = \"leasehold-domain\"\n[lints]\nworkspace = true\n\
                      [dependencies]\nleasehold-domain = {}\n";
        let outside = upward.replace("leasehold-domain = {}", "tokio = \"1\"");
        let marker = format!("//! Rules.\nfn f() {{ {}) }}\n", concat!("to", "do!("));
        for (path, text) in [
            ("crates/domain/Cargo.toml", bare_manifest),
            ("crates/domain/Cargo.toml", upward),
            ("crates/domain/Cargo.toml", &outside),
            ("crates/domain/src/lib.rs", "fn undocumented() {}\n"),
            ("crates/domain/src/lib.rs", &marker),
            ("docs/errors/gone.md", "# GONE\n"),
            ("docs/reference/operations.md", "# Operations\n"),
            ("README.md", "[nowhere](nowhere.md)\n"),
        ] {
            let tree = good_tree();
            write(tree.path(), path, text);
            assert!(check_tree(tree.path()).is_err(), "{path} with {text:?} must not pass");
        }
    }

    #[test]
    fn a_warning_alone_fails_nothing() {
        let tree = good_tree();
        let long = format!("//! Rules.\n{}", "const A: u8 = 0;\n".repeat(400));
        write(tree.path(), "crates/domain/src/lib.rs", &long);
        assert_eq!(findings(&Tree::load(tree.path()).unwrap()).len(), 1);
        assert_eq!(check_tree(tree.path()), Ok(()));
    }
}
