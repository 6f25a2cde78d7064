//! Why it is not clear how to connect.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use leasehold_signing::KeyError;

use super::{LICENSE_SERVER_ID_VARIABLE, SERVER_VARIABLE, VENDOR_ROOT_VARIABLE};
use crate::address::AddressError;
use crate::tls::Remedy;

/// Why it is not clear how to connect.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not text.
    #[error("{SERVER_VARIABLE} or --server is not UTF-8 text ({0:?}); write a host name or an IP address")]
    NotText(OsString),
    /// The connection file cannot be read.
    #[error("the connection file {} cannot be read: {source}; check its path", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is no connection file.
    #[error("{} is not a connection file: {problem}; make one with `leasehold client-config`", .path.display())]
    NotAConnectionFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("a client certificate and its key go together; give both, or none")]
    HalfACertificate,
    /// A certificate that nothing asks for.
    #[error("a {0} is given and no CA, so the connection would be plain text; give the CA of the server too")]
    NoCa(&'static str),
    /// Not a vendor's root key.
    #[error("{VENDOR_ROOT_VARIABLE} = {text:?} is not a vendor's root key: {source}")]
    VendorRoot {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Not the id of a licence server.
    #[error(
        "{LICENSE_SERVER_ID_VARIABLE} = {text:?} is not a licence server's id; give the UUID that the vendor gave to it"
    )]
    LicenseServerId {
        /// What was given.
        text: String,
    },
    /// A licence server's id that nothing could show to be true.
    #[error(
        "a licence server's id is given and no vendor's root key, so no answer could be checked; give the root key too \
         (`vendor_root` in the connection file, or {VENDOR_ROOT_VARIABLE})"
    )]
    NoVendorRoot,
}

impl ConnectionError {
    /// What to give, where that would mend it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::HalfACertificate => Some(Remedy::Certificate),
            Self::NoCa(_) => Some(Remedy::Ca),
            _ => None,
        }
    }
}
