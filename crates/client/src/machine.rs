//! What this machine calls itself. Read once, when a client connects; blocking, small.

use std::path::Path;

use leasehold_domain::{HostId, HostIdType};

/// This machine's hostid and its name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The operating system's machine id, else the host name.
    pub(crate) hostid: Option<HostId>,
    /// The host name.
    pub(crate) name: Option<String>,
}

impl Machine {
    /// Asks the operating system.
    pub(crate) fn detect() -> Self {
        let name = first_line(Path::new("/proc/sys/kernel/hostname"))
            .or_else(|| first_line(Path::new("/etc/hostname")))
            .or_else(|| variable("HOSTNAME"))
            .or_else(|| variable("COMPUTERNAME"));
        Self::new(first_line(Path::new("/etc/machine-id")).as_deref(), name)
    }

    fn new(machine_id: Option<&str>, name: Option<String>) -> Self {
        let hostid = |kind, value: Option<&str>| HostId::new(kind, value?).ok();
        Self {
            hostid: hostid(HostIdType::MachineId, machine_id)
                .or_else(|| hostid(HostIdType::String, name.as_deref())),
            name,
        }
    }
}

fn first_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    // A machine that has not been set up yet says so in place of an id.
    (!line.is_empty() && line != "uninitialized").then(|| line.to_owned())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_id_names_the_device_and_else_the_host_name() {
        let id = || Some("b08dfa6083e7567a1921a715000001fb");
        let name = || Some("build-7".to_owned());
        let shown = |machine: Machine| machine.hostid.map(|hostid| hostid.to_string());
        assert_eq!(
            shown(Machine::new(id(), name())).as_deref(),
            Some("b08dfa6083e7567a1921a715000001fb/MACHINE_ID")
        );
        assert_eq!(shown(Machine::new(None, name())).as_deref(), Some("build-7/STRING"));
        assert_eq!(shown(Machine::new(None, None)), None);
    }

    #[test]
    fn files_that_say_nothing_are_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let path = directory.path().join("id");
            std::fs::write(&path, text).unwrap();
            first_line(&path)
        };
        assert_eq!(read("abc\n").as_deref(), Some("abc"));
        assert_eq!(read("uninitialized\n"), None);
        assert_eq!(read("\n"), None);
        assert_eq!(first_line(&directory.path().join("missing")), None);
    }
}
