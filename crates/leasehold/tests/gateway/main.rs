//! The gateway as people and scripts meet it: over HTTP, in front of a whole server in one process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod changes;
mod described;
mod events;
mod first;
mod foreign;
mod lists;
mod repository;
mod sessions;
mod support;
mod tokens;
mod updates;
