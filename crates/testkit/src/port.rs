//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// A TCP port of 127.0.0.1 that was free a moment ago. Somebody else may take it before its user does, so prefer to
/// let a server take port 0 and to read from its output which one it got.
pub fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::system("cannot find a free port"))?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_can_be_taken() {
        let port = free_port().unwrap();
        assert_ne!(port, 0);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
