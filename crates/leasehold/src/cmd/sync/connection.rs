//! The way to the synchronisation service, and how long its answers may take.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use leasehold_client::{Client, Connection, ServerAddress};
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::exit::Failure;

/// The environment variable that names the server.
const SERVER_VARIABLE: &str = "LEASEHOLD_SYNC_SERVER";
/// The port of the synchronisation service where none is given.
const PORT: u16 = 16772;
/// Largest answer: a request file, and room for lists.
const MAX_ANSWER: usize = 64 << 20;

/// The generated client.
pub(super) type Stub = SyncServiceClient<Channel>;

/// Which server to call.
#[derive(Debug, clap::Args)]
pub(super) struct ServerArgs {
    /// The server: a host name or an IP address, with or without a port (16772)
    ///
    /// Without it, the environment variable `LEASEHOLD_SYNC_SERVER` says it; without that, it is localhost. A
    /// connection file says the host and the CA; the port is 16772 then.
    #[arg(long, value_name = "SERVER")]
    server: Option<OsString>,
    /// The CA of the server's certificate, a PEM file; with it the connection is secured
    ///
    /// Without it, the environment variable `LEASEHOLD_CA`, then the connection file says it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Who calls: a certificate, a PEM file; else `LEASEHOLD_CERT`, then the connection file
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The key of that certificate, a PEM file; else `LEASEHOLD_KEY`, then the connection file
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The name that the server's certificate must have, where it is not the one in the address
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// The instance's id or name; the default one where it is left out
    #[arg(long, default_value = "", hide_default_value = true, value_name = "INSTANCE")]
    pub(super) instance: String,
    /// Give up when the server has not answered after so many seconds
    #[arg(long, default_value_t = 150, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl ServerArgs {
    /// A connection for calls.
    pub(super) async fn connect(&self) -> Result<Service, Failure> {
        let client = Client::connect(self.options()?).await.map_err(Failure::error)?;
        let stub = SyncServiceClient::new(client.channel()).max_decoding_message_size(MAX_ANSWER);
        Ok(Service { client, stub, timeout: Duration::from_secs(self.timeout) })
    }

    fn options(&self) -> Result<leasehold_client::Options, Failure> {
        let set = Connection::from_env();
        let named = std::env::var_os(SERVER_VARIABLE).filter(|name| !name.is_empty());
        let server = self.server.clone().or(named);
        // A certificate and its key come from one place.
        let (certificate, key) = match (&self.cert, &self.key) {
            (None, None) => (set.certificate, set.key),
            (certificate, key) => (certificate.clone(), key.clone()),
        };
        let connection = Connection {
            server: server.clone(),
            ca: self.ca.clone().or(set.ca),
            certificate,
            key,
            server_name: self.server_name.clone().or(set.server_name),
            ..Connection::default()
        };
        let mut options = connection.options().map_err(Failure::from)?;
        if !names_port(server.as_deref(), options.server.port()) {
            // A file's addresses are those of licensing.
            options.server = ServerAddress::new(options.server.host(), PORT).map_err(Failure::error)?;
        }
        options.more_servers = Vec::new();
        options.call_timeout = Duration::from_secs(self.timeout);
        Ok(options)
    }
}

/// Whether a text names this port, and not a host alone.
fn names_port(text: Option<&OsStr>, port: u16) -> bool {
    let text = text.map(OsStr::to_string_lossy).unwrap_or_default();
    let Some((host, digits)) = text.trim().rsplit_once(':') else { return false };
    let is_whole = !host.contains(':') || host.ends_with(']');
    is_whole && digits.parse() == Ok(port)
}

/// A connection for calls.
pub(super) struct Service {
    client: Client,
    stub: Stub,
    timeout: Duration,
}

impl Service {
    /// Waits for a call; its answer's message, or the failure in words for people.
    pub(super) async fn call<M, T, F>(
        &self,
        message: M,
        call: impl FnOnce(Stub, Request<M>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut request = Request::new(message);
        // The server would give up earlier by itself.
        request.set_timeout(self.timeout);
        let late =
            |_| Err(Status::deadline_exceeded(format!("no answer within {} s", self.timeout.as_secs())));
        let answer = timeout(self.timeout, call(self.stub.clone(), request)).await.unwrap_or_else(late);
        answer
            .map(Response::into_inner)
            .map_err(|status| Failure::of_call(status.code(), self.client.call_error(&status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_services_unless_another_is_named() {
        let args = |server: &str| ServerArgs {
            server: Some(server.into()),
            ca: None,
            cert: None,
            key: None,
            server_name: None,
            instance: String::new(),
            timeout: 1,
        };
        for (server, address) in [
            ("", "localhost:16772"),
            ("licences", "licences:16772"),
            ("licences:16770", "licences:16770"),
            ("licences:7", "licences:7"),
            ("10.0.0.5", "10.0.0.5:16772"),
            ("::1", "[::1]:16772"),
            ("[::1]:16770", "[::1]:16770"),
            ("[::1]", "[::1]:16772"),
        ] {
            assert_eq!(args(server).options().unwrap().server.to_string(), address, "{server}");
        }
    }
}
