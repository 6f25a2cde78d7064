//! Who certifies answer keys: synchronisation, which has the instance's own key.

use std::time::Duration;

use async_trait::async_trait;
use leasehold_domain::InstanceId;
use leasehold_proto::sync::v1::CertifyAnswerKeyRequest;
use leasehold_proto::sync::v1::sync_internal_service_client::SyncInternalServiceClient;
use leasehold_signing::VerifyingKey;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Channel;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a key was not certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertifyError {
    /// Nobody answered. Trying again may help.
    #[error("synchronisation does not answer: {0}; check that it runs and can be reached")]
    Unavailable(String),
    /// It was refused.
    #[error("synchronisation does not certify the key: {0}")]
    Refused(String),
}

/// Who certifies answer keys.
#[async_trait]
pub trait Certifier: Send + Sync + 'static {
    /// The certificates that lead to this answer key of an instance, as envelopes in protobuf, from the one that the
    /// vendor's root signed down to the key's own.
    async fn certify(&self, instance: InstanceId, key: &VerifyingKey) -> Result<Vec<Vec<u8>>, CertifyError>;
}

/// Asks the synchronisation service.
#[derive(Clone, Debug)]
pub struct SyncCertifier {
    stub: SyncInternalServiceClient<Channel>,
    service: &'static str,
}

impl SyncCertifier {
    /// On this way to it, for the keys of a service.
    pub fn new(channel: Channel, service: &'static str) -> Self {
        Self { stub: SyncInternalServiceClient::new(channel), service }
    }
}

#[async_trait]
impl Certifier for SyncCertifier {
    async fn certify(&self, instance: InstanceId, key: &VerifyingKey) -> Result<Vec<Vec<u8>>, CertifyError> {
        let message = CertifyAnswerKeyRequest {
            instance: instance.to_string(),
            service: self.service.to_owned(),
            key: key.as_bytes().to_vec(),
        };
        let mut request = tonic::Request::new(message);
        request.set_timeout(PATIENCE);
        let mut stub = self.stub.clone();
        match timeout(PATIENCE, stub.certify_answer_key(request)).await {
            Ok(Ok(certified)) => Ok(certified.into_inner().certificates),
            Ok(Err(status)) if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) => {
                Err(CertifyError::Unavailable(status.message().to_owned()))
            }
            Ok(Err(status)) => Err(CertifyError::Refused(status.message().to_owned())),
            Err(_) => Err(CertifyError::Unavailable(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}
