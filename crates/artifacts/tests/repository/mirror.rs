//! What readers of a mirror see.

use leasehold_artifacts::{BlobError, FetchError, FolderUpstream};

use crate::support::{Place, block_on, day, release, rng};

#[test]
fn a_mirror_is_the_repository_byte_for_byte() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    publisher.rotate(&["timestamp".to_owned()], day(0), &mut rng(3)).unwrap();
    block_on(async {
        let mirror = place.mirror("mirror", &place.pinned()).await.unwrap();
        assert!(mirror.current().is_none() && mirror.metadata("1.root.json").is_none());
        assert!(mirror.refresh(&place.upstream(), day(0)).await.unwrap().changed);
        assert!(!mirror.refresh(&place.upstream(), day(0)).await.unwrap().changed);
        let names = [
            "1.root.json",
            "2.root.json",
            "timestamp.json",
            "3.snapshot.json",
            "2.targets.json",
            "1.scanner.json",
        ];
        for name in names {
            let content = std::fs::read(place.path("updates/repository/metadata").join(name)).unwrap();
            assert_eq!(mirror.metadata(name).unwrap(), content, "{name}");
        }
        for name in ["root.json", "3.root.json", "2.snapshot.json", "snapshot.json", "../current"] {
            assert!(mirror.metadata(name).is_none(), "{name}");
        }
    });
}

#[test]
fn those_who_began_to_read_can_go_on() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    block_on(async {
        let pinned = place.pinned();
        let mirror = place.mirror("mirror", &pinned).await.unwrap();
        mirror.refresh(&place.upstream(), day(0)).await.unwrap();
        let (old, path) = (mirror.current().unwrap(), "scanner/1.0/rules.db");
        let hashed = format!("scanner/1.0/{}.rules.db", old.targets()[path].sha256);
        let outside = format!("{}.{path}", old.targets()[path].sha256);
        for form in [path, &hashed, &outside] {
            assert_eq!(mirror.find(form).unwrap().path, path, "{form}");
        }
        assert!(mirror.find(&hashed.replace(".rules", ".other")).is_none());

        publisher.withdraw(path, "wrong", day(0)).unwrap();
        publisher.publish(day(0), &mut rng(4)).unwrap();
        mirror.refresh(&place.upstream(), day(0)).await.unwrap();
        drop(mirror);
        // Also after the next start.
        let mirror = place.mirror("mirror", &pinned).await.unwrap();
        assert!(mirror.find(path).is_none(), "by its name alone it is gone");
        assert!(mirror.find(&hashed).is_some() && mirror.metadata("2.snapshot.json").is_some());
        assert_ne!(mirror.metadata("timestamp.json"), old.metadata("timestamp.json"));
        for _ in 0..2 {
            publisher.publish(day(0), &mut rng(4)).unwrap();
            mirror.refresh(&place.upstream(), day(0)).await.unwrap();
        }
        assert!(mirror.find(&hashed).is_none() && mirror.metadata("2.snapshot.json").is_none());
        assert_eq!(std::fs::read_dir(place.path("mirror/snapshots")).unwrap().count(), 3);
    });
}

#[test]
fn content_comes_when_it_is_asked_for() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    block_on(async {
        let mirror = place.mirror("mirror", &place.pinned()).await.unwrap();
        let (upstream, path) = (place.upstream(), "scanner/1.0/rules.db");
        assert!(matches!(mirror.fetch(&upstream, path).await, Err(FetchError::NotNamed(_))));
        mirror.refresh(&upstream, day(0)).await.unwrap();
        assert!(matches!(
            mirror.fetch(&upstream, "scanner/2.0/rules.db").await,
            Err(FetchError::NotNamed(_))
        ));
        let gone = FolderUpstream::new(place.path("nowhere"));
        let failed = mirror.fetch(&gone, path).await.unwrap_err();
        assert!(failed.may_pass(), "{failed}");
        let put = mirror.fetch(&upstream, path).await.unwrap();
        assert_eq!((put.fetched, put.already), (3, false));
        assert!(mirror.fetch(&gone, path).await.unwrap().already);
        let target = mirror.find(path).unwrap();
        assert_eq!(mirror.blobs().length(target.sha256).await.unwrap(), Some(3));
    });
}

#[test]
fn a_folder_is_one_vendors_and_one_processs() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    let other =
        leasehold_artifacts::Publisher::create(&place.path("other"), "", day(0), &mut rng(9)).unwrap();
    let other = std::fs::read(other.root().unwrap()).unwrap();
    block_on(async {
        let pinned = place.pinned();
        let mirror = place.mirror("mirror", &pinned).await.unwrap();
        assert_eq!(place.mirror("mirror", &pinned).await.unwrap_err().reason(), "TUF_STATE");
        drop(mirror);
        assert_eq!(place.mirror("mirror", &other).await.unwrap_err().reason(), "TUF_PIN");
        assert_eq!(place.mirror("new", b"{}").await.unwrap_err().reason(), "TUF_PIN");
        let foreign = place.mirror("new", &other).await.unwrap();
        let refused = foreign.refresh(&place.upstream(), day(0)).await.unwrap_err();
        assert_eq!(refused.reason(), "TUF_SIGNATURE");
        assert!(foreign.current().is_none());
    });
}

#[test]
fn content_that_is_not_the_vendors_is_not_kept() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    block_on(async {
        let mirror = place.mirror("mirror", &place.pinned()).await.unwrap();
        mirror.refresh(&place.upstream(), day(0)).await.unwrap();
        let target = mirror.find("scanner/1.0/rules.db").unwrap();
        let file = format!("updates/repository/targets/scanner/1.0/{}.rules.db", target.sha256);
        for (content, wanted) in
            [("two", "BLOB_WRONG_HASH"), ("three", "BLOB_TOO_LONG"), ("on", "BLOB_SOURCE")]
        {
            std::fs::write(place.path(&file), content).unwrap();
            let failed = mirror.fetch(&place.upstream(), &target.path).await.unwrap_err();
            assert_eq!(failed.reason(), wanted, "{failed}");
            assert_eq!(mirror.blobs().length(target.sha256).await.unwrap(), None);
        }
        // What the short one left is the beginning of the right one.
        std::fs::write(place.path(&file), "one").unwrap();
        assert_eq!(mirror.fetch(&place.upstream(), &target.path).await.unwrap().fetched, 1);
        let range = mirror.blobs().read(target.sha256, 0..4).await;
        assert!(matches!(range, Err(BlobError::Range { length: 3, .. })));
    });
}
