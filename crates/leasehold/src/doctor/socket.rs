//! Who listens on a port, as the kernel tells it below `/proc`: proc(5).

use std::fs;
use std::path::Path;

use super::ports::Owner;

/// The state of a socket that listens.
const LISTEN: &str = "0A";

/// Who listens on this port, where this user may look at that process.
pub(super) fn owner(port: u16) -> Option<Owner> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let inodes: Vec<String> =
        tables.into_iter().flatten().flat_map(|table| listening(&table, port)).collect();
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        holds(&entry.path(), &links).then(|| Owner { pid, name: name(&entry.path()) })
    })
}

/// The inodes of the sockets in a table that listen on this port.
fn listening(table: &str, port: u16) -> Vec<String> {
    let ends = format!(":{port:04X}");
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        (local.ends_with(&ends) && *state == LISTEN).then(|| (*inode).to_owned())
    };
    table.lines().skip(1).filter_map(row).collect()
}

fn holds(process: &Path, links: &[String]) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    files.flatten().any(|file| {
        let target = fs::read_link(file.path()).ok();
        target.is_some_and(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
    })
}

fn name(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_listen_on_the_port_are_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:4182 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4711 1 0 100 0 0 10 0\n\
            1: 0100007F:4182 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000 0 4712 1 0 100 0 0 10 0\n\
            2: 00000000:4183 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4713 1 0 100 0 0 10 0\n";
        assert_eq!(listening(table, 16_770), ["4711"]);
        assert!(listening(table, 80).is_empty());
    }
}
