//! The client: one server, one device, any number of guards.

use std::path::Path;
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
use crate::addresses::Addresses;
use crate::answers::{self, Answers, Holder, Key};
use crate::channel;
use crate::checkout::{Checkout, Who};
use crate::error::{CallError, CheckoutError};
use crate::establish::Establish;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::identity::{Identity, random_nonce, random_uuid};
use crate::keeper::{Command, Keeper};
use crate::machine::Machine;
use crate::notices::{self, Standing};
use crate::options::Options;
use crate::place::{Occupied, Place, Places};
use crate::reader::{self, Reader};

/// Longest answer that the raw clients take, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// A client of one licence server. Clones share everything.
///
/// Heartbeats and renewals run on the runtime that it was made on, so that must be kept running. Guards live
/// on without the client; the connection is closed once all of them are gone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
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
    /// A licence server's id without the key that would show whose answers are its.
    #[error(
        "a licence server's id is given and no vendor's root key, so no answer could be checked; set \
         `Options::vendor_root` too"
    )]
    NoVendorRoot,
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
    pub(crate) reader: Arc<Reader>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    /// What stands on the last heartbeats.
    pub(crate) standing: Standing,
    pub(crate) hostids: Vec<HostId>,
    pub(crate) alias: String,
    identity: Arc<Identity>,
    answers: Option<Arc<Answers>>,
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
        let addresses = Arc::new(Addresses::default());
        let channel = channel::lazy(&options, addresses.clone()).map_err(|error| ConnectError::Channel {
            server: options.server.clone(),
            problem: error.to_string(),
        })?;
        Self::made(channel, options, addresses).await
    }

    /// A client over a channel of the caller's making. The options' server is only shown in errors, and names the answers
    /// that are kept.
    pub async fn over(channel: Channel, options: Options) -> Result<Self, ConnectError> {
        Self::made(channel, options, Arc::default()).await
    }

    async fn made(
        channel: Channel,
        options: Options,
        addresses: Arc<Addresses>,
    ) -> Result<Self, ConnectError> {
        let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        if options.license_server_id.is_some() && options.vendor_root.is_none() {
            return Err(ConnectError::NoVendorRoot);
        }
        let OnDisk { machine, identity, answers } = OnDisk::read(&runtime, &options).await;
        let hostids = match options.hostids.as_slice() {
            [] => vec![machine.hostid.ok_or(ConnectError::NoHostId)?],
            given => given.to_vec(),
        };
        let alias = options.alias.clone().or(machine.name).unwrap_or_default();
        let answers = answers.map(Arc::new);
        let reader = Arc::new(Reader::new(&options, hostids[0].clone(), addresses, answers.clone()));
        let options = Arc::new(options);
        let (commands, receiver) = mpsc::unbounded_channel();
        let (board, standing) = notices::board();
        let keeper =
            Keeper::new(channel.clone(), options.clone(), identity.clone(), reader.clone(), receiver, board);
        runtime.spawn(keeper.run());
        let (places, last_id) = (Places::default(), AtomicU64::new(0));
        let inner = Inner {
            options,
            channel,
            reader,
            commands,
            standing,
            hostids,
            alias,
            identity,
            answers,
            places,
            runtime,
            last_id,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks a feature out. A caller that stops waiting leaves nothing behind: what is granted then is returned.
    pub async fn checkout(&self, checkout: Checkout) -> Result<Guard, CheckoutError> {
        let inner = &self.inner;
        let (place, key) = inner.place(&checkout).await;
        let who = Who {
            options: &inner.options,
            hostids: &inner.hostids,
            alias: &inner.alias,
            client_instance_id: place.client_instance_id(inner.identity.id()),
        };
        let nonce = if inner.options.vendor_root.is_some() { random_nonce() } else { Vec::new() };
        let establish = Establish {
            client: inner.clone(),
            feature: checkout.feature().into(),
            borrows: checkout.borrows(),
            request: checkout.request(&who, random_uuid(), nonce)?,
            place,
            key,
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

    /// Where a checkout holds, and what its last good answer is kept under. Without answers that are kept: the lowest
    /// free place.
    async fn place(&self, checkout: &Checkout) -> (Place, Option<Key>) {
        let Some(answers) = self.answers.clone() else {
            return (self.places.take(&Occupied::default()), None);
        };
        let client = self.identity.id().to_owned();
        let mut key = Key {
            server: reader::called(&self.options),
            instance: self.options.instance.clone(),
            feature: checkout.feature().to_owned(),
            device: self.hostids[0].to_string(),
            user: self.options.user.clone(),
            holder: Holder::Client { id: client.clone(), place: 0 },
            selectors: checkout.selectors().clone(),
        };
        let wanted = key.clone();
        let occupied = self.runtime.spawn_blocking(move || answers.occupied(&wanted, &client)).await;
        let mut occupied = occupied.unwrap_or_default();
        let slot = checkout.slot_name();
        if !slot.is_empty() {
            // Who holds at a slot takes no place that somebody else has held at.
            occupied.by_others.append(&mut occupied.by_the_same);
        }
        let place = self.places.take(&occupied);
        key.holder = match slot {
            "" => Holder::Client { id: self.identity.id().to_owned(), place: place.number() },
            slot => Holder::Slot(slot.to_owned()),
        };
        (place, Some(key))
    }
}

/// What is read from the machine and from the directories of the program.
struct OnDisk {
    machine: Machine,
    identity: Arc<Identity>,
    /// `None`: nothing is kept.
    answers: Option<Answers>,
}

impl OnDisk {
    async fn read(runtime: &Handle, options: &Options) -> Self {
        let answers = options.answers.clone();
        let state_dir = options.state_dir.clone().or(answers.clone());
        let pinned = options.vendor_root.is_some();
        let read = runtime.spawn_blocking(move || {
            // Before anything else makes it, for more than its owner. What is wrong with it shows in its place.
            if let Some(Err(error)) = answers.as_deref().filter(|_| pinned).map(answers::make) {
                tracing::debug!(%error, "the directory of answers cannot be made");
            }
            let identity = Arc::new(Identity::open(state_dir.as_deref()));
            let answers = answers.and_then(|directory| keep_in(&directory, pinned, &identity));
            Self { machine: Machine::detect(), identity, answers }
        });
        // Only a runtime that is ending does not run it.
        read.await.unwrap_or_else(|_| Self {
            machine: Machine { hostid: None, name: None },
            identity: Arc::new(Identity::fresh()),
            answers: None,
        })
    }
}

/// The directory of answers, unless nothing can be kept in it; then says why.
fn keep_in(directory: &Path, pinned: bool, identity: &Arc<Identity>) -> Option<Answers> {
    let opened = if pinned { Some(Answers::open(directory, identity.clone())) } else { None };
    let problem = match opened {
        Some(Ok(Some(answers))) => return Some(answers),
        Some(Ok(None)) => "another process has the directory".to_owned(),
        Some(Err(error)) => error.to_string(),
        None => "no vendor's root key is pinned, so no answer can be believed later".to_owned(),
    };
    tracing::warn!(
        client.answers = %directory.display(),
        problem,
        "no answers are kept; the program cannot work while the licence server is out of reach"
    );
    None
}
