//! The service as its callers meet it, with a licensing service and a back office in memory that can lose answers, be
//! slow, refuse, replay and forge.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod access;
mod certification;
mod connection;
mod crash;
mod door;
mod enrolment;
mod files;
mod fuse;
mod licensing;
mod online;
mod raw;
mod refusals;
mod replicas;
mod schedule;
mod vendor;
mod world;
