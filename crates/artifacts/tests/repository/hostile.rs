//! Repositories that python-tuf wrote, good ones and hostile ones.

use std::path::PathBuf;

use leasehold_artifacts::{Digest, FolderUpstream, MetadataSource, SourceError, Upstream};

use crate::support::{Place, block_on, day, python};

const PATH: &str = "acme/1.0/rules.db";

/// What is tried, and what it comes to.
const HOSTILE: [(&str, &str); 23] = [
    ("good", "TUF_ROLLBACK"),
    ("rollback-snapshot", "TUF_ROLLBACK"),
    ("rollback-role", "TUF_ROLLBACK"),
    ("removed-role", "TUF_INTEGRITY"),
    ("expired-root", "TUF_EXPIRED"),
    ("expired-timestamp", "TUF_EXPIRED"),
    ("expired-snapshot", "TUF_EXPIRED"),
    ("expired-targets", "TUF_EXPIRED"),
    ("expired-acme", "TUF_EXPIRED"),
    ("by-another-timestamp", "TUF_SIGNATURE"),
    ("by-another-snapshot", "TUF_SIGNATURE"),
    ("by-another-targets", "TUF_SIGNATURE"),
    ("by-another-acme", "TUF_SIGNATURE"),
    ("root-by-another", "TUF_SIGNATURE"),
    ("root-skips", "TUF_INTEGRITY"),
    ("mixed-snapshot", "TUF_INTEGRITY"),
    ("mixed-targets", "TUF_INTEGRITY"),
    ("mixed-acme", "TUF_INTEGRITY"),
    ("oversize-root", "TUF_TOO_LONG"),
    ("oversize-timestamp", "TUF_TOO_LONG"),
    ("oversize-snapshot", "TUF_TOO_LONG"),
    ("oversize-acme", "TUF_TOO_LONG"),
    ("missing", "TUF_MISSING"),
];

/// A place with all of them, unless there is no Python.
fn repositories() -> Option<Place> {
    let place = Place::new();
    let output = python("tuf_vendor.py")?.arg(place.path("vendor")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(place)
}

fn folder(place: &Place, name: &str) -> PathBuf {
    place.path("vendor").join(name)
}

/// A folder's metadata.
struct Carrier(FolderUpstream);

#[async_trait::async_trait]
impl MetadataSource for Carrier {
    async fn metadata(&self, name: &str, max: u64) -> Result<Option<bytes::Bytes>, SourceError> {
        use futures::TryStreamExt as _;

        let Some(opened) = self.0.get(&format!("metadata/{name}"), 0, max).await? else { return Ok(None) };
        let chunks: Vec<bytes::Bytes> = opened.bytes.try_collect().await.unwrap();
        Ok(Some(chunks.concat().into()))
    }
}

#[test]
fn a_mirror_keeps_what_it_has() {
    let Some(place) = repositories() else { return };
    let pinned = std::fs::read(folder(&place, "good/metadata/1.root.json")).unwrap();
    block_on(async {
        for (index, (name, reason)) in HOSTILE.iter().enumerate() {
            let mirror = place.mirror(&format!("mirror-{index}"), &pinned).await.unwrap();
            mirror.refresh(&FolderUpstream::new(folder(&place, "next")), day(0)).await.unwrap();
            let refused = mirror.refresh(&FolderUpstream::new(folder(&place, name)), day(0)).await;
            let refused = refused.expect_err(name);
            assert_eq!(refused.reason(), *reason, "{name}: {refused}");
            let kept = mirror.current().unwrap();
            assert_eq!((kept.versions().timestamp, kept.targets().len()), (2, 2), "{name}");
            let timestamp = std::fs::read(folder(&place, "next/metadata/timestamp.json")).unwrap();
            assert_eq!(mirror.metadata("timestamp.json").unwrap(), timestamp, "{name}");
            assert!(mirror.metadata("2.root.json").is_none(), "{name}: a root shows with its set only");
        }
    });
}

#[test]
fn a_client_keeps_what_it_has() {
    let Some(place) = repositories() else { return };
    let pinned = std::fs::read(folder(&place, "good/metadata/1.root.json")).unwrap();
    let carrier = |name| Carrier(FolderUpstream::new(folder(&place, name)));
    block_on(async {
        for (index, (name, reason)) in HOSTILE.iter().enumerate() {
            let mut client = place.client(&format!("client-{index}"), &pinned).unwrap();
            client.refresh(&carrier("next"), day(0)).await.unwrap();
            assert!(client.target(&carrier("next"), PATH, day(0)).await.unwrap().is_some());
            let hostile = carrier(name);
            // A client asks for a product's role only when it wants something of the product.
            let refused = match client.refresh(&hostile, day(0)).await {
                Ok(_) => client.target(&hostile, PATH, day(0)).await.expect_err(name),
                Err(refused) => refused,
            };
            assert_eq!(refused.reason(), *reason, "{name}: {refused}");
        }
    });
}

#[test]
fn keys_that_were_rotated_are_followed() {
    let Some(place) = repositories() else { return };
    let pinned = std::fs::read(folder(&place, "good/metadata/1.root.json")).unwrap();
    block_on(async {
        let (next, rotated, recovered) =
            (folder(&place, "next"), folder(&place, "rotated"), folder(&place, "recovered"));
        let mirror = place.mirror("rotated", &pinned).await.unwrap();
        mirror.refresh(&FolderUpstream::new(&next), day(0)).await.unwrap();
        assert_eq!(mirror.refresh(&FolderUpstream::new(&rotated), day(0)).await.unwrap().versions.root, 6);
        assert!((1..=6).all(|version| mirror.metadata(&format!("{version}.root.json")).is_some()));
        let path = mirror.find(PATH).unwrap();
        assert_eq!(path.custom.as_ref().unwrap()["by"], "python");
        mirror.fetch(&FolderUpstream::new(&rotated), PATH).await.unwrap();
        assert_eq!(path.sha256, Digest::of(b"the first rules"));
        // What the old keys have signed is worth nothing now.
        assert_eq!(
            mirror.refresh(&FolderUpstream::new(&next), day(0)).await.unwrap_err().reason(),
            "TUF_SIGNATURE"
        );
        drop(mirror);
        let mirror = place.mirror("rotated", &pinned).await.unwrap();
        assert_eq!(mirror.current().unwrap().versions().root, 6);

        // New online keys let a vendor begin anew with low versions.
        let mirror = place.mirror("recovered", &pinned).await.unwrap();
        mirror.refresh(&FolderUpstream::new(&next), day(0)).await.unwrap();
        let refreshed = mirror.refresh(&FolderUpstream::new(&recovered), day(0)).await.unwrap();
        assert_eq!((refreshed.versions.timestamp, refreshed.versions.snapshot), (1, 1));
    });
}

#[test]
fn content_of_others_is_refused() {
    let Some(place) = repositories() else { return };
    let pinned = std::fs::read(folder(&place, "good/metadata/1.root.json")).unwrap();
    block_on(async {
        for (name, reason) in [("other-content", "BLOB_WRONG_HASH"), ("longer-content", "BLOB_TOO_LONG")] {
            let (mirror, upstream) =
                (place.mirror(name, &pinned).await.unwrap(), FolderUpstream::new(folder(&place, name)));
            mirror.refresh(&upstream, day(0)).await.unwrap();
            assert_eq!(mirror.fetch(&upstream, PATH).await.unwrap_err().reason(), reason);
            let sha256 = mirror.find(PATH).unwrap().sha256;
            assert_eq!(mirror.blobs().length(sha256).await.unwrap(), None);
        }
        let mirror = place.mirror("garbage", &pinned).await.unwrap();
        let refused =
            mirror.refresh(&FolderUpstream::new(folder(&place, "garbage")), day(0)).await.unwrap_err();
        assert_eq!(refused.reason(), "TUF_MALFORMED");
    });
}
