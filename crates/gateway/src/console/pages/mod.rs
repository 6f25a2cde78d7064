//! The pages, as values: what each shows, said before any of it is fetched. Their markup is in `templates/`.
//!
//! A page holds no rule: it shows what it was given.

pub(crate) mod activity;
pub(crate) mod administration;
pub(crate) mod ask;
pub(crate) mod back_office;
pub(crate) mod dashboard;
pub(crate) mod device;
pub(crate) mod devices;
pub(crate) mod feature;
pub(crate) mod features;
pub(crate) mod form;
pub(crate) mod problem;
pub(crate) mod sign_in;
#[cfg(test)]
mod tests;
