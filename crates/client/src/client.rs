//! The client: one server, one device, any number of guards.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use leasehold_domain::HostId;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;
use tonic::transport::Channel;

use crate::address::ServerAddress;
use crate::channel;
use crate::checkout::{Checkout, Who};
use crate::error::{CallError, CheckoutError};
use crate::establish::Establish;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::identity::{Identity, random_uuid};
use crate::keeper::{Command, Keeper};
use crate::machine::Machine;
use crate::options::Options;
use crate::place::Places;

/// Longest answer that the raw clients take, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// A client of one licence server. Clones share everything.
///
/// Heartbeats and renewals run on the runtime that it was made on, so that must be kept running. Guards live
/// on without the client; the connection is closed once all of them are gone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

/// Why there is no client. Whether the server answers is not among it: the first call tells.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not called on a Tokio runtime.
    #[error("there is no Tokio runtime here; connect inside one, under `#[tokio::main]` for instance")]
    NoRuntime,
    /// The machine has neither a machine id nor a host name that can be read.
    #[error("cannot find out what this machine is called; give a hostid in `Options::hostids`")]
    NoHostId,
    /// The address cannot be used.
    #[error("cannot connect to {server}: {problem}")]
    Channel {
        /// The address.
        server: ServerAddress,
        /// What is wrong with it.
        problem: String,
    },
}

/// What the client, its checkouts and its guards share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: Arc<Options>,
    pub(crate) channel: Channel,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    hostids: Vec<HostId>,
    alias: String,
    identity: Arc<Identity>,
    places: Places,
    runtime: Handle,
    last_id: AtomicU64,
}

impl Client {
    /// A client of the server that the options name. It connects when it first calls, and again whenever the
    /// connection broke; a server that is away is no error here.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        // Making a channel outside a runtime panics.
        Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let channel = channel::lazy(&options).map_err(|error| ConnectError::Channel {
            server: options.server.clone(),
            problem: error.to_string(),
        })?;
        Self::over(channel, options).await
    }

    /// A client over a channel of the caller's making. The options' server is only shown in errors.
    pub async fn over(channel: Channel, options: Options) -> Result<Self, ConnectError> {
        let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (machine, identity) = on_disk(&runtime, options.state_dir.clone()).await;
        let hostids = match options.hostids.as_slice() {
            [] => vec![machine.hostid.ok_or(ConnectError::NoHostId)?],
            given => given.to_vec(),
        };
        let alias = options.alias.clone().or(machine.name).unwrap_or_default();
        let (options, identity) = (Arc::new(options), Arc::new(identity));
        let (commands, receiver) = mpsc::unbounded_channel();
        runtime.spawn(Keeper::new(channel.clone(), options.clone(), identity.clone(), receiver).run());
        let places = Places::default();
        let last_id = AtomicU64::new(0);
        let inner = Inner { options, channel, commands, hostids, alias, identity, places, runtime, last_id };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks a feature out. A caller that stops waiting leaves nothing behind: what is granted then is returned.
    pub async fn checkout(&self, checkout: Checkout) -> Result<Guard, CheckoutError> {
        let inner = &self.inner;
        let place = inner.places.take();
        let who = Who {
            options: &inner.options,
            hostids: &inner.hostids,
            alias: &inner.alias,
            client_instance_id: place.client_instance_id(inner.identity.id()),
        };
        let establish = Establish {
            client: inner.clone(),
            feature: checkout.feature().into(),
            borrows: checkout.borrows(),
            request: checkout.request(&who, random_uuid())?,
            place,
        };
        let (reply, answer) = oneshot::channel();
        inner.runtime.spawn(establish.run(reply));
        answer.await.unwrap_or(Err(CheckoutError::Stopped))
    }

    /// The licensing service, raw, over the same channel.
    pub fn licensing(&self) -> LicensingServiceClient<Channel> {
        LicensingServiceClient::new(self.inner.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// Its administration, raw, over the same channel.
    pub fn admin(&self) -> LicensingAdminServiceClient<Channel> {
        LicensingAdminServiceClient::new(self.inner.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// The channel itself, for the generated clients of other services at the same address.
    pub fn channel(&self) -> Channel {
        self.inner.channel.clone()
    }

    /// What the failure of a raw call means, in words for people.
    pub fn call_error(&self, status: &Status) -> CallError {
        CallError::new(self.server(), Failure::read(status))
    }

    /// The server.
    pub fn server(&self) -> &ServerAddress {
        &self.inner.options.server
    }

    /// The instance; empty is the server's default.
    pub fn instance(&self) -> &str {
        &self.inner.options.instance
    }

    /// What names this device, best first, never empty.
    pub fn hostids(&self) -> &[HostId] {
        &self.inner.hostids
    }

    /// What tells this process from others on the device. Each guard adds a number of its own.
    pub fn client_instance_id(&self) -> &str {
        self.inner.identity.id()
    }
}

impl Inner {
    /// A number that no other holding of this client has.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }
}

/// What is read from the machine and the state directory.
async fn on_disk(runtime: &Handle, state_dir: Option<PathBuf>) -> (Machine, Identity) {
    let read = runtime.spawn_blocking(move || (Machine::detect(), Identity::open(state_dir.as_deref())));
    // Only a runtime that is ending does not run it.
    read.await.unwrap_or_else(|_| (Machine { hostid: None, name: None }, Identity::fresh()))
}
