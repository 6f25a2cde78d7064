//! What synchronisation is asked.

use leasehold_proto::sync::v1 as pb;
use leasehold_runtime::http::Problem;

use super::{Services, answered};
use crate::model::{ConnectionStep, Enrolled, Enrolment, Exchange, List, Listing, SyncStatus};

/// A request file for the vendor.
pub(crate) struct SyncFile {
    /// Its content.
    pub(crate) bytes: Vec<u8>,
    /// The number of the request in it.
    pub(crate) number: u64,
}

impl Services<'_> {
    /// Who the server is to its vendor, and how its synchronisation stands.
    pub(crate) async fn sync_status(&self, instance: &str) -> Result<SyncStatus, Problem> {
        let request = self.ask(pb::GetIdentityRequest { instance: instance.to_owned() });
        answered(self.to_sync().get_identity(request).await).map(SyncStatus::from)
    }

    /// Makes the server one of a vendor's.
    pub(crate) async fn enrol(&self, instance: &str, enrolment: Enrolment) -> Result<Enrolled, Problem> {
        let (instance, enrolment) = (instance.to_owned(), Some(enrolment.into()));
        let request = self.ask(pb::EnrolRequest { instance, enrolment });
        let answer = answered(self.to_sync().enrol(request).await)?;
        Ok(Enrolled {
            signing_key_id: answer.signing_key_id,
            fingerprint: answer.fingerprint,
            was_enrolled: answer.was_enrolled,
        })
    }

    /// Synchronises over the network, and waits for it.
    pub(crate) async fn synchronize(&self, instance: &str) -> Result<Exchange, Problem> {
        let request = self.ask_slowly(pb::SynchronizeNowRequest { instance: instance.to_owned() });
        let answer = answered(self.to_sync().synchronize_now(request).await)?;
        Ok(answer.exchange.unwrap_or_default().into())
    }

    /// Walks the steps to the vendor without changing anything.
    pub(crate) async fn test_connection(&self, instance: &str) -> Result<Vec<ConnectionStep>, Problem> {
        let request = self.ask_slowly(pb::TestConnectionRequest { instance: instance.to_owned() });
        let answer = answered(self.to_sync().test_connection(request).await)?;
        Ok(answer.steps.into_iter().map(ConnectionStep::from).collect())
    }

    /// Makes a request file.
    pub(crate) async fn export_sync_data(&self, instance: &str, armored: bool) -> Result<SyncFile, Problem> {
        let request = self.ask(pb::ExportSyncDataRequest { instance: instance.to_owned(), armored });
        let answer = answered(self.to_sync().export_sync_data(request).await)?;
        Ok(SyncFile { bytes: answer.file, number: answer.number })
    }

    /// Takes a response file.
    pub(crate) async fn import_license_file(
        &self,
        instance: &str,
        file: Vec<u8>,
    ) -> Result<Exchange, Problem> {
        let request = self.ask_slowly(pb::ImportLicenseFileRequest { instance: instance.to_owned(), file });
        let answer = answered(self.to_sync().import_license_file(request).await)?;
        Ok(answer.exchange.unwrap_or_default().into())
    }

    /// Every exchange with the vendor, newest first.
    pub(crate) async fn exchanges(&self, instance: &str, list: &List) -> Result<Listing<Exchange>, Problem> {
        let (instance, page) = (instance.to_owned(), Some(list.request()));
        let request = self.ask(pb::ListExchangesRequest { instance, page });
        let answer = answered(self.to_sync().list_exchanges(request).await)?;
        Ok(Listing::answered(answer.exchanges, answer.page, Exchange::from))
    }
}
