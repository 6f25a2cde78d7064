//! The service over a store in memory, with a vendor of its own.

mod bundles;
mod enrolment;
mod keys;
mod refused_bundles;
mod signed;
mod telling;
pub(crate) mod vendor;
pub(crate) mod world;
