//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Error;

/// Below the range from which systems take ports for outgoing connections, which on a busy machine would take the port of
/// a server while it restarts; above those that servers have by default.
const RANGE: Range<u16> = 20_000..32_000;
/// How many are tried, one after the other.
const TRIES: u16 = 1_000;
/// Between the first ports of two test processes whose ids follow each other: each has so many to itself for a while.
const STRIDE: u32 = 37;

/// A TCP port of 127.0.0.1 that was free a moment ago. Somebody else may take it before its user does, so prefer to
/// let a server take port 0 and to read from its output which one it got.
pub fn free_port() -> Result<u16, Error> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let mut failure = None;
    for _ in 0..TRIES {
        let port = nth(std::process::id(), GIVEN.fetch_add(1, Ordering::Relaxed));
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => failure = Some(error),
        }
    }
    let failure = failure.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    Err(Error::system("cannot find a free port")(failure))
}

/// The port that a process tries as its `number`th.
fn nth(process: u32, number: u16) -> u16 {
    let offset =
        process.wrapping_mul(STRIDE).wrapping_add(number.into()) % u32::from(RANGE.end - RANGE.start);
    RANGE.start + u16::try_from(offset).expect("the range is one of ports")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_can_be_taken() {
        let port = free_port().unwrap();
        assert!(RANGE.contains(&port), "{port}");
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn one_that_is_taken_is_not_given() {
        let next = nth(std::process::id(), 0);
        let taken: Vec<_> =
            (0..5).filter_map(|n| TcpListener::bind((Ipv4Addr::LOCALHOST, next + n)).ok()).collect();
        let ports: Vec<u16> = taken.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!((0..5).all(|_| !ports.contains(&free_port().unwrap())));
    }

    #[test]
    fn processes_begin_apart_and_stay_in_the_range() {
        assert_ne!(nth(1, 0), nth(2, 0));
        assert_eq!(nth(7, 0) + 1, nth(7, 1));
        assert!((0..100_000).all(|process| RANGE.contains(&nth(process, u16::MAX))));
    }
}
