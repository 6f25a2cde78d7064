//! The way to the vendor: it opens step by step, may stay closed at one of them, and leads to the back office in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::sync::v1::SyncStep;
use leasehold_runtime::{Caller, Services};
use leasehold_sync::{DoorError, OpenDoor, VendorDoor};
use prost::Message as _;

use crate::raw::{BackOffice, Handler, open_to_all, serve};
use crate::vendor::{ADDRESS, Vendor};
use leasehold_testkit::Fuse;

/// The way to the vendor, which may be closed.
pub(crate) struct Door {
    pub(crate) vendor: Arc<Vendor>,
    /// Of the process whose way it is.
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl VendorDoor for Door {
    async fn open(&self, address: &str) -> Result<OpenDoor, DoorError> {
        assert_eq!(address, ADDRESS);
        let steps = |until: SyncStep| {
            let all = [SyncStep::Resolve, SyncStep::Connect, SyncStep::Tls];
            all.into_iter()
                .take_while(|step| *step < until)
                .map(|step| (step, Duration::from_millis(3)))
                .collect()
        };
        if let Some(step) = *self.vendor.closed.lock().unwrap() {
            let message = format!("closed at {}", step.as_str_name());
            return Err(DoorError { step, steps: steps(step), message });
        }
        let (vendor, fuse) = (Arc::clone(&self.vendor), Arc::clone(&self.fuse));
        let handler: Handler = Arc::new(move |method, message| {
            let (vendor, fuse) = (Arc::clone(&vendor), Arc::clone(&fuse));
            Box::pin(async move {
                if method == "Greet" {
                    let (vendor_id, vendor_name) =
                        (vendor.says.lock().unwrap().clone(), "Example Ltd".to_owned());
                    return Ok(pb::GreetResponse { vendor_id, vendor_name }.encode_to_vec());
                }
                fuse.point().await;
                let request = pb::SynchronizeRequest::decode(message.as_slice()).unwrap();
                let response = vendor.synchronize(request.request.unwrap()).await;
                fuse.point().await;
                response.map(|response| pb::SynchronizeResponse { response }.encode_to_vec())
            })
        });
        let services = Services::new().add(BackOffice(handler), leasehold_proto::DESCRIPTOR_SET);
        let services = open_to_all(services, &["leasehold.backoffice.v1.BackOfficeService"]);
        let channel = serve(services, Caller::Anonymous).await;
        Ok(OpenDoor { channel, steps: steps(SyncStep::Exchange) })
    }
}
