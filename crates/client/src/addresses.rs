//! Where else the licence server is, as its signed answers say: tried after the addresses that were given.

use std::sync::{PoisonError, RwLock};

use crate::address::ServerAddress;
use crate::answers::Known;

/// What was learnt, shared with the channel.
#[derive(Debug, Default)]
pub(crate) struct Addresses(RwLock<Option<Known>>);

impl Addresses {
    /// What a server that is believed says of itself. The greatest number counts; another server begins anew.
    pub(crate) fn learn(&self, said: Known) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let newer =
            known.as_ref().is_none_or(|known| known.server != said.server || known.number < said.number);
        if newer {
            *known = Some(said);
        }
    }

    /// The addresses, best first. What is none is passed over.
    pub(crate) fn list(&self) -> Vec<ServerAddress> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let addresses = known.as_ref().map(|known| known.addresses.as_slice()).unwrap_or_default();
        addresses.iter().filter_map(|address| address.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use leasehold_domain::InstanceId;
    use uuid::Uuid;

    use super::*;

    fn said(server: u128, number: u64, addresses: &[&str]) -> Known {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        Known { server: InstanceId(Uuid::from_u128(server)), number, addresses }
    }

    #[test]
    fn the_greatest_number_counts() {
        let addresses = Addresses::default();
        let shown = || addresses.list().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(shown().is_empty());
        addresses.learn(said(1, 3, &["a", "http://b", "c:7"]));
        assert_eq!(shown(), ["a:16770", "c:7"]);
        addresses.learn(said(1, 2, &["old"]));
        addresses.learn(said(1, 3, &["same"]));
        assert_eq!(shown(), ["a:16770", "c:7"]);
        addresses.learn(said(1, 4, &["new"]));
        assert_eq!(shown(), ["new:16770"]);
        addresses.learn(said(2, 1, &["other"]));
        assert_eq!(shown(), ["other:16770"], "another server counts by itself");
    }
}
