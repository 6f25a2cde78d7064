//! The language-neutral cases beside this file, run against the rules. `README.md` describes their form.

#[path = "../fixture/mod.rs"]
mod fixture;
mod intervals;
mod run;
mod scenario;
mod versions;

use scenario::ScenarioFile;

/// Runs every scenario that has no model; says how many were run and which were skipped.
fn run_scenarios(text: &str) -> (usize, Vec<String>) {
    let file: ScenarioFile = serde_json::from_str(text).expect("the file has the documented form");
    let (mut run, mut skipped, mut mismatches) = (0, Vec::new(), Vec::new());
    for scenario in &file.scenarios {
        if scenario.model.is_some() {
            skipped.push(scenario.name.clone());
        } else {
            run += 1;
            mismatches.extend(run::run(scenario));
        }
    }
    assert!(mismatches.is_empty(), "{} mismatches:\n{}", mismatches.len(), mismatches.join("\n"));
    (run, skipped)
}

#[test]
fn capabilities_are_granted_as_written() {
    let (run, skipped) = run_scenarios(include_str!("capability.json"));
    println!("skipped, for they need the model language:\n  {}", skipped.join("\n  "));
    assert_eq!(
        (run, skipped.len()),
        (28, 15),
        "a scenario has come, gone or changed sides; skipped: {skipped:#?}"
    );
}

#[test]
fn an_estate_works_through_its_day_as_written() {
    assert_eq!(run_scenarios(include_str!("estate.json")), (1, Vec::new()));
}

#[test]
fn borrows_end_as_written() {
    let (run, mismatches) = intervals::run(include_str!("intervals.json"));
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    assert_eq!(run, 10);
}

#[test]
fn versions_compare_as_written() {
    let (run, mismatches) = versions::run(include_str!("versions.json"));
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    assert_eq!(run, 16);
}

#[test]
fn a_key_that_nobody_knows_is_refused() {
    let text = r#"{"scenarios": [{"name": "n", "line_items": [], "steps": [], "reservation": []}]}"#;
    let error = serde_json::from_str::<ScenarioFile>(text).unwrap_err().to_string();
    assert!(error.contains("unknown field `reservation`"), "{error}");
}

#[test]
fn every_kind_of_expectation_is_compared() {
    let text = r#"{"scenarios": [{
        "name": "all of it wrong",
        "line_items": [{"id": "L1", "feature": "a", "count": 1, "overdraft": "100%"}],
        "steps": [
            {"request": {"device": "D1", "features": [{"name": "a"}], "request_id": "r"},
             "expect": {"outcomes": [{"feature": "a", "outcome": "GRANTED", "count": 1, "reasons": []}]}},
            {"request": {"device": "D2", "features": [{"name": "a", "count": 2}]},
             "expect": {"outcomes": [{"feature": "a", "outcome": "GRANTED", "count": 2, "reasons": []}],
                        "held": {"D1": {"a": 2}, "D2": {}},
                        "line_items": {"D1": {"L2": 1}},
                        "overdraft_used": {"a": 1},
                        "pools": {"default": {"a": {"allocated": 1, "used": 1}}},
                        "same_answer_as_step": 0}}
        ]
    }]}"#;
    let file: ScenarioFile = serde_json::from_str(text).unwrap();
    let found = run::run(&file.scenarios[0]).join("\n");
    let wrong = [
        "outcomes",
        "held by D1",
        "line items of D1",
        "overdraft used of a",
        "pools",
        "the answer of step 0",
    ];
    for what in wrong {
        assert!(
            found.contains(&format!("all of it wrong, step 1: {what}")),
            "{what} is not compared:\n{found}"
        );
    }
    assert!(!found.contains("held by D2"), "{found}");
}
