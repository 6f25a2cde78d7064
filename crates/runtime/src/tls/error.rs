//! Why connections cannot be secured as the configuration says.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why connections cannot be secured as the configuration says, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Plain text to the network, which nobody has allowed.
    #[error(
        "`{setting}` = {address} can be reached from other machines, and without TLS everything would be sent as \
         plain text; set `tls.certificate` and `tls.key` (`leasehold certs init` makes them), or listen on \
         127.0.0.1, or set `security.allow_plaintext = true` if something else protects this network"
    )]
    PlainText {
        /// The address to listen on.
        address: SocketAddr,
        /// Its key.
        setting: &'static str,
    },
    /// One key needs another.
    #[error("`{set}` is set and `{missing}` is not; set both, or none for plain text")]
    Incomplete {
        /// The key that is set.
        set: &'static str,
        /// The key that it needs.
        missing: &'static str,
    },
    /// Callers must show certificates, and no CA for them is given.
    #[error(
        "`tls.client_auth` is `required` and `tls.client_ca` is not set; name the CA of the callers there"
    )]
    NoClientCa,
    /// A file cannot be read.
    #[error("`{setting}`: {} cannot be read: {source}; check the path and its permissions", .path.display())]
    Unreadable {
        /// Its key.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{setting}`: {} {problem}", .path.display())]
    Content {
        /// Its key.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong and what to give.
        problem: String,
    },
    /// Certificate and key are not a pair.
    #[error(
        "the key in {} does not belong to the certificate in {}; set `tls.key` and `tls.certificate` to a pair",
        .key.display(), .certificate.display()
    )]
    NotAPair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}
