//! `CheckLicensed`: whether a device holds a licence, or did lately.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{FeatureName, Grant, GrantRef, HostId, InstanceId, Rejection};
use leasehold_proto::convert::grant_ref::read_any_grant_refs;
use leasehold_proto::convert::hostid::read_hostid;
use leasehold_proto::convert::time::{read_duration, timestamp};
use leasehold_proto::licensing::v1 as pb;

use crate::Error;
use crate::notices::MAX_FEATURES;
use crate::state::State;
use crate::tallies::NOTED_EVERY;

/// How far back it may be asked for.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Grants, and features that were held, of one device that are looked at.
const MAX_LOOKED_AT: u32 = 1_000;

/// What is asked.
struct Question {
    instance: InstanceId,
    device: HostId,
    shown: Vec<GrantRef>,
    /// `None`: any.
    features: Option<BTreeSet<FeatureName>>,
    after: SignedDuration,
}

pub(crate) async fn check_licensed(
    state: &State,
    message: pb::CheckLicensedRequest,
) -> Result<pb::CheckLicensedResponse, Error> {
    let question = read(state, message).await?;
    let now = state.clock(question.instance).now();
    if let Some(held) = holds(state, &question, now).await? {
        return Ok(held);
    }
    if question.after > SignedDuration::ZERO
        && let Some(held) = held_lately(state, &question, now).await?
    {
        return Ok(held);
    }
    let standing = pb::LicenseStanding::None.into();
    Ok(pb::CheckLicensedResponse { standing, ..pb::CheckLicensedResponse::default() })
}

async fn read(state: &State, message: pb::CheckLicensedRequest) -> Result<Question, Error> {
    let instance = state.instance(&message.instance)?.id;
    let device = read_hostid("hostid", message.hostid.as_ref()).map_err(Rejection::from)?;
    let shown = read_any_grant_refs("leases", &message.leases).map_err(Rejection::from)?;
    if message.features.len() > MAX_FEATURES {
        return Err(Error::field("features", "name at most 1,000 features, or none"));
    }
    let mut features = BTreeSet::new();
    for (index, name) in message.features.iter().enumerate() {
        let name = FeatureName::new(name);
        features.insert(name.map_err(|error| Error::field(format!("features[{index}]"), error.to_string()))?);
    }
    features.extend(state.features_of(instance, &message.product).await?.iter().cloned());
    let any = message.features.is_empty() && message.product.is_empty();
    let after = message.after.map(|after| read_duration("after", &after)).transpose();
    let after = after.map_err(Rejection::from)?.unwrap_or_default();
    if after > LONGEST {
        return Err(Error::field("after", "give at most 366 days"));
    }
    Ok(Question { instance, device, shown, features: (!any).then_some(features), after })
}

impl Question {
    fn is_about(&self, feature: &FeatureName) -> bool {
        self.features.as_ref().is_none_or(|features| features.contains(feature))
    }
}

/// That it holds one, which is what counts as out: by a grant that was shown rightly, if there is one.
async fn holds(
    state: &State,
    question: &Question,
    now: Timestamp,
) -> Result<Option<pb::CheckLicensedResponse>, Error> {
    let mut grants = state.store.grants_of(question.instance, &question.device, MAX_LOOKED_AT).await?;
    grants.retain(|grant| question.is_about(&grant.feature) && grant.last_end() > now);
    let is_shown = |grant: &&Grant| {
        question.shown.iter().any(|shown| shown.id == grant.id && grant.check(shown).is_ok())
    };
    let proven = grants.iter().find(is_shown);
    let found = proven.or_else(|| grants.iter().min_by_key(|grant| &grant.feature));
    Ok(found.map(|grant| pb::CheckLicensedResponse {
        licensed: true,
        standing: pb::LicenseStanding::Holds.into(),
        proven: proven.is_some(),
        feature: grant.feature.to_string(),
        held_at: None,
    }))
}

/// That it held one so lately. Moments are noted now and then, and what lies between counts for the client.
async fn held_lately(
    state: &State,
    question: &Question,
    now: Timestamp,
) -> Result<Option<pb::CheckLicensedResponse>, Error> {
    let since = now.checked_sub(question.after).and_then(|at| at.checked_sub(NOTED_EVERY));
    let since = since.unwrap_or(Timestamp::MIN);
    let (instance, device) = (question.instance, &question.device);
    let mut held = state.store.held_since(instance, device, since, MAX_LOOKED_AT).await?;
    held.extend(state.tallying(instance).held_by(device).into_iter().filter(|held| held.at >= since));
    held.retain(|held| question.is_about(&held.feature));
    Ok(held.into_iter().max_by_key(|held| held.at).map(|held| pb::CheckLicensedResponse {
        licensed: true,
        standing: pb::LicenseStanding::Held.into(),
        proven: false,
        feature: held.feature.to_string(),
        held_at: Some(timestamp(held.at.checked_add(NOTED_EVERY).unwrap_or(now).min(now))),
    }))
}
