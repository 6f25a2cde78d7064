//! Certificates that were verified, so that an answer costs one signature check and not four.

use std::collections::VecDeque;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_signing::{
    ChainError, Expected, Role, ServiceName, VerifiedChain, VerifyingKey, read_chain, verify_chain,
};

use super::error::{Foreign, Unverified};

/// Chains that are remembered: each replica of a server has its own, and a new one every few days.
const REMEMBERED: usize = 8;

/// Whom a client believes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pin {
    /// The vendor's root key.
    pub(crate) root: VerifyingKey,
    /// The one licence server; `None`: any of the vendor's.
    pub(crate) server: Option<InstanceId>,
}

/// Verified chains, the one used last at the front.
#[derive(Debug)]
pub(crate) struct Chains {
    pin: Pin,
    service: ServiceName,
    known: VecDeque<Known>,
}

#[derive(Debug)]
struct Known {
    /// Told apart by what they are, byte for byte.
    certificates: Vec<Vec<u8>>,
    chain: VerifiedChain,
    server: InstanceId,
}

impl Chains {
    /// None yet, of the answer keys of this service: `licensing`, `updates`.
    pub(crate) fn new(pin: Pin, service: &'static str) -> Self {
        let service = ServiceName::new(service).expect("the names of our services keep the rules");
        Self { pin, service, known: VecDeque::new() }
    }

    /// The chain of these certificates at the time of signing `at`, and the licence server at its end.
    pub(crate) fn verified(
        &mut self,
        certificates: &[Vec<u8>],
        at: Timestamp,
    ) -> Result<(VerifiedChain, InstanceId), Unverified> {
        let known = self.known.iter().position(|known| known.certificates == certificates);
        let known = match known.and_then(|index| self.known.remove(index)) {
            // Nothing but the time can make a chain bad that was good.
            Some(known) if known.is_good(at) => known,
            _ => self.verify(certificates, at)?,
        };
        let found = (known.chain.clone(), known.server);
        self.known.push_front(known);
        self.known.truncate(REMEMBERED);
        Ok(found)
    }

    fn verify(&self, certificates: &[Vec<u8>], at: Timestamp) -> Result<Known, Unverified> {
        let expected = Expected {
            instance: self.pin.server,
            service: Some(&self.service),
            ..Expected::any(Role::Answer)
        };
        let chain = read_chain(certificates)
            .and_then(|chain| verify_chain(&self.pin.root, &chain, at, &expected))
            .map_err(|error| self.refusal(&error))?;
        let server = chain.certificate().subject.instance().expect("an answer key's certificate names one");
        Ok(Known { certificates: certificates.to_vec(), chain, server })
    }

    fn refusal(&self, error: &ChainError) -> Unverified {
        match *error {
            // Whoever makes up a chain cannot begin it with the root either.
            ChainError::Issuer { role: Role::Online, .. } => {
                Foreign::Vendor { root: self.pin.root.id().fingerprint() }.into()
            }
            ChainError::OtherInstance { expected, found } => Foreign::Server { expected, found }.into(),
            _ => Unverified::forged(error.reason(), error),
        }
    }
}

impl Known {
    fn is_good(&self, at: Timestamp) -> bool {
        let validity = self.chain.validity();
        validity.not_before() <= at && at < validity.not_after()
    }
}

#[cfg(test)]
impl Chains {
    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}
