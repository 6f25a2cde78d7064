//! The configuration loads; where not, everything that is wrong with it.

use leasehold_runtime::config::Origin;

use super::Finding;
use crate::config::{Config, Sources};

const CHECK: &str = "configuration";

pub(super) fn check(sources: &Sources) -> (Vec<Finding>, Option<Config>) {
    match Config::load(sources) {
        Ok(config) => (vec![told(&config)], Some(config)),
        Err(first) => {
            let problems = Config::problems(sources);
            if problems.is_empty() {
                return (vec![Finding::error(CHECK, first)], None);
            }
            (problems.iter().map(|problem| Finding::error(CHECK, problem)).collect(), None)
        }
    }
}

fn told(config: &Config) -> Finding {
    let set: Vec<_> = config.effective().iter().filter(|row| row.origin != Origin::Default).collect();
    let mut files: Vec<String> = set
        .iter()
        .filter_map(|row| match &row.origin {
            Origin::File { path, .. } => Some(path.display().to_string()),
            _ => None,
        })
        .collect();
    files.sort();
    files.dedup();
    let count = match set.len() {
        0 => return Finding::passed(CHECK, "the built-in defaults; `leasehold config check` lists them"),
        1 => "1 setting is".to_owned(),
        count => format!("{count} settings are"),
    };
    let files = if files.is_empty() { String::new() } else { format!(", files: {}", files.join(", ")) };
    Finding::passed(CHECK, format!("{count} no default{files}"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn each_wrong_setting_is_named_and_a_good_configuration_passes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leasehold.toml");
        let sources = Sources { files: vec![file.clone()], ..Sources::default() };
        std::fs::write(&file, "[licensing]\nmax_batch = 10\n").unwrap();
        let (findings, config) = check(&sources);
        assert!(config.is_some() && findings[0].verdict == Verdict::Passed, "{findings:?}");
        assert!(findings[0].found.contains("1 setting is no default"), "{findings:?}");
        std::fs::write(&file, "[licensing]\nmax_batch = 0\nlisten = \"x\"\nqueue = 1\n").unwrap();
        let (findings, config) = check(&sources);
        assert!(config.is_none() && findings.iter().all(|finding| finding.verdict == Verdict::Failed));
        for (name, line) in [("max_batch", "line 2"), ("listen", "line 3"), ("queue", "line 4")] {
            let found = findings.iter().find(|finding| finding.found.contains(name)).unwrap();
            assert!(found.found.contains(line), "{found:?}");
        }
        assert_eq!(findings.len(), 3);
    }
}
