//! Who is at the other end of a call, and who may call what.
//!
//! Responsible for the identities that a connection can have and for allow-lists of them. Not responsible
//! for finding an identity out: the connection's transport does that, never a header.

use std::fmt;
use std::sync::Arc;

use crate::error::ApiError;

/// How the name of a service begins in a certificate.
pub const SERVICE_URI: &str = "leasehold://service/";

/// Who is at the other end of a call: a request extension that the server sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who has shown nothing.
    #[default]
    Anonymous,
    /// Somebody on this machine, where plain text on the loopback address is served. May call everything.
    Local,
    /// A service of this system.
    Service {
        /// Its names, never none. More than one where its certificate stands for several.
        names: Arc<[String]>,
    },
    /// Somebody with a good certificate that is no service's.
    Named {
        /// The names in the certificate: URIs, host names, the subject's common name. May be none.
        names: Arc<[String]>,
    },
}

impl Caller {
    /// The service of this name.
    pub fn service(name: &str) -> Self {
        Self::Service { names: Arc::new([name.to_owned()]) }
    }

    /// Who acts, for records of what was done; `None` where nobody is known.
    pub fn actor(&self) -> Option<String> {
        match self {
            Self::Anonymous | Self::Local => None,
            Self::Service { names } | Self::Named { names } => names.first().cloned(),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("a caller without a certificate"),
            Self::Local => formatter.write_str("a caller on this machine"),
            Self::Service { names } => write!(formatter, "the service {}", names.join(" and ")),
            Self::Named { names } if names.is_empty() => formatter.write_str("a certificate without a name"),
            Self::Named { names } => write!(formatter, "the certificate of {}", names.join(", ")),
        }
    }
}

/// Who may call a method, besides [`Caller::Local`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody who can connect.
    Anyone,
    /// The services of these names; with none, nobody.
    Services(&'static [&'static str]),
}

impl Access {
    /// What everything has that no list speaks of.
    pub(crate) const NOBODY: Self = Self::Services(&[]);

    /// Refuses a caller that the list does not have. `path` is the method's.
    pub(crate) fn check(self, caller: &Caller, path: &str) -> Result<(), ApiError> {
        let Self::Services(allowed) = self else { return Ok(()) };
        let refused = match caller {
            Caller::Local => return Ok(()),
            Caller::Service { names } if names.iter().any(|name| allowed.contains(&name.as_str())) => {
                return Ok(());
            }
            Caller::Anonymous => ApiError::unauthenticated(path, allowed),
            Caller::Service { .. } | Caller::Named { .. } => {
                ApiError::permission_denied(caller, path, allowed)
            }
        };
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::error::ErrorReason;

    const PATH: &str = "/p.S/M";

    #[test]
    fn a_list_lets_its_services_in_and_nobody_else() {
        let list = Access::Services(&["sync", "updates"]);
        let several = Caller::Service { names: Arc::new(["web".to_owned(), "updates".to_owned()]) };
        for caller in [Caller::Local, Caller::service("sync"), several] {
            assert!(list.check(&caller, PATH).is_ok(), "{caller}");
        }
        let named = Caller::Named { names: Arc::new(["sync".to_owned()]) };
        for (caller, reason, code) in [
            (Caller::Anonymous, ErrorReason::Unauthenticated, Code::Unauthenticated),
            (Caller::service("gateway"), ErrorReason::PermissionDenied, Code::PermissionDenied),
            (named, ErrorReason::PermissionDenied, Code::PermissionDenied),
        ] {
            let error = list.check(&caller, PATH).unwrap_err();
            assert_eq!((error.reason, error.code), (reason, code));
            for part in [PATH, "sync, updates"] {
                assert!(error.message.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn without_a_list_only_this_machine_may_call() {
        assert!(Access::NOBODY.check(&Caller::Local, PATH).is_ok());
        for caller in [Caller::Anonymous, Caller::service("gateway")] {
            let error = Access::NOBODY.check(&caller, PATH).unwrap_err();
            assert!(error.message.contains("no service"), "{error}");
        }
        assert!(Access::Anyone.check(&Caller::Anonymous, PATH).is_ok());
    }
}
