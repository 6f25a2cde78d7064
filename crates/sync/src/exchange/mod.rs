//! Exchanges with the vendor, from the request to the bundle in force.
//!
//! Every step of one is saved before what follows it, so that whoever starts anew finds where it stood: a request
//! before it is sent, a response before licensing has it, the end when licensing has said so. A save counts only if
//! nobody else has changed the instance since it was read; then all of it is read and decided again.
//! Reference: `docs/reference/sync.md`, "Exchanges".

pub(crate) mod accept;
pub(crate) mod alone;
pub(crate) mod check;
pub(crate) mod in_force;
pub(crate) mod online;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod response;

/// How often a change is decided anew because somebody else was faster. It is somebody's turn each time.
pub(crate) const TRIES: usize = 16;
