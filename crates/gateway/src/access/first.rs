//! The first administrator: made by whoever can see the process, with a code that it prints and that works once.

use std::sync::Arc;

use jiff::SignedDuration;
use leasehold_runtime::http::Problem;
use leasehold_store::StoreError;
use leasehold_store::gateway::{ADMIN, Administrator, FirstCode as KeptCode};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::{self, Opened, throttled};
use super::{audit, password, users};
use crate::error::store_problem;
use crate::origin::Visitor;
use crate::state::State;
use crate::throttle::neighbourhood;
use crate::who::unauthenticated;
use crate::{FirstCode, secret};

/// How long a code is good.
const GOOD: SignedDuration = SignedDuration::from_hours(24);
/// Wrong tries that a code stands.
const TRIES: u32 = 10;

/// What makes the first administrator.
#[derive(Deserialize, ToSchema)]
pub(crate) struct FirstAdministrator {
    /// The code that the server has printed.
    #[schema(example = "7K2M-9XQP-4TWB-0RDE")]
    pub(crate) code: String,
    /// The name to sign in by: 1 to 64 letters, digits and `-_.@`.
    #[schema(min_length = 1, max_length = 64, example = "kim")]
    pub(crate) name: String,
    /// At least 12 characters.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024, example = "correct horse battery")]
    pub(crate) password: SecretString,
}

/// Whether nobody can sign in yet.
pub(crate) async fn is_wanted(state: &State) -> Result<bool, Problem> {
    Ok(!state.store.has_administrators().await.map_err(|error| store_problem(&error))?)
}

/// Makes a code and tells it, where nobody can sign in and no code of this process is good any more.
pub(crate) async fn announce(state: &State) -> Result<(), StoreError> {
    if state.store.has_administrators().await? {
        return Ok(());
    }
    let now = state.now();
    // Held to the end, so that two who find that there is none make one.
    let mut told = state.told.lock().await;
    let good = state.store.first_codes(now).await?;
    if told.is_some_and(|told| good.iter().any(|code| code.digest == told)) {
        return Ok(());
    }
    let code = secret::fresh_code(&mut *state.random());
    let expires_at = now.checked_add(GOOD).unwrap_or(jiff::Timestamp::MAX);
    let digest = secret::code_digest(&code);
    state.store.add_first_code(&KeptCode { digest, expires_at, tries_left: TRIES }, now).await?;
    *told = Some(digest);
    (state.announce)(&FirstCode { code, expires_at });
    Ok(())
}

/// Makes the first administrator, and signs it in.
pub(crate) async fn create(
    state: &State,
    visitor: &Visitor,
    first: FirstAdministrator,
) -> Result<Opened, Problem> {
    visitor.may_sign_in()?;
    state.by_address.take(&neighbourhood(visitor.address)).map_err(throttled)?;
    users::check_name(&first.name)?;
    password::check(&first.password)?;
    let digest = secret::code_digest(&first.code);
    let now = state.now();
    let codes = state.store.first_codes(now).await.map_err(|error| store_problem(&error))?;
    // All of them, so that how long it takes says nothing.
    let right = codes.iter().fold(false, |right, code| right | secret::same(&code.digest, &digest));
    if !right || !is_wanted(state).await? {
        return Err(wrong(state, visitor, &first.name).await);
    }
    let administrator = Administrator {
        name: first.name,
        password: password::hash(state, first.password).await?,
        roles: vec![ADMIN.to_owned()],
        instances: Vec::new(),
        disabled: false,
        created_at: now,
        signed_in_at: None,
        revision: 0,
    };
    let what = ("user.create", administrator.name.as_str(), "the first administrator, by a code");
    let record = audit::done(state, &administrator.name, visitor.address, what);
    let made = state.store.create_first_administrator(&administrator, &digest, &record).await;
    if !made.map_err(|error| store_problem(&error))? {
        return Err(wrong(state, visitor, &administrator.name).await);
    }
    tracing::info!(user = administrator.name, "the first administrator was made");
    session::open(state, visitor, &administrator, None).await
}

async fn wrong(state: &State, visitor: &Visitor, name: &str) -> Problem {
    let record = audit::refused(state, name, visitor.address, ("user.create", name, "wrong code"));
    if let Err(error) = state.store.count_wrong_code(&record).await {
        return store_problem(&error);
    }
    // At once where this was its last try: nobody could sign in before the background loop looks again.
    if let Err(error) = announce(state).await {
        return store_problem(&error);
    }
    unauthenticated(
        "the code is wrong, was used, or is over; the newest one stands where the server runs, in its log or its terminal: after 10 wrong tries it prints another",
    )
}

/// Keeps which code this process has told.
pub(crate) type Told = Arc<tokio::sync::Mutex<Option<[u8; 32]>>>;
