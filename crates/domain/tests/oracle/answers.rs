//! What an answer says, against what was held before and the estate after it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use leasehold_domain::capability::Outcome;
use leasehold_domain::{Answer, CapabilityRequest, Estate, FeatureName, FencingToken, Grant, Holder};
use proptest::prelude::*;

/// What a holder holds, by feature.
pub(crate) fn held_by(estate: &Estate, holder: &Holder) -> BTreeMap<FeatureName, Grant> {
    let held = estate.grants_of(holder).into_iter().filter_map(|id| estate.grant(id));
    held.map(|grant| (grant.feature.clone(), grant.clone())).collect()
}

/// Every outcome shows the grant as it stands; tokens grow where something was given and nowhere else; what
/// the request did not name is told to be returned.
pub(crate) fn fit(
    held: &BTreeMap<FeatureName, Grant>,
    after: &Estate,
    request: &CapabilityRequest,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let holder = request.holder();
    for outcome in &answer.outcomes {
        let old = held.get(&outcome.feature);
        if !request.preview {
            prop_assert_eq!(outcome.grant.as_ref(), after.grant_of(&holder, &outcome.feature));
        }
        let token = outcome.grant.as_ref().map(|grant| grant.fencing_token);
        match outcome.outcome {
            Outcome::Granted | Outcome::Partial => {
                let same = old.filter(|old| outcome.grant.as_ref().is_some_and(|grant| grant.id == old.id));
                prop_assert_eq!(
                    token,
                    Some(same.map_or(FencingToken::FIRST, |old| old.fencing_token.next()))
                );
                prop_assert_eq!(same.is_some(), old.is_some_and(|old| old.last_end() > now));
            }
            Outcome::Kept => prop_assert_eq!(token, old.map(|old| old.fencing_token)),
            Outcome::Refused => prop_assert!(token.is_none() || request.incremental),
        }
    }
    let mut expected: BTreeSet<FeatureName> = BTreeSet::new();
    if !request.incremental {
        expected.extend(held.values().filter(|old| old.last_end() > now).map(|old| old.feature.clone()));
        for named in request.features.iter().map(|feature| &feature.name) {
            expected.remove(named);
        }
        for outcome in &answer.outcomes {
            expected.remove(&outcome.feature);
        }
    }
    prop_assert_eq!(answer.returned.iter().cloned().collect::<BTreeSet<_>>(), expected, "returned");
    prop_assert_eq!(&answer.refusal, &None);
    Ok(())
}

/// Counters, grants and what is to be written are as they were.
pub(crate) fn nothing_changed(before: &Estate, after: &Estate) -> Result<(), TestCaseError> {
    prop_assert_eq!(before.items(), after.items());
    prop_assert_eq!(by_id(before), by_id(after));
    prop_assert_eq!(before.clone().into_changes(), after.clone().into_changes());
    Ok(())
}

fn by_id(estate: &Estate) -> Vec<&Grant> {
    let mut grants: Vec<&Grant> = estate.grants().collect();
    grants.sort_by_key(|grant| grant.id);
    grants
}
