//! Tests from end to end. They are all in `tests/e2e`; this library is empty.
