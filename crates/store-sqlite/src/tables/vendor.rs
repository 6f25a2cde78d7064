//! How an instance stands: columns of `instances`.

use leasehold_domain::Leave;
use leasehold_store::StoreError;
use leasehold_store::licensing::{Bundle, Enrolment, Standing, Suspension};
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::{micros, whole};
use crate::writer::Query;

/// How an instance stands.
pub(crate) const STANDING: &str = "SELECT restored, vendor_id, license_server_id, root_key, bundle_sequence, \
        bundle_digest, issued_at, synchronize_before, suspension, suspended_at, suspended_by \
       FROM instances WHERE no = $1";

const SET_ENROLMENT: &str =
    "UPDATE instances SET vendor_id = $2, license_server_id = $3, root_key = $4 WHERE no = $1";

const SET_BUNDLE: &str = "UPDATE instances \
        SET bundle_sequence = $2, bundle_digest = $3, issued_at = $4, synchronize_before = $5 WHERE no = $1";

const SET_SUSPENSION: &str =
    "UPDATE instances SET suspension = $2, suspended_at = $3, suspended_by = $4 WHERE no = $1";

/// Notes these addresses and answers with their number.
pub(crate) const NUMBER_ADDRESSES: &str = "UPDATE instances \
        SET addresses_number = \
            CASE WHEN addresses IS $2 THEN addresses_number ELSE max(addresses_number + 1, $3) END, \
            addresses = $2 \
      WHERE no = $1 RETURNING addresses_number";

/// The statement that makes an instance this licence server.
pub(crate) fn set_enrolment(instance: i64, enrolment: &Enrolment) -> Query<'static> {
    sqlx::query(SET_ENROLMENT)
        .bind(instance)
        .bind(enrolment.vendor_id.clone())
        .bind(enrolment.license_server_id.as_bytes().to_vec())
        .bind(enrolment.root_key.to_vec())
}

/// The statement that notes the bundle in force.
pub(crate) fn set_bundle(instance: i64, bundle: &Bundle) -> Result<Query<'static>, StoreError> {
    Ok(sqlx::query(SET_BUNDLE)
        .bind(instance)
        .bind(whole(bundle.sequence)?)
        .bind(bundle.digest.to_vec())
        .bind(micros(bundle.issued_at))
        .bind(micros(bundle.synchronize_before)))
}

/// The statement that suspends the instance or resumes it.
pub(crate) fn set_suspension(instance: i64, suspension: Option<&Suspension>) -> Query<'static> {
    sqlx::query(SET_SUSPENSION)
        .bind(instance)
        .bind(suspension.map(|one| one.text.clone()))
        .bind(suspension.map(|one| micros(one.since)))
        .bind(suspension.map(|one| one.actor.clone()))
}

/// Reads a row of [`STANDING`].
pub(crate) fn read(row: &SqliteRow) -> Result<Standing, StoreError> {
    let columns = &mut Columns::of("instances", row);
    let restored = columns.plain()?;
    let (vendor_id, server, root): (Option<String>, _, _) =
        (columns.plain()?, columns.optional_uuid()?, columns.optional_bytes()?);
    let (sequence, digest) = (columns.optional_number()?, columns.optional_bytes()?);
    let (issued_at, before) = (columns.optional_time()?, columns.optional_time()?);
    let enrolment = || Some(Enrolment { vendor_id: vendor_id?, license_server_id: server?, root_key: root? });
    let bundle = || {
        Some(Bundle {
            sequence: sequence?,
            digest: digest?,
            issued_at: issued_at?,
            synchronize_before: before?,
        })
    };
    let (text, since, actor): (Option<String>, _, Option<String>) =
        (columns.plain()?, columns.optional_time()?, columns.plain()?);
    let suspension = || Some(Suspension { text: text?, since: since?, actor: actor? });
    Ok(Standing { restored, enrolment: enrolment(), bundle: bundle(), suspension: suspension() })
}

/// What a batch finds of its instance.
#[derive(Default)]
pub(crate) struct Found {
    /// Whether it is restored.
    pub(crate) restored: bool,
    /// Its vendor's leave.
    pub(crate) leave: Option<Leave>,
    /// That it is suspended, with the text for clients.
    pub(crate) suspended: Option<String>,
}

/// Reads that from the columns `restored`, `bundle_sequence`, `synchronize_before` and `suspension`.
pub(crate) fn read_found(row: &SqliteRow) -> Result<Found, StoreError> {
    let columns = &mut Columns::of("instances", row);
    let (restored, sequence) = (columns.plain()?, columns.optional_number()?);
    let before = columns.optional_time()?;
    let leave = sequence.zip(before).map(|(sequence, before)| Leave { sequence, synchronize_before: before });
    Ok(Found { restored, leave, suspended: columns.plain()? })
}
