//! From a certificate to the caller that it names. Whether the certificate is good is decided before.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::prelude::X509Certificate;

use crate::caller::{Caller, SERVICE_URI};
use crate::config::CallerName;

/// Whom a certificate names, and when it ends in seconds since 1970; `None` where it cannot be read.
pub(super) fn read(certificate: &CertificateDer<'_>, mapped: &[CallerName]) -> Option<(Caller, i64)> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let end = certificate.validity().not_after.timestamp();
    Some((caller(names(&certificate), mapped), end))
}

/// When a certificate ends, in seconds since 1970.
pub(super) fn end(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// URIs and host names, then the subject's common names.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let listed = alternatives.iter().flat_map(|found| &found.value.general_names);
    let listed = listed.filter_map(|name| match name {
        GeneralName::URI(name) | GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let subject = certificate.subject();
    let common = subject.iter_common_name().filter_map(|name| name.as_str().ok()).map(str::to_owned);
    listed.chain(common).collect()
}

fn caller(names: Vec<String>, mapped: &[CallerName]) -> Caller {
    let mut services: Vec<String> = Vec::new();
    for name in &names {
        let own = name.strip_prefix(SERVICE_URI).filter(|service| !service.is_empty());
        let given = mapped.iter().filter(|pair| pair.name == *name).map(|pair| pair.service.as_str());
        for service in own.into_iter().chain(given) {
            if !services.iter().any(|known| known == service) {
                services.push(service.to_owned());
            }
        }
    }
    if services.is_empty() {
        return Caller::Named { names: Arc::from(names) };
    }
    Caller::Service { names: Arc::from(services) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Caller {
        let mapped = [
            CallerName { name: "billing.example.com".into(), service: "gateway".into() },
            CallerName { name: "spiffe://x/y=z".into(), service: "sync".into() },
        ];
        caller(names.iter().map(|name| (*name).to_owned()).collect(), &mapped)
    }

    #[test]
    fn a_service_is_what_the_uri_or_the_mapping_says() {
        assert_eq!(of(&["licences", "leasehold://service/sync"]), Caller::service("sync"));
        assert_eq!(of(&["billing.example.com"]), Caller::service("gateway"));
        assert_eq!(of(&["spiffe://x/y=z", "leasehold://service/sync"]), Caller::service("sync"));
        let both = of(&["leasehold://service/updates", "billing.example.com"]);
        assert_eq!(both, Caller::Service { names: Arc::new(["updates".into(), "gateway".into()]) });
    }

    #[test]
    fn anything_else_is_only_a_name() {
        for names in [
            &["gateway"][..],
            &["leasehold://service/"],
            &["https://leasehold://service/gateway"],
            &["LEASEHOLD://service/gateway"],
            &["mail.billing.example.com"],
            &[],
        ] {
            assert!(matches!(of(names), Caller::Named { .. }), "{names:?}");
        }
    }
}
