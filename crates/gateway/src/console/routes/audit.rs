//! What administrators did.

use axum::response::Response;
use leasehold_runtime::http::{Problem, axum};

use crate::access::audit;
use crate::console::answer::page;
use crate::console::pages::administration::{AuditPage, AuditRow};
use crate::console::parts::{ListState, Listing, Tag, Tone, encode};
use crate::console::shell::Section;
use crate::console::visit::Visit;
use crate::extract::Query;
use crate::model::AuditEntry;

/// The audit, newest first.
pub(crate) async fn list(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let listing = Listing::new("/audit", &state, &["at"]);
    let found = audit::list(&visit.state, &visit.who, &listing.wanted()).await?;
    let listing = listing.with_total(found.total);
    let row = |entry: AuditEntry| AuditRow {
        at: visit.when(entry.at),
        who: entry.actor,
        action: entry.action,
        target: entry.subject,
        detail: entry.detail,
        result: match entry.result {
            "DONE" => Tag::new(Tone::Good, "done"),
            _ => Tag::new(Tone::Bad, "refused"),
        },
        from: entry.address,
    };
    page(&AuditPage {
        shell: visit.shell("Audit", Section::Audit).await,
        search: listing.search().to_owned(),
        export: format!("/api/v1/audit?format=csv&search={}", encode(listing.search())),
        rows: found.items.into_iter().map(row).collect(),
        paging: listing.paging("record", "records"),
    })
}
