//! Where the suites of the back ends keep their stores: in memory, in a file, or on a server. Which store it is,
//! and what it must do, is for the test binary to say.

#![allow(dead_code, reason = "not every test binary uses all of it")]

use std::sync::Mutex;

use async_trait::async_trait;
use leasehold_store_sql::Place;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::server::Database;

/// A store that a place can keep.
#[async_trait]
pub(crate) trait Kept: Clone + Send + Sync {
    /// Opens it there.
    async fn open_at(place: &Place) -> Self;

    /// Closes it and all its clones.
    async fn close(&self);
}

/// A place that goes with the test, and the stores that were opened there and not closed.
pub(crate) struct Keeps<S> {
    medium: Medium,
    opened: Mutex<Vec<S>>,
}

enum Medium {
    Memory,
    /// The directory is the file's own.
    File(TempDir),
    /// The database is made when it is needed first.
    Server(OnceCell<Database>),
}

impl<S: Kept> Keeps<S> {
    pub(crate) fn in_memory() -> Self {
        Self::on(Medium::Memory)
    }

    pub(crate) fn in_file() -> Self {
        Self::on(Medium::File(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn on_server() -> Self {
        Self::on(Medium::Server(OnceCell::new()))
    }

    fn on(medium: Medium) -> Self {
        Self { medium, opened: Mutex::default() }
    }

    /// Opens a store; all of them share what they keep, but for those in memory.
    pub(crate) async fn open_store(&self) -> S {
        let place = match &self.medium {
            Medium::Memory => Place::Memory,
            Medium::File(directory) => Place::File(directory.path().join("store.db")),
            Medium::Server(database) => database.get_or_init(Database::new).await.place(),
        };
        let store = S::open_at(&place).await;
        self.opened.lock().unwrap().push(store.clone());
        store
    }

    /// Closes every store; whether what they held outlives that.
    pub(crate) async fn close_stores(&self) -> bool {
        let opened = std::mem::take(&mut *self.opened.lock().unwrap());
        for store in opened {
            store.close().await;
        }
        !matches!(self.medium, Medium::Memory)
    }

    /// Whether more than one process may have the same store.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.medium, Medium::Server(_))
    }
}

/// Runs a suite of `leasehold_store` over a store in every place: `on_every_place! { SqlStore as Trait, factory trait,
/// the suite's macro }`. A suite whose factory also gives what another process would have of a store says `, beside`.
macro_rules! on_every_place {
    ($store:ident as $kind:ident, $factory:path, $suite:ident $(, $beside:ident)?) => {
        #[async_trait::async_trait]
        impl crate::places::Kept for $store {
            async fn open_at(place: &leasehold_store_sql::Place) -> Self {
                $store::open(place).await.unwrap()
            }

            async fn close(&self) {
                $store::close(self).await;
            }
        }

        #[async_trait::async_trait]
        impl $factory for crate::places::Keeps<$store> {
            async fn open(&self) -> std::sync::Arc<dyn $kind> {
                std::sync::Arc::new(self.open_store().await)
            }

            $(
                async fn $beside(&self, store: &std::sync::Arc<dyn $kind>) -> std::sync::Arc<dyn $kind> {
                    if self.is_shared() { self.open().await } else { std::sync::Arc::clone(store) }
                }
            )?

            async fn reopen(&self, store: std::sync::Arc<dyn $kind>) -> Option<std::sync::Arc<dyn $kind>> {
                drop(store);
                if self.close_stores().await { Some(self.open().await) } else { None }
            }
        }

        mod in_memory {
            leasehold_store::$suite!(crate::places::Keeps::<crate::$store>::in_memory());
        }

        mod in_file {
            leasehold_store::$suite!(crate::places::Keeps::<crate::$store>::in_file());
        }

        mod on_server {
            leasehold_store::$suite!(crate::places::Keeps::<crate::$store>::on_server());
        }
    };
}

pub(crate) use on_every_place;
