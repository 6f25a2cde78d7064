//! API tokens.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::refusals::{Changes, Reads};
use crate::access::tokens::{self, TokenInput};
use crate::extract::Path;
use crate::guard;
use crate::model::{List, Listing, NewToken, Token};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// The tokens
///
/// One's own; with the role ADMIN all.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "administration", params(List),
    responses((status = 200, body = Listing<Token>), Reads)
)]
async fn list(State(state): State<Shared>, who: Who, list: List) -> Answer<Json<Listing<Token>>> {
    tokens::list(&state, &who, &list).await.map(Json)
}

/// Make a token of one's own
///
/// The token itself is in this answer alone. A token cannot make tokens.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "administration", request_body = TokenInput,
    responses((status = 201, body = NewToken), Reads, Changes)
)]
async fn create(
    State(state): State<Shared>,
    who: Who,
    guard::Json(input): guard::Json<TokenInput>,
) -> Answer<(StatusCode, Json<NewToken>)> {
    tokens::create(&state, &who, input).await.map(|token| (StatusCode::CREATED, Json(token)))
}

/// Revoke a token
///
/// One's own; with the role ADMIN anybody's.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "administration",
    params(("id" = Uuid, Path, description = "The token's id")),
    responses((status = 204), Reads, Changes)
)]
async fn delete(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(id): Path<Uuid>,
) -> Answer<StatusCode> {
    tokens::delete(&state, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
