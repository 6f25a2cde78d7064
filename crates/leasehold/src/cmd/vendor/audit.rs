//! `leasehold vendor audit`: what was done and refused, newest first.

use leasehold_proto::backoffice::v1::{AuditRecord, ListAuditRequest, ListAuditResponse};
use serde::Serialize;

use super::super::value::{or_dash, seconds, time};
use super::connection::{ListArgs, Stub};
use crate::exit::Failure;
use crate::output::{Column, Row, left};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what was done to this: a licence server's or an entitlement's id, a product, a customer
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SUBJECT")]
    subject: String,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let staff = args.list.server.connect().await?;
    let call = |mut stub: Stub, page| {
        let request = ListAuditRequest { subject: args.subject.clone(), page: Some(page) };
        async move { stub.list_audit(request).await }
    };
    let read = |answer: ListAuditResponse| (answer.records.iter().map(AuditRow::of).collect(), answer.page);
    staff.pages(&args.list, call, read).await?.print(args.list.output)
}

/// One thing that was done.
#[derive(Serialize)]
struct AuditRow {
    at: Option<String>,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl AuditRow {
    fn of(message: &AuditRecord) -> Self {
        Self {
            at: time(message.at.as_ref()),
            actor: message.actor.clone(),
            action: message.action.clone(),
            subject: message.subject.clone(),
            detail: message.detail.clone(),
        }
    }
}

impl Row for AuditRow {
    const NAME: &'static str = "records";
    const COLUMNS: &'static [Column] =
        &[left("TIME"), left("ACTOR"), left("ACTION"), left("SUBJECT"), left("DETAIL")];
    const EMPTY: &'static str = "Nothing was done to it.";

    fn cells(&self) -> Vec<String> {
        vec![
            seconds(self.at.as_ref()),
            self.actor.clone(),
            self.action.clone(),
            self.subject.clone(),
            or_dash(&self.detail),
        ]
    }
}
