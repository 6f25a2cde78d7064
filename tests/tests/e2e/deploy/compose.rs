//! docker-compose.yml, as Docker Compose itself reads it.

use serde_json::Value;

use super::tools::{judged, passes, tool};
use super::{file, settings};

/// Our services in it.
pub(super) const SERVICES: [&str; 4] =
    ["licensing", "update-distribution", "back-office-sync", "admin-gateway"];

/// The whole of it, with every profile, as Docker Compose understands it; `None` where that is not here.
pub(super) fn read() -> Option<Value> {
    read_with("deploy/compose.env", &[])
}

/// The same with the variables of a file and with these, which overrule them.
pub(crate) fn read_with(file: &str, variables: &[(&str, &str)]) -> Option<Value> {
    let words = ["--env-file", file, "--profile", "*", "config", "--format", "json"];
    let output = tool("docker-compose")?.args(words).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Services, by name.
pub(crate) fn services(compose: &Value) -> impl Iterator<Item = (&str, &Value)> {
    compose["services"].as_object().unwrap().iter().map(|(name, service)| (name.as_str(), service))
}

/// A service's environment.
pub(crate) fn environment(service: &Value) -> Vec<(String, String)> {
    let pairs = service["environment"].as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Names of a map or a list in a service.
pub(crate) fn names<'a>(service: &'a Value, key: &str) -> Vec<&'a str> {
    match &service[key] {
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether it is one of ours.
pub(crate) fn is_ours(service: &Value) -> bool {
    service["image"].as_str().is_some_and(|image| image.starts_with("leasehold"))
}

#[test]
fn docker_compose_its_schema_and_a_linter_accept_it() {
    if let Some(compose) = tool("docker-compose") {
        passes(compose, &["--profile", "*", "config", "--quiet"]);
    }
    if let Some(compose) = tool("docker-compose") {
        passes(compose, &["--env-file", "deploy/demo.env", "config", "--quiet"]);
    }
    if let Some(schema) = tool("check-jsonschema") {
        passes(schema, &["--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]);
    }
    if let Some(linter) = tool("compose-lint") {
        let config = "deploy/judges/compose-lint.yml";
        let words = ["check", "--no-env", "--strict-config", "--fail-on", "low", "--config", config];
        passes(linter, &[&words[..], &["docker-compose.yml"]].concat());
    }
}

#[test]
fn what_is_wrong_is_seen() {
    let Some(schema) = tool("check-jsonschema") else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("docker-compose.yml");
    let text = std::fs::read_to_string(file("docker-compose.yml")).unwrap();
    std::fs::write(&wrong, text.replace("\n    networks: [data]\n", "\n    network: [data]\n")).unwrap();
    let wrong = wrong.to_str().unwrap();
    let (content, said) = judged(schema, &["--builtin-schema", "vendor.compose-spec", wrong]);
    assert!(!content && said.contains("network"), "{said}");
}

#[test]
fn every_container_has_as_little_as_it_needs() {
    let Some(compose) = read() else { return };
    for (name, service) in services(&compose) {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(names(service, "cap_drop"), ["ALL"], "{name}");
        assert_eq!(names(service, "security_opt"), ["no-new-privileges:true"], "{name}");
        let user = service["user"].as_str().unwrap_or("0");
        assert!(user.parse::<u32>().is_err() && !user.starts_with('0'), "{name}: {user}");
        assert!(service["deploy"]["resources"]["limits"]["memory"].is_string(), "{name}");
        assert!(service.get("privileged").is_none() && service.get("pid").is_none(), "{name}");
    }
    for inner in ["services", "data"] {
        assert_eq!(compose["networks"][inner]["internal"], true, "{inner}");
    }
    for (name, service) in services(&compose) {
        let published = service["ports"].as_array().map_or(0, Vec::len);
        let open = SERVICES.contains(&name) && name != "back-office-sync";
        assert!(published == 0 || open || name == "prometheus", "{name} publishes a port");
    }
}

#[test]
fn nobody_can_read_anothers_key() {
    let Some(compose) = read() else { return };
    let mounted = |service: &Value| -> Vec<(String, String)> {
        let volumes = service["volumes"].as_array().into_iter().flatten();
        let pairs = volumes.map(|volume| (volume["source"].clone(), volume["target"].clone()));
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        pairs.map(|(source, target)| (text(source), text(target))).collect()
    };
    let mut seen = Vec::new();
    for (name, service) in services(&compose).filter(|(name, _)| *name != "certs") {
        let tls: Vec<String> = mounted(service)
            .into_iter()
            .filter(|(source, _)| source.starts_with("tls-"))
            .map(|(source, target)| {
                assert_eq!(target, "/etc/leasehold/tls", "{name}");
                source
            })
            .collect();
        assert!(tls.len() <= 1, "{name}: {tls:?}");
        seen.extend(tls);
        let master_key = names_of_secrets(service).contains(&"master_key");
        assert_eq!(master_key, SERVICES.contains(&name), "{name}");
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "each certificate has one owner: {seen:?}");
    assert!(!seen.contains(&"tls-ca".to_owned()), "nobody but `certs` has the key of the CA");
    // Each folder that is made is a volume, and what a service mounts is its own name's.
    let (_, certs) = services(&compose).find(|(name, _)| *name == "certs").unwrap();
    let made: Vec<String> = mounted(certs).into_iter().map(|(_, target)| target).collect();
    let names = ["ca"].into_iter().chain(leasehold::certs::SERVICES).chain(leasehold::certs::CALLERS);
    let wanted: Vec<String> = names.map(|name| format!("/etc/leasehold/tls/{name}")).collect();
    assert_eq!(made, wanted);
}

fn names_of_secrets(service: &Value) -> Vec<&str> {
    let secrets = service["secrets"].as_array().into_iter().flatten();
    secrets.filter_map(|secret| secret["source"].as_str()).collect()
}

#[test]
fn whoever_is_called_can_be_reached() {
    let Some(compose) = read() else { return };
    let networks = |name: &str| names(&compose["services"][name], "networks");
    for (name, service) in services(&compose) {
        for (key, value) in environment(service) {
            let Some((_, rest)) = value.split_once("://") else { continue };
            let rest = rest.rsplit('@').next().unwrap();
            let (host, port) = rest.split('/').next().unwrap().split_once(':').unwrap();
            assert!(compose["services"].get(host).is_some(), "{name}: {key} leads to {host}");
            let (own, theirs) = (networks(name), networks(host));
            assert!(own.iter().any(|network| theirs.contains(network)), "{name} has no network with {host}");
            let called = &compose["services"][host];
            if is_ours(called) {
                let listens =
                    environment(called).into_iter().any(|(_, value)| value == format!("0.0.0.0:{port}"));
                assert!(listens, "{name}: {host} does not listen on {port}");
                let certs = &compose["services"]["certs"]["command"];
                let named = certs.as_array().unwrap().contains(&format!("--name={host}").into());
                assert!(named, "no certificate names {host}");
            }
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            let target = &port["target"];
            let listens =
                environment(service).into_iter().any(|(_, value)| value == format!("0.0.0.0:{target}"));
            assert!(listens || !is_ours(service), "{name} does not listen on {target}");
        }
        for waited in names(service, "depends_on") {
            let condition = service["depends_on"][waited]["condition"].as_str().unwrap();
            let once = compose["services"][waited]["restart"] == "no";
            assert_eq!(once, condition == "service_completed_successfully", "{name} waits for {waited}");
        }
    }
}

#[test]
fn whoever_goes_to_the_vendor_has_a_network_with_it_and_knows_its_ca() {
    let Some(compose) = read_with("deploy/demo.env", &[]) else { return };
    let networks = |name: &str| names(&compose["services"][name], "networks");
    for (name, setting) in
        [("back-office-sync", "SYNC__VENDOR_CA"), ("update-distribution", "UPDATES__UPSTREAM_CA")]
    {
        assert!(networks(name).iter().any(|network| networks("back-office").contains(network)), "{name}");
        let setting = (format!("LEASEHOLD__{setting}"), "/etc/leasehold/tls/ca.crt".to_owned());
        assert!(environment(&compose["services"][name]).contains(&setting), "{name}");
    }
}

#[test]
fn the_program_takes_every_setting() {
    let Some(compose) = read() else { return };
    let mut checked = 0;
    for (name, service) in services(&compose).filter(|(_, service)| is_ours(service)) {
        settings::taken(name, &environment(service));
        checked += usize::from(SERVICES.contains(&name));
    }
    assert_eq!(checked, SERVICES.len());
}

#[test]
fn each_file_of_a_setting_is_one_that_the_container_has() {
    let Some(compose) = read() else { return };
    for (name, service) in services(&compose).filter(|(_, service)| is_ours(service)) {
        let secrets = names_of_secrets(service);
        let mut used = Vec::new();
        for (key, value) in environment(service) {
            if let Some(secret) = value.strip_prefix("/run/secrets/") {
                assert!(secrets.contains(&secret), "{name}: {key} is {value}");
                used.push(secret.to_owned());
            }
        }
        used.sort();
        let mut given = secrets.clone();
        given.sort_unstable();
        assert_eq!(used, given, "{name} has a secret that it does not use");
    }
}
