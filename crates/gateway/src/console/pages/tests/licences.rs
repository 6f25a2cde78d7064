//! Dashboard, features and devices.

use super::html;
use super::samples::{DAY, ago, ahead, bar, hours, listing, now, shell, spark};
use crate::console::pages::activity::ActivityPage;
use crate::console::pages::ask::{Affected, Ask, AskPage};
use crate::console::pages::dashboard::{Banner, DashboardPage, ExpiringRow, HealthRow, UseRow};
use crate::console::pages::device::{DevicePage, GrantRow};
use crate::console::pages::devices::{DeviceRow, DevicesPage};
use crate::console::pages::feature::{FeaturePage, HolderRow, ItemRow, Period};
use crate::console::pages::features::{FeatureRow, FeaturesPage};
use crate::console::parts::{
    Action, Chart, Count, Day, Field, Last, Legend, Permit, Tag, Timeline, TimelineRow, Tone, if_any, or_dash,
};
use crate::console::shell::Section;

/// Name, version, used, reserved, reserved and idle, total, beyond, days to the first end, what is out of the ordinary.
type Sample = (&'static str, &'static str, i64, i64, i64, Option<i64>, i64, Option<i64>, Option<Tag>);

fn estate() -> Vec<Sample> {
    let tag = |tone, text: &str| Some(Tag::new(tone, text));
    vec![
        ("3D Rendering", "5.2", 176, 131, 0, Some(160), 16, Some(122), tag(Tone::Warn, "overdraft 16")),
        ("Animation", "2022.1", 199, 198, 0, Some(200), 0, None, tag(Tone::Bad, "9 denied today")),
        ("Exporting", "4.8", 8, 32, 24, Some(40), 0, Some(25), tag(Tone::Warn, "ends in 25 days")),
        ("Printing", "1.2", 7, 0, 0, None, 0, None, None),
        ("Simulation hours", "2.0", 1846, 0, 0, Some(5000), 0, Some(213), tag(Tone::Plain, "metered")),
        ("VR Mode", "1.0", 49, 45, 2, Some(110), 0, None, None),
    ]
}

fn day(days: Option<i64>) -> Day {
    Day::new(days.map(|days| ahead(days * DAY).at), now())
}

fn available(used: i64, idle: i64, total: Option<i64>) -> String {
    or_dash(total.map(|total| (total - used - idle).max(0)))
}

fn use_row(sample: Sample) -> UseRow {
    let (name, _, used, _, idle, total, beyond, _, tag) = sample;
    UseRow {
        name: name.into(),
        href: "feature.html".into(),
        tags: tag.into_iter().collect(),
        bar: bar(name, used, idle, total, beyond),
        used: Count(used),
        available: available(used, idle, total),
        total: or_dash(total),
        spark: spark(name, used, total),
    }
}

fn health(tone: Tone, name: &str, detail: &str, state: &str) -> HealthRow {
    HealthRow { tone, name: name.into(), detail: detail.into(), state: state.into() }
}

fn dashboard() -> DashboardPage {
    DashboardPage {
        shell: shell("Dashboard", Section::Dashboard),
        events: "/api/v1/events",
        event_names: "usage health",
        facts: "6 features from 9 line items · 214 devices known · bundle 41".into(),
        suspension: Action::new("Suspend…", "suspend.html", Permit::Granted).risk(),
        banner: Some(Banner {
            tone: Tone::Warn,
            title: "Exporting ends in 25 days.".into(),
            text: "Renew with the vendor, then synchronise.".into(),
            href: "/features?sort=first_expiration",
            link: "What ends when",
        }),
        used: "2,285".into(),
        used_note: "of 5,510 owned, 26 reserved and idle".into(),
        spark: spark("all", 2285, None),
        denied: "9".into(),
        denied_note: "7 × not enough counts, 2 × device blocked".into(),
        overdraft: "16".into(),
        overdraft_note: "3D Rendering".into(),
        synchronised: Last::At(ago(3 * 3600)),
        deadline_note: "again before the deadline",
        deadline: Some(ahead(362 * DAY)),
        features: estate().into_iter().map(use_row).collect(),
        more: 0,
        legend: Legend,
        empty_title: "No features yet",
        empty_text: "",
        expiring_empty: "Nothing ends within 90 days.",
        empty_act: Action::new("Enrol", "/back-office", Permit::Granted),
        health: vec![
            health(Tone::Good, "licensing", "answers in 2 ms", "healthy"),
            health(Tone::Good, "sync", "answers in 3 ms", "healthy"),
            health(Tone::Warn, "updates", "Its store answers late.", "degraded"),
            health(Tone::Bad, "PostgreSQL", "No connection for 40 s; grants go on from memory.", "away"),
        ],
        expiring: vec![ExpiringRow {
            name: "Exporting".into(),
            href: "feature.html".into(),
            what: "4.8 · 40 counts".into(),
            day: day(Some(25)),
            tag: Tag::new(Tone::Warn, "25 days left"),
        }],
    }
}

fn features(search: &str, rows: Vec<Sample>) -> FeaturesPage {
    let total = u64::try_from(rows.len()).unwrap();
    let listing = listing("/features", search, &["name", "version", "used"], total);
    let heads = [
        ("name", "Feature", false),
        ("version", "Version", true),
        ("use", "Use", false),
        ("used", "Used", true),
        ("reserved", "Reserved", true),
        ("available", "Available", true),
        ("total", "Total", true),
        ("overdraft", "Overdraft", true),
        ("overage", "Overage", true),
        ("first_expiration", "First end", false),
        ("last_expiration", "Last end", false),
    ];
    let row = |sample: Sample| {
        let (name, version, used, reserved, idle, total, beyond, ends, tag) = sample;
        FeatureRow {
            name: name.into(),
            href: "feature.html".into(),
            tags: tag.into_iter().collect(),
            version: version.into(),
            bar: bar(name, used, idle, total, beyond),
            used: Count(used),
            reserved: Count(reserved),
            available: available(used, idle, total),
            total: or_dash(total),
            overdraft: if_any(beyond),
            overage: if_any(0),
            first: day(ends),
            last: day(ends),
        }
    };
    FeaturesPage {
        shell: shell("Features", Section::Features),
        events: "/api/v1/events",
        event_names: "usage",
        facts: "6 features from 9 line items · bundle 41 · synchronise again in 362 days".into(),
        synchronise: Action::new("Back office", "/back-office", Permit::Granted),
        export: "/api/v1/instances/~/features?format=csv&search=".to_owned(),
        heads: heads.iter().map(|(column, label, numeric)| listing.head(column, label, *numeric)).collect(),
        paging: listing.paging("feature", "features"),
        listing,
        rows: rows.into_iter().map(row).collect(),
        legend: Legend,
        empty_text: "Features come from the vendor. Enrol this server, then synchronise.",
        empty_act: Action::new("Enrol", "/back-office", Permit::Granted).main(),
    }
}

fn drop_grant() -> Action {
    Action::new("Drop…", "drop.html", Permit::Granted).risk().small()
}

fn feature() -> FeaturePage {
    let holder = |device: &str, hostid: &str, holder: &str, count, mode| HolderRow {
        device: device.into(),
        hostid: hostid.into(),
        href: "device.html".into(),
        holder: holder.into(),
        count: Count(count),
        mode,
        since: Some(ago(5400)),
        until: Some(ahead(900)),
        drop: drop_grant(),
    };
    let period = |label, current| Period { label, href: "#use".into(), current };
    let mut page = shell("3D Rendering", Section::Features);
    page.said = Some(crate::console::shell::Said { tone: Tone::Good, text: "The grant was dropped.".into() });
    FeaturePage {
        shell: page,
        events: "/api/v1/events",
        event_names: "usage",
        name: "3D Rendering".into(),
        facts: "Studio suite · version 5.2 · 2 line items".into(),
        tags: vec![Tag::new(Tone::Warn, "overdraft 16")],
        used: Count(176),
        used_note: "of 160 owned, 16 on overdraft".into(),
        available: "0".into(),
        reserved_note: "131 reserved, none idle".into(),
        denied: Count(9),
        denied_note: "9 × not enough counts".into(),
        first: day(Some(122)),
        ends_note: "all line items together".into(),
        items: vec![ItemRow {
            product: "Studio suite".into(),
            version: "5.2".into(),
            details: vec![("Line item", "li-0041".into()), ("Notice", "Call us before you renew.".into())],
            bar: bar("item", 176, 0, Some(160), 16),
            used: Count(176),
            reserved: Count(131),
            count: "160".into(),
            overdraft: "20".into(),
            starts: "always".into(),
            ends: day(Some(122)),
        }],
        legend: Legend,
        periods: vec![period("24 hours", false), period("7 days", true), period("30 days", false)],
        chart: Chart { title: "Use of 3D Rendering".into(), hours: hours(176, Some(160), 168) },
        holders: vec![
            holder("cad-017", "00:1a:4b:99:02:17/ETHERNET", "slot 1", 1, Tag::new(Tone::Plain, "online")),
            holder("render-farm-04", "", "", 24, Tag::new(Tone::Plain, "borrowed")),
        ],
        paging: listing("/features/3D%20Rendering", "", &["since"], 176).paging("grant", "grants"),
    }
}

fn devices(rows: bool) -> DevicesPage {
    let listing =
        listing("/devices", if rows { "" } else { "no such" }, &["name"], if rows { 214 } else { 0 });
    let heads = [
        ("name", "Device", false),
        ("type", "Id type", false),
        ("machine", "Machine", false),
        ("grants", "Grants", true),
        ("counts", "Counts", true),
        ("until", "Until", false),
        ("last_seen", "Last seen", true),
    ];
    let row = |title: &str, subtitle: &str, blocked, machine, counts| DeviceRow {
        title: title.into(),
        subtitle: subtitle.into(),
        href: "device.html".into(),
        blocked,
        id_type: "network card",
        machine,
        grants: Count(counts),
        counts: Count(counts),
        until: (counts > 0).then(|| ahead(900)),
        last_seen: Some(ago(12)),
    };
    let all = vec![
        row("cad-017", "00:1a:4b:99:02:17/ETHERNET", false, "physical", 3),
        row("cad-018", "00:1a:4b:99:02:18/ETHERNET", true, "physical", 0),
        row("4c4c4544-0051-4a10-8035-b2c04f4b3132/VM_UUID", "", false, "virtual", 24),
    ];
    DevicesPage {
        shell: shell("Devices", Section::Devices),
        events: "/api/v1/events",
        event_names: "usage",
        facts: "214 devices known · 183 hold something".into(),
        export: "/api/v1/instances/~/devices?format=csv&search=".to_owned(),
        heads: heads.iter().map(|(column, label, numeric)| listing.head(column, label, *numeric)).collect(),
        paging: listing.paging("device", "devices"),
        listing,
        rows: if rows { all } else { Vec::new() },
    }
}

fn timeline(with_device: bool) -> Timeline {
    let row = |seconds, tone, kind: &str, counts: &str, detail: &str| TimelineRow {
        at: Some(ago(seconds)),
        kind: Tag::new(tone, kind),
        feature: "3D Rendering".into(),
        feature_href: "feature.html".into(),
        device: "cad-017".into(),
        device_href: "device.html".into(),
        counts: counts.into(),
        detail: detail.into(),
        actor: "client".into(),
    };
    Timeline {
        label: "History",
        empty: "Nothing has happened yet.".into(),
        with_device,
        rows: vec![
            row(12, Tone::Good, "granted", "+1", ""),
            row(700, Tone::Bad, "refused", "", "not enough counts: 1 wanted, 0 available"),
            row(9000, Tone::Warn, "expired", "−1", "no heartbeat for 15 min"),
        ],
        paging: listing("/devices/x", "", &["at"], 3).paging("record", "records"),
    }
}

fn device() -> DevicePage {
    DevicePage {
        shell: shell("cad-017", Section::Devices),
        events: "/api/v1/events",
        event_names: "usage",
        title: "cad-017 <b>bold".into(),
        hostid: "00:1a:4b:99:02:17/ETHERNET".into(),
        id_type: "network card",
        machine: "physical",
        blocked: true,
        block: Action::new("Unblock…", "unblock.html", Permit::Granted).asks(),
        drop: Action::new("Drop…", "drop.html", Permit::Needs("DROP_CLIENT")).risk(),
        counts: Count(3),
        grants_note: "in 2 grants".into(),
        until: Some(ahead(4 * DAY)),
        last_seen: Some(ago(12)),
        first_seen: Some(ago(400 * DAY)),
        grants: vec![
            GrantRow {
                feature: "3D Rendering".into(),
                href: "feature.html".into(),
                holder: "slot 1".into(),
                count: Count(2),
                mode: Tag::new(Tone::Plain, "online"),
                charged: "reservation".into(),
                since: Some(ago(5400)),
                until: Some(ahead(900)),
                drop: drop_grant(),
            },
            GrantRow {
                feature: "VR Mode".into(),
                href: "feature.html".into(),
                holder: String::new(),
                count: Count(1),
                mode: Tag::new(Tone::Plain, "borrowed"),
                charged: "default pool".into(),
                since: Some(ago(5400)),
                until: Some(ahead(4 * DAY)),
                drop: drop_grant(),
            },
        ],
        history: timeline(false),
    }
}

fn question() -> AskPage {
    let affected = |what: &str, note: &str| Affected { what: what.into(), note: note.into() };
    AskPage {
        shell: shell("Drop cad-017", Section::Devices),
        ask: Ask {
            title: "Drop cad-017 and end what it holds?".into(),
            texts: vec![
                "Its programs lose their licences with their next heartbeat. The device comes back with its next request."
                    .into(),
            ],
            affects_title: "Grants that end",
            affects: vec![
                affected("3D Rendering × 2", "online, slot 1"),
                affected("VR Mode × 1", "borrowed until 2026-12-03"),
            ],
            more: 4,
            fields: vec![Field::text("reason", "Why").hint("Stands in the activity.").optional()],
            action: "/devices/x/drop".into(),
            label: "Drop the device".into(),
            risk: true,
            back: "/devices/x".into(),
            ..Ask::default()
        },
    }
}

/// The pages of this module.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let activity = ActivityPage {
        shell: shell("Activity", Section::Activity),
        events: "/api/v1/events",
        event_names: "usage",
        search: String::new(),
        export: "/api/v1/instances/~/activity.csv".into(),
        timeline: timeline(true),
    };
    vec![
        ("dashboard", html(&dashboard())),
        ("features", html(&features("", estate()))),
        ("features-none", html(&features("", Vec::new()))),
        ("features-nothing-found", html(&features("zzz", Vec::new()))),
        ("feature", html(&feature())),
        ("devices", html(&devices(true))),
        ("devices-nothing-found", html(&devices(false))),
        ("device", html(&device())),
        ("drop", html(&question())),
        ("activity", html(&activity)),
    ]
}

#[test]
fn the_dashboard_shows_what_matters() {
    let html = html(&dashboard());
    for text in [
        "Exporting ends in 25 days.",
        "7 × not enough counts",
        r#"aria-label="176 of 160 used, 0 available, 16 beyond what is owned""#,
        "No connection for 40 s",
        r#"data-events="/api/v1/events""#,
        r#"<a class="btn risk" href="suspend.html" data-dialog>Suspend…</a>"#,
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

#[test]
fn the_features_keep_their_state_in_the_address() {
    let html = html(&features("", estate()));
    assert!(html.contains(r#"aria-sort="ascending""#), "{html}");
    assert!(html.contains(r#"href="/features?sort=-used""#), "{html}");
    assert!(html.contains("6 features"), "{html}");
    assert!(html.contains("permanent"), "{html}");
}

#[test]
fn empty_lists_say_what_to_do_next() {
    assert!(html(&features("", Vec::new())).contains("Enrol this server"));
    let found_nothing = html(&features("zzz", Vec::new()));
    assert!(found_nothing.contains("No feature has “zzz” in its name"), "{found_nothing}");
    assert!(html(&devices(false)).contains("No device has “no such”"));
}

#[test]
fn a_question_lists_what_it_affects() {
    let html = html(&question());
    for text in ["3D Rendering × 2", "and 4 more", r#"action="/devices/x/drop""#, "data-cancel"] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

#[test]
fn a_device_shows_holdings_history_and_whose_the_buttons_are() {
    let html = html(&device());
    for text in ["needs the role DROP_CLIENT", "reservation", "no heartbeat for 15 min", "Blocked."] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}
