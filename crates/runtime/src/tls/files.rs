//! From PEM files to what handshakes are made with.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use super::error::TlsError;
use crate::config::{ClientAuth, Tls};

const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";
const CLIENT_CA: &str = "tls.client_ca";
/// What is spoken over gRPC, and over HTTP in the order of preference.
const GRPC: &[&[u8]] = &[b"h2"];
const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Where certificates and keys are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    client_auth: ClientAuth,
    /// The keys that gave certificate and key.
    names: [&'static str; 2],
    protocols: &'static [&'static [u8]],
}

/// What stood in the files at one moment.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    /// The files of the configuration; `None` is plain text.
    pub(super) fn of(tls: &Tls) -> Result<Option<Self>, TlsError> {
        let missing = |set, missing| Err(TlsError::Incomplete { set, missing });
        let (certificate, key) = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            (Some(_), None) => return missing(CERTIFICATE, KEY),
            (None, Some(_)) => return missing(KEY, CERTIFICATE),
            (None, None) if tls.client_ca.is_some() => return missing(CLIENT_CA, CERTIFICATE),
            (None, None) if tls.client_auth == ClientAuth::Required => {
                return missing("tls.client_auth", CERTIFICATE);
            }
            (None, None) => return Ok(None),
        };
        if tls.client_auth == ClientAuth::Required && tls.client_ca.is_none() {
            return Err(TlsError::NoClientCa);
        }
        let client_ca = tls.client_ca.clone().filter(|_| tls.client_auth != ClientAuth::None);
        let client_auth = tls.client_auth;
        Ok(Some(Self {
            certificate,
            key,
            client_ca,
            client_auth,
            names: [CERTIFICATE, KEY],
            protocols: GRPC,
        }))
    }

    /// The same for HTTP, where no caller is asked for a certificate: a browser would ask its user.
    pub(super) fn of_http(tls: &Tls, names: [&'static str; 2]) -> Result<Option<Self>, TlsError> {
        let [named_certificate, named_key] = names;
        let (certificate, key) = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            (Some(_), None) => {
                return Err(TlsError::Incomplete { set: named_certificate, missing: named_key });
            }
            (None, Some(_)) => {
                return Err(TlsError::Incomplete { set: named_key, missing: named_certificate });
            }
            (None, None) => return Ok(None),
        };
        let (client_ca, client_auth) = (None, ClientAuth::None);
        Ok(Some(Self { certificate, key, client_ca, client_auth, names, protocols: HTTP }))
    }

    /// Reads them all. Blocking.
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let read = |setting, path: &PathBuf| {
            fs::read(path).map_err(|source| TlsError::Unreadable { setting, path: path.clone(), source })
        };
        Ok(Contents {
            certificate: read(self.names[0], &self.certificate)?,
            key: Zeroizing::new(read(self.names[1], &self.key)?),
            client_ca: self.client_ca.as_ref().map(|path| read(CLIENT_CA, path)).transpose()?,
        })
    }

    /// What handshakes are made with.
    pub(super) fn config(&self, contents: &Contents) -> Result<ServerConfig, TlsError> {
        let wrong = |setting, path: &PathBuf, problem: String| TlsError::Content {
            setting,
            path: path.clone(),
            problem,
        };
        let chain = certificates(&contents.certificate)
            .map_err(|problem| wrong(self.names[0], &self.certificate, problem))?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|error| wrong(self.names[1], &self.key, pem(&error, "private key")))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier: Arc<dyn ClientCertVerifier> = match (&self.client_ca, &contents.client_ca) {
            (Some(path), Some(bytes)) => {
                let verifier = self.verifier(bytes, &provider);
                verifier.map_err(|problem| wrong(CLIENT_CA, path, problem))?
            }
            _ => Arc::new(NoClientAuth),
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .expect("the provider has cipher suites of TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key);
        let mut config = config.map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                TlsError::NotAPair { certificate: self.certificate.clone(), key: self.key.clone() }
            }
            other => wrong(self.names[0], &self.certificate, format!("cannot be used: {other}")),
        })?;
        config.alpn_protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        // A resumed session would outlive the certificate that it was opened with.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn verifier(
        &self,
        bytes: &[u8],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(bytes)? {
            roots.add(certificate).map_err(|error| format!("cannot be used as a CA: {error}"))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
        let builder = match self.client_auth {
            ClientAuth::Required => builder,
            ClientAuth::Optional | ClientAuth::None => builder.allow_unauthenticated(),
        };
        let built = builder.build().map_err(|error| format!("cannot be used as a CA: {error}"))?;
        Ok(built)
    }
}

impl Contents {
    /// A number that is another one when the content is, as good as always.
    pub(super) fn fingerprint(&self, by: &RandomState) -> u64 {
        by.hash_one((&self.certificate, self.key.as_slice(), &self.client_ca))
    }

    /// The server's own certificate, DER.
    pub(super) fn own(&self) -> Option<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(&self.certificate).ok()
    }
}

/// The certificates in a PEM file, at least one.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(pem(&PemError::NoItemsFound, "certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(pem(&error, "certificate")),
    }
}

fn pem(error: &PemError, what: &str) -> String {
    match error {
        PemError::NoItemsFound => format!("holds no {what} in PEM form; give a file with one"),
        other => format!("cannot be read as PEM: {other}; give a file with a {what}"),
    }
}
