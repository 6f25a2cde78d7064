//! A vendor's program on a device: it pins the vendor, holds a licence, and keeps its definitions up to date.

use std::path::PathBuf;
use std::time::Duration;

use leasehold_client::updates::{Applied, Follow, LoadTest, UpdateError, Updater, UpdaterOptions};
use leasehold_client::{
    CallError, Checkout, CheckoutError, Client, ErrorReason, InstanceId, Options, Pem, ReleaseError, Tls,
};

use super::{FEATURE, LICENSING, PRODUCT, Site, UPDATES};

/// Longer than a server takes to say that its database is away.
const CALL: Duration = Duration::from_secs(8);

/// The program.
pub(super) struct Program {
    /// Its connection to licensing.
    pub(super) client: Client,
    /// What keeps its definitions.
    pub(super) updater: Updater,
}

impl Program {
    /// The program on this device.
    pub(super) async fn start(site: &Site, device: &str) -> Self {
        let client = connect(site, device).await;
        let loads =
            |file: &std::path::Path| std::fs::read(file).map(|_| ()).map_err(|error| error.to_string());
        // The vendor builds it into the program.
        let root = site.containers.in_volume("vendor", "vendor/updates/repository/metadata/1.root.json");
        let place: PathBuf = site.folder.path().join(format!("definitions-{device}"));
        let options = UpdaterOptions::new(place, std::fs::read(root).unwrap())
            .follow(Follow::new(PRODUCT).load_test(LoadTest::function(loads)))
            .server(site.address(UPDATES).parse().unwrap());
        let updater = Updater::open(&client, options).await.unwrap();
        Self { client, updater }
    }

    /// Brings the definitions up to date; the version that was installed, if there was a newer one.
    pub(super) async fn update(&mut self) -> Result<Option<String>, String> {
        let updated = self.updater.update().await.map_err(|error| told(&error))?;
        match updated.outcomes.into_iter().next().map(|outcome| outcome.result) {
            Some(Ok(Applied::Installed(installed))) => Ok(Some(installed.version)),
            Some(Err(error)) => Err(told(&error)),
            _ => Ok(None),
        }
    }
}

/// A connection to licensing that counts only what the vendor stands behind.
pub(super) async fn connect(site: &Site, device: &str) -> Client {
    let mut options = Options::new(site.address(LICENSING).parse().unwrap());
    options.tls = Some(Tls::new(Pem::File(site.containers.in_volume("tls-client", "ca.crt"))));
    options.hostids = vec![device.parse().unwrap()];
    let pinned = |key: &str| site.enrolment[key].as_str().unwrap();
    options.vendor_root = Some(pinned("vendor_root").parse().unwrap());
    options.license_server_id = Some(InstanceId(pinned("license_server_id").parse().unwrap()));
    options.call_timeout = CALL;
    Client::connect(options).await.unwrap()
}

/// How the failure of a return begins that had nothing to return any more; then comes the grant's id.
pub(super) const NOT_HELD: &str = "NOT_HELD ";

/// Checks out and returns; why not, if not.
pub(super) async fn check_out(client: &Client, slot: &str) -> Result<(), String> {
    let guard = client.checkout(Checkout::new(FEATURE).slot(slot)).await.map_err(|error| refused(&error))?;
    let grant = guard.grant_id();
    guard.release().await.map_err(|error| match error {
        ReleaseError::Call(error) => failed(&error),
        ReleaseError::NotHeld { .. } => format!("{NOT_HELD}{grant}"),
        other @ ReleaseError::Stopped => format!("{other:?}"),
    })
}

/// A word for why there is no licence.
fn refused(error: &CheckoutError) -> String {
    match error {
        CheckoutError::Unreachable { .. } => "UNREACHABLE".to_owned(),
        CheckoutError::Server { reason, .. } => name(*reason),
        other => format!("{other:?}"),
    }
}

/// A word for why there is no update.
fn told(error: &UpdateError) -> String {
    match error {
        UpdateError::Call(error) => failed(error),
        other => format!("{other:?}"),
    }
}

fn failed(error: &CallError) -> String {
    match error {
        CallError::Unreachable { .. } => "UNREACHABLE".to_owned(),
        CallError::Server { reason, .. } => name(*reason),
        other => format!("{other:?}"),
    }
}

fn name(reason: ErrorReason) -> String {
    reason.as_str_name().trim_start_matches("ERROR_REASON_").to_owned()
}
