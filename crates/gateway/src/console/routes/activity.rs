//! Every change of licence state.

use std::collections::BTreeSet;

use axum::response::Response;
use leasehold_runtime::http::{Problem, axum};

use crate::console::answer::page;
use crate::console::gather::everything;
use crate::console::pages::activity::ActivityPage;
use crate::console::parts::{ListState, Listing, Timeline, TimelineRow, encode, grouped};
use crate::console::shell::Section;
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::{activity, device_page, feature_page};
use crate::extract::Query;
use crate::model::Activity;

/// The list, newest first.
pub(crate) async fn list(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let listing = Listing::new("/activity", &state, &["at"]);
    let (services, wanted) = (visit.services(), listing.wanted());
    let (shell, found, owned) = tokio::join!(
        visit.shell("Activity", Section::Activity),
        services.activity(INSTANCE, &wanted),
        Owned::now(&visit)
    );
    let found = found?;
    let listing = listing.with_total(found.total);
    page(&ActivityPage {
        shell,
        events: EVENTS,
        event_names: SUMMARY,
        search: listing.search().to_owned(),
        export: format!("/api/v1/instances/~/activity?format=csv&search={}", encode(listing.search())),
        timeline: Timeline {
            label: "Activity",
            empty: match listing.search() {
                "" => "Nothing has happened yet.".to_owned(),
                search => format!("No record has “{search}” in its feature or device."),
            },
            with_device: true,
            rows: found.items.into_iter().map(|row| timeline_row(row, &owned, &visit)).collect(),
            paging: listing.paging("record", "records"),
        },
    })
}

/// Which features there are: programs ask for others too, and those have no page.
pub(crate) struct Owned(Option<BTreeSet<String>>);

impl Owned {
    /// As licensing says it. Where it does not, or where there are more than are read, every feature counts as one.
    pub(crate) async fn now(visit: &Visit) -> Self {
        let services = &visit.services();
        let all = everything("", |list| async move { services.features(INSTANCE, &list).await }).await;
        let whole = all.ok().filter(|all| all.next_page_token.is_none());
        Self(whole.map(|all| all.items.into_iter().map(|row| row.name).collect()))
    }

    /// The page of a feature; empty where there is none.
    fn page(&self, feature: &str) -> String {
        let missing = self.0.as_ref().is_some_and(|names| !names.contains(feature));
        if feature.is_empty() || missing { String::new() } else { feature_page(feature) }
    }
}

/// One change as a row.
pub(crate) fn timeline_row(row: Activity, owned: &Owned, visit: &Visit) -> TimelineRow {
    let feature = row.feature.unwrap_or_default();
    let device = row.hostid.unwrap_or_default();
    let delta: i64 = row.deltas.iter().map(|delta| delta.delta).sum();
    TimelineRow {
        at: row.at.map(|at| visit.when(at)),
        kind: activity(&row.kind),
        feature_href: owned.page(&feature),
        device_href: device_page(&device),
        counts: match delta {
            // A grant that was prolonged, or made for nothing of a count.
            0 if row.kind == "GRANTED" => "±0".to_owned(),
            0 => String::new(),
            more @ 1.. => format!("+{}", grouped(more)),
            less => grouped(less),
        },
        detail: row.detail,
        actor: row.actor,
        feature,
        device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_features_that_there_are_have_a_page() {
        let owned = Owned(Some(BTreeSet::from(["render".to_owned()])));
        assert_eq!(owned.page("render"), "/features/render");
        assert_eq!(owned.page("Simulation"), "");
        assert_eq!(owned.page(""), "");
        assert_eq!(
            Owned(None).page("Simulation"),
            "/features/Simulation",
            "nobody has said that it is missing"
        );
    }
}
