//! Values to keep.

use jiff::Timestamp;
use uuid::Uuid;

use crate::GatewayStore;
use crate::gateway::{
    ADMIN, Administrator, ApiToken, AuditRecord, AuditResult, FirstCode, SecretDigest, Session,
};
use crate::licensing::PageQuery;

/// So many seconds and a microsecond after the beginning of time.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(seconds * 1_000_000 + 1).unwrap()
}

/// The digest of a secret that ends in this number.
pub fn digest(number: u8) -> SecretDigest {
    let mut digest = [7; 32];
    digest[31] = number;
    digest
}

/// Somebody who may do everything.
pub fn administrator(name: &str) -> Administrator {
    Administrator {
        name: name.to_owned(),
        password: "$argon2id$…".to_owned(),
        roles: vec![ADMIN.to_owned()],
        instances: Vec::new(),
        disabled: false,
        created_at: at(1),
        signed_in_at: None,
        revision: 0,
    }
}

/// A session of somebody, with this digest.
pub fn session(number: u8, user: &str) -> Session {
    Session {
        id: digest(number),
        user: user.to_owned(),
        created_at: at(10),
        seen_at: at(10),
        ends_at: at(1_000),
        address: "2001:db8::1".to_owned(),
    }
}

/// A token of somebody, with this digest.
pub fn token(number: u8, owner: &str) -> ApiToken {
    ApiToken {
        id: Uuid::from_u128(u128::from(number)),
        name: format!("script {number}"),
        owner: owner.to_owned(),
        digest: digest(number),
        roles: vec!["VIEWER".to_owned(), "OFFLINE".to_owned()],
        created_at: at(20),
        expires_at: at(2_000),
        used_at: None,
    }
}

/// A code with this digest.
pub fn code(number: u8) -> FirstCode {
    FirstCode { digest: digest(number), expires_at: at(100), tries_left: 3 }
}

/// A record of this action.
pub fn record(action: &str) -> AuditRecord {
    AuditRecord {
        at: at(5),
        actor: "kim".to_owned(),
        action: action.to_owned(),
        subject: "the subject".to_owned(),
        result: AuditResult::Done,
        detail: "a detail".to_owned(),
        address: "192.0.2.7".to_owned(),
    }
}

/// A page with everything.
pub fn all() -> PageQuery {
    PageQuery { limit: 500, after: None, skip: 0, search: String::new() }
}

/// A page with what contains this.
pub fn search(text: &str) -> PageQuery {
    PageQuery { search: text.to_owned(), ..all() }
}

/// Adds somebody.
pub async fn add(store: &dyn GatewayStore, administrator: &Administrator) {
    assert!(store.create_administrator(administrator, &record("made")).await.unwrap());
}

/// What was recorded, newest first.
pub async fn actions(store: &dyn GatewayStore) -> Vec<String> {
    let page = store.audit(&all()).await.unwrap();
    page.rows.into_iter().map(|record| record.action).collect()
}
