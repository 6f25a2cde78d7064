//! The notices that stand, as this process has them in memory: heartbeats are answered from here and ask no store.
//!
//! A background loop looks at the store once a second, and whoever publishes has it look at once. Not responsible for who
//! may publish. Reference: `docs/reference/licensing.md`, "Notices".

use std::sync::Arc;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::Notice;
use prost::Message as _;
use tokio::sync::watch;

use crate::Error;
use crate::state::State;

/// Most features that a client may name, and most that a notice may.
pub(crate) const MAX_FEATURES: usize = 1_000;

/// The notices of one instance, for everybody in this process.
#[derive(Debug)]
pub(crate) struct Board(watch::Sender<Arc<Shown>>);

/// The notices at one moment.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shown(Vec<Posted>);

/// A notice, and whom it concerns.
#[derive(Debug, PartialEq)]
struct Posted {
    message: pb::Notice,
    until: Timestamp,
    audience: Audience,
}

#[derive(Debug, PartialEq)]
enum Audience {
    Everybody,
    /// Those who hold any of these, which may be none.
    HoldersOf(Vec<String>),
}

impl Board {
    /// Nothing is posted.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::default())
    }

    /// What is posted now.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.0.borrow())
    }

    /// Tells of changes from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Shown>> {
        self.0.subscribe()
    }

    fn show(&self, shown: Shown) {
        self.0.send_if_modified(|before| {
            let changed = **before != shown;
            if changed {
                *before = Arc::new(shown);
            }
            changed
        });
    }
}

impl Shown {
    /// Those that stand at `now` and concern a client who holds these features; one who names none may hold any.
    pub(crate) fn concerning<'a>(
        &'a self,
        features: &'a [String],
        now: Timestamp,
    ) -> impl Iterator<Item = &'a pb::Notice> {
        let concerns = move |posted: &&Posted| posted.until > now && posted.audience.has(features);
        self.0.iter().filter(concerns).map(|posted| &posted.message)
    }

    /// Answers a heartbeat of a client who holds these features and has the notices of this tag.
    pub(crate) fn tell(
        &self,
        response: &mut pb::HeartbeatResponse,
        features: &[String],
        tag: u64,
        now: Timestamp,
    ) {
        if !self.0.is_empty() {
            response.notices_tag = tag_of(self.concerning(features, now).map(|notice| notice.number));
        }
        if response.notices_tag != tag {
            response.notices = self.concerning(features, now).cloned().collect();
        }
    }
}

impl Audience {
    fn has(&self, features: &[String]) -> bool {
        match self {
            Self::Everybody => true,
            Self::HoldersOf(some) if features.is_empty() => !some.is_empty(),
            Self::HoldersOf(some) => features.iter().any(|feature| some.binary_search(feature).is_ok()),
        }
    }
}

/// Stands for these notices and no others, by the 64-bit FNV-1a of their numbers; 0 for none.
fn tag_of(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers = numbers.peekable();
    if numbers.peek().is_none() {
        return 0;
    }
    let bytes = numbers.flat_map(u64::to_be_bytes);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.max(1)
}

/// Brings the board of an instance up to date with the store.
pub(crate) async fn refresh(state: &State, instance: InstanceId) -> Result<(), Error> {
    let kept = state.store.notices(instance).await?.kept;
    let mut posted = Vec::with_capacity(kept.len());
    for notice in kept {
        posted.push(post(state, instance, notice).await?);
    }
    state.board(instance).show(Shown(posted));
    Ok(())
}

async fn post(state: &State, instance: InstanceId, notice: Notice) -> Result<Posted, Error> {
    let said = pb::PublishNoticeRequest::decode(notice.content.as_slice())
        .map_err(|error| Error::Defect(format!("the notice {:?} cannot be read: {error}", notice.key)))?;
    let mut features = said.features;
    let audience = if features.is_empty() && said.product.is_empty() {
        Audience::Everybody
    } else {
        let of_product = state.features_of(instance, &said.product).await?;
        features.extend(of_product.iter().map(ToString::to_string));
        features.sort_unstable();
        features.dedup();
        Audience::HoldersOf(features.clone())
    };
    let message = pb::Notice {
        subject: said.subject,
        text: said.text,
        key: notice.key,
        number: notice.number,
        features,
        until: Some(timestamp(notice.until)),
        update: said.update,
    };
    Ok(Posted { message, until: notice.until, audience })
}

/// The features that a client says it holds, within bounds.
pub(crate) fn check_features(features: &[String]) -> Result<(), Error> {
    if features.len() > MAX_FEATURES {
        return Err(Error::field("features", "name at most 1,000 features, or none"));
    }
    match features.iter().position(|name| name.len() > leasehold_domain::FeatureName::MAX) {
        Some(index) => Err(Error::field(format!("features[{index}]"), "give at most 255 bytes")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stands_for_its_notices_alone() {
        let tag = |numbers: &[u64]| tag_of(numbers.iter().copied());
        assert_eq!(tag(&[]), 0);
        let all = [&[1][..], &[2], &[1, 2], &[0], &[256], &[1, 2, 3]];
        let mut tags: Vec<u64> = all.iter().map(|numbers| tag(numbers)).collect();
        assert!(!tags.contains(&0));
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), all.len());
        assert_eq!(tag(&[1, 2]), tag(&[1, 2]));
    }

    #[test]
    fn whoever_names_no_features_may_hold_any() {
        let holders =
            |names: &[&str]| Audience::HoldersOf(names.iter().map(|name| (*name).to_owned()).collect());
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (audience, features, has) in [
            (Audience::Everybody, named(&[]), true),
            (Audience::Everybody, named(&["cad"]), true),
            (holders(&["cad", "cam"]), named(&["x", "cam"]), true),
            (holders(&["cad", "cam"]), named(&["x"]), false),
            (holders(&["cad"]), named(&[]), true),
            (holders(&[]), named(&[]), false),
            (holders(&[]), named(&["cad"]), false),
        ] {
            assert_eq!(audience.has(&features), has, "{audience:?} {features:?}");
        }
    }
}
