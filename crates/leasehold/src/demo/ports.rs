//! Which ports a demonstration listens on: the usual ones, where nobody has them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::Error;

/// This port of the loopback address where it is wanted and free, else any other that is.
pub(super) fn pick(wanted: Option<u16>) -> Result<SocketAddr, Error> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match wanted.map(bind) {
        Some(Ok(listener)) => listener,
        Some(Err(_)) | None => bind(0).map_err(Error::NoPort)?,
    };
    listener.local_addr().map_err(Error::NoPort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_not_picked() {
        let free = pick(None).unwrap();
        assert_eq!(pick(Some(free.port())).unwrap(), free);
        let _taken = TcpListener::bind(free).unwrap();
        let other = pick(Some(free.port())).unwrap();
        assert!(other.port() != free.port() && other.ip().is_loopback());
    }
}
