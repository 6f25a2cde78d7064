//! The way through delegations to a target (TUF specification, section 5.6.7): in order, the first one wins, and a
//! terminating one ends the search.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sigstore_tuf::metadata::{Role, Targets};

use super::TrustError;
use super::chain::{Chain, Edge};
use crate::target::Target;

/// Roles of the top level, to which nobody delegates.
const TOP: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];

/// What a search came to.
pub(super) enum Search {
    /// A role names it.
    Found(Box<Target>),
    /// No role names it.
    Absent,
    /// It goes on with a role that is not there yet.
    Wants(Edge),
}

/// Looks for a path. Every role on the way has to be good at `now`. At most `max` roles are looked at.
pub(super) fn search(chain: &Chain, path: &str, now: Timestamp, max: u32) -> Result<Search, TrustError> {
    let mut open: Vec<Edge> = vec![("targets".to_owned(), "root".to_owned())];
    let mut visited = BTreeSet::new();
    while let Some((role, delegator)) = open.pop() {
        if visited.contains(&role) {
            continue;
        }
        if visited.len() >= max as usize {
            return Err(TrustError::TooMany { what: "roles on the way to a target", max });
        }
        let edge = (role, delegator);
        if edge.0 != "targets" && !chain.edges().contains(&edge) {
            return Ok(Search::Wants(edge));
        }
        let Some(targets) = chain.set().targets_role(&edge.0) else { return Err(TrustError::Nothing) };
        if targets.is_expired(now) {
            return Err(TrustError::Expired { role: edge.0, at: targets.expires });
        }
        if let Some(found) = target(targets, &edge.0, path)? {
            return Ok(Search::Found(Box::new(found)));
        }
        follow(chain, targets, &edge.0, path, &mut open)?;
        visited.insert(edge.0);
    }
    Ok(Search::Absent)
}

/// Puts the delegations that a path can be found through on top, the first one uppermost.
fn follow(
    chain: &Chain,
    targets: &Targets,
    role: &str,
    path: &str,
    open: &mut Vec<Edge>,
) -> Result<(), TrustError> {
    let mut next = Vec::new();
    for child in targets.delegations.iter().flat_map(|delegations| &delegations.roles) {
        let fits = child.matches_path(path).map_err(|error| TrustError::of(role, error))?;
        if !fits || !is_named(chain, &child.name) {
            continue;
        }
        next.push((child.name.clone(), role.to_owned()));
        if child.terminating {
            open.clear();
            break;
        }
    }
    open.extend(next.into_iter().rev());
    Ok(())
}

/// The first delegation that was not verified yet, of those that are wanted.
pub(super) fn unverified(chain: &Chain, wanted: impl Fn(&Edge) -> bool) -> Option<Edge> {
    let loaded = chain.edges().iter().map(|(role, _)| role.as_str());
    std::iter::once("targets").chain(loaded).find_map(|delegator| {
        let delegations = chain.set().targets_role(delegator)?.delegations.as_ref()?;
        let mut edges = delegations.roles.iter().map(|child| (child.name.clone(), delegator.to_owned()));
        edges.find(|edge| is_named(chain, &edge.0) && !chain.edges().contains(edge) && wanted(edge))
    })
}

/// Whether the snapshot names the role. One that it does not name is passed by.
fn is_named(chain: &Chain, role: &str) -> bool {
    let named = |meta: &std::collections::BTreeMap<String, _>| meta.contains_key(&format!("{role}.json"));
    !TOP.contains(&role) && chain.set().snapshot().is_some_and(|snapshot| named(&snapshot.meta))
}

/// What a role says of a path itself.
fn target(targets: &Targets, role: &str, path: &str) -> Result<Option<Target>, TrustError> {
    let Some(file) = targets.target(path) else { return Ok(None) };
    let sha256 = file.hashes.get("sha256").and_then(|text| text.to_lowercase().parse().ok());
    let Some(sha256) = sha256 else {
        let detail = format!("it names no SHA-256 of {path}");
        return Err(TrustError::Malformed { name: role.to_owned(), detail });
    };
    let (path, role, custom) = (path.to_owned(), role.to_owned(), file.custom.clone());
    Ok(Some(Target { path, length: file.length, sha256, role, custom }))
}

/// Every role that is there, by name.
pub(super) fn roles(chain: &Chain) -> impl Iterator<Item = (&str, &Targets)> {
    let delegated: BTreeSet<&str> = chain.edges().iter().map(|(role, _)| role.as_str()).collect();
    let names = std::iter::once("targets").chain(delegated);
    names.filter_map(|name| Some((name, chain.set().targets_role(name)?)))
}
