//! The service for updates over its real servers, with a vendor's repository over real HTTP, and licensing and
//! synchronisation as far as it sees them.

#![allow(clippy::unwrap_used, reason = "these are tests and what they share")]

mod check_in;
mod crash;
mod files;
mod fuse;
mod mirror;
mod notices;
mod peers;
mod raw;
mod repository;
mod web;
mod world;
