//! The packages with which the console is judged in a browser: one that drives Chromium, and axe, which finds what people
//! with a screen reader, a keyboard or weak eyes would stumble over.
//! They lie in the build directory and are brought again only when the pinned versions change.

use std::path::PathBuf;

use crate::workspace::{Workspace, run};

/// What the judge needs, with exact versions.
const PINS: &str = include_str!("../../../tests/tests/browser/package.json");
/// Written last, so that half of the packages are not taken for all.
const STAMP: &str = "pins.json";

/// Where the packages lie, if they are those of today's pins.
pub(crate) fn ready(workspace: &Workspace) -> Option<PathBuf> {
    let dir = dir(workspace);
    let stamp = std::fs::read_to_string(dir.join(STAMP)).ok()?;
    (stamp == PINS && dir.join("node_modules").is_dir()).then_some(dir)
}

/// The same, brought from npm's registry if they are not there.
pub(crate) fn bring(workspace: &Workspace) -> crate::Result<PathBuf> {
    if let Some(dir) = ready(workspace) {
        return Ok(dir);
    }
    let dir = dir(workspace);
    println!("making {}", dir.display());
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", dir.display());
    std::fs::create_dir_all(&dir).map_err(failed)?;
    std::fs::write(dir.join("package.json"), PINS).map_err(failed)?;
    let mut npm = workspace.program("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"]);
    if !run(npm.current_dir(&dir))?.success() {
        return Err(
            "npm could not install the packages of tests/tests/browser/package.json; is the network there?"
                .into(),
        );
    }
    std::fs::write(dir.join(STAMP), PINS).map_err(failed)?;
    Ok(dir)
}

fn dir(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools").join("browser")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_used_again_only_with_the_same_pins() {
        let used_again = |stamp: Option<&str>| {
            let temporary = tempfile::tempdir().unwrap();
            let workspace =
                Workspace { root: temporary.path().to_owned(), target: temporary.path().to_owned() };
            std::fs::create_dir_all(dir(&workspace).join("node_modules")).unwrap();
            if let Some(stamp) = stamp {
                std::fs::write(dir(&workspace).join(STAMP), stamp).unwrap();
            }
            ready(&workspace).is_some()
        };
        assert!(used_again(Some(PINS)));
        assert!(!used_again(Some("{}")));
        assert!(!used_again(None));
    }

    #[test]
    fn every_pin_is_exact() {
        let (_, dependencies) = PINS.split_once("\"dependencies\": {").unwrap();
        let pins: Vec<&str> = dependencies.lines().filter(|line| line.contains("\": \"")).collect();
        assert!(pins.len() >= 3);
        for pin in pins {
            let version = pin.rsplit(": ").next().unwrap().trim_matches([',', '"']);
            assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{pin}");
        }
    }
}
