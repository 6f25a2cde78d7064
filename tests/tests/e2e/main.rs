//! Tests from end to end: the real binary or the real wiring, real sockets, real files.
//!
//! Each test has a server, a data directory and a port of its own, and needs no other to have run.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests and what they share")]

mod admin;
mod apart;
mod bad_input;
mod binary;
mod calls;
mod campaign;
mod checker;
mod client_sdk;
mod cluster;
mod commands;
mod console;
mod crash;
mod definitions;
mod demo;
mod deploy;
mod doctor;
mod foreign_client;
mod gateway;
mod herd;
mod holder;
mod leases;
mod migrate;
mod pinned;
mod player;
mod raw;
mod readme;
mod restart;
mod restored;
mod server;
mod start;
mod tls;
mod traces;
mod trust;
mod updates;
mod watched_clock;
