//! Sets a vendor up, and renews its online key: what needs the root key.

use std::path::Path;

use jiff::Timestamp;
use leasehold_backoffice::{SERVICE, Setup, certify_online, set_up};
use leasehold_runtime::Config;
use leasehold_signing::VerifyingKey;
use leasehold_store::BackOfficeStore;
use leasehold_store_sql::SqlBackOfficeStore;
use rand::rngs::StdRng;

use super::super::vendor_dir::{VendorDir, VendorDirError, read_root_key};
use super::super::{MasterKeyError, master_key};
use super::{Opened, VendorError, VendorPlace, open_store};

/// Sets a vendor up in a directory of its own, its data in `place`, and gives its root key's public half. Where a call
/// was cut short, another completes it.
pub async fn create_vendor(
    config: &Config,
    directory: &Path,
    place: &VendorPlace,
    setup: Setup,
    now: Timestamp,
) -> Result<VerifyingKey, VendorError> {
    setup.check()?;
    let given = master_key::given(config)?;
    if *place == VendorPlace::Postgres {
        if given.is_none() {
            return Err(MasterKeyError::NotGiven.into());
        }
        // Before anything is made.
        let store = open_store(config, None).await?;
        let found = refuse_second(&store).await;
        store.close().await;
        found?;
    }
    let directory = VendorDir::create(directory)?;
    let database = (*place != VendorPlace::Postgres).then_some(&directory);
    let store = open_store(config, database).await?;
    let made = async {
        refuse_second(&store).await?;
        let master = given.map_or_else(|| directory.make_master_key(), Ok)?;
        let root = directory.make_root_key()?;
        let key = master_key::of_service(&master, SERVICE);
        let mut rng: StdRng = rand::make_rng();
        set_up(&store, &key, &mut rng, now, setup, &root).await?;
        Ok(*root.verifying_key())
    };
    let made = made.await;
    store.close().await;
    made
}

/// Gives the vendor a new online key, certified by the root key in `root`, or in the directory. Says when the
/// certificate ends. No other process may work in the directory.
pub async fn renew_online_key(
    config: &Config,
    place: &VendorPlace,
    root: Option<&Path>,
    now: Timestamp,
) -> Result<Timestamp, VendorError> {
    let opened = Opened::open(config, place).await?;
    let renewed = async {
        let in_directory = opened.directory.as_ref().map(VendorDir::root_file);
        let file = root.map(Path::to_owned).or(in_directory);
        let file = file.ok_or(VendorDirError::NoKey { path: "--root".into() })?;
        let root = read_root_key(&file)?;
        let mut rng: StdRng = rand::make_rng();
        Ok(certify_online(&opened.store, &opened.key, &mut rng, now, &root).await?)
    };
    let renewed = renewed.await;
    opened.close().await;
    renewed
}

async fn refuse_second(store: &SqlBackOfficeStore) -> Result<(), VendorError> {
    match store.vendor().await.map_err(leasehold_backoffice::Error::from)? {
        Some(vendor) => Err(leasehold_backoffice::Error::AlreadySetUp(vendor.id).into()),
        None => Ok(()),
    }
}
