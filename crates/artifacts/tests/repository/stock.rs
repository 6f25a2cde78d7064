//! python-tuf's client reads what we publish and what we mirror.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use leasehold_artifacts::{Criticality, Digest, FolderUpstream, Kind, Mirror, Publisher, Release};
use serde_json::{Value, json};

use crate::http::{Served, serve};
use crate::support::{Place, block_on, python, rng};

/// The client goes by the machine's clock, so what it reads has to be of today.
#[expect(clippy::disallowed_methods, reason = "a foreign program has no other clock")]
fn today() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

/// A repository of today.
fn publisher(place: &Place) -> Publisher {
    Publisher::create(&place.path("updates"), "", today(), &mut rng(1)).unwrap()
}

/// What the client says.
fn ask(address: &str, root: &Path, state: &Path, paths: &[&str]) -> Option<Value> {
    let mut command = python("tuf_client.py")?;
    let output = command.arg(address).args([root, state]).args(paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Mirrors what is published, files and all.
fn bring(mirror: &Mirror, place: &Place, now: Timestamp) {
    block_on(async {
        mirror.refresh(&place.upstream(), now).await.unwrap();
        let paths: Vec<String> = mirror.current().unwrap().targets().keys().cloned().collect();
        for path in paths {
            mirror.fetch(&place.upstream(), &path).await.unwrap();
        }
    });
}

#[test]
fn it_reads_what_we_publish_and_what_we_mirror() {
    let place = Place::new();
    let (mut publisher, now) = (publisher(&place), today());
    let told = Release {
        notes: Some("\"quotes\", \\ and\nlines, \u{e4}\u{7f}\u{1}".to_owned()),
        criticality: Criticality::Emergency,
        features: vec!["3D rendering".to_owned()],
        ..Release::new("scanner", "1.0", Kind::Definition)
    };
    let path = publisher.add(&place.write("rules.db", b"one"), told, now).unwrap().path;
    publisher.publish(now, &mut rng(2)).unwrap();
    let root = place.path("updates/repository/metadata/1.root.json");
    let mirror = Arc::new(block_on(place.mirror("mirror", &place.pinned())).unwrap());
    bring(&mirror, &place, now);
    let addresses = [
        ("direct", serve(Served::Folder(place.upstream()))),
        ("mirrored", serve(Served::Mirror(Arc::clone(&mirror)))),
    ];
    for (state, address) in &addresses {
        let said = ask(address, &root, &place.path(state), &[&path, "scanner/9/rules.db"]);
        let Some(said) = said else { return };
        let file = &said["files"][&path];
        assert_eq!((&file["length"], &file["sha256"]), (&json!(3), &json!(Digest::of(b"one"))), "{said}");
        let custom = json!({
            "product": "scanner", "version": "1.0", "kind": "definition", "channel": "stable",
            "criticality": "emergency", "features": ["3D rendering"],
            "notes": "\"quotes\", \\ and\nlines, \u{e4}\u{7f}\u{1}", "released_at": now.to_string(),
        });
        assert_eq!(file["custom"], custom);
        assert_eq!(said["files"]["scanner/9/rules.db"], Value::Null);
    }
    // It follows new keys, and new releases after that.
    let roles = ["timestamp", "snapshot", "targets", "root", "scanner"].map(str::to_owned);
    publisher.rotate(&roles, now, &mut rng(3)).unwrap();
    publisher.withdraw(&path, "wrong", now).unwrap();
    let file = place.write("rules.db", b"two");
    publisher.add(&file, Release::new("scanner", "2.0", Kind::Definition), now).unwrap();
    publisher.publish(now, &mut rng(4)).unwrap();
    bring(&mirror, &place, now);
    for (state, address) in &addresses {
        let said = ask(address, &root, &place.path(state), &[&path, "scanner/2.0/rules.db"]).unwrap();
        let versions = [&said["root"], &said["timestamp"], &said["snapshot"], &said["targets"]];
        assert_eq!(versions, [&json!(2), &json!(4), &json!(4), &json!(3)], "{said}");
        assert_eq!(said["files"][&path], Value::Null);
        assert_eq!(said["files"]["scanner/2.0/rules.db"]["sha256"], json!(Digest::of(b"two")));
    }
}

#[test]
fn it_refuses_what_is_not_ours() {
    let place = Place::new();
    let (mut publisher, now) = (publisher(&place), today());
    publisher.publish(now, &mut rng(2)).unwrap();
    let root = place.path("updates/repository/metadata/1.root.json");
    let timestamp = place.path("updates/repository/metadata/timestamp.json");
    let text = std::fs::read_to_string(&timestamp).unwrap();
    std::fs::write(&timestamp, text.replace("\"version\":2", "\"version\":3")).unwrap();
    let address = serve(Served::Folder(FolderUpstream::new(place.path("updates/repository"))));
    let Some(said) = ask(&address, &root, &place.path("state"), &[]) else { return };
    assert_eq!(said["refused"], "UnsignedMetadataError", "{said}");
}
