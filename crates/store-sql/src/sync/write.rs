//! Changes on their way into rows.

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::StoreError;
use leasehold_store::sync::{Bundle, Change, Exchange, Identity};
use sqlx::query::Query;
use sqlx::{Any, any::AnyArguments};

use crate::database::{Database, within};

/// Writes nothing where there is an identity already.
const INSERT: &str = "INSERT INTO identities (license_server_id, vendor_id, vendor_name, vendor_root, address, \
       vendor_recipient, contact_mail, contact_web, contact_phone, signing_key, public_key, identity, recipient, \
       next_number, warned, next_at, failures, bundle_sequence, bundle_digest, synchronized_at, synchronize_before, \
       online_certificate, instance_certificate, notices, updates_address, updates_root, instance, revision) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
       $23, $24, $25, $26, $27, $28 + 1) \
     ON CONFLICT (instance) DO NOTHING";
/// Locks the row, so that changes of one instance follow each other; writes nothing where the revision is another.
const UPDATE: &str = "UPDATE identities SET license_server_id = $1, vendor_id = $2, vendor_name = $3, \
       vendor_root = $4, address = $5, vendor_recipient = $6, contact_mail = $7, contact_web = $8, \
       contact_phone = $9, signing_key = $10, public_key = $11, identity = $12, recipient = $13, next_number = $14, \
       warned = $15, next_at = $16, failures = $17, bundle_sequence = $18, bundle_digest = $19, \
       synchronized_at = $20, synchronize_before = $21, online_certificate = $22, instance_certificate = $23, \
       notices = $24, updates_address = $25, updates_root = $26, revision = revision + 1 \
     WHERE instance = $27 AND revision = $28";
const ABANDON: &str = "UPDATE exchanges SET state = 'FAILED', request = $2, failed_step = $3, failure_reason = $4, \
       message = $5, ended_at = $6 \
     WHERE instance = $1 AND state = 'REQUESTED'";
const EXCHANGE: &str = "INSERT INTO exchanges (instance, number, way, state, nonce, request, response, started_at, \
       ended_at, sent_bytes, received_bytes, bundle_sequence, changes, synchronize_before, failed_step, \
       failure_reason, message, actor) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
     ON CONFLICT (instance, number) DO UPDATE SET state = excluded.state, request = excluded.request, \
       response = excluded.response, ended_at = excluded.ended_at, sent_bytes = excluded.sent_bytes, \
       received_bytes = excluded.received_bytes, bundle_sequence = excluded.bundle_sequence, \
       changes = excluded.changes, synchronize_before = excluded.synchronize_before, \
       failed_step = excluded.failed_step, failure_reason = excluded.failure_reason, message = excluded.message";

type Statement<'q> = Query<'q, Any, AnyArguments>;

pub(super) async fn save(
    database: &Database,
    instance: InstanceId,
    change: &Change,
) -> Result<bool, StoreError> {
    let instance = instance.to_string();
    let sql = if change.identity.revision == 0 { INSERT } else { UPDATE };
    let identity = bind_identity(sqlx::query(sql), &change.identity)?
        .bind(instance.clone())
        .bind(number(change.identity.revision)?);
    let exchange =
        change.exchange.as_ref().map(|exchange| write_exchange(&instance, exchange)).transpose()?;

    let mut transaction = database.begin().await?;
    if within(identity.execute(&mut *transaction)).await?.rows_affected() == 0 {
        return within(transaction.rollback()).await.map(|()| false);
    }
    if let Some((failure, at)) = &change.abandon {
        let abandon = sqlx::query(ABANDON)
            .bind(&instance)
            .bind(Vec::<u8>::new())
            .bind(failure.step.name())
            .bind(&failure.reason)
            .bind(&failure.message)
            .bind(at.as_microsecond());
        within(abandon.execute(&mut *transaction)).await?;
    }
    if let Some(exchange) = exchange {
        within(exchange.execute(&mut *transaction)).await?;
    }
    within(transaction.commit()).await.map(|()| true)
}

fn bind_identity<'q>(statement: Statement<'q>, identity: &Identity) -> Result<Statement<'q>, StoreError> {
    let (enrolment, keys) = (identity.enrolment.clone(), identity.keys.clone());
    let statement = statement
        .bind(enrolment.license_server_id.to_string())
        .bind(enrolment.vendor_id)
        .bind(enrolment.vendor_name)
        .bind(enrolment.vendor_root.to_vec())
        .bind(enrolment.address)
        .bind(enrolment.vendor_recipient)
        .bind(enrolment.contact.mail)
        .bind(enrolment.contact.web)
        .bind(enrolment.contact.phone)
        .bind(keys.signing_key)
        .bind(keys.public_key.to_vec())
        .bind(keys.identity)
        .bind(keys.recipient)
        .bind(number(identity.next_number)?)
        .bind(identity.warned.map(i64::from))
        .bind(identity.next_at.map(Timestamp::as_microsecond))
        .bind(i64::from(identity.failures));
    bind_bundle(statement, identity.bundle.clone())
}

fn bind_bundle(statement: Statement<'_>, bundle: Option<Bundle>) -> Result<Statement<'_>, StoreError> {
    let sequence = bundle.as_ref().map(|bundle| number(bundle.sequence)).transpose()?;
    let notices = bundle.as_ref().map(|bundle| json(&bundle.notices)).transpose()?;
    let statement = statement
        .bind(sequence)
        .bind(bundle.as_ref().map(|bundle| bundle.digest.to_vec()))
        .bind(bundle.as_ref().map(|bundle| bundle.synchronized_at.as_microsecond()))
        .bind(bundle.as_ref().map(|bundle| bundle.synchronize_before.as_microsecond()));
    let Some(bundle) = bundle else {
        let nothing = None::<Vec<u8>>;
        let statement = statement.bind(nothing.clone()).bind(nothing.clone()).bind(notices);
        return Ok(statement.bind(None::<String>).bind(nothing));
    };
    let statement = statement.bind(bundle.online_certificate).bind(bundle.instance_certificate).bind(notices);
    Ok(statement.bind(bundle.updates_address).bind(bundle.updates_root))
}

fn write_exchange<'q>(instance: &str, exchange: &'q Exchange) -> Result<Statement<'q>, StoreError> {
    let failure = exchange.failure.as_ref();
    Ok(sqlx::query(EXCHANGE)
        .bind(instance.to_owned())
        .bind(number(exchange.number)?)
        .bind(exchange.way.name())
        .bind(exchange.state.name())
        .bind(exchange.nonce.as_slice())
        .bind(exchange.request.as_slice())
        .bind(exchange.response.as_slice())
        .bind(exchange.started_at.as_microsecond())
        .bind(exchange.ended_at.map(Timestamp::as_microsecond))
        .bind(number(exchange.sent_bytes)?)
        .bind(number(exchange.received_bytes)?)
        .bind(number(exchange.bundle_sequence)?)
        .bind(json(&exchange.changes)?)
        .bind(exchange.synchronize_before.map(Timestamp::as_microsecond))
        .bind(failure.map(|failure| failure.step.name()))
        .bind(failure.map_or("", |failure| failure.reason.as_str()))
        .bind(failure.map_or("", |failure| failure.message.as_str()))
        .bind(exchange.actor.as_str()))
}

/// A number as both databases have it. None of ours is that large.
fn number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|error| StoreError::Internal { source: Box::new(error) })
}

fn json(texts: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(texts).map_err(|error| StoreError::Internal { source: Box::new(error) })
}
