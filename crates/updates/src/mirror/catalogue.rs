//! From what the vendor's metadata names to the releases that this server knows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use leasehold_artifacts::{Criticality, Digest, Kind, Mirror, Target, Withdrawn};
use leasehold_domain::FeatureName;
use leasehold_domain::text;
use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState, newest};
use leasehold_store::updates::{Catalogue, Newest};

use crate::Error;
use crate::site::{self, Site};
use crate::state::State;

/// Longest name of a product, a version, a channel, a system.
const MAX_NAME: usize = 255;
/// Features of a release at most.
const MAX_FEATURES: usize = 1_000;
/// Longest notes that are kept, in bytes.
const MAX_NOTES: usize = 8_192;
/// How often it is tried when another replica writes as well.
const TRIES: u32 = 5;

/// Writes the releases that the metadata in force names, with what clients are to be told of, and gives them.
pub(crate) async fn rewrite(state: &State, site: &Site, mirror: &Mirror) -> Result<Vec<Release>, Error> {
    let Some(snapshot) = mirror.current() else { return Ok(Vec::new()) };
    let instance = site.instance.id;
    for _ in 0..TRIES {
        let before = state.store.catalogue(instance).await?;
        let releases = releases(snapshot.targets(), snapshot.withdrawn(), &before.releases, state.now());
        let held = site::held(&**mirror.blobs(), &releases).await?;
        let given = site::to_give(&releases, |release| held.contains(&Digest::from_bytes(release.sha256)));
        let newest = newest_of(&given, &before.releases);
        let catalogue = Catalogue { revision: before.revision, releases };
        let written = state.store.replace_catalogue(instance, &catalogue, &newest).await?;
        site.forget_known();
        if written {
            return Ok(catalogue.releases);
        }
    }
    Err(Error::Defect("other replicas have changed the releases again and again".to_owned()))
}

/// The releases that these targets are, and what was taken back of those that were known.
fn releases(
    targets: &BTreeMap<String, Target>,
    withdrawn: &BTreeMap<String, Withdrawn>,
    before: &[Release],
    now: Timestamp,
) -> Vec<Release> {
    let known = |path: &str| before.iter().find(|release| release.target == path);
    let mut releases = BTreeMap::new();
    for (path, taken) in withdrawn {
        let Some(release) = known(path) else { continue };
        let state = ReleaseState::arriving(release.kind, true, Some(release.state));
        let release = Release { state, withdrawn_reason: cut(&taken.reason), ..release.clone() };
        releases.insert(path.clone(), release);
    }
    for target in targets.values().filter(|target| !withdrawn.contains_key(&target.path)) {
        let Some(mut release) = release(target, now) else { continue };
        // The same path with other bytes is another release.
        let before = known(&target.path).filter(|before| before.sha256 == release.sha256);
        release.seen_at = before.map_or(now, |before| before.seen_at);
        release.state = ReleaseState::arriving(release.kind, false, before.map(|before| before.state));
        releases.insert(target.path.clone(), release);
    }
    releases.into_values().collect()
}

/// The release that a target is; `None` where it is none of ours, or names what cannot be.
fn release(target: &Target, now: Timestamp) -> Option<Release> {
    let said = target.release()?;
    let is_name = |text: &str| text::check(text, MAX_NAME).is_ok();
    let names = [&said.product, &said.version, &said.channel];
    let more = [&said.os, &said.arch, &said.minimum_version];
    let well_named = names.into_iter().chain(more.into_iter().flatten()).all(|name| is_name(name));
    // Who may sign for one product may not speak for another.
    let is_its_own = target.role == said.product || target.role == "targets";
    let features_are = said.features.len() <= MAX_FEATURES
        && said.features.iter().all(|feature| FeatureName::new(feature).is_ok());
    if !(well_named && is_its_own && features_are) {
        tracing::warn!(
            target.path,
            target.role,
            "the vendor's repository names a release that is passed over"
        );
        return None;
    }
    Some(Release {
        product: said.product,
        version: said.version,
        kind: match said.kind {
            Kind::Definition => ReleaseKind::Definition,
            Kind::Software => ReleaseKind::Software,
        },
        channel: said.channel,
        os: said.os,
        arch: said.arch,
        minimum_version: said.minimum_version,
        target: target.path.clone(),
        length: target.length,
        sha256: *target.sha256.as_bytes(),
        state: ReleaseState::Known,
        emergency: said.criticality == Criticality::Emergency,
        notes: cut(&said.notes.unwrap_or_default()),
        withdrawn_reason: String::new(),
        features: said.features,
        released_at: said.released_at,
        seen_at: now,
    })
}

/// The newest of each product and channel that there is or was.
fn newest_of(given: &[Release], before: &[Release]) -> Vec<Newest> {
    let named = given.iter().chain(before).map(|release| (&release.product, &release.channel));
    let named: BTreeSet<(&String, &String)> = named.collect();
    let one = |(product, channel): (&String, &String)| {
        let found = newest(given, product, channel);
        Newest {
            product: product.clone(),
            channel: channel.clone(),
            target: found.map(|release| release.target.clone()).unwrap_or_default(),
            version: found.map(|release| release.version.clone()).unwrap_or_default(),
            features: found.map(|release| release.features.clone()).unwrap_or_default(),
        }
    };
    named.into_iter().map(one).collect()
}

/// A text for people, as much of it as is kept.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_NOTES)].replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, role: &str, content: &str, custom: leasehold_artifacts::Release) -> Target {
        let (length, sha256) = (content.len() as u64, Digest::of(content.as_bytes()));
        let custom = Some(serde_json::to_value(custom).unwrap());
        Target { path: path.to_owned(), length, sha256, role: role.to_owned(), custom }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn of(targets: &[Target]) -> BTreeMap<String, Target> {
        targets.iter().map(|target| (target.path.clone(), target.clone())).collect()
    }

    fn said(product: &str, kind: Kind) -> leasehold_artifacts::Release {
        leasehold_artifacts::Release::new(product, "1.0", kind)
    }

    #[test]
    fn definitions_are_approved_on_arrival_and_software_waits() {
        let targets = of(&[
            target("a/1.0/x", "a", "x", said("a", Kind::Definition)),
            target("b/1.0/y", "b", "y", said("b", Kind::Software)),
        ]);
        let found = releases(&targets, &BTreeMap::new(), &[], at(1));
        let states: Vec<_> = found.iter().map(|release| release.state).collect();
        assert_eq!(states, [ReleaseState::Approved, ReleaseState::Known]);
        // What an administrator has approved stays so, and when it was first seen too; with other bytes it is another one.
        let approved: Vec<_> = found
            .iter()
            .map(|release| Release { state: ReleaseState::Approved, ..release.clone() })
            .collect();
        let again = releases(&targets, &BTreeMap::new(), &approved, at(2));
        assert_eq!((again[1].state, again[1].seen_at), (ReleaseState::Approved, at(1)));
        let targets = of(&[target("b/1.0/y", "b", "other", said("b", Kind::Software))]);
        let other = releases(&targets, &BTreeMap::new(), &approved, at(2));
        assert_eq!((other[0].state, other[0].seen_at), (ReleaseState::Known, at(2)));
    }

    #[test]
    fn nobody_speaks_for_the_product_of_another() {
        let mut bad = said("a", Kind::Definition);
        bad.features = vec!["\n".to_owned()];
        let targets = of(&[
            target("b/1.0/x", "b", "x", said("a", Kind::Definition)),
            target("top", "targets", "t", said("a", Kind::Definition)),
            target("a/1.0/bad", "a", "x", bad),
        ]);
        let found = releases(&targets, &BTreeMap::new(), &[], at(1));
        assert_eq!(found.iter().map(|release| release.target.as_str()).collect::<Vec<_>>(), ["top"]);
    }

    #[test]
    fn what_is_taken_back_stays_known_with_the_reason_and_clients_are_told_of_the_one_before() {
        let first = target("a/1.0/x", "a", "x", said("a", Kind::Definition));
        let second =
            target("a/2.0/x", "a", "xx", leasehold_artifacts::Release::new("a", "2.0", Kind::Definition));
        let before = releases(&of(&[first.clone(), second]), &BTreeMap::new(), &[], at(1));
        assert_eq!(newest_of(&before, &[])[0].version, "2.0");
        let taken = Withdrawn { path: "a/2.0/x".to_owned(), reason: "wrong".to_owned(), at: at(2) };
        let withdrawn = BTreeMap::from([(taken.path.clone(), taken)]);
        let after = releases(&of(&[first]), &withdrawn, &before, at(3));
        assert_eq!((after[1].state, after[1].withdrawn_reason.as_str()), (ReleaseState::Withdrawn, "wrong"));
        assert_eq!(newest_of(&after, &before)[0].version, "1.0");
        assert_eq!(
            newest_of(&[], &after)[0].target,
            "",
            "where nothing is left there is nothing to be told of"
        );
    }
}
