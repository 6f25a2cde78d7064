//! What a new connection is told, and what it says about the database. Not responsible for connections.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::rows::RowType;
use crate::settings::Settings;

/// The row types that statements take, as this database numbers them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Types {
    pub(crate) device: RowType,
    pub(crate) grant: RowType,
    pub(crate) part: RowType,
    pub(crate) cell: RowType,
    pub(crate) activity_record: RowType,
    pub(crate) activity: RowType,
    pub(crate) answer: RowType,
    pub(crate) ending: RowType,
}

/// The names of [`Types`], in its order.
const TYPE_NAMES: &str = "ARRAY['device_in', 'grant_in', 'part', 'cell_in', 'activity_record', 'activity_in', \
     'answer_in', 'ending_in']";

/// What a new connection is told and asked, in one round trip. Plans are made once and go by index: the server
/// has no good idea of tables that grow from nothing to millions of rows in a minute.
pub(crate) fn prepare(settings: &Settings) -> String {
    let millis = |duration: Duration| duration.as_millis().clamp(1, 2_000_000_000);
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off; \
         SET standard_conforming_strings = on; SET search_path = pg_catalog; SET client_min_messages = warning; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; \
         SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
         SELECT set_config('synchronous_commit', 'on', false) \
          WHERE current_setting('synchronous_commit') IN ('off', 'local'); \
         SELECT 'server', (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8, 0::int8; \
         SELECT 'type', t.oid::int8, t.typarray::int8 \
           FROM unnest({TYPE_NAMES}) WITH ORDINALITY AS n (name, place) \
           JOIN pg_type AS t ON t.typname = n.name AND t.typnamespace = to_regnamespace('licensing') \
          ORDER BY n.place",
        millis(settings.statement_timeout),
        millis(settings.lock_timeout),
        millis(settings.idle_in_transaction_timeout),
    )
}

/// The row types, and when the server was started.
pub(crate) fn found(rows: &[PgRow]) -> Result<(Types, i64), sqlx::Error> {
    let (mut found, mut server) = (Vec::new(), 0);
    for row in rows.iter().filter(|row| row.len() == 3) {
        if row.try_get::<&str, _>(0)? == "server" {
            server = row.try_get(1)?;
            continue;
        }
        let number = |column: usize| {
            u32::try_from(row.try_get::<i64, _>(column)?).map_err(|error| sqlx::Error::Decode(error.into()))
        };
        found.push(RowType { row: number(1)?, array: number(2)? });
    }
    let Ok([device, grant, part, cell, activity_record, activity, answer, ending]) =
        <[RowType; 8]>::try_from(found)
    else {
        return Err(sqlx::Error::Configuration("the schema `licensing` has lost row types".into()));
    };
    Ok((Types { device, grant, part, cell, activity_record, activity, answer, ending }, server))
}
