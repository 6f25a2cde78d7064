//! The built program, run as its users run it: arguments, exit codes, what it prints, signals.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod admin;
mod backup;
mod certs;
mod config;
mod doctor;
mod health;
mod init;
mod migrate;
mod pins;
mod run;
mod serve;
mod service;
mod support;
mod sync;
mod vendor;
