//! Who may come in: the first administrator, signing in and out, administrators, tokens, and the audit of all that.
//!
//! One file for each subject; pages and API call the same functions. Not responsible for what somebody may do in a
//! service.

pub(crate) mod audit;
pub(crate) mod first;
pub(crate) mod password;
pub(crate) mod session;
pub(crate) mod tokens;
pub(crate) mod users;

pub(crate) use session::{Opened, SignIn, end_cookie, sign_in, sign_out};

/// The digest of the session that a request shows, whether or not it is good.
pub(crate) fn shown_session(
    headers: &http::HeaderMap,
    visitor: &crate::origin::Visitor,
) -> Option<leasehold_store::gateway::SecretDigest> {
    crate::cookies::read(headers, visitor).map(|cookie| crate::secret::digest(&cookie))
}
