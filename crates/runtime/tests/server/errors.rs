//! Every error says why, whoever finds it.

use std::time::Duration;

use bytes::Bytes;
use leasehold_proto::licensing::v1::ReleaseRequest;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_runtime::server::Options;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic_types::StatusExt;

use crate::Running;
use crate::service::MAX_MESSAGE;
use crate::wire::{RELEASE, SESSION, command, frame, post};

/// A request that cannot be read: what is wrong with it, its path, `grpc-encoding` and body.
type Unreadable = (&'static str, &'static str, Option<&'static str>, Bytes);

fn malformed() -> Vec<Unreadable> {
    let cut_short = Bytes::copy_from_slice(&command("echo")[..7]);
    let later = Bytes::from([command("read"), frame(0, b"\xff\xff\xff")].concat());
    vec![
        ("garbage", RELEASE, None, frame(0, b"\xff\xff\xff")),
        ("a field of another type", RELEASE, None, frame(0, &[0x08, 7])),
        ("cut short", RELEASE, None, cut_short),
        ("empty", RELEASE, None, Bytes::new()),
        ("compressed by what?", RELEASE, None, frame(1, b"x")),
        ("an unknown flag", RELEASE, None, frame(9, b"x")),
        ("not gzip", RELEASE, Some("gzip"), frame(1, b"not gzip at all")),
        ("not zstd", RELEASE, Some("zstd"), frame(1, b"not zstd at all")),
        ("garbage in a stream", SESSION, None, frame(0, b"\xff\xff\xff")),
        ("garbage later in a stream", SESSION, None, later),
    ]
}

fn too_large() -> Vec<Unreadable> {
    let length = u32::try_from(MAX_MESSAGE + 1).unwrap();
    let huge = Bytes::from([&[0][..], &length.to_be_bytes()].concat());
    let later = Bytes::from([command("read"), huge.clone()].concat());
    vec![
        ("too large", RELEASE, None, huge.clone()),
        ("too large in a stream", SESSION, None, huge),
        ("too large later in a stream", SESSION, None, later),
    ]
}

#[tokio::test]
async fn requests_that_cannot_be_read_say_why() {
    let server = Running::start(Options::default()).await;
    let unknown = vec![("an unknown encoding", RELEASE, Some("lz4"), command("echo"))];
    for (cases, code, reason) in [
        (malformed(), Code::InvalidArgument, "MALFORMED_MESSAGE"),
        (too_large(), Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
        (unknown, Code::Unimplemented, "MALFORMED_MESSAGE"),
    ] {
        for (name, path, encoding, body) in cases {
            let headers: Vec<_> = encoding.map(|encoding| ("grpc-encoding", encoding)).into_iter().collect();
            let ended = post(server.address, path, &headers, body).await;
            assert_eq!((ended.code(), ended.info().reason.as_str()), (code, reason), "{name}: {ended:?}");
            assert!(!ended.status.message().is_empty(), "{name}");
        }
    }
    assert_eq!(post(server.address, RELEASE, &[], command("echo")).await.code(), Code::Ok, "it goes on");
}

#[tokio::test]
async fn a_message_that_unpacks_to_too_much_is_too_large() {
    let server = Running::start(Options::default()).await;
    let endpoint = format!("http://{}", server.address);
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let client = LicensingServiceClient::connect(endpoint.clone()).await.unwrap();
        let mut client = client.send_compressed(encoding).accept_compressed(encoding);
        let request = |length| ReleaseRequest { instance: "x".repeat(length), ..Default::default() };
        let answer = client.release(request(100)).await.unwrap();
        assert!(answer.metadata().contains_key("grpc-encoding"), "asked for, so the answer is compressed");
        let error = client.release(request(MAX_MESSAGE + 1)).await.unwrap_err();
        let reason = error.get_details_error_info().unwrap().reason;
        assert_eq!(
            (error.code(), reason.as_str()),
            (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
            "{encoding:?}"
        );
    }
}

#[tokio::test]
async fn methods_that_do_not_exist_are_named() {
    let server = Running::start(Options::default()).await;
    for path in [
        "/leasehold.licensing.v1.LicensingService/Steal",
        "/leasehold.licensing.v1.LicensingAdminService/GetInstance",
        "/nobody.Knows/This",
        "/",
        "/leasehold.licensing.v1.LicensingService/",
    ] {
        let ended = post(server.address, path, &[], command("echo")).await;
        let info = ended.info();
        assert_eq!((ended.code(), info.reason.as_str()), (Code::Unimplemented, "UNKNOWN_METHOD"), "{path}");
        assert_eq!(info.metadata["method"], path);
        assert!(ended.status.message().contains(path));
    }
    let long = format!("/{}", "x".repeat(3_000));
    let ended = post(server.address, &long, &[], command("echo")).await;
    assert_eq!(
        ended.info().metadata["method"].len(),
        200,
        "what a caller made up is not repeated without end"
    );

    let path = "/leasehold.licensing.v1.LicensingService/Heartbeat";
    let ended = post(server.address, path, &[], command("echo")).await;
    assert_eq!((ended.code(), ended.info().reason.as_str()), (Code::Unimplemented, "NOT_IMPLEMENTED"));
}

#[tokio::test]
async fn errors_of_methods_get_what_they_lack_and_hide_what_they_must() {
    let server = Running::start(Options::default()).await;
    let cases = [
        (RELEASE, "bare not found", Code::NotFound, "NOT_FOUND"),
        (SESSION, "bare not found", Code::NotFound, "NOT_FOUND"),
        (RELEASE, "bare internal", Code::Internal, "INTERNAL"),
        (RELEASE, "detail", Code::Unavailable, "STORE_UNAVAILABLE"),
        (RELEASE, "panic", Code::Internal, "INTERNAL"),
        (SESSION, "panic", Code::Internal, "INTERNAL"),
    ];
    for (path, text, code, reason) in cases {
        let ended = post(server.address, path, &[], command(text)).await;
        assert_eq!((ended.code(), ended.info().reason.as_str()), (code, reason), "{path} {text}");
        assert_eq!(ended.data > 0, path == SESSION, "the stream has a message before its error");
        let told = format!("{} {}", ended.status.message(), String::from_utf8_lossy(ended.status.details()));
        assert!(!told.contains("hunter2") && !told.contains("cursed"), "{told}");
    }
    assert_eq!(post(server.address, RELEASE, &[], command("echo")).await.code(), Code::Ok, "it goes on");
}

#[tokio::test]
async fn deadlines_end_calls_with_details() {
    let options = Options { default_deadline: Duration::from_millis(50), ..Options::default() };
    let server = Running::start(options).await;
    for timeout in
        [&[("grpc-timeout", "60m")][..], &[("grpc-timeout", "1n")], &[("grpc-timeout", "nonsense")], &[]]
    {
        let ended = post(server.address, RELEASE, timeout, command("wait")).await;
        let reason = ended.info().reason;
        assert_eq!(
            (ended.code(), reason.as_str()),
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            "{timeout:?}"
        );
    }
    let ended = post(server.address, SESSION, &[("grpc-timeout", "60m")], command("silent")).await;
    assert_eq!(ended.info().reason, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn calls_know_their_id_caller_and_deadline() {
    let server = Running::start(Options::default()).await;
    let mut client = LicensingServiceClient::connect(format!("http://{}", server.address)).await.unwrap();
    let mut request = tonic::Request::new(ReleaseRequest::default());
    request.metadata_mut().insert("x-request-id", "job-7".parse().unwrap());
    request.set_timeout(Duration::from_secs(100));
    let answer = client.release(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "job-7");
    assert_eq!(answer.into_inner().results[0].message, "job-7 peer=true left=99");

    let mut request = tonic::Request::new(ReleaseRequest::default());
    request.metadata_mut().insert("x-request-id", "two words".parse().unwrap());
    let answer = client.release(request).await.unwrap();
    let id = answer.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    assert_eq!(id.len(), 32, "an id that could break a log line is replaced");
    assert_eq!(answer.into_inner().results[0].message, format!("{id} peer=true left=29"));
    assert_eq!(
        post(server.address, "/x/y", &[("x-request-id", "job-8")], Bytes::new()).await.request_id(),
        "job-8"
    );
}
