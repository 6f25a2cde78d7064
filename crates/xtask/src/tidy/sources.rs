//! Rust files: their size, their names, and the sentence that says what each is responsible for.

use super::Finding;
use super::tree::Tree;

const MOST_LINES: usize = 800;
const MANY_LINES: usize = 300;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "managers"];

/// Looks at every Rust file that was written by hand.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.of_kind("rs")
        .filter(|(_, text)| !is_generated(text))
        .flat_map(|(path, text)| file(path, text))
        .collect()
}

fn file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        findings.push(Finding::file(path, format!("has {lines} lines, more than {MOST_LINES}: split it")));
    } else if lines > MANY_LINES {
        findings.push(Finding::warning(path, format!("has {lines} lines; {MANY_LINES} are plenty")));
    }
    let name = path.trim_end_matches(".rs");
    if let Some(word) = name.split('/').find(|part| EMPTY_NAMES.contains(part)) {
        findings.push(Finding::file(path, format!("`{word}` says nothing; name it after what it does")));
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if wants_description(path) && !first.starts_with("//!") {
        findings.push(Finding::line(path, 1, "begin with `//!`: what it is responsible for, and what not"));
    }
    findings
}

/// Modules of crates, and every entry point; not files of tests.
fn wants_description(path: &str) -> bool {
    let in_sources = path.starts_with("src/") || path.contains("/src/");
    path.ends_with("/main.rs") || (in_sources && !is_test_file(path))
}

/// A file that holds only tests.
pub(super) fn is_test_file(path: &str) -> bool {
    let below = path.split_once("/src/").map_or(path, |(_, below)| below);
    let integration =
        !path.contains("/src/") && path.split('/').any(|part| part == "tests" || part == "benches");
    integration
        || below.split('/').any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}

/// Whether a program wrote the file, as its first lines say.
pub(super) fn is_generated(text: &str) -> bool {
    text.lines().take(3).any(|line| line.starts_with("//") && line.contains(concat!("@gen", "erated")))
}

/// The lines above the tests, with their numbers and without comments.
pub(super) fn own_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    code.map(|(index, line)| (index + 1, line.split_once("//").map_or(line, |(code, _)| code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<(String, bool)> {
        let found = check(&Tree::of(&[(path, text)]));
        found.into_iter().map(|finding| (finding.message, finding.warning)).collect()
    }

    fn long(lines: usize) -> String {
        format!("//! Doc.\n{}", "\n".repeat(lines - 1))
    }

    #[test]
    fn long_files_are_found_unless_generated() {
        let path = "crates/a/src/b.rs";
        assert!(messages(path, &long(300)).is_empty());
        assert_eq!(messages(path, &long(301)), [("has 301 lines; 300 are plenty".into(), true)]);
        assert_eq!(messages(path, &long(800)).len(), 1);
        assert_eq!(messages(path, &long(801)), [("has 801 lines, more than 800: split it".into(), false)]);
        let generated = format!("// This file is {} by a tool.\n{}", concat!("@gen", "erated"), long(900));
        assert!(messages(path, &generated).is_empty());
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        for path in ["crates/a/src/utils.rs", "crates/a/src/helpers/x.rs", "tests/src/common/mod.rs"] {
            assert_eq!(messages(path, "//! Doc.\n").len(), 1, "{path}");
        }
        assert!(messages("crates/a/src/text_helpers_of_x.rs", "//! Doc.\n").is_empty());
    }

    #[test]
    fn every_module_but_tests_says_what_it_is_for() {
        for path in ["crates/a/src/lib.rs", "crates/a/src/b/c.rs", "tests/src/lib.rs", "tests/e2e/main.rs"] {
            assert_eq!(messages(path, "use std::fmt;\n//! Late.\n").len(), 1, "{path}");
            assert!(messages(path, "\n//! Doc.\nuse std::fmt;\n").is_empty(), "{path}");
            assert_eq!(messages(path, "").len(), 1, "{path}");
        }
        for path in
            ["crates/a/src/b/tests.rs", "crates/a/src/tests/c.rs", "crates/a/tests/d.rs", "crates/a/build.rs"]
        {
            assert!(messages(path, "use std::fmt;\n").is_empty(), "{path}");
        }
    }
}
