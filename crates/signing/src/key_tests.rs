use data_encoding::HEXLOWER;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

/// RFC 8032, section 7.1, tests 1 to 3: private key, public key, message, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0\
         595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae\
         b4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9\
         716ed28dc027beceea1ec40a",
    ],
];

#[test]
fn signatures_are_those_of_rfc_8032() {
    for [secret, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_seed(&hex(secret));
        assert_eq!(key.verifying_key().to_string(), public);
        let message = HEXLOWER.decode(message.as_bytes()).unwrap();
        assert_eq!(HEXLOWER.encode(&key.sign(&message)), signature);
        assert!(key.verifying_key().verifies(&message, &hex(signature)));
        assert!(!key.verifying_key().verifies(b"another", &hex(signature)));
    }
}

/// securesystemslib 1.6.0 gives these ids to the public keys of the first two tests of RFC 8032.
#[test]
fn ids_are_those_of_securesystemslib() {
    for (public, id) in [
        (RFC_8032[0][1], "74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916"),
        (RFC_8032[1][1], "eaf1e23f6c823132f437a2eaa299a7950f7386631deff273db195bbd26209e2b"),
    ] {
        let key: VerifyingKey = public.parse().unwrap();
        assert_eq!(key.id().to_string(), id);
        assert_eq!(id.parse(), Ok(key.id()));
    }
}

#[test]
fn a_fingerprint_is_the_beginning_of_the_id_in_groups() {
    let key: VerifyingKey = RFC_8032[0][1].parse().unwrap();
    let text = key.id().fingerprint().to_string();
    assert_eq!(text.len(), 39);
    assert!(key.id().to_string().starts_with(&text.replace('-', "")), "{text}");
    for text in ["", "d75a", &key.id().to_string().to_uppercase(), &format!("{} ", key.id())] {
        assert!(text.parse::<KeyId>().is_err(), "{text}");
    }
}

#[test]
fn keys_that_are_none_or_weak_are_refused() {
    // The neutral element, and a point of order 8.
    let neutral = "0100000000000000000000000000000000000000000000000000000000000000";
    let order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    for weak in [neutral, order_8] {
        assert_eq!(weak.parse::<VerifyingKey>(), Err(KeyError::Weak), "{weak}");
    }
    let off = "0200000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(off.parse::<VerifyingKey>(), Err(KeyError::NotOnCurve));
    assert_eq!(VerifyingKey::from_slice(&[1; 31]), Err(KeyError::Length(31)));
    assert!(matches!("xyz".parse::<VerifyingKey>(), Err(KeyError::Text(_))));
    assert!(matches!(SigningKey::from_slice(&[1; 33]), Err(KeyError::Length(33))));
}

/// With the group's order added to its second half a signature is valid for careless readers.
#[test]
fn a_signature_has_one_form() {
    let [_, public, message, signature] = RFC_8032[1];
    let (key, message): (VerifyingKey, _) = (public.parse().unwrap(), hex::<1>(message));
    let order = hex::<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut other = hex::<64>(signature);
    let mut carry = 0;
    for (byte, add) in other[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(!key.verifies(&message, &other));
}

/// Its owner can make such a signature, with a first half of small order, and careless readers take it.
#[test]
fn a_signature_of_small_order_is_refused() {
    let key: VerifyingKey = RFC_8032[0][1].parse().unwrap();
    let careless = hex::<64>(
        "0100000000000000000000000000000000000000000000000000000000000000520a2e25b0f11547a9ae2ad848\
         ed7731c77f99f1a8712d363455d344db33ac04",
    );
    let parsed = ed25519_dalek::Signature::from_bytes(&careless);
    assert!(ed25519_dalek::Verifier::verify(&key.point, b"message", &parsed).is_ok());
    assert!(!key.verifies(b"message", &careless));
}

#[test]
fn a_private_key_comes_back_from_its_seed_and_is_not_printed() {
    let key = SigningKey::generate(&mut StdRng::seed_from_u64(1));
    let again = SigningKey::from_slice(&*key.expose_seed()).unwrap();
    assert_eq!(again.verifying_key(), key.verifying_key());
    let seed = HEXLOWER.encode(&*key.expose_seed());
    assert_eq!(format!("{key:?}"), format!("SigningKey(of {}, …)", key.id()));
    assert!(!format!("{key:?}").contains(&seed));
}
