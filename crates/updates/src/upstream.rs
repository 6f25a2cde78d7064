//! A repository over HTTP/1.1: one connection that is made again when it breaks, parts of files, and patience that ends.
//!
//! Nothing that comes is trusted: whoever asks verifies it. Redirects are not followed, so that the address that
//! administrators see is the one that is asked. Source: RFC 9110 and 9112.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::{
    CONTENT_ENCODING, CONTENT_RANGE, ETAG, HOST, IF_RANGE, LOCATION, RANGE, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, Request, Response, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822::DateTimeParser;
use leasehold_artifacts::{ByteStream, Opened, SourceError, SourceErrorKind, Upstream};
use leasehold_runtime::Clock;
use leasehold_runtime::peer::Outward;
use tokio::time::timeout;

/// How long the head of an answer may take, and each piece of its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest time for which we let ourselves be put off.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Files whose tags are remembered.
const MAX_TAGS: usize = 1_024;

/// What we call ourselves.
const AGENT: &str = concat!("leasehold/", env!("CARGO_PKG_VERSION"));

/// A repository at an address.
pub(crate) struct HttpUpstream {
    way: Outward,
    address: String,
    authority: String,
    /// The path of the address, without a slash at its end.
    base: String,
    clock: Arc<dyn Clock>,
    connection: tokio::sync::Mutex<Option<SendRequest<Empty<Bytes>>>>,
    /// The tags of files, so that the rest of another file is not taken for the rest of this one.
    tags: Mutex<HashMap<String, String>>,
}

impl HttpUpstream {
    /// The repository at `https://HOST/PATH`; the error says what is wrong with the address.
    pub(crate) fn new(way: Outward, address: &str, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let wrong = || format!("`{address}` is no address of a repository; it has to be https://HOST/PATH");
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        Ok(Self {
            way,
            authority: authority.to_string(),
            base: uri.path().trim_end_matches('/').to_owned(),
            address: address.trim_end_matches('/').to_owned(),
            clock,
            connection: tokio::sync::Mutex::default(),
            tags: Mutex::default(),
        })
    }

    /// Sends one request, over the connection that there is or a new one.
    async fn send(&self, path: &str, from: u64) -> Result<Response<Incoming>, SourceError> {
        let mut connection = self.connection.lock().await;
        if let Some(mut open) = connection.take()
            && let Ok(Ok(())) = timeout(Duration::from_secs(1), open.ready()).await
            && let Ok(Ok(response)) = timeout(PATIENCE, open.send_request(self.request(path, from)?)).await
        {
            *connection = Some(open);
            return Ok(response);
        }
        let opened = self.way.connect(&self.address).await;
        let opened = opened.map_err(|error| SourceError::unavailable(error.message))?;
        let failed = |error: &dyn std::fmt::Display| {
            SourceError::unavailable(format!(
                "{} does not answer as a web server does: {error}",
                self.address
            ))
        };
        let shaken = timeout(PATIENCE, http1::handshake(TokioIo::new(opened.stream))).await;
        let (mut open, running) = shaken.map_err(|late| failed(&late))?.map_err(|error| failed(&error))?;
        // It ends with the last answer that comes over it.
        tokio::spawn(running);
        let response = timeout(PATIENCE, open.send_request(self.request(path, from)?)).await;
        let response = response
            .map_err(|_| {
                SourceError::unavailable(format!("{path}: no answer within {} s", PATIENCE.as_secs()))
            })?
            .map_err(|error| failed(&error))?;
        *connection = Some(open);
        Ok(response)
    }

    fn request(&self, path: &str, from: u64) -> Result<Request<Empty<Bytes>>, SourceError> {
        let mut request = Request::get(format!("{}/{}", self.base, encoded(path)))
            .header(HOST, &self.authority)
            .header(USER_AGENT, AGENT);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(tag) = self.tags.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
                request = request.header(IF_RANGE, tag);
            }
        }
        let wrong = |error| {
            SourceError::new(SourceErrorKind::Refused, format!("{path} cannot be asked for: {error}"))
        };
        request.body(Empty::new()).map_err(wrong)
    }

    fn remember_tag(&self, path: &str, headers: &HeaderMap) {
        let tag = text(headers, &ETAG);
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        // A weak one says nothing about bytes.
        if tag.is_empty() || tag.starts_with("W/") {
            tags.remove(path);
            return;
        }
        if tags.len() >= MAX_TAGS {
            tags.clear();
        }
        tags.insert(path.to_owned(), tag.to_owned());
    }

    /// Why an answer is no file.
    fn refusal(&self, path: &str, response: &Response<Incoming>) -> SourceError {
        let (status, headers) = (response.status(), response.headers());
        let at = format!("{}/{path}", self.address);
        match status.as_u16() {
            300..=399 => SourceError::new(
                SourceErrorKind::Refused,
                format!(
                    "{at} redirects to {:?}, which is not followed; give the repository's own address",
                    text(headers, &LOCATION)
                ),
            ),
            408 | 425 | 429 | 500..=599 => {
                let error =
                    SourceError::unavailable(format!("{at} answers {status}; it is asked again later"));
                match self.retry_after(headers) {
                    Some(wait) => error.after(wait),
                    None => error,
                }
            }
            _ => SourceError::new(
                SourceErrorKind::Refused,
                format!("{at} answers {status}; check the address"),
            ),
        }
    }

    /// Seconds or a date (RFC 9110, section 10.2.3).
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = text(headers, &RETRY_AFTER).trim();
        let seconds = || value.parse().ok().map(Duration::from_secs);
        let date = || {
            let at = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(at.duration_since(self.clock.now())).ok()
        };
        seconds().or_else(date).map(|wait| wait.min(LONGEST_WAIT))
    }

    /// Where the bytes of a part begin.
    fn begin(&self, path: &str, from: u64, headers: &HeaderMap) -> Result<u64, SourceError> {
        let begin = text(headers, &CONTENT_RANGE).strip_prefix("bytes ").and_then(|range| {
            let (first, _) = range.split_once('-')?;
            first.trim().parse::<u64>().ok()
        });
        begin.filter(|begin| *begin <= from).ok_or_else(|| {
            SourceError::unavailable(format!(
                "{}/{path} answers with another part than was asked for",
                self.address
            ))
        })
    }
}

#[async_trait]
impl Upstream for HttpUpstream {
    async fn get(&self, path: &str, from: u64, _max: u64) -> Result<Option<Opened>, SourceError> {
        let mut from = from;
        loop {
            let response = self.send(path, from).await?;
            let offset = match response.status().as_u16() {
                200 => 0,
                206 => self.begin(path, from, response.headers())?,
                403 | 404 | 410 => return Ok(None),
                // What there is, is shorter than what we have: it is another file.
                416 if from > 0 => {
                    from = 0;
                    continue;
                }
                _ => return Err(self.refusal(path, &response)),
            };
            let encoding = text(response.headers(), &CONTENT_ENCODING);
            if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
                let problem =
                    format!("{}/{path} comes as {encoding:?} though nobody asked for it", self.address);
                return Err(SourceError::new(SourceErrorKind::Refused, problem));
            }
            self.remember_tag(path, response.headers());
            return Ok(Some(Opened { offset, bytes: pieces(response.into_body()) }));
        }
    }
}

/// A body as it arrives; one that stops arriving is an error.
fn pieces(body: Incoming) -> ByteStream {
    stream::try_unfold(body, async |mut body| {
        loop {
            let late = |_| {
                io::Error::new(io::ErrorKind::TimedOut, format!("nothing came for {} s", PATIENCE.as_secs()))
            };
            match timeout(PATIENCE, body.frame()).await.map_err(late)? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                        return Ok(Some((data, body)));
                    }
                }
            }
        }
    })
    .boxed()
}

/// A path as it stands in a request: every byte that is not harmless is written in hexadecimal (RFC 3986, section 2).
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a text takes everything");
        }
    }
    text
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
