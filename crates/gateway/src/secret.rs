//! What its holder shows to be let in: made at random, kept as a digest, compared without telling how far it was right.

use data_encoding::{BASE64URL_NOPAD, Encoding, Specification};
use leasehold_store::gateway::SecretDigest;
use rand::Rng;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Bytes of a cookie or a token: nobody guesses 256 bits.
const LENGTH: usize = 32;
/// How API tokens begin, so that they are found where they do not belong.
const TOKEN_PREFIX: &str = "lht_";
/// Groups of a code, and letters in each: 80 bits.
const GROUPS: usize = 4;
const GROUP: usize = 4;

/// A fresh secret as text: 43 letters, digits, `-` and `_`.
pub(crate) fn fresh(random: &mut impl Rng) -> String {
    let mut bytes = [0; LENGTH];
    random.fill_bytes(&mut bytes);
    BASE64URL_NOPAD.encode(&bytes)
}

/// A fresh API token.
pub(crate) fn fresh_token(random: &mut impl Rng) -> String {
    format!("{TOKEN_PREFIX}{}", fresh(random))
}

/// A fresh code: four groups of four, from letters and digits that people do not mix up.
pub(crate) fn fresh_code(random: &mut impl Rng) -> String {
    let mut bytes = [0; GROUPS * GROUP * 5 / 8];
    random.fill_bytes(&mut bytes);
    let text = alphabet().encode(&bytes);
    let groups: Vec<&str> = (0..GROUPS).map(|group| &text[group * GROUP..(group + 1) * GROUP]).collect();
    groups.join("-")
}

/// Crockford's Base32, without I, L, O and U.
fn alphabet() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.encoding().expect("it has 32 different symbols")
}

/// What is kept of a secret.
pub(crate) fn digest(secret: &str) -> SecretDigest {
    Sha256::digest(secret.as_bytes()).into()
}

/// What is kept of a code, however it was typed.
pub(crate) fn code_digest(typed: &str) -> SecretDigest {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric);
    let read = letters.map(|letter| match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    digest(&read.collect::<String>())
}

/// What a page that belongs to a session shows of itself: only who has the cookie can make it.
pub(crate) fn form_token(cookie: &str) -> String {
    let digest = Sha256::new().chain_update(b"form token\0").chain_update(cookie.as_bytes()).finalize();
    BASE64URL_NOPAD.encode(&digest)
}

/// Whether two texts are the same; takes as long wherever they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn secrets_are_long_and_differ() {
        let mut random = StdRng::seed_from_u64(1);
        let (one, other) = (fresh(&mut random), fresh(&mut random));
        assert!(one.len() == 43 && one != other);
        assert!(fresh_token(&mut random).starts_with("lht_"));
        assert_ne!(digest(&one), digest(&other));
        assert!(form_token(&one) != one && form_token(&one) != form_token(&other));
        assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = fresh_code(&mut StdRng::seed_from_u64(1));
        assert_eq!((code.len(), code.split('-').count()), (19, 4), "{code}");
        let typed =
            format!(" {} ", code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
        assert_eq!(code_digest(&typed), code_digest(&code));
        assert_ne!(code_digest(&code), code_digest(&code[..18]));
    }
}
