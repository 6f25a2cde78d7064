//! What a program is told when something cannot be had, in words that help.

use leasehold_proto::licensing::v1::{LostReason as Lost, RefusalReason, RequestRefusal};
use leasehold_proto::types::v1::ErrorReason;
use tonic::Code;

use crate::address::ServerAddress;
use crate::failure::Failure;
use crate::kept::KeptError;
use crate::tls::Remedy;
use crate::verify::Unverified;

/// A call that was not answered, or answered with an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A field breaks its rule.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's path in the contract.
        field: String,
        /// What is wrong and what to give instead.
        problem: String,
    },
    /// The server cannot be reached, or does not answer in time.
    #[error("{}", unreachable(.server, .problem))]
    Unreachable {
        /// Where it was looked for.
        server: ServerAddress,
        /// What the network said.
        problem: String,
    },
    /// The connection cannot be secured: a certificate is missing or not good, or one side speaks plain text.
    #[error("cannot connect to the licence server at {server}: {problem}")]
    Insecure {
        /// The server.
        server: ServerAddress,
        /// What is wrong, and what to do.
        problem: String,
        /// What to give, where that would mend it.
        remedy: Option<Remedy>,
    },
    /// The server has answered with an error.
    #[error("the licence server refused the call: {message}{}", call(.request_id.as_deref()))]
    Server {
        /// Why, for programs; `Unspecified` where the answer was not a licence server's.
        reason: ErrorReason,
        /// What is wrong and what to do, for people.
        message: String,
        /// The call's id in the server's log.
        request_id: Option<String>,
    },
    /// The answer does not count, because nobody whom the vendor trusts stands behind it.
    #[error("the answer of the licence server at {server} does not count: {problem}")]
    Unverified {
        /// The server.
        server: ServerAddress,
        /// Why not.
        problem: Unverified,
    },
}

/// Why a checkout gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutError {
    /// The feature cannot be had now.
    #[error("{feature}: {message}")]
    Refused {
        /// The feature.
        feature: String,
        /// Why.
        reason: RefusalReason,
        /// Counts asked.
        asked: u64,
        /// Counts free, others' reservations included.
        free: u64,
        /// Counts that this request could have had.
        free_for_you: u64,
        /// The same for people, with what would help.
        message: String,
    },
    /// The server gives this client nothing at all.
    #[error("the licence server refuses every request of this client: {message}")]
    WholeRequestRefused {
        /// Why.
        reason: RequestRefusal,
        /// The same for people, with what would help.
        message: String,
    },
    /// What was asked breaks a rule.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's path in the contract.
        field: String,
        /// What is wrong and what to give instead.
        problem: String,
    },
    /// The server cannot be reached, or does not answer in time.
    #[error("{}", unreachable(.server, .problem))]
    Unreachable {
        /// Where it was looked for.
        server: ServerAddress,
        /// What the network said.
        problem: String,
    },
    /// The connection cannot be secured: a certificate is missing or not good, or one side speaks plain text.
    #[error("cannot connect to the licence server at {server}: {problem}")]
    Insecure {
        /// The server.
        server: ServerAddress,
        /// What is wrong, and what to do.
        problem: String,
        /// What to give, where that would mend it.
        remedy: Option<Remedy>,
    },
    /// The server has answered with an error.
    #[error("the licence server refused the call: {message}{}", call(.request_id.as_deref()))]
    Server {
        /// Why, for programs; `Unspecified` where the answer was not a licence server's.
        reason: ErrorReason,
        /// What is wrong and what to do, for people.
        message: String,
        /// The call's id in the server's log.
        request_id: Option<String>,
    },
    /// The answer does not count, because nobody whom the vendor trusts stands behind it. Where the server has granted
    /// something all the same, it takes it back when the lease runs out.
    #[error("the answer of the licence server at {server} does not count: {problem}")]
    Unverified {
        /// The server.
        server: ServerAddress,
        /// Why not.
        problem: Unverified,
    },
    /// The server is out of reach, and the last good answer that was kept does not help.
    #[error("{}; {kept}", unreachable(.server, .problem))]
    OutOfReach {
        /// Where the server was looked for.
        server: ServerAddress,
        /// What the network said.
        problem: String,
        /// What is wrong with the answer that was kept.
        kept: KeptError,
    },
    /// The runtime that the client was made on is gone.
    #[error("the client has stopped: the runtime that it was made on has ended; connect again")]
    Stopped,
}

/// Why a release changed nothing, or perhaps nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The server had nothing to take back: the grant was not this guard's any more.
    #[error("nothing was returned, because nothing was held any more: {message}")]
    NotHeld {
        /// Why; `Unspecified` where the guard knew it without asking.
        reason: Lost,
        /// The same for people.
        message: String,
    },
    /// The call failed. An online grant's lease runs out by itself.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The runtime that the client was made on is gone. An online grant's lease runs out by itself.
    #[error("the client has stopped: the runtime that it was made on has ended; the lease will run out")]
    Stopped,
}

impl CallError {
    /// What a failure means to a program that called `server`.
    pub(crate) fn new(server: &ServerAddress, failure: Failure) -> Self {
        if failure.insecure {
            let remedy = Remedy::of(&failure.message);
            return Self::Insecure { server: server.clone(), problem: failure.message, remedy };
        }
        if failure.is_unreachable() {
            return Self::Unreachable { server: server.clone(), problem: failure.message };
        }
        match failure.field {
            Some((field, problem)) => Self::Invalid { field, problem },
            None => {
                Self::Server { reason: failure.reason, message: failure.message, request_id: failure.call_id }
            }
        }
    }

    /// The server answered something that its contract does not allow.
    pub(crate) fn not_understood(problem: &str) -> Self {
        Self::Server {
            reason: ErrorReason::Unspecified,
            message: format!(
                "its answer cannot be used ({problem}); use a client and a server of one release"
            ),
            request_id: None,
        }
    }
}

impl CheckoutError {
    /// The server is out of reach, as `error` says, and what was kept does not help.
    pub(crate) fn out_of_reach(error: CallError, kept: KeptError) -> Self {
        match error {
            CallError::Unreachable { server, problem } => Self::OutOfReach { server, problem, kept },
            // What mends the connection says more than what an outage would.
            other => other.into(),
        }
    }
}

impl From<CallError> for CheckoutError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Invalid { field, problem } => Self::Invalid { field, problem },
            CallError::Unreachable { server, problem } => Self::Unreachable { server, problem },
            CallError::Insecure { server, problem, remedy } => Self::Insecure { server, problem, remedy },
            CallError::Server { reason, message, request_id } => Self::Server { reason, message, request_id },
            CallError::Unverified { server, problem } => Self::Unverified { server, problem },
        }
    }
}

fn unreachable(server: &ServerAddress, problem: &str) -> String {
    format!(
        "cannot reach the licence server at {server}: {problem}; is it running? check the address, and that no \
         firewall blocks the port"
    )
}

fn call(id: Option<&str>) -> String {
    id.map(|id| format!(" (call {id})")).unwrap_or_default()
}

/// The status of a call that was given up after a time.
pub(crate) fn no_answer(after: std::time::Duration) -> tonic::Status {
    tonic::Status::new(Code::DeadlineExceeded, format!("no answer within {after:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let server: ServerAddress = "licences".parse().unwrap();
        let read = |status: tonic::Status| CallError::new(&server, Failure::read(&status)).to_string();
        let text = read(no_answer(std::time::Duration::from_secs(30)));
        assert!(
            text.starts_with(
                "cannot reach the licence server at licences:16770: no answer within 30s; is it running?"
            ),
            "{text}"
        );
        let text = read(tonic::Status::not_found("no instance has the id 7"));
        assert_eq!(text, "the licence server refused the call: no instance has the id 7");
        let error = CheckoutError::Refused {
            feature: "solver".into(),
            reason: RefusalReason::InsufficientCount,
            asked: 2,
            free: 1,
            free_for_you: 1,
            message: "2 of solver 1.0 asked, 1 free for you".into(),
        };
        assert_eq!(error.to_string(), "solver: 2 of solver 1.0 asked, 1 free for you");
    }
}
