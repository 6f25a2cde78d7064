//! How connections to a listener are secured, and whom they come from.
//!
//! Responsible for reading certificates and keys, for loading them again when they change, for handshakes,
//! and for turning a caller's certificate into a [`Caller`]. Not responsible for what a caller may do: that
//! is [`Access`](crate::Access). TLS 1.3 alone is spoken.

mod accept;
mod connection;
mod error;
mod examine;
mod files;
mod identity;
mod reload;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

use crate::caller::Caller;
use crate::clock::{Clock, SystemClock};
use crate::config::{CallerName, Security, Tls};
use crate::lifecycle::Background;

pub(crate) use accept::connections;
pub(crate) use connection::Wire;
pub use connection::{Connection, Peer};
pub use error::TlsError;
pub use examine::believed;

use files::Files;
use reload::Reloader;

/// How the connections to one listener are secured. Clones share certificates.
#[derive(Clone)]
pub struct Transport(Kind);

#[derive(Clone)]
enum Kind {
    /// Whoever connects is this caller.
    Plain(Caller),
    Tls(Secured),
}

/// What a handshake needs.
#[derive(Clone)]
struct Secured {
    config: watch::Receiver<Arc<ServerConfig>>,
    callers: Arc<[CallerName]>,
    clock: Arc<dyn Clock>,
    reloader: Arc<Reloader>,
}

impl Transport {
    /// Plain text between programs of one machine: everybody is [`Caller::Local`].
    pub fn loopback() -> Self {
        Self(Kind::Plain(Caller::Local))
    }

    /// What the configuration says about a listener on `address`, which the key `setting` gave. Reads the
    /// certificates. Blocking.
    pub fn open(
        tls: &Tls,
        security: &Security,
        address: SocketAddr,
        setting: &'static str,
    ) -> Result<Self, TlsError> {
        let Some(files) = Files::of(tls)? else {
            return plain(security, address, setting);
        };
        let (reloader, config) = Reloader::start(files, tls.reload_interval)?;
        if tls.client_ca.is_none() {
            tracing::info!("tls.client_ca is not set: only what anybody may call can be called");
        }
        Ok(Self(Kind::Tls(Secured {
            config,
            callers: security.callers.clone().into(),
            clock: Arc::new(SystemClock::new()),
            reloader: Arc::new(reloader),
        })))
    }

    /// What the configuration says about a listener for HTTP on `address`: no caller is asked for a certificate, and
    /// HTTP/1.1 is spoken as well as HTTP/2. `names` are the keys that gave certificate and key. Plain text beyond the
    /// loopback address is served where it is allowed, or to a proxy that has secured it. Blocking.
    pub fn open_http(
        tls: &Tls,
        names: [&'static str; 2],
        security: &Security,
        (address, setting): (SocketAddr, &'static str),
        behind_proxy: bool,
    ) -> Result<Self, TlsError> {
        let Some(files) = Files::of_http(tls, names)? else {
            if behind_proxy && !is_loopback(address.ip()) {
                return Ok(Self(Kind::Plain(Caller::Anonymous)));
            }
            return plain(security, address, setting);
        };
        let (reloader, config) = Reloader::start(files, tls.reload_interval)?;
        Ok(Self(Kind::Tls(Secured {
            config,
            callers: Arc::new([]),
            clock: Arc::new(SystemClock::new()),
            reloader: Arc::new(reloader),
        })))
    }

    /// Lets new certificates be loaded when their files change, until the background stops.
    pub fn keep_fresh(&self, background: &Background) {
        if let Kind::Tls(secured) = &self.0 {
            let (reloader, stopping) = (Arc::clone(&secured.reloader), background.stopping());
            background.spawn("tls_reload", async move { reloader.run(stopping).await });
        }
    }

    /// Whether connections are encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Kind::Tls(_))
    }
}

fn plain(security: &Security, address: SocketAddr, setting: &'static str) -> Result<Transport, TlsError> {
    if is_loopback(address.ip()) {
        return Ok(Transport::loopback());
    }
    if !security.allow_plaintext {
        return Err(TlsError::PlainText { address, setting });
    }
    tracing::warn!(
        address = %address,
        "plain text is served to the network: whoever can listen to it reads everything, and no caller is known"
    );
    // Nobody is local here, not even over the loopback interface: a proxy on this machine would be.
    Ok(Transport(Kind::Plain(Caller::Anonymous)))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
