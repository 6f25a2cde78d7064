//! The addresses to listen on: free, or taken by ourselves.

use std::net::SocketAddr;

use leasehold_runtime::server::{BindError, bind};

use super::{Finding, Patient};

const CHECK: &str = "ports";
/// What we are called among the processes of a machine.
const OURSELVES: &str = "leasehold";

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (setting, address) in listeners(patient) {
        findings.push(look(&setting, address).await);
    }
    findings
}

/// Where the services of this machine listen, and the admin listener: the setting, and the address.
pub(super) fn listeners(patient: &Patient<'_>) -> Vec<(String, SocketAddr)> {
    let rows = patient.config.effective().iter();
    rows.filter_map(|row| {
        let (section, name) = row.key.split_once('.')?;
        let is_one = name == "listen" || name.ends_with("_listen");
        let runs = section == "admin" || patient.runs(section);
        let address = row.value.parse().ok()?;
        (is_one && runs).then(|| (row.key.clone(), address))
    })
    .collect()
}

async fn look(setting: &str, address: SocketAddr) -> Finding {
    if address.port() == 0 {
        return Finding::passed(CHECK, format!("`{setting}`: any free port of {}", address.ip()));
    }
    // Bound for a moment, and let go of. The name in the error is not shown.
    match bind(address, "listen").await {
        Ok(_) => Finding::passed(CHECK, format!("`{setting}`: {address} is free")),
        Err(BindError::InUse { .. }) => taken(setting, address, owner(address.port())),
        Err(BindError::NotPermitted { .. }) => {
            let found = format!("`{setting}`: this user may not listen on {address}");
            let remedy = "set a port above 1023, or let the server have CAP_NET_BIND_SERVICE, as `leasehold service install` does";
            Finding::warning(CHECK, found, remedy)
        }
        Err(BindError::NoSuchAddress { .. }) => {
            let found = format!("`{setting}`: this machine has no address {}", address.ip());
            Finding::failed(
                CHECK,
                found,
                format!("set `{setting}` to an address of this machine, or to 0.0.0.0"),
            )
        }
        Err(BindError::Other { source, .. }) => {
            let found = format!("`{setting}`: {address} cannot be used: {source}");
            Finding::failed(CHECK, found, format!("check `{setting}`"))
        }
    }
}

fn taken(setting: &str, address: SocketAddr, owner: Option<Owner>) -> Finding {
    match owner {
        Some(Owner { pid, name }) if name == OURSELVES => {
            Finding::passed(CHECK, format!("`{setting}`: {address} is served by {name}, process {pid}"))
        }
        Some(Owner { pid, name }) => {
            let found = format!("`{setting}`: {address} is taken by {name}, process {pid}");
            Finding::failed(CHECK, found, format!("stop it, or set `{setting}` to another port"))
        }
        None => {
            let found =
                format!("`{setting}`: {address} is taken, by a process that this user may not look at");
            Finding::warning(
                CHECK,
                found,
                "if that is not the server itself, stop it; as root this says which it is",
            )
        }
    }
}

/// Who listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// Its process.
    pub(super) pid: u32,
    /// What the process is called.
    pub(super) name: String,
}

#[cfg(target_os = "linux")]
fn owner(port: u16) -> Option<Owner> {
    super::socket::owner(port)
}

#[cfg(not(target_os = "linux"))]
fn owner(_: u16) -> Option<Owner> {
    None
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;

    #[tokio::test]
    async fn a_port_that_somebody_else_has_is_told_with_who_it_is() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let settings = [
            ("licensing.listen", address.to_string()),
            ("sync.listen", "127.0.0.1:0".to_owned()),
            ("gateway.listen", "127.0.0.1:0".to_owned()),
            ("admin.listen", "127.0.0.1:0".to_owned()),
        ];
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let config = config(&settings);
        let only = ["licensing".to_owned()];
        let licensing = || Patient { services: &only, ..patient(&config) };
        let found = check(&licensing()).await;
        let told = the(&found, &format!("{address} is taken by"));
        assert_eq!(told.verdict, Verdict::Failed);
        #[cfg(target_os = "linux")]
        assert!(told.found.contains(&format!("process {}", std::process::id())), "{told:?}");
        assert!(!found.iter().any(|finding| finding.found.contains("sync.listen")), "{found:?}");
        drop(other);
        all_passed(&check(&licensing()).await);
        let nowhere = look("licensing.listen", "192.0.2.1:16770".parse().unwrap()).await;
        assert_eq!(nowhere.verdict, Verdict::Failed, "{nowhere:?}");
    }

    #[test]
    fn our_own_server_may_have_its_port() {
        let address = "127.0.0.1:16770".parse().unwrap();
        let by = |name: &str| {
            taken("licensing.listen", address, Some(Owner { pid: 7, name: name.to_owned() })).verdict
        };
        assert_eq!((by("leasehold"), by("nginx")), (Verdict::Passed, Verdict::Failed));
        assert_eq!(taken("licensing.listen", address, None).verdict, Verdict::Warning);
    }
}
