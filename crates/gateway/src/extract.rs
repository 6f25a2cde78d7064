//! Parts of a request's address and headers, whose mistakes are told as problem documents.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use leasehold_runtime::http::Problem;
use serde::de::DeserializeOwned;

use crate::guard::invalid;
use crate::model::List;
use crate::state::Shared;

/// The variables of a path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0)).map_err(|error| invalid("path", error.body_text()))
    }
}

/// The query of an address.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|query| Self(query.0)).map_err(|error| invalid("query", error.body_text()))
    }
}

/// Which part of a list is wanted, checked as far as every list has it in common.
impl FromRequestParts<Shared> for List {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let Query(list) = Query::<Self>::from_request_parts(parts, state).await?;
        list.check()?;
        Ok(list)
    }
}

/// The revision that a change is meant for, from `If-Match`.
pub(crate) struct IfMatch(pub(crate) String);

impl FromRequestParts<Shared> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            let message = "say which revision you have read: send its ETag in the header If-Match";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "PRECONDITION_REQUIRED", message));
        };
        let text = value.to_str().unwrap_or_default().trim();
        let etag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match etag {
            Some(etag) if !etag.is_empty() && !etag.contains('"') => Ok(Self(etag.to_owned())),
            _ => {
                Err(invalid("If-Match", "give one ETag in quotation marks, as the answer had it".to_owned()))
            }
        }
    }
}

/// The form in which a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A page as JSON.
    Json,
    /// The whole list, comma-separated.
    Csv,
    /// The whole list, a JSON object a line.
    Ndjson,
}

impl FromRequestParts<Shared> for Format {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        struct Wanted {
            #[serde(default)]
            format: String,
        }
        let Query(Wanted { format }) = Query::<Wanted>::from_request_parts(parts, state).await?;
        match format.as_str() {
            "" => Ok(accepted(&parts.headers)),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            other => Err(invalid("format", format!("give json, csv or ndjson; found {other:?}"))),
        }
    }
}

/// The first kind that is named and known; JSON where none is.
fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let known = |kind: &str| match kind {
        "application/json" => Some(Format::Json),
        "text/csv" => Some(Format::Csv),
        "application/x-ndjson" | "application/jsonl" => Some(Format::Ndjson),
        _ => None,
    };
    kinds.find_map(known).unwrap_or(Format::Json)
}
