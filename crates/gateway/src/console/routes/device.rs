//! One device, and what can be done to it and its grants.

use axum::response::Response;
use leasehold_runtime::ApiError;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::{Problem, axum};
use serde::Deserialize;

use super::activity::{Owned, timeline_row};
use super::fields::Fields;
use crate::console::answer::{own_path, page, see};
use crate::console::pages::ask::{Affected, Ask, AskPage};
use crate::console::pages::device::{DevicePage, GrantRow};
use crate::console::parts::{
    Action, Count, Field, ListState, Listing, Permit, Timeline, When, encode, grouped, one_or_many,
};
use crate::console::said::Done;
use crate::console::shell::Section;
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::{device_page, feature_page, id_type, machine, mode};
use crate::extract::{Path, Query};
use crate::guard::Form;
use crate::model::{DeviceDetails, Grant, List};
use crate::services::DROPS;

/// Who may end grants and block devices; the first is named to those who may not.
const DROPPERS: &[Role] = &[Role::DropClient, Role::Operator];
/// Grants that a question lists; of more it tells how many.
const LISTED: usize = 20;

/// The page.
pub(crate) async fn show(visit: Visit, Path(hostid): Path<String>) -> Result<Response, Problem> {
    let services = &visit.services();
    let value = hostid.rsplit_once('/').map_or(hostid.as_str(), |(value, _)| value);
    let newest = List { search: value.to_owned(), ..List::default() };
    let (found, activity, owned, drops) = tokio::join!(
        services.device(INSTANCE, &hostid),
        services.activity(INSTANCE, &newest),
        Owned::now(&visit),
        drops(&visit)
    );
    let DeviceDetails { device, grants } = found?;
    let title = if device.alias.is_empty() { device.hostid.clone() } else { device.alias.clone() };
    let here = device_page(&device.hostid);
    // The search finds parts of other devices' ids as well.
    let rows: Vec<_> = activity.map(|activity| activity.items).unwrap_or_default();
    let rows: Vec<_> = rows.into_iter().filter(|row| row.hostid.as_ref() == Some(&device.hostid)).collect();
    let told = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let permit = visit.permit(DROPPERS);
    page(&DevicePage {
        shell: visit.shell(title.clone(), Section::Devices).await,
        events: EVENTS,
        event_names: SUMMARY,
        id_type: id_type(&device.hostid),
        machine: machine(&device.device_type),
        blocked: device.blocked,
        block: if device.blocked {
            Action::new("Unblock…", format!("{here}/unblock"), permit).asks()
        } else {
            Action::new("Block…", format!("{here}/block"), permit).risk()
        },
        drop: Action::new("Drop…", format!("{here}/drop"), drops).risk(),
        counts: Count(device.counts),
        grants_note: format!("in {}", one_or_many(device.grants, "grant", "grants")),
        until: device.expires_at.map(|at| visit.when(at)),
        last_seen: device.last_seen.map(|at| visit.when(at)),
        first_seen: device.first_seen.map(|at| visit.when(at)),
        grants: grants.into_iter().map(|grant| grant_row(grant, drops, &visit)).collect(),
        history: Timeline {
            label: "History",
            empty: "Nothing is recorded of it.".to_owned(),
            with_device: false,
            rows: rows.into_iter().map(|row| timeline_row(row, &owned, &visit)).collect(),
            paging: Listing::new(here, &ListState::default(), &["at"])
                .with_total(told)
                .paging("newest record", "newest records"),
        },
        hostid: device.hostid,
        title,
    })
}

/// Whether whoever looks may end grants.
pub(crate) async fn drops(visit: &Visit) -> Permit {
    let on = visit.services().allows_drops(INSTANCE).await;
    visit.permit(DROPPERS).unless_off(on, DROPS)
}

/// The button that ends a grant; `from` is the page that it stands on.
pub(crate) fn drop_action(grant: &Grant, from: &str, drops: Permit) -> Action {
    let address =
        format!("/grants/{}/drop?device={}&from={from}", encode(&grant.grant_id), encode(&grant.hostid));
    Action::new("Drop…", address, drops).risk().small()
}

/// Since when a grant is out, and until when.
pub(crate) fn since_until(grant: &Grant, visit: &Visit) -> (Option<When>, Option<When>) {
    (grant.granted_at.map(|at| visit.when(at)), grant.expires_at.map(|at| visit.when(at)))
}

fn grant_row(grant: Grant, drops: Permit, visit: &Visit) -> GrantRow {
    let (since, until) = since_until(&grant, visit);
    let mut charged: Vec<&str> = grant
        .parts
        .iter()
        .map(|part| match part.source.split_once(' ') {
            Some(("reservation", _)) => "reservation",
            _ if part.source == "default" => "default pool",
            _ => part.source.as_str(),
        })
        .collect();
    charged.dedup();
    GrantRow {
        href: feature_page(&grant.feature),
        count: Count(grant.count),
        mode: mode(&grant.mode),
        charged: charged.join(", "),
        since,
        until,
        drop: drop_action(&grant, "device", drops),
        feature: grant.feature,
        holder: grant.holder,
    }
}

fn affected(grant: &Grant, visit: &Visit) -> Affected {
    let until = grant.expires_at.map_or_else(String::new, |at| format!(", until {}", visit.when(at).exact()));
    let holder = if grant.holder.is_empty() { String::new() } else { format!(", {}", grant.holder) };
    Affected {
        what: format!("{} × {}", grant.feature, grouped(grant.count)),
        note: format!("{}{holder}{until}", mode(&grant.mode).text),
    }
}

/// A question about a device, with what it holds.
async fn question(visit: &Visit, hostid: &str, word: &str) -> Result<(Ask, String), Problem> {
    visit.who.must(DROPPERS)?;
    let found = visit.services().device(INSTANCE, hostid).await?;
    let device = found.device;
    let name = if device.alias.is_empty() { device.hostid.clone() } else { device.alias };
    let here = device_page(&device.hostid);
    let ask = Ask {
        affects: found.grants.iter().take(LISTED).map(|grant| affected(grant, visit)).collect(),
        more: i64::try_from(found.grants.len().saturating_sub(LISTED)).unwrap_or(i64::MAX),
        action: format!("{here}/{word}"),
        back: here,
        ..Ask::default()
    };
    Ok((ask, name))
}

async fn asked(visit: &Visit, ask: Ask) -> Result<Response, Problem> {
    page(&AskPage { shell: visit.shell(ask.label.clone(), Section::Devices).await, ask })
}

/// Asks before a device is blocked.
pub(crate) async fn ask_block(visit: Visit, Path(hostid): Path<String>) -> Result<Response, Problem> {
    let (mut ask, name) = question(&visit, &hostid, "block").await?;
    ask.title = format!("Block {name}?");
    ask.texts = vec![
        "Its requests are refused until somebody unblocks it. What it holds stays until it ends; drop it as well to take \
         that back."
            .to_owned(),
    ];
    ask.affects_title = "It keeps until their end";
    ask.label = String::from("Block the device");
    ask.risk = true;
    asked(&visit, ask).await
}

/// Blocks one.
pub(crate) async fn block(
    visit: Visit,
    Path(hostid): Path<String>,
    Form(_): Form<Fields>,
) -> Result<Response, Problem> {
    visit.services().set_device_blocked(INSTANCE, &hostid, true).await?;
    Ok(see(&Done::Blocked.at(&device_page(&hostid))))
}

/// Asks before the block is lifted.
pub(crate) async fn ask_unblock(visit: Visit, Path(hostid): Path<String>) -> Result<Response, Problem> {
    let (mut ask, name) = question(&visit, &hostid, "unblock").await?;
    ask.title = format!("Unblock {name}?");
    ask.texts = vec!["Its requests are granted again as the rights allow.".to_owned()];
    ask.affects_title = "What it holds";
    ask.label = String::from("Unblock the device");
    asked(&visit, ask).await
}

/// Lifts the block.
pub(crate) async fn unblock(
    visit: Visit,
    Path(hostid): Path<String>,
    Form(_): Form<Fields>,
) -> Result<Response, Problem> {
    visit.services().set_device_blocked(INSTANCE, &hostid, false).await?;
    Ok(see(&Done::Unblocked.at(&device_page(&hostid))))
}

fn reason() -> Field {
    Field::text("reason", "Why").hint("Stands in the activity.").optional()
}

/// Asks before a device is dropped.
pub(crate) async fn ask_drop(visit: Visit, Path(hostid): Path<String>) -> Result<Response, Problem> {
    let (mut ask, name) = question(&visit, &hostid, "drop").await?;
    ask.title = format!("Drop {name} and end what it holds?");
    ask.texts = vec![
        "Its programs lose their licences with their next heartbeat; a borrow without a connection goes on there until its \
         end. The device comes back with its next request."
            .to_owned(),
    ];
    ask.affects_title = "Grants that end";
    ask.fields = vec![reason()];
    ask.label = String::from("Drop the device");
    ask.risk = true;
    asked(&visit, ask).await
}

/// Drops one.
pub(crate) async fn drop_device(
    visit: Visit,
    Path(hostid): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    visit.services().drop_device(INSTANCE, &hostid, fields.text("reason")).await?;
    Ok(see(&Done::DeviceDropped.at("/devices")))
}

/// Whose a grant is, and on which page somebody wants to end it.
#[derive(Deserialize)]
pub(crate) struct Held {
    #[serde(default)]
    device: String,
    #[serde(default)]
    from: String,
}

/// Asks before a grant is dropped.
pub(crate) async fn ask_drop_grant(
    visit: Visit,
    Path(id): Path<String>,
    Query(held): Query<Held>,
) -> Result<Response, Problem> {
    visit.who.must(DROPPERS)?;
    let found = visit.services().device(INSTANCE, &held.device).await?;
    let Some(grant) = found.grants.iter().find(|grant| grant.grant_id == id) else {
        return Err(
            ApiError::not_found("grant of this id on this device; it may have ended meanwhile").into()
        );
    };
    let back = if held.from == "feature" { feature_page(&grant.feature) } else { device_page(&grant.hostid) };
    let name = if found.device.alias.is_empty() { &found.device.hostid } else { &found.device.alias };
    let ask = Ask {
        title: format!("Drop {} of {name}?", grant.feature),
        texts: vec![
            "Its program loses the licence with its next heartbeat and may ask for another one. A borrow without a \
             connection goes on there until its end."
                .to_owned(),
        ],
        affects_title: "The grant that ends",
        affects: vec![affected(grant, &visit)],
        fields: vec![reason()],
        hidden: vec![("back", back.clone())],
        action: format!("/grants/{}/drop", encode(&id)),
        label: "Drop the grant".to_owned(),
        risk: true,
        back,
        ..Ask::default()
    };
    asked(&visit, ask).await
}

/// Drops a grant.
pub(crate) async fn drop_grant(
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    visit.services().drop_grant(INSTANCE, &id, fields.text("reason")).await?;
    Ok(see(&Done::GrantDropped.at(&own_path(fields.text("back")))))
}
