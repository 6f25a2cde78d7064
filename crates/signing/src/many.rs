//! Many payloads under one signature: what is signed is the root of a tree of their hashes.
//!
//! A signature costs a hundred times what a hash does, so that a service which answers many at once signs all of its
//! answers together. Each goes out with the envelope, its place, and the hashes that lead from it to the root; nobody
//! sees another's. Not responsible for what the payloads are.
//! Sources: the Merkle tree of RFC 9162, section 2.1, with SHA-256; reference: signing, "Many under one signature".

use prost::Message;
use sha2::{Digest, Sha256};

use crate::chain::VerifiedChain;
use crate::envelope::{Envelope, EnvelopeError, OpenError};
use crate::key::SigningKey;
use crate::payload_type::PayloadType;

/// Bytes of a hash.
const HASH: usize = 32;

type Hash = [u8; HASH];

/// What is signed of many payloads.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Root {
    /// 1: the root of the tree, 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    root: Vec<u8>,
    /// 2: how many payloads there are.
    #[prost(uint64, tag = "2")]
    size: u64,
}

/// Payloads that were signed together: the way from each of them to the root.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The hashes of the payloads, then of pairs of those, and so on to the root. One without a partner goes up as it is.
    levels: Vec<Vec<Hash>>,
}

impl Paths {
    fn of(payloads: &[impl AsRef<[u8]>]) -> Self {
        let mut levels = vec![payloads.iter().map(|payload| leaf(payload.as_ref())).collect::<Vec<Hash>>()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let above = last.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                alone => alone[0],
            });
            levels.push(above.collect());
        }
        Self { levels }
    }

    fn root(&self) -> &[u8] {
        self.levels.last().and_then(|level| level.first()).map_or(&[], Hash::as_slice)
    }

    /// The hashes that lead from one of the payloads to the root, one after the other, from the bottom: 32 bytes each.
    pub fn path(&self, index: usize) -> Vec<u8> {
        let mut path = Vec::with_capacity(HASH * self.levels.len());
        for (level, hashes) in self.levels.iter().enumerate() {
            if let Some(beside) = hashes.get((index >> level) ^ 1) {
                path.extend_from_slice(beside);
            }
        }
        path
    }
}

/// Signs these payloads, at least one, of one type together.
pub fn sign_many(
    payload_type: PayloadType,
    payloads: &[impl AsRef<[u8]>],
    key: &SigningKey,
) -> Result<(Envelope, Paths), EnvelopeError> {
    let paths = Paths::of(payloads);
    let signed = Root { root: paths.root().to_vec(), size: payloads.len() as u64 };
    Ok((Envelope::sign(payload_type, signed.encode_to_vec(), key)?, paths))
}

impl VerifiedChain {
    /// Whether the chain's key signed this payload at this place among those of the envelope, which are of this type.
    pub fn open_one(
        &self,
        envelope: &Envelope,
        expected: PayloadType,
        (payload, index, path): (&[u8], u64, &[u8]),
    ) -> Result<(), OpenError> {
        let signed = Root::decode(self.open(envelope, expected)?).map_err(|_| OpenError::NotAmong)?;
        match leads_to(leaf(payload), (index, signed.size), path) {
            Some(root) if root.as_slice() == signed.root => Ok(()),
            _ => Err(OpenError::NotAmong),
        }
    }
}

/// Where the path leads from a hash at this place among so many; `None` where it is too long or too short for that. RFC
/// 9162, section 2.1.3.2.
fn leads_to(mut hash: Hash, (mut index, size): (u64, u64), path: &[u8]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (steps, rest) = path.as_chunks::<HASH>();
    if !rest.is_empty() {
        return None;
    }
    for beside in steps {
        if last == 0 {
            return None;
        }
        if index & 1 == 1 || index == last {
            hash = node(beside, &hash);
            // One without a partner went up as it was.
            while index & 1 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, beside);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// Nothing that is a payload can be taken for a pair of hashes, nor the other way round.
fn leaf(payload: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(payload).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
#[path = "many_tests.rs"]
mod tests;
