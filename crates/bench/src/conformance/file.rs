//! Finding the scenarios in a file. What is wrong with a file as a whole ends the run; what is wrong with a scenario
//! fails that scenario.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::form::{self, Scenario};
use super::json;

/// Files of cases that check the rules alone: a key that tells them, and what they are.
const OTHER_CASES: &[(&str, &str)] =
    &[("cases", "ends of borrows"), ("equal", "the order of versions"), ("accepted", "texts of models")];

/// A scenario as a file has it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) file: PathBuf,
    /// Its name, or its place in the file.
    pub(super) name: String,
    pub(super) needs_model: bool,
    /// An error names the path in the scenario.
    pub(super) scenario: Result<Scenario, String>,
}

/// Reads every scenario of every file, in order. An error names the file, and line or path.
pub(super) fn read_all(files: &[PathBuf]) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| {
            format!("{} cannot be read: {error}; give JSON files of scenarios", file.display())
        })?;
        cases.extend(parse(file, &text)?);
    }
    Ok(cases)
}

fn parse(file: &Path, text: &str) -> Result<Vec<Case>, String> {
    let value = json::read(text).map_err(|error| not_json(file, &error))?;
    let at = |problem: &str| format!("{}, {problem}", file.display());
    let Some(object) = value.as_object() else {
        return Err(at("line 1: must be an object with the list `scenarios`"));
    };
    let Some(scenarios) = object.get("scenarios") else {
        return Err(at(&no_scenarios(&value)));
    };
    if let Some(key) = object.keys().find(|key| *key != "scenarios") {
        return Err(at(&format!("{key}: unknown key; a file of scenarios has the key `scenarios` alone")));
    }
    match scenarios.as_array().map(Vec::as_slice) {
        None => Err(at("scenarios: must be a list in brackets")),
        Some([]) => Err(at("scenarios: is empty, so nothing would be checked")),
        Some(list) => Ok(list.iter().enumerate().map(|(index, value)| case(file, index, value)).collect()),
    }
}

fn case(file: &Path, index: usize, value: &Value) -> Case {
    let place = format!("scenarios[{index}]");
    let name = value.get("name").and_then(Value::as_str).map_or_else(|| place.clone(), str::to_owned);
    let scenario = Scenario::read(value).map_err(|error| format!("{place}: {error}"));
    Case { file: file.to_owned(), name, needs_model: form::has_model(value), scenario }
}

fn no_scenarios(value: &Value) -> String {
    match OTHER_CASES.iter().find(|(key, _)| value.get(key).is_some()) {
        Some((key, what)) => format!(
            "{key}: these cases are about {what}, which the rules' own tests check \
             (cargo test -p leasehold-domain); give files with the list `scenarios`"
        ),
        None => "scenarios: is missing; a file of scenarios is {\"scenarios\": [...]}".to_owned(),
    }
}

fn not_json(file: &Path, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    format!("{}, line {line}, column {column}: not JSON as it should be: {problem}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(Path::new("cases.json"), text).unwrap_err()
    }

    #[test]
    fn a_file_that_is_no_list_of_scenarios_is_told_apart() {
        for (text, said) in [
            ("{\n \"scenarios\": [}", "cases.json, line 2, column 16: not JSON"),
            ("[]", "cases.json, line 1: must be an object"),
            ("{}", "cases.json, scenarios: is missing"),
            (r#"{"scenarios": {}}"#, "cases.json, scenarios: must be a list"),
            (r#"{"scenarios": []}"#, "cases.json, scenarios: is empty"),
            (r#"{"scenarios": [{}], "scenario": 1}"#, "cases.json, scenario: unknown key"),
            (
                r#"{"time_zone": "UTC", "cases": []}"#,
                "cases.json, cases: these cases are about ends of borrows",
            ),
            (r#"{"equal": [], "less": []}"#, "the order of versions"),
            (r#"{"accepted": []}"#, "texts of models"),
        ] {
            assert!(complaint(text).starts_with("cases.json, "), "{}", complaint(text));
            assert!(complaint(text).contains(said), "{}", complaint(text));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read_all(&["/no/such/cases.json".into()]).unwrap_err();
        assert!(error.starts_with("/no/such/cases.json cannot be read"), "{error}");
    }

    #[test]
    fn a_broken_scenario_leaves_the_others_alone() {
        let text = r#"{"scenarios": [
            {"name": "good", "line_items": [], "steps": []},
            {"line_items": [], "steps": [], "colour": "red"},
            {"name": "model", "line_items": [], "steps": [], "model": "model \"m\" { }"}
        ]}"#;
        let cases = parse(Path::new("cases.json"), text).unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["good", "scenarios[1]", "model"]);
        let error = cases[1].scenario.as_ref().unwrap_err();
        assert!(error.starts_with("scenarios[1]: unknown field `colour`"), "{error}");
        assert!(cases[0].scenario.is_ok() && cases[2].needs_model && !cases[0].needs_model);
    }
}
