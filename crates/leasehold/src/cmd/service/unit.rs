//! The text of a unit: what systemd starts, as whom, and what that may do.
//!
//! Sources: systemd.unit(5), systemd.service(5), systemd.exec(5). Not responsible for where it is kept.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What a unit is made from.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// The program, an absolute path.
    pub(super) program: PathBuf,
    /// Configuration files, absolute paths.
    pub(super) files: Vec<PathBuf>,
    /// Where the data is.
    pub(super) data: Data,
    /// As whom it runs.
    pub(super) account: Account,
    /// Whether it listens on a port that not everybody may use.
    pub(super) privileged_port: bool,
    /// Longest time that it takes to stop, in seconds.
    pub(super) stop_within: u64,
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// A directory that systemd makes below `/var/lib`, of this name.
    State(String),
    /// A directory of somebody's own.
    Dir(PathBuf),
}

/// As whom it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// A user that is there only while it runs.
    Dynamic,
    /// This user.
    Named(String),
    /// Whoever the unit belongs to.
    Own,
}

/// What every unit keeps from its process.
const NARROW: &str = "\
NoNewPrivileges=yes
UMask=0077
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
";
/// What only the system's own manager can keep from it.
const NARROWER: &str = "\
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
";

impl Unit {
    /// The unit's text.
    pub(super) fn text(&self) -> String {
        let mut text = String::from(
            "# Made by `leasehold service install`.\n\
             [Unit]\n\
             Description=Leasehold licence server\n\
             Wants=network-online.target\n\
             After=network-online.target time-sync.target\n\n\
             [Service]\n\
             Type=notify\n",
        );
        let _ = write!(
            text,
            "ExecStart={}\nRestart=on-failure\nRestartSec=5\nRestartPreventExitStatus=2\nTimeoutStartSec=90\n\
             TimeoutStopSec={}\nLimitNOFILE=65536\n",
            self.command(),
            self.stop_within
        );
        match &self.account {
            Account::Dynamic => text.push_str("DynamicUser=yes\n"),
            Account::Named(user) => {
                let _ = writeln!(text, "User={user}");
            }
            Account::Own => {}
        }
        match &self.data {
            Data::State(name) => {
                let _ = write!(text, "StateDirectory={name}\nStateDirectoryMode=0700\n");
            }
            Data::Dir(path) if self.account != Account::Own => {
                let _ = writeln!(text, "ReadWritePaths={}", quoted(path));
            }
            Data::Dir(_) => {}
        }
        text.push_str(NARROW);
        if self.account != Account::Own {
            text.push_str(NARROWER);
            let home = if self.is_below_home() { "read-only" } else { "yes" };
            let _ = writeln!(text, "ProtectHome={home}");
            if self.privileged_port {
                text.push_str(
                    "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n",
                );
            } else {
                text.push_str("CapabilityBoundingSet=\n");
            }
        }
        let target = if self.account == Account::Own { "default.target" } else { "multi-user.target" };
        let _ = write!(text, "\n[Install]\nWantedBy={target}\n");
        text
    }

    fn command(&self) -> String {
        let mut command = format!("{} serve", quoted(&self.program));
        for file in &self.files {
            let _ = write!(command, " -c {}", quoted(file));
        }
        let _ = write!(command, " --data-dir {}", quoted(&self.data.path()));
        command
    }

    /// Whether something that it reads is where `ProtectHome=yes` would hide it.
    fn is_below_home(&self) -> bool {
        let homes = ["/home", "/root", "/run/user"].map(Path::new);
        let data = match &self.data {
            Data::Dir(path) => Some(path),
            Data::State(_) => None,
        };
        let mut read = self.files.iter().chain([&self.program]).chain(data);
        read.any(|path| homes.iter().any(|home| path.starts_with(home)))
    }
}

impl Data {
    /// The directory.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::State(name) => Path::new("/var/lib").join(name),
            Self::Dir(path) => path.clone(),
        }
    }
}

/// A path as a unit has it: what would mean something else there is escaped.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%").replace('$', "$$");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%$".contains(&byte);
    if text.bytes().all(plain) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(data: Data, account: Account) -> Unit {
        Unit {
            program: "/usr/bin/leasehold".into(),
            files: vec!["/etc/leasehold/leasehold.toml".into()],
            data,
            account,
            privileged_port: false,
            stop_within: 30,
        }
    }

    fn has(text: &str, line: &str) -> bool {
        text.lines().any(|found| found == line)
    }

    #[test]
    fn a_service_of_the_system_runs_as_nobody_else_and_writes_nowhere_else() {
        let text = unit(Data::State("leasehold".into()), Account::Dynamic).text();
        for line in [
            "Type=notify",
            "ExecStart=/usr/bin/leasehold serve -c /etc/leasehold/leasehold.toml --data-dir /var/lib/leasehold",
            "DynamicUser=yes",
            "StateDirectory=leasehold",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "ProtectHome=yes",
            "CapabilityBoundingSet=",
            "WantedBy=multi-user.target",
        ] {
            assert!(has(&text, line), "{line:?} is not in {text}");
        }
        assert!(!text.contains("User=") || !text.contains("\nUser="), "{text}");
    }

    #[test]
    fn a_directory_of_ones_own_is_the_only_one_that_is_written() {
        let account = Account::Named("licences".into());
        let text = unit(Data::Dir("/srv/li ce\"n%ce".into()), account).text();
        for line in [
            "User=licences",
            "ReadWritePaths=\"/srv/li ce\\\"n%%ce\"",
            "ExecStart=/usr/bin/leasehold serve -c /etc/leasehold/leasehold.toml --data-dir \"/srv/li ce\\\"n%%ce\"",
        ] {
            assert!(has(&text, line), "{line:?} is not in {text}");
        }
        assert!(!text.contains("DynamicUser") && !text.contains("StateDirectory"), "{text}");
    }

    #[test]
    fn what_lies_in_a_home_can_be_read_and_low_ports_are_allowed_when_needed() {
        let mut low = unit(Data::State("leasehold".into()), Account::Dynamic);
        low.program = "/home/kim/leasehold".into();
        low.privileged_port = true;
        let text = low.text();
        assert!(
            has(&text, "ProtectHome=read-only") && has(&text, "AmbientCapabilities=CAP_NET_BIND_SERVICE")
        );
    }

    #[test]
    fn a_users_own_has_nothing_that_takes_the_systems_rights() {
        let text = unit(Data::Dir("/home/kim/.local/state/leasehold".into()), Account::Own).text();
        assert!(has(&text, "WantedBy=default.target") && has(&text, "NoNewPrivileges=yes"), "{text}");
        for word in ["ProtectSystem", "Capability", "User=", "StateDirectory"] {
            assert!(!text.contains(word), "{word} is in {text}");
        }
    }
}
