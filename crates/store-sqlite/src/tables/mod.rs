//! One module a table: its columns, how a row is read back, and how rows are written.
//! Not responsible for when: that is the batch and the lists.

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
