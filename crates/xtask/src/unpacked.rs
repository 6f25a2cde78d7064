//! Programs out of Debian's packages that are not installed, because that would start a service on the machine.

use std::path::{Path, PathBuf};

use crate::system;
use crate::workspace::{Workspace, run};

/// Its package brings a server as well, which would take the port of our admin listener.
const PROMTOOL: (&str, &str) = ("prometheus", "usr/bin/promtool");

/// Prometheus' checker of rules, if it is there.
pub(crate) fn ready(workspace: &Workspace) -> Option<PathBuf> {
    let (_, program) = PROMTOOL;
    let unpacked = folder(workspace).join(program);
    system::on_path("promtool").or_else(|| unpacked.is_file().then_some(unpacked))
}

/// The same, fetched where it is not there.
pub(crate) fn bring(workspace: &Workspace) -> crate::Result<PathBuf> {
    if let Some(program) = ready(workspace) {
        return Ok(program);
    }
    let (package, program) = PROMTOOL;
    let folder = folder(workspace);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    println!("unpacking {package} in {}", folder.display());
    if !download(workspace, &folder, package) {
        // The lists may be missing or old.
        system::refresh_lists();
        if !download(workspace, &folder, package) {
            return Err(format!("{package} cannot be fetched with apt-get; put promtool on the PATH"));
        }
    }
    let archive = archive(&folder).ok_or_else(|| format!("no package came into {}", folder.display()))?;
    let mut unpack = workspace.program("dpkg-deb");
    let unpacked = run(unpack.arg("--extract").arg(&archive).arg(&folder))?;
    let _ = std::fs::remove_file(&archive);
    let program = folder.join(program);
    if unpacked.success() && program.is_file() {
        return Ok(program);
    }
    Err(format!("{package} could not be unpacked: {unpacked}; put promtool on the PATH"))
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools").join("prometheus")
}

fn download(workspace: &Workspace, folder: &Path, package: &str) -> bool {
    let mut apt = workspace.program("apt-get");
    system::succeeds(apt.args(["--quiet", "download", package]).current_dir(folder))
}

fn archive(folder: &Path) -> Option<PathBuf> {
    let mut paths = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "deb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_among_other_files_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(archive(folder.path()), None);
        std::fs::create_dir(folder.path().join("usr")).unwrap();
        let package = folder.path().join("prometheus_2.42.0+ds-5_amd64.deb");
        std::fs::write(&package, "").unwrap();
        assert_eq!(archive(folder.path()), Some(package));
    }
}
