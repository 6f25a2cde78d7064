//! Over real sockets and real time, without measuring any.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use leasehold_client::{CallError, Checkout, CheckoutError, Client, Options, Pem, State, Tls};
use leasehold_proto::licensing::v1 as pb;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use crate::clock::Clock;
use crate::fake::{Act, Fake, Vendor};
use crate::machine::Folder;

const LONG: Duration = Duration::from_mins(1);

/// A server in a runtime of its own, so that it can be ended with all its connections.
struct Process {
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Process {
    fn start(fake: &Fake, address: SocketAddr) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(bind(address));
        let address = listener.local_addr().unwrap();
        let service = fake.service();
        let incoming = TcpListenerStream::new(listener);
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        Self { runtime: Some(runtime), address }
    }

    fn kill(mut self) -> SocketAddr {
        self.end();
        self.address
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

/// Waits for a port that somebody else has for a moment.
async fn bind(address: SocketAddr) -> TcpListener {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{address} stays taken");
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn options(address: SocketAddr) -> Options {
    let mut options = Options::new(address.into());
    options.call_timeout = Duration::from_secs(2);
    options
}

/// Runs a test's client on a runtime of its own.
fn client_side<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_secs(10));
    result
}

#[test]
fn a_restart_on_the_same_port_is_lived_through() {
    let fake = Fake::new();
    fake.state().ttl = Duration::from_secs(4);
    let mut server = Process::start(&fake, ([127, 0, 0, 1], 0).into());
    client_side(async {
        let client = Client::connect(options(server.address)).await.unwrap();
        let guard = client.checkout(Checkout::new("solver")).await.unwrap();
        let mut states = guard.watch();
        for keeps_its_store in [true, false] {
            let address = tokio::task::spawn_blocking(|| server.kill()).await.unwrap();
            let leaves = states.wait_for(|state| *state != State::Valid);
            let left = *tokio::time::timeout(LONG, leaves).await.unwrap().unwrap();
            assert!(left.may_work(), "{left:?}");
            if !keeps_its_store {
                fake.forget();
            }
            let again = fake.clone();
            server = tokio::task::spawn_blocking(move || Process::start(&again, address)).await.unwrap();
            let resumes = states.wait_for(|state| *state == State::Valid);
            tokio::time::timeout(LONG, resumes).await.unwrap().unwrap();
        }
        guard.release().await.unwrap();
        let ids: BTreeSet<_> =
            fake.calls().requests.into_iter().map(|(_, message)| message.request_id).collect();
        assert_eq!(ids.len(), 2, "asked again only where the grant was gone");
        tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    });
}

#[test]
fn nobody_there_is_told_with_the_address() {
    // Nothing of today listens on the first port.
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    client_side(async {
        let client = Client::connect(options(address)).await.unwrap();
        let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
        let CheckoutError::Unreachable { server, problem } = &error else { panic!("{error:?}") };
        assert_eq!(server.to_string(), address.to_string());
        assert!(problem.to_lowercase().contains("refused"), "{problem}");
        assert!(error.to_string().contains("is it running?"), "{error}");
        let status = client.admin().get_instance(pb::GetInstanceRequest::default()).await.unwrap_err();
        assert!(matches!(client.call_error(&status), CallError::Unreachable { .. }), "{status:?}");
    });
}

#[test]
fn a_server_that_says_nothing_is_told_apart() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    client_side(async {
        let client = Client::connect(options(silent.local_addr().unwrap())).await.unwrap();
        let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
        assert!(error.to_string().contains("no answer within"), "{error}");
    });
}

#[test]
fn the_raw_clients_use_the_same_channel() {
    let fake = Fake::new();
    let server = Process::start(&fake, ([127, 0, 0, 1], 0).into());
    client_side(async {
        let client = Client::connect(options(server.address)).await.unwrap();
        let answer = client.licensing().heartbeat(pb::HeartbeatRequest::default()).await.unwrap();
        assert!(answer.into_inner().results.is_empty());
        let status = client.admin().get_instance(pb::GetInstanceRequest::default()).await.unwrap_err();
        assert!(matches!(client.call_error(&status), CallError::Server { .. }), "{status:?}");
        assert!(!client.hostids().is_empty(), "the machine has a name");
    });
    drop(server);
}

#[test]
fn the_addresses_of_signed_answers_are_tried_after_the_given_ones() {
    let clock = Clock::new();
    let vendor = Vendor::new(1, 7, clock.now());
    let fake = Fake::signing(vendor.clone(), clock.clone());
    fake.state().ttl = Duration::from_secs(4);
    let anywhere = || ([127, 0, 0, 1], 0).into();
    let (first, second) = (Process::start(&fake, anywhere()), Process::start(&fake, anywhere()));
    let directory = Folder::new();
    let given = first.address;
    let pinned = move || {
        let mut options = options(given);
        options.hostids = vec!["D1".parse().unwrap()];
        options.call_timeout = Duration::from_secs(10);
        (options.vendor_root, options.wall_clock) = (Some(vendor.root()), clock.wall());
        options
    };
    let kept = || {
        let mut options = pinned();
        options.answers = Some(directory.path().to_owned());
        options
    };
    client_side(async {
        // What nobody vouches for names no address.
        let careless = Client::connect(pinned()).await.unwrap();
        let elsewhere = second.address.to_string();
        fake.next([Act::forge(move |response| {
            response.signed = None;
            response.addresses = vec![elsewhere];
        })]);
        careless.checkout(Checkout::new("solver")).await.unwrap_err();
        fake.state().addresses = (1, vec![second.address.to_string()]);
        let client = Client::connect(kept()).await.unwrap();
        let guard = client.checkout(Checkout::new("solver")).await.unwrap();
        tokio::task::spawn_blocking(move || first.kill()).await.unwrap();
        let heard = fake.calls().heartbeats.len();
        fake.until(|calls| calls.heartbeats.len() >= heard + 3).await;
        guard.release().await.unwrap();
        let id = client.client_instance_id().to_owned();
        drop(client);
        // A program that starts later knows them, too.
        let client = loop {
            let client = Client::connect(kept()).await.unwrap();
            if client.client_instance_id() == id {
                break client;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        client.checkout(Checkout::new("solver")).await.unwrap().release().await.unwrap();
        let error = careless.checkout(Checkout::new("solver")).await.unwrap_err();
        assert!(matches!(error, CheckoutError::Unreachable { .. }), "{error:?}");
    });
    drop(second);
}

#[test]
fn a_connection_that_cannot_be_secured_is_no_server_to_a_borrow() {
    let clock = Clock::new();
    let vendor = Vendor::new(1, 7, clock.now());
    let fake = Fake::signing(vendor.clone(), clock.clone());
    let server = Process::start(&fake, ([127, 0, 0, 1], 0).into());
    let directory = Folder::new();
    let pinned = |answers: &std::path::Path| {
        let mut options = options(server.address);
        options.hostids = vec!["D1".parse().unwrap()];
        (options.vendor_root, options.wall_clock) = (Some(vendor.root()), clock.wall());
        options.answers = Some(answers.to_owned());
        options
    };
    client_side(async {
        let client = Client::connect(pinned(directory.path())).await.unwrap();
        drop(client.checkout(Checkout::new("solver").borrow()).await.unwrap());
        // The same program with a CA that is not there, on a copy of what the first one has.
        let copy = Folder::copied(directory.path());
        let mut options = pinned(copy.path());
        options.tls = Some(Tls::new(Pem::File("/nowhere/ca.pem".into())));
        let insecure = Client::connect(options).await.unwrap();
        let guard = insecure.checkout(Checkout::new("solver").borrow()).await.unwrap();
        assert!(matches!(guard.state(), State::Offline { .. }), "{}", guard.state());
        // Without anything kept it says what would mend it.
        let error = insecure.checkout(Checkout::new("mesher").borrow()).await.unwrap_err();
        assert!(matches!(error, CheckoutError::Insecure { remedy: Some(_), .. }), "{error:?}");
    });
    drop(server);
}
