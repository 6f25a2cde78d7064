//! The image: what is wrong with its recipe, and whether what it is built from is enough.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::tools::{judged, passes, tool};
use super::{file, text};

const DOCKERFILE: &str = "deploy/Dockerfile";

#[test]
fn two_linters_find_nothing() {
    if let Some(linter) = tool("hadolint") {
        passes(linter, &["--failure-threshold", "style", DOCKERFILE]);
    }
    if let Some(linter) = tool("checkov") {
        let config = "deploy/judges/checkov.yml";
        passes(linter, &["--config-file", config, "--framework", "dockerfile", "--file", DOCKERFILE]);
    }
}

#[test]
fn what_is_wrong_is_seen() {
    let Some(linter) = tool("hadolint") else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("Dockerfile");
    fs::write(&wrong, text(DOCKERFILE).replace("WORKDIR /src", "WORKDIR src")).unwrap();
    let (content, said) = judged(linter, &[wrong.to_str().unwrap()]);
    assert!(!content && said.contains("DL3000"), "{said}");
}

/// The lines of the recipe that begin so, without that.
fn lines<'a>(recipe: &'a str, start: &str) -> Vec<&'a str> {
    recipe.lines().filter_map(|line| line.strip_prefix(start)).collect()
}

#[test]
fn it_is_unprivileged_and_says_the_same_as_the_workspace() {
    let (recipe, manifest) = (text(DOCKERFILE), text("Cargo.toml"));
    assert_eq!(lines(&recipe, "USER "), ["65532:65532"]);
    assert_eq!(lines(&recipe, "ENTRYPOINT "), ["[\"/usr/local/bin/leasehold\"]"]);
    let workspace = |key: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap().trim_matches('"').to_owned()
    };
    assert_eq!(lines(&recipe, "ARG RUST_VERSION="), [workspace("rust-version")]);
    let version = workspace("version");
    assert_eq!(lines(&recipe, "ARG VERSION="), [version.as_str()]);
    for (path, words) in [
        ("docker-compose.yml", format!("leasehold:{version}}}")),
        ("deploy/compose.env", format!("leasehold:{version}\n")),
        ("deploy/kubernetes/base/kustomization.yaml", format!("newTag: {version}\n")),
    ] {
        assert!(text(path).contains(&words), "{path} has not {words}");
    }
    assert!(manifest.contains("[profile.dist]") && recipe.contains("--profile dist"));
    // A volume takes over whose the folder of the image is.
    let folders = recipe.lines().find_map(|line| line.split_once("for name in ")).unwrap().1;
    let folders: Vec<&str> = folders.split(';').next().unwrap().split(' ').collect();
    let names = ["ca"].into_iter().chain(leasehold::certs::SERVICES).chain(leasehold::certs::CALLERS);
    assert_eq!(folders, names.collect::<Vec<_>>());
}

/// Copies a file or a folder, build directories apart.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in
            fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "target")
        {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn what_is_sent_to_the_build_is_a_whole_workspace_and_no_secret() {
    let ignore = text(".dockerignore");
    let mut rules = ignore.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(rules.next(), Some("*"), "nothing is sent but what is named");
    let sent: Vec<&str> =
        rules.map(|rule| rule.strip_prefix("!/").unwrap_or_else(|| panic!("{rule}"))).collect();
    assert!(sent.iter().all(|path| !path.starts_with("deploy") && !path.starts_with(".git")), "{sent:?}");
    let folder = tempfile::tempdir().unwrap();
    for path in &sent {
        copy(&file(path), &folder.path().join(path));
    }
    // What `COPY --from` and the build itself name.
    for path in ["Cargo.lock", "LICENSE", "crates/leasehold/src/main.rs"] {
        assert!(folder.path().join(path).is_file(), "{path} is not sent");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args([
        "tree",
        "--locked",
        "--offline",
        "--package",
        "leasehold",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ]);
    let output = tree.current_dir(folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    // These would need more than a C compiler, and the image has no more.
    for needs_more in ["openssl-sys ", "bindgen ", "protobuf-src ", "pkg-config-only"] {
        assert!(!out.lines().any(|line| line.starts_with(needs_more)), "{needs_more}");
    }
}
