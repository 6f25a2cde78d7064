//! The process ends at every step of publishing and of mirroring: readers see the old set or the new one, whole.
//!
//! The test starts itself again as another process, which does one thing and is told at which of its steps to end. It
//! ends there without cleaning up, as it would if it were killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use leasehold_artifacts::{
    FolderBlobs, FolderUpstream, Kind, Limits, Mirror, Publisher, Release, Snapshot, Steps, Trusted,
};

use crate::support::{Place, block_on, day, release, rng};

/// What to do, where, and at which step to end.
const TASK: &str = "LEASEHOLD_TEST_TASK";
/// How a process ends that was told to end at a step.
const ENDED: i32 = 99;

/// The other process; when it is called as a test, there is nothing to do.
#[test]
fn the_other_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [what, folder, last] = task.split('\n').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let (last, step) = (last.parse::<u32>().unwrap(), AtomicU32::new(0));
    let steps = Steps::observed(move |_| {
        if step.fetch_add(1, Ordering::Relaxed) == last {
            std::process::exit(ENDED);
        }
    });
    run(what, Path::new(folder), steps, 30);
}

/// Does it; another seed makes other keys.
fn run(what: &str, folder: &Path, steps: Steps, seed: u64) {
    let updates = folder.join("updates");
    let open = |steps| Publisher::open_with(&updates, steps).unwrap();
    match what {
        "create" => drop(Publisher::create_with(&updates, "", day(0), &mut rng(seed), steps).unwrap()),
        "add" => {
            let told = Release::new("viewer", "1.0", Kind::Software);
            open(steps).add(&folder.join("rules.db"), told, day(0)).unwrap();
        }
        "publish" => drop(open(steps).publish(day(0), &mut rng(seed)).unwrap()),
        "rotate" => {
            let roles = ["timestamp", "snapshot", "targets", "root", "scanner"].map(str::to_owned);
            open(steps).rotate(&roles, day(0), &mut rng(seed)).unwrap();
        }
        "mirror" => block_on(async {
            let mirror = open_mirror(folder, steps).await;
            let upstream = FolderUpstream::new(updates.join("repository"));
            mirror.refresh(&upstream, day(0)).await.unwrap();
            for path in mirror.current().unwrap().targets().keys() {
                mirror.fetch(&upstream, path).await.unwrap();
            }
        }),
        other => panic!("{other}"),
    }
}

async fn open_mirror(folder: &Path, steps: Steps) -> Mirror {
    let blobs = Arc::new(FolderBlobs::open_with(&folder.join("blobs"), steps.clone()).unwrap());
    let pinned = std::fs::read(folder.join("updates/repository/metadata/1.root.json")).unwrap();
    Mirror::open_with(&folder.join("mirror"), &pinned, blobs, Limits::default(), steps).await.unwrap()
}

/// Whether the other process ended at the step that it was told.
fn ends(what: &str, folder: &Path, step: u32) -> bool {
    let task = format!("{what}\n{}\n{step}", folder.display());
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", "crash::the_other_process"]).env(TASK, task).output().unwrap();
    match output.status.code() {
        Some(ENDED) => true,
        Some(0) => false,
        other => panic!("{what}, step {step}: {other:?}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Does it with an end at every step, each time in a copy of the folder, and has each looked at; how many steps there are.
fn at_every_step(what: &str, from: &Path, look: impl Fn(&Path)) -> u32 {
    for step in 0.. {
        let copy = tempfile::tempdir().unwrap();
        let folder = copy.path().join("copy");
        assert!(Command::new("cp").arg("-r").args([from, &folder]).status().unwrap().success());
        let ended = ends(what, &folder, step);
        look(&folder);
        // Whatever was left, the next try comes to its end.
        run(what, &folder, Steps::default(), 31);
        look(&folder);
        if !ended {
            return step;
        }
    }
    unreachable!("it has an end")
}

/// A vendor with one release published and another one staged, which is of a new product.
fn vendor(place: &Place) -> PathBuf {
    let mut publisher = place.publisher();
    release(&mut publisher, place, "scanner", "1.0", b"one").unwrap();
    publisher
        .add(&place.write("rules.db", b"two"), Release::new("viewer", "1.0", Kind::Software), day(0))
        .unwrap();
    publisher.withdraw("scanner/1.0/rules.db", "wrong", day(0)).unwrap();
    place.path("")
}

/// What somebody sees who comes now, and knows the first root alone.
fn seen(folder: &Path) -> Arc<Snapshot> {
    let pinned = std::fs::read(folder.join("updates/repository/metadata/1.root.json")).unwrap();
    let state = tempfile::tempdir().unwrap();
    let blobs = Arc::new(FolderBlobs::open(&state.path().join("blobs")).unwrap());
    block_on(async {
        let mirror = Mirror::open(state.path(), &pinned, blobs, Limits::default()).await.unwrap();
        let upstream = FolderUpstream::new(folder.join("updates/repository"));
        mirror.refresh(&upstream, day(0)).await.unwrap();
        let snapshot = mirror.current().unwrap();
        for path in snapshot.targets().keys() {
            mirror.fetch(&upstream, path).await.unwrap();
        }
        snapshot
    })
}

#[test]
fn a_publication_is_there_or_not() {
    let place = Place::new();
    let folder = vendor(&place);
    let steps = at_every_step("publish", &folder, |folder| {
        let snapshot = seen(folder);
        let paths: Vec<&str> = snapshot.targets().keys().map(String::as_str).collect();
        match snapshot.versions().timestamp {
            2 => assert_eq!((paths, snapshot.withdrawn().len()), (vec!["scanner/1.0/rules.db"], 0)),
            _ => assert_eq!((paths, snapshot.withdrawn().len()), (vec!["viewer/1.0/rules.db"], 1)),
        }
    });
    assert!(steps > 20, "{steps}");
}

#[test]
fn staging_shows_nothing() {
    let place = Place::new();
    let folder = vendor(&place);
    let steps = at_every_step("add", &folder, |folder| {
        assert_eq!(seen(folder).versions().timestamp, 2);
        assert_eq!(Publisher::open(&folder.join("updates")).unwrap().list().unwrap().len(), 2);
    });
    assert!(steps > 4, "{steps}");
}

#[test]
fn a_repository_that_was_begun_is_made_anew() {
    let place = Place::new();
    let steps = at_every_step_of_creation(&place);
    assert!(steps > 30, "{steps}");
}

fn at_every_step_of_creation(place: &Place) -> u32 {
    for step in 0.. {
        let folder = place.path(&format!("at-{step}"));
        std::fs::create_dir(&folder).unwrap();
        if !ends("create", &folder, step) {
            assert_eq!(seen(&folder).versions().timestamp, 1);
            return step;
        }
        if Publisher::open(&folder.join("updates")).is_err() {
            run("create", &folder, Steps::default(), 31);
        }
        assert_eq!(seen(&folder).versions().timestamp, 1);
    }
    unreachable!("it has an end")
}

#[test]
fn new_keys_leave_nobody_out() {
    let place = Place::new();
    let folder = vendor(&place);
    // Somebody who was there before, too.
    let pinned = place.pinned();
    block_on(async {
        let mirror = place.mirror("before", &pinned).await.unwrap();
        mirror.refresh(&place.upstream(), day(0)).await.unwrap();
    });
    let steps = at_every_step("rotate", &folder, |folder| {
        assert_eq!(seen(folder).targets().len(), 1);
        let mut before = Trusted::open(&folder.join("before"), &pinned, Limits::default()).unwrap();
        let source = Folder(folder.join("updates/repository/metadata"));
        block_on(before.refresh(&source, day(0))).unwrap();
        let found = block_on(before.target(&source, "scanner/1.0/rules.db", day(0))).unwrap();
        assert!(found.is_some());
    });
    assert!(steps > 40, "{steps}");
}

struct Folder(PathBuf);

#[async_trait::async_trait]
impl leasehold_artifacts::MetadataSource for Folder {
    async fn metadata(
        &self,
        name: &str,
        _max: u64,
    ) -> Result<Option<bytes::Bytes>, leasehold_artifacts::SourceError> {
        Ok(std::fs::read(self.0.join(name)).ok().map(Into::into))
    }
}

#[test]
fn a_mirror_has_one_set_or_the_other() {
    let place = Place::new();
    let folder = vendor(&place);
    run("mirror", &folder, Steps::default(), 31);
    Publisher::open(&place.path("updates")).unwrap().publish(day(0), &mut rng(30)).unwrap();
    run("rotate", &folder, Steps::default(), 32);
    let steps = at_every_step("mirror", &folder, |folder| {
        let mirror = block_on(open_mirror(folder, Steps::default()));
        let snapshot = mirror.current().unwrap();
        let paths: Vec<&str> = snapshot.targets().keys().map(String::as_str).collect();
        let wanted =
            if snapshot.versions().timestamp == 2 { "scanner/1.0/rules.db" } else { "viewer/1.0/rules.db" };
        assert_eq!(paths, [wanted]);
        // A client of the mirror alone can follow.
        let pinned = std::fs::read(folder.join("updates/repository/metadata/1.root.json")).unwrap();
        let state = tempfile::tempdir().unwrap();
        let mut client = Trusted::open(state.path(), &pinned, Limits::default()).unwrap();
        assert_eq!(block_on(client.refresh(&mirror, day(0))).unwrap(), snapshot.versions());
        // Content is whole, or not there.
        let blobs = mirror.blobs();
        let scrubbed = block_on(leasehold_artifacts::scrub(&**blobs, None, 100)).unwrap();
        assert!(scrubbed.bad.is_empty() && scrubbed.checked >= 1);
    });
    assert!(steps > 20, "{steps}");
}
