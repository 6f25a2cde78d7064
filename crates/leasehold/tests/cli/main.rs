//! The built program, run as its users run it: arguments, exit codes, what it prints, signals.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod admin;
mod certs;
mod config;
mod init;
mod pins;
mod run;
mod serve;
mod support;
mod sync;
mod vendor;
