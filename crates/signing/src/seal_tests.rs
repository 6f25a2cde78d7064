use data_encoding::HEXLOWER;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::ExposeSecret;

const PURPOSE: &str = "answer-key/1";

fn key(master: u8, service: &str) -> ServiceKey {
    MasterKey::from_slice(&[master; 32]).unwrap().for_service(&ServiceName::new(service).unwrap())
}

fn sealed() -> Vec<u8> {
    key(1, "licensing").seal(&mut StdRng::seed_from_u64(7), PURPOSE, b"a secret").unwrap()
}

/// RFC 5869, appendix A.1.
#[test]
fn derivation_is_that_of_rfc_5869() {
    let salt: Vec<u8> = (0..13).collect();
    let info: Vec<u8> = (0xf0..0xfa).collect();
    let mut output = [0; 42];
    Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]).expand(&info, &mut output).unwrap();
    assert_eq!(
        HEXLOWER.encode(&output),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
}

/// Derived by pyca/cryptography and sealed by libsodium: the form on disk does not change unseen.
#[test]
fn a_secret_that_others_sealed_by_the_description_opens() {
    let master: Vec<u8> = (0..32).collect();
    let key = MasterKey::from_slice(&master).unwrap().for_service(&ServiceName::new("licensing").unwrap());
    let sealed = "4c485301a8d0d5b85db4018d6465666768696a6b6c6d6e6f707172737475767778797a7b6400f166\
                  88829c181f205a4134d4df1d2804fe2166aa39a7ab0edeae21a748b84120470c29f2be";
    let opened = key.open(PURPOSE, &HEXLOWER.decode(sealed.as_bytes()).unwrap()).unwrap();
    assert_eq!(opened.expose_secret(), b"a secret of the service");
}

#[test]
fn a_secret_opens_for_its_service_and_purpose_alone() {
    assert_eq!(key(1, "licensing").open(PURPOSE, &sealed()).unwrap().expose_secret(), b"a secret");
    assert_eq!(sealed().len(), b"a secret".len() + 52);
    assert_eq!(key(1, "licensing").open("answer-key/2", &sealed()).unwrap_err(), SealError::Damaged);
    assert_eq!(key(1, "updates").open(PURPOSE, &sealed()).unwrap_err(), SealError::Damaged);
}

#[test]
fn another_master_key_is_told_from_damage() {
    assert_eq!(key(2, "licensing").open(PURPOSE, &sealed()).unwrap_err(), SealError::WrongMasterKey);
    let at = |index: usize| {
        let mut sealed = sealed();
        sealed[index] ^= 1;
        key(1, "licensing").open(PURPOSE, &sealed).unwrap_err()
    };
    assert_eq!(at(0), SealError::Unknown);
    // The check value itself, the nonce, the secret, the tag.
    for index in [4, 11, 12, 36, sealed().len() - 1] {
        assert_eq!(at(index), SealError::Damaged, "byte {index}");
    }
    assert_eq!(key(1, "licensing").open(PURPOSE, &sealed()[..51]).unwrap_err(), SealError::Truncated(51));
    assert_eq!(key(1, "licensing").open(PURPOSE, &sealed()[..55]).unwrap_err(), SealError::Damaged);
}

#[test]
fn the_same_secret_is_never_sealed_twice_alike() {
    let mut rng = StdRng::seed_from_u64(1);
    let key = key(1, "sync");
    assert_ne!(key.seal(&mut rng, PURPOSE, b"x").unwrap(), key.seal(&mut rng, PURPOSE, b"x").unwrap());
    let large = vec![0; ServiceKey::MAX_SECRET + 1];
    assert_eq!(key.seal(&mut rng, PURPOSE, &large), Err(SealError::TooLarge(large.len())));
}

#[test]
fn a_master_key_is_read_from_either_text_and_not_printed() {
    let master = MasterKey::generate(&mut StdRng::seed_from_u64(3));
    let text = master.expose_text();
    for text in [text.to_string(), format!(" {}\n", text.to_uppercase()), BASE64.encode(&*master.0)] {
        assert_eq!(*MasterKey::from_text(&text).unwrap().0, *master.0);
    }
    for text in ["", "secret", &text[1..], &BASE64.encode(&[1; 31])] {
        let error = MasterKey::from_text(text).unwrap_err();
        assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
    }
    assert_eq!(format!("{master:?}"), "MasterKey(…)");
    let opened = key(1, "licensing").open(PURPOSE, &sealed()).unwrap();
    assert!(!format!("{opened:?}").contains("97"), "{opened:?}");
    assert_eq!(format!("{:?}", key(1, "sync")), "ServiceKey(of sync, …)");
}
