//! What commands that call a server share: its address, the instance, and lists that come in pages.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use leasehold_client::{Client, Connection, Options};
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::types::v1::{PageInfo, PageRequest};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::exit::Failure;
use crate::output::{Format, List, Row};

/// Most rows that a server puts on one page.
const PAGE: u32 = 500;

/// The generated client of administration.
pub(crate) type Stub = LicensingAdminServiceClient<Channel>;

/// Which server to call.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server: a host name or an IP address, with or without a port (16770), or a connection file
    ///
    /// What has a path separator in it or ends in `.json` is a file. Without it, the environment variable
    /// `LEASEHOLD_SERVER` says it; without that, it is localhost.
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
    pub(crate) instance: String,
    /// Give up when the server has not answered after so many seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl ServerArgs {
    /// What the SDK needs to know.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let set = Connection::from_env();
        // A certificate and its key come from one place.
        let (certificate, key) = match (&self.cert, &self.key) {
            (None, None) => (set.certificate, set.key),
            (certificate, key) => (certificate.clone(), key.clone()),
        };
        let connection = Connection {
            server: self.server.clone().or(set.server),
            ca: self.ca.clone().or(set.ca),
            certificate,
            key,
            server_name: self.server_name.clone().or(set.server_name),
            ..set
        };
        let mut options = connection.options().map_err(Failure::from)?;
        options.instance.clone_from(&self.instance);
        options.call_timeout = Duration::from_secs(self.timeout);
        Ok(options)
    }

    /// A connection for calls of administration.
    pub(crate) async fn connect(&self) -> Result<Administration, Failure> {
        let client = Client::connect(self.options()?).await.map_err(Failure::error)?;
        let stub = client.admin();
        Ok(Administration { client, stub, timeout: Duration::from_secs(self.timeout) })
    }
}

/// A connection for calls of administration.
pub(crate) struct Administration {
    client: Client,
    stub: Stub,
    timeout: Duration,
}

impl Administration {
    /// The generated client.
    pub(crate) fn stub(&self) -> Stub {
        self.stub.clone()
    }

    /// Waits for a call; its answer's message, or the failure in words for people.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Failure> {
        let late =
            |_| Err(Status::deadline_exceeded(format!("no answer within {} s", self.timeout.as_secs())));
        let answer = timeout(self.timeout, call).await.unwrap_or_else(late);
        answer
            .map(Response::into_inner)
            .map_err(|status| Failure::of_call(status.code(), self.client.call_error(&status)))
    }

    /// Reads a list page by page, up to `limit` rows where there is a limit.
    pub(crate) async fn pages<M, R, F>(
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

/// The flags of every list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Keep only rows whose name, id or alias contains this text, whatever the case
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    search: String,
    /// Show at most so many rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}
