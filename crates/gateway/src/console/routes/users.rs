//! Users and their roles.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::{Problem, axum};

use super::fields::Fields;
use crate::access::users::{self, PasswordChange, UserChange, UserInput};
use crate::console::answer::{page, page_of, see, sentence};
use crate::console::pages::administration::{UserRow, UsersPage};
use crate::console::pages::ask::{Ask, AskPage};
use crate::console::pages::form::FormPage;
use crate::console::pages::sign_in::Wrongs;
use crate::console::parts::{Action, Choice, Field, ListState, Listing, encode, one_or_many};
use crate::console::said::Done;
use crate::console::shell::Section;
use crate::console::visit::Visit;
use crate::extract::{Path, Query};
use crate::guard::Form;
use crate::model::User;
use crate::state::Shared;

/// Every role and what it may do, from the least to everything.
pub(crate) const ROLES: [(Role, &str); 6] = [
    (Role::Viewer, "Sees everything, changes nothing."),
    (Role::Reservations, "Edits reservations and models."),
    (Role::DropClient, "Drops grants and devices, blocks devices."),
    (Role::Offline, "Makes request files and brings response files."),
    (Role::Operator, "All of these, and suspends, resumes, synchronises and fetches updates."),
    (Role::Admin, "Everything: enrols, makes users, sets policies."),
];

/// The list.
pub(crate) async fn list(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let listing = Listing::new("/users", &state, &["name"]);
    let found = users::list(&visit.state, &visit.who, &listing.wanted()).await?;
    let listing = listing.with_total(found.total);
    let row = |user: User| {
        let act = |label: &str, what: &str| {
            let address = format!("/users/{}/{what}", encode(&user.name));
            Action::new(label, address, visit.permit(&[Role::Admin])).small()
        };
        let acts = if user.disabled {
            vec![act("Change roles", "roles"), act("Enable…", "enable").asks()]
        } else {
            vec![act("Change roles", "roles"), act("Disable…", "disable").risk().small()]
        };
        UserRow {
            me: user.name == visit.who.user,
            disabled: user.disabled,
            roles: user.roles.join(", "),
            last: user.signed_in_at.map(|at| visit.when(at)),
            made: visit.when(user.created_at),
            acts,
            name: user.name,
        }
    };
    page(&UsersPage {
        shell: visit.shell("Users & roles", Section::Users).await,
        facts: one_or_many(listing.total(), "user may sign in, or could", "users may sign in, or could"),
        add: Action::new("Add a user", "/users/add", visit.permit(&[Role::Admin])).main(),
        rows: found.items.into_iter().map(row).collect(),
        paging: listing.paging("user", "users"),
        roles: ROLES.iter().map(|(role, text)| (role.name(), *text)).collect(),
    })
}

/// Boxes for roles.
pub(crate) fn role_choices(roles: impl Iterator<Item = Role>, ticked: &[String]) -> Vec<Choice> {
    let choice = |role: Role| Choice {
        name: "roles",
        value: role.name(),
        label: role.name(),
        hint: ROLES.iter().find(|(known, _)| *known == role).map_or("", |(_, text)| text),
        checked: ticked.iter().any(|name| name == role.name()),
    };
    roles.map(choice).collect()
}

async fn add_page(visit: &Visit, name: &str, roles: &[String], problem: Option<&Problem>) -> FormPage {
    let wrongs = problem.map(Wrongs::of_problem).unwrap_or_default();
    FormPage {
        shell: visit.shell("Add a user", Section::Users).await,
        text: "Give them the password yourself; they change it under their name, at the top right."
            .to_owned(),
        back: "/users",
        back_label: "Users & roles",
        action: "/users/add".to_owned(),
        wrong: problem.filter(|problem| problem.fields.is_empty()).map(|problem| sentence(&problem.message)),
        fields: vec![
            Field::text("name", "Name")
                .hint("Letters, digits and -_.@. It cannot be changed.")
                .holds(name)
                .wrong(wrongs.of("name")),
            Field::password("password", "Password", "new-password")
                .hint("At least 12 characters; several words will do.")
                .wrong(wrongs.of("password")),
        ],
        legend: "Roles",
        choices: role_choices(ROLES.iter().map(|(role, _)| *role), roles),
        choices_wrong: wrongs.of("roles"),
        label: "Add the user",
        hidden: Vec::new(),
    }
}

/// The form for another one.
pub(crate) async fn show_add(visit: Visit) -> Result<Response, Problem> {
    visit.who.must(&[Role::Admin])?;
    page(&add_page(&visit, "", &["VIEWER".to_owned()], None).await)
}

/// Adds one.
pub(crate) async fn add(
    State(state): State<Shared>,
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (name, roles) = (fields.text("name").to_owned(), fields.all("roles"));
    let input = UserInput {
        name: name.clone(),
        password: fields.secret("password"),
        roles: roles.clone(),
        instances: Vec::new(),
    };
    match users::create(&state, &visit.who, input).await {
        Ok(_) => Ok(see(&Done::UserAdded.at("/users"))),
        Err(problem) if can_be_mended(&problem) => {
            page_of(problem.status, &add_page(&visit, &name, &roles, Some(&problem)).await)
        }
        Err(problem) => Err(problem),
    }
}

fn can_be_mended(problem: &Problem) -> bool {
    matches!(
        problem.status,
        StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED
            | StatusCode::UNAUTHORIZED
    )
}

async fn roles_page(visit: &Visit, user: &User, roles: &[String], problem: Option<&Problem>) -> FormPage {
    FormPage {
        shell: visit.shell(format!("Roles of {}", user.name), Section::Users).await,
        text: "They count from the next request on.".to_owned(),
        back: "/users",
        back_label: "Users & roles",
        action: format!("/users/{}/roles", encode(&user.name)),
        wrong: problem.map(|problem| sentence(&problem.message)),
        fields: Vec::new(),
        legend: "Roles",
        choices: role_choices(ROLES.iter().map(|(role, _)| *role), roles),
        choices_wrong: None,
        label: "Change the roles",
        hidden: vec![("revision", user.etag.clone())],
    }
}

/// The form for somebody's roles.
pub(crate) async fn show_roles(visit: Visit, Path(name): Path<String>) -> Result<Response, Problem> {
    visit.who.must(&[Role::Admin])?;
    let user = users::find(&visit.state, &visit.who, &name).await?;
    page(&roles_page(&visit, &user, &user.roles, None).await)
}

/// Changes somebody's roles.
pub(crate) async fn change_roles(
    visit: Visit,
    Path(name): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let roles = fields.all("roles");
    let revision = fields.text("revision").parse().unwrap_or(0);
    let change = UserChange { roles: Some(roles.clone()), ..UserChange::default() };
    match users::change(&visit.state, &visit.who, &name, revision, change).await {
        Ok(_) => Ok(see(&Done::UserChanged.at("/users"))),
        Err(problem) if can_be_mended(&problem) => {
            let user = users::find(&visit.state, &visit.who, &name).await?;
            page_of(problem.status, &roles_page(&visit, &user, &roles, Some(&problem)).await)
        }
        Err(problem) => Err(problem),
    }
}

async fn ask_about(
    visit: &Visit,
    name: &str,
    disable: bool,
    wrong: Option<String>,
) -> Result<AskPage, Problem> {
    visit.who.must(&[Role::Admin])?;
    let user = users::find(&visit.state, &visit.who, name).await?;
    let (title, text, label, what) = if disable {
        let text = "Their sessions end at once, and their tokens are refused while they are disabled.";
        (format!("Disable {name}?"), text, "Disable the user", "disable")
    } else {
        (
            format!("Enable {name} again?"),
            "They sign in with the password that they had.",
            "Enable the user",
            "enable",
        )
    };
    let ask = Ask {
        title: title.clone(),
        texts: vec![text.to_owned()],
        hidden: vec![("revision", user.etag.clone())],
        action: format!("/users/{}/{what}", encode(name)),
        label: label.to_owned(),
        risk: disable,
        back: "/users".to_owned(),
        wrong,
        ..Ask::default()
    };
    Ok(AskPage { shell: visit.shell(title, Section::Users).await, ask })
}

/// Asks before somebody is disabled.
pub(crate) async fn ask_disable(visit: Visit, Path(name): Path<String>) -> Result<Response, Problem> {
    page(&ask_about(&visit, &name, true, None).await?)
}

/// Asks before somebody is enabled.
pub(crate) async fn ask_enable(visit: Visit, Path(name): Path<String>) -> Result<Response, Problem> {
    page(&ask_about(&visit, &name, false, None).await?)
}

async fn set_disabled(
    visit: Visit,
    name: &str,
    fields: &Fields,
    disabled: bool,
) -> Result<Response, Problem> {
    let revision = fields.text("revision").parse().unwrap_or(0);
    let change = UserChange { disabled: Some(disabled), ..UserChange::default() };
    match users::change(&visit.state, &visit.who, name, revision, change).await {
        Ok(_) => Ok(see(&Done::UserChanged.at("/users"))),
        Err(problem) if can_be_mended(&problem) => {
            let wrong = Some(sentence(&problem.message));
            page_of(problem.status, &ask_about(&visit, name, disabled, wrong).await?)
        }
        Err(problem) => Err(problem),
    }
}

/// Disables somebody.
pub(crate) async fn disable(
    visit: Visit,
    Path(name): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    set_disabled(visit, &name, &fields, true).await
}

/// Enables somebody.
pub(crate) async fn enable(
    visit: Visit,
    Path(name): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    set_disabled(visit, &name, &fields, false).await
}

async fn password_page(visit: &Visit, problem: Option<&Problem>) -> FormPage {
    let wrongs = problem.map(Wrongs::of_problem).unwrap_or_default();
    FormPage {
        shell: visit.shell("Change your password", Section::Elsewhere).await,
        text: "Every session of yours ends, this one too.".to_owned(),
        back: "/",
        back_label: "Dashboard",
        action: "/password".to_owned(),
        wrong: problem.filter(|problem| problem.fields.is_empty()).map(|problem| sentence(&problem.message)),
        fields: vec![
            Field::password("old", "Password until now", "current-password"),
            Field::password("new", "New password", "new-password")
                .hint("At least 12 characters; several words will do.")
                .wrong(wrongs.of("password")),
        ],
        legend: "",
        choices: Vec::new(),
        choices_wrong: None,
        label: "Change the password",
        hidden: Vec::new(),
    }
}

/// The form for one's own password.
pub(crate) async fn show_password(visit: Visit) -> Result<Response, Problem> {
    page(&password_page(&visit, None).await)
}

/// Changes one's own password.
pub(crate) async fn change_password(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Problem> {
    let change = PasswordChange { old: fields.secret("old"), new: fields.secret("new") };
    match users::change_own_password(&visit.state, &visit.who, change).await {
        Ok(()) => Ok(see(&Done::PasswordChanged.at("/sign-in"))),
        Err(problem) if can_be_mended(&problem) => {
            page_of(problem.status, &password_page(&visit, Some(&problem)).await)
        }
        Err(problem) => Err(problem),
    }
}
