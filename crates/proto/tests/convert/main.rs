//! Conversions between messages and values of the domain, by table and by round trip.

mod administration;
mod answers;
mod contract;
mod lease_results;
mod line_items;
mod requests;
mod reservations;
mod samples;
mod times;
