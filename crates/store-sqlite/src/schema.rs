//! The tables of licensing in a file, without a store: where they stand, and bringing them up to date.

pub use crate::open::{known, look, migrate};
