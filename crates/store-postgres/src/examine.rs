//! How a server stands, for whoever looks after it. Not responsible for what of that is good.

use jiff::Timestamp;
use sqlx::Connection as _;

use crate::connections::within;
use crate::open::OpenError;
use crate::schema::Database;
use crate::settings::Settings;

/// How a `PostgreSQL` server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its host and port.
    pub server: String,
    /// The database's name.
    pub database: String,
    /// Its version, as it says it.
    pub version: String,
    /// Its clock.
    pub now: Timestamp,
    /// Whether it takes changes: a standby does not.
    pub takes_changes: bool,
    /// Settings that are off and cost what was committed when the machine loses power.
    pub unsafe_settings: Vec<String>,
    /// Most connections at a time.
    pub max_connections: u32,
    /// Connections of everybody, this one included.
    pub connections: u32,
}

const LOOK: &str = "SELECT current_setting('server_version'), \
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_is_in_recovery(), \
       ARRAY(SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name), \
       current_setting('max_connections')::int, \
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')";

/// Asks a server how it stands. Changes nothing. Takes as long as a connection may take, twice.
pub async fn examine(settings: &Settings) -> Result<Standing, OpenError> {
    let options = settings.connect_options()?;
    let database = Database::of(&options);
    let mut connection = database.connect(&options, settings).await?;
    let asked = within(settings.acquire_timeout, sqlx::query_as(LOOK).fetch_one(&mut connection)).await;
    let _ = within(settings.acquire_timeout, connection.close()).await;
    let (version, micros, standby, unsafe_settings, max_connections, connections): (
        String,
        i64,
        bool,
        Vec<String>,
        i32,
        i32,
    ) = asked.map_err(|error| database.cannot(error))?;
    let count = |number| u32::try_from(number).unwrap_or(0);
    Ok(Standing {
        server: database.server,
        database: database.name,
        version,
        now: Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX),
        takes_changes: !standby,
        unsafe_settings,
        max_connections: count(max_connections),
        connections: count(connections),
    })
}
