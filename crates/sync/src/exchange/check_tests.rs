use ErrorReason as Reason;
use ExchangeState::{Applying, Done, Failed, Requested};
use leasehold_signing::SigningKey;

use super::*;

fn key(seed: u8) -> KeyId {
    SigningKey::from_seed(&[seed; 32]).id()
}

fn vendor(name: &str) -> VendorId {
    VendorId::new(name).unwrap()
}

/// Ours, asked for, and new.
fn claims() -> Claims {
    Claims {
        vendors: [vendor("example"), vendor("example")],
        servers: [Uuid::from_u128(1), Uuid::from_u128(1)],
        keys: [key(1), key(1)],
        request_number: 4,
        sequence: 8,
    }
}

fn known() -> Known {
    Known {
        vendor: "example".to_owned(),
        server: Uuid::from_u128(1),
        key: key(1),
        request: Some((4, Requested)),
        asked: None,
        in_force: 7,
    }
}

type Edit = fn(&mut Claims, &mut Known);

#[test]
fn the_first_rule_that_is_broken_decides() {
    let cases: &[(&str, Edit, Option<Reason>)] = &[
        ("all is well", |_, _| {}, None),
        ("the first bundle", |it, known| (it.sequence, known.in_force) = (1, 0), None),
        ("numbers may be left out", |it, _| it.sequence = 1_000, None),
        ("asked over the network", |_, known| known.asked = Some(4), None),
        ("another vendor", |it, _| it.vendors[0] = vendor("other"), Some(Reason::Foreign)),
        ("another vendor's key", |it, _| it.vendors[1] = vendor("other"), Some(Reason::Foreign)),
        ("vendors are compared exactly", |it, _| it.vendors[0] = vendor("Example"), Some(Reason::Foreign)),
        ("another server", |it, _| it.servers[0] = Uuid::from_u128(2), Some(Reason::Foreign)),
        ("another server's certificate", |it, _| it.servers[1] = Uuid::from_u128(2), Some(Reason::Foreign)),
        ("another key", |it, _| it.keys[0] = key(2), Some(Reason::Foreign)),
        ("another key's certificate", |it, _| it.keys[1] = key(2), Some(Reason::Foreign)),
        ("an unknown nonce", |_, known| known.request = None, Some(Reason::NotOutstanding)),
        ("answered before", |_, known| known.request = Some((4, Done)), Some(Reason::Replayed)),
        ("being put in force", |_, known| known.request = Some((4, Applying)), Some(Reason::Replayed)),
        ("given up", |_, known| known.request = Some((4, Failed)), Some(Reason::NotOutstanding)),
        ("another number", |it, _| it.request_number = 5, Some(Reason::NotOutstanding)),
        ("not what was asked", |_, known| known.asked = Some(5), Some(Reason::NotOutstanding)),
        ("the same bundle", |it, _| it.sequence = 7, Some(Reason::BundleRollback)),
        ("an older bundle", |it, _| it.sequence = 6, Some(Reason::BundleRollback)),
        ("no bundle", |it, _| it.sequence = 0, Some(Reason::BundleRollback)),
    ];
    for (case, edit, expected) in cases {
        let (mut claims, mut known) = (claims(), known());
        edit(&mut claims, &mut known);
        let found = match check(&claims, &known) {
            Verdict::Accept => None,
            Verdict::Refuse(refusal) => Some(refusal.reason()),
        };
        assert_eq!(found, *expected, "{case}");
    }
}

#[test]
fn whose_it_is_comes_before_whether_it_was_asked_for_and_that_before_whether_it_is_new() {
    let edits: [(Edit, Reason); 3] = [
        (|it, _| it.servers[0] = Uuid::from_u128(2), Reason::Foreign),
        (|_, known| known.request = None, Reason::NotOutstanding),
        (|it, _| it.sequence = 1, Reason::BundleRollback),
    ];
    for first in 0..edits.len() {
        let (mut claims, mut known) = (claims(), known());
        for (edit, _) in &edits[first..] {
            edit(&mut claims, &mut known);
        }
        let Verdict::Refuse(refusal) = check(&claims, &known) else { panic!("{first}") };
        assert_eq!(refusal.reason(), edits[first].1);
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let (mut old, known) = (claims(), known());
    old.sequence = 7;
    let Verdict::Refuse(refusal) = check(&old, &known) else { panic!() };
    assert_eq!(
        refusal.to_string(),
        "the bundle has the number 7, and 7 is in force, which is not older; for newer rights make a new request"
    );
}
