//! Looks at a certificate with the eyes of those who will be shown it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};

use super::files::certificates;

/// Whether somebody who trusts the CAs in this PEM file takes this certificate, with those that follow it in its file, for
/// `name` at this time. The error says why not. Reads files; blocking.
pub fn believed(certificate: &Path, ca: &Path, name: &str, now: Timestamp) -> Result<(), String> {
    let read = |path: &Path| {
        let bytes =
            std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        certificates(&bytes).map_err(|problem| format!("{} {problem}", path.display()))
    };
    let chain = read(certificate)?;
    let (own, between) = chain.split_first().expect("there is at least one");
    let mut roots = RootCertStore::empty();
    for root in read(ca)? {
        roots.add(root).map_err(|error| format!("{} cannot be used as a CA: {error}", ca.display()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build();
    let verifier = verifier.map_err(|error| format!("{} cannot be used as a CA: {error}", ca.display()))?;
    let host = ServerName::try_from(name).map_err(|_| format!("no certificate can be for {name:?}"))?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)));
    verifier.verify_server_cert(own, between, &host, &[], now).map(drop).map_err(|error| match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            format!("it does not lead to a CA in {}", ca.display())
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!("it is not for {name}")
        }
        other => other.to_string(),
    })
}
