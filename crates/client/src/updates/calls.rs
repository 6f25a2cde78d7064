//! The calls to the service, with their repeats and limits.

use std::time::Duration;

use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_client_service_client::UpdateClientServiceClient;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::address::ServerAddress;
use crate::failure::Failure;
use crate::options::{Options, Retry};
use crate::retry::{self, attempt};

/// Longest answer, in bytes: a role of the vendor's metadata may have 5 MB.
const MAX_ANSWER: usize = 6 << 20;

/// What calls are made with.
#[derive(Clone)]
pub(super) struct Calls {
    rpc: UpdateClientServiceClient<Channel>,
    instance: String,
    pub(super) server: ServerAddress,
    pub(super) retry: Retry,
    time: Duration,
}

impl Calls {
    pub(super) fn new(channel: Channel, server: &ServerAddress, options: &Options) -> Self {
        Self {
            rpc: UpdateClientServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER),
            instance: options.instance.clone(),
            server: server.clone(),
            retry: options.retry,
            time: options.call_timeout,
        }
    }

    pub(super) async fn check_in(&self, message: pb::CheckInRequest) -> Result<pb::CheckInResponse, Failure> {
        let message = pb::CheckInRequest { instance: self.instance.clone(), ..message };
        let answered = retry::call(&self.retry, self.time, |time| {
            let mut rpc = self.rpc.clone();
            attempt(time, message.clone(), |request| async move { rpc.check_in(request).await })
        });
        answered.await.map(|answered| answered.message).map_err(|gave_up| gave_up.failure)
    }

    pub(super) async fn report(
        &self,
        ticket: &[u8],
        events: Vec<pb::UpdateEvent>,
    ) -> Result<pb::ReportEventsResponse, Failure> {
        let message =
            pb::ReportEventsRequest { instance: self.instance.clone(), ticket: ticket.to_vec(), events };
        let answered = retry::call(&self.retry, self.time, |time| {
            let mut rpc = self.rpc.clone();
            attempt(time, message.clone(), |request| async move { rpc.report_events(request).await })
        });
        answered.await.map(|answered| answered.message).map_err(|gave_up| gave_up.failure)
    }

    pub(super) async fn metadata(
        &self,
        ticket: &[u8],
        name: &str,
    ) -> Result<pb::GetTufFileResponse, Failure> {
        let message = pb::GetTufFileRequest {
            instance: self.instance.clone(),
            ticket: ticket.to_vec(),
            name: name.to_owned(),
        };
        let answered = retry::call(&self.retry, self.time, |time| {
            let mut rpc = self.rpc.clone();
            attempt(time, message.clone(), |request| async move { rpc.get_tuf_file(request).await })
        });
        answered.await.map(|answered| answered.message).map_err(|gave_up| gave_up.failure)
    }

    /// One attempt: whoever reads the stream knows where to go on.
    pub(super) async fn blob(
        &self,
        ticket: &[u8],
        sha256: &[u8],
        offset: u64,
    ) -> Result<Streaming<pb::FetchBlobResponse>, Status> {
        let message = pb::FetchBlobRequest {
            instance: self.instance.clone(),
            ticket: ticket.to_vec(),
            sha256: sha256.to_vec(),
            offset,
        };
        self.rpc.clone().fetch_blob(Request::new(message)).await.map(tonic::Response::into_inner)
    }
}
