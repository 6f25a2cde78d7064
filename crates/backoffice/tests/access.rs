//! Who may call what, over the server stack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use std::sync::Arc;

use leasehold_backoffice::{Config, Deps, build};
use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::backoffice::v1::back_office_service_client::BackOfficeServiceClient;
use leasehold_proto::backoffice::v1::producer_service_client::ProducerServiceClient;
use leasehold_runtime::server::{self, Server};
use leasehold_runtime::{Background, Caller, Clock, SystemIds, peer};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;

use support::World;

/// A way to the world's back office for each of these callers.
async fn serve<const N: usize>(world: &World, callers: [Caller; N]) -> [Channel; N] {
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let deps = Deps {
        store: Arc::clone(&world.store),
        ids: SystemIds::new(Arc::clone(&clock)),
        clock,
        key: Arc::clone(&world.key),
    };
    let config = Config { address: "https://elsewhere.example.com".to_owned(), max_message_size: 4 << 20 };
    let background = Background::new(CancellationToken::new());
    let (_, services) = build(deps, config, &background).await.unwrap();
    let ways = callers.map(peer::in_process);
    let mut arrivals = Vec::new();
    let channels = ways.map(|(channel, arriving)| {
        arrivals.push(arriving);
        channel
    });
    let server = Server::new(services, server::Options::default()).await.unwrap();
    tokio::spawn(server.with_arrivals(arrivals).run_inside(CancellationToken::new()));
    channels
}

#[tokio::test]
async fn anybody_may_synchronise_and_the_staff_alone_the_rest() {
    let world = World::new().await;
    let callers = [
        Caller::Anonymous,
        Caller::service("licensing"),
        Caller::service("sync"),
        Caller::service("producer"),
        Caller::service("admin"),
        Caller::Local,
    ];
    let channels = serve(&world, callers).await;
    for (index, channel) in channels.iter().enumerate() {
        let mut servers = BackOfficeServiceClient::new(channel.clone());
        let greeting = servers.greet(pb::GreetRequest {}).await.unwrap();
        assert_eq!(greeting.into_inner().vendor_name, "Example Ltd");
        let refused = servers.synchronize(pb::SynchronizeRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "it is heard, and says nothing");

        let vendor = ProducerServiceClient::new(channel.clone()).get_vendor(pb::GetVendorRequest {}).await;
        match index {
            0 => assert_eq!(vendor.unwrap_err().code(), Code::Unauthenticated),
            1 | 2 => assert_eq!(vendor.unwrap_err().code(), Code::PermissionDenied),
            _ => assert_eq!(vendor.unwrap().into_inner().address, "https://elsewhere.example.com"),
        }
    }
}

#[tokio::test]
async fn the_audit_names_who_called() {
    let world = World::new().await;
    let [producer, local] = serve(&world, [Caller::service("producer"), Caller::Local]).await;
    for (channel, name) in [(producer, "one"), (local, "two")] {
        let customer = pb::Customer { name: name.to_owned(), ..pb::Customer::default() };
        let request = pb::CreateCustomerRequest { customer: Some(customer) };
        ProducerServiceClient::new(channel).create_customer(request).await.unwrap();
    }
    let actors: Vec<_> = world.audit("").await.into_iter().map(|record| record.actor).collect();
    assert_eq!(actors, ["staff", "producer", "root"]);
}

#[tokio::test]
async fn a_request_file_of_any_size_fits_in_a_call() {
    let world = World::new().await;
    let [local] = serve(&world, [Caller::Local]).await;
    let mut client = ProducerServiceClient::new(local).max_encoding_message_size(64 << 20);
    let request = pb::ProcessFileRequest { file: vec![b'x'; 32 << 20], armored: false };
    let error = client.process_file(request).await.unwrap_err();
    assert!(error.message().contains("no sealed file"), "{error}");
}
