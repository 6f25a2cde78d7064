//! Administrators, sessions, tokens and the audit.

use jiff::Timestamp;
use leasehold_store::gateway as kept;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct User {
    /// The name to sign in by.
    #[schema(example = "kim")]
    pub(crate) name: String,
    /// What it may do.
    #[schema(example = json!(["ADMIN"]))]
    pub(crate) roles: Vec<String>,
    /// On which instances; empty: on all.
    pub(crate) instances: Vec<String>,
    /// Whether it may not sign in.
    pub(crate) disabled: bool,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it last signed in; `null`: never.
    pub(crate) signed_in_at: Option<Timestamp>,
    /// Changes with every change, for `If-Match`.
    #[schema(example = "3")]
    pub(crate) etag: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SessionInfo {
    /// Whose it is.
    #[schema(example = "kim")]
    pub(crate) user: String,
    /// What its administrator may do.
    #[schema(example = json!(["ADMIN"]))]
    pub(crate) roles: Vec<String>,
    /// What has to come with every change, in the header `x-form-token`; left out for a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) form_token: Option<String>,
    /// When it ends, whatever happens; left out for a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ends_at: Option<Timestamp>,
}

/// An API token, without what its holder shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Token {
    /// Names it.
    pub(crate) id: Uuid,
    /// What it is for.
    #[schema(example = "nightly report")]
    pub(crate) name: String,
    /// In whose name it acts.
    #[schema(example = "kim")]
    pub(crate) owner: String,
    /// What it may do, of what its owner may.
    #[schema(example = json!(["VIEWER"]))]
    pub(crate) roles: Vec<String>,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// When it was last used, give or take a minute; `null`: never.
    pub(crate) used_at: Option<Timestamp>,
}

/// An API token that was just made.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct NewToken {
    /// What its holder shows, as `Authorization: Bearer …`. It is shown this once.
    #[schema(example = "lht_3Q2-7w_…")]
    pub(crate) secret: String,
    /// The token.
    pub(crate) token: Token,
}

/// One thing that was done at the door, or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// When.
    pub(crate) at: Timestamp,
    /// Who: an administrator's name, or what was given for one.
    #[schema(example = "kim")]
    pub(crate) actor: String,
    /// What.
    #[schema(example = "session.open")]
    pub(crate) action: String,
    /// To what.
    pub(crate) subject: String,
    /// `DONE` or `REFUSED`.
    #[schema(example = "DONE")]
    pub(crate) result: &'static str,
    /// Why, or with what.
    pub(crate) detail: String,
    /// From where.
    #[schema(example = "192.0.2.7")]
    pub(crate) address: String,
}

impl From<kept::Administrator> for User {
    fn from(kept: kept::Administrator) -> Self {
        Self {
            name: kept.name,
            roles: kept.roles,
            instances: kept.instances,
            disabled: kept.disabled,
            created_at: kept.created_at,
            signed_in_at: kept.signed_in_at,
            etag: kept.revision.to_string(),
        }
    }
}

impl From<kept::ApiToken> for Token {
    fn from(kept: kept::ApiToken) -> Self {
        Self {
            id: kept.id,
            name: kept.name,
            owner: kept.owner,
            roles: kept.roles,
            created_at: kept.created_at,
            expires_at: kept.expires_at,
            used_at: kept.used_at,
        }
    }
}

impl From<kept::AuditRecord> for AuditEntry {
    fn from(kept: kept::AuditRecord) -> Self {
        Self {
            at: kept.at,
            actor: kept.actor,
            action: kept.action,
            subject: kept.subject,
            result: match kept.result {
                kept::AuditResult::Done => "DONE",
                kept::AuditResult::Refused => "REFUSED",
            },
            detail: kept.detail,
            address: kept.address,
        }
    }
}
