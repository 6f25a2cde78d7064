//! How an instance stands: columns of `instances`.

use leasehold_store::StoreError;
use leasehold_store::licensing::{Bundle, Enrolment, Standing, Suspension};
use sqlx::postgres::PgArguments;

use crate::arguments::add;
use crate::decode::Columns;
use crate::encode::{micros, whole};

/// How an instance stands.
pub(crate) const STANDING: &str = "SELECT record_send(ROW(restored, vendor_id, license_server_id, root_key, \
                           bundle_sequence, bundle_digest, issued_at, synchronize_before, suspension, suspended_at, \
                           suspended_by)) \
       FROM licensing.instances WHERE no = $1";

const COLUMNS: &str = "restored, vendor_id, license_server_id, root_key, bundle_sequence, bundle_digest, issued_at, \
                       synchronize_before, suspension, suspended_at, suspended_by";

/// Makes an instance a licence server, for [`enrolment`].
pub(crate) const SET_ENROLMENT: &str =
    "UPDATE licensing.instances SET vendor_id = $2, license_server_id = $3, root_key = $4 WHERE no = $1";

/// Notes the bundle in force, for [`bundle`].
pub(crate) const SET_BUNDLE: &str = "UPDATE licensing.instances \
        SET bundle_sequence = $2, bundle_digest = $3, issued_at = $4, synchronize_before = $5 WHERE no = $1";

/// Suspends an instance or resumes it, for [`suspension`].
pub(crate) const SET_SUSPENSION: &str =
    "UPDATE licensing.instances SET suspension = $2, suspended_at = $3, suspended_by = $4 WHERE no = $1";

/// Notes addresses and answers with their number, for [`addresses`].
pub(crate) const NUMBER_ADDRESSES: &str = "UPDATE licensing.instances \
        SET addresses_number = CASE WHEN addresses IS NOT DISTINCT FROM $2 THEN addresses_number \
                                    ELSE greatest(addresses_number + 1, $3) END, \
            addresses = $2 \
      WHERE no = $1 RETURNING addresses_number";

/// The arguments of [`SET_ENROLMENT`].
pub(crate) fn enrolment(instance: i32, enrolment: &Enrolment) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, enrolment.vendor_id.clone())?;
    add(&mut arguments, enrolment.license_server_id)?;
    add(&mut arguments, enrolment.root_key.to_vec())?;
    Ok(arguments)
}

/// The arguments of [`SET_BUNDLE`].
pub(crate) fn bundle(instance: i32, bundle: &Bundle) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, whole(bundle.sequence)?)?;
    add(&mut arguments, bundle.digest.to_vec())?;
    add(&mut arguments, micros(bundle.issued_at))?;
    add(&mut arguments, micros(bundle.synchronize_before))?;
    Ok(arguments)
}

/// The arguments of [`SET_SUSPENSION`].
pub(crate) fn suspension(instance: i32, suspension: Option<&Suspension>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, suspension.map(|one| one.text.clone()))?;
    add(&mut arguments, suspension.map(|one| micros(one.since)))?;
    add(&mut arguments, suspension.map(|one| one.actor.clone()))?;
    Ok(arguments)
}

/// The arguments of [`NUMBER_ADDRESSES`].
pub(crate) fn addresses(instance: i32, addresses: &[String], least: u64) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, addresses.to_vec())?;
    add(&mut arguments, whole(least)?)?;
    Ok(arguments)
}

/// Reads a row of [`STANDING`].
pub(crate) fn read(row: &[u8]) -> Result<Standing, StoreError> {
    let columns = &mut Columns::of("instances", COLUMNS, row)?;
    let restored = columns.plain()?;
    let (vendor_id, server, root): (Option<&str>, _, _) =
        (columns.plain()?, columns.plain::<Option<_>>()?, columns.plain::<Option<_>>()?);
    let (sequence, digest) = (columns.optional_number()?, columns.plain::<Option<_>>()?);
    let (issued_at, before) = (columns.optional_time()?, columns.optional_time()?);
    let enrolment = || {
        let vendor_id = vendor_id?.to_owned();
        Some(Enrolment { vendor_id, license_server_id: server?, root_key: root? })
    };
    let bundle = || {
        Some(Bundle {
            sequence: sequence?,
            digest: digest?,
            issued_at: issued_at?,
            synchronize_before: before?,
        })
    };
    let (text, since, actor): (Option<&str>, _, Option<&str>) =
        (columns.plain()?, columns.optional_time()?, columns.plain()?);
    let suspension = || Some(Suspension { text: text?.to_owned(), since: since?, actor: actor?.to_owned() });
    Ok(Standing { restored, enrolment: enrolment(), bundle: bundle(), suspension: suspension() })
}
