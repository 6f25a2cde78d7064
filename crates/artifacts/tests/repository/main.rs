//! Publishing, mirroring and trusting, with others' tools on the other side, and with a process that ends at every step.
//!
//! A Python that is named in the environment has to have python-tuf. Where none is named, the tests that want it say so
//! and pass: `cargo xtask test` names it.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests and what they share")]

mod client;
mod crash;
mod hostile;
mod http;
mod mirror;
mod publish;
mod stock;
mod support;
