//! A file that a form brings along.

use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use leasehold_runtime::http::{Problem, axum};

use crate::guard::{check, invalid};
use crate::state::Shared;
use crate::who::Who;

/// A file from a form of somebody who is signed in. As with other forms, the page has to be one of theirs: the form token
/// comes before the file.
pub(crate) struct Upload {
    /// Its content; never empty.
    pub(crate) file: Vec<u8>,
}

impl FromRequest<Shared> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let who = <Who as FromRequestParts<Shared>>::from_request_parts(&mut parts, state).await?;
        let request = Request::from_parts(parts, body);
        let mut form = Multipart::from_request(request, state).await.map_err(|error| {
            invalid("body", format!("{}; send the form as multipart/form-data", error.body_text()))
        })?;
        let mut shown = String::new();
        let mut file = None;
        while let Some(field) = form.next_field().await.map_err(|error| unread(&error))? {
            match field.name() {
                Some("form_token") => shown = field.text().await.map_err(|error| unread(&error))?,
                Some("file") => {
                    check(&who, &shown)?;
                    file = Some(field.bytes().await.map_err(|error| unread(&error))?);
                }
                _ => {}
            }
        }
        check(&who, &shown)?;
        match file {
            Some(file) if !file.is_empty() => Ok(Self { file: file.to_vec() }),
            _ => Err(invalid("file", "choose a file that is not empty".to_owned())),
        }
    }
}

fn unread(error: &MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => invalid("body", error.body_text()),
    }
}
