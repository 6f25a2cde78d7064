//! A real server on an ephemeral port, and callers that treat it badly.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod actors;
mod admin;
mod errors;
mod logs;
mod peers;
mod service;
mod stopping;
mod together;
mod wire;

use std::net::SocketAddr;

use leasehold_runtime::server::{self, Drained, Options};
use leasehold_runtime::tls::Transport;
use leasehold_runtime::{Health, server::bind};
use service::Obedient;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server that runs until it is dropped or stopped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) service: Obedient,
    pub(crate) health: Health,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: JoinHandle<Result<Drained, server::Error>>,
}

impl Running {
    pub(crate) async fn start(options: Options) -> Self {
        let service = Obedient::default();
        let server = service.server(options).await;
        let health = server.health();
        let listener = bind("127.0.0.1:0".parse().unwrap(), "licensing.listen").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(server.run(listener, Transport::loopback(), shutdown.clone()));
        Self { address, service, health, shutdown, ended }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ended.abort();
    }
}
