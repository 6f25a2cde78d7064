//! Relative links of Markdown files lead to a file, and where they name one, to a heading. Links to the outside
//! are not followed.

use super::Finding;
use super::tree::{Tree, has_extension};

/// Follows every relative link of every Markdown file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.of_kind("md") {
        for (line, target) in links(text) {
            if let Some(message) = broken(tree, path, &target) {
                findings.push(Finding::line(path, line, message));
            }
        }
    }
    findings
}

fn broken(tree: &Tree, from: &str, target: &str) -> Option<String> {
    let scheme = target.split_once(':').is_some_and(|(scheme, _)| scheme.chars().all(char::is_alphanumeric));
    if scheme || target.starts_with("//") {
        return None;
    }
    let (file, heading) = match target.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (target, None),
    };
    let resolved = if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) };
    let Some(file) = resolved else {
        return Some(format!("the link `{target}` leaves the project"));
    };
    if !tree.has(&file) {
        return Some(format!("the link `{target}` leads nowhere: there is no {file}"));
    }
    let text = tree.text(&file).filter(|_| has_extension(&file, "md"))?;
    let heading = heading.filter(|heading| !has_heading(text, heading))?;
    Some(format!("the link `{target}` leads nowhere: {file} has no heading `#{heading}`"))
}

/// The path from the root that `target` means in the file `from`; `None` where it leaves the root.
fn resolve(from: &str, target: &str) -> Option<String> {
    let target = target.replace("%20", " ");
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let joined = match target.strip_prefix('/') {
        Some(from_root) => from_root.to_owned(),
        None => format!("{folder}/{target}"),
    };
    let mut parts = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Line number and target of every link, code aside.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        for (at, _) in line.match_indices("](") {
            links.extend(inline_target(&line[at + 2..]).map(|target| (number, target)));
        }
        let label = line.strip_prefix('[').filter(|label| !label.starts_with('^'));
        if let Some((_, target)) = label.and_then(|label| label.split_once("]: ")) {
            links.extend(target.split_whitespace().next().map(|target| (number, target.to_owned())));
        }
    }
    links
}

/// The target of `target "title")…`, up to the parenthesis that closes it.
fn inline_target(rest: &str) -> Option<String> {
    if let Some(rest) = rest.strip_prefix('<') {
        return rest.split_once('>').map(|(target, _)| target.to_owned());
    }
    let mut depth = 0;
    let end = rest.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '(') - i32::from(*c == ')');
        depth < 0
    })?;
    Some(rest[..end.0].split_whitespace().next().unwrap_or_default().to_owned())
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return Some((index + 1, line)),
            _ => {}
        }
        None
    })
}

/// The line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

fn has_heading(text: &str, wanted: &str) -> bool {
    let mut seen: Vec<String> = Vec::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let slug = slug(line.trim_start_matches('#').trim());
        let earlier = seen.iter().filter(|other| **other == slug).count();
        if wanted == slug && earlier == 0 || wanted == format!("{slug}-{earlier}") && earlier > 0 {
            return true;
        }
        seen.push(slug);
    }
    text.contains(&format!("id=\"{wanted}\""))
}

/// A heading as the usual renderers put it into an address.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: &str = "# First: a `thing`\n## Twice\n## Twice\n```\n# not one\n```\n<a id=\"mark\"></a>\n";

    fn broken_lines(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[("docs/a.md", text), ("docs/b/other.md", OTHER), ("README.md", "# Top\n")]);
        check(&tree).into_iter().filter_map(|finding| finding.line).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for text in [
            "[x](b/other.md) and [y](../README.md) ![z](b)",
            "[x](b/other.md#first-a-thing) [y](b/other.md#twice) [z](b/other.md#twice-1) [m](b/other.md#mark)",
            "# Here\n[x](#here) [y](/README.md#top)",
            "[x](https://example.org/none) [y](mailto:a@example.org) [z](//example.org/none)",
            "[x](<b/other.md> \"title\") [y](b/other.md \"a (title)\")",
            "`[x](none.md)`\n```\n[x](none.md)\n```\n",
            "[^1]: see none.md\n[label]: b/other.md",
        ] {
            assert!(broken_lines(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for text in [
            "[x](none.md)",
            "![x](b/none.png)",
            "[x](../../README.md)",
            "[x](other.md)",
            "[x](#nothing)",
            "[x](b/other.md#not-one)",
            "[x](b/other.md#twice-2)",
            "[label]: none.md",
            "a `code` [x](none.md \"title\")",
        ] {
            assert_eq!(broken_lines(&format!("fine\n{text}\n")), [2], "{text}");
        }
    }
}
