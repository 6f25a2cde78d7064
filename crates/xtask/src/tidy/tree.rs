//! The files that the rules look at, in memory: what git tracks or would track.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every file by its path from the root, with `/`; the text is `None` for what is not UTF-8.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads the tree under `root`; outside a git repository, every file there.
    pub(super) fn load(root: &Path) -> crate::Result<Self> {
        let paths = git_files(root)
            .map_or_else(|| walk(root, ""), Ok)
            .map_err(|error| format!("{}: {error}", root.display()))?;
        let mut files = BTreeMap::new();
        for path in paths {
            // Deleted but not yet committed, or a submodule: not there to look at.
            if let Ok(bytes) = std::fs::read(root.join(&path)) {
                files.insert(path, String::from_utf8(bytes).ok());
            }
        }
        Ok(Self { files })
    }

    /// Whether there is a file or a folder of this path; the root is the empty path.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.files.contains_key(path) || self.paths().any(|file| file.starts_with(&folder))
    }

    /// The path of every file, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Path and text of every text file.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Path and text of every text file of this kind: `rs`, `md`.
    pub(super) fn of_kind<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts().filter(move |(path, _)| has_extension(path, extension))
    }

    /// Path and text of every cargo manifest.
    pub(super) fn manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| *path == "Cargo.toml" || path.ends_with("/Cargo.toml"))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// A tree made of these files.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Self { files: files.collect() }
    }
}

/// Whether the file is of this kind: `rs`, `md`.
pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|own| own == extension)
}

/// Tracked files and new ones that are not ignored; `None` outside a repository of which `root` is the top.
fn git_files(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let list = String::from_utf8_lossy(&output.stdout);
    Some(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walk(root: &Path, below: &str) -> std::io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in root.join(below).read_dir()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if !entry.file_type()?.is_dir() {
            paths.push(path);
        } else if name != ".git" && name != "target" {
            paths.extend(walk(root, &path)?);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(root: &Path, path: &str, bytes: &[u8]) {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), bytes).unwrap();
    }

    #[test]
    fn a_plain_folder_is_read_but_for_its_build_directory() {
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), "a/b.md", b"text");
        file(dir.path(), "a/c.png", &[0xff, 0xfe]);
        file(dir.path(), "target/d.rs", b"built");
        let tree = Tree::load(dir.path()).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a/b.md", "a/c.png"]);
        assert_eq!(tree.texts().collect::<Vec<_>>(), [("a/b.md", "text")]);
        assert!(tree.has("a") && tree.has("a/c.png") && tree.has("") && !tree.has("a/b"));
    }

    #[test]
    fn in_a_repository_new_files_count_and_ignored_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let init = Command::new("git").arg("-C").arg(dir.path()).args(["init", "--quiet"]).status().unwrap();
        assert!(init.success());
        file(dir.path(), ".gitignore", b"/secret\n");
        file(dir.path(), "new.rs", b"new");
        file(dir.path(), "secret", b"ignored");
        let tree = Tree::load(dir.path()).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), [".gitignore", "new.rs"]);
    }
}
