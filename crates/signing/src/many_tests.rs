use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::{Certificate, Expected, Role, Serial, Subject, Validity, VendorId, verify_chain};

const TYPE: PayloadType = PayloadType::SyncResponse;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A chain of one certificate, down to the key of seed 1.
fn chain() -> VerifiedChain {
    let at = |second| Timestamp::from_second(second).unwrap();
    let certificate = Certificate {
        subject: Subject::Online { vendor: VendorId::new("example").unwrap() },
        key: *key(1).verifying_key(),
        validity: Validity::new(at(0), at(100)).unwrap(),
        serial: Serial::generate(&mut StdRng::seed_from_u64(1)),
    };
    let chain = [certificate.issue(&key(0)).unwrap()];
    verify_chain(key(0).verifying_key(), &chain, at(50), &Expected::any(Role::Online)).unwrap()
}

fn payloads(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("payload {number}").into_bytes()).collect()
}

/// The root as RFC 9162, section 2.1.1, defines it: split at the largest power of two below the number.
fn defined(payloads: &[Vec<u8>]) -> Hash {
    match payloads {
        [alone] => leaf(alone),
        more => {
            let split = 1 << (more.len() - 1).ilog2();
            node(&defined(&more[..split]), &defined(&more[split..]))
        }
    }
}

#[test]
fn the_tree_is_that_of_the_standard() {
    assert_eq!(
        HEXLOWER.encode(&leaf(b"")),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "the hash of an empty entry, as Certificate Transparency has it"
    );
    for count in 1..70 {
        let payloads = payloads(count);
        assert_eq!(Paths::of(&payloads).root(), defined(&payloads), "{count}");
    }
}

#[test]
fn each_of_many_opens_at_its_place_and_nowhere_else() {
    let chain = chain();
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100] {
        let payloads = payloads(count);
        let (envelope, paths) = sign_many(TYPE, &payloads, &key(1)).unwrap();
        for (index, payload) in payloads.iter().enumerate() {
            let path = paths.path(index);
            let open = |payload: &[u8], index: u64, path: &[u8]| {
                chain.open_one(&envelope, TYPE, (payload, index, path))
            };
            let place = index as u64;
            assert_eq!(open(payload, place, &path), Ok(()), "{index} of {count}");
            let wrong = [
                open(b"another", place, &path),
                open(payload, place + 1, &path),
                open(payload, u64::MAX, &path),
                open(payload, place, &[path.as_slice(), &[0; HASH]].concat()),
                open(payload, place, &[path.as_slice(), &[0]].concat()),
            ];
            assert!(
                wrong.iter().all(|opened| *opened == Err(OpenError::NotAmong)),
                "{index} of {count}: {wrong:?}"
            );
            if !path.is_empty() {
                assert_eq!(open(payload, place, &path[HASH..]), Err(OpenError::NotAmong));
                let mut bent = path.clone();
                bent[5] ^= 1;
                assert_eq!(open(payload, place, &bent), Err(OpenError::NotAmong));
            }
        }
    }
}

#[test]
fn a_pair_of_hashes_is_no_payload() {
    let payloads = payloads(4);
    let (envelope, paths) = sign_many(TYPE, &payloads, &key(1)).unwrap();
    let inner = [paths.levels[0][0], paths.levels[0][1]].concat();
    let path = paths.levels[1][1];
    let opened = chain().open_one(&envelope, TYPE, (&inner, 0, &path));
    assert_eq!(opened, Err(OpenError::NotAmong));
    let opened = chain().open_one(&envelope, TYPE, (&[&[1], inner.as_slice()].concat(), 0, &path));
    assert_eq!(opened, Err(OpenError::NotAmong));
}

#[test]
fn the_signature_counts_as_ever() {
    let payloads = payloads(3);
    let (envelope, paths) = sign_many(TYPE, &payloads, &key(2)).unwrap();
    let opened = chain().open_one(&envelope, TYPE, (&payloads[0], 0, &paths.path(0)));
    assert!(matches!(opened, Err(OpenError::WrongKey { .. })), "{opened:?}");
    let (envelope, paths) = sign_many(PayloadType::UnlockCode, &payloads, &key(1)).unwrap();
    let opened = chain().open_one(&envelope, TYPE, (&payloads[0], 0, &paths.path(0)));
    assert!(matches!(opened, Err(OpenError::WrongType { .. })), "{opened:?}");
    let other = Envelope::sign(TYPE, b"no root".to_vec(), &key(1)).unwrap();
    assert_eq!(chain().open_one(&other, TYPE, (&payloads[0], 0, &[])), Err(OpenError::NotAmong));
}
