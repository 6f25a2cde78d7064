//! The list of features.

use std::cmp::Ordering;

use axum::response::Response;
use leasehold_runtime::http::{Problem, axum};

use crate::console::answer::page;
use crate::console::figures::{version_bar, version_tags};
use crate::console::gather;
use crate::console::pages::features::{FeatureRow, FeaturesPage};
use crate::console::parts::{
    Action, Count, Day, Head, Legend, ListState, Listing, Permit, encode, grouped, if_any, one_or_many,
    or_dash,
};
use crate::console::shell::Section;
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::feature_page;
use crate::extract::Query;
use crate::model::FeatureSummary;

/// Columns by which it sorts: name, label, whether it is a number. The first is the service's own order.
const COLUMNS: [(&str, &str, bool); 11] = [
    ("name", "Feature", false),
    ("version", "Version", true),
    ("use", "Use", true),
    ("used", "Used", true),
    ("reserved", "Reserved", true),
    ("available", "Available", true),
    ("total", "Total", true),
    ("overdraft", "Overdraft", true),
    ("overage", "Overage", true),
    ("first_expiration", "First end", false),
    ("last_expiration", "Last end", false),
];

/// The list.
pub(crate) async fn list(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let columns: Vec<&str> = COLUMNS.iter().map(|(column, ..)| *column).collect();
    let listing = Listing::new("/features", &state, &columns);
    let services = &visit.services();
    let fetch = |list| async move { services.features(INSTANCE, &list).await };
    let (shell, found) = tokio::join!(
        visit.shell("Features", Section::Features),
        gather::page(listing, "name", fetch, compare)
    );
    let gather::Page { rows, listing, cut } = found?;
    page(&FeaturesPage {
        facts: if cut {
            format!(
                "Too many to sort: the first ones of {}, sorted. Search for part of a name.",
                listing.total()
            )
        } else {
            one_or_many(listing.total(), "feature by name and version", "features by name and version")
        },
        shell,
        events: EVENTS,
        event_names: SUMMARY,
        synchronise: Action::new("Back office", "/back-office", Permit::Granted),
        export: format!("/api/v1/instances/~/features?format=csv&search={}", encode(listing.search())),
        heads: COLUMNS.iter().map(|column| head(&listing, column)).collect(),
        rows: rows.into_iter().map(|row| row_of(row, &visit)).collect(),
        legend: Legend,
        paging: listing.paging("feature", "features"),
        listing,
        empty_text: "Features come from the vendor: enrol this server, then synchronise.",
        empty_act: Action::new("Back office", "/back-office", Permit::Granted).main(),
    })
}

fn head(listing: &Listing, (column, label, numeric): &(&str, &str, bool)) -> Head {
    let head = listing.head(column, label, *numeric);
    if *column == "use" { head.leftwards() } else { head }
}

fn row_of(row: FeatureSummary, visit: &Visit) -> FeatureRow {
    FeatureRow {
        href: feature_page(&row.name),
        tags: version_tags(&row, visit.now),
        bar: version_bar(&row, format!("bar-{}-{}", row.name, row.version)),
        used: Count(row.used),
        reserved: Count(row.reserved),
        available: or_dash(row.available),
        total: or_dash(row.total),
        overdraft: match row.overdraft {
            Some(limit) if row.overdraft_used > 0 => {
                format!("{} of {}", grouped(row.overdraft_used), grouped(limit))
            }
            Some(limit) => if_any(limit),
            None => "no limit".to_owned(),
        },
        overage: if_any(row.overage),
        first: Day::new(row.first_expiration, visit.now),
        last: Day::new(row.last_expiration, visit.now),
        name: row.name,
        version: row.version,
    }
}

fn compare(column: &str, one: &FeatureSummary, other: &FeatureSummary) -> Ordering {
    // What has no count has more than any; what never ends, ends last.
    let or_most = |count: Option<i64>| count.unwrap_or(i64::MAX);
    let share = |row: &FeatureSummary| row.used.saturating_mul(1000) / row.total.unwrap_or(i64::MAX).max(1);
    let end = |at: Option<jiff::Timestamp>| at.unwrap_or(jiff::Timestamp::MAX);
    match column {
        "version" => numbers(&one.version).cmp(&numbers(&other.version)),
        "use" => share(one).cmp(&share(other)),
        "used" => one.used.cmp(&other.used),
        "reserved" => one.reserved.cmp(&other.reserved),
        "available" => or_most(one.available).cmp(&or_most(other.available)),
        "total" => or_most(one.total).cmp(&or_most(other.total)),
        "overdraft" => (one.overdraft_used, or_most(one.overdraft))
            .cmp(&(other.overdraft_used, or_most(other.overdraft))),
        "overage" => one.overage.cmp(&other.overage),
        "first_expiration" => end(one.first_expiration).cmp(&end(other.first_expiration)),
        "last_expiration" => end(one.last_expiration).cmp(&end(other.last_expiration)),
        _ => one.name.cmp(&other.name),
    }
}

/// A version's numbers, so that 10 comes after 9.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::figures::tests::version;

    fn sorted(column: &str, mut rows: Vec<FeatureSummary>) -> Vec<String> {
        rows.sort_by(|one, other| compare(column, one, other));
        rows.into_iter().map(|row| format!("{} {}", row.name, row.version)).collect()
    }

    #[test]
    fn every_column_has_an_order_of_its_own() {
        let rows = || {
            vec![
                version("a", "10.0", Some(4), 4),
                version("b", "9.1", None, 9),
                version("c", "9.0", Some(90), 8),
            ]
        };
        assert_eq!(sorted("version", rows()), ["c 9.0", "b 9.1", "a 10.0"]);
        assert_eq!(sorted("used", rows()), ["a 10.0", "c 9.0", "b 9.1"]);
        assert_eq!(sorted("use", rows()), ["b 9.1", "c 9.0", "a 10.0"]);
        assert_eq!(sorted("total", rows()), ["a 10.0", "c 9.0", "b 9.1"]);
        assert_eq!(sorted("available", rows()), ["a 10.0", "c 9.0", "b 9.1"]);
    }

    #[test]
    fn what_never_ends_ends_last() {
        let mut rows = vec![version("a", "1", Some(1), 0), version("b", "1", Some(1), 0)];
        rows[1].first_expiration = Some("2027-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(sorted("first_expiration", rows), ["b 1", "a 1"]);
    }
}
