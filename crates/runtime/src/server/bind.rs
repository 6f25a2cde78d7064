//! Listening: early, with an error that says what to do.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why a server cannot listen. `setting` is the configuration key of the address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error(
        "cannot listen on {address}: the port is in use; stop the process that uses it, or set `{setting}` to another port"
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// Its key.
        setting: &'static str,
    },
    /// This user may not.
    #[error(
        "cannot listen on {address}: not permitted; set `{setting}` to a port above 1023, or run with the right to use it"
    )]
    NotPermitted {
        /// The address asked for.
        address: SocketAddr,
        /// Its key.
        setting: &'static str,
    },
    /// The machine has no such address.
    #[error(
        "cannot listen on {address}: this machine has no such address; set `{setting}` to one of its own, or to 0.0.0.0"
    )]
    NoSuchAddress {
        /// The address asked for.
        address: SocketAddr,
        /// Its key.
        setting: &'static str,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}; check `{setting}`")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// Its key.
        setting: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Listens on an address that the configuration key `setting` gave.
pub async fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => BindError::InUse { address, setting },
        ErrorKind::PermissionDenied => BindError::NotPermitted { address, setting },
        ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { address, setting },
        _ => BindError::Other { address, setting, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_name_the_address_and_what_to_do() {
        let taken = bind("127.0.0.1:0".parse().unwrap(), "licensing.listen").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address, "licensing.listen").await.unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }));
        assert_eq!(
            error.to_string(),
            format!(
                "cannot listen on {address}: the port is in use; stop the process that uses it, or set `licensing.listen` to another port"
            )
        );

        let error = bind("192.0.2.1:1".parse().unwrap(), "licensing.listen").await.unwrap_err();
        assert!(matches!(error, BindError::NoSuchAddress { .. } | BindError::NotPermitted { .. }), "{error}");
    }
}
