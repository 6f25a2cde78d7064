//! The vendor's keys: set up once, sealed, renewed by the root, and in time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use leasehold_backoffice::{Error, SERVICE, Setup, certify_online, set_up};
use leasehold_runtime::error::ErrorReason;
use leasehold_runtime::{Background, Clock, ManualClock};
use leasehold_signing::{MasterKey, SealError, ServiceName, SigningKey};
use leasehold_store::BackOfficeStore;
use leasehold_store::backoffice::{AuditRecord, OnlineKey, Vendor};
use leasehold_store_sql::{Place, SqlBackOfficeStore};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use support::{World, ask, run, service_key, setup, time};

const DAY: Duration = Duration::from_hours(24);

async fn renew(world: &World, root: &SigningKey) -> Result<jiff::Timestamp, Error> {
    let mut rng = StdRng::seed_from_u64(2);
    certify_online(&*world.store, &world.key, &mut rng, world.clock.now(), root).await
}

#[tokio::test]
async fn nothing_runs_without_a_vendor() {
    let store: Arc<dyn BackOfficeStore> = Arc::new(SqlBackOfficeStore::open(&Place::Memory).await.unwrap());
    let clock = ManualClock::new(jiff::Timestamp::UNIX_EPOCH);
    let background = Background::new(CancellationToken::new());
    let Err(error) = run(&store, &clock, &service_key(), &background).await else {
        panic!("it runs without a vendor")
    };
    assert!(matches!(error, Error::NoVendor), "{error:?}");
    assert!(error.to_string().contains("leasehold vendor init"), "{error}");
}

#[tokio::test]
async fn a_vendor_is_set_up_once() {
    let world = World::new().await;
    let before = world.store.vendor().await.unwrap();
    let mut rng = StdRng::seed_from_u64(3);
    let root = SigningKey::generate(&mut rng);
    let other = Setup { vendor_id: "other".to_owned(), ..setup() };
    let now = world.clock.now();
    let error = set_up(&*world.store, &world.key, &mut rng, now, other, &root).await.unwrap_err();
    assert!(matches!(&error, Error::AlreadySetUp(id) if id == "example"), "{error:?}");
    assert_eq!(world.store.vendor().await.unwrap(), before);

    let long = "a".repeat(256);
    for (wrong, field) in [
        (Setup { vendor_id: String::new(), ..setup() }, "vendor_id"),
        (Setup { name: long.clone(), ..setup() }, "name"),
        (Setup { address: "example.com".to_owned(), ..setup() }, "address"),
    ] {
        let error = set_up(&*world.store, &world.key, &mut rng, now, wrong, &root).await.unwrap_err();
        assert!(error.to_string().starts_with(field), "{error}");
    }
}

#[tokio::test]
async fn keys_are_sealed_and_another_master_key_does_not_open_them() {
    let world = World::new().await;
    let row = world.store.vendor().await.unwrap().unwrap();
    for sealed in [&row.online_key.seed, &row.identity] {
        assert!(sealed.starts_with(b"LHS\x01"));
        assert!(!sealed.windows(15).any(|part| part == b"AGE-SECRET-KEY-"));
    }
    let other = MasterKey::from_slice(&[8; 32]).unwrap();
    let other = Arc::new(other.for_service(&ServiceName::new(SERVICE).unwrap()));
    let background = Background::new(CancellationToken::new());
    let Err(error) = run(&world.store, &world.clock, &other, &background).await else {
        panic!("another master key opened it")
    };
    assert!(matches!(error, Error::Seal(SealError::WrongMasterKey)), "{error:?}");
    // Nor is a key put in that the rest does not go with.
    let mut rng = StdRng::seed_from_u64(3);
    let refused = certify_online(&*world.store, &other, &mut rng, world.clock.now(), &world.root).await;
    assert!(matches!(refused, Err(Error::Seal(SealError::WrongMasterKey))), "{refused:?}");
    assert_eq!(world.store.vendor().await.unwrap(), Some(row));
}

#[tokio::test]
async fn a_renewed_key_signs_and_what_the_old_one_signed_stays_good() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let request = server.request();
    let first = ask(&world.back_office, &request).await.unwrap();
    let before = world.back_office.get_vendor().await.unwrap();
    world.clock.advance(DAY * 365);

    let another = SigningKey::generate(&mut StdRng::seed_from_u64(9));
    assert!(matches!(renew(&world, &another).await, Err(Error::OtherRoot)));
    assert_eq!(world.back_office.get_vendor().await.unwrap(), before);
    let not_after = renew(&world, &world.root).await.unwrap();
    let after = world.back_office.get_vendor().await.unwrap();
    assert_ne!(after.online_key_id, before.online_key_id);
    assert_eq!((&after.recipient, &after.root_key), (&before.recipient, &before.root_key));
    assert_eq!(time(after.online_not_after.as_ref()), not_after);
    assert_eq!(world.audit("example").await[0].action, "vendor.online_key_renewed");

    assert_eq!(ask(&world.back_office, &request).await.unwrap(), first, "the answer is what it was");
    server.apply(&first);
    assert_eq!(server.synchronize(&world.back_office).await.unwrap().sequence, 2);
}

#[tokio::test]
async fn no_deadline_is_beyond_the_end_of_the_key_that_certifies_it() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let ends = time(world.back_office.get_vendor().await.unwrap().online_not_after.as_ref());
    world.clock.set_now(ends - DAY * 10);
    let response = server.synchronize(&world.back_office).await.unwrap();
    assert_eq!(time(response.synchronize_before.as_ref()), ends);

    world.clock.set_now(ends);
    let request = server.request();
    let error = ask(&world.back_office, &request).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::VendorUnreachable);
    assert!(error.message.contains("leasehold vendor certify"), "{error}");
    assert_eq!(world.look(&server).await.bundle_sequence, 1);
    renew(&world, &world.root).await.unwrap();
    // The same request, which was not used up.
    server.apply(&ask(&world.back_office, &request).await.unwrap());
}

#[tokio::test]
async fn keys_that_do_not_belong_together_are_not_used() {
    let (world, other) = (World::new().await, World::new().await);
    renew(&other, &other.root).await.unwrap();
    let (good, newer) =
        (world.store.vendor().await.unwrap().unwrap(), other.store.vendor().await.unwrap().unwrap());
    let background = Background::new(CancellationToken::new());
    let certificate = OnlineKey { certificate: newer.online_key.certificate, ..good.online_key.clone() };
    for (row, says) in [
        (Vendor { online_key: certificate, ..good.clone() }, "certificate"),
        (
            Vendor { root_key: *SigningKey::from_seed(&[1; 32]).verifying_key().as_bytes(), ..good.clone() },
            "key",
        ),
        (Vendor { identity: good.online_key.seed.clone(), ..good.clone() }, "damaged"),
        (Vendor { id: "renamed".to_owned(), ..good.clone() }, "damaged"),
    ] {
        let store = SqlBackOfficeStore::open(&Place::Memory).await.unwrap();
        let audit = AuditRecord {
            at: good.created_at,
            actor: String::new(),
            action: String::new(),
            subject: String::new(),
            detail: String::new(),
        };
        store.create_vendor(&row, &audit).await.unwrap();
        let store: Arc<dyn BackOfficeStore> = Arc::new(store);
        let Err(error) = run(&store, &world.clock, &world.key, &background).await else {
            panic!("{says}: it runs with keys that do not belong together")
        };
        assert!(error.to_string().contains(says), "{says:?} is not in {error}");
    }
}
