//! What others made of the same formats: they open, verify and sign what we do, and we what they do.
//!
//! A program that is named in the environment has to work. One that is not named is looked for, and a test that
//! finds none says so and passes: `cargo xtask test` names them all.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests and what they share")]

mod age;
mod file;
mod securesystemslib;

use std::process::{Command, Stdio};

/// What the command says on standard output; it has to end well.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Whether the command can be started and ends well.
fn works(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}
