//! The dashboard, from what every service says.

use axum::response::Response;
use jiff::Timestamp;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::{Problem, axum};

use crate::console::answer::{page, sentence};
use crate::console::figures::{SOON, Whole, end_tag};
use crate::console::gather::everything;
use crate::console::pages::dashboard::{Banner, DashboardPage, ExpiringRow, HealthRow, UseRow};
use crate::console::parts::{Action, Count, Day, Legend, Permit, Tag, Tone, grouped, one_or_many, or_dash};
use crate::console::said::Done;
use crate::console::shell::{Said, Section};
use crate::console::use_over_time::{DAY, query, spark, spark_of_all};
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::{feature_page, reasons};
use crate::health::ServiceHealth;
use crate::model::{DenialQuery, Denials, FeatureSummary, FeatureUsage, Instance, List, SyncStatus};

/// Features that are shown; the others are on their own page.
const SHOWN: usize = 12;
/// Stands where a service does not say.
const UNKNOWN: &str = "not known at the moment";

/// Everything that the dashboard shows, as far as the services answered.
struct Estate {
    instance: Result<Instance, Problem>,
    features: Result<Vec<FeatureSummary>, Problem>,
    devices: Option<u64>,
    denials: Option<Denials>,
    usage: Vec<FeatureUsage>,
    sync: Option<SyncStatus>,
    health: Vec<ServiceHealth>,
}

impl Estate {
    async fn of(visit: &Visit) -> Self {
        let services = &visit.services();
        let (largest, one) = (List::default().largest(), List { page_size: 1, ..List::default() });
        let (today, usage) = (DenialQuery::default(), query("", DAY, visit.now));
        let (instance, features, devices, denials, usage, sync, health) = tokio::join!(
            services.instance(INSTANCE),
            everything("", |list| async move { services.features(INSTANCE, &list).await }),
            services.devices(INSTANCE, &one),
            services.denials(INSTANCE, &today, &largest),
            services.usage(INSTANCE, &usage, &largest),
            services.sync_status(INSTANCE),
            visit.state.health.services(),
        );
        Self {
            instance,
            features: features.map(|features| features.items),
            devices: devices.ok().map(|devices| devices.total),
            denials: denials.ok(),
            usage: usage.map(|usage| usage.items).unwrap_or_default(),
            sync: sync.ok(),
            health,
        }
    }

    fn denied(&self, feature: &str) -> i64 {
        let denials = self.denials.iter().flat_map(|denials| &denials.items);
        denials.filter(|denial| denial.feature == feature).map(|denial| denial.count).sum()
    }
}

/// The page.
pub(crate) async fn show(visit: Visit) -> Result<Response, Problem> {
    let (mut shell, estate) = tokio::join!(visit.shell("Dashboard", Section::Dashboard), Estate::of(&visit));
    let rows = estate.features.as_deref().unwrap_or_default();
    let wholes = Whole::each(rows);
    // What a service does not say is a dash, and never a nought.
    let sum = |count: fn(&Whole) -> i64| {
        or_dash(estate.features.as_ref().ok().map(|_| wholes.iter().map(count).sum()))
    };
    let (empty_title, empty_text, empty_act) = empty(&estate, enrolled(&estate));
    let suspended = estate.instance.as_ref().is_ok_and(|instance| instance.suspension.is_some());
    if estate.instance.is_ok() {
        shell.said = shell.said.filter(|said| !contradicts(said, suspended));
    }
    let sync = estate.sync.as_ref();
    let deadline = sync.and_then(|sync| sync.synchronize_before).map(|at| visit.when(at));
    page(&DashboardPage {
        events: EVENTS,
        event_names: SUMMARY,
        facts: facts(&estate, wholes.len()),
        suspension: suspension(suspended, visit.permit(&[Role::Operator])),
        banner: banner(&estate, &wholes, visit.now),
        used: sum(|whole| whole.used),
        used_note: if estate.features.is_ok() { used_note(&wholes) } else { UNKNOWN.to_owned() },
        spark: spark_of_all("spark-all".to_owned(), &estate.usage, visit.now),
        denied: or_dash(estate.denials.as_ref().map(|denials| denials.denials)),
        denied_note: estate.denials.as_ref().map_or_else(|| UNKNOWN.to_owned(), why_denied),
        overdraft: sum(|whole| whole.overdraft),
        overdraft_note: overdraft_note(&estate, &wholes),
        synchronised: visit.last_synchronised(sync),
        deadline_note: match enrolled(&estate) {
            None => UNKNOWN,
            Some(true) => due(sync.is_some_and(|sync| sync.synchronized_at.is_some()), deadline.is_some()),
            Some(false) => "not enrolled with a vendor",
        },
        deadline,
        features: shown(&estate, &wholes, visit.now),
        more: i64::try_from(wholes.len().saturating_sub(SHOWN)).unwrap_or(0),
        legend: Legend,
        empty_title,
        empty_text,
        empty_act,
        expiring_empty: match estate.features {
            Ok(_) => "Nothing ends within 90 days.",
            Err(_) => "It is not known at the moment what ends when.",
        },
        health: estate.health.iter().map(health_row).collect(),
        expiring: expiring(rows, visit.now),
        shell,
    })
}

/// The button that suspends or resumes.
fn suspension(suspended: bool, operator: Permit) -> Action {
    if suspended {
        Action::new("Resume…", "/resume", operator).main().asks()
    } else {
        Action::new("Suspend…", "/suspend", operator).risk()
    }
}

/// Whether the banner of a suspension says what was done, or what was done is no longer so.
fn contradicts(said: &Said, suspended: bool) -> bool {
    suspended || said.text == Done::Suspended.sentence()
}

/// What is said below the last synchronisation; the deadline follows where there is one.
fn due(synchronised: bool, deadline: bool) -> &'static str {
    match (synchronised, deadline) {
        (true, true) => "again before the deadline",
        (true, false) => "no deadline is set",
        (false, true) => "for the first time before the deadline",
        (false, false) => "nothing is granted before the first time",
    }
}

/// Whether it belongs to a vendor, if that is known.
fn enrolled(estate: &Estate) -> Option<bool> {
    estate.sync.as_ref().map(|sync| sync.enrolment.is_some())
}

/// What is said and offered where no features are shown.
fn empty(estate: &Estate, enrolled: Option<bool>) -> (&'static str, &'static str, Action) {
    let act = |label, href| Action::new(label, href, Permit::Granted).main();
    match (&estate.features, enrolled) {
        (Err(_), _) => (
            "Not known at the moment",
            "Licensing does not say what there is. It shows again as soon as the service answers.",
            act("Services", "/about"),
        ),
        (Ok(_), Some(false)) => (
            "No features yet",
            "Features come from a vendor. Enrol this server with the file that the vendor sent.",
            act("Back office", "/back-office"),
        ),
        (Ok(_), _) => (
            "No features yet",
            "The vendor's next bundle brings them. Synchronise to ask for it now.",
            act("Back office", "/back-office"),
        ),
    }
}

fn why_denied(denials: &Denials) -> String {
    reasons(denials.items.iter().map(|denial| (denial.reason.as_str(), denial.count)))
}

fn overdraft_note(estate: &Estate, wholes: &[Whole]) -> String {
    let over: Vec<&str> =
        wholes.iter().filter(|whole| whole.overdraft > 0).map(|whole| whole.name.as_str()).collect();
    match (&estate.features, over.as_slice()) {
        (Err(_), _) => UNKNOWN.to_owned(),
        (Ok(_), []) => "none is needed".to_owned(),
        (Ok(_), some) => some.join(", "),
    }
}

fn facts(estate: &Estate, features: usize) -> String {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut facts = Vec::new();
    if estate.features.is_ok() {
        facts.push(one_or_many(count(features as u64), "feature", "features"));
    }
    facts.extend(estate.devices.map(|devices| one_or_many(count(devices), "device known", "devices known")));
    if let Ok(instance) = &estate.instance
        && instance.bundle_sequence > 0
    {
        facts.push(format!("bundle {}", instance.bundle_sequence));
    }
    if facts.is_empty() {
        facts.push("What there is, is not known at the moment.".to_owned());
    }
    facts.join(" · ")
}

/// Of how many: what has no count is told apart, because nothing is owned that it could be out of.
fn used_note(wholes: &[Whole]) -> String {
    let counted: Vec<&Whole> = wholes.iter().filter(|whole| whole.total.is_some()).collect();
    let owned: i64 = counted.iter().filter_map(|whole| whole.total).sum();
    let idle: i64 = counted.iter().map(|whole| whole.idle).sum();
    let uncounted: i64 = wholes.iter().filter(|whole| whole.total.is_none()).map(|whole| whole.used).sum();
    let mut note = match uncounted {
        0 => format!("of {} owned", grouped(owned)),
        _ => {
            let used: i64 = counted.iter().map(|whole| whole.used).sum();
            format!("{} of {} owned, {} uncounted", grouped(used), grouped(owned), grouped(uncounted))
        }
    };
    if idle > 0 {
        note.push_str(&format!(", {} reserved and idle", grouped(idle)));
    }
    note
}

/// The features in need first, then by name.
fn shown(estate: &Estate, wholes: &[Whole], now: Timestamp) -> Vec<UseRow> {
    let mut wanted: Vec<&Whole> = wholes.iter().collect();
    if wanted.len() > SHOWN {
        wanted.sort_by_key(|whole| std::cmp::Reverse(whole.need(estate.denied(&whole.name))));
        wanted.truncate(SHOWN);
        // So that rows keep their places while numbers change.
        wanted.sort_by(|one, other| one.name.cmp(&other.name));
    }
    let row = |whole: &Whole| UseRow {
        href: feature_page(&whole.name),
        tags: whole.tags(estate.denied(&whole.name), now),
        bar: whole.bar(format!("bar-{}", whole.name)),
        used: Count(whole.used),
        available: or_dash(whole.available),
        total: or_dash(whole.total),
        spark: spark(format!("spark-{}", whole.name), &estate.usage, &whole.name, whole.total, now),
        name: whole.name.clone(),
    };
    wanted.into_iter().map(row).collect()
}

fn health_row(service: &ServiceHealth) -> HealthRow {
    HealthRow {
        tone: if service.ok { Tone::Good } else { Tone::Bad },
        name: service.name.to_owned(),
        detail: service.message.as_deref().map(sentence).unwrap_or_default(),
        state: if service.ok { "healthy" } else { "away" }.to_owned(),
    }
}

fn expiring(rows: &[FeatureSummary], now: Timestamp) -> Vec<ExpiringRow> {
    let mut ending: Vec<(Day, Tag, &FeatureSummary)> = rows
        .iter()
        .map(|row| (Day::new(row.first_expiration, now), row))
        .filter_map(|(day, row)| Some((day, end_tag(day)?, row)))
        .collect();
    ending.sort_by_key(|(day, ..)| day.at);
    let row = |(day, tag, row): (Day, Tag, &FeatureSummary)| ExpiringRow {
        name: row.name.clone(),
        href: feature_page(&row.name),
        what: match row.total {
            Some(total) => format!("{} · {}", row.version, one_or_many(total, "count", "counts")),
            None => format!("{} · uncounted", row.version),
        },
        day,
        tag,
    };
    ending.into_iter().take(SHOWN).map(row).collect()
}

/// The one thing that somebody should do, the most pressing first.
#[expect(clippy::too_many_lines, reason = "one case after the other, in their order")]
fn banner(estate: &Estate, wholes: &[Whole], now: Timestamp) -> Option<Banner> {
    let to_vendor = |tone, title: &str, text: String| Banner {
        tone,
        title: title.to_owned(),
        text,
        href: "/back-office",
        link: "Back office",
    };
    let instance = match &estate.instance {
        Ok(instance) => instance,
        Err(problem) => {
            let (href, link) = ("/about", "Services");
            return Some(Banner {
                tone: Tone::Bad,
                title: "Licensing does not answer.".to_owned(),
                text: sentence(&problem.message),
                href,
                link,
            });
        }
    };
    if let Some(suspension) = &instance.suspension {
        let by = format!("{} suspended it. Nothing new is granted until somebody resumes.", suspension.actor);
        let banner = Banner { tone: Tone::Bad, title: "Suspended.".to_owned(), text: by, href: "", link: "" };
        return Some(banner);
    }
    match instance.status.as_str() {
        "UNENROLLED" => {
            return Some(to_vendor(Tone::Warn, "Not enrolled.", "Enrol with the vendor's file.".to_owned()));
        }
        "UNSYNCHRONIZED" => {
            let text = "Nothing is granted until this server has synchronised with its vendor.".to_owned();
            return Some(to_vendor(Tone::Bad, "Not synchronised.", text));
        }
        "RESTORED" => {
            let text =
                "It was started from a backup. Run `leasehold instance confirm` when all is as it should be.";
            return Some(to_vendor(Tone::Warn, "Restored.", text.to_owned()));
        }
        "RUNNING" | "SUSPENDED" => {}
        other => {
            let text = "Nothing is granted meanwhile; the server's log says what to do.".to_owned();
            return Some(to_vendor(
                Tone::Bad,
                &format!("{}.", sentence(&crate::console::words::plain(other)).trim_end_matches('.')),
                text,
            ));
        }
    }
    let deadline = Day::new(instance.synchronize_before, now);
    if let Some(days) = deadline.days_left().filter(|days| *days < 14) {
        let text = format!(
            "Nothing is granted from {} on, in {}.",
            deadline.day(),
            one_or_many(days, "day", "days")
        );
        return Some(to_vendor(Tone::Warn, "Synchronise soon.", text));
    }
    let first = wholes
        .iter()
        .filter(|whole| whole.first.is_some_and(|at| at > now))
        .min_by_key(|whole| whole.first)?;
    let days = Day::new(first.first, now).days_left().filter(|days| *days < SOON / 3)?;
    Some(Banner {
        tone: Tone::Warn,
        title: format!("{} ends in {}.", first.name, one_or_many(days, "day", "days")),
        text: "Renew with the vendor, then synchronise.".to_owned(),
        href: "/features?sort=first_expiration",
        link: "What ends when",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_is_told_once_and_only_while_it_lasts() {
        let said = |done: Done| Said { tone: Tone::Good, text: done.sentence().to_owned() };
        assert!(contradicts(&said(Done::Suspended), true), "the banner says it");
        assert!(contradicts(&said(Done::Suspended), false), "somebody has resumed");
        assert!(contradicts(&said(Done::Resumed), true), "somebody has suspended again");
        assert!(!contradicts(&said(Done::Resumed), false));
    }

    #[test]
    fn what_was_never_synchronised_is_not_asked_to_do_it_again() {
        assert!(due(true, true).starts_with("again"));
        for deadline in [true, false] {
            assert!(due(false, deadline).contains("first time"));
        }
    }
}
