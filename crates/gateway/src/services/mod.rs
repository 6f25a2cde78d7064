//! The services behind the gateway, on behalf of one administrator.
//!
//! Each function is one call, and what it gives back is a plain value of [`crate::model`]. Not responsible for who may do
//! what: the services refuse, and their refusals are passed on.

mod licensing;
mod reservations;
mod sync;
mod updates;

use std::time::Duration;

use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use leasehold_proto::types::v1 as types;
use leasehold_runtime::CallId;
use leasehold_runtime::actor::Actor;
use leasehold_runtime::http::Problem;
use leasehold_runtime::telemetry::{Propagate, Propagating};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tower::Layer as _;

use crate::SLOW_DEADLINE;
use crate::guard::invalid;
use leasehold_proto::convert::hostid::read_hostid_text;

pub(crate) use licensing::{DROPS, GrantFilter};

/// Largest answer of a service, and largest file for one.
pub(crate) const LARGEST: usize = 64 << 20;

/// The ways to the services.
pub(crate) struct Channels {
    pub(crate) licensing: Channel,
    pub(crate) sync: Channel,
    pub(crate) updates: Option<Channel>,
    pub(crate) deadline: Duration,
}

/// The services, on behalf of one administrator.
pub(crate) struct Services<'a> {
    channels: &'a Channels,
    actor: Actor,
    request_id: Option<CallId>,
}

type Way = Propagating<Channel>;

impl<'a> Services<'a> {
    pub(crate) fn new(channels: &'a Channels, actor: Actor, request_id: Option<CallId>) -> Self {
        Self { channels, actor, request_id }
    }

    fn to_licensing(&self) -> LicensingAdminServiceClient<Way> {
        let way = Propagate.layer(self.channels.licensing.clone());
        LicensingAdminServiceClient::new(way).max_decoding_message_size(LARGEST)
    }

    fn to_sync(&self) -> SyncServiceClient<Way> {
        let way = Propagate.layer(self.channels.sync.clone());
        SyncServiceClient::new(way).max_decoding_message_size(LARGEST).max_encoding_message_size(LARGEST)
    }

    /// A call in the administrator's name.
    fn ask<T>(&self, message: T) -> Request<T> {
        self.within(self.channels.deadline, message)
    }

    /// One that waits for a vendor.
    fn ask_slowly<T>(&self, message: T) -> Request<T> {
        self.within(SLOW_DEADLINE, message)
    }

    fn within<T>(&self, deadline: Duration, message: T) -> Request<T> {
        let mut request = Request::new(message);
        self.actor.attach(&mut request);
        request.set_timeout(deadline);
        let id = self.request_id.as_ref().and_then(|id| id.as_str().parse().ok());
        if let Some(id) = id {
            request.metadata_mut().insert("x-request-id", id);
        }
        request
    }
}

/// What a service answered, or why it did not.
fn answered<T>(answer: Result<Response<T>, Status>) -> Result<T, Problem> {
    answer.map(Response::into_inner).map_err(|refused| in_words_of_http(refused.into()))
}

/// What a message wraps is a document or a query of its own here: fields lose the name of the wrapping.
fn in_words_of_http(mut problem: Problem) -> Problem {
    for (field, _) in &mut problem.fields {
        let bare = ["page.", "group.", "enrolment."].iter().find_map(|wrapping| field.strip_prefix(wrapping));
        let Some(bare) = bare.map(str::to_owned) else { continue };
        if let Some(rest) = problem.message.strip_prefix(field.as_str()) {
            problem.message = format!("{bare}{rest}");
        }
        *field = bare;
    }
    problem
}

/// The device or user of a text.
fn hostid(text: &str) -> Result<types::HostId, Problem> {
    read_hostid_text(text).map_err(|error| invalid("hostid", error.to_string()))
}
