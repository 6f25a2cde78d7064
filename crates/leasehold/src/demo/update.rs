//! What came of the update that went out: looked at on the devices' disks, and asked of the server.
//!
//! Not responsible for the promises of licensing. What is looked at is the disk, past the SDK that wrote it.

use std::net::SocketAddr;
use std::path::Path;

use leasehold_artifacts::Digest;
use leasehold_client::updates::installed;
use leasehold_proto::types::v1 as types;
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_admin_service_client::UpdateAdminServiceClient;
use serde::Serialize;

use super::Error;
use super::counts::Numbers;
use super::repository::{self, PRODUCT, Published};
use crate::vendor::answered;

/// Rows of a page.
const PAGE: i32 = 500;

/// What came of an update: of the newest one, where somebody has published another besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpdateReport {
    /// What it is an update of.
    pub product: &'static str,
    /// Its version.
    pub version: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Devices that heard of it on a heartbeat.
    pub heard: u64,
    /// Devices that have it in place, byte for byte as the vendor published it.
    pub installed: u64,
    /// Clients that the server knows to have it.
    pub reported: u64,
}

/// An update, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Its numbers.
    pub(super) report: UpdateReport,
    /// What must not be.
    pub(super) wrong: Vec<String>,
}

/// How many clients have told the server that this version is in place. The server runs.
async fn reported(updates: SocketAddr, version: &str) -> Result<u64, Error> {
    let mut admin = UpdateAdminServiceClient::new(repository::channel(updates));
    let (mut count, mut page_token) = (0, String::new());
    loop {
        let page = types::PageRequest { page_size: PAGE, page_token, ..types::PageRequest::default() };
        let (product, page) = (PRODUCT.to_owned(), Some(page));
        let request = pb::ListClientsRequest { product, page, ..pb::ListClientsRequest::default() };
        let answer = answered("asking who has the update", admin.list_clients(request).await)?;
        let of_client = |client: &&pb::UpdateClient| client.products.iter().any(|it| has(it, version));
        count += answer.clients.iter().filter(of_client).count() as u64;
        page_token = answer.page.map(|page| page.next_page_token).unwrap_or_default();
        if page_token.is_empty() {
            return Ok(count);
        }
    }
}

fn has(product: &pb::ClientProduct, version: &str) -> bool {
    let told = product.state() == pb::UpdateState::Installed && product.assigned_version == version;
    product.product == PRODUCT && (told || product.version == version)
}

/// Looks at what is in place on each device, and compares it with what the vendor stands behind. `None`: with nothing.
pub(super) async fn look(
    devices: &Path,
    published: Vec<Published>,
    numbers: &Numbers,
    updates: SocketAddr,
) -> Result<Option<Outcome>, Error> {
    let Some(newest) = published.last().cloned() else { return Ok(None) };
    let reported = reported(updates, &newest.version).await?;
    let devices = devices.to_owned();
    let looked = tokio::task::spawn_blocking(move || on_disk(&devices, &published)).await;
    let (in_place, mut wrong) = looked.map_err(|error| Error::Client(error.to_string()))?;
    let failed = numbers.failed_updates.iter();
    wrong.extend(
        failed.map(|(reason, count)| format!("{count} times an update was not put in place: {reason}")),
    );
    let Published { path, version, length: bytes, .. } = newest;
    let heard = numbers.heard_of_update.get(&version).copied().unwrap_or_default();
    let installed = in_place.iter().filter(|target| **target == path).count() as u64;
    Ok(Some(Outcome {
        report: UpdateReport { product: PRODUCT, version, bytes, heard, installed, reported },
        wrong,
    }))
}

/// The path of what each device has in place, and what is in place that should not be.
fn on_disk(devices: &Path, published: &[Published]) -> (Vec<String>, Vec<String>) {
    let (mut in_place, mut wrong) = (Vec::new(), Vec::new());
    // Where nobody has heard of anything there is nothing.
    let Ok(entries) = std::fs::read_dir(devices) else { return (in_place, wrong) };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let found = match installed(&entry.path(), PRODUCT) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let sha256 = std::fs::read(&found.path).ok().map(|content| Digest::of(&content));
        let genuine = published.iter().any(|file| file.path == found.target && Some(file.sha256) == sha256);
        if genuine {
            in_place.push(found.target);
        } else {
            let target = found.target;
            wrong.push(format!("{name}: what is in place as {target} is not what the vendor published"));
        }
    }
    (in_place, wrong)
}
