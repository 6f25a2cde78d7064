//! The directory in which the last good answers are kept, with the newest times seen and the servers' addresses.
//!
//! Responsible for what is on disk: one process has the directory at a time, files are replaced whole and can be read
//! by their owner alone, and what is there is never older than what was there. Not responsible for judging answers:
//! nothing in here is believed before it is verified again. Everything is blocking.
//! Reference: client, "The directory of answers".

mod disk;
mod index;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use prost::Message;

pub(crate) use self::disk::make;
use self::index::{Entry, Index};
pub(crate) use self::index::{Holder, Key, Known};
use crate::identity::{Identity, random_uuid};
use crate::kept::Kept;
use crate::place::Occupied;
use crate::verify::Seen;

/// The directory, while this process has it.
#[derive(Debug)]
pub(crate) struct Answers {
    directory: PathBuf,
    index: Mutex<Index>,
    /// Held open for its lock.
    _lock: File,
    /// Let go after the directory: whoever has the client instance id next finds the directory free.
    _identity: Arc<Identity>,
}

/// What an answer that was verified teaches.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// The server's address or id, as this client was told it.
    pub(crate) called: String,
    /// When it was made.
    pub(crate) server_time: Timestamp,
    /// Whose answer it is, and where that one can be reached.
    pub(crate) known: Known,
    /// The time on this machine.
    pub(crate) now: Timestamp,
    /// What it means for the answer that is kept of its grant.
    pub(crate) change: Change,
}

/// What becomes of the answer that is kept of a grant.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// It stays, if there is one.
    Stay,
    /// It goes: nothing is held.
    Forget(Key),
    /// This one is kept in its place.
    Keep {
        /// Of which grant.
        key: Key,
        /// The answer.
        signed: pb::SignedAnswer,
        /// When its request was sent, by this machine's clock.
        sent: Timestamp,
        /// When it is of no use any more.
        over: Timestamp,
        /// What it grants.
        grant: pb::GrantRef,
    },
}

/// A grant, as whoever had it last knows it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// What its last good answer is kept under.
    pub(crate) key: Key,
    /// What was shown for it.
    pub(crate) grant: pb::GrantRef,
}

/// What is known of one grant that was held.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The last good answer.
    pub(crate) kept: Kept,
    /// The newest time that this machine's clock is known to have shown.
    pub(crate) shown: Timestamp,
}

impl Answers {
    /// The directory, which is made where it is missing; `None` where another process has it.
    pub(crate) fn open(directory: &Path, identity: Arc<Identity>) -> io::Result<Option<Self>> {
        let Some(lock) = disk::lock(directory)? else { return Ok(None) };
        let index = disk::read(directory)?;
        let (directory, index) = (directory.to_owned(), Mutex::new(index));
        Ok(Some(Self { directory, index, _lock: lock, _identity: identity }))
    }

    /// The newest time that each server has put under an answer.
    pub(crate) fn seen(&self) -> Seen {
        self.index().seen()
    }

    /// Where the server that is called so has said that it can be reached, and the number of that word.
    pub(crate) fn addresses(&self, called: &str) -> Option<Known> {
        self.index().addresses(called)
    }

    /// The places that this client's grants had; `key` is of a grant that is wanted, at any place of them.
    pub(crate) fn occupied(&self, key: &Key, client: &str) -> Occupied {
        self.index().occupied(key, client)
    }

    /// What an answer teaches, put on disk.
    pub(crate) fn learn(&self, news: News) -> io::Result<()> {
        let mut index = self.index();
        index.see(&news);
        let mut left = index.take_over(news.now);
        match news.change {
            Change::Stay => {}
            Change::Forget(key) => left.extend(index.take(&key)),
            Change::Keep { key, signed, sent, over, grant } => {
                let file = index.file_of(&key).unwrap_or_else(|| format!("{}.answer", random_uuid()));
                // Before the index, which would not take an older answer than it names.
                disk::write(&self.directory, &file, &signed.encode_to_vec())?;
                let (license_server_id, server_time) = (news.known.server.0, news.server_time);
                let pb::GrantRef { grant_id, fencing_token, .. } = grant;
                index.put(Entry {
                    key,
                    license_server_id,
                    server_time,
                    sent,
                    over,
                    grant_id,
                    fencing_token,
                    file,
                });
            }
        }
        self.save(&index)?;
        drop_files(&self.directory, &left);
        Ok(())
    }

    /// The answer that is kept of a grant.
    pub(crate) fn find(&self, key: &Key) -> io::Result<Option<Found>> {
        let index = self.index();
        let Some(entry) = index.entry(key) else { return Ok(None) };
        let bytes = disk::answer(&self.directory, &entry.file)?;
        let signed = pb::SignedAnswer::decode(bytes.as_slice()).map_err(io::Error::other)?;
        let kept = Kept { signed, sent: entry.sent, newest: entry.server_time };
        Ok(Some(Found { kept, shown: index.clock }))
    }

    /// These grants are not held any more.
    pub(crate) fn forget(&self, grants: &[Held]) -> io::Result<()> {
        let mut index = self.index();
        let left: Vec<String> = grants.iter().filter_map(|held| index.take_of(held)).collect();
        if left.is_empty() {
            return Ok(());
        }
        // The index first: what it does not name is not there.
        self.save(&index)?;
        drop_files(&self.directory, &left);
        Ok(())
    }

    /// This machine's clock has come to `now`, and will be believed to stand no earlier.
    pub(crate) fn pass(&self, now: Timestamp) -> io::Result<()> {
        let mut index = self.index();
        if now <= index.clock {
            return Ok(());
        }
        index.clock = now;
        self.save(&index)
    }

    fn save(&self, index: &Index) -> io::Result<()> {
        disk::write(&self.directory, disk::INDEX, index.to_json().as_bytes())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // What is on disk decides after a restart, and it is only ever replaced whole.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What nothing names any more. One that stays behind does no harm.
fn drop_files(directory: &Path, files: &[String]) {
    for file in files {
        if let Err(error) = std::fs::remove_file(directory.join(file)) {
            tracing::debug!(client.answers = %directory.display(), %error, "an old answer could not be removed");
        }
    }
}
