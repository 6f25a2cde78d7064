//! Health, reflection, and a stop that loses no call.

use std::time::Duration;

use futures::{StreamExt, stream};
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::licensing::v1::{ReleaseRequest, SessionRequest};
use leasehold_runtime::Caller;
use leasehold_runtime::server::{Drained, Options};
use leasehold_runtime::tls::Connection;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_types::StatusExt;

use crate::Running;
use crate::service::Obedient;

const LICENSING: &str = "leasehold.licensing.v1.LicensingService";
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

async fn channel(server: &Running) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

fn release(text: &str) -> ReleaseRequest {
    ReleaseRequest { instance: text.into(), ..Default::default() }
}

fn session(text: &str) -> impl futures::Stream<Item = SessionRequest> + use<> {
    let first = SessionRequest { instance: text.into(), ..Default::default() };
    stream::iter([first]).chain(stream::pending())
}

#[tokio::test]
async fn health_follows_the_services() {
    let server = Running::start(Options::default()).await;
    let mut health = HealthClient::new(channel(&server).await);
    let ask = |name: &str| HealthCheckRequest { service: name.into() };
    for name in ["", LICENSING] {
        assert_eq!(
            health.check(ask(name)).await.unwrap().into_inner().status,
            NOT_SERVING,
            "{name:?} at first"
        );
    }
    server.health.serving().await;
    for name in ["", LICENSING] {
        assert_eq!(health.check(ask(name)).await.unwrap().into_inner().status, SERVING, "{name:?}");
    }
    let unknown = health.check(ask("nobody.Knows")).await.unwrap_err();
    assert_eq!(unknown.get_details_error_info().unwrap().reason, "NOT_FOUND");
}

#[tokio::test]
async fn reflection_tells_of_what_is_served() {
    let server = Running::start(Options::default()).await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel(&server).await);
    let ask = |message| v1::ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let list = ask(v1::server_reflection_request::MessageRequest::ListServices(String::new()));
    let mut answers = client.server_reflection_info(stream::iter([list])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}")
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(
        names,
        [
            LICENSING,
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
    );

    let symbol = ask(v1::server_reflection_request::MessageRequest::FileContainingSymbol("no.Such".into()));
    let mut answers = client.server_reflection_info(stream::iter([symbol])).await.unwrap().into_inner();
    let error = answers.message().await.unwrap_err();
    assert_eq!(
        error.get_details_error_info().unwrap().reason,
        "NOT_FOUND",
        "also in the trailers of a stream"
    );

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel(&server).await);
    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            LICENSING.into(),
        )),
    };
    let mut answers = client.server_reflection_info(stream::iter([ask])).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().unwrap().message_response.is_some());
}

#[tokio::test]
async fn a_stop_finishes_calls_and_takes_no_new_ones() {
    let mut server = Running::start(Options { grace: Duration::from_secs(20), ..Options::default() }).await;
    let mut client = LicensingServiceClient::new(channel(&server).await);
    let in_flight = tokio::spawn(async move { client.release(release("wait")).await });
    server.service.waiting.notified().await;

    server.shutdown.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!in_flight.is_finished() && !server.ended.is_finished(), "the call goes on without the listener");
    server.service.go_on.notify_one();
    assert!(in_flight.await.unwrap().is_ok());
    let drained = timeout(Duration::from_secs(10), &mut server.ended).await.unwrap().unwrap().unwrap();
    assert_eq!(drained, Drained::Complete);
}

#[tokio::test]
async fn a_stop_ends_streams_with_a_hint() {
    let mut server = Running::start(Options { grace: Duration::from_secs(4), ..Options::default() }).await;
    server.health.serving().await;
    let mut health = HealthClient::new(channel(&server).await);
    let mut watch =
        health.watch(HealthCheckRequest { service: LICENSING.into() }).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, SERVING);
    let mut client = LicensingServiceClient::new(channel(&server).await);
    let mut open = client.session(session("open")).await.unwrap().into_inner();
    open.message().await.unwrap().unwrap();
    let mut busy = client.session(session("busy")).await.unwrap().into_inner();
    server.service.waiting.notified().await;
    let silent = tokio::spawn(async move { client.session(session("silent")).await.map(drop) });
    server.service.waiting.notified().await;

    server.shutdown.cancel();
    assert_eq!(watch.message().await.unwrap().unwrap().status, NOT_SERVING, "said before anything is ended");
    let is_hint = |error: &Status| {
        let hint = error.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some());
        hint && error.code() == Code::Unavailable
            && error.get_details_error_info().is_some_and(|info| info.reason == "SHUTTING_DOWN")
    };
    let error = watch.message().await.unwrap_err();
    assert!(is_hint(&error), "{error:?}");
    let error = open.message().await.unwrap_err();
    assert!(is_hint(&error), "{error:?}");
    let error = loop {
        match busy.message().await {
            Ok(message) => assert!(message.is_some(), "ended without a status"),
            Err(error) => break error,
        }
    };
    assert!(is_hint(&error), "{error:?}");
    let error = silent.await.unwrap().unwrap_err();
    assert!(is_hint(&error), "{error:?}");
    let drained = timeout(Duration::from_secs(10), &mut server.ended).await.unwrap().unwrap().unwrap();
    assert_eq!(drained, Drained::Complete);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut server =
        Running::start(Options { grace: Duration::from_millis(100), ..Options::default() }).await;
    let mut client = LicensingServiceClient::new(channel(&server).await);
    let _stuck = tokio::spawn(async move { client.release(release("wait")).await });
    server.service.waiting.notified().await;
    server.shutdown.cancel();
    let drained = timeout(Duration::from_secs(10), &mut server.ended).await.unwrap().unwrap().unwrap();
    assert_eq!(drained, Drained::CutOff);
}

#[tokio::test]
async fn the_same_stack_runs_within_a_process() {
    let server = Obedient::default().server(Options::default()).await;
    let (near, far) = tokio::io::duplex(64 * 1024);
    let shutdown = tokio_util::sync::CancellationToken::new();
    let far = Connection::in_process(far, Caller::service("sync"));
    let incoming = stream::iter([Ok(far)]).chain(stream::pending());
    let ended = tokio::spawn(server.run_on(incoming, shutdown.clone()));
    let mut near = Some(hyper_util::rt::TokioIo::new(near));
    let connect = move |_| std::future::ready(near.take().ok_or_else(|| std::io::Error::other("used up")));
    let channel = Endpoint::from_static("http://in.process")
        .connect_with_connector(tower::service_fn(connect))
        .await
        .unwrap();
    let mut client = LicensingServiceClient::new(channel);
    let answer = client.release(release("echo")).await.unwrap();
    assert!(answer.metadata().contains_key("x-request-id"));
    assert!(answer.into_inner().results[0].message.contains("peer=false"));
    let error = client.release(release("panic")).await.unwrap_err();
    assert_eq!(error.get_details_error_info().unwrap().reason, "INTERNAL");
    shutdown.cancel();
    assert_eq!(ended.await.unwrap().unwrap(), Drained::Complete);
}
