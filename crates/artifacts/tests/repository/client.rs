//! A client that looks targets up, and what it remembers.

use leasehold_artifacts::{Digest, FolderUpstream, Limits, MetadataSource, SourceError};

use crate::support::{Place, block_on, day, release, rng};

/// Somebody who never answers.
struct Nobody;

#[async_trait::async_trait]
impl MetadataSource for Nobody {
    async fn metadata(&self, name: &str, _max: u64) -> Result<Option<bytes::Bytes>, SourceError> {
        Err(SourceError::unavailable(format!("nobody answers for {name}")))
    }
}

#[test]
fn what_is_known_can_be_looked_up_without_anybody() {
    let place = Place::new();
    let mut publisher = place.publisher();
    for product in ["scanner", "viewer"] {
        release(&mut publisher, &place, product, "1.0", product.as_bytes()).unwrap();
    }
    block_on(async {
        let pinned = place.pinned();
        let upstream = place.mirror("mirror", &pinned).await.unwrap();
        upstream.refresh(&place.upstream(), day(0)).await.unwrap();
        let mut client = place.client("client", &pinned).unwrap();
        let path = "scanner/1.0/rules.db";
        assert_eq!(client.target(&upstream, path, day(0)).await.unwrap_err().reason(), "TUF_NOTHING");
        client.refresh(&upstream, day(0)).await.unwrap();
        let target = client.target(&upstream, path, day(0)).await.unwrap().unwrap();
        assert_eq!(target.sha256, Digest::of(b"scanner"));
        assert_eq!(client.target(&upstream, "scanner/2.0/rules.db", day(0)).await.unwrap(), None);
        drop(client);

        let mut client = place.client("client", &pinned).unwrap();
        assert_eq!(client.target(&Nobody, path, day(0)).await.unwrap(), Some(target));
        // This one's role was never asked for.
        let unknown = client.target(&Nobody, "viewer/1.0/rules.db", day(0)).await.unwrap_err();
        assert_eq!((unknown.reason(), unknown.may_pass()), ("TUF_SOURCE", true));
        assert_eq!(client.target(&Nobody, path, day(15)).await.unwrap_err().reason(), "TUF_EXPIRED");
        assert_eq!(client.refresh(&Nobody, day(0)).await.unwrap_err().reason(), "TUF_SOURCE");
        assert_eq!(client.versions(), upstream.current().unwrap().versions());
    });
}

#[test]
fn old_copies_are_refused_also_after_a_start() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    let old = place.path("old");
    copy(&place.path("updates/repository"), &old);
    release(&mut publisher, &place, "scanner", "2.0", b"two").unwrap();
    // The newest timestamp, and what it names is not there.
    let cut = place.path("cut");
    copy(&place.path("updates/repository"), &cut);
    std::fs::remove_file(cut.join("metadata/3.snapshot.json")).unwrap();
    block_on(async {
        let pinned = place.pinned();
        let old = FolderUpstream::new(old);
        let mirror = place.mirror("mirror", &pinned).await.unwrap();
        mirror.refresh(&old, day(0)).await.unwrap();
        let failed = mirror.refresh(&FolderUpstream::new(cut), day(0)).await.unwrap_err();
        assert_eq!((failed.reason(), failed.may_pass()), ("TUF_MISSING", true));
        assert_eq!(mirror.current().unwrap().versions().timestamp, 2, "what was in force stays");
        drop(mirror);
        let mirror = place.mirror("mirror", &pinned).await.unwrap();
        assert_eq!(mirror.current().unwrap().versions().timestamp, 2);
        // The timestamp was seen, though, and an older one is not taken after that.
        assert_eq!(mirror.refresh(&old, day(0)).await.unwrap_err().reason(), "TUF_ROLLBACK");
        mirror.refresh(&place.upstream(), day(0)).await.unwrap();
        assert_eq!(mirror.current().unwrap().targets().len(), 2);
    });
}

#[test]
fn a_newer_pin_takes_over_what_was_known() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    let (old, first) = (place.path("old"), place.pinned());
    copy(&place.path("updates/repository"), &old);
    release(&mut publisher, &place, "scanner", "2.0", b"two").unwrap();
    publisher.rotate(&["root".to_owned()], day(0), &mut rng(5)).unwrap();
    let second = std::fs::read(publisher.root().unwrap()).unwrap();
    block_on(async {
        let mirror = place.mirror("mirror", &first).await.unwrap();
        mirror.refresh(&place.upstream(), day(0)).await.unwrap();
        drop(mirror);
        let mirror = place.mirror("mirror", &second).await.unwrap();
        assert_eq!(
            mirror.refresh(&FolderUpstream::new(old), day(0)).await.unwrap_err().reason(),
            "TUF_ROLLBACK"
        );
        assert_eq!(mirror.refresh(&place.upstream(), day(0)).await.unwrap().versions.root, 2);
    });
}

#[test]
fn limits_hold() {
    let place = Place::new();
    let mut publisher = place.publisher();
    for product in ["a", "b", "c"] {
        release(&mut publisher, &place, product, "1.0", b"x").unwrap();
    }
    for seed in 0..3 {
        publisher.rotate(&["root".to_owned()], day(0), &mut rng(20 + seed)).unwrap();
    }
    let pinned = place.pinned();
    let few = |limits: Limits| {
        let folder = place.path(&format!("{limits:?}"));
        let blobs = leasehold_artifacts::FolderBlobs::open(&folder.join("blobs")).unwrap();
        block_on(async {
            let blobs = std::sync::Arc::new(blobs);
            let mirror = leasehold_artifacts::Mirror::open(&folder, &pinned, blobs, limits).await.unwrap();
            mirror.refresh(&place.upstream(), day(0)).await.map_err(|error| error.reason())
        })
    };
    let all = Limits::default();
    assert_eq!(few(Limits { roots: 2, ..all }), Err("TUF_TOO_MANY"));
    assert_eq!(few(Limits { roles: 2, ..all }), Err("TUF_TOO_MANY"));
    assert_eq!(few(Limits { snapshot: 100, ..all }), Err("TUF_TOO_LONG"));
    assert_eq!(few(Limits { targets: 100, ..all }), Err("TUF_TOO_LONG"));
    assert_eq!(few(Limits { roots: 3, roles: 3, ..all }).unwrap().versions.root, 4);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let copied = std::process::Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(copied.success());
}
