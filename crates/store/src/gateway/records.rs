//! The values of [`GatewayStore`](super::GatewayStore).

use jiff::Timestamp;
use uuid::Uuid;

/// The SHA-256 of a secret that its holder shows: a cookie, a token, a code.
pub type SecretDigest = [u8; 32];

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// Unique, and never changed.
    pub name: String,
    /// The password, hashed by argon2id, in the PHC form.
    pub password: String,
    /// What it may do: names of roles, without control characters.
    pub roles: Vec<String>,
    /// On which instances, by id or name; none: on all.
    pub instances: Vec<String>,
    /// Whether it may not sign in any more, and its tokens do not count.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// Counts its changes; signing in is none.
    pub revision: u64,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The digest of the cookie.
    pub id: SecretDigest,
    /// The administrator's name.
    pub user: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, give or take a minute.
    pub seen_at: Timestamp,
    /// When it ends, whatever happens.
    pub ends_at: Timestamp,
    /// Where it began.
    pub address: String,
}

/// What a script shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Names it where it is listed and revoked.
    pub id: Uuid,
    /// What it is for, for people.
    pub name: String,
    /// The administrator in whose name it acts.
    pub owner: String,
    /// The digest of the token.
    pub digest: SecretDigest,
    /// What it may do, of what its owner may.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, give or take a minute.
    pub used_at: Option<Timestamp>,
}

/// A code by which the first administrator is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstCode {
    /// The digest of the code.
    pub digest: SecretDigest,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Wrong tries that it stands.
    pub tries_left: u32,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditResult {
    /// Done.
    Done,
    /// Refused.
    Refused,
}

/// One thing that was done, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// Who: an administrator's name, or what was given for one.
    pub actor: String,
    /// What: `session.open`, for instance.
    pub action: String,
    /// To what.
    pub subject: String,
    /// How it ended.
    pub result: AuditResult,
    /// Why, or with what.
    pub detail: String,
    /// From where.
    pub address: String,
}

/// What came of a change of an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is written.
    Done,
    /// There is no administrator of this name and revision.
    Stale,
    /// Nobody would be left who may do everything.
    LastAdministrator,
}
