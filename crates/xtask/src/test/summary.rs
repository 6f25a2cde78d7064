//! Runs a test command with its output passed on, and keeps the line that sums the tests up, so that it can stand
//! at the end of a long run.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

/// How the command ended and, if a test ran, its summary: nextest's own line, or the sum of those of `cargo test`.
pub(crate) fn run(command: &mut Command) -> crate::Result<(ExitStatus, Option<String>)> {
    if std::io::stderr().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    run_into(command, std::io::stdout(), std::io::stderr())
}

fn run_into(
    command: &mut Command,
    to_out: impl Write,
    to_err: impl Write + Send,
) -> crate::Result<(ExitStatus, Option<String>)> {
    let program = command.get_program().display().to_string();
    let failed = |error: std::io::Error| format!("cannot run {program}: {error}");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let summary = thread::scope(|scope| {
        let watched = scope.spawn(move || err.map(|err| watch(err, to_err)).unwrap_or_default());
        let mut summary = out.map(|out| watch(out, to_out)).unwrap_or_default();
        summary.add(watched.join().unwrap_or_default());
        summary
    });
    Ok((child.wait().map_err(failed)?, summary.line()))
}

/// Passes every line on and reads those that sum up.
fn watch(from: impl Read, mut to: impl Write) -> Summary {
    let mut summary = Summary::default();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A terminal that is gone is no reason to stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        summary.see(&without_colours(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    summary
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    nextest: Option<String>,
    binaries: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Summary {
    fn see(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with("Summary [") {
            self.nextest = Some(line.to_owned());
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.binaries += 1;
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
        }
    }

    fn add(&mut self, other: Self) {
        self.nextest = self.nextest.take().or(other.nextest);
        self.binaries += other.binaries;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    fn line(&self) -> Option<String> {
        if self.nextest.is_some() || self.binaries == 0 {
            return self.nextest.clone();
        }
        let Self { passed, failed, ignored, .. } = self;
        let verdict = if *failed == 0 { "ok" } else { "FAILED" };
        Some(format!("test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored"))
    }
}

/// The number before `what`, as in `3 passed; 1 failed`.
fn count(counts: &str, what: &str) -> u64 {
    let words: Vec<&str> = counts.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
    let number = words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok());
    number.unwrap_or(0)
}

/// The text without terminal escapes of the form `ESC [ … letter`.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> Option<String> {
        let mut passed_on = Vec::new();
        let summary = watch(text.as_bytes(), &mut passed_on);
        assert_eq!(passed_on, text.as_bytes(), "the output passes unchanged");
        summary.line()
    }

    #[test]
    fn the_line_of_nextest_is_kept_without_its_colours() {
        let text = "PASS a\n\u{1b}[31;1m     Summary\u{1b}[0m [   0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped\nx";
        assert_eq!(summary(text).unwrap(), "Summary [   0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn the_results_of_test_binaries_are_summed() {
        let text = "\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.0s\n";
        assert_eq!(summary(text).unwrap(), "test result: FAILED. 7 passed; 2 failed; 1 ignored");
    }

    #[test]
    fn without_a_test_there_is_no_summary() {
        assert_eq!(summary("error: could not compile\n"), None);
    }

    #[test]
    fn both_streams_are_read() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: ok. 1 passed; 0 failed' ; echo 'Summary [ 1s] 1 test run' >&2; exit 3",
        ]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (status, line) = run_into(&mut command, &mut out, &mut err).unwrap();
        assert!(out.starts_with(b"test result") && err.starts_with(b"Summary"));
        assert_eq!(status.code(), Some(3));
        assert_eq!(line.unwrap(), "Summary [ 1s] 1 test run");
    }
}
