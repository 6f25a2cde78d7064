use std::path::Path;

use super::form::Scenario;
use super::*;

const RIGHT: &str = r#"{"scenarios": [{
    "name": "all of it right",
    "now": "2026-06-01T00:00:00Z",
    "line_items": [
        {"id": "L1", "feature": "a", "count": 1, "overdraft": "100%"},
        {"id": "L2", "feature": "a", "version": "2.0", "count": 1},
        {"id": "L3", "feature": "b", "count": 3, "starts_at": "2026-06-02T00:00:00Z"}
    ],
    "reservations": [],
    "steps": [
        {"request": {"device": "D1", "features": [{"name": "a", "count": 2}], "request_id": "r"},
         "expect": {"outcomes": [{"feature": "a", "outcome": "GRANTED", "count": 2, "reasons": []}],
                    "held": {"D1": {"a": 2}, "D2": {}},
                    "line_items": {"D1": {"L1": 1, "L2": 1}},
                    "overdraft_used": {"a": 0},
                    "pools": {"default": {"a": {"allocated": 2, "used": 2}}}}},
        {"request": {"device": "D1", "features": [{"name": "a", "count": 2}], "request_id": "r"},
         "expect": {"same_answer_as_step": 0, "held": {"D1": {"a": 2}}}},
        {"request": {"device": "D2/STRING", "features": [{"name": "a"}, {"name": "b"}]},
         "expect": {"outcomes": [{"feature": "a", "outcome": "GRANTED", "count": 1, "reasons": []},
                                 {"feature": "b", "outcome": "REFUSED", "count": 0, "reasons": ["NOT_STARTED"]}],
                    "overdraft_used": {"a": 1}}},
        {"request": {"device": "D1", "features": []},
         "expect": {"outcomes": [], "held": {"D1": {}, "D2": {"a": 1}}}}
    ]
}]}"#;

/// The verdict on a file's one scenario.
async fn verdict(text: &str) -> Outcome {
    verdict_on(&Stores::Files, text).await
}

async fn verdict_on(stores: &Stores, text: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.json");
    std::fs::write(&path, text).unwrap();
    let cases = file::read_all(&[path]).unwrap();
    let [case] = cases.as_slice() else { panic!("one scenario") };
    judge(stores, case, false).await.result
}

fn told(outcome: Outcome) -> String {
    let verdict = Verdict { file: "cases.json".into(), name: "n".into(), result: outcome };
    report::prose(&verdict)
}

#[tokio::test]
async fn what_is_right_passes() {
    let text = told(verdict(RIGHT).await);
    assert_eq!(text, "passed   n");
}

#[tokio::test]
async fn scenarios_in_one_postgres_know_nothing_of_each_other() {
    let stores = Stores::databases().await.unwrap();
    for _ in 0..2 {
        assert_eq!(told(verdict_on(&stores, RIGHT).await), "passed   n");
    }
    let wrong = RIGHT.replace(r#"["NOT_STARTED"]"#, r#"["EXPIRED"]"#);
    assert!(told(verdict_on(&stores, &wrong).await).starts_with("FAILED   n"));
    assert_eq!(told(verdict_on(&stores, RIGHT).await), "passed   n");
}

#[tokio::test]
async fn every_kind_of_expectation_can_fail() {
    for (right, wrong, said) in [
        (r#""count": 2, "reasons": []"#, r#""count": 1, "reasons": []"#, "step 0, outcomes:"),
        (r#"["NOT_STARTED"]"#, r#"["EXPIRED"]"#, "step 2, outcomes:"),
        (r#""held": {"D1": {"a": 2}, "D2": {}}"#, r#""held": {"D2": {"a": 1}}"#, "step 0, held by D2:"),
        (r#"{"L1": 1, "L2": 1}"#, r#"{"L1": 2}"#, "step 0, line items of D1:"),
        (r#""overdraft_used": {"a": 1}"#, r#""overdraft_used": {"a": 0}"#, "step 2, overdraft used of a:"),
        (
            r#"{"allocated": 2, "used": 2}"#,
            r#"{"allocated": 3, "used": 2}"#,
            "step 0, a in the pool default:",
        ),
        (
            r#""a", "count": 2}], "request_id": "r"},
         "expect": {"same"#,
            r#""a", "count": 2}], "request_id": "s"},
         "expect": {"same"#,
            "step 1, the answer of step 0 again:",
        ),
    ] {
        assert_eq!(RIGHT.matches(right).count(), 1, "{right}");
        let text = told(verdict(&RIGHT.replace(right, wrong)).await);
        assert!(text.starts_with("FAILED   n"), "{wrong}:\n{text}");
        assert!(text.contains(said), "{said}\n{text}");
        assert!(text.contains("\n        expected  ") && text.contains("\n        got       "), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_run_fails_with_its_reason() {
    for (right, wrong, said) in [
        (r#""now""#, r#""colour": "red", "now""#, "scenarios[0]: unknown field `colour`"),
        (r#""overdraft": "100%""#, r#""overdarft": "100%""#, "line_items[0].overdarft: unknown key"),
        (
            r#""device": "D2/STRING""#,
            r#""device": "D2/STRONG""#,
            "steps[2]: request: \"D2/STRONG\" is not a hostid",
        ),
        (
            r#"{"name": "b"}"#,
            r#"{"name": "b", "count": 0}"#,
            "steps[2]: RequestCapabilities failed with InvalidArgument",
        ),
        (
            r#""reservations": []"#,
            r#""reservations": [{"group": "g", "hostid": "D", "entries": [{"feature": "a", "count": 9}]}]"#,
            "the rights cannot be put in force",
        ),
        (r#""now""#, r#""model": "model \"m\" { }", "now""#, NO_MODELS),
    ] {
        assert_eq!(RIGHT.matches(right).count(), 1, "{right}");
        let text = told(verdict(&RIGHT.replace(right, wrong)).await);
        assert!(text.starts_with("FAILED   n"), "{wrong}:\n{text}");
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[tokio::test]
async fn scenarios_with_a_model_are_skipped_only_where_asked_to() {
    let scenario = Scenario::read(&serde_json::json!({"line_items": [], "steps": []}));
    let case = Case { file: Path::new("f").into(), name: "n".into(), needs_model: true, scenario };
    assert!(matches!(judge(&Stores::Files, &case, true).await.result, Outcome::Skipped { .. }));
    assert!(matches!(judge(&Stores::Files, &case, false).await.result, Outcome::Failed { .. }));
}

#[tokio::test]
async fn the_shared_scenarios_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/tests/conformance");
    let files = ["capability.json", "estate.json"].map(|name| folder.join(name));
    let cases = file::read_all(&files).unwrap();
    let mut verdicts = Vec::new();
    for case in &cases {
        verdicts.push(judge(&Stores::Files, case, true).await);
    }
    let tally = Tally::of(&verdicts);
    let failed = verdicts.iter().filter(|verdict| matches!(verdict.result, Outcome::Failed { .. }));
    let failed: Vec<String> = failed.map(report::prose).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(tally.passed >= 29, "{}", tally.line());
}
