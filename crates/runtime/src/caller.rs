//! Who is at the other end of a call, and who may call what.
//!
//! Responsible for the identities that a connection can have and for allow-lists of them. Not responsible
//! for finding an identity out: the connection's transport does that, never a header.

use std::fmt;
use std::sync::Arc;

use crate::actor::{Actor, Role};
use crate::error::ApiError;

/// How the name of a service begins in a certificate.
pub const SERVICE_URI: &str = "leasehold://service/";

/// The service that speaks for administrators.
pub const GATEWAY: &str = "gateway";

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

    /// The first of its names, for records of what was done; `None` where nobody is known.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous | Self::Local => None,
            Self::Service { names } | Self::Named { names } => names.first().map(String::as_str),
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
    /// These services; the gateway only on behalf of an administrator, who has one of the roles, or may everything.
    Administrators {
        /// The services.
        services: &'static [&'static str],
        /// The roles besides [`Role::Admin`].
        roles: &'static [Role],
    },
}

impl Access {
    /// What everything has that no list speaks of.
    pub(crate) const NOBODY: Self = Self::Services(&[]);

    /// Refuses a caller that the list does not have, and an administrator without the role. `path` is the method's.
    pub(crate) fn check(self, caller: &Caller, actor: Option<&Actor>, path: &str) -> Result<(), ApiError> {
        match self {
            Self::Anyone => Ok(()),
            Self::Services(services) => check_caller(services, caller, path),
            Self::Administrators { services, roles } => {
                check_caller(services, caller, path)?;
                check_actor(services, roles, caller, actor, path)
            }
        }
    }
}

fn check_caller(services: &[&str], caller: &Caller, path: &str) -> Result<(), ApiError> {
    match caller {
        Caller::Local => Ok(()),
        Caller::Service { names } if names.iter().any(|name| services.contains(&name.as_str())) => Ok(()),
        Caller::Anonymous => Err(ApiError::unauthenticated(path, services)),
        Caller::Service { .. } | Caller::Named { .. } => {
            Err(ApiError::permission_denied(caller, path, services))
        }
    }
}

/// The gateway has no right of its own: what it does, an administrator does.
fn check_actor(
    services: &[&str],
    roles: &[Role],
    caller: &Caller,
    actor: Option<&Actor>,
    path: &str,
) -> Result<(), ApiError> {
    let in_its_own_name = |name: &String| name != GATEWAY && services.contains(&name.as_str());
    match (actor, caller) {
        (Some(actor), _) if actor.may(roles) => Ok(()),
        (Some(actor), _) => Err(ApiError::role_missing(actor, path, roles)),
        (None, Caller::Service { names }) if !names.iter().any(in_its_own_name) => {
            Err(ApiError::actor_missing(path))
        }
        (None, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::actor::Instances;
    use crate::error::ErrorReason;

    const PATH: &str = "/p.S/M";

    #[test]
    fn a_list_lets_its_services_in_and_nobody_else() {
        let list = Access::Services(&["sync", "updates"]);
        let several = Caller::Service { names: Arc::new(["web".to_owned(), "updates".to_owned()]) };
        for caller in [Caller::Local, Caller::service("sync"), several] {
            assert!(list.check(&caller, None, PATH).is_ok(), "{caller}");
        }
        let named = Caller::Named { names: Arc::new(["sync".to_owned()]) };
        for (caller, reason, code) in [
            (Caller::Anonymous, ErrorReason::Unauthenticated, Code::Unauthenticated),
            (Caller::service("gateway"), ErrorReason::PermissionDenied, Code::PermissionDenied),
            (named, ErrorReason::PermissionDenied, Code::PermissionDenied),
        ] {
            let error = list.check(&caller, None, PATH).unwrap_err();
            assert_eq!((error.reason, error.code), (reason, code));
            for part in [PATH, "sync, updates"] {
                assert!(error.message.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn without_a_list_only_this_machine_may_call() {
        assert!(Access::NOBODY.check(&Caller::Local, None, PATH).is_ok());
        for caller in [Caller::Anonymous, Caller::service("gateway")] {
            let error = Access::NOBODY.check(&caller, None, PATH).unwrap_err();
            assert!(error.message.contains("no service"), "{error}");
        }
        assert!(Access::Anyone.check(&Caller::Anonymous, None, PATH).is_ok());
    }

    const OPERATORS: Access = Access::Administrators {
        services: &["gateway", "admin", "sync"],
        roles: &[Role::Offline, Role::Operator],
    };

    fn kim(roles: &[Role]) -> Actor {
        Actor::new("kim", roles.iter().copied(), Instances::All)
    }

    #[test]
    fn an_administrator_needs_a_role_that_may() {
        for caller in [Caller::Local, Caller::service("gateway")] {
            for roles in [&[Role::Operator][..], &[Role::Viewer, Role::Offline], &[Role::Admin]] {
                assert!(OPERATORS.check(&caller, Some(&kim(roles)), PATH).is_ok(), "{roles:?}");
            }
            for roles in [&[][..], &[Role::Viewer, Role::Reservations, Role::DropClient]] {
                let error = OPERATORS.check(&caller, Some(&kim(roles)), PATH).unwrap_err();
                assert_eq!(
                    (error.reason, error.code),
                    (ErrorReason::PermissionDenied, Code::PermissionDenied)
                );
                for part in ["kim", PATH, "OFFLINE, OPERATOR or ADMIN"] {
                    assert!(error.message.contains(part), "{part:?} in {error}");
                }
                assert_eq!(error.metadata["roles"], "OFFLINE,OPERATOR,ADMIN");
            }
        }
        let alone = Access::Administrators { services: &["gateway"], roles: &[] };
        let error = alone.check(&Caller::service("gateway"), Some(&kim(&Role::ALL[..5])), PATH).unwrap_err();
        assert!(error.message.contains("the role ADMIN;"), "{error}");
        // A list without roles does not ask for any.
        let list = Access::Services(&["gateway"]);
        assert!(list.check(&Caller::service("gateway"), Some(&kim(&[])), PATH).is_ok());
    }

    #[test]
    fn the_gateway_does_nothing_of_its_own_accord() {
        let as_gateway =
            |other: &str| Caller::Service { names: Arc::new(["gateway".to_owned(), other.to_owned()]) };
        for caller in [Caller::service("gateway"), as_gateway("updates")] {
            let error = OPERATORS.check(&caller, None, PATH).unwrap_err();
            assert_eq!((error.reason, error.code), (ErrorReason::ActorMissing, Code::Unauthenticated));
            assert!(error.message.contains(PATH), "{error}");
        }
        for caller in [Caller::Local, Caller::service("admin"), Caller::service("sync"), as_gateway("sync")] {
            assert!(OPERATORS.check(&caller, None, PATH).is_ok(), "{caller}");
        }
        // An actor is no way in for whom the list does not have.
        for caller in [Caller::Anonymous, Caller::service("updates")] {
            assert!(OPERATORS.check(&caller, Some(&kim(&Role::ALL)), PATH).is_err(), "{caller}");
        }
    }
}
