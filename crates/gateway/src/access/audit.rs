//! What was done at the door, by whom and from where.

use std::net::IpAddr;

use leasehold_runtime::actor::Role;
use leasehold_runtime::http::Problem;
use leasehold_store::gateway::{AuditRecord, AuditResult};

use crate::error::store_problem;
use crate::model::{AuditEntry, List, Listing};
use crate::state::State;
use crate::who::Who;

/// Longest text of a record in characters: part of it anybody can make up.
const MOST: usize = 200;

/// A record of something that is being done.
pub(crate) fn done(state: &State, actor: &str, address: IpAddr, what: (&str, &str, &str)) -> AuditRecord {
    record(state, AuditResult::Done, actor, address, what)
}

/// A record of something that is refused.
pub(crate) fn refused(state: &State, actor: &str, address: IpAddr, what: (&str, &str, &str)) -> AuditRecord {
    record(state, AuditResult::Refused, actor, address, what)
}

fn record(
    state: &State,
    result: AuditResult,
    actor: &str,
    address: IpAddr,
    (action, subject, detail): (&str, &str, &str),
) -> AuditRecord {
    AuditRecord {
        at: state.now(),
        actor: short(actor),
        action: action.to_owned(),
        subject: short(subject),
        result,
        detail: short(detail),
        address: address.to_string(),
    }
}

fn short(text: &str) -> String {
    text.chars().take(MOST).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// The audit, newest first.
pub(crate) async fn list(state: &State, who: &Who, list: &List) -> Result<Listing<AuditEntry>, Problem> {
    who.must(&[Role::Admin])?;
    let page = state.store.audit(&list.query()?).await.map_err(|error| store_problem(&error))?;
    Ok(Listing::of(page, AuditEntry::from))
}
