//! A licensing service in memory: pins a root, applies bundles in order, and can be away, refuse, or die half way.

use std::sync::{Arc, Mutex};

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::sync::v1::SyncResponse;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::{ApiError, Caller, Services};
use leasehold_signing::Envelope;
use prost::Message as _;
use tonic::Status;
use tonic::transport::Channel;

use crate::raw::{Handler, LicensingAdmin, LicensingInternal, open_to_all, serve};
use leasehold_testkit::Fuse;

pub(crate) const INSTANCE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
pub(crate) const NAME: &str = "default";

/// What goes wrong with the next bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is not taken, for now.
    Away,
    /// It is in force, and nobody hears of it.
    LostAnswer,
    /// It is refused.
    Refuse(ErrorReason),
    /// Nothing is answered at all.
    Silent,
}

#[derive(Default)]
pub(crate) struct Licensing {
    pub(crate) enrolled: Mutex<Option<pb::EnrolInstanceRequest>>,
    /// Every bundle that was put in force: its number and its payload.
    pub(crate) applied: Mutex<Vec<(u64, Vec<u8>)>>,
    pub(crate) troubles: Mutex<Vec<Trouble>>,
    /// Calls of `GetInstance`.
    pub(crate) asked: Mutex<u32>,
    /// No call is answered.
    pub(crate) away: Mutex<bool>,
}

impl Licensing {
    /// The number in force; 0 for none.
    pub(crate) fn sequence(&self) -> u64 {
        self.applied.lock().unwrap().last().map_or(0, |(sequence, _)| *sequence)
    }

    /// What goes wrong next, in this order.
    pub(crate) fn expect(&self, troubles: &[Trouble]) {
        *self.troubles.lock().unwrap() = troubles.to_vec();
    }

    /// The way to it for one process.
    pub(crate) async fn channel(self: &Arc<Self>, fuse: &Arc<Fuse>) -> Channel {
        let (this, fuse) = (Arc::clone(self), Arc::clone(fuse));
        let handler: Handler = Arc::new(move |method, message| {
            let (this, fuse) = (Arc::clone(&this), Arc::clone(&fuse));
            Box::pin(async move { this.answer(&fuse, &method, &message).await })
        });
        let services = Services::new()
            .add(LicensingAdmin(handler.clone()), leasehold_proto::DESCRIPTOR_SET)
            .add(LicensingInternal(handler), leasehold_proto::DESCRIPTOR_SET);
        let names = [
            "leasehold.licensing.v1.LicensingAdminService",
            "leasehold.licensing.v1.LicensingInternalService",
        ];
        serve(open_to_all(services, &names), Caller::service("sync")).await
    }

    async fn answer(&self, fuse: &Fuse, method: &str, message: &[u8]) -> Result<Vec<u8>, Status> {
        if *self.away.lock().unwrap() {
            return Err(Status::unavailable("connection refused"));
        }
        match method {
            "GetInstance" => {
                *self.asked.lock().unwrap() += 1;
                let request = pb::GetInstanceRequest::decode(message).unwrap();
                if !["", INSTANCE, NAME].contains(&request.instance.as_str()) {
                    return Err(ApiError::unknown_instance(&request.instance).into());
                }
                let (instance_id, name) = (INSTANCE.to_owned(), NAME.to_owned());
                let found =
                    pb::GetInstanceResponse { instance_id, name, ..pb::GetInstanceResponse::default() };
                Ok(found.encode_to_vec())
            }
            "EnrolInstance" => {
                fuse.point().await;
                let answer = self.enrol(pb::EnrolInstanceRequest::decode(message).unwrap());
                fuse.point().await;
                answer.map(|()| pb::EnrolInstanceResponse {}.encode_to_vec())
            }
            "ApplyBundle" => {
                fuse.point().await;
                let answer = self.apply(&pb::ApplyBundleRequest::decode(message).unwrap()).await;
                fuse.point().await;
                answer.map(|answer| answer.encode_to_vec())
            }
            other => Err(ApiError::unknown_method(other).into()),
        }
    }

    fn enrol(&self, request: pb::EnrolInstanceRequest) -> Result<(), Status> {
        let mut enrolled = self.enrolled.lock().unwrap();
        if enrolled.as_ref().is_some_and(|before| *before != request) && self.sequence() > 0 {
            return Err(ApiError::new(ErrorReason::AlreadyEnrolled, "it has had rights").into());
        }
        *enrolled = Some(request);
        Ok(())
    }

    async fn apply(&self, request: &pb::ApplyBundleRequest) -> Result<pb::ApplyBundleResponse, Status> {
        let trouble = {
            let mut troubles = self.troubles.lock().unwrap();
            if troubles.is_empty() { None } else { Some(troubles.remove(0)) }
        };
        match trouble {
            Some(Trouble::Away) => return Err(Status::unavailable("connection refused")),
            Some(Trouble::Refuse(reason)) => return Err(ApiError::new(reason, "not this one").into()),
            Some(Trouble::Silent) => std::future::pending().await,
            Some(Trouble::LostAnswer) | None => {}
        }
        let answer = self.put_in_force(request);
        if trouble == Some(Trouble::LostAnswer) {
            Err(Status::unavailable("connection reset"))
        } else {
            answer
        }
    }

    fn put_in_force(&self, request: &pb::ApplyBundleRequest) -> Result<pb::ApplyBundleResponse, Status> {
        assert_eq!((request.instance.as_str(), request.certificates.len()), (INSTANCE, 1));
        let payload = Envelope::from_protobuf(&request.envelope).unwrap().unverified_payload().to_vec();
        let response = SyncResponse::decode(payload.as_slice()).unwrap();
        let sequence = response.sequence;
        let enrolled = self.enrolled.lock().unwrap().clone().expect("sync enrols before it applies");
        assert_eq!(response.license_server_id, enrolled.license_server_id);
        if self.applied.lock().unwrap().last() == Some(&(sequence, payload.clone())) {
            return Ok(pb::ApplyBundleResponse { sequence, applied: false, changes: changes(&response) });
        }
        if sequence <= self.sequence() {
            return Err(ApiError::new(ErrorReason::BundleRollback, "an older one").into());
        }
        self.applied.lock().unwrap().push((sequence, payload));
        Ok(pb::ApplyBundleResponse { sequence, applied: true, changes: changes(&response) })
    }
}

fn changes(response: &SyncResponse) -> Vec<String> {
    response.line_items.iter().map(|item| format!("{}: added", item.line_item_id)).collect()
}
