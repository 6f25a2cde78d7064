//! What identifies this machine to the vendor, where the configuration does not say it.

use leasehold_domain::{HostId, HostIdType};

/// The operating system's machine id; nothing where it says none.
pub(super) fn detected() -> Vec<HostId> {
    let machine = std::fs::read_to_string("/etc/machine-id").ok();
    let machine = machine.and_then(|text| HostId::new(HostIdType::MachineId, text.trim()).ok());
    machine.into_iter().collect()
}
