//! Whom the connection to the collector of traces trusts.

use std::fs;
use std::path::Path;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tonic::transport::{Certificate, ClientTlsConfig};

use super::Error;

/// What the connection is secured with, where the endpoint wants that: a certificate of a CA in the file, or, without
/// a file, of one that the system trusts.
pub(super) fn tls(endpoint: &str, ca: Option<&Path>) -> Result<Option<ClientTlsConfig>, Error> {
    let Some(path) = ca else {
        return Ok(endpoint.starts_with("https:").then(|| ClientTlsConfig::new().with_native_roots()));
    };
    if !endpoint.starts_with("https:") {
        let problem =
            "`telemetry.otlp_ca` is given, and `telemetry.otlp_endpoint` asks for plain text; write https://";
        return Err(Error::Collector(problem.to_owned()));
    }
    let shown = path.display();
    let wrong = |problem: String| Error::Collector(format!("{shown} {problem}; check `telemetry.otlp_ca`"));
    let pem = fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    // The library passes over what it cannot read, and would trust nobody then.
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(Some(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))),
        _ => Err(wrong("holds no certificate in PEM form".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_is_for_tls_alone_and_has_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let problem = |endpoint| tls(endpoint, Some(&path)).unwrap_err().to_string();
        assert!(problem("http://collector:4317").contains("write https://"));
        assert!(problem("https://collector:4317").contains("cannot be read: "));
        fs::write(&path, "no PEM").unwrap();
        assert!(problem("https://collector:4317").contains("holds no certificate"));
        assert!(tls("http://collector:4317", None).unwrap().is_none());
        assert!(tls("https://collector:4317", None).unwrap().is_some());
    }
}
