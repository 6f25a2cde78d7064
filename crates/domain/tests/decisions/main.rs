//! The rules of licensing, one table or short story for each.

mod drawing;
mod ending;
#[path = "../fixture/mod.rs"]
mod fixture;
mod holding;
mod intervals;
mod leave;
mod reasons;
mod requests;
mod reservations;
mod restored;
mod rights;
mod site;
