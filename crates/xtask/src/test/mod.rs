//! Every check and test, in one command: first what is quick, then what compiles.

mod summary;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::args::Args;
use crate::browser;
use crate::forward::BENCH_PACKAGE;
use crate::report::{Report, Verdict, judge};
use crate::system;
use crate::tidy;
use crate::tools::Tools;
use crate::unpacked;
use crate::workspace::Workspace;

/// Tells the tests which Python has grpcio, securesystemslib and their companions.
const PYTHON_VARIABLE: &str = "LEASEHOLD_TEST_PYTHON";
/// Tells the tests which sslyze scans the server.
const SCANNER_VARIABLE: &str = "LEASEHOLD_TEST_SSLYZE";
/// Tells the tests which age seals and opens files.
const AGE_VARIABLE: &str = "LEASEHOLD_TEST_AGE";
/// Tells the tests where the packages are that drive and judge a browser.
const BROWSER_VARIABLE: &str = "LEASEHOLD_TEST_BROWSER_MODULES";
/// Tells the tests in which folder the programs are that judge the deployment.
const DEPLOYMENT_VARIABLE: &str = "LEASEHOLD_TEST_DEPLOYMENT_TOOLS";
/// Tells the tests which promtool checks the alert rules.
const PROMTOOL_VARIABLE: &str = "LEASEHOLD_TEST_PROMTOOL";
/// Where the cases lie; those of whole scenarios are also run against a server.
const CASES: &str = "crates/domain/tests/conformance";
const SCENARIOS: [&str; 2] = ["capability.json", "estate.json"];

struct Run {
    workspace: Workspace,
    fast: bool,
    tools: Option<Tools>,
    promtool: Option<PathBuf>,
    browser: Option<PathBuf>,
    report: Report,
}

/// Runs all steps, whatever becomes of one, and fails if one failed.
pub(crate) fn run(args: &Args) -> crate::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut run = Run {
        workspace,
        fast: args.has("--fast"),
        tools: None,
        promtool: None,
        browser: None,
        report: Report::default(),
    };
    run.bring();
    run.check();
    run.test();
    Ok(run.report.close())
}

impl Run {
    /// What the later steps need.
    fn bring(&mut self) {
        let fast = self.fast;
        self.report.step("machine", || {
            let missing = system::missing();
            match (missing.is_empty(), fast) {
                (true, _) => Verdict::Passed,
                (false, true) => Verdict::LeftOut(system::advice(&missing)),
                (false, false) => system::install(&missing).into(),
            }
        });
        let (workspace, tools, promtool) = (&self.workspace, &mut self.tools, &mut self.promtool);
        self.report.step("tools", || {
            if fast {
                (*tools, *promtool) = (Tools::ready(workspace), unpacked::ready(workspace));
                let why = "some of the tools are not there; run once without --fast";
                let whole = tools.is_some() && promtool.is_some();
                return if whole { Verdict::Passed } else { Verdict::LeftOut(why.into()) };
            }
            let brought = Tools::bring(workspace).map(|brought| *tools = Some(brought));
            brought.and_then(|()| unpacked::bring(workspace).map(|program| *promtool = Some(program))).into()
        });
        let (workspace, packages) = (&self.workspace, &mut self.browser);
        self.report.step("browser tools", || {
            if fast {
                *packages = browser::ready(workspace);
                let why = "the packages are not there; run once without --fast";
                return if packages.is_some() { Verdict::Passed } else { Verdict::LeftOut(why.into()) };
            }
            browser::bring(workspace).map(|dir| *packages = Some(dir)).into()
        });
        if !fast {
            // Of every target: cargo-deny looks at them all and is told to stay offline.
            self.report.command("fetch", self.workspace.cargo().arg("fetch"));
        }
    }

    /// What is wrong without running anything of ours.
    fn check(&mut self) {
        self.cargo("format", &["fmt", "--all", "--check"]);
        let root = &self.workspace.root;
        self.report.step("tidy", || tidy::check_tree(root).into());
        self.tool("proto lint", "buf", &["lint"]);
        self.tool("proto format", "buf", &["format", "-d", "--exit-code"]);
        if self.fast {
            let why = "cargo-deny needs the crates of every target, which only a run without --fast fetches";
            self.report.step("dependencies", || Verdict::LeftOut(why.into()));
        } else {
            self.tool("dependencies", "cargo-deny", &["--offline", "check", "bans", "licenses", "sources"]);
        }
        self.cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    }

    /// What runs.
    fn test(&mut self) {
        let nextest = system::succeeds(self.workspace.cargo().args(["nextest", "--version"]));
        let words: &[&str] =
            if nextest { &["nextest", "run"] } else { &["test", "--all-targets", "--no-fail-fast"] };
        let documentation = self.watched("documentation", &["test", "--doc", "--no-fail-fast"]);
        let tests = self.watched("tests", words);
        self.conformance("conformance", "sqlite");
        self.conformance("conformance on pg", "postgres");
        for line in [documentation, tests].into_iter().flatten() {
            self.report.last_word(line);
        }
    }

    /// Runs the scenarios against a server that keeps its state in this store.
    fn conformance(&mut self, name: &'static str, store: &str) {
        let files: Vec<PathBuf> =
            SCENARIOS.iter().map(|name| self.workspace.root.join(CASES).join(name)).collect();
        let mut command = self.workspace.cargo();
        command
            .args(["run", "--quiet", "--package", BENCH_PACKAGE, "--", "conformance", "--without-models"])
            .args(["--store", store])
            .args(&files);
        self.report.step(name, || match files.iter().find(|file| !file.is_file()) {
            Some(absent) => Verdict::Failed(format!("{} is not there", absent.display())),
            None => judge(&mut command),
        });
    }

    fn cargo(&mut self, name: &'static str, words: &[&str]) {
        self.report.command(name, self.workspace.cargo().args(words));
    }

    fn tool(&mut self, name: &'static str, program: &str, words: &[&str]) {
        let command = self.tools.as_ref().map(|tools| self.workspace.program(tools.program(program)));
        let fast = self.fast;
        self.report.step(name, || match command {
            Some(mut command) => judge(command.args(words)),
            None if fast => Verdict::LeftOut(format!("{program} is not there")),
            None => Verdict::Failed(format!("{program} is not there: see the step `tools`")),
        });
    }

    /// Runs tests of the workspace; gives the line that sums them up.
    fn watched(&mut self, name: &'static str, words: &[&str]) -> Option<String> {
        let mut command = self.workspace.cargo();
        command.args(words).arg("--workspace");
        self.with_others(&mut command);
        let mut line = None;
        self.report.step(name, || match summary::run(&mut command) {
            Ok((status, found)) => {
                line = found;
                if status.success() { Verdict::Passed } else { Verdict::Failed(status.to_string()) }
            }
            Err(message) => Verdict::Failed(message),
        });
        line
    }

    /// Names the programs of others: a test that is told of one does not go without it.
    fn with_others(&self, command: &mut Command) {
        if !self.fast {
            command.env(AGE_VARIABLE, "age");
        }
        if let Some(packages) = &self.browser {
            command.env(BROWSER_VARIABLE, packages);
        }
        if let Some(tools) = &self.tools {
            command.env(PYTHON_VARIABLE, tools.python());
            command.env(SCANNER_VARIABLE, tools.program("sslyze"));
            command.env(DEPLOYMENT_VARIABLE, tools.deployment());
        }
        if let Some(promtool) = &self.promtool {
            command.env(PROMTOOL_VARIABLE, promtool);
        }
    }
}
