//! The vendor's side: how we stand with it, enrolling, synchronising, testing the way to it.

use axum::response::Response;
use http::StatusCode;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::{Problem, axum};

use super::fields::Fields;
use super::upload::Upload;
use crate::console::answer::{page, page_of, see, sentence};
use crate::console::pages::back_office::{BackOfficePage, ConnectionPage, Enrolled, ExchangeRow, StepRow};
use crate::console::pages::dashboard::Banner;
use crate::console::pages::sign_in::Wrongs;
use crate::console::parts::{Action, Count, Field, ListState, Listing, Permit, Tone, one_or_many};
use crate::console::said::Done;
use crate::console::shell::Section;
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::{exchange as state_tag, step as step_words};
use crate::extract::Query;
use crate::guard::{Form, invalid};
use crate::model::{Enrolment, Exchange, SyncStatus, VendorContact};

/// Who may exchange files with the vendor; the first is named to those who may not.
pub(super) const BY_FILES: &[Role] = &[Role::Offline, Role::Operator];

/// The fields of an enrolment: name, label, hint, whether it may stay empty.
const FIELDS: [(&str, &str, &str, bool); 7] = [
    ("license_server_id", "Licence server id", "The UUID that the vendor gave this server.", false),
    ("vendor_id", "Vendor", "The vendor's id, letter by letter.", false),
    ("vendor_name", "The vendor's name", "For people.", true),
    (
        "vendor_root",
        "The vendor's root key",
        "64 hexadecimal digits. It is pinned: compare it by telephone.",
        false,
    ),
    ("address", "Back office", "https://HOST:PORT. Empty: by files only.", true),
    ("vendor_recipient", "Recipient of request files", "age1… Empty: the first bundle brings it.", true),
    ("mail", "The vendor's mail address", "", true),
];

/// The page.
pub(crate) async fn show(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let listing = Listing::new("/back-office", &state, &["number"]);
    answer(&visit, StatusCode::OK, listing, None, &Fields::default()).await
}

/// The page, with what went wrong on it and what was typed.
async fn answer(
    visit: &Visit,
    status: StatusCode,
    listing: Listing,
    problem: Option<&Problem>,
    typed: &Fields,
) -> Result<Response, Problem> {
    let (services, wanted) = (visit.services(), listing.wanted());
    let (shell, sync, exchanges) = tokio::join!(
        visit.shell("Back office", Section::BackOffice),
        services.sync_status(INSTANCE),
        services.exchanges(INSTANCE, &wanted),
    );
    let sync = sync?;
    let (rows, total) = match exchanges {
        Ok(exchanges) => (exchanges.items, exchanges.total),
        Err(_) if sync.enrolment.is_none() => (Vec::new(), 0),
        Err(problem) => return Err(problem),
    };
    let listing = listing.with_total(total);
    let wrongs = problem.map(Wrongs::of_problem).unwrap_or_default();
    let field = |(name, label, hint, optional): (&'static str, &'static str, &'static str, bool)| {
        let field = Field::text(name, label).hint(hint).holds(typed.text(name)).wrong(wrongs.of(name));
        if optional { field.optional() } else { field }
    };
    let told = problem.map(|problem| Banner {
        tone: Tone::Bad,
        title: "It did not work.".to_owned(),
        text: sentence(&problem.message),
        href: "",
        link: "",
    });
    let shown = BackOfficePage {
        shell,
        events: EVENTS,
        event_names: SUMMARY,
        facts: facts(&sync),
        banner: told.or_else(|| banner(&sync)),
        enrolled: sync.enrolment.is_some().then(|| enrolled(&sync, visit)),
        exchanges: rows.into_iter().map(|row| exchange_row(row, visit)).collect(),
        paging: listing.paging("exchange", "exchanges"),
        enrol: visit.permit(&[Role::Admin]),
        file_field: Field::file("file", "Enrolment file").hint("The JSON file from the vendor."),
        fields: FIELDS.into_iter().map(field).collect(),
    };
    page_of(status, &shown)
}

fn facts(sync: &SyncStatus) -> String {
    match &sync.enrolment {
        None => "This server belongs to no vendor yet.".to_owned(),
        Some(enrolment) if enrolment.address.is_empty() => format!("{} · by files only", vendor(enrolment)),
        Some(enrolment) => format!("{} · {}", vendor(enrolment), enrolment.address),
    }
}

fn vendor(enrolment: &Enrolment) -> &str {
    if enrolment.vendor_name.is_empty() { &enrolment.vendor_id } else { &enrolment.vendor_name }
}

fn banner(sync: &SyncStatus) -> Option<Banner> {
    let (tone, title, text) = match sync.status.as_str() {
        "OVERDUE" => (Tone::Bad, "Overdue.", "Nothing is granted until this server has synchronised again."),
        "NEVER_SYNCHRONIZED" => {
            (Tone::Warn, "Never synchronised.", "The rights come with the first synchronisation.")
        }
        _ => return None,
    };
    Some(Banner { tone, title: title.to_owned(), text: text.to_owned(), href: "", link: "" })
}

fn enrolled(sync: &SyncStatus, visit: &Visit) -> Enrolled {
    let (tone, state) = match sync.status.as_str() {
        "SYNCHRONIZED" => (Tone::Good, "synchronised"),
        "OVERDUE" => (Tone::Bad, "overdue"),
        _ => (Tone::Warn, "never synchronised"),
    };
    let enrolment = sync.enrolment.as_ref();
    let of = |field: fn(&Enrolment) -> &str| enrolment.map(field).unwrap_or_default().to_owned();
    let mut identity = vec![
        ("Vendor", of(vendor), false),
        ("Licence server id", of(|it| &it.license_server_id), true),
        ("Our fingerprint", sync.fingerprint.clone().unwrap_or_default(), true),
        ("Vendor's root key", of(|it| &it.vendor_root), true),
        ("Back office", of(|it| &it.address), true),
        ("Machine", sync.hostids.join(", "), true),
    ];
    identity.retain(|(_, value, _)| !value.is_empty());
    let contact = enrolment.and_then(|enrolment| enrolment.contact.clone()).unwrap_or_default();
    let mut contact = vec![("Mail", contact.mail), ("Web", contact.web), ("Telephone", contact.phone)];
    contact.retain(|(_, value)| !value.is_empty());
    Enrolled {
        tone,
        state,
        bundle: match sync.bundle_sequence {
            0 => "no bundle yet".to_owned(),
            sequence => format!("bundle {sequence} is in force"),
        },
        synchronised: sync.synchronized_at.map(|at| visit.when(at)),
        next: sync.next_at.map(|at| visit.when(at)),
        deadline: sync.synchronize_before.map(|at| visit.when(at)),
        outstanding: sync.outstanding,
        identity,
        notices: sync.notices.clone(),
        contact,
        offline: Action::new("Exchange by files", "/back-office/offline", Permit::Granted),
        test: Action::new("Test the connection", "/back-office/connection", visit.permit(&[Role::Operator])),
        synchronise: visit.permit(&[Role::Operator]),
    }
}

fn exchange_row(row: Exchange, visit: &Visit) -> ExchangeRow {
    let took = row.started_at.zip(row.ended_at).map(|(from, to)| to.duration_since(from));
    let summary = match (row.state.as_str(), row.changes.len()) {
        ("DONE", 0) => "nothing changed".to_owned(),
        ("DONE", changes) => one_or_many(i64::try_from(changes).unwrap_or(i64::MAX), "change", "changes"),
        ("REQUESTED", _) => "waits for its response".to_owned(),
        _ => row.message.as_deref().map(sentence).unwrap_or_default(),
    };
    let mut details = row.changes;
    details.extend(row.failed_step.map(|step| format!("Failed where: {}", step_words(&step).to_lowercase())));
    details.extend(row.failure_reason.map(|reason| format!("Reason: {reason}")));
    details.push(format!("{} bytes sent, {} received", row.sent_bytes, row.received_bytes));
    ExchangeRow {
        number: Count(i64::try_from(row.number).unwrap_or(i64::MAX)),
        state: state_tag(&row.state),
        way: if row.way == "FILE" { "files" } else { "network" },
        began: row.started_at.map(|at| visit.when(at)),
        took: took.map_or_else(String::new, |took| match took.as_millis() {
            short @ ..1000 => format!("{short} ms"),
            _ => crate::console::parts::span(took.as_secs()),
        }),
        bundle: if row.bundle_sequence == 0 { String::new() } else { row.bundle_sequence.to_string() },
        summary,
        details,
        actor: row.actor,
    }
}

/// The page again, where what was tried can be tried otherwise.
async fn again(visit: &Visit, problem: Problem, typed: &Fields) -> Result<Response, Problem> {
    if problem.status == StatusCode::FORBIDDEN || problem.status == StatusCode::UNAUTHORIZED {
        return Err(problem);
    }
    let listing = Listing::new("/back-office", &ListState::default(), &["number"]);
    answer(visit, problem.status, listing, Some(&problem), typed).await
}

async fn enrol_with(visit: &Visit, enrolment: Enrolment, typed: &Fields) -> Result<Response, Problem> {
    match visit.services().enrol(INSTANCE, enrolment).await {
        Ok(enrolled) => {
            let done = if enrolled.was_enrolled { Done::WasEnrolled } else { Done::Enrolled };
            Ok(see(&done.at("/back-office")))
        }
        Err(problem) => again(visit, problem, typed).await,
    }
}

/// Enrols with what was typed.
pub(crate) async fn enrol(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Problem> {
    let text = |name: &str| fields.text(name).to_owned();
    let mail = text("mail");
    let enrolment = Enrolment {
        license_server_id: text("license_server_id"),
        vendor_id: text("vendor_id"),
        vendor_name: text("vendor_name"),
        vendor_root: text("vendor_root"),
        address: text("address"),
        vendor_recipient: text("vendor_recipient"),
        contact: (!mail.is_empty()).then(|| VendorContact { mail, ..VendorContact::default() }),
    };
    enrol_with(&visit, enrolment, &fields).await
}

/// Enrols with the vendor's file.
pub(crate) async fn enrol_file(visit: Visit, upload: Upload) -> Result<Response, Problem> {
    let typed = Fields::default();
    match serde_json::from_slice::<Enrolment>(&upload.file) {
        Ok(enrolment) => enrol_with(&visit, enrolment, &typed).await,
        Err(error) => {
            let why =
                format!("this is no enrolment file ({error}); the vendor sends one with the ending .json");
            again(&visit, invalid("file", why), &typed).await
        }
    }
}

/// Synchronises and waits for it.
pub(crate) async fn synchronise(visit: Visit, Form(_): Form<Fields>) -> Result<Response, Problem> {
    match visit.services().synchronize(INSTANCE).await {
        Ok(_) => Ok(see(&Done::Synchronised.at("/back-office#history"))),
        Err(problem) => again(&visit, problem, &Fields::default()).await,
    }
}

async fn connection(visit: &Visit, steps: Vec<StepRow>) -> Result<Response, Problem> {
    let (shell, sync) = (
        visit.shell("Test the connection", Section::BackOffice).await,
        visit.services().sync_status(INSTANCE).await?,
    );
    let address = sync.enrolment.map(|enrolment| enrolment.address).filter(|address| !address.is_empty());
    let address = address.unwrap_or_else(|| "the vendor, of which no address is known".to_owned());
    page(&ConnectionPage { shell, address, steps })
}

/// The page for the test of the connection.
pub(crate) async fn show_connection(visit: Visit) -> Result<Response, Problem> {
    visit.who.must(&[Role::Operator])?;
    connection(&visit, Vec::new()).await
}

/// Walks the steps to the vendor.
pub(crate) async fn test_connection(visit: Visit, Form(_): Form<Fields>) -> Result<Response, Problem> {
    let steps = match visit.services().test_connection(INSTANCE).await {
        Ok(steps) => steps,
        Err(problem) => return again(&visit, problem, &Fields::default()).await,
    };
    let row = |step: crate::model::ConnectionStep| StepRow {
        name: step_words(&step.step),
        ok: step.ok,
        message: sentence(&step.message),
        took: format!("{} ms", step.took_ms),
    };
    connection(&visit, steps.into_iter().map(row).collect()).await
}
