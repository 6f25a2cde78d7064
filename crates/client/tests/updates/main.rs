//! Updates against a small service that does as the test tells it: cuts, lies, withholds and repeats.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod believed;
mod crash;
mod events;
mod fake;
mod fetch;
mod place;
mod refused;
#[expect(dead_code, reason = "other tests sign other things with it")]
#[path = "../sdk/fake/vendor.rs"]
mod vendor;
mod way_back;
