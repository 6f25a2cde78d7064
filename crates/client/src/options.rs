//! What a program says when it connects.

use std::path::PathBuf;
use std::time::Duration;

use leasehold_domain::{DeviceType, HostId, InstanceId};
use leasehold_signing::VerifyingKey;

use crate::address::ServerAddress;
use crate::connection::{Connection, ConnectionError};
use crate::tls::Tls;
use crate::wall_clock::WallClock;

/// How a client reaches its server and what it says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The licence server.
    pub server: ServerAddress,
    /// Where else the same service is, tried in this order when a connection is made. Empty by default.
    pub more_servers: Vec<ServerAddress>,
    /// How the connection is secured. `None`, as by default: not at all.
    pub tls: Option<Tls>,
    /// The instance's id or name. Empty, as by default, is the server's default instance.
    pub instance: String,
    /// What names this device, best first, at most 32. Empty, as by default: the operating system's machine
    /// id, else the host name.
    pub hostids: Vec<HostId>,
    /// The user's name, where licences may be reserved for users.
    pub user: Option<String>,
    /// The device's name for people. `None`, as by default, is the host name.
    pub alias: Option<String>,
    /// Real, virtual or, as by default, unknown.
    pub device_type: DeviceType,
    /// The vendor's word for the kind of device. Empty by default.
    pub host_type: String,
    /// A directory of this program and device, in which the client instance id outlives the process, so
    /// that a restarted program gets its grants back. `None`, as by default: a new id each time.
    pub state_dir: Option<PathBuf>,
    /// The vendor's root key. With it, an answer counts only where it is signed by a key behind which the vendor
    /// stands, and nothing is read beside what is signed. `None`, as by default: answers are taken as they come.
    pub vendor_root: Option<VerifyingKey>,
    /// The id that the vendor gave to the licence server: no other server's answers count. It needs
    /// [`Options::vendor_root`]. `None`, as by default: any server of the vendor will do.
    pub license_server_id: Option<InstanceId>,
    /// How far the server's clock and this machine's may be apart for an answer to count. 24 h by default.
    pub max_clock_skew: Duration,
    /// A directory of this program and device, in which the last good answers are kept, so that the program can check
    /// out what it holds while the server is out of reach, after a restart too. It needs
    /// [`Options::vendor_root`]. Where there is no [`Options::state_dir`], it is that as well. One process uses it at a
    /// time. `None`, as by default: nothing is kept.
    pub answers: Option<PathBuf>,
    /// What tells the time of day. The operating system's clock by default.
    pub wall_clock: WallClock,
    /// How long making a connection may take. 5 s by default.
    pub connect_timeout: Duration,
    /// How long a checkout or a release may take with all its repeats. 30 s by default.
    pub call_timeout: Duration,
    /// How long the program may work on after a lease could not be kept up. 10 minutes by default.
    pub grace: Duration,
    /// How calls are repeated.
    pub retry: Retry,
}

/// How a call that failed for a passing reason is repeated, always with the same request id.
///
/// Failures to connect are repeated until the call's time is up; they cost the server nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Most times that one call is sent, the first included. 4 by default.
    pub max_attempts: u32,
    /// How long one attempt may take. 10 s by default.
    pub attempt_timeout: Duration,
    /// The first delay, doubled each time and spread by chance. 200 ms by default.
    pub first_delay: Duration,
    /// The longest delay. 5 s by default; where the server asks for a longer one, that.
    pub max_delay: Duration,
}

impl Options {
    /// This server, and the defaults for everything else.
    pub fn new(server: ServerAddress) -> Self {
        Self {
            server,
            more_servers: Vec::new(),
            tls: None,
            instance: String::new(),
            hostids: Vec::new(),
            user: None,
            alias: None,
            device_type: DeviceType::Unknown,
            host_type: String::new(),
            state_dir: None,
            vendor_root: None,
            license_server_id: None,
            max_clock_skew: Duration::from_hours(24),
            answers: None,
            wall_clock: WallClock::system(),
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            grace: Duration::from_mins(10),
            retry: Retry::default(),
        }
    }

    /// What the environment says: the address or the connection file in `LEASEHOLD_SERVER`, `localhost` where
    /// that is unset or empty, certificates in `LEASEHOLD_CA`, `LEASEHOLD_CERT` and `LEASEHOLD_KEY`, the vendor's root
    /// key in `LEASEHOLD_VENDOR_ROOT`, and where answers are kept in `LEASEHOLD_ANSWERS`.
    /// Blocking where there is a file to read.
    pub fn from_env() -> Result<Self, ConnectionError> {
        Connection::from_env().options()
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            attempt_timeout: Duration::from_secs(10),
            first_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(5),
        }
    }
}
