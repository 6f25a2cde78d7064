//! `PublishNotice` and `WithdrawNotice`: notices that clients hear of with their heartbeats.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{ActivityKind, Changes, FeatureName, text};
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use leasehold_store::licensing::Notice;
use prost::Message as _;

use super::drop_grant::actor;
use super::record::record;
use crate::Error;
use crate::notices::{MAX_FEATURES, refresh};
use crate::state::State;

/// Longest names and texts in bytes.
const MAX_SHORT: usize = 255;
const MAX_TEXT: usize = 4_096;
/// How far ahead the end of a notice may be.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Notices of an instance that may stand at a time: they go to every client.
const MAX_STANDING: usize = 100;

/// Publishes a notice. The same once more changes nothing.
pub(crate) async fn publish_notice(
    state: &State,
    call: &CallContext,
    message: pb::PublishNoticeRequest,
) -> Result<pb::PublishNoticeResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let (key, until, content) = read(message)?;
    let clock = state.clock(instance);
    let mut batch = state.store.begin(instance).await?;
    let moment = clock.of_batch(&mut *batch, state.own_clock.monotonic()).await?;
    let now = moment.now;
    check_end(until, now)?;
    let notices = batch.notices().await?;
    let before = notices.kept.iter().find(|notice| notice.key == key);
    if let Some(notice) = before.filter(|notice| notice.until == until && notice.content == content) {
        return Ok(pb::PublishNoticeResponse { number: notice.number, changed: false });
    }
    let others = notices.kept.iter().filter(|notice| notice.until > now && notice.key != key).count();
    if others >= MAX_STANDING {
        return Err(Error::LimitExceeded(
            "100 notices stand already; withdraw one first, or wait until one is over".to_owned(),
        ));
    }
    let number = notices.last_number + 1;
    let detail = format!("notice {key} published until {until}");
    let activity = vec![record(state, now, ActivityKind::InstanceChanged, &detail, &actor(call))];
    batch.put_notice(&Notice { key, number, until, content }).await?;
    batch.commit(&Changes { activity, ..Changes::default() }, &[], now).await?;
    clock.committed(moment);
    refresh(state, instance).await?;
    Ok(pb::PublishNoticeResponse { number, changed: true })
}

/// Takes a notice back; where there is none nothing happens.
pub(crate) async fn withdraw_notice(
    state: &State,
    call: &CallContext,
    message: pb::WithdrawNoticeRequest,
) -> Result<pb::WithdrawNoticeResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    text::check(&message.key, MAX_SHORT).map_err(|error| Error::field("key", error.to_string()))?;
    let clock = state.clock(instance);
    let mut batch = state.store.begin(instance).await?;
    let moment = clock.of_batch(&mut *batch, state.own_clock.monotonic()).await?;
    let now = moment.now;
    let notices = batch.notices().await?;
    let Some(notice) = notices.kept.iter().find(|notice| notice.key == message.key) else {
        return Ok(pb::WithdrawNoticeResponse { withdrawn: false });
    };
    let withdrawn = notice.until > now;
    let detail = format!("notice {} withdrawn", message.key);
    let activity = vec![record(state, now, ActivityKind::InstanceChanged, &detail, &actor(call))];
    batch.remove_notice(&message.key).await?;
    batch.commit(&Changes { activity, ..Changes::default() }, &[], now).await?;
    clock.committed(moment);
    refresh(state, instance).await?;
    Ok(pb::WithdrawNoticeResponse { withdrawn })
}

/// The key, the end, and what is kept of the rest.
fn read(message: pb::PublishNoticeRequest) -> Result<(String, Timestamp, Vec<u8>), Error> {
    let checked = |field: &str, result: Result<(), text::TextError>| {
        result.map_err(|error| Error::field(field, error.to_string()))
    };
    checked("key", text::check(&message.key, MAX_SHORT))?;
    checked("subject", text::check_optional(&message.subject, MAX_SHORT))?;
    checked("product", text::check_optional(&message.product, MAX_SHORT))?;
    if message.text.len() > MAX_TEXT {
        return Err(Error::field("text", "give at most 4,096 bytes"));
    }
    match &message.update {
        Some(update) => {
            checked("update.product", text::check(&update.product, MAX_SHORT))?;
            checked("update.channel", text::check(&update.channel, MAX_SHORT))?;
            checked("update.version", text::check(&update.version, MAX_SHORT))?;
        }
        None if message.text.is_empty() => {
            return Err(Error::field("text", "is empty, and so is `update`; give one of them"));
        }
        None => {}
    }
    if message.features.len() > MAX_FEATURES {
        return Err(Error::field("features", "name at most 1,000 features, or none"));
    }
    for (index, name) in message.features.iter().enumerate() {
        FeatureName::new(name)
            .map_err(|error| Error::field(format!("features[{index}]"), error.to_string()))?;
    }
    let until = message.until.ok_or_else(|| Error::field("until", "is missing; give it"))?;
    let until = read_timestamp("until", &until).map_err(leasehold_domain::Rejection::from)?;
    let mut features = message.features;
    features.sort_unstable();
    features.dedup();
    let kept = pb::PublishNoticeRequest {
        instance: String::new(),
        key: String::new(),
        until: None,
        features,
        ..message
    };
    Ok((message.key, until, kept.encode_to_vec()))
}

fn check_end(until: Timestamp, now: Timestamp) -> Result<(), Error> {
    if until <= now {
        return Err(Error::field("until", "is over already; give a later time, or withdraw the notice"));
    }
    if until.duration_since(now) > LONGEST {
        return Err(Error::field("until", "is more than 366 days ahead; give an earlier time"));
    }
    Ok(())
}
