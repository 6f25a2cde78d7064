//! Bundles that are not the vendor's word, or not for this server. Each is refused, and nothing changes.

use jiff::SignedDuration;
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::sync::v1::SyncResponse;
use leasehold_signing::{PayloadType, SigningKey, Subject, Validity, VendorId};
use leasehold_store::licensing::Standing;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::vendor::{DAY, TestVendor, certificate, request};
use super::world::{World, item, reason, start};

/// A service with a bundle, and how it stands.
async fn world() -> (World, Standing) {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let standing = world.standing().await;
    (world, standing)
}

/// What would be in force next.
fn next(vendor: &TestVendor) -> SyncResponse {
    vendor.response(2, start(), &[item("L", "cad", 4)])
}

/// The bundle is refused for this reason, and the one before stays in force.
async fn refuses(
    (world, standing): &(World, Standing),
    bundle: pb::ApplyBundleRequest,
    expected: &str,
) -> String {
    let error = world.licensing.apply_bundle(bundle).await.unwrap_err();
    let message = error.message.clone();
    assert_eq!(reason::<()>(Err(error)), expected, "{message}");
    assert_eq!(&world.standing().await, standing);
    assert_eq!(world.items().await, [(item("L", "cad", 3), 0)]);
    message
}

#[tokio::test]
async fn the_next_one_is_taken_as_it_is() {
    let (world, _) = world().await;
    world.licensing.apply_bundle(world.vendor.sign(&next(&world.vendor))).await.unwrap();
    assert_eq!(world.items().await, [(item("L", "cad", 4), 0)]);
}

#[tokio::test]
async fn one_of_another_vendor_or_for_another_server_is_foreign() {
    let server = world().await;
    let vendor = &server.0.vendor;
    let good = next(vendor);
    let other_server = Uuid::from_u128(9).to_string();
    for response in [
        SyncResponse { vendor_id: "other".to_owned(), ..good.clone() },
        SyncResponse { license_server_id: other_server.clone(), ..good.clone() },
        SyncResponse { license_server_id: String::new(), ..good.clone() },
    ] {
        refuses(&server, vendor.sign(&response), "FOREIGN").await;
    }
    // One root that certifies for two vendors, and a good bundle of the other.
    let other = TestVendor { name: "other", ..vendor.clone() };
    refuses(&server, other.sign(&next(&other)), "FOREIGN").await;
    // A certificate of another server than the one that the bundle names.
    let other = TestVendor { server: InstanceId(Uuid::from_u128(9)), ..vendor.clone() };
    let instance_certificate = other.own_certificate(start()).to_protobuf();
    let message =
        refuses(&server, vendor.sign(&SyncResponse { instance_certificate, ..good }), "FOREIGN").await;
    assert!(message.contains(&other_server), "{message}");
}

#[tokio::test]
async fn one_that_leads_to_another_root_is_nobodys_word() {
    let server = world().await;
    let other = TestVendor { server: server.0.vendor.server, ..TestVendor::new(2, start()) };
    refuses(&server, other.sign(&next(&other)), "SIGNATURE_INVALID").await;
    // The other vendor's chain, with the own root's certificate of its key left out.
    let own = &server.0.vendor;
    let bundle = request(&next(own), PayloadType::SyncResponse, &other.online, &[own.online_certificate()]);
    refuses(&server, bundle, "SIGNATURE_INVALID").await;
}

#[tokio::test]
async fn only_the_online_key_speaks_for_the_vendor() {
    let server = world().await;
    let vendor = &server.0.vendor;
    let (good, online) = (next(vendor), vendor.online_certificate());
    let own = [online.clone(), vendor.own_certificate(start())];
    let by_server = request(&good, PayloadType::SyncResponse, &vendor.own, &own);
    refuses(&server, by_server, "SIGNATURE_INVALID").await;

    let subject = Subject::Instance { vendor: vendor.id(), instance: vendor.server };
    let as_instance =
        certificate(subject, vendor.online.verifying_key(), vendor.online_validity, &vendor.root);
    let wrong_role = request(&good, PayloadType::SyncResponse, &vendor.online, &[as_instance]);
    refuses(&server, wrong_role, "SIGNATURE_INVALID").await;

    let root_itself = request(&good, PayloadType::SyncResponse, &vendor.root, &[]);
    refuses(&server, root_itself, "SIGNATURE_INVALID").await;
    let another_type = request(&good, PayloadType::SyncRequest, &vendor.online, &[online]);
    let message = refuses(&server, another_type, "SIGNATURE_INVALID").await;
    assert!(message.contains("sync-request"), "{message}");
}

#[tokio::test]
async fn a_key_is_good_for_what_was_issued_in_its_time() {
    let server = world().await;
    let vendor = &server.0.vendor;
    let until = |from: i64, to: i64| {
        let hours = SignedDuration::from_hours;
        TestVendor {
            online_validity: Validity::new(start() + hours(from), start() + hours(to)).unwrap(),
            ..vendor.clone()
        }
    };
    for vendor in [until(-48, -1), until(-48, 0), until(1, 48)] {
        refuses(&server, vendor.sign(&next(&vendor)), "SIGNATURE_INVALID").await;
    }
    // It is judged at the time of issue, however late the bundle comes.
    let world = server.0;
    let vendor = TestVendor {
        online_validity: Validity::new(start() - DAY, start() + DAY).unwrap(),
        ..world.vendor.clone()
    };
    world.pass(DAY * 7);
    world.licensing.apply_bundle(vendor.sign(&next(&vendor))).await.unwrap();
}

#[tokio::test]
async fn whatever_bit_is_flipped_it_is_refused() {
    let server = world().await;
    let good = server.0.vendor.sign(&next(&server.0.vendor));
    for byte in 0..good.envelope.len() {
        let mut bundle = good.clone();
        bundle.envelope[byte] ^= 1 << (byte % 8);
        refuses(&server, bundle, "SIGNATURE_INVALID").await;
    }
    for byte in 0..good.certificates[0].len() {
        let mut bundle = good.clone();
        bundle.certificates[0][byte] ^= 1 << (byte % 8);
        refuses(&server, bundle, "SIGNATURE_INVALID").await;
    }
    for len in 0..good.envelope.len() {
        let bundle = pb::ApplyBundleRequest { envelope: good.envelope[..len].to_vec(), ..good.clone() };
        refuses(&server, bundle, "SIGNATURE_INVALID").await;
    }
}

#[tokio::test]
async fn a_bundle_without_a_certificate_of_the_server_is_refused() {
    let server = world().await;
    let vendor = &server.0.vendor;
    let good = next(vendor);
    let by_another = {
        let key = SigningKey::generate(&mut StdRng::seed_from_u64(9));
        let subject = Subject::Instance { vendor: vendor.id(), instance: vendor.server };
        certificate(subject, vendor.own.verifying_key(), vendor.online_validity, &key)
    };
    let long_ago = vendor.own_certificate(start() - DAY * 600);
    for instance_certificate in [
        Vec::new(),
        by_another.to_protobuf(),
        vendor.online_certificate().to_protobuf(),
        long_ago.to_protobuf(),
    ] {
        let bundle = vendor.sign(&SyncResponse { instance_certificate, ..good.clone() });
        refuses(&server, bundle, "SIGNATURE_INVALID").await;
    }
}

#[tokio::test]
async fn what_the_vendor_signed_and_breaks_a_rule_is_named() {
    let server = world().await;
    let vendor = &server.0.vendor;
    let good = next(vendor);
    let mut unnamed = good.clone();
    unnamed.line_items[0].feature = String::new();
    let mut twice = good.clone();
    twice.line_items.push(twice.line_items[0].clone());
    let far = start() + DAY * 366 + SignedDuration::from_secs(1);
    for (field, response) in [
        ("line_items[0].feature", unnamed),
        ("line_items[1]", twice),
        ("sequence", SyncResponse { sequence: 0, ..good.clone() }),
        ("sequence", SyncResponse { sequence: u64::MAX, ..good.clone() }),
        ("synchronize_before", SyncResponse { synchronize_before: None, ..good.clone() }),
        ("synchronize_before", SyncResponse { synchronize_before: Some(timestamp(far)), ..good.clone() }),
    ] {
        let message = refuses(&server, vendor.sign(&response), "INVALID_FIELD").await;
        assert!(message.starts_with(field), "{message}");
    }
    let whole_year = SyncResponse { synchronize_before: Some(timestamp(start() + DAY * 366)), ..good };
    server.0.licensing.apply_bundle(vendor.sign(&whole_year)).await.unwrap();
}

#[test]
fn a_vendor_of_the_tests_is_one() {
    assert_eq!(TestVendor::new(1, start()).id(), VendorId::new("example").unwrap());
}
