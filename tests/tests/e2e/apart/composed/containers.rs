//! What docker-compose.yml starts, on this machine without containers: the same command lines and variables.
//!
//! Each service has a folder that stands for its file system, in which its volumes and secrets are links, and each port
//! of a service is another free one of the loopback address. Images, users, networks and limits are not played.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use leasehold_testkit::free_port;
use serde_json::Value;

use crate::binary::leasehold;
use crate::deploy::compose;

/// What the image says of itself.
const IMAGE: (&str, &str) = ("LEASEHOLD__RUNTIME__DATA_DIR", "/var/lib/leasehold");
/// The folders of a container that hold anything of ours.
const PLACES: [&str; 3] = ["/etc/leasehold", "/var/lib/leasehold", "/run/secrets"];

/// The services, and where they are here.
pub(super) struct Containers {
    compose: Value,
    folder: PathBuf,
    ports: BTreeMap<(String, u16), u16>,
    changes: Vec<(&'static str, &'static str, String)>,
}

impl Containers {
    /// `foreign` are the ports of what is not ours, as in the file and as here.
    pub(super) fn new(compose: Value, folder: &Path, foreign: &[(&str, u16, u16)]) -> Self {
        let foreign = foreign.iter().map(|(name, there, here)| (((*name).to_owned(), *there), *here));
        let mut ports: BTreeMap<_, _> = foreign.collect();
        for (name, service) in compose::services(&compose) {
            for (_, value) in compose::environment(service) {
                if let Some(port) = value.strip_prefix("0.0.0.0:") {
                    ports.insert((name.to_owned(), port.parse().unwrap()), free_port().unwrap());
                }
            }
        }
        let containers = Self { compose, folder: folder.to_owned(), ports, changes: Vec::new() };
        for (name, service) in containers.ours() {
            containers.furnish(name, service);
        }
        containers
    }

    /// What is ours and not a tool for people, by name.
    pub(super) fn ours(&self) -> impl Iterator<Item = (&str, &Value)> {
        compose::services(&self.compose).filter(|(_, service)| compose::is_ours(service))
    }

    /// A service.
    pub(super) fn service(&self, name: &str) -> &Value {
        &self.compose["services"][name]
    }

    /// Where this port of a service is here.
    pub(super) fn port(&self, service: &str, port: u16) -> u16 {
        self.ports[&(service.to_owned(), port)]
    }

    /// Sets a variable of a service to what the file does not say.
    pub(super) fn change(&mut self, service: &'static str, variable: &'static str, value: String) {
        self.changes.push((service, variable, value));
    }

    /// What of a volume has this path.
    pub(super) fn in_volume(&self, volume: &str, path: &str) -> PathBuf {
        self.folder.join("volumes").join(volume).join(path)
    }

    /// The file system of a service.
    pub(super) fn root(&self, service: &str) -> PathBuf {
        self.folder.join("roots").join(service)
    }

    /// The program as this service runs it, with these words for its own.
    pub(super) fn command(&self, service: &str, words: &[&str]) -> Command {
        let mut command = Command::new(leasehold());
        let ambient = std::env::vars_os().map(|(name, _)| name);
        for name in ambient.filter(|name| name.to_string_lossy().starts_with("LEASEHOLD_")) {
            command.env_remove(name);
        }
        command.env(IMAGE.0, self.here(service, IMAGE.1));
        for (name, value) in compose::environment(self.service(service)) {
            command.env(name, self.here(service, &value));
        }
        for (_, name, value) in self.changes.iter().filter(|(whose, ..)| *whose == service) {
            command.env(name, value);
        }
        command.args(words.iter().map(|word| self.here(service, word)));
        command.current_dir(self.root(service).join(&IMAGE.1[1..]));
        command
    }

    /// The program as this service starts it.
    pub(super) fn started(&self, service: &str) -> Command {
        self.command(service, &compose::names(self.service(service), "command"))
    }

    /// What a value of the file is here.
    fn here(&self, service: &str, value: &str) -> String {
        if let Some(port) = value.strip_prefix("0.0.0.0:") {
            return format!("127.0.0.1:{}", self.port(service, port.parse().unwrap()));
        }
        let mut value = value.to_owned();
        for ((host, there), here) in &self.ports {
            // Certificates have this name as well; what is not ours listens at one address alone.
            let name = if compose::is_ours(self.service(host)) { "localhost" } else { "127.0.0.1" };
            value = value.replace(&format!("{host}:{there}"), &format!("{name}:{here}"));
        }
        let root = self.root(service);
        for place in PLACES {
            value = value.replace(place, &format!("{}{place}", root.display()));
        }
        value
    }

    fn furnish(&self, name: &str, service: &Value) {
        let root = self.root(name);
        for place in PLACES {
            fs::create_dir_all(root.join(&place[1..])).unwrap();
        }
        let link = |to: &Path, target: &str| {
            let at = root.join(&target[1..]);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            // An empty folder that stands there makes way.
            let _ = fs::remove_dir(&at);
            symlink(to, at).unwrap();
        };
        let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let to = self.in_volume(&text(volume, "source"), "");
            fs::create_dir_all(&to).unwrap();
            link(&to, &text(volume, "target"));
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            link(&self.folder.join("secrets").join(text(secret, "source")), &text(secret, "target"));
        }
    }

    /// What services have written beside their volumes: in a container they could not.
    pub(super) fn strays(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    walk(&entry.path(), found);
                } else if !kind.is_symlink() {
                    found.push(entry.path());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.folder.join("roots"), &mut found);
        found
    }
}
