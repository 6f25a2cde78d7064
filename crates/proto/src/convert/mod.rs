//! Conversions between messages and values of the domain, one file a subject.
//!
//! Where a single value turns into another it is a `From` or `TryFrom`; where more facts are needed it is a
//! function of the subject's module. Reading a message checks every rule of its fields, and a [`FieldError`]
//! names the first that is broken by its path. Nothing here decides anything beyond that.

pub mod activity;
pub mod answer;
pub mod device;
pub mod dictionary;
pub mod feature;
pub mod field;
pub mod grant;
pub mod grant_ref;
pub mod hostid;
pub mod lease;
pub mod line_item;
pub mod reason;
pub mod request;
pub mod reservation;
pub mod source;
pub mod time;

pub use answer::AnswerContext;
pub use field::FieldError;
pub use reason::error_reason_name;
