//! API tokens: what scripts show in an administrator's name. Everybody has its own; those with the role ADMIN see all.

use jiff::{SignedDuration, Timestamp};
use leasehold_runtime::ApiError;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::Problem;
use leasehold_store::gateway::ApiToken;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{audit, users};
use crate::error::store_problem;
use crate::guard::invalid;
use crate::model::{List, Listing, NewToken, Token};
use crate::secret;
use crate::state::State;
use crate::who::{Way, Who};

/// Longest name of a token in bytes.
const LONGEST_NAME: usize = 100;
/// How long a token may be good.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A token that shall be made.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenInput {
    /// What it is for, 1 to 100 bytes.
    #[schema(example = "nightly report")]
    pub(crate) name: String,
    /// What it may do: roles that its owner has.
    #[schema(example = json!(["VIEWER"]))]
    pub(crate) roles: Vec<String>,
    /// When it ends: within 366 days.
    #[schema(example = "2027-01-01T00:00:00Z")]
    pub(crate) expires_at: Timestamp,
}

/// The tokens: all for those who may do everything, one's own for others.
pub(crate) async fn list(state: &State, who: &Who, list: &List) -> Result<Listing<Token>, Problem> {
    let owner = own(who);
    let page = state.store.tokens(owner, &list.query()?).await.map_err(|error| store_problem(&error))?;
    Ok(Listing::of(page, Token::from))
}

fn own(who: &Who) -> Option<&str> {
    (!who.may(&[Role::Admin])).then_some(who.user.as_str())
}

/// Makes one for whoever asks. The token itself is shown this once.
pub(crate) async fn create(state: &State, who: &Who, input: TokenInput) -> Result<NewToken, Problem> {
    if matches!(who.way, Way::Token { .. }) {
        // Whoever found a token could make itself at home with it.
        let message = "a token cannot make tokens; sign in with name and password";
        return Err(Problem::new(http::StatusCode::FORBIDDEN, "PERMISSION_DENIED", message));
    }
    let good = (1..=LONGEST_NAME).contains(&input.name.len()) && !input.name.chars().any(char::is_control);
    if !good {
        return Err(invalid("name", format!("say what it is for, in 1 to {LONGEST_NAME} bytes")));
    }
    users::check_roles(&input.roles)?;
    let lacking = |name: &String| Role::from_name(name).is_none_or(|role| !who.may(&[role]));
    if let Some(index) = input.roles.iter().position(lacking) {
        let problem =
            format!("you do not have the role {}; a token has some of its owner's", input.roles[index]);
        return Err(invalid(&format!("roles[{index}]"), problem));
    }
    let now = state.now();
    let left = input.expires_at.duration_since(now);
    if left <= SignedDuration::ZERO || left > LONGEST {
        return Err(invalid("expires_at", "give a time within the next 366 days".to_owned()));
    }
    let text = secret::fresh_token(&mut *state.random());
    let token = ApiToken {
        id: state.uuid(),
        name: input.name,
        owner: who.user.clone(),
        digest: secret::digest(&text),
        roles: input.roles,
        created_at: now,
        expires_at: input.expires_at,
        used_at: None,
    };
    let (id, told) = (token.id.to_string(), format!("{} ({})", token.name, token.roles.join(" ")));
    let record = audit::done(state, &who.user, who.visitor.address, ("token.create", &id, &told));
    state.store.create_token(&token, &record).await.map_err(|error| store_problem(&error))?;
    Ok(NewToken { secret: text, token: Token::from(token) })
}

/// Revokes one.
pub(crate) async fn delete(state: &State, who: &Who, id: Uuid) -> Result<(), Problem> {
    let text = id.to_string();
    let record = audit::done(state, &who.user, who.visitor.address, ("token.delete", &text, ""));
    let deleted = state.store.delete_token(id, own(who), &record).await;
    if deleted.map_err(|error| store_problem(&error))? {
        return Ok(());
    }
    Err(ApiError::not_found("token of this id; /api/v1/tokens lists those there are").into())
}
