//! How a run of scenarios is told: line by line for people, or as one JSON document.

use std::fmt::Write as _;

use serde::Serialize;

use super::run::Mismatch;

/// What became of one scenario.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) file: String,
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) result: Outcome,
}

/// How a scenario ended.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Everything was as expected.
    Passed,
    /// Something was not, or the scenario could not be run.
    Failed {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        mismatches: Vec<Mismatch>,
    },
    /// Left out on demand.
    Skipped { reason: String },
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Tally {
    pub(super) fn of(verdicts: &[Verdict]) -> Self {
        let mut tally = Self::default();
        for verdict in verdicts {
            match verdict.result {
                Outcome::Passed => tally.passed += 1,
                Outcome::Failed { .. } => tally.failed += 1,
                Outcome::Skipped { .. } => tally.skipped += 1,
            }
        }
        tally
    }

    /// The closing line.
    pub(super) fn line(self) -> String {
        let mut line = format!("{} passed, {} failed", self.passed, self.failed);
        if self.skipped > 0 {
            let _ = write!(line, ", {} skipped", self.skipped);
        }
        line
    }
}

/// One scenario for people; several lines where it failed.
pub(super) fn prose(verdict: &Verdict) -> String {
    let Verdict { file, name, result } = verdict;
    match result {
        Outcome::Passed => format!("passed   {name}"),
        Outcome::Skipped { reason } => format!("skipped  {name} ({reason})"),
        Outcome::Failed { reason, mismatches } => {
            let mut text = format!("FAILED   {name} ({file})");
            if let Some(reason) = reason {
                let _ = write!(text, "\n    {reason}");
            }
            for Mismatch { step, what, expected, got } in mismatches {
                let _ = write!(text, "\n    step {step}, {what}:");
                let _ = write!(text, "\n        expected  {expected}\n        got       {got}");
            }
            text
        }
    }
}

/// All of them as one document.
pub(super) fn document(verdicts: &[Verdict]) -> Result<String, String> {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(flatten)]
        tally: Tally,
        scenarios: &'a [Verdict],
    }
    let document = Document { tally: Tally::of(verdicts), scenarios: verdicts };
    serde_json::to_string_pretty(&document)
        .map_err(|error| format!("the outcome cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdicts() -> Vec<Verdict> {
        let verdict = |name: &str, result| Verdict { file: "cases.json".into(), name: name.into(), result };
        let mismatch =
            Mismatch { step: 2, what: "held by D1".into(), expected: r#"{"f":1}"#.into(), got: "{}".into() };
        vec![
            verdict("one", Outcome::Passed),
            verdict("two", Outcome::Failed { reason: None, mismatches: vec![mismatch] }),
            verdict("three", Outcome::Skipped { reason: "needs more".into() }),
            verdict("four", Outcome::Failed { reason: Some("no server".into()), mismatches: vec![] }),
        ]
    }

    #[test]
    fn the_closing_line_names_what_was_skipped_only_if_something_was() {
        assert_eq!(Tally::of(&verdicts()).line(), "1 passed, 2 failed, 1 skipped");
        assert_eq!(Tally::of(&verdicts()[..1]).line(), "1 passed, 0 failed");
    }

    #[test]
    fn a_mismatch_is_told_with_step_expectation_and_answer() {
        let text = prose(&verdicts()[1]);
        assert_eq!(
            text,
            "FAILED   two (cases.json)\n    step 2, held by D1:\n        expected  {\"f\":1}\n        got       {}"
        );
        assert!(prose(&verdicts()[3]).ends_with("\n    no server"));
    }

    #[test]
    fn the_document_has_every_scenario() {
        let document: Value = serde_json::from_str(&document(&verdicts()).unwrap()).unwrap();
        assert_eq!(
            (&document["passed"], &document["failed"], &document["skipped"]),
            (&json!(1), &json!(2), &json!(1))
        );
        let results: Vec<&Value> =
            document["scenarios"].as_array().unwrap().iter().map(|scenario| &scenario["result"]).collect();
        assert_eq!(results, ["passed", "failed", "skipped", "failed"]);
        assert_eq!(document["scenarios"][1]["mismatches"][0]["step"], 2);
        assert_eq!(document["scenarios"][3]["reason"], "no server");
    }
}
