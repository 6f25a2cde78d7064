//! Project tasks, started as `cargo xtask TASK`: what other projects do with shell scripts.
//!
//! Each task has a module; `TASKS` lists them. Nothing here depends on a crate of ours, so that the tasks work
//! while those do not compile.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks through both")]

mod args;
mod browser;
mod codegen;
mod forward;
mod report;
mod system;
mod test;
mod tidy;
mod tools;
mod unpacked;
mod workspace;

use std::process::ExitCode;

use args::{Args, Call, Flag, Task};

/// What goes wrong in a task, as the sentence that its user reads.
type Result<T> = std::result::Result<T, String>;

/// Ended as it should.
const DONE: ExitCode = ExitCode::SUCCESS;
/// A check did not pass, or a task could not be carried out.
const FAILED: u8 = 1;
/// The command line names something that there is not.
const USAGE: u8 = 2;

const FAST: Flag =
    Flag { name: "--fast", value: None, help: "leave out what needs the network: fetch and install nothing" };

/// Every task, in the order that `--help` shows.
static TASKS: &[Task] = &[
    Task {
        name: "test",
        summary: "run every check and test, bringing the tools that are missing",
        operand: None,
        flags: &[FAST],
        run: test::run,
    },
    Task {
        name: "ci",
        summary: "the same as test: what continuous integration runs",
        operand: None,
        flags: &[FAST],
        run: test::run,
    },
    Task {
        name: "tidy",
        summary: "check the rules of the tree: who depends on whom, file sizes, error pages, links",
        operand: None,
        flags: &[],
        run: tidy::run,
    },
    Task {
        name: "codegen",
        summary: "format proto/ and generate its Rust code again",
        operand: None,
        flags: &[],
        run: codegen::run,
    },
    Task {
        name: "conformance",
        summary: "run files of conformance cases against a server",
        operand: Some("PATH"),
        flags: &[
            Flag { name: "--store", value: Some("STORE"), help: "sqlite (the default) or postgres" },
            Flag { name: "--json", value: None, help: "print the outcome as JSON" },
            Flag {
                name: "--without-models",
                value: None,
                help: "leave scenarios with a model out, and say so",
            },
        ],
        run: forward::conformance,
    },
    Task {
        name: "bench",
        summary: "measure, side by side with what each figure is compared to (release build)",
        operand: None,
        flags: &[
            Flag { name: "--only", value: Some("IDS"), help: "these figures alone, as in P1,P3" },
            Flag { name: "--json", value: Some("FILE"), help: "write the figures to FILE as well" },
            Flag {
                name: "--seconds",
                value: Some("N"),
                help: "how long each run lasts, 1 to 120 (default 10)",
            },
            Flag {
                name: "--leasehold",
                value: Some("PATH"),
                help: "measure this program instead of one built now",
            },
        ],
        run: forward::bench,
    },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match args::parse(TASKS, &words) {
        Ok(Call::Help(text)) => {
            print!("{text}");
            DONE
        }
        Ok(Call::Run(task, args)) => run(task, &args),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(USAGE)
        }
    }
}

fn run(task: &Task, args: &Args) -> ExitCode {
    (task.run)(args).unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::from(FAILED)
    })
}
