//! What ours is compared to where the transport is the floor: a server that answers every call with an empty message
//! and does nothing else, in a process of its own as the product is.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command as Program, ExitCode};
use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_server::{LicensingService, LicensingServiceServer};
use leasehold_testkit::{Process, free_port};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::Failure;

/// The word that starts it, among this program's commands.
pub(crate) const WORD: &str = "serve-empty-calls";
/// How long starting may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers empty calls until it is ended.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// Serve on this address
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
}

impl Command {
    /// Serves.
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let service = LicensingServiceServer::new(Answers);
        let serving = tonic::transport::Server::builder().tcp_nodelay(true).add_service(service);
        let served = serving.serve(self.listen).await;
        served.map(|()| ExitCode::SUCCESS).map_err(|error| Failure::Run(format!("cannot serve: {error}")))
    }
}

/// A running server of empty calls. Dropping it ends it.
pub(super) struct EmptyCalls {
    process: Process,
    address: SocketAddr,
}

impl EmptyCalls {
    /// Starts it and waits until it takes connections.
    pub(super) async fn start() -> Result<Self, String> {
        let program = std::env::current_exe();
        let program =
            program.map_err(|error| format!("where this program is cannot be found out: {error}"))?;
        let port = free_port().map_err(|error| error.to_string())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = Program::new(program);
        command.args([WORD, "--listen", &address.to_string()]);
        let mut process = Process::spawn(command).map_err(|error| error.to_string())?;
        process.wait_for_port(port, PATIENCE).await.map_err(|error| error.to_string())?;
        Ok(Self { process, address })
    }

    /// Where it serves.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The operating system's number for it.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// The contract of the product, so that the same client calls both; only one method does anything.
struct Answers;

#[tonic::async_trait]
impl LicensingService for Answers {
    type SessionStream = BoxStream<pb::SessionResponse>;
    type WaitForCapabilityStream = BoxStream<pb::WaitForCapabilityResponse>;

    async fn request_capabilities(
        &self,
        _: Request<pb::RequestCapabilitiesRequest>,
    ) -> Result<Response<pb::RequestCapabilitiesResponse>, Status> {
        Ok(Response::new(pb::RequestCapabilitiesResponse::default()))
    }

    async fn release(&self, _: Request<pb::ReleaseRequest>) -> Result<Response<pb::ReleaseResponse>, Status> {
        Err(nothing_else())
    }

    async fn heartbeat(
        &self,
        _: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        Err(nothing_else())
    }

    async fn session(
        &self,
        _: Request<tonic::Streaming<pb::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        Err(nothing_else())
    }

    async fn wait_for_capability(
        &self,
        _: Request<pb::WaitForCapabilityRequest>,
    ) -> Result<Response<Self::WaitForCapabilityStream>, Status> {
        Err(nothing_else())
    }

    async fn verify_seat(
        &self,
        _: Request<pb::VerifySeatRequest>,
    ) -> Result<Response<pb::VerifySeatResponse>, Status> {
        Err(nothing_else())
    }
}

fn nothing_else() -> Status {
    Status::unimplemented("this server answers empty calls of RequestCapabilities alone")
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn an_empty_call_carries_nothing_either_way() {
        assert_eq!(pb::RequestCapabilitiesRequest::default().encoded_len(), 0);
        assert_eq!(pb::RequestCapabilitiesResponse::default().encoded_len(), 0);
    }

    #[tokio::test]
    async fn the_one_method_answers_and_the_others_refuse() {
        assert!(
            Answers
                .request_capabilities(Request::new(pb::RequestCapabilitiesRequest::default()))
                .await
                .is_ok()
        );
        let refused = Answers.heartbeat(Request::new(pb::HeartbeatRequest::default())).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unimplemented);
    }
}
