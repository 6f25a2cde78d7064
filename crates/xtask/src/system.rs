//! What the tests need from the machine itself, and how it gets there: Debian's packages, installed where we may
//! and named where we may not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something that the machine must have.
pub(crate) struct Need {
    /// In words, for messages.
    pub(crate) what: &'static str,
    /// Debian's packages that bring it.
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

/// Everything that checks and tests use and no registry of Rust or Python brings.
pub(crate) static NEEDS: &[Need] = &[
    Need { what: "a C compiler", packages: &["gcc", "libc6-dev"], is_there: has_c_compiler },
    Need { what: "Python 3 with venv", packages: &["python3", "python3-venv"], is_there: has_python },
    Need { what: "the PostgreSQL server", packages: &["postgresql"], is_there: has_postgres },
    Need { what: "the Redis server", packages: &["redis-server"], is_there: has_redis },
    Need { what: "libfaketime", packages: &["libfaketime"], is_there: has_faketime },
    Need { what: "age", packages: &["age"], is_there: has_age },
    Need { what: "Chromium", packages: &["chromium"], is_there: has_chromium },
    Need { what: "Node.js with npm", packages: &["nodejs", "npm"], is_there: has_node },
];

/// The needs that are not met.
pub(crate) fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.is_there)()).collect()
}

/// Installs what is missing with `apt-get`. An error says what to install by hand.
pub(crate) fn install(needs: &[&Need]) -> crate::Result<()> {
    println!("installing {}", packages(needs).join(" "));
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages(needs));
    // Stale lists may still hold the packages, so only the second step decides.
    refresh_lists();
    if apt_get(&install) && missing().is_empty() { Ok(()) } else { Err(advice(needs)) }
}

/// Reads what packages there are, where we may. Whether that went well shows when one is fetched.
pub(crate) fn refresh_lists() {
    apt_get(&["update", "--quiet"]);
}

/// Whether `apt-get` is there and did this, as root.
fn apt_get(words: &[&str]) -> bool {
    let (Some(apt), Some(mut line)) = (on_path("apt-get"), become_root()) else { return false };
    line.extend(["env".to_owned(), "DEBIAN_FRONTEND=noninteractive".to_owned(), apt.display().to_string()]);
    line.extend(words.iter().map(|word| (*word).to_owned()));
    let status = Command::new(&line[0]).args(&line[1..]).stdin(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// What a user without root's rights here has to do.
pub(crate) fn advice(needs: &[&Need]) -> String {
    let what: Vec<&str> = needs.iter().map(|need| need.what).collect();
    format!("{} missing; on Debian: sudo apt-get install {}", what.join(" and "), packages(needs).join(" "))
}

fn packages(needs: &[&Need]) -> Vec<&'static str> {
    needs.iter().flat_map(|need| need.packages).copied().collect()
}

/// The words that come before a command for root; none where we are root, `None` where there is no way.
fn become_root() -> Option<Vec<String>> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(Vec::new());
    }
    let sudo = succeeds(Command::new("sudo").args(["-n", "true"]));
    sudo.then(|| vec!["sudo".to_owned(), "-n".to_owned()])
}

/// The first program of this name on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether the command starts and ends well; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn has_c_compiler() -> bool {
    succeeds(Command::new("cc").arg("--version"))
}

fn has_python() -> bool {
    succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

fn has_postgres() -> bool {
    if on_path("initdb").is_some() {
        return true;
    }
    let Ok(versions) = Path::new("/usr/lib/postgresql").read_dir() else { return false };
    versions.flatten().any(|version| version.path().join("bin/initdb").is_file())
}

fn has_redis() -> bool {
    on_path("redis-server").is_some()
}

fn has_faketime() -> bool {
    let Ok(machines) = Path::new("/usr/lib").read_dir() else { return false };
    machines.flatten().any(|machine| machine.path().join("faketime/libfaketimeMT.so.1").is_file())
}

fn has_chromium() -> bool {
    on_path("chromium").is_some()
}

fn has_node() -> bool {
    on_path("node").is_some() && on_path("npm").is_some()
}

fn has_age() -> bool {
    on_path("age").is_some() && on_path("age-keygen").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_things_and_packages() {
        let needs: Vec<&Need> = NEEDS.iter().take(2).collect();
        assert_eq!(
            advice(&needs),
            "a C compiler and Python 3 with venv missing; on Debian: sudo apt-get install gcc libc6-dev python3 \
             python3-venv"
        );
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh").is_some_and(|file| file.ends_with("sh")));
        assert_eq!(on_path("no-program-has-this-name"), None);
    }
}
