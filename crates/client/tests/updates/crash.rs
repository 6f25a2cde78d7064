//! The process ends at every step of an update: the next one finds the old file or the new one, whole, and goes on.
//!
//! The test starts itself again as another process, which updates and is told where to end. It ends there without
//! cleaning up, as it would if it were killed.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use leasehold_artifacts::{Digest, Steps};
use leasehold_client::updates::{Applied, Updater, installed};

use crate::fake::{ENDED, PIECE};
use crate::place::{Place, copy, update};

/// The folder, at which step to end, and after how many bytes of a download.
const TASK: &str = "LEASEHOLD_TEST_TASK";
/// So far off.
const NEVER: u32 = u32::MAX;

fn second() -> Vec<u8> {
    (0..12 * PIECE).map(|index| u8::try_from((index / PIECE + index) % 253).unwrap()).collect()
}

/// The other process; when it is called as a test, there is nothing to do.
#[test]
fn the_other_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [folder, step, bytes] = task.split('\n').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let (last, step) = (step.parse::<u32>().unwrap(), AtomicU32::new(0));
    let steps = Steps::observed(move |_| {
        if step.fetch_add(1, Ordering::Relaxed) == last {
            std::process::exit(ENDED);
        }
    });
    let bytes: u32 = bytes.parse().unwrap();
    let bytes = (bytes != NEVER).then(|| usize::try_from(bytes).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(go(Path::new(folder), steps, bytes));
}

/// Updates to the second version; what was fetched for it.
async fn go(folder: &Path, steps: Steps, ends_after: Option<usize>) -> u64 {
    let place = Place::at(folder.to_owned()).await;
    let named = place.serve("scanner", "2.0", "scanner/2.0/rules.db", &second());
    {
        let mut state = place.fake.state();
        (state.plan, state.ends_after) = (vec![named], ends_after);
        state.log = Some(folder.join("events"));
        let log = std::fs::read_to_string(folder.join("events")).unwrap_or_default();
        state.events.extend(log.lines().map(|line| leasehold_proto::updates::v1::UpdateEvent {
            sequence: line.split(' ').next().unwrap().parse().unwrap(),
            ..Default::default()
        }));
    }
    let mut updater = Updater::open(&place.client, place.options().steps(steps)).await.unwrap();
    let applied = update(&mut updater).await.unwrap();
    assert!(matches!(applied, Applied::Installed(_) | Applied::AlreadyThere));
    updater.report().await.unwrap();
    let fetches = place.fake.state().fetches.clone();
    fetches.iter().map(|from| second().len() as u64 - from).sum()
}

/// Whether the other process ended where it was told.
fn ends(folder: &Path, step: u32, bytes: u32) -> bool {
    let task = format!("{}\n{step}\n{bytes}", folder.display());
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", "crash::the_other_process"]).env(TASK, task).output().unwrap();
    match output.status.code() {
        Some(ENDED) => true,
        Some(0) => false,
        other => panic!("step {step}: {other:?}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A folder with the first version in place and the second one published.
async fn folder(place: &Place) {
    drop(place.with_first().await);
    place.release("2.0", &second());
}

/// One version or the other is in place, whole.
fn whole(folder: &Path) {
    let found = installed(&folder.join("client"), "scanner").unwrap().unwrap();
    let content = std::fs::read(&found.path).unwrap();
    assert_eq!(Digest::of(&content), found.sha256);
    let expected = if found.version == "1.0" { b"first".to_vec() } else { second() };
    assert_eq!(content, expected, "{}", found.version);
}

/// The next process arrives; how much it fetched.
async fn arrives(folder: &Path) -> u64 {
    let fetched = go(folder, Steps::default(), None).await;
    let client = folder.join("client");
    assert_eq!(installed(&client, "scanner").unwrap().unwrap().version, "2.0");
    whole(folder);
    let log = std::fs::read_to_string(folder.join("events")).unwrap();
    let told: Vec<&str> = log.lines().filter_map(|line| line.split_once(' ')).map(|(_, told)| told).collect();
    let all = ["ACCEPTED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "INSTALLING", "INSTALLED"];
    let of_second: Vec<&str> =
        told.into_iter().filter_map(|told| told.strip_prefix("2.0 UPDATE_STATE_")).collect();
    assert_eq!(of_second, all, "each once, in order");
    fetched
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_at_any_step_leaves_the_old_or_the_new() {
    let place = Place::new().await;
    folder(&place).await;
    let from = place.path("");
    let other = tempfile::tempdir().unwrap();
    let mut steps = 0;
    loop {
        let at = other.path().join(steps.to_string());
        copy(&from, &at);
        let ended = ends(&at, steps, NEVER);
        whole(&at);
        arrives(&at).await;
        std::fs::remove_dir_all(&at).unwrap();
        if !ended {
            break;
        }
        steps += 1;
    }
    assert!(steps > 40, "{steps}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_within_a_download_costs_little() {
    let place = Place::new().await;
    folder(&place).await;
    let other = tempfile::tempdir().unwrap();
    for pieces in 0..12 {
        let at = other.path().join(pieces.to_string());
        copy(&place.path(""), &at);
        let before = pieces * PIECE;
        assert!(ends(&at, NEVER, u32::try_from(before).unwrap()));
        whole(&at);
        let fetched = arrives(&at).await;
        let rest = (second().len() - before) as u64;
        // What was taken in and not written yet, and what the server had made and not sent.
        assert!(fetched <= rest + (1 << 20) + 3 * PIECE as u64, "{fetched} of {rest} after {before}");
    }
}
