//! One feature.

use std::collections::HashMap;

use axum::response::Response;
use leasehold_runtime::http::{Problem, axum};
use serde::Deserialize;

use super::device::{drop_action, drops, since_until};
use crate::console::answer::page;
use crate::console::figures::{Whole, item_bar};
use crate::console::pages::feature::{FeaturePage, HolderRow, ItemRow, Period};
use crate::console::parts::{
    Chart, Count, Day, Legend, ListState, Listing, Permit, grouped, if_any, one_or_many, or_dash,
};
use crate::console::shell::Section;
use crate::console::use_over_time::{DAY, hours, query};
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::{device_page, feature_page, mode, plain, reasons};
use crate::extract::{Path, Query};
use crate::model::{DenialQuery, Feature, FeatureUsage, Grant, LineItemStatus, List};
use crate::services::GrantFilter;

/// Periods of the chart: as the address says it, in words, in hours.
const PERIODS: [(&str, &str, i64); 3] =
    [("day", "24 hours", DAY), ("week", "7 days", 7 * DAY), ("month", "30 days", 30 * DAY)];

/// Which period the chart shows, and which page of the holders.
#[derive(Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    period: String,
    #[serde(default)]
    page: String,
}

/// The page.
pub(crate) async fn show(
    visit: Visit,
    Path(name): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, Problem> {
    let period = PERIODS.iter().find(|(word, ..)| *word == shown.period).unwrap_or(&PERIODS[0]);
    let (here, services) = (feature_page(&name), &visit.services());
    let state = ListState { page: shown.page, ..ListState::default() };
    let listing = Listing::new(here.clone(), &state, &["since"]);
    let (today, largest) =
        (DenialQuery { feature: name.clone(), ..DenialQuery::default() }, List::default().largest());
    let (usage, filter) =
        (query(&name, period.2, visit.now), GrantFilter { feature: name.clone(), device: String::new() });
    let wanted = listing.wanted();
    let (shell, feature, denials, usage, grants, drops) = tokio::join!(
        visit.shell(name.clone(), Section::Features),
        services.feature(INSTANCE, &name),
        services.denials(INSTANCE, &today, &largest),
        services.usage(INSTANCE, &usage, &largest),
        services.grants(INSTANCE, &filter, &wanted),
        drops(&visit),
    );
    let (feature, grants) = (feature?, grants?);
    let whole = Whole::of(&feature.versions.iter().collect::<Vec<_>>());
    let (denied, why) = denials.map_or((0, "not known at the moment".to_owned()), |denials| {
        let rows = denials.items.iter().map(|denial| (denial.reason.as_str(), denial.count));
        (denials.denials, reasons(rows))
    });
    let listing = listing.with_total(grants.total);
    page(&FeaturePage {
        shell,
        events: EVENTS,
        event_names: SUMMARY,
        facts: facts(&feature),
        tags: whole.tags(denied, visit.now),
        used: Count(whole.used),
        used_note: used_note(&whole),
        available: or_dash(whole.available),
        reserved_note: format!("{} reserved, {} idle", grouped(whole.reserved), grouped(whole.idle)),
        denied: Count(denied),
        denied_note: why,
        first: Day::new(whole.first, visit.now),
        ends_note: ends_note(&feature),
        items: feature.line_items.iter().map(|item| item_row(item, &visit)).collect(),
        legend: Legend,
        periods: periods(&here, period.0),
        chart: chart(&name, usage.map(|usage| usage.items).unwrap_or_default(), period.2, &visit),
        holders: holders(&feature, grants.items, drops, &visit),
        paging: listing.paging("grant", "grants"),
        name,
    })
}

fn facts(feature: &Feature) -> String {
    let mut products: Vec<&str> =
        feature.line_items.iter().map(|item| item.line_item.product.as_str()).collect();
    products.sort_unstable();
    products.dedup();
    products.retain(|product| !product.is_empty());
    let versions: Vec<&str> = feature.versions.iter().map(|version| version.version.as_str()).collect();
    let items = i64::try_from(feature.line_items.len()).unwrap_or(i64::MAX);
    let mut facts = vec![products.join(", ")];
    facts.retain(|text| !text.is_empty());
    facts.push(format!(
        "{} {}",
        if versions.len() == 1 { "version" } else { "versions" },
        versions.join(", ")
    ));
    facts.push(one_or_many(items, "line item", "line items"));
    facts.join(" · ")
}

fn used_note(whole: &Whole) -> String {
    let Some(total) = whole.total else { return "uncounted".to_owned() };
    let mut note = format!("of {} owned", grouped(total));
    if whole.overdraft > 0 {
        note.push_str(&format!(", {} on overdraft", grouped(whole.overdraft)));
    }
    if whole.overage > 0 {
        note.push_str(&format!(", {} too many since the last bundle", grouped(whole.overage)));
    }
    note
}

fn ends_note(feature: &Feature) -> String {
    let permanent = feature.line_items.iter().filter(|item| item.line_item.expires_at.is_none()).count();
    match (permanent, feature.line_items.len()) {
        (0, 1) => "all of it".to_owned(),
        (0, _) => "the first line item".to_owned(),
        (some, all) if some == all => "nothing of it ends".to_owned(),
        (some, _) => format!("the first line item; {some} permanent"),
    }
}

fn item_row(item: &LineItemStatus, visit: &Visit) -> ItemRow {
    let line = &item.line_item;
    let mut details = vec![("Line item", line.line_item_id.clone()), ("Kind", plain(line.kind))];
    let mut tell = |label, text: Option<String>| details.extend(text.map(|text| (label, text)));
    tell("Source", line.source.clone());
    tell("Vendor string", line.vendor_string.clone());
    tell("Notice", line.notice.clone());
    let selectors: Vec<String> =
        line.selectors.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    tell("Selectors", (!selectors.is_empty()).then(|| selectors.join(", ")));
    tell(
        "Virtual machines",
        line.allow_virtual.map(|allowed| if allowed { "allowed" } else { "not allowed" }.to_owned()),
    );
    tell("Refuses", line.advisory.then(|| "never: use is only logged".to_owned()));
    ItemRow {
        product: if line.product.is_empty() { line.line_item_id.clone() } else { line.product.clone() },
        version: line.version.clone(),
        details,
        bar: item_bar(item, format!("bar-{}", line.line_item_id)),
        used: Count(item.used),
        reserved: Count(item.reserved),
        count: or_dash(line.count),
        overdraft: line.overdraft.clone().unwrap_or_else(|| if_any(0)),
        starts: line.starts_at.map_or_else(|| "always".to_owned(), |at| Day::new(Some(at), visit.now).day()),
        ends: Day::new(line.expires_at, visit.now),
    }
}

fn periods(here: &str, current: &str) -> Vec<Period> {
    let period = |(word, label, _): &(&'static str, &'static str, i64)| Period {
        label,
        href: format!("{here}?period={word}#use"),
        current: *word == current,
    };
    PERIODS.iter().map(period).collect()
}

fn chart(name: &str, usage: Vec<FeatureUsage>, period: i64, visit: &Visit) -> Chart {
    let points =
        usage.into_iter().find(|usage| usage.feature == name).map(|usage| usage.points).unwrap_or_default();
    Chart { title: format!("Use of {name}"), hours: hours(&points, period, visit.now) }
}

fn holders(feature: &Feature, grants: Vec<Grant>, drops: Permit, visit: &Visit) -> Vec<HolderRow> {
    let aliases: HashMap<&str, &str> =
        feature.holders.iter().map(|holder| (holder.hostid.as_str(), holder.alias.as_str())).collect();
    let row = |grant: Grant| {
        let alias = aliases.get(grant.hostid.as_str()).copied().unwrap_or_default();
        let (since, until) = since_until(&grant, visit);
        HolderRow {
            device: if alias.is_empty() { grant.hostid.clone() } else { alias.to_owned() },
            hostid: if alias.is_empty() { String::new() } else { grant.hostid.clone() },
            href: device_page(&grant.hostid),
            count: Count(grant.count),
            mode: mode(&grant.mode),
            since,
            until,
            drop: drop_action(&grant, "feature", drops),
            holder: grant.holder,
        }
    };
    grants.into_iter().map(row).collect()
}
