//! Who calls, under which id, and until when.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;
use tonic::{Request, Status};

use crate::actor::Actor;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::tls::Peer;

/// Most bytes of an `x-request-id` that a caller may choose.
const MAX_ID_LENGTH: usize = 128;

/// The id that answers and log lines carry as `x-request-id`. It names one call; the id of a licensing
/// request, which names a decision, is another.
#[derive(Clone, PartialEq, Eq)]
pub struct CallId(HeaderValue);

impl CallId {
    /// A fresh one: 32 hexadecimal digits.
    pub fn fresh() -> Self {
        let text = format!("{:032x}", rand::random::<u128>());
        Self(
            HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
                .expect("hexadecimal digits fit in a header"),
        )
    }

    /// The caller's own, if it is 1 to 128 letters, digits and `-_.:/+=`.
    pub(crate) fn from_header(value: &HeaderValue) -> Option<Self> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
        let bytes = value.as_bytes();
        ((1..=MAX_ID_LENGTH).contains(&bytes.len()) && bytes.iter().all(allowed)).then(|| Self(value.clone()))
    }

    /// The id as a header. It never comes twice, so it is kept out of the connection's table of known headers (RFC 7541,
    /// section 6.2.3), where it would only push others out.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut value = self.0.clone();
        value.set_sensitive(true);
        value
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What the server stack hands on with a request.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: CallId,
    pub(crate) deadline: Option<Instant>,
}

/// What an operation may know about the call it works for.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Names the call in the log and to the caller.
    pub request_id: CallId,
    /// When the caller stops waiting; `None` for a stream whose caller set none.
    pub deadline: Option<Instant>,
    /// The other end of the connection; `None` within one process.
    pub peer: Option<SocketAddr>,
    /// Who calls.
    pub caller: Caller,
    /// On whose behalf, where the caller may speak for others and does.
    pub on_behalf_of: Option<Actor>,
}

impl CallContext {
    /// Parts a request into what is known about the call and the message or the stream of messages.
    pub fn enter<T>(request: Request<T>) -> Result<(Self, T), Status> {
        let (_, mut extensions, message) = request.into_parts();
        let (request_id, deadline) = match extensions.remove::<Arrival>() {
            Some(arrival) => (arrival.id, arrival.deadline),
            None => (CallId::fresh(), None),
        };
        let peer = extensions.remove::<Peer>().and_then(|peer| peer.address);
        let caller = extensions.remove::<Caller>().unwrap_or_default();
        let on_behalf_of = extensions.remove::<Actor>();
        Ok((Self { request_id, deadline, peer, caller, on_behalf_of }, message))
    }

    /// Who acts, for records of what was done: the administrator, else the caller; `None` where nobody is known.
    pub fn actor(&self) -> Option<&str> {
        let user = self.on_behalf_of.as_ref().map(|actor| actor.user.as_str());
        user.or_else(|| self.caller.name())
    }

    /// Refuses an administrator to whom the instance of this id and name is not given.
    pub fn may_use(&self, id: &str, name: &str) -> Result<(), ApiError> {
        match &self.on_behalf_of {
            Some(actor) if !actor.instances.have(id, name) => {
                Err(ApiError::instance_denied(&actor.user, name))
            }
            _ => Ok(()),
        }
    }

    /// Whether the caller has stopped waiting by now.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// How long the caller still waits; `None` where it set no limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Instances;
    use crate::error::ErrorReason;

    #[test]
    fn a_callers_id_is_taken_if_it_is_harmless() {
        let long = "x".repeat(129);
        for (text, taken) in [
            ("job-7/attempt:2", true),
            ("4bf92f3577b34da6a3ce929d0e0e4736", true),
            ("", false),
            ("two words", false),
            ("line\tbreak", false),
            ("quote\"", false),
            (&long, false),
            (&long[1..], true),
        ] {
            assert_eq!(
                CallId::from_header(&HeaderValue::from_str(text).unwrap()).is_some(),
                taken,
                "{text:?}"
            );
        }
        let fresh = CallId::fresh();
        assert_eq!(fresh.as_str().len(), 32);
        assert_ne!(fresh, CallId::fresh());
        assert_eq!(CallId::from_header(&fresh.header()), Some(fresh));
    }

    #[tokio::test(start_paused = true)]
    async fn entering_keeps_what_the_stack_knows() {
        let mut request = Request::new("message");
        let id = CallId::fresh();
        let deadline = Instant::now() + Duration::from_secs(3);
        request.extensions_mut().insert(Arrival { id: id.clone(), deadline: Some(deadline) });
        let only = Instances::Only(vec!["main".to_owned()]);
        request.extensions_mut().insert(Actor::new("kim", [], only));
        request.extensions_mut().insert(Caller::service("gateway"));
        let (call, message) = CallContext::enter(request).unwrap();
        assert_eq!((call.request_id.clone(), message, call.actor()), (id, "message", Some("kim")));
        assert_eq!(call.caller, Caller::service("gateway"));
        assert!(call.may_use("1", "main").is_ok());
        let refused = call.may_use("1", "other").unwrap_err();
        assert_eq!(refused.reason, ErrorReason::PermissionDenied);
        assert!(refused.message.contains("kim") && refused.message.contains("other"), "{refused}");
        assert_eq!((call.remaining(), call.is_late()), (Some(Duration::from_secs(3)), false));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!((call.remaining(), call.is_late()), (Some(Duration::ZERO), true));

        let (bare, ()) = CallContext::enter(Request::new(())).unwrap();
        assert_eq!(
            (bare.deadline, bare.peer, bare.actor(), bare.request_id.as_str().len()),
            (None, None, None, 32)
        );
        assert!(bare.may_use("1", "other").is_ok(), "nobody is limited who speaks for himself");
    }
}
