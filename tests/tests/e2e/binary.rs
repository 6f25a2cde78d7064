//! Where the built `leasehold` is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Names the binary to test. Without it the one beside this test's own executable is taken.
const BINARY: &str = "LEASEHOLD_TEST_BINARY";
/// Crates that the binary has nothing of.
const OTHERS: [&str; 3] = ["bench", "testkit", "xtask"];

/// The binary. Where there is none, or one older than its sources, it is built, once.
pub(crate) fn leasehold() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        if let Some(named) = std::env::var_os(BINARY) {
            return named.into();
        }
        let own = std::env::current_exe().unwrap();
        // target/PROFILE/deps/e2e-HASH
        let profile =
            own.parent().and_then(Path::parent).expect("tests lie below the folder of their profile");
        let binary = profile.join("leasehold");
        let built = std::fs::metadata(&binary).and_then(|metadata| metadata.modified()).ok();
        if built.is_none_or(|built| built < newest_source()) {
            build(profile);
        }
        assert!(binary.is_file(), "{} is not there: run `cargo build -p leasehold`", binary.display());
        binary
    })
}

fn newest_source() -> SystemTime {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("crates");
    let folders = std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path());
    let own = folders.filter(|folder| OTHERS.iter().all(|other| !folder.ends_with(other)));
    own.map(|folder| newest(&folder)).max().expect("there are crates")
}

/// When the newest file of a crate changed, its tests apart.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries
        .filter(|path| !path.ends_with("tests"))
        .map(|path| if path.is_dir() { newest(&path) } else { path.metadata().unwrap().modified().unwrap() });
    files.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn build(folder: &Path) {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("profiles have plain names");
    let profile = if name == "debug" { "dev" } else { name };
    let target = folder.parent().expect("a profile's folder is in the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "leasehold", "--bin", "leasehold", "--profile", profile]);
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = cargo.status().unwrap();
    assert!(status.success(), "leasehold cannot be built: {status}");
}
