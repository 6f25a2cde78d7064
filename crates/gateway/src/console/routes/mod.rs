//! What is done for each address: services are asked, and a page is made of what they say. One file for each subject.
//!
//! Nothing is decided here. Who may do what, and what it does, the services say; a button that they would refuse is shown
//! disabled so that nobody tries in vain.

pub(crate) mod about;
pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod back_office;
pub(crate) mod dashboard;
pub(crate) mod device;
pub(crate) mod devices;
pub(crate) mod feature;
pub(crate) mod features;
mod fields;
pub(crate) mod offline;
pub(crate) mod sign_in;
pub(crate) mod suspension;
pub(crate) mod tokens;
mod upload;
pub(crate) mod users;
