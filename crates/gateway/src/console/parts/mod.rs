//! The pieces that pages are made of: times, count bars, charts, heads and pages of lists, actions.
//!
//! Each is a value with a template of its own, so that a page writes `{{ row.bar }}` and the piece escapes what it shows.
//! Nothing here calls a service or reads a clock: the moment that "3 h ago" counts from is an argument.

mod action;
mod chart;
mod choice;
mod count_bar;
mod field;
mod list;
mod number;
mod timeline;
mod when;

pub(crate) use action::{Action, Permit, Tag, Tone};
pub(crate) use chart::{Chart, Hour, Spark};
pub(crate) use choice::Choice;
pub(crate) use count_bar::{CountBar, Legend};
pub(crate) use field::Field;
pub(crate) use list::{Head, ListState, Listing, Paging, encode};
pub(crate) use number::{Count, grouped, if_any, one_or_many, or_dash};
pub(crate) use timeline::{Timeline, TimelineRow};
pub(crate) use when::{Day, Last, When, span};
