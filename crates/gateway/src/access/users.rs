//! Administrators: who there is, and what each may do. For those with the role ADMIN; everybody changes its own password.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::StatusCode;
use leasehold_runtime::actor::{MAX_INSTANCES, Role};
use leasehold_runtime::http::Problem;
use leasehold_runtime::{ApiError, Clock};
use leasehold_signing::PasswordHash;
use leasehold_store::gateway::{Administrator, AuditRecord, AuditResult, Settled};
use leasehold_store::{GatewayStore, StoreError};
use rand::rngs::StdRng;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::throttled;
use super::{audit, password};
use crate::error::store_problem;
use crate::guard::invalid;
use crate::model::{List, Listing, User};
use crate::state::State;
use crate::who::{Who, unauthenticated};

/// Longest name of an administrator in bytes.
pub(crate) const LONGEST_NAME: usize = 64;
/// Longest id or name of an instance in bytes.
const LONGEST_INSTANCE: usize = 255;

/// Somebody who shall be able to sign in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UserInput {
    /// The name to sign in by: 1 to 64 letters, digits and `-_.@`. It cannot be changed.
    #[schema(min_length = 1, max_length = 64, example = "lee")]
    pub(crate) name: String,
    /// At least 12 characters.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024, example = "correct horse battery")]
    pub(crate) password: SecretString,
    /// What it may do.
    #[schema(example = json!(["VIEWER", "OPERATOR"]))]
    pub(crate) roles: Vec<String>,
    /// On which instances, by id or name; empty: on all.
    #[serde(default)]
    pub(crate) instances: Vec<String>,
}

/// What changes of somebody; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct UserChange {
    /// What it may do.
    pub(crate) roles: Option<Vec<String>>,
    /// On which instances, by id or name; empty: on all.
    pub(crate) instances: Option<Vec<String>>,
    /// Whether it may not sign in.
    pub(crate) disabled: Option<bool>,
    /// A new password. Its sessions end.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 1024)]
    pub(crate) password: Option<SecretString>,
}

/// A new password of one's own.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordChange {
    /// The password until now.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    pub(crate) old: SecretString,
    /// The password from now on: at least 12 characters.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024, example = "battery horse correct")]
    pub(crate) new: SecretString,
}

/// The administrators.
pub(crate) async fn list(state: &State, who: &Who, list: &List) -> Result<Listing<User>, Problem> {
    who.must(&[Role::Admin])?;
    let page = state.store.administrators(&list.query()?).await.map_err(|error| store_problem(&error))?;
    Ok(Listing::of(page, User::from))
}

/// One administrator; everybody may look at itself.
pub(crate) async fn find(state: &State, who: &Who, name: &str) -> Result<User, Problem> {
    if who.user != name {
        who.must(&[Role::Admin])?;
    }
    stored(state, name).await.map(User::from)
}

async fn stored(state: &State, name: &str) -> Result<Administrator, Problem> {
    let found = state.store.administrator(name).await.map_err(|error| store_problem(&error))?;
    found.ok_or_else(|| {
        ApiError::not_found("administrator of this name; /api/v1/users lists those there are").into()
    })
}

/// Adds one.
pub(crate) async fn create(state: &State, who: &Who, input: UserInput) -> Result<User, Problem> {
    who.must(&[Role::Admin])?;
    check_name(&input.name)?;
    check_roles(&input.roles)?;
    check_instances(&input.instances)?;
    let administrator = Administrator {
        password: password::hash(state, input.password).await?,
        name: input.name,
        roles: input.roles,
        instances: input.instances,
        disabled: false,
        created_at: state.now(),
        signed_in_at: None,
        revision: 0,
    };
    let (name, roles) = (administrator.name.as_str(), administrator.roles.join(" "));
    let record = audit::done(state, &who.user, who.visitor.address, ("user.create", name, &roles));
    let made = state.store.create_administrator(&administrator, &record).await;
    if made.map_err(|error| store_problem(&error))? {
        return Ok(User::from(administrator));
    }
    Err(ApiError::already_exists("an administrator of this name").into())
}

/// Changes one of this revision.
pub(crate) async fn change(
    state: &State,
    who: &Who,
    name: &str,
    revision: u64,
    change: UserChange,
) -> Result<User, Problem> {
    who.must(&[Role::Admin])?;
    let mut administrator = stored(state, name).await?;
    administrator.revision = revision;
    let mut told = Vec::new();
    if let Some(roles) = change.roles {
        check_roles(&roles)?;
        told.push(format!("roles {}", roles.join(" ")));
        administrator.roles = roles;
    }
    if let Some(instances) = change.instances {
        check_instances(&instances)?;
        told.push(format!("instances {}", instances.join(" ")));
        administrator.instances = instances;
    }
    if let Some(disabled) = change.disabled {
        told.push((if disabled { "disabled" } else { "enabled" }).to_owned());
        administrator.disabled = disabled;
    }
    let end_sessions = administrator.disabled || change.password.is_some();
    if let Some(new) = change.password {
        administrator.password = password::hash(state, new).await?;
        told.push("password".to_owned());
    }
    save(state, who, &administrator, end_sessions, &told.join(", ")).await
}

/// Changes the password of whoever asks, who knows the one until now. Every session ends.
pub(crate) async fn change_own_password(
    state: &State,
    who: &Who,
    change: PasswordChange,
) -> Result<(), Problem> {
    state.by_name.take(&who.user.to_lowercase()).map_err(throttled)?;
    password::check(&change.new)?;
    let mut administrator = stored(state, &who.user).await?;
    if !password::matches(state, Some(&administrator.password), change.old).await? {
        let what = ("user.password", who.user.as_str(), "wrong password");
        let record = audit::refused(state, &who.user, who.visitor.address, what);
        state.store.record(&record).await.map_err(|error| store_problem(&error))?;
        return Err(unauthenticated("the old password is wrong"));
    }
    administrator.password = password::hash(state, change.new).await?;
    save(state, who, &administrator, true, "own password").await.map(drop)
}

async fn save(
    state: &State,
    who: &Who,
    administrator: &Administrator,
    end_sessions: bool,
    told: &str,
) -> Result<User, Problem> {
    let what = ("user.change", administrator.name.as_str(), told);
    let record = audit::done(state, &who.user, who.visitor.address, what);
    let saved = state.store.save_administrator(administrator, end_sessions, &record).await;
    settled(saved)?;
    let revision = administrator.revision + 1;
    Ok(User::from(Administrator { revision, ..administrator.clone() }))
}

/// Removes one of this revision, with its sessions and tokens.
pub(crate) async fn delete(state: &State, who: &Who, name: &str, revision: u64) -> Result<(), Problem> {
    who.must(&[Role::Admin])?;
    stored(state, name).await?;
    let record = audit::done(state, &who.user, who.visitor.address, ("user.delete", name, ""));
    settled(state.store.delete_administrator(name, revision, &record).await)
}

fn settled(outcome: Result<Settled, StoreError>) -> Result<(), Problem> {
    match outcome.map_err(|error| store_problem(&error))? {
        Settled::Done => Ok(()),
        Settled::Stale => {
            let message = "somebody has changed this administrator meanwhile; read it again, then change it";
            Err(Problem::new(StatusCode::PRECONDITION_FAILED, "ETAG_MISMATCH", message))
        }
        Settled::LastAdministrator => {
            let message =
                "nobody would be left who may do everything; give somebody else the role ADMIN first";
            Err(Problem::new(StatusCode::CONFLICT, "LAST_ADMINISTRATOR", message))
        }
    }
}

/// Refuses what cannot be a name.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let good = |letter: char| letter.is_alphanumeric() || "-_.@".contains(letter);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(good) {
        return Ok(());
    }
    Err(invalid("name", format!("give 1 to {LONGEST_NAME} bytes of letters, digits, `-`, `_`, `.` and `@`")))
}

/// Refuses what are no roles.
pub(crate) fn check_roles(roles: &[String]) -> Result<(), Problem> {
    let names = Role::ALL.map(Role::name).join(", ");
    if roles.is_empty() || roles.len() > Role::ALL.len() {
        return Err(invalid("roles", format!("give at least one, and each once, of {names}")));
    }
    for (index, role) in roles.iter().enumerate() {
        if Role::from_name(role).is_none() {
            return Err(invalid(&format!("roles[{index}]"), format!("give one of {names}; found {role:?}")));
        }
    }
    Ok(())
}

fn check_instances(instances: &[String]) -> Result<(), Problem> {
    if instances.len() > MAX_INSTANCES {
        return Err(invalid("instances", format!("give at most {MAX_INSTANCES}, or none for all")));
    }
    let good =
        |text: &String| (1..=LONGEST_INSTANCE).contains(&text.len()) && !text.chars().any(char::is_control);
    match instances.iter().position(|instance| !good(instance)) {
        None => Ok(()),
        Some(index) => {
            let problem = format!("give an instance's id or name, 1 to {LONGEST_INSTANCE} bytes");
            Err(invalid(&format!("instances[{index}]"), problem))
        }
    }
}

/// Somebody who is made by a command on the server itself.
pub struct NewUser {
    /// The name to sign in by.
    pub name: String,
    /// The password.
    pub password: SecretString,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// Why a command could not make an administrator.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Something that was given breaks its rule.
    #[error("{0}")]
    Invalid(String),
    /// There is one of this name.
    #[error("there is an administrator {0:?} already; choose another name")]
    Exists(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an administrator straight in the store: for the command line, which whoever can read the store may use. Slow on
/// purpose: it hashes a password.
pub async fn create_user(
    store: &Arc<dyn GatewayStore>,
    clock: &dyn Clock,
    user: NewUser,
) -> Result<(), UserError> {
    let invalid = |problem: Problem| UserError::Invalid(problem.message);
    let roles: Vec<String> = user.roles.iter().map(|role| role.name().to_owned()).collect();
    check_name(&user.name).map_err(invalid)?;
    check_roles(&roles).map_err(invalid)?;
    password::check(&user.password).map_err(invalid)?;
    let hash = PasswordHash::of(&user.password, &mut rand::make_rng::<StdRng>());
    let administrator = Administrator {
        name: user.name,
        password: hash.as_str().to_owned(),
        roles,
        instances: Vec::new(),
        disabled: false,
        created_at: clock.now(),
        signed_in_at: None,
        revision: 0,
    };
    let record = AuditRecord {
        at: clock.now(),
        actor: "the command line".to_owned(),
        action: "user.create".to_owned(),
        subject: administrator.name.clone(),
        result: AuditResult::Done,
        detail: administrator.roles.join(" "),
        address: IpAddr::from(Ipv4Addr::LOCALHOST).to_string(),
    };
    if store.create_administrator(&administrator, &record).await? {
        return Ok(());
    }
    Err(UserError::Exists(administrator.name))
}
