//! Whether the address secures what it seems to, and what is wrong where a connection cannot be secured. The driver
//! does the rest.

use std::fs;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, CertificateError};

/// Checks that the CA of an address, where it names one, can be read and is heeded. The error says what to do.
pub(crate) fn check(options: &PgConnectOptions) -> Result<(), String> {
    let url = options.to_url_lossy();
    let Some((_, named)) = url.query_pairs().find(|(name, _)| name == "sslrootcert") else { return Ok(()) };
    let path = named.strip_prefix("file: ").unwrap_or(&named);
    let mode = options.get_ssl_mode();
    if !matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
        // Other programs check it where the file is there; the driver does not.
        return Err(format!(
            "sslrootcert is given, and sslmode does not have the server's certificate checked; add sslmode=verify-full \
             to the address, it is {mode:?} now"
        ));
    }
    let bytes =
        fs::read(path).map_err(|error| format!("{path} cannot be read: {error}; check sslrootcert"))?;
    match CertificateDer::pem_slice_iter(&bytes).next() {
        Some(Ok(_)) => Ok(()),
        _ => Err(format!("{path} holds no certificate in PEM form; check sslrootcert")),
    }
}

/// What is wrong with TLS, and what to do; `None` where something else is to blame.
pub(crate) fn problem(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Io(failed) => {
            let cause = failed.get_ref()?.downcast_ref::<rustls::Error>()?;
            Some(match cause {
                rustls::Error::InvalidCertificate(problem) => certificate_problem(problem),
                other => other.to_string(),
            })
        }
        // A server that only speaks plain text.
        sqlx::Error::Tls(cause) => Some(format!(
            "{cause}; give PostgreSQL a certificate and `ssl = on`, or write sslmode=disable where the network is \
             trusted"
        )),
        _ => None,
    }
}

fn certificate_problem(problem: &CertificateError) -> String {
    match problem {
        // A CA of the same name with another key is another CA.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of no CA that is trusted; name the file of its CA in the address, sslrootcert=FILE"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("{problem}; call PostgreSQL in the address by a name that its certificate has")
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            format!("{problem}; give PostgreSQL a new certificate, and check this machine's clock")
        }
        other => format!("its certificate is not good: {other}; give PostgreSQL another one"),
    }
}
