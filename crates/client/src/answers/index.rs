//! What is kept, and what has been seen: the file that names all others of the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{Held, News};
use crate::place::Occupied;
use crate::verify::Seen;

/// The form of the file that this release writes and reads.
const FORMAT: u32 = 1;

/// Whose and of what a grant is. Two grants of one client differ in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The server's id where it is pinned, else its address.
    pub(crate) server: String,
    /// The instance; empty is the server's default.
    pub(crate) instance: String,
    /// The feature.
    pub(crate) feature: String,
    /// The device's first hostid.
    pub(crate) device: String,
    /// The user, where there is one.
    pub(crate) user: Option<String>,
    /// The slot, or the client instance id with its place.
    pub(crate) holder: Holder,
    /// What the line items had to have.
    pub(crate) selectors: BTreeMap<String, String>,
}

/// Who holds on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holder {
    /// A named place.
    Slot(String),
    /// A place of a client.
    Client {
        /// The client instance id.
        id: String,
        /// The place.
        place: u32,
    },
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    format: u32,
    /// The newest time that this machine's clock is known to have shown.
    #[serde(with = "text")]
    pub(super) clock: Timestamp,
    servers: Vec<Server>,
    answers: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Server {
    #[serde(with = "text")]
    license_server_id: Uuid,
    /// What it was called when it answered.
    called: BTreeSet<String>,
    /// The newest time that it has put under an answer.
    #[serde(with = "text")]
    newest: Timestamp,
    addresses_number: u64,
    addresses: Vec<String>,
}

/// An answer that is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: Key,
    #[serde(with = "text")]
    pub(super) license_server_id: Uuid,
    #[serde(with = "text")]
    pub(super) server_time: Timestamp,
    #[serde(with = "text")]
    pub(super) sent: Timestamp,
    /// When it is of no use any more.
    #[serde(with = "text")]
    pub(super) over: Timestamp,
    pub(super) grant_id: String,
    pub(super) fencing_token: u64,
    /// A file beside this one.
    pub(super) file: String,
}

/// Where a server can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The server.
    pub(crate) server: InstanceId,
    /// Numbers the addresses.
    pub(crate) number: u64,
    /// The addresses, best first.
    pub(crate) addresses: Vec<String>,
}

impl Index {
    /// Nothing is kept.
    pub(super) fn empty() -> Self {
        Self { format: FORMAT, clock: Timestamp::MIN, servers: Vec::new(), answers: Vec::new() }
    }

    /// Reads the file's text.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, String> {
        let mut index: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        // Anybody may have written it; no file elsewhere is read or removed for its sake.
        index.answers.retain(|entry| is_name(&entry.file));
        if index.format != FORMAT {
            return Err(format!("its format is {}, and this release reads {FORMAT}", index.format));
        }
        Ok(index)
    }

    /// The file's text.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers can be written as JSON") + "\n"
    }

    pub(super) fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for server in &self.servers {
            seen.see(InstanceId(server.license_server_id), server.newest);
        }
        seen
    }

    pub(super) fn addresses(&self, called: &str) -> Option<Known> {
        let servers = self.servers.iter().filter(|server| server.called.contains(called));
        // One name can have come to mean another server.
        let newest = servers.max_by_key(|server| server.newest);
        newest.map(|server| Known {
            server: InstanceId(server.license_server_id),
            number: server.addresses_number,
            addresses: server.addresses.clone(),
        })
    }

    /// Takes in who answered, when, and from where. The clock is as right as the server's.
    pub(super) fn see(&mut self, news: &News) {
        self.clock = news.now;
        let id = news.known.server.0;
        let known = self.servers.iter().position(|server| server.license_server_id == id);
        let index = known.unwrap_or_else(|| {
            self.servers.push(Server {
                license_server_id: id,
                called: BTreeSet::new(),
                newest: news.server_time,
                addresses_number: 0,
                addresses: Vec::new(),
            });
            self.servers.len() - 1
        });
        let server = &mut self.servers[index];
        server.newest = server.newest.max(news.server_time);
        server.called.insert(news.called.clone());
        if news.known.number > server.addresses_number {
            server.addresses_number = news.known.number;
            server.addresses.clone_from(&news.known.addresses);
        }
    }

    pub(super) fn entry(&self, key: &Key) -> Option<&Entry> {
        self.answers.iter().find(|entry| entry.key == *key)
    }

    pub(super) fn file_of(&self, key: &Key) -> Option<String> {
        self.entry(key).map(|entry| entry.file.clone())
    }

    pub(super) fn put(&mut self, entry: Entry) {
        self.answers.retain(|other| other.key != entry.key);
        self.answers.push(entry);
    }

    /// Takes the answer out that this grant had, and says which file it was in.
    pub(super) fn take_of(&mut self, held: &Held) -> Option<String> {
        let entry = self.entry(&held.key)?;
        // The same holder can have it again by a newer request, which is another guard's.
        let newer = entry.grant_id == held.grant.grant_id && entry.fencing_token > held.grant.fencing_token;
        if newer { None } else { self.take(&held.key) }
    }

    /// Takes an answer out and says which file it was in.
    pub(super) fn take(&mut self, key: &Key) -> Option<String> {
        let index = self.answers.iter().position(|entry| entry.key == *key)?;
        Some(self.answers.remove(index).file)
    }

    /// Takes those out that are of no use at `now` any more, and says which files they were in.
    pub(super) fn take_over(&mut self, now: Timestamp) -> Vec<String> {
        let over = |entry: &mut Entry| entry.over < now;
        self.answers.extract_if(.., over).map(|entry| entry.file).collect()
    }

    pub(super) fn occupied(&self, key: &Key, client: &str) -> Occupied {
        let mut occupied = Occupied::default();
        for entry in &self.answers {
            let Holder::Client { id, place } = &entry.key.holder else { continue };
            let here = Key { holder: entry.key.holder.clone(), ..key.clone() };
            if id == client {
                let places =
                    if entry.key == here { &mut occupied.by_the_same } else { &mut occupied.by_others };
                places.insert(*place);
            }
        }
        occupied
    }
}

/// Whether it names a file of the directory itself.
fn is_name(file: &str) -> bool {
    Path::new(file).file_name().is_some_and(|name| name == file)
}

/// Values by their text form.
mod text {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'a, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'a>,
    {
        use serde::de::Error as _;
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
