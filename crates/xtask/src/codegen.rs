//! Formats the contracts and has the freshness test of the proto crate write the generated code again.

use std::process::ExitCode;

use crate::args::Args;
use crate::system;
use crate::tools::Tools;
use crate::workspace::{self, Workspace, passed_through};

/// Formats proto/ where `buf` is at hand, then generates.
pub(crate) fn run(_: &Args) -> crate::Result<ExitCode> {
    let workspace = Workspace::find()?;
    // First the format: comments of the contracts end up in the code.
    match buf(&workspace) {
        Some(buf) => {
            let status = workspace::run(workspace.program(buf).args(["format", "-w"]))?;
            if !status.success() {
                return Ok(passed_through(status));
            }
        }
        None => eprintln!("buf is not at hand, so proto/ stays as it is; `cargo xtask test` brings it"),
    }
    let mut generate = workspace.cargo();
    generate.args(["test", "--quiet", "--package", "leasehold-proto", "--test", "fresh"]);
    Ok(passed_through(workspace::run(generate.env("LEASEHOLD_BLESS", "1"))?))
}

fn buf(workspace: &Workspace) -> Option<std::path::PathBuf> {
    Tools::ready(workspace).map(|tools| tools.program("buf")).or_else(|| system::on_path("buf"))
}
