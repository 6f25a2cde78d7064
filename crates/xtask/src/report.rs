//! Runs the steps of a long task, names each with its time, goes on after a failure and sums up at the end.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::workspace;

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Well.
    Passed,
    /// Badly, and why.
    Failed(String),
    /// It was not run, and why; that alone fails nothing.
    LeftOut(String),
}

impl From<crate::Result<()>> for Verdict {
    fn from(result: crate::Result<()>) -> Self {
        result.map_or_else(Self::Failed, |()| Self::Passed)
    }
}

struct Step {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
    last_words: Vec<String>,
}

impl Report {
    /// Does a step's work under its name.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Verdict) {
        println!("==> {name}");
        let start = Instant::now();
        let verdict = work();
        let took = start.elapsed();
        println!("    {} ({:.1} s)\n", word(&verdict), took.as_secs_f64());
        self.steps.push(Step { name, verdict, took });
    }

    /// A step that is one command.
    pub(crate) fn command(&mut self, name: &'static str, command: &mut Command) {
        self.step(name, || judge(command));
    }

    /// Notes a line to be repeated at the very end.
    pub(crate) fn last_word(&mut self, line: String) {
        self.last_words.push(line);
    }

    /// Prints the table of steps and gives the exit status of the whole.
    pub(crate) fn close(self) -> ExitCode {
        print!("{}", self.table());
        for line in &self.last_words {
            println!("{line}");
        }
        if self.failed() { ExitCode::from(crate::FAILED) } else { crate::DONE }
    }

    fn failed(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.verdict, Verdict::Failed(_)))
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for Step { name, verdict, took } in &self.steps {
            let line = format!("{name:<18} {:>7.1} s  {}", took.as_secs_f64(), word(verdict));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let bad: Vec<&str> = self
            .steps
            .iter()
            .filter(|step| matches!(step.verdict, Verdict::Failed(_)))
            .map(|step| step.name)
            .collect();
        if bad.is_empty() && self.steps.iter().all(|step| step.verdict == Verdict::Passed) {
            text += "every step passed\n";
        } else if bad.is_empty() {
            text += "no step failed, but not every one was run\n";
        } else {
            text += "failed: ";
            text += &bad.join(", ");
            text.push('\n');
        }
        text
    }
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Failed(why) => format!("FAILED: {why}"),
        Verdict::LeftOut(why) => format!("left out: {why}"),
    }
}

/// Runs a command and turns its end into a verdict.
pub(crate) fn judge(command: &mut Command) -> Verdict {
    match workspace::run(command) {
        Ok(status) if status.success() => Verdict::Passed,
        Ok(status) => Verdict::Failed(status.to_string()),
        Err(message) => Verdict::Failed(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_is_named() {
        let mut report = Report::default();
        report.command("good", &mut Command::new("true"));
        report.step("absent", || Verdict::LeftOut("no network".into()));
        assert!(!report.failed());
        report.command("bad", &mut Command::new("false"));
        report.command("none", &mut Command::new("no-program-has-this-name"));
        report.command("after", &mut Command::new("true"));
        assert!(report.failed());
        let table = report.table();
        assert!(table.ends_with("failed: bad, none\n"), "{table}");
        assert!(table.contains("left out: no network") && table.contains("after "), "{table}");
    }
}
