//! What a program says when it opens its updater.

use std::path::PathBuf;
use std::time::Duration;

use leasehold_artifacts::Steps;

use super::load_test::LoadTest;
use crate::address::ServerAddress;

/// The channel of whoever names none.
const STABLE: &str = "stable";

/// Where updates are kept, and what is followed.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until it is given to `Updater::open`"]
pub struct UpdaterOptions {
    pub(super) dir: PathBuf,
    pub(super) root: Vec<u8>,
    pub(super) follow: Vec<Follow>,
    pub(super) server: Option<ServerAddress>,
    pub(super) time_zone: String,
    pub(super) limits: FetchLimits,
    pub(super) steps: Steps,
}

/// A product that is followed.
#[derive(Clone, Debug)]
#[must_use = "nothing is followed until it is given to `UpdaterOptions::follow`"]
pub struct Follow {
    pub(super) product: String,
    pub(super) channel: String,
    pub(super) os: String,
    pub(super) arch: String,
    pub(super) load_test: LoadTest,
}

/// How much is spent on one download before it is left for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchLimits {
    /// How often it is tried. 8 by default.
    pub attempts: u32,
    /// So many times the file's length is fetched at most, and 1 MiB. 2 by default: the rest, and once the whole again.
    pub times: u32,
    /// How long the server may be silent. 30 s by default.
    pub silence: Duration,
    /// How long all attempts together may take. 1 h by default.
    pub time: Duration,
}

impl UpdaterOptions {
    /// This directory, and the vendor's pinned root: a `root.json` as it was published, shipped with the program.
    pub fn new(dir: impl Into<PathBuf>, root: impl Into<Vec<u8>>) -> Self {
        Self {
            dir: dir.into(),
            root: root.into(),
            follow: Vec::new(),
            server: None,
            time_zone: String::new(),
            limits: FetchLimits::default(),
            steps: Steps::default(),
        }
    }

    /// Follows this product, too; at most 64.
    pub fn follow(mut self, follow: Follow) -> Self {
        self.follow.retain(|other| other.product != follow.product);
        self.follow.push(follow);
        self
    }

    /// Where the service for updates is, if elsewhere than licensing.
    pub fn server(mut self, server: ServerAddress) -> Self {
        self.server = Some(server);
        self
    }

    /// The time zone that the server is told, an IANA name. None by default.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = name.into();
        self
    }

    /// How much is spent on one download.
    pub fn limits(mut self, limits: FetchLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Told before every step that changes what a later process finds; for tests.
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }
}

impl Follow {
    /// This product on the channel `stable`, and what is for all systems. Without more there is no load test.
    pub fn new(product: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            channel: STABLE.to_owned(),
            os: String::new(),
            arch: String::new(),
            load_test: LoadTest::none(),
        }
    }

    /// On this channel.
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        channel(&name.into()).clone_into(&mut self.channel);
        self
    }

    /// Also what is for this operating system and architecture, as the vendor's releases name them.
    pub fn system(mut self, os: impl Into<String>, arch: impl Into<String>) -> Self {
        (self.os, self.arch) = (os.into(), arch.into());
        self
    }

    /// What a file has to pass before it is put in place.
    pub fn load_test(mut self, test: LoadTest) -> Self {
        self.load_test = test;
        self
    }
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { attempts: 8, times: 2, silence: Duration::from_secs(30), time: Duration::from_hours(1) }
    }
}

/// The channel of this name; no name is `stable`.
pub(super) fn channel(name: &str) -> &str {
    if name.is_empty() { STABLE } else { name }
}
