//! API tokens: made here, shown once, revoked.

use axum::response::Response;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use leasehold_runtime::http::{Problem, axum};
use uuid::Uuid;

use super::fields::Fields;
use super::users::role_choices;
use crate::access::tokens::{self, TokenInput};
use crate::console::answer::{page, page_of, see, sentence};
use crate::console::pages::administration::{TokenRow, TokensPage};
use crate::console::pages::ask::{Affected, Ask, AskPage};
use crate::console::pages::form::{FormPage, TokenMadePage};
use crate::console::pages::sign_in::Wrongs;
use crate::console::parts::{Action, Day, Field, ListState, Listing, Permit, Tag, Tone};
use crate::console::said::Done;
use crate::console::shell::Section;
use crate::console::visit::Visit;
use crate::extract::{Path, Query};
use crate::guard::Form;
use crate::model::Token;

/// Days that a token is good where nothing else is typed.
const DAYS: &str = "90";

/// The list.
pub(crate) async fn list(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let listing = Listing::new("/tokens", &state, &["name"]);
    let found = tokens::list(&visit.state, &visit.who, &listing.wanted()).await?;
    let listing = listing.with_total(found.total);
    let row = |token: Token| {
        let ended = token.expires_at <= visit.now;
        let revoke = format!("/tokens/{}/revoke", token.id);
        TokenRow {
            tag: ended.then(|| Tag::new(Tone::Bad, "ended")),
            roles: token.roles.join(", "),
            maker: token.owner,
            made: visit.when(token.created_at),
            last: token.used_at.map(|at| visit.when(at)),
            ends: Day::new(Some(token.expires_at), visit.now),
            revoke: Some(Action::new("Revoke…", revoke, Permit::Granted).risk().small()),
            name: token.name,
        }
    };
    page(&TokensPage {
        shell: visit.shell("API tokens", Section::Tokens).await,
        add: Action::new("Make a token", "/tokens/add", Permit::Granted).main(),
        rows: found.items.into_iter().map(row).collect(),
        paging: listing.paging("token", "tokens"),
    })
}

async fn add_page(visit: &Visit, fields: Option<&Fields>, problem: Option<&Problem>) -> FormPage {
    let wrongs = problem.map(Wrongs::of_problem).unwrap_or_default();
    let typed = |name: &str, default: &str| fields.map_or(default, |fields| fields.text(name)).to_owned();
    let ticked = fields.map_or_else(|| vec!["VIEWER".to_owned()], |fields| fields.all("roles"));
    let own = super::users::ROLES.iter().map(|(role, _)| *role).filter(|role| visit.who.may(&[*role]));
    let roles_wrong = problem.and_then(|problem| {
        problem.fields.iter().find(|(field, _)| field.starts_with("roles")).map(|(_, wrong)| sentence(wrong))
    });
    FormPage {
        shell: visit.shell("Make a token", Section::Tokens).await,
        text: "For one program, with the fewest roles that do. It never may more than you.".to_owned(),
        back: "/tokens",
        back_label: "API tokens",
        action: "/tokens/add".to_owned(),
        wrong: problem.filter(|problem| problem.fields.is_empty()).map(|problem| sentence(&problem.message)),
        fields: vec![
            Field::text("name", "What it is for").holds(typed("name", "")).wrong(wrongs.of("name")),
            Field { kind: "number", ..Field::text("days", "Days until it ends") }
                .hint("1 to 366.")
                .holds(typed("days", DAYS))
                .wrong(wrongs.of("expires_at")),
        ],
        legend: "Roles",
        choices: role_choices(own, &ticked),
        choices_wrong: roles_wrong,
        label: "Make the token",
        hidden: Vec::new(),
    }
}

/// The form for another one.
pub(crate) async fn show_add(visit: Visit) -> Result<Response, Problem> {
    page(&add_page(&visit, None, None).await)
}

/// Makes one and shows it, this once.
pub(crate) async fn add(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Problem> {
    // What is no number of days ends at once, and is refused with the field's name.
    let days: i64 = fields.text("days").parse().unwrap_or(0).clamp(0, 10_000);
    let expires_at = visit.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX);
    let input = TokenInput { name: fields.text("name").to_owned(), roles: fields.all("roles"), expires_at };
    match tokens::create(&visit.state, &visit.who, input).await {
        Ok(made) => page(&TokenMadePage {
            shell: visit.shell(format!("The token for {}", made.token.name), Section::Tokens).await,
            text: format!(
                "May do what {} may, until {}.",
                made.token.roles.join(" and "),
                Day::new(Some(made.token.expires_at), visit.now).day()
            ),
            label: "The token".to_owned(),
            secret: made.secret,
            hint: "The program sends it in the header Authorization, as Bearer and the token.".to_owned(),
            back: "/tokens",
        }),
        Err(problem) if problem.status == StatusCode::BAD_REQUEST => {
            page_of(problem.status, &add_page(&visit, Some(&fields), Some(&problem)).await)
        }
        Err(problem) => Err(problem),
    }
}

/// Asks before one is revoked.
pub(crate) async fn ask_revoke(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let ask = Ask {
        title: "Revoke this token?".to_owned(),
        texts: vec![
            "Whoever shows it is refused at once. It cannot be brought back; another one can be made."
                .to_owned(),
        ],
        affects_title: "The token",
        affects: vec![Affected { what: "Its id".to_owned(), note: id.to_string() }],
        action: format!("/tokens/{id}/revoke"),
        label: "Revoke the token".to_owned(),
        risk: true,
        back: "/tokens".to_owned(),
        ..Ask::default()
    };
    page(&AskPage { shell: visit.shell("Revoke a token", Section::Tokens).await, ask })
}

/// Revokes one.
pub(crate) async fn revoke(
    visit: Visit,
    Path(id): Path<Uuid>,
    Form(_): Form<Fields>,
) -> Result<Response, Problem> {
    tokens::delete(&visit.state, &visit.who, id).await?;
    Ok(see(&Done::TokenRevoked.at("/tokens")))
}
