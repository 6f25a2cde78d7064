//! `CreateEntitlement`, `UpdateEntitlement`, `DeleteEntitlement` and `ListEntitlements`.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::timestamp;
use leasehold_store::LicenseServerTurn;
use leasehold_store::backoffice::{Entitlement, EntitlementId, LicenseServerId};

use super::license_server::not_found;
use super::{entitlement_id, line_items, page, server_id};
use crate::Error;
use crate::audit::{Action, record};
use crate::state::State;

pub(crate) async fn create(
    state: &State,
    actor: &str,
    message: pb::CreateEntitlementRequest,
) -> Result<pb::CreateEntitlementResponse, Error> {
    let server = server_id("license_server_id", &message.license_server_id)?;
    let items = line_items::read(state, &message.line_items).await?;
    let turn = state.store.begin(server).await?.ok_or_else(|| not_found(server))?;
    let entitlement = Entitlement {
        id: EntitlementId(state.id()),
        license_server: server,
        line_items: items,
        revision: 1,
        created_at: state.now(),
    };
    let entitlement = save(state, actor, turn, entitlement, Action::EntitlementCreated).await?;
    Ok(pb::CreateEntitlementResponse { entitlement: Some(entitlement) })
}

pub(crate) async fn update(
    state: &State,
    actor: &str,
    message: pb::UpdateEntitlementRequest,
) -> Result<pb::UpdateEntitlementResponse, Error> {
    let id = entitlement_id("entitlement_id", &message.entitlement_id)?;
    let items = line_items::read(state, &message.line_items).await?;
    let (turn, old) = find(state, id).await?;
    let revision = old.revision + 1;
    let entitlement = Entitlement { line_items: items, revision, ..old };
    let entitlement = save(state, actor, turn, entitlement, Action::EntitlementUpdated).await?;
    Ok(pb::UpdateEntitlementResponse { entitlement: Some(entitlement) })
}

pub(crate) async fn delete(
    state: &State,
    actor: &str,
    message: pb::DeleteEntitlementRequest,
) -> Result<pb::DeleteEntitlementResponse, Error> {
    let id = entitlement_id("entitlement_id", &message.entitlement_id)?;
    let (mut turn, entitlement) = find(state, id).await?;
    turn.remove_entitlement(id).await?;
    let detail = describe(entitlement.license_server, &entitlement);
    turn.record(&record(state.now(), actor, Action::EntitlementDeleted, &id, detail)).await?;
    turn.commit().await?;
    Ok(pb::DeleteEntitlementResponse {})
}

pub(crate) async fn list(
    state: &State,
    message: pb::ListEntitlementsRequest,
) -> Result<pb::ListEntitlementsResponse, Error> {
    let of = match message.license_server_id.as_str() {
        "" => None,
        id => Some(server_id("license_server_id", id)?),
    };
    let query = page::query(page::List::Entitlements, message.page)?;
    let page = state.store.entitlements(of, &query).await?;
    let rows = page.rows.iter().map(|row| to_message(&row.entitlement, &row.customer));
    Ok(pb::ListEntitlementsResponse {
        entitlements: rows.collect::<Result<_, _>>()?,
        page: Some(page::info(page::List::Entitlements, &page)),
    })
}

/// The entitlement, in a turn on its licence server.
async fn find(state: &State, id: EntitlementId) -> Result<(Box<dyn LicenseServerTurn>, Entitlement), Error> {
    let unknown = || Error::NotFound { what: "entitlement", name: id.to_string() };
    let row = state.store.entitlement(id).await?.ok_or_else(unknown)?;
    let mut turn = state.store.begin(row.entitlement.license_server).await?.ok_or_else(unknown)?;
    // Somebody may have been faster.
    let entitlement = turn.entitlement(id).await?.ok_or_else(unknown)?;
    Ok((turn, entitlement))
}

async fn save(
    state: &State,
    actor: &str,
    mut turn: Box<dyn LicenseServerTurn>,
    entitlement: Entitlement,
    action: Action,
) -> Result<pb::Entitlement, Error> {
    let all = turn.line_items().await?;
    line_items::check_beside(entitlement.id, &entitlement.line_items, &all)?;
    turn.save_entitlement(&entitlement).await?;
    let detail = describe(entitlement.license_server, &entitlement);
    turn.record(&record(state.now(), actor, action, &entitlement.id, detail)).await?;
    let message = to_message(&entitlement, &turn.license_server().customer)?;
    turn.commit().await?;
    Ok(message)
}

/// What it is about, for the audit.
fn describe(server: LicenseServerId, entitlement: &Entitlement) -> String {
    let ids: Vec<&str> = entitlement.line_items.iter().map(|item| item.id.as_str()).collect();
    format!("revision {} for {server}: {}", entitlement.revision, ids.join(", "))
}

fn to_message(entitlement: &Entitlement, customer: &str) -> Result<pb::Entitlement, Error> {
    Ok(pb::Entitlement {
        entitlement_id: entitlement.id.to_string(),
        customer: customer.to_owned(),
        license_server_id: entitlement.license_server.to_string(),
        line_items: entitlement.line_items.iter().map(line_items::decode).collect::<Result<_, _>>()?,
        revision: entitlement.revision,
        created_at: Some(timestamp(entitlement.created_at)),
    })
}
