//! Certificates: the files and keys, the way to a CA, the names, and the days that are left.

use std::net::SocketAddr;
use std::path::Path;

use jiff::SignedDuration;
use leasehold_runtime::config::Tls;
use leasehold_runtime::tls::{Transport, believed};

use super::ports::listeners;
use super::{Finding, Patient};
use crate::certs::Standing;

const CHECK: &str = "certificates";
/// With less of its time left a certificate should be made anew.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let mut findings = Vec::new();
    for (setting, address) in listeners(patient).into_iter().filter(|(setting, _)| setting != "admin.listen")
    {
        if let Some(problem) = door(patient, &setting, address) {
            findings.push(Finding::error(CHECK, problem));
        }
    }
    let (gateways, _) = config.gateway.tls(&config.tls);
    let mut looked = Vec::new();
    let own =
        [("tls.certificate", &config.tls, true), ("gateway.certificate", &gateways, patient.runs("gateway"))];
    for (setting, tls, runs) in own {
        let Some(file) = tls.certificate.as_deref().filter(|file| runs && !looked.contains(file)) else {
            continue;
        };
        looked.push(file);
        findings.extend(certificate(patient, setting, file));
    }
    let private = [("tls.key", &config.tls), ("gateway.key", &gateways)];
    let mut keys: Vec<&Path> = Vec::new();
    for (setting, tls) in private {
        if let Some(key) = tls.key.as_deref().filter(|key| !keys.contains(key)) {
            keys.push(key);
            findings.extend(readable_by_others(setting, key));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::passed(
            CHECK,
            "none: connections are plain text, on this machine or where that is allowed",
        ));
    }
    findings.dedup();
    findings
}

/// What would end the start of a service here: files that cannot be used, a key of another certificate, plain text.
fn door(patient: &Patient<'_>, setting: &str, address: SocketAddr) -> Option<String> {
    let config = patient.config;
    // The name is only for the message.
    let (name, is_http): (&'static str, bool) = match setting {
        "licensing.listen" => ("licensing.listen", false),
        "sync.listen" => ("sync.listen", false),
        "updates.listen" => ("updates.listen", false),
        "updates.http_listen" => ("updates.http_listen", true),
        _ => ("gateway.listen", true),
    };
    if !is_http {
        return Transport::open(&config.tls, &config.security, address, name)
            .err()
            .map(|error| error.to_string());
    }
    let (tls, names, proxied) = if name == "gateway.listen" {
        let (tls, names) = config.gateway.tls(&config.tls);
        (tls, names, !config.gateway.trusted_proxies.is_empty())
    } else {
        (config.tls.clone(), ["tls.certificate", "tls.key"], false)
    };
    let opened = Transport::open_http(&tls, names, &config.security, (address, name), proxied);
    opened.err().map(|error| error.to_string())
}

fn certificate(patient: &Patient<'_>, setting: &str, file: &Path) -> Vec<Finding> {
    let shown = file.display();
    let Some(standing) = std::fs::read_to_string(file).ok().and_then(|text| Standing::read(&text)) else {
        // The listeners have said why.
        return Vec::new();
    };
    let mut findings = vec![time_left(patient, setting, file, &standing)];
    let advertised = &patient.config.runtime.advertised_addresses;
    for host in advertised.iter().map(|address| host_of(address)) {
        if !standing.hosts().iter().any(|own| own.eq_ignore_ascii_case(host))
            && !covers(standing.hosts(), host)
        {
            let found = format!("{shown} is not for {host}, which is in runtime.advertised_addresses");
            let remedy =
                format!("make one with `leasehold certs init --name {host}`, or correct the addresses");
            findings.push(Finding::failed(CHECK, found, remedy));
        }
    }
    findings.extend(way_to_a_ca(patient, setting, file, &standing));
    findings
}

fn time_left(patient: &Patient<'_>, setting: &str, file: &Path, standing: &Standing) -> Finding {
    let (shown, left) = (file.display(), standing.until().duration_since(patient.now));
    let remedy = "make it anew (`leasehold certs init --keep`, or where it comes from); running servers take it by themselves";
    let days = left.as_hours() / 24;
    if patient.now < standing.from() {
        let found = format!("`{setting}`: {shown} is good from {} only", standing.from());
        return Finding::failed(CHECK, found, "check this machine's clock, or wait");
    }
    if left.is_negative() {
        return Finding::failed(CHECK, format!("`{setting}`: {shown} ended at {}", standing.until()), remedy);
    }
    let found = format!("`{setting}`: {shown} is good for {days} days, for {}", standing.hosts().join(", "));
    if left < SOON { Finding::warning(CHECK, found, remedy) } else { Finding::passed(CHECK, found) }
}

/// Whether the other services, which trust the CAs of the configuration, would believe it.
fn way_to_a_ca(patient: &Patient<'_>, setting: &str, file: &Path, standing: &Standing) -> Option<Finding> {
    let Tls { client_ca, .. } = &patient.config.tls;
    let (key, ca) = match (&patient.config.services.ca, client_ca) {
        (Some(ca), _) => ("services.ca", ca),
        (None, Some(ca)) => ("tls.client_ca", ca),
        (None, None) => return None,
    };
    // Browsers trust others.
    if setting != "tls.certificate" {
        return None;
    }
    // What is said of the time and of names above is not said again.
    let at = patient.now.clamp(standing.from(), standing.until());
    let name = standing.hosts().first()?;
    match believed(file, ca, name, at) {
        Ok(()) => Some(Finding::passed(CHECK, format!("{} leads to a CA of `{key}`", file.display()))),
        Err(problem) => {
            let found = format!("who trusts `{key}` does not believe {}: {problem}", file.display());
            let remedy = "put the certificates between it and its CA behind it in the file, or name its CA; programs and \
                          services that trust another CA are not concerned";
            Some(Finding::warning(CHECK, found, remedy))
        }
    }
}

/// An advertised address without its port.
fn host_of(address: &str) -> &str {
    if let Some((host, _)) = address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    match address.split_once(':') {
        // More than one colon is an IPv6 address.
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}

/// Whether one of the names has an asterisk in the place of the host's first label.
fn covers(names: &[String], host: &str) -> bool {
    let Some((_, domain)) = host.split_once('.') else { return false };
    names.iter().any(|name| name.strip_prefix("*.").is_some_and(|rest| rest.eq_ignore_ascii_case(domain)))
}

#[cfg(unix)]
fn readable_by_others(setting: &str, key: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(key).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        let shown = key.display();
        let found = format!("`{setting}`: everybody on this machine may read {shown} (mode {mode:03o})");
        Finding::warning(CHECK, found, format!("`chmod 600 {shown}`, unless its folder lets nobody in"))
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: &str, _: &Path) -> Option<Finding> {
    None
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
