//! Bytes of all kinds at every method: the server answers each, and stays in order.

use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use prost::Message;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::timeout;
use tonic::Code;

use crate::calls::{check_out, request, told};
use crate::checker::{sqlite, state};
use crate::crash::{seed, setting};
use crate::raw;
use crate::server::Server;

const PATIENCE: Duration = Duration::from_mins(1);

/// The path of every method of our contract.
fn methods() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(leasehold_proto::DESCRIPTOR_SET).unwrap();
    let mut paths = Vec::new();
    for file in set.file.iter().filter(|file| file.package() == "leasehold.licensing.v1") {
        for service in &file.service {
            let path = |name: &str| format!("/{}.{}/{name}", file.package(), service.name());
            paths.extend(service.method.iter().map(|method| path(method.name())));
        }
    }
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_answers_whatever_it_is_sent() {
    let seed = seed();
    let messages = setting("LEASEHOLD_GARBAGE_MESSAGES").unwrap_or(2_000);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut server = Server::start(&super::estate(), &[("licensing.allow_device_drop", "true")]).await;
    let (methods, channel) = (methods(), server.channel());
    assert!(methods.len() > 40, "{methods:?}");
    let mut answered = 0;
    for (number, path) in (0..messages).zip(methods.iter().cycle()) {
        let bytes = garbage(&mut rng);
        let context = || format!("LEASEHOLD_SEED={seed}, message {number}, {path}, {bytes:02x?}");
        let result = timeout(PATIENCE, raw::call(&channel, path, bytes.clone())).await;
        match result.unwrap_or_else(|_| panic!("no answer: {}", context())) {
            Ok(_) => answered += 1,
            Err(status) => {
                let Some(told) = told(&status) else { panic!("{status:?} without details: {}", context()) };
                assert!(told.code != Code::Internal && told.reason != "INTERNAL", "{told:?}: {}", context());
            }
        }
    }
    assert!(answered > 0, "some of it is right by chance");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    // An empty message is a right one to suspend the server.
    server.admin().resume_instance(pb::ResumeInstanceRequest::default()).await.unwrap();
    check_out(&mut server.licensing(), request("after all that", &[("sim", 1)])).await;
    server.stop().await;
    state::check(&sqlite::read_copy(&server.data()).await).assert_none(&format!("LEASEHOLD_SEED={seed}"));
}

fn garbage(rng: &mut StdRng) -> Vec<u8> {
    match rng.random_range(0..3) {
        0 => noise(rng, 200),
        1 => damaged(rng),
        _ => plausible(rng, 3),
    }
}

fn noise(rng: &mut StdRng, most: usize) -> Vec<u8> {
    let length = rng.random_range(0..=most);
    (0..length).map(|_| rng.random()).collect()
}

/// A request that was right, with some bytes changed, cut off or added.
fn damaged(rng: &mut StdRng) -> Vec<u8> {
    let good = pb::RequestCapabilitiesRequest {
        slot: "s".into(),
        alias: "an alias".into(),
        renews: vec![pb::GrantRef {
            grant_id: crate::calls::fresh_id(),
            fencing_token: 1,
            lease_token: vec![0; 16],
        }],
        selectors: [("site".to_owned(), "Bern".to_owned())].into(),
        ..request("B1", &[("cad", 1), ("sim", 2)])
    };
    let mut bytes = good.encode_to_vec();
    for _ in 0..rng.random_range(0..4) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] = rng.random(),
            1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes.insert(at, rng.random()),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

/// Fields with low numbers, of any wire type, with values that fields like to have.
fn plausible(rng: &mut StdRng, depth: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(0..6) {
        let (field, wire) = (rng.random_range(1..=24_u64), *[0, 0, 1, 2, 2, 2, 5].choose(rng).expect("some"));
        prost::encoding::encode_varint(field << 3 | wire, &mut bytes);
        match wire {
            0 => {
                let any = rng.random();
                let numbers = [0, 1, 2, 500, u64::MAX, i64::MAX.unsigned_abs(), any];
                prost::encoding::encode_varint(*numbers.choose(rng).expect("some"), &mut bytes);
            }
            1 => bytes.extend(rng.random::<[u8; 8]>()),
            2 => {
                let inner = match rng.random_range(0..4) {
                    0 if depth > 0 => plausible(rng, depth - 1),
                    1 => crate::calls::fresh_id().into_bytes(),
                    2 => noise(rng, 40),
                    _ => b"default".to_vec(),
                };
                prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
                bytes.extend(inner);
            }
            _ => bytes.extend(rng.random::<[u8; 4]>()),
        }
    }
    bytes
}
