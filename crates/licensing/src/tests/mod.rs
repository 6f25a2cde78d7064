//! The service over a store in memory, with a vendor of its own.

mod bundles;
mod counted;
mod enrolment;
mod keys;
mod licensed;
mod notices;
mod refused_bundles;
mod signed;
mod suspended;
mod telling;
pub(crate) mod vendor;
mod wire;
pub(crate) mod world;
