//! What the gateway keeps: administrators, their sessions and tokens, and the audit of what they did.
//!
//! Passwords, cookies, tokens and codes come hashed: nothing that lets somebody in can be read here. Every change of
//! what lets somebody in comes with its audit record, in one transaction.

mod records;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::StoreError;
use crate::licensing::{Page, PageQuery};

pub use records::{
    Administrator, ApiToken, AuditRecord, AuditResult, FirstCode, SecretDigest, Session, Settled,
};

/// The name of the role that may do everything, as [`Administrator::roles`] has it.
pub const ADMIN: &str = "ADMIN";

/// What the gateway keeps.
///
/// Administrators are listed by name, tokens by id, which is by the time of their making, the audit newest first.
#[async_trait]
pub trait GatewayStore: Send + Sync + 'static {
    /// Whether it answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Whether there is any administrator.
    async fn has_administrators(&self) -> Result<bool, StoreError>;

    /// One administrator.
    async fn administrator(&self, name: &str) -> Result<Option<Administrator>, StoreError>;

    /// The administrators. `search` looks at the name and the roles.
    async fn administrators(&self, page: &PageQuery) -> Result<Page<Administrator>, StoreError>;

    /// Adds an administrator, unless one has the name; says whether it did.
    async fn create_administrator(
        &self,
        administrator: &Administrator,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError>;

    /// Adds the first administrator and uses the code up by which it comes, unless there is an administrator or the code is
    /// gone or over; says whether it did. Then every other code is gone too.
    async fn create_first_administrator(
        &self,
        administrator: &Administrator,
        code: &SecretDigest,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError>;

    /// Writes what changes of an administrator, if its revision is still this one, and counts that up. With `end_sessions`
    /// its sessions end.
    ///
    /// No change leaves the store without an enabled administrator that has the role [`ADMIN`].
    async fn save_administrator(
        &self,
        administrator: &Administrator,
        end_sessions: bool,
        audit: &AuditRecord,
    ) -> Result<Settled, StoreError>;

    /// Removes an administrator of this revision with its sessions and tokens. The last one with the role [`ADMIN`] stays.
    async fn delete_administrator(
        &self,
        name: &str,
        revision: u64,
        audit: &AuditRecord,
    ) -> Result<Settled, StoreError>;

    /// Notes that an administrator has signed in, and opens the session. With `instead_of` that one ends.
    async fn open_session(
        &self,
        session: &Session,
        instead_of: Option<&SecretDigest>,
        audit: &AuditRecord,
    ) -> Result<(), StoreError>;

    /// The session of this digest, and whose it is.
    async fn session(&self, id: &SecretDigest) -> Result<Option<(Session, Administrator)>, StoreError>;

    /// Notes that a session was used. One that is gone is no error.
    async fn touch_session(&self, id: &SecretDigest, seen_at: Timestamp) -> Result<(), StoreError>;

    /// Ends a session; says whether there was one.
    async fn end_session(&self, id: &SecretDigest, audit: &AuditRecord) -> Result<bool, StoreError>;

    /// Forgets the sessions that end by `now` or were not used since `idle_since`; how many.
    async fn forget_sessions(&self, now: Timestamp, idle_since: Timestamp) -> Result<u64, StoreError>;

    /// Adds a token. An owner that is gone is a [`StoreError::Constraint`].
    async fn create_token(&self, token: &ApiToken, audit: &AuditRecord) -> Result<(), StoreError>;

    /// The token of this digest, and whose it is.
    async fn token(&self, digest: &SecretDigest) -> Result<Option<(ApiToken, Administrator)>, StoreError>;

    /// The tokens, with `owner` only those of one administrator. `search` looks at the name and the owner.
    async fn tokens(&self, owner: Option<&str>, page: &PageQuery) -> Result<Page<ApiToken>, StoreError>;

    /// Notes that a token was used. One that is gone is no error.
    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError>;

    /// Removes a token, with `owner` only if it is that administrator's; says whether there was one.
    async fn delete_token(
        &self,
        id: Uuid,
        owner: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError>;

    /// The codes that are not over, in no order.
    async fn first_codes(&self, now: Timestamp) -> Result<Vec<FirstCode>, StoreError>;

    /// Adds a code for the first administrator, and forgets those that are over.
    async fn add_first_code(&self, code: &FirstCode, now: Timestamp) -> Result<(), StoreError>;

    /// Counts a wrong try against every code, and forgets those that have none left.
    async fn count_wrong_code(&self, audit: &AuditRecord) -> Result<(), StoreError>;

    /// Records what was done, or refused.
    async fn record(&self, audit: &AuditRecord) -> Result<(), StoreError>;

    /// What was done and refused. `search` looks at everything but the time.
    async fn audit(&self, page: &PageQuery) -> Result<Page<AuditRecord>, StoreError>;

    /// Forgets the oldest audit records from before this time, at most so many; how many.
    async fn forget_audit(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
}
