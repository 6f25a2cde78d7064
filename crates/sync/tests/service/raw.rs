//! Peers within the process that answer every method of a service with one function, over the real server stack.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use leasehold_runtime::server::{Options, Server};
use leasehold_runtime::{Access, Caller, Services, peer};
use prost::bytes::{Buf as _, BufMut as _};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

pub(crate) type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Method and message to message.
pub(crate) type Handler = Arc<dyn Fn(String, Vec<u8>) -> Answer<Result<Vec<u8>, Status>> + Send + Sync>;

#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

struct Method(Handler, String);

impl UnaryService<Vec<u8>> for Method {
    type Response = Vec<u8>;
    type Future = Answer<Result<Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        let answer = (self.0)(self.1.clone(), request.into_inner());
        Box::pin(async move { answer.await.map(Response::new) })
    }
}

macro_rules! named {
    ($($service:ident = $name:literal;)*) => {
        $(
            /// A service of this name.
            #[derive(Clone)]
            pub(crate) struct $service(pub(crate) Handler);

            impl NamedService for $service {
                const NAME: &'static str = $name;
            }

            impl tower::Service<http::Request<Body>> for $service {
                type Response = http::Response<Body>;
                type Error = Infallible;
                type Future = Answer<Result<http::Response<Body>, Infallible>>;

                fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                    Poll::Ready(Ok(()))
                }

                fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
                    let method = Method(self.0.clone(), method);
                    Box::pin(async move {
                        let mut grpc = Grpc::new(Bytes).max_decoding_message_size(64 << 20);
                        Ok(grpc.unary(method, request).await)
                    })
                }
            }
        )*
    };
}

named! {
    LicensingAdmin = "leasehold.licensing.v1.LicensingAdminService";
    LicensingInternal = "leasehold.licensing.v1.LicensingInternalService";
    BackOffice = "leasehold.backoffice.v1.BackOfficeService";
}

/// Serves, and the way there. It is served as long as the test's runtime lives.
pub(crate) async fn serve(services: Services, caller: Caller) -> Channel {
    let (channel, arrivals) = peer::in_process(caller);
    let server = Server::new(services, Options::default()).await.unwrap().with_arrivals([arrivals]);
    tokio::spawn(server.run_inside(CancellationToken::new()));
    channel
}

/// Everybody may call everything.
pub(crate) fn open_to_all(services: Services, names: &[&'static str]) -> Services {
    names.iter().fold(services, |services, name| services.allow(name, Access::Anyone))
}
