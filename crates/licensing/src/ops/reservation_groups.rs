//! Reservation groups: list, create, change, delete. A group is stored whole or not at all.

use std::collections::BTreeMap;

use leasehold_domain::cell::LineItemState;
use leasehold_domain::reservation::{check_satisfied, check_unique};
use leasehold_domain::{ActivityKind, Entry, EntryId, Group, GroupId, LineItemId, Rejection};
use leasehold_proto::convert::reservation as convert;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use uuid::Uuid;

use super::drop_grant::actor;
use super::page;
use super::rights_edit::RightsEdit;
use crate::Error;
use crate::state::State;

pub(crate) async fn list(
    state: &State,
    message: pb::ListReservationGroupsRequest,
) -> Result<pb::ListReservationGroupsResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let page = state.store.groups(instance, &page::query(page::List::Groups, message.page)?).await?;
    let items = state.store.line_items(instance).await?;
    let items = items.into_iter().map(|item| (item.item.id.clone(), item)).collect();
    Ok(pb::ListReservationGroupsResponse {
        groups: page.rows.iter().map(|group| to_message(group, &items)).collect(),
        page: Some(page::info(page::List::Groups, &page)),
    })
}

pub(crate) async fn create(
    state: &State,
    call: &CallContext,
    message: pb::CreateReservationGroupRequest,
) -> Result<pb::CreateReservationGroupResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let mut edit = RightsEdit::begin(state, instance).await?;
    let order = edit.next_order();
    let group = {
        let mut ids = state.ids();
        convert::read_new_group(message.group.as_ref(), &mut *ids, order).map_err(Rejection::from)?
    };
    let stored = put(&mut edit, &group, message.allow_unsatisfied)?;
    edit.save(state, ActivityKind::ReservationsChanged, "created a group", &actor(call)).await?;
    Ok(pb::CreateReservationGroupResponse { group: Some(stored) })
}

pub(crate) async fn update(
    state: &State,
    call: &CallContext,
    message: pb::UpdateReservationGroupRequest,
) -> Result<pb::UpdateReservationGroupResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let mut edit = RightsEdit::begin(state, instance).await?;
    let order = edit.next_order();
    let mut group = {
        let mut ids = state.ids();
        convert::read_changed_group(message.group.as_ref(), &mut *ids, order).map_err(Rejection::from)?
    };
    let old = edit.groups.iter().find(|old| old.id == group.id).ok_or_else(|| not_found(group.id))?;
    if old.revision != group.revision {
        return Err(Error::EtagMismatch);
    }
    keep_orders(old, &mut group, message.group.as_ref())?;
    group.revision += 1;
    let stored = put(&mut edit, &group, message.allow_unsatisfied)?;
    edit.save(state, ActivityKind::ReservationsChanged, "changed a group", &actor(call)).await?;
    Ok(pb::UpdateReservationGroupResponse { group: Some(stored) })
}

pub(crate) async fn delete(
    state: &State,
    call: &CallContext,
    message: pb::DeleteReservationGroupRequest,
) -> Result<pb::DeleteReservationGroupResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let id = Uuid::parse_str(&message.group_id)
        .map_err(|_| Error::field("group_id", "give a group's UUID, as the list of groups shows it"))?;
    let revision = convert::read_etag("etag", &message.etag).map_err(Rejection::from)?;
    let mut edit = RightsEdit::begin(state, instance).await?;
    let group = edit.groups.iter().find(|group| group.id.0 == id).ok_or_else(|| not_found(GroupId(id)))?;
    if revision.is_some_and(|revision| revision != group.revision) {
        return Err(Error::EtagMismatch);
    }
    edit.groups.retain(|group| group.id.0 != id);
    edit.allocate();
    edit.save(state, ActivityKind::ReservationsChanged, "deleted a group", &actor(call)).await?;
    Ok(pb::DeleteReservationGroupResponse {})
}

/// Puts a group among the others, divides the counts anew and checks that the rules hold.
fn put(edit: &mut RightsEdit, group: &Group, allow_unsatisfied: bool) -> Result<pb::ReservationGroup, Error> {
    check_unique(group, &edit.groups)?;
    edit.groups.retain(|old| old.id != group.id);
    edit.groups.push(group.clone());
    edit.groups.sort_by(|a, b| a.name.cmp(&b.name));
    edit.allocate();
    if !allow_unsatisfied {
        check_satisfied(group, &edit.items)?;
    }
    Ok(to_message(group, &edit.items))
}

/// Entries that stand keep their place in the order; an id that is not the group's is refused.
fn keep_orders(old: &Group, group: &mut Group, message: Option<&pb::ReservationGroup>) -> Result<(), Error> {
    let orders: BTreeMap<EntryId, u64> =
        old.reservations.iter().flat_map(|r| &r.entries).map(|entry| (entry.id, entry.order)).collect();
    let given = message.into_iter().flat_map(|group| &group.reservations);
    for (reservation, given) in group.reservations.iter_mut().zip(given) {
        for (entry, given) in reservation.entries.iter_mut().zip(&given.entries) {
            match orders.get(&entry.id) {
                Some(order) => entry.order = *order,
                None if given.entry_id.is_empty() => {}
                None => {
                    return Err(Error::NotFound { what: "reservation entry", name: given.entry_id.clone() });
                }
            }
        }
    }
    Ok(())
}

fn to_message(group: &Group, items: &BTreeMap<LineItemId, LineItemState>) -> pb::ReservationGroup {
    convert::group(group, |entry: &Entry| entry.status(items.values()))
}

fn not_found(id: GroupId) -> Error {
    Error::NotFound { what: "reservation group", name: id.to_string() }
}
