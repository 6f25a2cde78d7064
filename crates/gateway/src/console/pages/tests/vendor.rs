//! Sign-in, back office, administration, problems.

use super::html;
use super::samples::{DAY, ago, ahead, listing, now, shell};
use crate::console::assets::Assets;
use crate::console::pages::administration::{
    AboutPage, AuditPage, AuditRow, FactGroup, ServiceRow, TokenRow, TokensPage, UserRow, UsersPage,
};
use crate::console::pages::back_office::{
    BackOfficePage, ConnectionPage, Enrolled, ExchangeRow, OfflinePage, StepRow,
};
use crate::console::pages::dashboard::Banner;
use crate::console::pages::form::{FormPage, TokenMadePage};
use crate::console::pages::problem::{Problem, ProblemAlonePage, ProblemPage};
use crate::console::pages::sign_in::{FirstSignInPage, HttpsNeededPage, SignInPage, Wrongs};
use crate::console::parts::{Action, Choice, Count, Day, Field, Permit, Tag, Tone};
use crate::console::shell::{Section, Theme};

fn sign_in() -> SignInPage {
    let mut page = SignInPage::new(Theme::System, "/features".into());
    page.wrong = Some("Name and password do not fit together.".into());
    page
}

fn first_sign_in() -> FirstSignInPage {
    let mut wrongs = Wrongs::default();
    wrongs.add("password", "It has 7 characters; 12 are needed.");
    FirstSignInPage::new(Theme::Dark, "7KQM-2F4T", "ada", &wrongs)
}

fn enrolled(permit: Permit) -> Enrolled {
    Enrolled {
        tone: Tone::Good,
        state: "synchronised",
        bundle: "bundle 41 is in force".into(),
        synchronised: Some(ago(3 * 3600)),
        next: Some(ahead(21 * 3600)),
        deadline: Some(ahead(362 * DAY)),
        outstanding: 1,
        identity: vec![
            ("Vendor", "Example Software".into(), false),
            ("Licence server id", "0194f6a2-7f0e-7c55-9d0b-0f1d6b0f7a11".into(), true),
            ("Our fingerprint", "4821 0047 1932 8850 6714 0023 9917 4402".into(), true),
            ("Back office", "https://backoffice.example.com:16780".into(), true),
        ],
        notices: vec!["The back office is down on Sunday from 02:00 to 04:00.".into()],
        contact: vec![("Mail", "licences@example.com".into()), ("Phone", "+44 20 7946 0000".into())],
        offline: Action::new("Exchange by files", "offline.html", Permit::Granted),
        test: Action::new("Test the connection", "connection.html", Permit::Granted),
        synchronise: permit,
    }
}

fn back_office(enrolled: Option<Enrolled>, enrol: Permit) -> BackOfficePage {
    let exchange = |number, state, summary: &str, details: &[&str]| ExchangeRow {
        number: Count(number),
        state,
        way: "network",
        began: Some(ago(number * 3600)),
        took: "412 ms".into(),
        bundle: "41".into(),
        summary: summary.into(),
        details: details.iter().map(|detail| (*detail).to_owned()).collect(),
        actor: "ada".into(),
    };
    BackOfficePage {
        shell: shell("Back office", Section::BackOffice),
        events: "/api/v1/events",
        event_names: "sync",
        facts: "Example Software · rights arrive from here as signed bundles".into(),
        banner: None,
        exchanges: vec![
            exchange(
                118,
                Tag::new(Tone::Good, "done"),
                "2 changes",
                &["VR Mode 1.0: 90 → 110", "Printing 1.2 added"],
            ),
            exchange(
                117,
                Tag::new(Tone::Bad, "failed"),
                "The vendor did not answer.",
                &["VENDOR_UNREACHABLE at connect"],
            ),
            exchange(116, Tag::new(Tone::Plain, "requested"), "Waits for its response.", &[]),
        ],
        paging: listing("/back-office", "", &["number"], 118).paging("exchange", "exchanges"),
        enrolled,
        enrol,
        file_field: Field::file("file", "Enrolment file").hint("A JSON file from the vendor."),
        fields: vec![
            Field::text("license_server_id", "Licence server id")
                .hint("A UUID that the vendor gave this server."),
            Field::text("address", "Back office").hint("https://HOST:PORT. Empty: by files only.").optional(),
        ],
    }
}

fn offline() -> OfflinePage {
    OfflinePage {
        shell: shell("Exchange by files", Section::BackOffice),
        banner: Some(Banner {
            tone: Tone::Bad,
            title: "The response was refused.".into(),
            text: "It answers a request of another server. Nothing was changed.".into(),
            href: "",
            link: "",
        }),
        export: Permit::Granted,
        import: Permit::Needs("OFFLINE"),
        where_to: "Send it to licences@example.com.".into(),
        outstanding: 1,
        outstanding_text: "1 request is out".into(),
        file_field: Field::file("file", "Response file"),
    }
}

fn connection() -> ConnectionPage {
    let step = |name, ok, message: &str| StepRow { name, ok, message: message.into(), took: "3 ms".into() };
    ConnectionPage {
        shell: shell("Test the connection", Section::BackOffice),
        address: "https://backoffice.example.com:16780".into(),
        steps: vec![
            step("Name", true, "203.0.113.7"),
            step("Connection", true, "203.0.113.7, port 16780"),
            step("Security", false, "The certificate ended on 2026-11-01. The vendor has to renew it."),
        ],
    }
}

const ROLES: [(&str, &str); 3] = [
    ("VIEWER", "Sees everything, changes nothing."),
    ("OPERATOR", "Suspends, resumes, synchronises, drops."),
    ("ADMIN", "Everything, users included."),
];

fn users() -> UsersPage {
    let act = |label: &str| Action::new(label, "form.html", Permit::Granted).small();
    let user = |name: &str, me, disabled| UserRow {
        name: name.into(),
        me,
        disabled,
        roles: "OPERATOR, OFFLINE".into(),
        last: (!disabled).then(|| ago(600)),
        made: ago(40 * DAY),
        acts: vec![act("Change roles"), act(if disabled { "Enable…" } else { "Disable…" })],
    };
    UsersPage {
        shell: shell("Users & roles", Section::Users),
        facts: "2 users, 1 of them disabled".into(),
        add: Action::new("Add a user", "form.html", Permit::Granted).main(),
        rows: vec![user("ada", true, false), user("charles", false, true)],
        paging: listing("/users", "", &["name"], 2).paging("user", "users"),
        roles: ROLES.to_vec(),
    }
}

fn form() -> FormPage {
    let choice = |(value, hint): (&'static str, &'static str)| Choice {
        name: "roles",
        value,
        label: value,
        hint,
        checked: value == "VIEWER",
    };
    FormPage {
        shell: shell("Add a user", Section::Users),
        text: "They change the password themselves after the first sign-in.".into(),
        back: "/users",
        back_label: "Users & roles",
        action: "/users".into(),
        wrong: None,
        fields: vec![Field::text("name", "Name").wrong(Some("There is a user “ada” already.".into()))],
        legend: "Roles",
        choices: ROLES.into_iter().map(choice).collect(),
        choices_wrong: None,
        label: "Add the user",
        hidden: Vec::new(),
    }
}

fn tokens() -> TokensPage {
    let day = |days: i64| Day::new(Some(ahead(days * DAY).at), now());
    let row = |name: &str, tag, days, revoke| TokenRow {
        name: name.into(),
        tag,
        roles: "VIEWER".into(),
        maker: "ada".into(),
        made: ago(30 * DAY),
        last: Some(ago(60)),
        ends: day(days),
        revoke,
    };
    let revoke = Action::new("Revoke…", "drop.html", Permit::Granted).risk().small();
    TokensPage {
        shell: shell("API tokens", Section::Tokens),
        add: Action::new("Make a token", "form.html", Permit::Needs("ADMIN")).main(),
        rows: vec![
            row("Grafana", None, 60, Some(revoke)),
            row("Old script", Some(Tag::new(Tone::Bad, "ended")), -3, None),
        ],
        paging: listing("/tokens", "", &["name"], 2).paging("token", "tokens"),
    }
}

fn token_made() -> TokenMadePage {
    TokenMadePage {
        shell: shell("The token for Grafana", Section::Tokens),
        text: "May do what the role VIEWER may, until 28 Feb 2027.".into(),
        label: "The token".into(),
        secret: "lht_7Hq2vW1x0cJ5mQ8nT4rZ6yB3kL9pD2sF".into(),
        hint: "Send it in the header Authorization: Bearer TOKEN.".into(),
        back: "/tokens",
    }
}

fn audit() -> AuditPage {
    let row = |action: &str, result| AuditRow {
        at: ago(77),
        who: "ada".into(),
        action: action.into(),
        target: "00:1a:4b:99:02:17/ETHERNET".into(),
        detail: "laptop was stolen".into(),
        result,
        from: "192.0.2.14".into(),
    };
    AuditPage {
        shell: shell("Audit", Section::Audit),
        search: String::new(),
        export: "/api/v1/audit.csv".into(),
        rows: vec![
            row("device.drop", Tag::new(Tone::Good, "done")),
            row("policy.set", Tag::new(Tone::Bad, "denied")),
        ],
        paging: listing("/audit", "", &["at"], 2).paging("record", "records"),
    }
}

fn about() -> AboutPage {
    let service = |name: &str, tone, state: &str, detail: &str| ServiceRow {
        name: name.into(),
        tone,
        state: state.into(),
        detail: detail.into(),
        version: "0.1.0".into(),
    };
    AboutPage {
        shell: shell("About", Section::About),
        facts: "Leasehold 0.1.0".into(),
        services: vec![
            service("licensing", Tone::Good, "healthy", ""),
            service(
                "updates",
                Tone::Bad,
                "away",
                "Nobody listens there. Start it, or correct gateway.updates.",
            ),
        ],
        groups: vec![
            FactGroup {
                title: "This instance",
                facts: vec![
                    ("Name", "Plant North".into(), false),
                    ("Host id", "b2c04f4b3132/MACHINE_ID".into(), true),
                ],
            },
            FactGroup { title: "Your browser", facts: vec![("Calls itself", "Mozilla/5.0".into(), true)] },
        ],
    }
}

fn away() -> Problem {
    Problem {
        title: "The licensing service is away".into(),
        text: "This page needs it. Programs that hold licences keep them meanwhile.".into(),
        advice:
            "Look whether it runs and whether the gateway may reach it. This page comes back when it does."
                .into(),
        facts: vec![
            ("Service", "licensing".into()),
            ("Reason", "SERVICE_UNAVAILABLE".into()),
            ("Trace", "4bf92f35".into()),
        ],
        acts: vec![
            Action::new("Try again", "/", Permit::Granted).main(),
            Action::new("Services", "/about", Permit::Granted),
        ],
    }
}

/// The pages of this module.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let problem = ProblemPage { shell: shell("Away", Section::Elsewhere), problem: away() };
    let alone = ProblemAlonePage { theme: Theme::Light, assets: Assets::here(), problem: away() };
    let https = HttpsNeededPage {
        theme: Theme::System,
        assets: Assets::here(),
        address: "https://leases.example.com:7070/".into(),
    };
    let viewer = Permit::Needs("ADMIN");
    vec![
        ("sign-in", html(&sign_in())),
        ("first-sign-in", html(&first_sign_in())),
        ("https-needed", html(&https)),
        ("back-office", html(&back_office(Some(enrolled(Permit::Granted)), Permit::Granted))),
        ("back-office-viewer", html(&back_office(Some(enrolled(Permit::Needs("OPERATOR"))), viewer))),
        ("back-office-new", html(&back_office(None, Permit::Granted))),
        ("back-office-new-viewer", html(&back_office(None, viewer))),
        ("connection", html(&connection())),
        ("offline", html(&offline())),
        ("users", html(&users())),
        ("form", html(&form())),
        ("tokens", html(&tokens())),
        ("token-made", html(&token_made())),
        ("audit", html(&audit())),
        ("about", html(&about())),
        ("problem", html(&problem)),
        ("problem-alone", html(&alone)),
    ]
}

#[test]
fn a_wrong_field_says_so_beside_it_and_keeps_what_was_typed() {
    let html = html(&first_sign_in());
    assert!(html.contains("It has 7 characters; 12 are needed."), "{html}");
    assert!(html.contains(r#"value="7KQM-2F4T""#), "{html}");
    assert!(html.contains(r#"data-theme="dark""#), "{html}");
}

#[test]
fn who_may_not_synchronise_sees_who_may() {
    let html = html(&back_office(Some(enrolled(Permit::Needs("OPERATOR"))), Permit::Granted));
    assert!(html.contains("needs the role OPERATOR"), "{html}");
    assert!(!html.contains(r#"action="/back-office/synchronise""#), "{html}");
}

#[test]
fn an_instance_without_a_vendor_is_asked_to_enrol() {
    let html = html(&back_office(None, Permit::Granted));
    assert!(html.contains(r#"enctype="multipart/form-data""#), "{html}");
    assert!(html.contains("Licence server id"), "{html}");
}

#[test]
fn the_steps_of_a_connection_end_at_what_failed() {
    let html = html(&connection());
    assert!(html.contains(r#"class="bad""#) && html.contains("The vendor has to renew it."), "{html}");
    assert!(html.contains("Test again"), "{html}");
}

#[test]
fn a_service_that_is_away_is_named_with_what_to_do() {
    let page = ProblemPage { shell: shell("Away", Section::Elsewhere), problem: away() };
    let html = html(&page);
    for text in ["The licensing service is away", "SERVICE_UNAVAILABLE", "Try again", "Main"] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

#[test]
fn a_token_is_shown_once_and_says_so() {
    let html = html(&token_made());
    assert_eq!(html.matches("lht_7Hq2vW1x0cJ5mQ8nT4rZ6yB3kL9pD2sF").count(), 1);
    assert!(html.contains("It is shown this once."));
}
