//! The vendor's row.

use leasehold_store::StoreError;
use leasehold_store::backoffice::{Contact, OnlineKey, UpdateRepository, Vendor};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Statement;
use crate::database::{Database, within};
use crate::values::{micros, read_32, read_time};

const FIND: &str = "SELECT id, name, mail, web, phone, address, root_key, online_seed, online_certificate, identity, \
     created_at, updates_address, updates_root FROM vendor";
const INSERT: &str = "INSERT INTO vendor (lone, id, name, mail, web, phone, address, root_key, online_seed, \
     online_certificate, identity, created_at, updates_address, updates_root) \
     VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
     ON CONFLICT DO NOTHING";
const REPLACE_ONLINE_KEY: &str =
    "UPDATE vendor SET online_seed = $2, online_certificate = $3 WHERE root_key = $1";
const SET_UPDATE_REPOSITORY: &str = "UPDATE vendor SET updates_address = $1, updates_root = $2 \
     WHERE updates_address <> $1 OR updates_root <> $2";

pub(super) async fn find(database: &Database) -> Result<Option<Vendor>, StoreError> {
    within(async {
        let row = sqlx::query(FIND).fetch_optional(database.pool()).await?;
        row.as_ref().map(read).transpose()
    })
    .await
}

pub(super) fn insert(vendor: &Vendor) -> Statement {
    sqlx::query(INSERT)
        .bind(vendor.id.clone())
        .bind(vendor.name.clone())
        .bind(vendor.contact.mail.clone())
        .bind(vendor.contact.web.clone())
        .bind(vendor.contact.phone.clone())
        .bind(vendor.address.clone())
        .bind(vendor.root_key.to_vec())
        .bind(vendor.online_key.seed.clone())
        .bind(vendor.online_key.certificate.clone())
        .bind(vendor.identity.clone())
        .bind(micros(vendor.created_at))
        .bind(vendor.updates.address.clone())
        .bind(vendor.updates.root.clone())
}

pub(super) fn set_update_repository(repository: &UpdateRepository) -> Statement {
    sqlx::query(SET_UPDATE_REPOSITORY).bind(repository.address.clone()).bind(repository.root.clone())
}

pub(super) fn replace_online_key(root_key: &[u8; 32], key: &OnlineKey) -> Statement {
    sqlx::query(REPLACE_ONLINE_KEY)
        .bind(root_key.to_vec())
        .bind(key.seed.clone())
        .bind(key.certificate.clone())
}

fn read(row: &AnyRow) -> Result<Vendor, sqlx::Error> {
    Ok(Vendor {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        contact: Contact {
            mail: row.try_get("mail")?,
            web: row.try_get("web")?,
            phone: row.try_get("phone")?,
        },
        address: row.try_get("address")?,
        root_key: read_32(row, "root_key")?,
        online_key: OnlineKey {
            seed: row.try_get("online_seed")?,
            certificate: row.try_get("online_certificate")?,
        },
        identity: row.try_get("identity")?,
        created_at: read_time(row, "created_at")?,
        updates: UpdateRepository {
            address: row.try_get("updates_address")?,
            root: row.try_get("updates_root")?,
        },
    })
}
