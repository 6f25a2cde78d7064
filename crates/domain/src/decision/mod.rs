//! The decision: what one request is given, kept or refused.
//!
//! Responsible for the whole rule, from the holder's old grants to the reasons of a refusal. Reads and
//! changes an [`Estate`] only. Reference: licensing, "How it is granted".

mod draw;
mod reason;
mod unasked;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::activity::{Activity, ActivityKind};
use crate::capability::{
    Answer, CapabilityRequest, DesiredFeature, ExplainStep, FeatureOutcome, Outcome, Refusal, Rejection,
    RequestRefusal,
};
use crate::estate::{Cause, Estate};
use crate::grant::{Grant, Lost, Mode, Part};
use crate::holder::{Device, DeviceType, Holder};
use crate::ids::{FencingToken, GrantId, IdSource};
use crate::interval::renew_after;
use crate::lease;
use crate::line_item::Serving;
use crate::release;
use crate::text::FeatureName;

/// Decides what one holder may hold, given everything it could draw on, and makes the changes.
///
/// `now` is the instance's time. Refusals are answers, not errors. A rejected request and a preview
/// change nothing.
pub fn decide(
    estate: &mut Estate,
    request: &CapabilityRequest,
    now: Timestamp,
    ids: &mut dyn IdSource,
) -> Result<Answer, Rejection> {
    request.validate()?;
    if request.preview {
        return Deciding::new(&mut estate.clone(), request, now, ids).run();
    }
    Deciding::new(estate, request, now, ids).run()
}

/// One decision under way.
struct Deciding<'a> {
    estate: &'a mut Estate,
    request: &'a CapabilityRequest,
    holder: Holder,
    now: Timestamp,
    ids: &'a mut dyn IdSource,
    trail: Vec<ExplainStep>,
}

impl<'a> Deciding<'a> {
    fn new(
        estate: &'a mut Estate,
        request: &'a CapabilityRequest,
        now: Timestamp,
        ids: &'a mut dyn IdSource,
    ) -> Self {
        Self { estate, request, holder: request.holder(), now, ids, trail: Vec::new() }
    }

    fn run(mut self) -> Result<Answer, Rejection> {
        self.check_renewals()?;
        self.check_modes()?;
        if let Some(refusal) = self.refusal_of_all() {
            return Ok(self.answer(Vec::new(), Vec::new(), Some(refusal)));
        }
        self.see_device();
        for id in self.estate.grants_of(&self.holder) {
            release::end_over(self.estate, id, self.now, self.ids);
        }
        let held = self.held_features();
        if !self.request.incremental {
            self.return_unnamed(&held);
        }
        let outcomes = if self.request.features.is_empty() {
            self.decide_unasked()
        } else {
            self.request.features.iter().map(|desired| self.decide_feature(desired)).collect()
        };
        let is_left = |name: &FeatureName| self.estate.grant_of(&self.holder, name).is_some();
        let answered = |name: &FeatureName| outcomes.iter().any(|outcome| outcome.feature == *name);
        let returned = held.into_iter().filter(|name| !is_left(name) && !answered(name)).collect();
        Ok(self.answer(outcomes, returned, None))
    }

    fn refusal_of_all(&self) -> Option<RequestRefusal> {
        if self.estate.device(&self.holder.device).is_some_and(|device| device.blocked) {
            return Some(RequestRefusal::DeviceBlocked);
        }
        if let Some(why) = self.estate.unsynchronized(self.now) {
            return Some(RequestRefusal::ServerUnsynchronized(why));
        }
        if self.estate.suspended.is_some() {
            return Some(RequestRefusal::ServerSuspended);
        }
        (self.estate.restored && self.request.mode == Mode::Borrow).then_some(RequestRefusal::Restored)
    }

    fn answer(
        self,
        outcomes: Vec<FeatureOutcome>,
        returned: Vec<FeatureName>,
        refusal: Option<RequestRefusal>,
    ) -> Answer {
        let suspended =
            self.estate.suspended.as_ref().filter(|_| refusal == Some(RequestRefusal::ServerSuspended));
        Answer {
            note: suspended.cloned().unwrap_or_default(),
            id: self.request.id,
            decided_at: self.now,
            outcomes,
            refusal,
            returned,
            explanation: self.trail,
        }
    }

    fn check_renewals(&self) -> Result<(), Rejection> {
        for shown in &self.request.renews {
            let stale = |lost| Rejection::Stale { grant: shown.id, lost };
            let grant = self.estate.grant(shown.id).ok_or_else(|| stale(Lost::UnknownGrant))?;
            if grant.holder != self.holder {
                return Err(stale(Lost::WrongToken));
            }
            grant.check(shown).map_err(stale)?;
        }
        Ok(())
    }

    /// A grant is online or borrowed as a whole, so nothing of another mode can be added to it.
    fn check_modes(&self) -> Result<(), Rejection> {
        if !self.request.incremental {
            return Ok(());
        }
        let named = |grant: &Grant| {
            self.request.features.is_empty() || self.request.features.iter().any(|f| f.name == grant.feature)
        };
        for id in self.estate.grants_of(&self.holder) {
            if let Some(grant) = self.estate.grant(id)
                && grant.mode != self.request.mode
                && grant.last_end() > self.now
                && named(grant)
            {
                return Err(Rejection::ModeMismatch { feature: grant.feature.clone() });
            }
        }
        Ok(())
    }

    fn see_device(&mut self) {
        let seen = self.estate.device(&self.holder.device);
        let alias = match (self.request.alias.as_str(), seen) {
            ("", Some(device)) => device.alias.clone(),
            (alias, _) => alias.to_owned(),
        };
        let device = Device {
            hostid: self.holder.device.clone(),
            alias,
            device_type: match (self.request.device_type, seen) {
                (DeviceType::Unknown, Some(device)) => device.device_type,
                (known, _) => known,
            },
            first_seen: seen.map_or(self.now, |device| device.first_seen),
            last_seen: self.now,
            blocked: false,
        };
        self.estate.put_device(device);
    }

    fn held_features(&self) -> BTreeSet<FeatureName> {
        let held = self.estate.grants_of(&self.holder).into_iter().filter_map(|id| self.estate.grant(id));
        held.map(|grant| grant.feature.clone()).collect()
    }

    fn return_unnamed(&mut self, held: &BTreeSet<FeatureName>) {
        if held.is_empty() {
            return;
        }
        let named: BTreeSet<&FeatureName> =
            self.request.features.iter().map(|feature| &feature.name).collect();
        for feature in held {
            // Without any name, the counts may be drawn again at once; the grant must live on for that.
            let drawn_again = self.request.features.is_empty() && self.has_reservation(feature);
            if !named.contains(feature)
                && !drawn_again
                && let Some(id) = self.estate.grant_of(&self.holder, feature).map(|grant| grant.id)
            {
                release::end(self.estate, id, Lost::Returned, &self.cause(""), self.now, self.ids);
            }
        }
    }

    fn decide_feature(&mut self, desired: &DesiredFeature) -> FeatureOutcome {
        let old = self.estate.grant_of(&self.holder, &desired.name).cloned();
        if let Some(grant) = old.as_ref().filter(|_| !self.request.incremental) {
            self.estate.discharge(&grant.parts);
        }
        let parts = self.draw(&desired.name, &desired.version, desired.count);
        let given: u64 = parts.iter().map(|part| part.count).sum();
        if given == desired.count {
            return self.grant(&desired.name, old, parts, Outcome::Granted, None);
        }
        let refusal = self.refusal(desired, given);
        if self.request.partial && given > 0 {
            return self.grant(&desired.name, old, parts, Outcome::Partial, Some(refusal));
        }
        self.estate.discharge(&parts);
        self.refuse(desired, old, refusal)
    }

    /// Keeps or returns the old grant of a feature that cannot be had.
    fn refuse(&mut self, desired: &DesiredFeature, old: Option<Grant>, refusal: Refusal) -> FeatureOutcome {
        self.record_refusal(&desired.name, old.as_ref().map(|grant| grant.id), &refusal);
        let Some(grant) = old else {
            return self.outcome(&desired.name, Outcome::Refused, 0, None, Some(refusal));
        };
        if self.request.incremental {
            let (outcome, count) = if self.request.keep_on_refusal {
                (Outcome::Kept, grant.count())
            } else {
                (Outcome::Refused, 0)
            };
            return self.outcome(&desired.name, outcome, count, Some(grant), Some(refusal));
        }
        self.estate.charge(&grant.parts);
        if self.request.keep_on_refusal {
            let count = grant.count();
            return self.outcome(&desired.name, Outcome::Kept, count, Some(grant), Some(refusal));
        }
        release::end(self.estate, grant.id, Lost::Returned, &self.cause(""), self.now, self.ids);
        self.outcome(&desired.name, Outcome::Refused, 0, None, Some(refusal))
    }

    /// Makes or changes the grant; `parts` are charged already.
    fn grant(
        &mut self,
        feature: &FeatureName,
        old: Option<Grant>,
        parts: Vec<Part>,
        outcome: Outcome,
        refusal: Option<Refusal>,
    ) -> FeatureOutcome {
        let given = parts.iter().map(|part| part.count).sum();
        let before = old.as_ref().map(|grant| grant.parts.clone()).unwrap_or_default();
        let mut grant = match old {
            Some(old) => self.next_grant(old),
            None => self.fresh_grant(feature),
        };
        for part in parts {
            grant.add(part);
        }
        if grant.mode == Mode::Online {
            let ttl = self.lease_ttl(&grant);
            grant.lease_ttl = Some(ttl);
            grant.floor_deadline = self.now.checked_add(lease::server_patience(ttl)).ok();
        }
        let detail = if outcome == Outcome::Partial { "PARTIAL" } else { "" };
        let cause = self.cause(detail);
        self.estate.record(ActivityKind::Granted, &grant, &before, &grant.parts, &cause, self.now, self.ids);
        self.estate.put_grant(grant.clone());
        self.outcome(feature, outcome, given, Some(grant), refusal)
    }

    fn fresh_grant(&mut self, feature: &FeatureName) -> Grant {
        Grant {
            id: GrantId(self.ids.uuid()),
            holder: self.holder.clone(),
            feature: feature.clone(),
            mode: self.request.mode,
            fencing_token: FencingToken::FIRST,
            lease_token: Some(self.ids.lease_token()),
            lease_ttl: None,
            parts: Vec::new(),
            granted_at: self.now,
            changed_at: self.now,
            floor_deadline: None,
        }
    }

    /// The old grant with a new token, and its parts only where the request adds to them.
    fn next_grant(&mut self, old: Grant) -> Grant {
        Grant {
            mode: self.request.mode,
            fencing_token: old.fencing_token.next(),
            lease_token: Some(self.ids.lease_token()),
            lease_ttl: None,
            floor_deadline: None,
            parts: if self.request.incremental { old.parts } else { Vec::new() },
            changed_at: self.now,
            ..old
        }
    }

    fn lease_ttl(&self, grant: &Grant) -> jiff::SignedDuration {
        let own = grant.parts.iter().filter_map(|part| self.estate.item(&part.line_item)?.item.lease_ttl);
        lease::bounded_ttl(own.chain([self.estate.policies.lease_ttl]).min().unwrap_or(lease::MIN_TTL))
    }

    fn outcome(
        &self,
        feature: &FeatureName,
        outcome: Outcome,
        count: u64,
        grant: Option<Grant>,
        refusal: Option<Refusal>,
    ) -> FeatureOutcome {
        let parts = || grant.iter().flat_map(|grant| &grant.parts);
        let items = || parts().filter_map(|part| self.estate.item(&part.line_item)).map(|state| &state.item);
        let percent = |part: &Part| {
            let own = self.estate.item(&part.line_item).and_then(|state| state.item.renew_interval_percent);
            own.unwrap_or(self.estate.policies.renew_interval_percent)
        };
        let notices: BTreeSet<&str> =
            items().map(|item| item.notice.as_str()).filter(|n| !n.is_empty()).collect();
        FeatureOutcome {
            feature: feature.clone(),
            outcome,
            count,
            refusal,
            renew_after: parts()
                .map(|p| renew_after(self.now, p.ends_at, percent(p)))
                .min()
                .unwrap_or_default(),
            in_grace: items()
                .filter(|item| item.serving(self.now) == Serving::InGrace)
                .map(|item| item.id.clone())
                .collect(),
            versions: items().map(|item| (item.id.clone(), item.version.clone())).collect::<BTreeMap<_, _>>(),
            notices: notices.into_iter().map(str::to_owned).collect(),
            grant,
        }
    }

    fn record_refusal(&mut self, feature: &FeatureName, grant: Option<GrantId>, refusal: &Refusal) {
        let id: Uuid = self.ids.uuid();
        self.estate.record_other(Activity {
            id,
            at: self.now,
            kind: ActivityKind::Refused,
            hostid: Some(self.holder.device.clone()),
            place: self.holder.place.to_string(),
            feature: feature.to_string(),
            grant,
            deltas: BTreeMap::new(),
            detail: refusal.reason.name().to_owned(),
            request: self.request.id,
            actor: "client".to_owned(),
        });
    }

    fn cause(&self, detail: &str) -> Cause {
        Cause { request: self.request.id, detail: detail.to_owned(), ..Cause::by("client") }
    }
}
