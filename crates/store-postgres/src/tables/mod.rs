//! The tables: how rows of each are written and read.

pub(crate) mod activity;
pub(crate) mod answer_keys;
pub(crate) mod answers;
pub(crate) mod devices;
pub(crate) mod endings;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod line_items;
pub(crate) mod notices;
pub(crate) mod tallies;
pub(crate) mod vendor;
