//! Words that no file may hold: paths of one machine, and left-overs in code.

use super::Finding;
use super::tree::{Tree, has_extension};

/// Anywhere. Written in two halves, so that this file keeps its own rule.
const PATHS: &[&str] = &[concat!("../sh", "ared"), concat!("/wo", "rk/")];
/// In Rust.
const LEFT_OVERS: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("d", "bg!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Looks at every line of every text.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = PATHS.iter().find(|word| stands_alone(line, word)) {
                let message = format!("`{found}` exists on one machine only");
                findings.push(Finding::line(path, index + 1, message));
            }
            let left_over =
                LEFT_OVERS.iter().find(|word| has_extension(path, "rs") && stands_alone(line, word));
            if let Some(found) = left_over {
                findings.push(Finding::line(path, index + 1, format!("`{found}` is left over: finish it")));
            }
        }
    }
    findings
}

/// Whether `word` occurs as the start of a path or name, and not in the middle of one.
fn stands_alone(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let last_is_name = word.ends_with(char::is_alphanumeric);
    // One that climbs may come after more climbing.
    let climbs = word.starts_with('.');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let ends_inside = last_is_name && after.is_some_and(char::is_alphanumeric);
        !ends_inside && (climbs || !before.is_some_and(inside))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<Option<usize>> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn paths_of_one_machine_are_found_in_any_text() {
        for word in PATHS {
            let text = format!("fine\nsee `{word}` and ../{word}\n");
            for path in ["README.md", "deploy/a.yaml", "crates/a/src/b.rs", ".ci/run"] {
                assert_eq!(found(path, &text), [Some(2)], "{word} in {path}");
            }
        }
        let longer = format!("target{}out and {}x\n", PATHS[1], PATHS[0]);
        assert!(found("README.md", &longer).is_empty(), "part of a longer path");
    }

    #[test]
    fn left_overs_are_found_in_rust() {
        for word in LEFT_OVERS {
            assert_eq!(found("crates/a/src/b.rs", &format!("\n    {word} ")), [Some(2)], "{word}");
            assert!(found("docs/a.md", word).is_empty(), "{word} in prose");
            assert!(found("crates/a/src/b.rs", &format!("x_{word}")).is_empty(), "x_{word}");
        }
    }
}
