//! `CheckIn`: what a client has, and what it is to have, signed.

mod question;

use std::collections::BTreeSet;

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use leasehold_domain::updates::{Followed, Release, ReleaseState, choose};
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::sync::v1::Signed;
use leasehold_proto::updates::v1 as pb;
use leasehold_signing::{Envelope, PayloadType};
use leasehold_store::updates::{Assigned, CheckIn, Installed};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::licensing::Device;
use crate::site::Site;
use crate::state::State;
use crate::{Error, answer_keys, ticket};
use question::Question;
pub(super) use question::client_id;

/// Questions to licensing that one check-in has under way.
const ASKED_AT_ONCE: usize = 8;

/// What a client is given of one product.
struct Given {
    followed: Followed,
    licensed: bool,
    release: Option<Release>,
    withdrawn: Vec<pb::WithdrawnRelease>,
}

pub(crate) async fn check_in(
    state: &State,
    message: pb::CheckInRequest,
) -> Result<pb::CheckInResponse, Error> {
    let answer = answer(state, message).await;
    state.metrics.check_in(answer.as_ref().err().map(Error::reason));
    answer
}

async fn answer(state: &State, message: pb::CheckInRequest) -> Result<pb::CheckInResponse, Error> {
    let site = state.site(&message.instance).await?;
    let question = Question::read(message)?;
    let releases = site.known(&*state.store).await?.to_give();
    let device = Device {
        hostid: question.wire_hostid.clone(),
        leases: question.leases.clone(),
        after_end: state.config.after_end,
    };
    let mut asked = Vec::with_capacity(question.products.len());
    for followed in &question.products {
        asked.push(give(state, &site, &releases, &device, followed).boxed());
    }
    let given: Vec<Given> = stream::iter(asked).buffered(ASKED_AT_ONCE).try_collect().await?;
    if given.iter().all(|given| !given.licensed) {
        let names: Vec<&str> = given.iter().map(|given| given.followed.product.as_str()).collect();
        return Err(Error::NotLicensed(names.join(", ")));
    }
    let now = state.now();
    let key = answer_keys::good(state, &site, now).await?;
    state.store.check_in(site.instance.id, &kept(&question, &given, now)).await?;
    let payload = assignment(state, &question, given, now).encode_to_vec();
    let signed = Envelope::sign(PayloadType::UpdateAssignment, payload, key.signing());
    let envelope =
        signed.map_err(|error| Error::Defect(format!("an assignment could not be signed: {error}")))?;
    let assignment = Signed { envelope: envelope.to_protobuf(), certificates: key.certificates().to_vec() };
    let ticket = ticket::make(state, &site, question.client, now)?;
    Ok(pb::CheckInResponse { assignment: Some(assignment), ticket })
}

/// What a device is given of a product: of those releases that it is licensed for.
async fn give(
    state: &State,
    site: &Site,
    releases: &[Release],
    device: &Device,
    followed: &Followed,
) -> Result<Given, Error> {
    let product: Vec<&Release> =
        releases.iter().filter(|release| release.product == followed.product).collect();
    let mut licences: BTreeSet<&[String]> =
        product.iter().map(|release| release.features.as_slice()).collect();
    if licences.is_empty() {
        // There is nothing of it yet. Whether it is licensed is to be known all the same.
        licences.insert(&[]);
    }
    let mut held = BTreeSet::new();
    for features in licences {
        if state.licensing.is_licensed(site.instance.id, device, &followed.product, features).await? {
            held.insert(features);
        }
    }
    let given: Vec<Release> = product
        .iter()
        .filter(|release| held.contains(release.features.as_slice()))
        .map(|it| (*it).clone())
        .collect();
    let withdrawn = product.iter().filter(|release| release.state == ReleaseState::Withdrawn);
    let withdrawn = withdrawn.map(|release| pb::WithdrawnRelease {
        target: release.target.clone(),
        reason: release.withdrawn_reason.clone(),
    });
    Ok(Given {
        release: choose(&given, followed).cloned(),
        licensed: !held.is_empty(),
        withdrawn: withdrawn.collect(),
        followed: followed.clone(),
    })
}

fn kept(question: &Question, given: &[Given], at: Timestamp) -> CheckIn {
    let installed = |given: &Given| {
        let assigned = given.release.as_ref();
        Installed {
            product: given.followed.product.clone(),
            channel: given.followed.channel.clone(),
            version: given.followed.version.clone(),
            sha256: given.followed.sha256,
            assigned: assigned.map(|it| Assigned { target: it.target.clone(), version: it.version.clone() }),
            state: None,
            message: String::new(),
        }
    };
    CheckIn {
        id: question.client,
        hostid: question.hostid.clone(),
        alias: question.alias.clone(),
        client_version: question.client_version.clone(),
        time_zone: question.time_zone.clone(),
        free_bytes: question.free_bytes,
        at,
        products: given.iter().map(installed).collect(),
    }
}

fn assignment(state: &State, question: &Question, given: Vec<Given>, now: Timestamp) -> pb::UpdateAssignment {
    let unlicensed = given.iter().filter(|given| !given.licensed).map(|given| given.followed.product.clone());
    let unlicensed = unlicensed.collect();
    let (mut assignments, mut withdrawn) = (Vec::new(), Vec::new());
    for given in given {
        assignments.extend(given.release.map(|release| assigned(question.client, release)));
        withdrawn.extend(given.withdrawn);
    }
    pb::UpdateAssignment {
        client_id: question.client.to_string(),
        hostid: Some(question.wire_hostid.clone()),
        nonce: question.nonce.clone(),
        made_at: Some(timestamp(now)),
        assignments,
        unlicensed,
        withdrawn,
        next_check_in_after: Some(duration(state.config.check_in_interval)),
        delivery: pb::DeliveryMethod::Notice.into(),
    }
}

fn assigned(client: Uuid, release: Release) -> pb::Assignment {
    pb::Assignment {
        assignment_id: assignment_id(client, &release),
        product: release.product,
        channel: release.channel,
        version: release.version,
        target: release.target,
        length: release.length,
        sha256: release.sha256.to_vec(),
        emergency: release.emergency,
    }
}

/// The same release to the same client has the same.
fn assignment_id(client: Uuid, release: &Release) -> String {
    let hash = Sha256::new().chain_update(client.as_bytes()).chain_update(release.sha256);
    let hash: [u8; 32] = hash.chain_update(&release.target).finalize().into();
    let mut id = leasehold_artifacts::Digest::from_bytes(hash).to_string();
    id.truncate(32);
    id
}
