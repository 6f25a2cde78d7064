//! A client that sends any bytes, and sees all that comes back.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request};
use prost::Message;
use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

pub(crate) const RELEASE: &str = "/leasehold.licensing.v1.LicensingService/Release";
pub(crate) const SESSION: &str = "/leasehold.licensing.v1.LicensingService/Session";

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) headers: HeaderMap,
    pub(crate) data: usize,
    pub(crate) status: Status,
}

impl Ended {
    pub(crate) fn code(&self) -> Code {
        self.status.code()
    }

    /// The reason; fails where there is no `ErrorInfo`, or more than one, or not ours.
    pub(crate) fn info(&self) -> ErrorInfo {
        let details = self.status.check_error_details_vec().unwrap();
        let infos = details.iter().filter(|detail| matches!(detail, tonic_types::ErrorDetail::ErrorInfo(_)));
        assert_eq!(infos.count(), 1, "{self:?}");
        let info = self.status.get_details_error_info().unwrap();
        assert_eq!(info.domain, "leasehold");
        info
    }

    pub(crate) fn request_id(&self) -> &str {
        self.headers["x-request-id"].to_str().unwrap()
    }
}

/// One gRPC frame.
pub(crate) fn frame(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(message.len().try_into().unwrap());
    frame.put_slice(message);
    frame.freeze()
}

/// The frame of a command to either method; both have it in the same field.
pub(crate) fn command(text: &str) -> Bytes {
    let message =
        leasehold_proto::licensing::v1::ReleaseRequest { instance: text.into(), ..Default::default() };
    frame(0, &message.encode_to_vec())
}

/// Sends a request over a connection of its own and waits for the end of the answer.
pub(crate) async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: Bytes) -> Ended {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let mut request = Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (response, mut sender) = client.send_request(request.body(()).unwrap(), false).unwrap();
    sender.send_data(body, true).unwrap();
    let (head, mut body) = response.await.unwrap().into_parts();
    let mut data = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        data += chunk.len();
        body.flow_control().release_capacity(chunk.len()).unwrap();
    }
    let end = body.trailers().await.unwrap().unwrap_or_else(|| head.headers.clone());
    connection.abort();
    Ended {
        status: Status::from_header_map(&end).expect("every answer has a status"),
        headers: head.headers,
        data,
    }
}
