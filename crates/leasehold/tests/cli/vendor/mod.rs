//! The vendor's side.

mod office;
mod set_up;
mod updates;
mod work;
