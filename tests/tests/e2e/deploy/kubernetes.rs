//! The Kubernetes manifests, as kustomize puts them together.

use std::fs;

use serde_json::Value;

use super::tools::{documents, judged, passes, tool};
use super::{compose, settings};

const BASE: &str = "deploy/kubernetes/base";
const EXAMPLE: &str = "deploy/kubernetes/overlays/example";
/// The oldest release of Kubernetes that the manifests are for.
const OLDEST: &str = "1.31";
/// Kinds that are no part of Kubernetes, and so of no schema here.
const FOREIGN: &str = "cert-manager.io/v1";

/// What kustomize makes of a folder; `None` where it is not here.
fn rendered(folder: &str) -> Option<String> {
    let output = tool("kubectl")?.args(["kustomize", folder]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The same without what is no part of Kubernetes.
fn of_kubernetes(rendered: &str) -> String {
    let foreign = format!("apiVersion: {FOREIGN}\n");
    let own: Vec<&str> = rendered.split("---\n").filter(|document| !document.contains(&foreign)).collect();
    own.join("---\n")
}

fn read(folder: &str) -> Option<Vec<Value>> {
    documents(&rendered(folder)?)
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    let kind = kind.to_owned();
    documents.iter().filter(move |document| document["kind"] == kind.as_str())
}

fn name(document: &Value) -> &str {
    document["metadata"]["name"].as_str().unwrap()
}

/// Deployments and jobs.
fn workloads(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents.iter().filter(|document| document["kind"] == "Deployment" || document["kind"] == "Job")
}

#[test]
fn two_releases_of_kubernetes_accept_them() {
    for folder in [BASE, EXAMPLE] {
        let Some(rendered) = rendered(folder) else { return };
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("rendered.yaml");
        fs::write(&path, of_kubernetes(&rendered)).unwrap();
        let path = path.to_str().unwrap();
        for words in [&["--strict", "-k", OLDEST, path][..], &["--strict", path]] {
            let Some(validate) = tool("kubernetes-validate") else { return };
            passes(validate, words);
        }
    }
}

#[test]
fn a_field_that_there_is_not_is_seen() {
    let (Some(rendered), Some(validate)) = (rendered(BASE), tool("kubernetes-validate")) else { return };
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("rendered.yaml");
    fs::write(&path, rendered.replace("readinessProbe:", "readynessProbe:")).unwrap();
    let (content, said) = judged(validate, &["--strict", "-k", OLDEST, path.to_str().unwrap()]);
    assert!(!content && said.contains("readynessProbe"), "{said}");
}

#[test]
fn a_policy_scanner_finds_nothing_that_is_not_explained() {
    let Some(rendered) = rendered(EXAMPLE) else { return };
    let Some(scanner) = tool("checkov") else { return };
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("rendered.yaml");
    fs::write(&path, of_kubernetes(&rendered)).unwrap();
    let words = ["--config-file", "deploy/judges/checkov.yml", "--framework", "kubernetes", "--file"];
    passes(scanner, &[&words[..], &[path.to_str().unwrap()]].concat());
}

#[test]
fn pods_are_unprivileged_probed_and_spread() {
    let Some(documents) = read(BASE) else { return };
    let mut names: Vec<&str> = of_kind(&documents, "Deployment").map(name).collect();
    names.sort_unstable();
    let mut wanted = compose::SERVICES.to_vec();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "the services of compose");
    for workload in workloads(&documents) {
        let (name, pod) = (name(workload), &workload["spec"]["template"]["spec"]);
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        let container = &pod["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL", "{name}");
        let accounts: Vec<_> = of_kind(&documents, "ServiceAccount").map(self::name).collect();
        assert!(accounts.contains(&pod["serviceAccountName"].as_str().unwrap()), "{name}");
        assert_eq!(of_kind(&documents, "Secret").count(), 0, "secrets are no part of it");
    }
    for deployment in of_kind(&documents, "Deployment") {
        let (name, pod) = (name(deployment), &deployment["spec"]["template"]["spec"]);
        let container = &pod["containers"][0];
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/ready", "{name}");
        assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/live", "{name}");
        assert!(pod["topologySpreadConstraints"].is_array(), "{name}");
        assert!(
            of_kind(&documents, "PodDisruptionBudget").any(|budget| self::name(budget) == name),
            "{name}"
        );
        // A scaler that says how many there are is not overruled with each change.
        let scaled = of_kind(&documents, "HorizontalPodAutoscaler")
            .any(|scaler| scaler["spec"]["scaleTargetRef"]["name"] == name);
        assert_eq!(deployment["spec"].get("replicas").is_none(), scaled, "{name}");
    }
}

/// A container's environment, with what it takes from the shared map.
fn environment(documents: &[Value], workload: &Value) -> Vec<(String, String)> {
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    let map = |name: &Value| {
        let map = of_kind(documents, "ConfigMap").find(|map| map["metadata"]["name"] == *name);
        map.unwrap_or_else(|| panic!("no map {name}"))["data"].as_object().unwrap()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut pairs = Vec::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let shared = map(&source["configMapRef"]["name"]);
        pairs.extend(shared.iter().map(|(name, value)| (name.clone(), text(value))));
    }
    for entry in container["env"].as_array().into_iter().flatten() {
        let value = match &entry["valueFrom"]["configMapKeyRef"] {
            Value::Null => text(&entry["value"]),
            reference => text(&map(&reference["name"])[reference["key"].as_str().unwrap()]),
        };
        pairs.push((text(&entry["name"]), value));
    }
    pairs
}

#[test]
fn the_program_takes_every_setting() {
    for folder in [BASE, EXAMPLE] {
        let Some(documents) = read(folder) else { return };
        let mut checked = 0;
        for workload in workloads(&documents) {
            settings::taken(name(workload), &environment(&documents, workload));
            checked += 1;
        }
        assert_eq!(checked, compose::SERVICES.len() + 1);
    }
}

#[test]
fn services_are_told_the_same_as_in_compose() {
    let (Some(documents), Some(compose)) = (read(BASE), compose::read()) else { return };
    let passed_over = ["RUNTIME__", "LOGGING__", "SYNC__VENDOR_CA", "SYNC__HOSTIDS", "UPDATES__UPSTREAM_CA"];
    let own = |pairs: Vec<(String, String)>| -> Vec<(String, String)> {
        let counts =
            |name: &str| !passed_over.iter().any(|start| name.starts_with(&format!("LEASEHOLD__{start}")));
        let mut pairs: Vec<(String, String)> = pairs.into_iter().filter(|(name, _)| counts(name)).collect();
        // Kubernetes puts several secrets into one folder.
        for (_, value) in &mut pairs {
            *value = value.replace("/run/secrets/leasehold/", "/run/secrets/");
        }
        pairs.sort();
        pairs
    };
    for deployment in of_kind(&documents, "Deployment") {
        let service = &compose["services"][name(deployment)];
        assert_eq!(
            own(environment(&documents, deployment)),
            own(compose::environment(service)),
            "{}",
            name(deployment)
        );
        let (here, there) =
            (&deployment["spec"]["template"]["spec"]["containers"][0]["args"], &service["command"]);
        assert_eq!(here, there);
    }
}

/// Whether a rule of a policy lets somebody through: `of`, with the ports, in the direction.
fn lets(policies: &[&Value], whose: &str, (direction, end): (&str, &str), other: &str, port: u64) -> bool {
    let own = policies
        .iter()
        .filter(|policy| policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == whose);
    let mut rules = own.flat_map(|policy| policy["spec"][direction].as_array().into_iter().flatten());
    rules.any(|rule| {
        let ports = rule["ports"].as_array().unwrap();
        let peers = rule[end].as_array();
        ports.iter().any(|allowed| allowed["port"] == port)
            && peers.is_none_or(|peers| {
                peers.iter().any(|peer| peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == other)
            })
    })
}

#[test]
fn the_network_lets_through_what_is_called_and_nothing_is_open_by_default() {
    let Some(documents) = read(BASE) else { return };
    let policies: Vec<&Value> = of_kind(&documents, "NetworkPolicy").collect();
    let deny = policies.iter().find(|policy| name(policy) == "default-deny").unwrap();
    assert_eq!(deny["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert!(deny["spec"].get("ingress").is_none() && deny["spec"].get("egress").is_none());
    let mut calls = 0;
    for workload in workloads(&documents) {
        let caller = name(workload);
        for (_, value) in environment(&documents, workload) {
            let Some((_, rest)) = value.split_once("://") else { continue };
            let (host, port) =
                rest.rsplit('@').next().unwrap().split('/').next().unwrap().split_once(':').unwrap();
            let port: u64 = port.parse().unwrap();
            assert!(
                lets(&policies, caller, ("egress", "to"), host, port),
                "{caller} cannot call {host}:{port}"
            );
            if compose::SERVICES.contains(&host) {
                assert!(
                    lets(&policies, host, ("ingress", "from"), caller, port),
                    "{host} does not hear {caller}"
                );
                let service = of_kind(&documents, "Service").find(|service| name(service) == host).unwrap();
                let ports = service["spec"]["ports"].as_array().unwrap();
                assert!(ports.iter().any(|open| open["port"] == port), "{host} has no port {port}");
                calls += 1;
            }
        }
    }
    assert!(calls >= 5, "{calls}");
    assert!(!lets(&policies, "back-office-sync", ("ingress", "from"), "migrate", 16772), "a stranger");
}

#[test]
fn each_certificate_says_who_its_owner_is_and_how_it_is_called() {
    let Some(documents) = read(EXAMPLE) else { return };
    for deployment in of_kind(&documents, "Deployment") {
        let pod = &deployment["spec"]["template"]["spec"];
        let secret = &pod["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|volume| volume["name"] == "tls")
            .unwrap()["secret"];
        let certificate = of_kind(&documents, "Certificate")
            .find(|certificate| certificate["spec"]["secretName"] == secret["secretName"])
            .unwrap_or_else(|| panic!("nobody makes {secret}"));
        let spec = &certificate["spec"];
        let service = pod["containers"][0]["args"][1].as_str().unwrap();
        assert!(leasehold::certs::SERVICES.contains(&service), "{service}");
        assert_eq!(spec["uris"], serde_json::json!([format!("leasehold://service/{service}")]));
        assert!(spec["dnsNames"].as_array().unwrap().contains(&name(deployment).into()), "{service}");
    }
}
