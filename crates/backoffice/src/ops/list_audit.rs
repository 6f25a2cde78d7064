//! `ListAudit`: what was done, newest first.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::timestamp;
use leasehold_store::backoffice::AuditRecord;

use super::{MAX_SHORT, optional, page};
use crate::Error;
use crate::state::State;

pub(crate) async fn list_audit(
    state: &State,
    message: pb::ListAuditRequest,
) -> Result<pb::ListAuditResponse, Error> {
    let subject = optional("subject", &message.subject, MAX_SHORT)?;
    let subject = Some(subject.as_str()).filter(|subject| !subject.is_empty());
    let query = page::query(page::List::Audit, message.page)?;
    let page = state.store.audit(subject, &query).await?;
    Ok(pb::ListAuditResponse {
        records: page.rows.iter().map(to_message).collect(),
        page: Some(page::info(page::List::Audit, &page)),
    })
}

fn to_message(record: &AuditRecord) -> pb::AuditRecord {
    pb::AuditRecord {
        at: Some(timestamp(record.at)),
        actor: record.actor.clone(),
        action: record.action.clone(),
        subject: record.subject.clone(),
        detail: record.detail.clone(),
    }
}
