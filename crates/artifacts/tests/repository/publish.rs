//! What a vendor can do, and what is refused.

use std::os::unix::fs::PermissionsExt;

use leasehold_artifacts::{Digest, Kind, PublishError, Publisher, Release, State, Target, Versions};

use crate::support::{Place, block_on, day, release, rng};

fn targets(place: &Place, name: &str, days: i64) -> Vec<Target> {
    block_on(async {
        let mirror = place.mirror(name, &place.pinned()).await.unwrap();
        mirror.refresh(&place.upstream(), day(days)).await.unwrap();
        mirror.current().unwrap().targets().values().cloned().collect()
    })
}

#[test]
fn what_is_said_of_a_release_arrives() {
    let place = Place::new();
    let mut publisher = place.publisher();
    let file = place.write("setup+x.bin", b"a program");
    let told = Release {
        channel: "beta".to_owned(),
        os: Some("linux".to_owned()),
        arch: Some("x86_64".to_owned()),
        minimum_version: Some("1.5".to_owned()),
        notes: Some("mends \"quotes\", \\ and\nlines, \u{e4}".to_owned()),
        features: vec!["3D rendering".to_owned()],
        ..Release::new("cad", "2.0", Kind::Software)
    };
    let added = publisher.add(&file, told.clone(), day(0)).unwrap();
    assert_eq!((added.path.as_str(), added.state), ("cad/2.0/setup+x.bin", State::Staged));
    assert!(targets(&place, "before", 0).is_empty(), "it is staged only");
    let done = publisher.publish(day(0), &mut rng(2)).unwrap();
    assert_eq!(done.versions, Versions { root: 1, timestamp: 2, snapshot: 2, targets: 2 });
    assert_eq!((done.added, done.expires), (vec![added.path], day(14)));
    let found = targets(&place, "after", 0).remove(0);
    assert_eq!((found.length, found.sha256, found.role.as_str()), (9, Digest::of(b"a program"), "cad"));
    assert_eq!(found.release(), Some(Release { released_at: Some(day(0)), ..told }));
}

#[test]
fn a_path_never_changes_what_it_stands_for() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    let path = "scanner/1.0/rules.db";
    let again = |publisher: &mut Publisher| {
        publisher.add(
            &place.write("rules.db", b"two"),
            Release::new("scanner", "1.0", Kind::Definition),
            day(1),
        )
    };
    assert!(matches!(again(&mut publisher), Err(PublishError::Taken { state: "is published already", .. })));
    assert_eq!(publisher.withdraw(path, "it finds too much", day(1)).unwrap(), State::Withdrawing);
    assert_eq!(publisher.list().unwrap()[0].state, State::Withdrawing);
    assert_eq!(publisher.publish(day(1), &mut rng(3)).unwrap().withdrawn, [path]);
    assert!(matches!(again(&mut publisher), Err(PublishError::Taken { state: "was taken back", .. })));
    assert!(matches!(publisher.withdraw(path, "x", day(1)), Err(PublishError::Taken { .. })));
    assert!(matches!(publisher.withdraw("scanner/9/x", "x", day(1)), Err(PublishError::NoTarget { .. })));

    assert!(targets(&place, "mirror", 1).is_empty());
    let mirror = block_on(place.mirror("mirror", &place.pinned())).unwrap();
    let snapshot = mirror.current().unwrap();
    let withdrawn = &snapshot.withdrawn()[path];
    assert_eq!((withdrawn.reason.as_str(), withdrawn.at), ("it finds too much", day(1)));
}

#[test]
fn what_was_staged_can_be_taken_back_unseen() {
    let place = Place::new();
    let mut publisher = place.publisher();
    let file = place.write("rules.db", b"one");
    let added = publisher.add(&file, Release::new("scanner", "1.0", Kind::Definition), day(0)).unwrap();
    assert_eq!(publisher.withdraw(&added.path, "a mistake", day(0)).unwrap(), State::Unstaged);
    assert!(publisher.list().unwrap().is_empty());
    assert!(publisher.publish(day(0), &mut rng(2)).unwrap().added.is_empty());
    publisher.add(&file, Release::new("scanner", "1.0", Kind::Definition), day(0)).unwrap();
}

#[test]
fn names_that_would_lead_elsewhere_are_refused() {
    let place = Place::new();
    let mut publisher = place.publisher();
    let good = || Release::new("scanner", "1.0", Kind::Definition);
    let bad = [
        ("product", Release { product: "../x".to_owned(), ..good() }),
        ("product", Release { product: "a*".to_owned(), ..good() }),
        ("product", Release { product: "snapshot".to_owned(), ..good() }),
        ("product", Release { product: ".part".to_owned(), ..good() }),
        ("product", Release { product: String::new(), ..good() }),
        ("version", Release { version: "1.0-beta".to_owned(), ..good() }),
        ("minimum version", Release { minimum_version: Some("x".to_owned()), ..good() }),
        ("channel", Release { channel: "a/b".to_owned(), ..good() }),
        ("feature", Release { features: vec!["a\nb".to_owned()], ..good() }),
        ("notes", Release { notes: Some("x".repeat(2_001)), ..good() }),
    ];
    let file = place.write("rules.db", b"x");
    for (wanted, told) in bad {
        match publisher.add(&file, told, day(0)) {
            Err(PublishError::Invalid { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
    let named = publisher.add(&place.write("a b", b"x"), good(), day(0));
    assert!(matches!(named, Err(PublishError::Invalid { field: "file", .. })));
    assert!(matches!(publisher.add(&place.path("none"), good(), day(0)), Err(PublishError::Io { .. })));
    assert!(publisher.list().unwrap().is_empty());
}

#[test]
fn a_repository_is_made_once_and_by_one_process() {
    let place = Place::new();
    let none = Publisher::open(&place.path("updates"));
    assert!(matches!(none, Err(PublishError::NotThere { .. })));
    assert!(!place.path("updates").exists());
    let publisher = place.publisher();
    assert!(matches!(Publisher::open(&place.path("updates")), Err(PublishError::Locked { .. })));
    drop(publisher);
    let again = Publisher::create(&place.path("updates"), "", day(0), &mut rng(2));
    assert!(matches!(again, Err(PublishError::There { .. })));
    let wrong = Publisher::create(&place.path("other"), "ftp://x", day(0), &mut rng(2));
    assert!(matches!(wrong, Err(PublishError::Invalid { field: "address", .. })));
    assert!(!place.path("other").exists());
    for key in std::fs::read_dir(place.path("updates/keys")).unwrap() {
        assert_eq!(key.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_is_about_to_end_is_signed_anew() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    assert!(!publisher.renew(day(6)).unwrap(), "there is more than half of the time");
    assert!(publisher.renew(day(8)).unwrap());
    assert_eq!(targets(&place, "soon", 20).len(), 1);
    // Nothing of what there was is good a year later, but for the root, and all of it is signed anew.
    assert!(publisher.renew(day(400)).unwrap());
    assert_eq!(targets(&place, "later", 401).len(), 1);
    // The root is at home in a safe: without it everything but the root is signed.
    let keys = || std::fs::read_dir(place.path("updates/keys")).unwrap().map(|key| key.unwrap().path());
    let root = keys().find(|path| path.to_str().unwrap().contains("root-")).unwrap();
    std::fs::rename(&root, place.path("safe")).unwrap();
    assert!(publisher.renew(day(410)).unwrap());
    publisher.publish(day(420), &mut rng(5)).unwrap();
    let rotated = publisher.rotate(&["timestamp".to_owned()], day(420), &mut rng(6));
    assert!(matches!(rotated, Err(PublishError::NoKey { role, .. }) if role == "root"));
    std::fs::rename(place.path("safe"), &root).unwrap();
    assert_eq!(publisher.publish(day(420), &mut rng(5)).unwrap().versions.root, 2);
    assert_eq!(targets(&place, "much-later", 421).len(), 1);
}

#[test]
fn keys_are_rotated_and_readers_follow() {
    let place = Place::new();
    let mut publisher = place.publisher();
    release(&mut publisher, &place, "scanner", "1.0", b"one").unwrap();
    assert_eq!(targets(&place, "follows", 0).len(), 1);
    let before = std::fs::read_dir(place.path("updates/keys")).unwrap().count();
    let roles = ["timestamp", "snapshot", "targets", "root", "scanner"].map(str::to_owned);
    assert_eq!(publisher.rotate(&roles, day(1), &mut rng(7)).unwrap().root, 2);
    assert_eq!(std::fs::read_dir(place.path("updates/keys")).unwrap().count(), before);
    for name in ["follows", "new"] {
        assert_eq!(targets(&place, name, 1).len(), 1, "{name}");
    }
    release(&mut publisher, &place, "scanner", "2.0", b"two").unwrap();
    for name in ["follows", "new", "newer"] {
        assert_eq!(targets(&place, name, 1).len(), 2, "{name}");
    }
    let unknown = publisher.rotate(&["scaner".to_owned()], day(1), &mut rng(8));
    assert!(matches!(unknown, Err(PublishError::NoRole { products, .. }) if products == "scanner"));
}
