//! The SDK: connect to a licence server, check features out, keep them alive, return them.
//!
//! Responsible for everything between a program and the server: the address, the channel, repeats and
//! deadlines, the client instance id, and [`Guard`]s that send heartbeats and renew in the background and
//! say at any moment whether the program may work. Not responsible for deciding who may hold what: that is
//! the server's. Reference: `docs/reference/licensing.md`, "Capability requests" and "Leases".
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use leasehold_client::{Checkout, Client, Options, State};
//!
//! let client = Client::connect(Options::from_env()?).await?;
//! let guard = client.checkout(Checkout::new("solver").version("2.0").count(2)).await?;
//! let mut states = guard.watch();
//! while !matches!(*states.borrow_and_update(), State::Lost(_)) {
//!     // Work, and look again whenever the state changes.
//!     states.changed().await?;
//! }
//! guard.release().await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod addresses;
mod answer;
mod answers;
mod channel;
mod checkout;
mod client;
mod connection;
mod error;
mod establish;
mod failure;
mod guard;
mod holding;
mod identity;
mod keeper;
mod kept;
mod machine;
mod notices;
mod options;
mod place;
mod reader;
mod retry;
mod state;
mod tls;
#[cfg(feature = "updates")]
pub mod updates;
mod verify;
mod wall_clock;
mod wire;

pub use address::{AddressError, DEFAULT_PORT, ServerAddress};
pub use checkout::Checkout;
pub use client::{Client, ConnectError};
pub use connection::{
    ANSWERS_VARIABLE, CA_VARIABLE, CERT_VARIABLE, Connection, ConnectionError, ConnectionFile, KEY_VARIABLE,
    LICENSE_SERVER_ID_VARIABLE, SERVER_NAME_VARIABLE, SERVER_VARIABLE, VENDOR_ROOT_VARIABLE,
};
pub use error::{CallError, CheckoutError, ReleaseError};
pub use guard::Guard;
pub use kept::KeptError;
pub use leasehold_domain::capability::DictionaryValue;
pub use leasehold_domain::interval::Granularity;
pub use leasehold_domain::{DeviceType, GrantId, HostId, HostIdType, InstanceId};
pub use leasehold_proto::licensing::v1::{RefusalReason, RequestRefusal};
pub use leasehold_proto::types::v1::ErrorReason;
pub use leasehold_signing::{KeyError, VerifyingKey};
pub use notices::{Notice, Notices, UpdateAvailable};
pub use options::{Options, Retry};
pub use state::{LostReason, State};
pub use tls::{ClientCertificate, Pem, Remedy, Tls};
pub use verify::{Foreign, Stale, Unverified};
pub use wall_clock::WallClock;
