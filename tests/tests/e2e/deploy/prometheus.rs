//! Prometheus' configuration and alert rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::tools::{judged, passes, promtool};
use super::{compose, file, text};

const FOLDER: &str = "deploy/prometheus";
const RULES: &str = "deploy/prometheus/rules/leasehold.yml";
const TESTS: [&str; 2] = ["deploy/prometheus/tests/leasehold.yml", "deploy/prometheus/tests/days.yml"];

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    let Some(mut tool) = promtool() else { return };
    passes_in(&mut tool, FOLDER, &["check", "rules", "rules/leasehold.yml"]);
    let mut tool = promtool().unwrap();
    passes_in(&mut tool, "deploy/prometheus/tests", &["test", "rules", "leasehold.yml", "days.yml"]);
    let mut tool = promtool().unwrap();
    passes_in(&mut tool, FOLDER, &["check", "config", "prometheus.yml"]);
}

fn passes_in(tool: &mut std::process::Command, folder: &str, words: &[&str]) {
    let output = tool.args(words).current_dir(file(folder)).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said));
}

/// The promtool of some distributions is built without Kubernetes, and refuses its section whatever is in it.
#[test]
fn promtool_accepts_what_it_knows_of_the_configuration_for_kubernetes() {
    let Some(tool) = promtool() else { return };
    let config = text("deploy/prometheus/kubernetes.yml");
    let (before, rest) = config.split_once("    kubernetes_sd_configs:\n").unwrap();
    let (_, after) = rest.split_once("    relabel_configs:\n").unwrap();
    let known =
        format!("{before}    static_configs:\n      - targets: [\"x:1\"]\n    relabel_configs:\n{after}");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::copy(file(RULES), folder.path().join("rules/leasehold.yml")).unwrap();
    let path = folder.path().join("prometheus.yml");
    fs::write(&path, known).unwrap();
    passes(tool, &["check", "config", path.to_str().unwrap()]);
}

#[test]
fn a_rule_that_is_wrong_is_seen() {
    let Some(tool) = promtool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    fs::write(&path, text(RULES).replace("leasehold_ready == 0", "leasehold_ready === 0")).unwrap();
    let (content, said) = judged(tool, &["check", "rules", path.to_str().unwrap()]);
    assert!(!content && said.contains("LeaseholdNotReady"), "{said}");
}

/// Words of a text that begin so.
fn words(text: &str, start: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    parts.filter(|word| word.starts_with(start)).map(str::to_owned).collect()
}

/// All metrics in the rules, each with each label that it is chosen by, and once with none.
pub(crate) fn metrics_of_rules() -> BTreeSet<(String, String)> {
    let rules = text(RULES);
    let mut used = words(&rules, "leasehold_");
    used.extend(words(&rules, "process_"));
    assert!(used.len() > 15, "{used:?}");
    let mut pairs: BTreeSet<_> = used.iter().map(|metric| (metric.clone(), String::new())).collect();
    for metric in used {
        let asks = format!("{metric}{{");
        for chosen in rules.split(&asks).skip(1).filter_map(|rest| rest.split('}').next()) {
            let labels = chosen.split(',').map(|choice| choice.split(['=', '!']).next().unwrap().trim());
            // What Prometheus itself says of a target.
            let own = labels.filter(|label| *label != "job");
            pairs.extend(own.map(|label| (metric.clone(), label.to_owned())));
        }
    }
    pairs
}

/// All Rust files of the crates, tests apart.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("bench") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_rule_is_about_a_metric_that_there_is() {
    let mut paths = Vec::new();
    sources(&file("crates"), &mut paths);
    let quoted: BTreeSet<String> = paths
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.split('"').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    for (metric, _) in metrics_of_rules() {
        let name = metric.strip_suffix("_bucket").unwrap_or(&metric);
        assert!(quoted.contains(name), "no crate has a metric {name}");
    }
}

#[test]
fn every_alert_is_tested_and_says_what_it_is_about() {
    let (rules, tests) = (text(RULES), TESTS.map(text).join("\n"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 15);
    for alert in &alerts {
        let fires = tests.split("- eval_time:").any(|case| {
            case.lines().any(|line| line.trim() == format!("alertname: {alert}"))
                && case.contains("exp_labels")
        });
        assert!(fires, "no test lets {alert} come");
    }
    let count = |what: &str| rules.matches(what).count();
    assert_eq!(
        (count("severity:"), count("summary:"), count("description:")),
        (alerts.len(), alerts.len(), alerts.len())
    );
}

#[test]
fn what_is_scraped_is_where_the_services_listen() {
    let Some(compose) = compose::read() else { return };
    let config = text("deploy/prometheus/prometheus.yml");
    for (name, service) in compose::services(&compose).filter(|(name, _)| compose::SERVICES.contains(name)) {
        let listen =
            compose::environment(service).into_iter().find(|(key, _)| key == "LEASEHOLD__ADMIN__LISTEN");
        let port = listen.unwrap().1.rsplit(':').next().unwrap().to_owned();
        assert!(config.contains(&format!("[\"{name}:{port}\"]")), "{name}:{port} is not scraped");
    }
}
