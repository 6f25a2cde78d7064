//! The checked-in generated code and descriptor set are what the contracts in `proto/` say.
//!
//! Also the generator: with `LEASEHOLD_BLESS=1` the files are written instead of compared, which is what
//! `cargo xtask codegen` does. No `protoc` is needed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;

/// File names with their bytes.
type Files = BTreeMap<String, Vec<u8>>;

const DESCRIPTOR: &str = "descriptor.bin";

#[test]
fn generated_code_is_what_the_contracts_say() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked_in = crate_dir.join("src/gen");
    let fresh = generate(&crate_dir.join("../../proto"));
    if std::env::var_os("LEASEHOLD_BLESS").is_some_and(|value| value == "1") {
        replace(&checked_in, &fresh);
    }
    let stale = differences(&read_files(&checked_in), &fresh);
    assert!(stale.is_empty(), "run `cargo xtask codegen`: {} in crates/proto/src/gen", stale.join(", "));
}

/// Two runs give the same bytes; otherwise the comparison above would mean nothing.
#[test]
fn generating_twice_gives_the_same_bytes() {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    assert_eq!(differences(&generate(&contracts), &generate(&contracts)), Vec::<String>::new());
}

fn generate(contracts: &Path) -> Files {
    let set = compile(contracts);
    let out = tempfile::tempdir().expect("a temporary directory can be made");
    tonic_prost_build::configure()
        .build_client(true)
        .build_server(true)
        .codec_path("crate::codec::MessageCodec")
        // Ordered maps, so that one message always has one encoding.
        .btree_map(".")
        // Its `Debug` is written by hand, so that the secret in it is never printed.
        .skip_debug([".leasehold.licensing.v1.GrantRef"])
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(set.clone())
        .expect("code can be generated from the contracts");
    let mut files = read_files(out.path());
    files.insert(DESCRIPTOR.to_owned(), without_comments(set).encode_to_vec());
    files
}

fn compile(contracts: &Path) -> FileDescriptorSet {
    let mut sources = Vec::new();
    find_contracts(contracts, &mut sources);
    sources.sort();
    assert!(!sources.is_empty(), "no contracts in {}", contracts.display());
    protox::compile(sources, [contracts]).unwrap_or_else(|error| panic!("{error:?}"))
}

fn find_contracts(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the contracts' directory can be read") {
        let path = entry.expect("the contracts' directory can be read").path();
        if path.is_dir() {
            find_contracts(&path, found);
        } else if path.extension() == Some(OsStr::new("proto")) {
            found.push(path);
        }
    }
}

/// Reflection needs the shapes; the comments are in the generated code.
fn without_comments(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut set.file {
        file.source_code_info = None;
    }
    set
}

fn read_files(dir: &Path) -> Files {
    let Ok(entries) = fs::read_dir(dir) else { return Files::new() };
    entries
        .map(|entry| {
            let path = entry.expect("the directory can be read").path();
            let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a generated file can be read"))
        })
        .collect()
}

fn replace(dir: &Path, files: &Files) {
    for gone in read_files(dir).keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(dir.join(gone)).expect("a stale generated file can be removed");
    }
    fs::create_dir_all(dir).expect("the directory for generated code can be made");
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).expect("a generated file can be written");
    }
}

/// What to say about each file that is not the same on both sides.
fn differences(checked_in: &Files, fresh: &Files) -> Vec<String> {
    let missing =
        fresh.keys().filter(|name| !checked_in.contains_key(*name)).map(|name| format!("{name} is missing"));
    let surplus =
        checked_in.keys().filter(|name| !fresh.contains_key(*name)).map(|name| format!("{name} is surplus"));
    let stale = fresh
        .iter()
        .filter(|(name, bytes)| checked_in.get(*name).is_some_and(|old| old != *bytes))
        .map(|(name, _)| format!("{name} is stale"));
    missing.chain(surplus).chain(stale).collect()
}
