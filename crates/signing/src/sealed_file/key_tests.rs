use bech32::{Bech32, ByteIterExt, Fe32, Fe32IterExt, Hrp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::ExposeSecret;

use super::*;
use crate::{MasterKey, ServiceName};

const AGE: Hrp = Hrp::parse_unchecked("age");
/// Made by Debian's age-keygen 1.1.1.
pub(super) const PRIVATE: &str = "AGE-SECRET-KEY-1EQSKHW7MFCPSNGV6KE6PXPRFLRV7J0527T8AGL4SXHSFE43T794SGTHWKX";
const PUBLIC: &str = "age1hmanlclzqvendksnausjt97a9qg7ycqd00ca5vqy2tzeer5nkpjsmgseap";

fn identity() -> Identity {
    Identity::from_text(PRIVATE).unwrap()
}

#[test]
fn a_recipient_is_read_strictly() {
    let recipient: Recipient = PUBLIC.parse().unwrap();
    assert_eq!(recipient.to_string(), PUBLIC);
    assert_eq!(&recipient, identity().recipient());
    let padded = {
        let mut last_bits: Vec<Fe32> = [7; 32].into_iter().bytes_to_fes().collect();
        last_bits[51] = Fe32::try_from(last_bits[51].to_u8() | 1).unwrap();
        let chars = last_bits.into_iter().with_checksum::<Bech32>(&AGE).chars();
        chars.collect::<String>()
    };
    let longer = bech32::encode::<Bech32>(AGE, &[7; 33]).unwrap();
    let other_kind = bech32::encode::<Bech32>(Hrp::parse("age1pq").unwrap(), &[7; 32]).unwrap();
    for (text, error) in [
        ("", RecipientError::Text),
        ("somebody", RecipientError::Text),
        (&PUBLIC.to_uppercase(), RecipientError::Text),
        (&longer, RecipientError::Text),
        (&other_kind, RecipientError::Text),
        (PRIVATE, RecipientError::Private),
        (&PRIVATE.to_lowercase()[..30], RecipientError::Private),
        (&PUBLIC[..61], RecipientError::Mistyped),
        (&format!("{PUBLIC} "), RecipientError::Mistyped),
        (&PUBLIC.replace("hman", "hmna"), RecipientError::Mistyped),
        (&padded, RecipientError::Mistyped),
    ] {
        assert_eq!(text.parse::<Recipient>(), Err(error), "{text}");
        assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
        assert!(error.reason().starts_with("RECIPIENT_"));
    }
}

/// RFC 7748, section 6.1, and the points of small order of curve25519, each with and without its highest bit, which
/// does not count.
#[test]
fn weak_recipients_are_refused() {
    let text = |point: &[u8]| bech32::encode::<Bech32>(AGE, point).unwrap();
    for point in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ] {
        let mut point = data_encoding::HEXLOWER.decode(point.as_bytes()).unwrap();
        assert_eq!(text(&point).parse::<Recipient>(), Err(RecipientError::Weak), "{point:?}");
        point[31] |= 0x80;
        assert_eq!(text(&point).parse::<Recipient>(), Err(RecipientError::Weak), "{point:?}");
    }
    let alice = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
    assert!(text(&data_encoding::HEXLOWER.decode(alice.as_bytes()).unwrap()).parse::<Recipient>().is_ok());
}

#[test]
fn an_identity_comes_back_from_its_text_and_is_not_printed() {
    let made = Identity::generate(&mut StdRng::seed_from_u64(1));
    let again = Identity::generate(&mut StdRng::seed_from_u64(1));
    assert_eq!(made.recipient(), again.recipient(), "it comes from the generator alone");
    assert_ne!(made.recipient(), identity().recipient());
    let text = made.expose_text();
    assert_eq!(text.len(), 74);
    assert_eq!(Identity::from_text(&text).unwrap().recipient(), made.recipient());
    assert_eq!(format!("{made:?}"), format!("Identity(of {}, …)", made.recipient()));
    for wrong in ["", PUBLIC, &PRIVATE[..73], &PRIVATE.replace("EQSK", "EQKS")] {
        let error = Identity::from_text(wrong).unwrap_err();
        assert_eq!(error.reason(), "KEY_TEXT");
        assert!(wrong.is_empty() || !error.to_string().contains(wrong), "{error}");
    }
}

/// As its owner keeps it.
#[test]
fn an_identity_is_sealed_at_rest() {
    let mut rng = StdRng::seed_from_u64(1);
    let key = MasterKey::generate(&mut rng).for_service(&ServiceName::new("sync").unwrap());
    let sealed = key.seal(&mut rng, "identity/1", identity().expose_text().as_bytes()).unwrap();
    let text = key.open("identity/1", &sealed).unwrap();
    let identity = Identity::from_text(str::from_utf8(text.expose_secret()).unwrap()).unwrap();
    assert_eq!(identity.recipient().to_string(), PUBLIC);
}
