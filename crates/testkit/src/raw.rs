//! gRPC whose messages are bytes: callers that send whatever they like, and services that answer every method with one
//! function. What the bytes mean is for the test to know.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Buf as _, BufMut as _};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, http};
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};

/// The largest message that a service takes, in bytes.
const MAX_MESSAGE: usize = 64 << 20;

/// Method, without its service, and message to message.
pub type Handler = Arc<dyn Fn(String, Vec<u8>) -> BoxFuture<Vec<u8>, Status> + Send + Sync>;

/// Passes messages through as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
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

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

/// Answers a call with what the handler says. For [`raw_services!`](crate::raw_services).
pub fn answer(handler: Handler, request: http::Request<Body>) -> BoxFuture<http::Response<Body>, Infallible> {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let method = Method { handler, name };
    Box::pin(async move {
        let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(MAX_MESSAGE);
        Ok(grpc.unary(method, request).await)
    })
}

struct Method {
    handler: Handler,
    name: String,
}

impl UnaryService<Vec<u8>> for Method {
    type Response = Vec<u8>;
    type Future = BoxFuture<Response<Vec<u8>>, Status>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        let answer = (self.handler)(self.name.clone(), request.into_inner());
        Box::pin(async move { answer.await.map(Response::new) })
    }
}

/// Makes a type of each service's name, `Name = "package.Service";`, which holds the [`Handler`](crate::raw::Handler)
/// that answers its methods. The calling crate needs `tonic`.
#[macro_export]
macro_rules! raw_services {
    ($($service:ident = $name:literal;)*) => {
        $(
            /// A service of this name.
            #[derive(Clone)]
            pub(crate) struct $service(pub(crate) $crate::raw::Handler);

            impl ::tonic::server::NamedService for $service {
                const NAME: &'static str = $name;
            }

            impl ::tonic::codegen::Service<::tonic::codegen::http::Request<::tonic::body::Body>> for $service {
                type Response = ::tonic::codegen::http::Response<::tonic::body::Body>;
                type Error = ::std::convert::Infallible;
                type Future = ::tonic::codegen::BoxFuture<Self::Response, Self::Error>;

                fn poll_ready(
                    &mut self,
                    _: &mut ::std::task::Context<'_>,
                ) -> ::std::task::Poll<Result<(), Self::Error>> {
                    ::std::task::Poll::Ready(Ok(()))
                }

                fn call(
                    &mut self,
                    request: ::tonic::codegen::http::Request<::tonic::body::Body>,
                ) -> Self::Future {
                    $crate::raw::answer(::std::sync::Arc::clone(&self.0), request)
                }
            }
        )*
    };
}
