//! Whatever bit is flipped and wherever the end is cut off: what was signed or sealed is refused, and nothing panics.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests and what they share")]

use std::sync::LazyLock;

use jiff::Timestamp;
use leasehold_signing::sealed_file::{self, Form, Identity};
use leasehold_signing::{
    Certificate, Envelope, Expected, ExposeSecret, FileKind, MasterKey, PayloadType, Role, Serial,
    ServiceKey, ServiceName, SignedFile, SigningKey, Subject, Validity, VendorId, verify_chain,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

const TYPE: PayloadType = PayloadType::SyncResponse;
const PURPOSE: &str = "signing-key/1";

fn signing_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn service_key() -> ServiceKey {
    MasterKey::from_slice(&[3; 32]).unwrap().for_service(&ServiceName::new("sync").unwrap())
}

fn root() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The root's word for the signing key.
fn certificate() -> Envelope {
    let certificate = Certificate {
        subject: Subject::Online { vendor: VendorId::new("example").unwrap() },
        key: *signing_key().verifying_key(),
        validity: Validity::new(at(1_000), at(9_000)).unwrap(),
        serial: Serial::generate(&mut StdRng::seed_from_u64(1)),
    };
    certificate.issue(&root()).unwrap()
}

static READER: LazyLock<Identity> = LazyLock::new(|| Identity::generate(&mut StdRng::seed_from_u64(4)));

/// What the chain of the file vouches for.
fn open_file(file: &SignedFile) -> Option<Vec<u8>> {
    let root = root();
    let chain =
        verify_chain(root.verifying_key(), &file.certificates, at(5_000), &Expected::any(Role::Online));
    chain.ok()?.open(&file.envelope, TYPE).map(<[u8]>::to_vec).ok()
}

/// What can be made of the content, and whether it is taken.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Json,
    Protobuf,
    Sealed,
    File,
    SealedFile,
    Armored,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Json, Self::Protobuf, Self::Sealed, Self::File, Self::SealedFile, Self::Armored];

    fn make(self, content: &[u8], seed: u64) -> Vec<u8> {
        let mut rng = StdRng::seed_from_u64(seed);
        let envelope = || Envelope::sign(TYPE, content, &signing_key()).unwrap();
        match self {
            Self::Json => envelope().to_json().into_bytes(),
            Self::Protobuf => envelope().to_protobuf(),
            Self::Sealed => service_key().seal(&mut rng, PURPOSE, content).unwrap(),
            Self::File => {
                let (kind, certificates) = (FileKind::Response, vec![certificate()]);
                SignedFile { kind, envelope: envelope(), certificates }.to_json().into_bytes()
            }
            Self::SealedFile => sealed_file::seal(content, READER.recipient(), Form::Binary).unwrap(),
            // Without its last line end, which nobody would miss.
            Self::Armored => sealed_file::seal(content, READER.recipient(), Form::Armored)
                .unwrap()
                .trim_ascii_end()
                .to_vec(),
        }
    }

    fn read(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let open =
            |envelope: Envelope| envelope.open(TYPE, signing_key().verifying_key()).map(<[u8]>::to_vec).ok();
        match self {
            Self::Json => Envelope::from_json(bytes).ok().and_then(open),
            Self::Protobuf => Envelope::from_protobuf(bytes).ok().and_then(open),
            Self::Sealed => {
                service_key().open(PURPOSE, bytes).ok().map(|secret| secret.expose_secret().clone())
            }
            Self::File => {
                SignedFile::from_json(bytes, FileKind::Response).ok().and_then(|file| open_file(&file))
            }
            Self::SealedFile | Self::Armored => {
                sealed_file::open(bytes, &READER).ok().map(|secret| secret.expose_secret().clone())
            }
        }
    }
}

/// Every single bit and every end of one small example of each.
#[test]
fn every_flipped_bit_and_every_cut_of_a_small_example_is_refused() {
    for kind in Kind::ALL {
        let whole = kind.make(b"content", 1);
        assert_eq!(kind.read(&whole).as_deref(), Some(b"content".as_slice()), "{kind:?}");
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(kind.read(&flipped), None, "{kind:?}, bit {bit}");
        }
        for end in 0..whole.len() {
            assert_eq!(kind.read(&whole[..end]), None, "{kind:?}, cut at {end}");
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(&Kind::ALL[..])
}

proptest! {
    #[test]
    fn content_comes_back(
        kind in kinds(),
        content in prop::collection::vec(any::<u8>(), 0..2000),
        seed: u64,
    ) {
        let whole = kind.make(&content, seed);
        prop_assert_eq!(kind.read(&whole), Some(content));
    }

    #[test]
    fn a_flipped_bit_is_refused(
        kind in kinds(),
        content in prop::collection::vec(any::<u8>(), 0..300),
        seed: u64,
        place: prop::sample::Index,
    ) {
        let mut whole = kind.make(&content, seed);
        let bit = place.index(whole.len() * 8);
        whole[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(kind.read(&whole), None, "bit {}", bit);
    }

    #[test]
    fn a_cut_is_refused(
        kind in kinds(),
        content in prop::collection::vec(any::<u8>(), 0..300),
        seed: u64,
        place: prop::sample::Index,
    ) {
        let whole = kind.make(&content, seed);
        prop_assert_eq!(kind.read(&whole[..place.index(whole.len())]), None);
    }

    #[test]
    fn noise_is_refused_without_panic(
        kind in kinds(),
        noise in prop::collection::vec(any::<u8>(), 0..500),
        seed: u64,
        place: prop::sample::Index,
    ) {
        prop_assert_eq!(kind.read(&noise), None);
        let _ = Certificate::decode(&noise);
        // And in the middle of something that begins well.
        let whole = kind.make(b"content", seed);
        let place = place.index(whole.len());
        let mixed = [&whole[..place], &noise].concat();
        // Chance writes the lost end again once in 256 times or less, and only where little was lost.
        if whole.len() - place > 8 {
            prop_assert_eq!(kind.read(&mixed), None);
        }
    }
}
