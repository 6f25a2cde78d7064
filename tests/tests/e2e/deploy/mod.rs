//! What is delivered to run the product with: the image, docker-compose.yml, the Kubernetes manifests, the alert rules.
//!
//! Judged by parsers and rules of others where there are such, and held against the program: whatever a setting, a port, a
//! metric or a folder is called there, it is called so here. Nothing is run in containers.

pub(crate) mod compose;
mod image;
mod kubernetes;
pub(crate) mod prometheus;
mod secrets;
mod settings;
mod tools;

use std::path::{Path, PathBuf};

/// A file of the repository.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(path)
}

/// What is in it.
fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
