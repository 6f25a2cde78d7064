//! Servers of one process: each with a listener of its own, stopped together.

use std::net::SocketAddr;
use std::time::Duration;

use leasehold_runtime::config::Tls;
use leasehold_runtime::peer::Arrivals;
use leasehold_runtime::server::{self, Drained, Server};
use leasehold_runtime::tls::Transport;
use leasehold_runtime::{Background, Config, Readiness, Services, http};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{StartError, StopError};

/// A listener, and how its connections are secured.
pub(super) struct Door {
    listener: TcpListener,
    transport: Transport,
    address: SocketAddr,
}

impl Door {
    /// Binds it. `setting` is the key that gave the address.
    pub(super) async fn open(
        config: &Config,
        address: SocketAddr,
        setting: &'static str,
    ) -> Result<Self, StartError> {
        let transport = Transport::open(&config.tls, &config.security, address, setting)?;
        let listener = server::bind(address, setting).await?;
        let address = listener.local_addr().map_err(StartError::Address)?;
        Ok(Self { listener, transport, address })
    }

    /// Binds one for HTTP, where nobody is asked for a certificate.
    pub(super) async fn open_http(
        config: &Config,
        address: SocketAddr,
        setting: &'static str,
    ) -> Result<Self, StartError> {
        let shared = (config.tls.clone(), ["tls.certificate", "tls.key"]);
        Self::secured_http(config, shared, (address, setting), false).await
    }

    /// The same with the gateway's certificate where it has its own, and perhaps behind a proxy that has one.
    pub(super) async fn open_gateway(
        config: &Config,
        address: SocketAddr,
        setting: &'static str,
    ) -> Result<Self, StartError> {
        let behind_proxy = !config.gateway.trusted_proxies.is_empty();
        Self::secured_http(config, config.gateway.tls(&config.tls), (address, setting), behind_proxy).await
    }

    async fn secured_http(
        config: &Config,
        (tls, names): (Tls, [&'static str; 2]),
        (address, setting): (SocketAddr, &'static str),
        behind_proxy: bool,
    ) -> Result<Self, StartError> {
        let transport =
            Transport::open_http(&tls, names, &config.security, (address, setting), behind_proxy)?;
        let listener = server::bind(address, setting).await?;
        let address = listener.local_addr().map_err(StartError::Address)?;
        Ok(Self { listener, transport, address })
    }
}

/// Servers that run.
pub(super) struct Served {
    shutdown: CancellationToken,
    running: Vec<One>,
}

struct One {
    name: &'static str,
    address: SocketAddr,
    tls: bool,
    serving: JoinHandle<Result<Drained, server::Error>>,
}

impl Served {
    /// None yet; each ends with this token.
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, running: Vec::new() }
    }

    /// Serves at this door, and those who come from within the process, and says where.
    pub(super) async fn serve(
        &mut self,
        door: Door,
        (services, arrivals): (Services, Vec<Arrivals>),
        (name, grace): (&'static str, Duration),
        readiness: &Readiness,
        background: &Background,
    ) -> Result<SocketAddr, server::Error> {
        let options = server::Options { grace, ..server::Options::default() };
        let server = Server::new(services, options).await?.with_arrivals(arrivals);
        readiness.add_health(server.health());
        let Door { listener, transport, address } = door;
        transport.keep_fresh(background);
        let tls = transport.is_tls();
        let shutdown = self.shutdown.clone();
        let serving = tokio::spawn(async move {
            let ended = server.run(listener, transport, shutdown.clone()).await;
            // One that ends by itself takes the process with it.
            shutdown.cancel();
            ended
        });
        self.running.push(One { name, address, tls, serving });
        Ok(address)
    }

    /// Serves HTTP at this door.
    pub(super) fn serve_http(
        &mut self,
        door: Door,
        server: http::Server,
        name: &'static str,
        background: &Background,
    ) {
        let Door { listener, transport, address } = door;
        transport.keep_fresh(background);
        let (tls, shutdown) = (transport.is_tls(), self.shutdown.clone());
        let serving = tokio::spawn(async move {
            let ended = server.run(listener, transport, shutdown.clone()).await;
            // One that ends by itself takes the process with it.
            shutdown.cancel();
            Ok(ended)
        });
        self.running.push(One { name, address, tls, serving });
    }

    /// The name, the address and whether it is secured, of each.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr, bool)> + '_ {
        self.running.iter().map(|one| (one.name, one.address, one.tls))
    }

    /// Waits for the end of all; the first failure counts.
    pub(super) async fn wait(self) -> Result<(), StopError> {
        let mut outcome = Ok(());
        for one in self.running {
            let ended = match one.serving.await {
                Ok(Ok(Drained::Complete)) => Ok(()),
                Ok(Ok(Drained::CutOff)) => {
                    tracing::warn!(
                        service = one.name,
                        "calls in flight were cut off at the end of the grace period"
                    );
                    Ok(())
                }
                Ok(Err(error)) => Err(StopError::from(error)),
                Err(error) => Err(StopError::Panicked(error)),
            };
            outcome = outcome.and(ended);
        }
        outcome
    }
}
