//! Suspending the instance and resuming it.

use axum::response::Response;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::{Problem, axum};

use super::fields::Fields;
use crate::console::answer::{page, see};
use crate::console::pages::ask::{Affected, Ask, AskPage};
use crate::console::parts::{Field, one_or_many};
use crate::console::said::Done;
use crate::console::shell::Section;
use crate::console::visit::{INSTANCE, Visit};
use crate::guard::Form;
use crate::model::List;
use crate::services::GrantFilter;

/// Asks before nothing new is granted.
pub(crate) async fn ask_suspend(visit: Visit) -> Result<Response, Problem> {
    visit.who.must(&[Role::Operator])?;
    let one = List { page_size: 1, ..List::default() };
    let services = visit.services();
    let grants = services.grants(INSTANCE, &GrantFilter::default(), &one).await?;
    let out = i64::try_from(grants.total).unwrap_or(i64::MAX);
    let affected = |what: &str, note: &str| Affected { what: what.to_owned(), note: note.to_owned() };
    let ask = Ask {
        title: "Suspend this instance?".to_owned(),
        texts: vec!["Every request for something new is refused until somebody resumes.".to_owned()],
        affects_title: "What it affects",
        affects: vec![
            affected("New requests and renewals", "refused"),
            affected(
                &one_or_many(out, "grant that is out", "grants that are out"),
                "stay, and heartbeats are answered",
            ),
        ],
        fields: vec![
            Field::text("text", "What clients are told")
                .hint("Programs show it to the people who work with them.")
                .optional(),
        ],
        action: "/suspend".to_owned(),
        label: "Suspend".to_owned(),
        risk: true,
        back: "/".to_owned(),
        ..Ask::default()
    };
    page(&AskPage { shell: visit.shell("Suspend", Section::Dashboard).await, ask })
}

/// Suspends it.
pub(crate) async fn suspend(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Problem> {
    visit.services().suspend(INSTANCE, fields.text("text")).await?;
    Ok(see(&Done::Suspended.at("/")))
}

/// Asks before grants go out again.
pub(crate) async fn ask_resume(visit: Visit) -> Result<Response, Problem> {
    visit.who.must(&[Role::Operator])?;
    let ask = Ask {
        title: "Resume this instance?".to_owned(),
        texts: vec!["Requests are granted again as the rights allow.".to_owned()],
        action: "/resume".to_owned(),
        label: "Resume".to_owned(),
        back: "/".to_owned(),
        ..Ask::default()
    };
    page(&AskPage { shell: visit.shell("Resume", Section::Dashboard).await, ask })
}

/// Resumes it.
pub(crate) async fn resume(visit: Visit, Form(_): Form<Fields>) -> Result<Response, Problem> {
    visit.services().resume(INSTANCE).await?;
    Ok(see(&Done::Resumed.at("/")))
}
