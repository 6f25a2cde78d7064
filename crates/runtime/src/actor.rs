//! The administrator on whose behalf a call is made, and the roles of administrators.
//!
//! Responsible for how an administrator's identity travels between services, and for who may bring one along. Not
//! responsible for who has which role, which is the gateway's affair, nor for what a role may do: each service's lists say
//! that, see [`Access`](crate::Access). Reference: `docs/reference/security.md`, "Administrators".

use std::collections::BTreeSet;
use std::fmt;

use http::{HeaderMap, HeaderName};
use leasehold_proto::types::v1 as types;
use prost::Message as _;
use tonic::Request;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::caller::{Caller, GATEWAY};
use crate::error::ApiError;

/// The binary metadata that an actor travels in: a `leasehold.types.v1.Actor`.
pub const METADATA_KEY: &str = "leasehold-actor-bin";

/// Most bytes of a user's name.
pub const MAX_USER: usize = 255;

/// Most instances that an actor may be limited to: all of them travel with every call.
pub const MAX_INSTANCES: usize = 200;

const HEADER: HeaderName = HeaderName::from_static(METADATA_KEY);

/// What an administrator may do. Every role may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Edits reservations and models.
    Reservations,
    /// Ends other people's grants.
    DropClient,
    /// Exchanges files with the vendor.
    Offline,
    /// Synchronises, updates, suspends, reserves seats.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Viewer, Self::Reservations, Self::DropClient, Self::Offline, Self::Operator, Self::Admin];

    /// The role's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "VIEWER",
            Self::Reservations => "RESERVATIONS",
            Self::DropClient => "DROP_CLIENT",
            Self::Offline => "OFFLINE",
            Self::Operator => "OPERATOR",
            Self::Admin => "ADMIN",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    fn of(message: types::Role) -> Option<Self> {
        Some(match message {
            types::Role::Unspecified => return None,
            types::Role::Viewer => Self::Viewer,
            types::Role::Reservations => Self::Reservations,
            types::Role::DropClient => Self::DropClient,
            types::Role::Offline => Self::Offline,
            types::Role::Operator => Self::Operator,
            types::Role::Admin => Self::Admin,
        })
    }
}

impl From<Role> for types::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Reservations => Self::Reservations,
            Role::DropClient => Self::DropClient,
            Role::Offline => Self::Offline,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The instances that an administrator may look at and change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instances {
    /// All.
    All,
    /// Those of these ids or names, at most [`MAX_INSTANCES`].
    Only(Vec<String>),
}

impl Instances {
    /// Whether the instance with this id and name is one of them.
    pub fn have(&self, id: &str, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.iter().any(|one| one == name || one.eq_ignore_ascii_case(id)),
        }
    }
}

/// The administrator on whose behalf a call is made: a request extension that the server sets, for callers that may
/// speak for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who it is, for records of what was done: 1 to [`MAX_USER`] bytes.
    pub user: String,
    /// What they may do.
    pub roles: BTreeSet<Role>,
    /// Where.
    pub instances: Instances,
}

impl Actor {
    /// An administrator with these roles.
    pub fn new(user: impl Into<String>, roles: impl IntoIterator<Item = Role>, instances: Instances) -> Self {
        Self { user: user.into(), roles: roles.into_iter().collect(), instances }
    }

    /// Makes a call on behalf of this administrator. What was attached before is replaced.
    pub fn attach<T>(&self, request: &mut Request<T>) {
        let value = MetadataValue::from_bytes(&self.encode());
        request.metadata_mut().insert_bin(METADATA_KEY, value);
    }

    /// Whether they have one of these roles, or may do everything.
    pub fn may(&self, roles: &[Role]) -> bool {
        self.roles.contains(&Role::Admin) || roles.iter().any(|role| self.roles.contains(role))
    }

    fn encode(&self) -> Vec<u8> {
        let (all_instances, instances) = match &self.instances {
            Instances::All => (true, Vec::new()),
            Instances::Only(some) => (false, some.clone()),
        };
        let roles = self.roles.iter().map(|role| types::Role::from(*role).into()).collect();
        types::Actor { user: self.user.clone(), roles, all_instances, instances }.encode_to_vec()
    }

    /// Reads what was encoded. A role that this release does not know gives no right.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let message = types::Actor::decode(bytes).map_err(|error| error.to_string())?;
        if message.user.is_empty() || message.user.len() > MAX_USER {
            return Err(format!("`user` has {} bytes; give 1 to {MAX_USER}", message.user.len()));
        }
        if message.user.chars().any(char::is_control) {
            return Err("`user` has a control character; leave it out".to_owned());
        }
        if message.instances.len() > MAX_INSTANCES {
            return Err(format!("`instances` has more than {MAX_INSTANCES}; say `all_instances`"));
        }
        let roles = message.roles().filter_map(Role::of).collect();
        let instances =
            if message.all_instances { Instances::All } else { Instances::Only(message.instances) };
        Ok(Self { user: message.user, roles, instances })
    }
}

/// The actor that a call brings along. Only the gateway and programs on this machine may speak for others; from anybody
/// else it is an error, so that nobody takes it for granted that it was heeded.
pub(crate) fn of_call(headers: &HeaderMap, caller: &Caller) -> Result<Option<Actor>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if !may_speak_for_others(caller) {
        return Err(ApiError::actor_not_accepted(caller));
    }
    let wrong = |problem: String| ApiError::invalid_field(format!("metadata.{METADATA_KEY}"), problem);
    if values.next().is_some() {
        return Err(wrong("it comes twice; a call is made on behalf of one administrator".to_owned()));
    }
    let mut alone = HeaderMap::with_capacity(1);
    alone.insert(HEADER, value.clone());
    let bytes =
        MetadataMap::from_headers(alone).get_bin(METADATA_KEY).and_then(|value| value.to_bytes().ok());
    let bytes = bytes.ok_or_else(|| wrong("it is not written in Base64".to_owned()))?;
    Actor::decode(&bytes).map(Some).map_err(wrong)
}

fn may_speak_for_others(caller: &Caller) -> bool {
    match caller {
        Caller::Local => true,
        Caller::Service { names } => names.iter().any(|name| name == GATEWAY),
        Caller::Anonymous | Caller::Named { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::ErrorReason;

    fn kim() -> Actor {
        Actor::new("kim", [Role::Operator, Role::Viewer], Instances::Only(vec!["main".to_owned()]))
    }

    fn headers(actor: &Actor) -> HeaderMap {
        let mut request = Request::new(());
        actor.attach(&mut request);
        request.into_parts().0.into_headers()
    }

    #[test]
    fn an_actor_travels_whole() {
        let everywhere = Actor::new("Zoë Ångström", Role::ALL, Instances::All);
        let nobody = Actor::new("x", [], Instances::Only(Vec::new()));
        for actor in [kim(), everywhere, nobody] {
            for caller in [Caller::Local, Caller::service("gateway")] {
                assert_eq!(of_call(&headers(&actor), &caller).unwrap(), Some(actor.clone()), "{caller}");
            }
        }
        assert_eq!(of_call(&HeaderMap::new(), &Caller::Anonymous).unwrap(), None);
        let mut request = Request::new(());
        kim().attach(&mut request);
        Actor::new("lee", [], Instances::All).attach(&mut request);
        let headers = request.into_parts().0.into_headers();
        assert_eq!(of_call(&headers, &Caller::Local).unwrap().unwrap().user, "lee");
    }

    #[test]
    fn nobody_but_the_gateway_and_this_machine_speaks_for_others() {
        let named = Caller::Named { names: Arc::new(["gateway".to_owned()]) };
        for caller in [Caller::Anonymous, Caller::service("admin"), Caller::service("sync"), named] {
            let error = of_call(&headers(&kim()), &caller).unwrap_err();
            assert_eq!(error.reason, ErrorReason::ActorNotAccepted, "{caller}");
            assert!(error.message.contains(&caller.to_string()), "{error}");
        }
    }

    #[test]
    fn what_is_no_actor_is_refused() {
        let with = |bytes: &[u8]| {
            let mut request = Request::new(());
            request.metadata_mut().insert_bin(METADATA_KEY, MetadataValue::from_bytes(bytes));
            request.into_parts().0.into_headers()
        };
        let too_many = Instances::Only(vec!["i".to_owned(); MAX_INSTANCES + 1]);
        let mut twice = headers(&kim());
        twice.append(HEADER, twice[HEADER].clone());
        let mut unreadable = HeaderMap::new();
        unreadable.insert(HEADER, "!".parse().unwrap());
        for (headers, part) in [
            (with(b"\xff"), "metadata.leasehold-actor-bin"),
            (with(b""), "`user` has 0 bytes"),
            (headers(&Actor::new("x".repeat(256), [], Instances::All)), "`user` has 256 bytes"),
            (headers(&Actor::new("a\nb", [], Instances::All)), "control character"),
            (headers(&Actor::new("kim", [], too_many)), "all_instances"),
            (twice, "twice"),
            (unreadable, "Base64"),
        ] {
            let error = of_call(&headers, &Caller::service("gateway")).unwrap_err();
            assert_eq!(error.reason, ErrorReason::InvalidField, "{part}");
            assert!(error.message.contains(part), "{part:?} in {error}");
        }
    }

    #[test]
    fn an_unknown_role_gives_no_right() {
        let message = types::Actor {
            user: "kim".to_owned(),
            roles: vec![0, types::Role::Offline.into(), 99],
            all_instances: true,
            instances: Vec::new(),
        };
        let actor = Actor::decode(&message.encode_to_vec()).unwrap();
        assert_eq!(actor.roles, BTreeSet::from([Role::Offline]));
    }

    #[test]
    fn roles_have_the_contracts_names() {
        for role in Role::ALL {
            let message = types::Role::from(role);
            assert_eq!(message.as_str_name().strip_prefix("ROLE_"), Some(role.name()));
            assert_eq!((Role::of(message), Role::from_name(role.name())), (Some(role), Some(role)));
        }
        assert_eq!(Role::from_name("viewer"), None);
    }

    #[test]
    fn an_administrator_may_do_what_a_role_of_theirs_may() {
        assert!(kim().may(&[Role::Offline, Role::Operator]) && !kim().may(&[Role::Reservations]));
        assert!(!kim().may(&[]) && !kim().may(&[Role::Admin]));
        let admin = Actor::new("root", [Role::Admin], Instances::All);
        assert!(admin.may(&[]) && admin.may(&[Role::Reservations]));
        let only = Instances::Only(vec!["main".to_owned(), "0190ABCD".to_owned()]);
        for (id, name, has) in [("1", "main", true), ("0190abcd", "x", true), ("1", "Main", false)] {
            assert_eq!(only.have(id, name), has, "{id} {name}");
        }
        assert!(Instances::All.have("1", "x") && !Instances::Only(Vec::new()).have("1", "x"));
    }
}
