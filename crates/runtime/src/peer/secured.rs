//! TLS from the calling end: whom it trusts, and what it shows of itself.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// Trusts the CAs in this file, or those of the system, and shows the certificate where there is one. Reads files;
/// blocking.
pub(super) fn client_config(ca: Option<&Path>, own: Option<(&Path, &Path)>) -> Result<ClientConfig, String> {
    // A vendor's server may be older than ours.
    let versions: &[_] = if own.is_some() { &[&TLS13] } else { &[&TLS13, &TLS12] };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("the provider has cipher suites of these versions")
        .with_root_certificates(match ca {
            Some(path) => roots(path)?,
            None => system_roots()?,
        });
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let pem = zeroize::Zeroizing::new(read(key)?);
            let secret = PrivateKeyDer::from_pem_slice(&pem)
                .map_err(|error| format!("{} holds no private key in PEM form ({error})", key.display()))?;
            builder
                .with_client_auth_cert(chain, secret)
                .map_err(|error| format!("{} cannot be used: {error}", certificate.display()))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// What is wrong with a handshake, in words, and what to do; `ca` is the setting that names the CAs.
pub(super) fn handshake_problem(error: &io::Error, ca: &str) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        // A CA of the same name with another key is another CA.
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => {
            format!("its certificate is of no CA that is trusted; name its CA in {ca}")
        }
        Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
            "it does not speak TLS; give it a certificate, or correct the address".to_owned()
        }
        Some(other) => other.to_string(),
        None => error.to_string(),
    }
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{} is no CA that can be used: {error}", path.display()))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that cannot be used is no reason to trust none.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("this system trusts no CA; install its CA certificates, or name a file of CAs".to_owned());
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path)?;
    match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{} holds no certificate in PEM form", path.display())),
        Err(error) => Err(format!("{} cannot be read as PEM: {error}", path.display())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}
