//! One constructor for each reason, with the words that callers read.

use std::fmt;
use std::time::Duration;

use leasehold_domain::capability::Rejection;
use leasehold_domain::grant::Lost;
use leasehold_domain::{FeatureName, GrantId};

use super::{ApiError, ErrorReason};
use crate::actor::{Actor, Role};
use crate::caller::Caller;

impl ApiError {
    /// A field breaks its rule; `field` is its path in the contract.
    pub fn invalid_field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, problem) = (field.into(), problem.into());
        Self::new(ErrorReason::InvalidField, format!("{field}: {problem}")).with_field(field, problem)
    }

    /// The bytes are not a message of the method's type.
    pub fn malformed_message(problem: impl fmt::Display) -> Self {
        Self::new(
            ErrorReason::MalformedMessage,
            format!(
                "the request is not a message of this method's type ({problem}); build it from the published contract"
            ),
        )
    }

    /// The message is larger than the server takes.
    pub fn message_too_large(problem: impl fmt::Display) -> Self {
        Self::new(
            ErrorReason::MessageTooLarge,
            format!("the message is too large ({problem}); send less in one call"),
        )
    }

    /// No such method here.
    pub fn unknown_method(path: &str) -> Self {
        Self::new(
            ErrorReason::UnknownMethod,
            format!(
                "this server has no method {path}; check the address, or ask for its methods by reflection"
            ),
        )
        .with_metadata("method", path)
    }

    /// A method of the contract that this release does not serve.
    pub fn not_implemented(method: &str) -> Self {
        Self::new(ErrorReason::NotImplemented, format!("this release does not serve {method} yet"))
            .with_metadata("method", method)
    }

    /// No instance has this id.
    pub fn unknown_instance(id: impl fmt::Display) -> Self {
        Self::new(
            ErrorReason::UnknownInstance,
            format!("no instance has the id {id}; leave it out where the server has only one"),
        )
        .with_metadata("instance", id)
    }

    /// The request id came before, with another body.
    pub fn request_id_reused(id: impl fmt::Display) -> Self {
        Self::new(
            ErrorReason::RequestIdReused,
            format!("request {id} came before with another body; give every request its own id"),
        )
        .with_metadata("request_id", id)
    }

    /// A token is not the newest of its grant.
    pub fn stale_token(grant: GrantId, lost: Lost) -> Self {
        Self::new(ErrorReason::StaleToken, lost.message())
            .with_metadata("grant_id", grant)
            .with_metadata("lost", lost.name())
    }

    /// An incremental request asks for another mode than the grant has.
    pub fn mode_mismatch(feature: &FeatureName) -> Self {
        let rejection = Rejection::ModeMismatch { feature: feature.clone() };
        Self::new(ErrorReason::ModeMismatch, rejection.to_string()).with_metadata("feature", feature)
    }

    /// The queue is full.
    pub fn overloaded(retry_after: Duration) -> Self {
        Self::new(ErrorReason::Overloaded, "the server has too much to do; try again after the delay given")
            .with_retry_after(retry_after)
    }

    /// The deadline passed before there was an answer.
    pub fn deadline_exceeded() -> Self {
        Self::new(
            ErrorReason::DeadlineExceeded,
            "the deadline passed before there was an answer; repeat with the same request id to learn what was decided",
        )
    }

    /// The server is stopping.
    pub fn shutting_down() -> Self {
        Self::new(ErrorReason::ShuttingDown, "the server is stopping; call again, another server or later")
            .with_retry_after(Duration::from_secs(1))
    }

    /// The store does not answer; `detail` is for the log.
    pub fn store_unavailable(detail: impl fmt::Display) -> Self {
        Self::new(ErrorReason::StoreUnavailable, "the server cannot reach its store; try again")
            .with_retry_after(Duration::from_secs(1))
            .with_detail(detail)
    }

    /// A defect; `detail` is for the log.
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::new(
            ErrorReason::Internal,
            "the server failed; its log has the detail under the answer's x-request-id",
        )
        .with_detail(detail)
    }

    /// Nothing has this id or name.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorReason::NotFound, format!("there is no {what}"))
    }

    /// Something has this name already.
    pub fn already_exists(what: impl fmt::Display) -> Self {
        Self::new(ErrorReason::AlreadyExists, format!("there is {what} already"))
    }

    /// The caller stopped waiting.
    pub fn cancelled() -> Self {
        Self::new(ErrorReason::Cancelled, "the caller stopped waiting")
    }

    /// Too much in one call.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(ErrorReason::LimitExceeded, message)
    }

    /// A method that is for `allowed` alone was called by nobody in particular.
    pub fn unauthenticated(method: &str, allowed: &[&str]) -> Self {
        Self::new(
            ErrorReason::Unauthenticated,
            format!(
                "{method} is for {}, and this caller has not shown who it is; connect with a certificate",
                services(allowed)
            ),
        )
        .with_metadata("method", method)
        .with_metadata("allowed", allowed.join(","))
    }

    /// A method that is for `allowed` alone was called by somebody else.
    pub fn permission_denied(caller: &Caller, method: &str, allowed: &[&str]) -> Self {
        Self::new(
            ErrorReason::PermissionDenied,
            format!(
                "{caller} may not call {method}, which is for {}; use another certificate, or `security.callers`",
                services(allowed)
            ),
        )
        .with_metadata("method", method)
        .with_metadata("caller", caller)
        .with_metadata("allowed", allowed.join(","))
    }

    /// A method was called on behalf of an administrator who has none of these roles, and not [`Role::Admin`].
    pub fn role_missing(actor: &Actor, method: &str, roles: &[Role]) -> Self {
        let others = roles.iter().filter(|role| **role != Role::Admin);
        let may: Vec<&str> = others.chain([&Role::Admin]).map(|role| role.name()).collect();
        let user = &actor.user;
        Self::new(
            ErrorReason::PermissionDenied,
            format!(
                "access denied: {user} may not call {method}, which takes the role {}; ask an administrator who gives \
                 out roles",
                either(&may)
            ),
        )
        .with_metadata("method", method)
        .with_metadata("roles", may.join(","))
    }

    /// A call on behalf of an administrator to whom the instance of this name is not given.
    pub fn instance_denied(user: &str, instance: &str) -> Self {
        Self::new(
            ErrorReason::PermissionDenied,
            format!(
                "access denied: the instance {instance:?} is not among those of {user}; ask an administrator who gives \
                 them out"
            ),
        )
        .with_metadata("instance", instance)
    }

    /// The gateway called a method for administrators on nobody's behalf.
    pub fn actor_missing(method: &str) -> Self {
        Self::new(
            ErrorReason::ActorMissing,
            format!(
                "the gateway calls {method} on behalf of an administrator, and none is named; attach the actor to the call"
            ),
        )
        .with_metadata("method", method)
    }

    /// Somebody who may not speak for others named an administrator.
    pub fn actor_not_accepted(caller: &Caller) -> Self {
        Self::new(
            ErrorReason::ActorNotAccepted,
            format!(
                "{caller} may not call on behalf of somebody else, only the gateway may; leave the metadata {} out",
                crate::actor::METADATA_KEY
            ),
        )
        .with_metadata("caller", caller)
    }
}

fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

fn services(allowed: &[&str]) -> String {
    match allowed {
        [] => "no service yet".to_owned(),
        [one] => format!("the service {one}"),
        several => format!("the services {}", several.join(", ")),
    }
}
