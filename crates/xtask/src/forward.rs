//! The tasks that the bench crate carries out: conformance cases and measurements. Arguments and the exit status
//! pass through.

use std::process::ExitCode;

use crate::args::Args;
use crate::workspace::{Workspace, passed_through, run};

/// The package that holds the runner of the conformance cases and the benches.
pub(crate) const BENCH_PACKAGE: &str = "leasehold-bench";

/// Runs files of conformance cases, in the dev profile.
pub(crate) fn conformance(args: &Args) -> crate::Result<ExitCode> {
    forward("conformance", &[], args)
}

/// The profile of what is shipped.
const SHIPPED: &str = "dist";

/// Runs the benches on a program built now, as it is shipped: an old one would be measured unnoticed.
pub(crate) fn bench(args: &Args) -> crate::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--profile", SHIPPED, "--package", "leasehold"]);
    let status = run(&mut build)?;
    if !status.success() {
        return Ok(passed_through(status));
    }
    forward("bench", &["--profile", SHIPPED], args)
}

fn forward(task: &str, profile: &[&str], args: &Args) -> crate::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut command = workspace.cargo();
    // Paths on the command line are meant from where the user is.
    command.current_dir(std::env::current_dir().map_err(|error| format!("no current folder: {error}"))?);
    command.arg("run").arg("--quiet").args(profile);
    command.arg("--manifest-path").arg(workspace.root.join("Cargo.toml"));
    command.args(["--package", BENCH_PACKAGE, "--", task]).args(args.words());
    Ok(passed_through(run(&mut command)?))
}
