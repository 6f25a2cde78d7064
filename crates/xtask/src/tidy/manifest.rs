//! The manifests of our crates, read once for all rules; itself the rule that each takes the workspace's lints.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

/// A crate of the workspace.
#[derive(Debug)]
pub(super) struct Manifest<'a> {
    /// The folder's name, which is also the crate's name in the table of who may depend on whom.
    pub(super) role: &'a str,
    /// Path of the manifest.
    pub(super) path: &'a str,
    /// Name of the package.
    pub(super) package: String,
    /// Its text, for line numbers.
    pub(super) text: &'a str,
    /// The whole document.
    pub(super) document: Table,
}

/// One entry of a manifest's tables of dependencies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// Name of the package that it brings.
    pub(super) package: String,
    /// From `[dev-dependencies]`, of a target or not.
    pub(super) dev: bool,
    /// Features that it asks for.
    pub(super) features: Vec<String>,
    /// The line of the manifest, from 1.
    pub(super) line: usize,
}

/// The manifests of our crates that can be read.
pub(super) fn all(tree: &Tree) -> Vec<Manifest<'_>> {
    tree.manifests()
        .filter_map(|(path, text)| {
            let document: Table = text.parse().ok()?;
            let package = document.get("package")?.get("name")?.as_str()?.to_owned();
            Some(Manifest { role: role(path)?, path, package, text, document })
        })
        .collect()
}

/// The crate's name in our table: `store` of `crates/store/Cargo.toml`.
fn role(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    if folder == "tests" {
        Some(folder)
    } else {
        folder.strip_prefix("crates/").filter(|name| !name.contains('/'))
    }
}

impl Manifest<'_> {
    /// Every dependency, with `workspace = true` looked up in the workspace's manifest.
    pub(super) fn dependencies(&self, workspace: &Table) -> Vec<Dependency> {
        let mut found = Vec::new();
        self.collect(&self.document, workspace, &mut found);
        let targets = self.document.get("target").and_then(Value::as_table);
        for target in targets.into_iter().flat_map(Table::values).filter_map(Value::as_table) {
            self.collect(target, workspace, &mut found);
        }
        found
    }

    fn collect(&self, tables: &Table, workspace: &Table, found: &mut Vec<Dependency>) {
        for (kind, dev) in
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
        {
            for (key, value) in tables.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let shared = workspace_entry(workspace, key).filter(|_| value.get("workspace").is_some());
                let renamed = |value: &Value| Some(value.get("package")?.as_str()?.to_owned());
                let package =
                    renamed(value).or_else(|| shared.and_then(renamed)).unwrap_or_else(|| key.clone());
                let mut features = features(value);
                features.extend(shared.map(self::features).unwrap_or_default());
                found.push(Dependency { package, dev, features, line: self.line_of(key) });
            }
        }
    }

    /// The first line that begins with `key`, or 1.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let starts = |line: &str| line.trim_start().trim_start_matches('"').starts_with(key);
        self.text.lines().position(starts).map_or(1, |index| index + 1)
    }
}

fn workspace_entry<'a>(workspace: &'a Table, key: &str) -> Option<&'a Value> {
    workspace.get("workspace")?.get("dependencies")?.get(key)
}

fn features(value: &Value) -> Vec<String> {
    let list = value.get("features").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Every manifest can be read and takes the workspace's lints.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.manifests() {
        if let Err(error) = text.parse::<Table>() {
            findings.push(Finding::file(path, format!("cannot be read: {}", error.message())));
        }
    }
    for manifest in all(tree) {
        let lints = manifest.document.get("lints").and_then(|lints| lints.get("workspace"));
        if lints.and_then(Value::as_bool) != Some(true) {
            findings.push(Finding::file(manifest.path, "add `[lints]` with `workspace = true`"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "[package]\nname = \"leasehold-store\"\n";

    #[test]
    fn a_crate_without_the_workspace_lints_is_found() {
        let good = format!("{NAME}[lints]\nworkspace = true\n");
        let own = format!("{NAME}[lints.rust]\nunsafe_code = \"allow\"\n");
        let check_one = |text: &str| check(&Tree::of(&[("crates/store/Cargo.toml", text)])).len();
        assert_eq!([check_one(&good), check_one(NAME), check_one(&own), check_one("[package")], [0, 1, 1, 1]);
    }

    #[test]
    fn dependencies_are_seen_in_every_table_and_through_the_workspace() {
        let text = format!(
            "{NAME}[dependencies]\na.workspace = true\n[target.'cfg(unix)'.dev-dependencies]\n\
             b = {{ package = \"c\", features = [\"x\"] }}\n[build-dependencies]\nd = \"1\"\n"
        );
        let workspace: Table =
            "[workspace.dependencies]\na = { package = \"real\", features = [\"y\"] }\n".parse().unwrap();
        let tree = Tree::of(&[("crates/store/Cargo.toml", &text)]);
        let manifests = all(&tree);
        let seen = manifests[0].dependencies(&workspace);
        let seen: Vec<_> =
            seen.iter().map(|d| (d.package.as_str(), d.dev, d.features.join(","), d.line)).collect();
        assert_eq!(
            seen,
            [("real", false, "y".into(), 4), ("d", false, String::new(), 8), ("c", true, "x".into(), 6)]
        );
    }
}
