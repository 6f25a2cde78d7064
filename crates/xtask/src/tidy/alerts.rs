//! Every alert has a place in the operator's page that says what to do, and nothing there is about one that is gone.

use super::Finding;
use super::tree::Tree;

const RULES: &str = "deploy/prometheus/rules/leasehold.yml";
const PAGE: &str = "docs/reference/operations.md";
/// What each row about an alert begins with there.
const ROW: &str = "| `Leasehold";

/// Compares the rules with the page.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let (Some(rules), Some(page)) = (tree.text(RULES), tree.text(PAGE)) else {
        return vec![Finding::file(
            RULES,
            format!("is not there, or {PAGE} is not, so alerts cannot be checked"),
        )];
    };
    let alerts: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert:")).map(str::trim).collect();
    let told = |alert: &str| page.lines().any(|line| line.starts_with(&format!("| `{alert}` |")));
    let mut findings: Vec<Finding> = alerts
        .iter()
        .filter(|alert| !told(alert))
        .map(|alert| Finding::file(PAGE, format!("does not say what to do about the alert {alert}")))
        .collect();
    for row in page.lines().filter(|line| line.starts_with(ROW)) {
        let name = row.trim_start_matches("| `").split('`').next().unwrap_or_default();
        if !alerts.contains(&name) {
            findings.push(Finding::file(PAGE, format!("says what to do about {name}, which no rule has")));
        }
    }
    if alerts.is_empty() {
        findings.push(Finding::file(RULES, "has no alert"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(rules: &str, page: &str) -> Vec<String> {
        let tree = Tree::of(&[(RULES, rules), (PAGE, page)]);
        check(&tree).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn an_alert_without_advice_and_advice_without_an_alert_are_found() {
        let rules = "rules:\n  - alert: LeaseholdDown\n    expr: up == 0\n  - alert: LeaseholdSlow\n";
        let page = "| `LeaseholdDown` | start it |\n| `LeaseholdSlow` | wait |\n";
        assert!(problems(rules, page).is_empty());
        assert_eq!(problems(rules, "| `LeaseholdDown` | start it |\n"), [PAGE]);
        assert_eq!(problems(rules, &format!("{page}| `LeaseholdGone` | what? |\n")), [PAGE]);
        assert_eq!(problems("groups:", "")[..], [RULES]);
        assert_eq!(check(&Tree::of(&[]))[0].path, RULES);
    }
}
