//! A machine on which a program that keeps its answers runs again and again.

use std::path::Path;
use std::time::Duration;

use leasehold_client::{Checkout, CheckoutError, Client, Guard, KeptError, Options, State};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::fake::{Fake, Vendor};
use crate::link::Link;
use crate::pinned::pinning;

pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A directory that goes when the test ends, also where something is still being written into it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Another one with the same files.
    pub(crate) fn copied(from: &Path) -> Self {
        let copy = Self::new();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A file that is made while the rest is removed keeps the directory; once that is gone, none is made.
        for _ in 0..100 {
            match std::fs::remove_dir_all(self.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
                Ok(()) | Err(_) => return,
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A machine on which a program runs again and again.
pub(crate) struct Machine {
    pub(crate) fake: Fake,
    pub(crate) link: Link,
    pub(crate) vendor: Vendor,
    /// Its time of day.
    pub(crate) own: Clock,
    /// Where the program keeps its answers.
    pub(crate) answers: Folder,
}

impl Machine {
    /// Borrows are for ten hours.
    pub(crate) fn new() -> Self {
        let (clock, own) = (Clock::new(), Clock::new());
        let vendor = Vendor::new(1, 7, clock.now());
        let fake = Fake::signing(vendor.clone(), clock);
        (fake.state().lifetime, fake.state().renew_after) = (10 * HOUR, HOUR);
        let link = Link::to(&fake);
        Self { fake, link, vendor, own, answers: Folder::new() }
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = pinning(&self.vendor, &self.own);
        options.answers = Some(self.answers.path().to_owned());
        options
    }

    /// The program, over this way to the server.
    pub(crate) async fn starts_over(&self, link: &Link) -> Client {
        Client::over(link.channel(), self.options()).await.unwrap()
    }

    pub(crate) async fn starts(&self) -> Client {
        self.starts_over(&self.link).await
    }

    /// The program ends in order, and starts again.
    pub(crate) async fn restarts(&self, client: Client) -> Client {
        let id = client.client_instance_id().to_owned();
        drop(client);
        // The lock goes with the keeper, which ends a moment later.
        loop {
            let again = self.starts().await;
            if again.client_instance_id() == id {
                return again;
            }
            drop(again);
            tokio::task::yield_now().await;
        }
    }

    /// The program crashes: what it has on disk, without its locks, is another program's from now on, over a way of its
    /// own. The first one goes on without anybody to speak to.
    pub(crate) fn crashes(self) -> (Self, Link) {
        let answers = Folder::copied(self.answers.path());
        self.link.cut();
        let link = Link::to(&self.fake);
        (
            Self {
                link,
                answers,
                fake: self.fake.clone(),
                vendor: self.vendor.clone(),
                own: self.own.clone(),
            },
            self.link,
        )
    }

    /// The one answer that is kept.
    pub(crate) fn kept(&self) -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir(self.answers.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|kind| kind == "answer")).collect()
    }
}

pub(crate) fn borrow() -> Checkout {
    Checkout::new("solver").borrow()
}

pub(crate) async fn until(guard: &Guard, wanted: impl FnMut(&State) -> bool) -> Instant {
    guard.watch().wait_for(wanted).await.unwrap();
    Instant::now()
}

/// Drops a borrow's guard, and waits until its place is free.
pub(crate) async fn leave(guard: Guard) {
    drop(guard);
    tokio::time::sleep(SECOND).await;
}

/// Why a checkout got nothing that found no server, and something kept.
pub(crate) async fn problem(client: &Client, checkout: Checkout) -> KeptError {
    match client.checkout(checkout).await.unwrap_err() {
        CheckoutError::OutOfReach { kept, .. } => kept,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn offline(state: State) -> jiff::Timestamp {
    match state {
        State::Offline { until } => until.unwrap(),
        other => panic!("{other:?}"),
    }
}
