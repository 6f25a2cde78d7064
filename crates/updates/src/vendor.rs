//! Who the vendor is, and where its repository is: synchronisation knows it, and the configuration may know better.

use std::time::Duration;

use leasehold_answer_keys::Pin;
use leasehold_domain::InstanceId;
use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::sync_internal_service_client::SyncInternalServiceClient;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_signing::{VendorId, VerifyingKey};
use tokio::time::timeout;
use tonic::Request;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::error::Failed;
use crate::{Config, Error, peer_status};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a root at most.
const MAX_ROOT: u64 = 512_000;

/// A repository, and the root that everything in it has to lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// `https://HOST/PATH`.
    pub(crate) address: String,
    /// The root, as the vendor publishes it.
    pub(crate) root: Vec<u8>,
}

/// Synchronisation, over the way that the wiring made.
pub(crate) struct Vendor(SyncInternalServiceClient<Channel>);

impl Vendor {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(SyncInternalServiceClient::new(channel))
    }

    /// Where the repository of an instance's vendor is.
    pub(crate) async fn repository(
        &self,
        instance: InstanceId,
        config: &Config,
    ) -> Result<Repository, Error> {
        let given = match &config.upstream_root {
            Some(path) => Some(read_root(path).await?),
            None => None,
        };
        if let (Some(address), Some(root)) = (&config.upstream, &given) {
            return Ok(Repository { address: address.clone(), root: root.clone() });
        }
        let said = self.ask(instance).await?;
        let address = config.upstream.clone().unwrap_or(said.address);
        let root = given.unwrap_or(said.root);
        if address.is_empty() || root.is_empty() {
            return Err(Failed::no_repository(
                "the vendor has not said where its update repository is and which root it has; synchronise with the \
                 vendor, or set `updates.upstream` and `updates.upstream_root`",
            )
            .into());
        }
        Ok(Repository { address, root })
    }

    /// What certificates of the instance's answer keys have to lead to.
    pub(crate) async fn pin(&self, instance: InstanceId) -> Result<Pin, Error> {
        let said = self.ask(instance).await?;
        if said.bundle_sequence == 0 {
            return Err(Error::NoKey(
                "the instance has not synchronised with its vendor yet; do that first".to_owned(),
            ));
        }
        let wrong = |what: &str| Error::Defect(format!("synchronisation says no {what} that can be used"));
        Ok(Pin {
            vendor: VendorId::new(&said.vendor_id).map_err(|_| wrong("vendor"))?,
            server: InstanceId(
                Uuid::parse_str(&said.license_server_id).map_err(|_| wrong("licence server id"))?,
            ),
            root: VerifyingKey::from_slice(&said.vendor_root).map_err(|_| wrong("root key"))?,
        })
    }

    async fn ask(&self, instance: InstanceId) -> Result<pb::GetUpdateRepositoryResponse, Error> {
        let mut request = Request::new(pb::GetUpdateRepositoryRequest { instance: instance.to_string() });
        request.set_timeout(PATIENCE);
        let mut stub = self.0.clone();
        let away = |detail| Error::Away { service: "sync", detail };
        match timeout(PATIENCE, stub.get_update_repository(request)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(match peer_status::reason(&status) {
                Some(ErrorReason::NotEnrolled) => {
                    Failed::no_repository("the instance has no vendor yet; enrol it, and synchronise").into()
                }
                Some(ErrorReason::UnknownInstance) => Error::UnknownInstance(instance.to_string()),
                _ => away(peer_status::words(&status)),
            }),
            Err(_) => Err(away(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}

async fn read_root(path: &std::path::Path) -> Result<Vec<u8>, Error> {
    let failed = |detail: String| {
        let text = format!("`updates.upstream_root`, {}, cannot be used: {detail}", path.display());
        Error::from(Failed::no_repository(text))
    };
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let length = std::fs::metadata(&owned)?.len();
        if length > MAX_ROOT {
            return Ok(None);
        }
        std::fs::read(owned).map(Some)
    });
    match read.await {
        Ok(Ok(Some(root))) => Ok(root),
        Ok(Ok(None)) => Err(failed(format!("it has more than {MAX_ROOT} bytes"))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
