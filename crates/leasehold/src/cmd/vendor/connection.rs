//! What commands that call a back office share: its address, calls, and lists that come in pages.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use leasehold_client::{CallError, Client, Connection, DEFAULT_PORT, Options, ServerAddress};
use leasehold_proto::backoffice::v1::producer_service_client::ProducerServiceClient;
use leasehold_proto::types::v1::{PageInfo, PageRequest};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::exit::{Exit, Failure};
use crate::output::{Format, List, Row};

/// The port of a back office where none is given.
const PORT: u16 = 16780;
/// Where a back office is, where nobody says otherwise.
const DEFAULT: &str = "localhost";
const VARIABLE: &str = "LEASEHOLD_VENDOR_SERVER";
/// Most rows that a server puts on one page.
const PAGE: u32 = 500;
/// The largest message, either way: a file.
const MAX_MESSAGE: usize = 64 << 20;

/// The generated client.
pub(super) type Stub = ProducerServiceClient<Channel>;

/// Which back office to call.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The back office: a host name or an IP address, with or without a port (16780)
    ///
    /// Without it, the environment variable `LEASEHOLD_VENDOR_SERVER` says it; without that, it is localhost.
    #[arg(long, value_name = "SERVER")]
    server: Option<OsString>,
    /// The CA of the back office's certificate, a PEM file; with it the connection is secured; else `LEASEHOLD_CA`
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Who calls: a certificate, a PEM file; else `LEASEHOLD_CERT`
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The key of that certificate, a PEM file; else `LEASEHOLD_KEY`
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The name that the back office's certificate must have, where it is not the one in the address
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Give up when the back office has not answered after so many seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl ServerArgs {
    /// A connection for calls of the vendor's staff.
    pub(super) async fn connect(&self) -> Result<Staff, Failure> {
        let client = Client::connect(self.options()?).await.map_err(Failure::error)?;
        let stub = ProducerServiceClient::new(client.channel())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        Ok(Staff { client, stub, timeout: Duration::from_secs(self.timeout) })
    }

    fn options(&self) -> Result<Options, Failure> {
        let set = Connection::from_env();
        // A certificate and its key come from one place.
        let (certificate, key) = match (&self.cert, &self.key) {
            (None, None) => (set.certificate, set.key),
            (certificate, key) => (certificate.clone(), key.clone()),
        };
        let said = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let server = self.server.clone().or(said).unwrap_or_else(|| DEFAULT.into());
        let connection = Connection {
            server: Some(with_port(server)?),
            ca: self.ca.clone().or(set.ca),
            certificate,
            key,
            server_name: self.server_name.clone().or(set.server_name),
            // What is the vendor's own is not a licence server's.
            ..Connection::default()
        };
        let mut options = connection.options().map_err(Failure::from)?;
        options.call_timeout = Duration::from_secs(self.timeout);
        Ok(options)
    }
}

/// The address with the port of a back office, where it has none.
fn with_port(server: OsString) -> Result<OsString, Failure> {
    let usage =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("--server or {VARIABLE}: {error}"));
    let text =
        server.to_str().ok_or_else(|| usage(&"it is not UTF-8 text; write a host name or an IP address"))?;
    let address: ServerAddress = text.parse().map_err(|error| usage(&error))?;
    let said = text.ends_with(&format!(":{DEFAULT_PORT}"));
    if address.port() != DEFAULT_PORT || said {
        return Ok(server);
    }
    let address = ServerAddress::new(address.host(), PORT).map_err(|error| usage(&error))?;
    Ok(address.to_string().into())
}

/// A connection for calls of the vendor's staff.
pub(super) struct Staff {
    client: Client,
    stub: Stub,
    timeout: Duration,
}

impl Staff {
    /// The generated client.
    pub(super) fn stub(&self) -> Stub {
        self.stub.clone()
    }

    /// Waits for a call; its answer's message, or the failure in words for people.
    pub(super) async fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Failure> {
        let late =
            |_| Err(Status::deadline_exceeded(format!("no answer within {} s", self.timeout.as_secs())));
        let answer = timeout(self.timeout, call).await.unwrap_or_else(late);
        answer
            .map(Response::into_inner)
            .map_err(|status| failure(status.code(), self.client.call_error(&status)))
    }

    /// Reads a list page by page, up to `limit` rows where there is a limit.
    pub(super) async fn pages<M, R, F>(
        &self,
        args: &ListArgs,
        mut call: impl FnMut(Stub, PageRequest) -> F,
        read: impl Fn(M) -> (Vec<R>, Option<PageInfo>),
    ) -> Result<List<R>, Failure>
    where
        R: Row,
        F: Future<Output = Result<Response<M>, Status>>,
    {
        let (mut rows, mut token) = (Vec::new(), String::new());
        loop {
            let left = args.limit.map_or(PAGE, |limit| limit - u32::try_from(rows.len()).unwrap_or(limit));
            let page = PageRequest {
                page_size: i32::try_from(left.min(PAGE)).expect("a page is small"),
                page_token: token,
                skip: 0,
                search: args.search.clone(),
            };
            let (more, info) = read(self.call(call(self.stub(), page)).await?);
            let came = more.len();
            rows.extend(more);
            let info = info.unwrap_or_default();
            token = info.next_page_token;
            let full = args.limit.is_some_and(|limit| rows.len() >= limit as usize);
            if token.is_empty() || full || came == 0 {
                return Ok(List { total: u64::try_from(info.total).unwrap_or_default(), rows });
            }
        }
    }
}

/// A call that failed, in the words of a back office.
fn failure(code: Code, error: CallError) -> Failure {
    match error {
        CallError::Server { reason, message, request_id }
            if !matches!(code, Code::Unauthenticated | Code::PermissionDenied) =>
        {
            let call = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
            Failure::of_reason(reason, format!("the back office refused the call: {message}{call}"))
        }
        CallError::Unreachable { server, problem } => {
            let text = format!(
                "cannot reach the back office at {server}: {problem}; check that `leasehold vendor serve` runs, and name \
                 its address with --server or {VARIABLE}"
            );
            Failure::new(Exit::Unavailable, text)
        }
        other => Failure::of_call(code, other),
    }
}

/// The flags of a command about one thing.
#[derive(Debug, clap::Args)]
pub(crate) struct OneArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Format,
}

/// The flags of every list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
    /// Keep only rows whose name or id contains this text, whatever the case
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    search: String,
    /// Show at most so many rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Format,
}

/// Prints one row.
pub(super) fn print_one<R: Row>(row: R, output: Format) -> Result<(), Failure> {
    List { rows: vec![row], total: 1 }.print(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_back_office_is_its_own() {
        for (given, taken) in [
            ("localhost", "localhost:16780"),
            ("example.com:443", "example.com:443"),
            ("example.com:16770", "example.com:16770"),
            ("::1", "[::1]:16780"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(with_port(given.into()).unwrap().to_str(), Some(taken));
        }
        assert_eq!(with_port("https://x".into()).unwrap_err().exit, Exit::Usage);
    }
}
