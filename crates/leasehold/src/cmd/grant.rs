//! `leasehold grant`: who holds what, and ending a grant without its holder.

use leasehold_domain::HostId;
use leasehold_proto::licensing::v1::source::Source as Charged;
use leasehold_proto::licensing::v1::{
    DropGrantRequest, Grant, GrantPart, ListGrantsRequest, ListGrantsResponse, Source,
};
use serde::Serialize;

use super::connection::{ListArgs, ServerArgs, Stub};
use super::value::{hostid, or_dash, seconds, time, without_prefix};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, right, say};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List grants, oldest first: who holds what and until when
    List {
        /// Keep only those of this feature
        #[arg(long, default_value = "", hide_default_value = true, value_name = "FEATURE")]
        feature: String,
        /// Keep only those of this device, by its hostid: VALUE/TYPE, or VALUE for type STRING
        #[arg(long, value_name = "HOSTID")]
        device: Option<HostId>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// End a grant without its holder, and free its counts
    ///
    /// The server allows it only where `licensing.allow_device_drop` is true.
    Release {
        /// The grant's id, as `leasehold grant list` shows it
        #[arg(value_name = "GRANT_ID")]
        grant: String,
        /// Why, for the activity log
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        server: ServerArgs,
        /// How to print the grant as it stood
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { feature, device, list } => show(feature, device, list).await,
        Command::Release { grant, reason, server, output } => release(grant, reason, server, output).await,
    }
}

async fn show(feature: String, device: Option<HostId>, args: ListArgs) -> Result<(), Failure> {
    let server = args.server.connect().await?;
    let call = |mut stub: Stub, page| {
        let request = ListGrantsRequest {
            instance: args.server.instance.clone(),
            feature: feature.clone(),
            hostid: device.as_ref().map(Into::into),
            page: Some(page),
        };
        async move { stub.list_grants(request).await }
    };
    let read = |answer: ListGrantsResponse| (answer.grants.iter().map(GrantRow::of).collect(), answer.page);
    server.pages(&args, call, read).await?.print(args.output)
}

async fn release(grant: String, reason: String, server: ServerArgs, output: Format) -> Result<(), Failure> {
    let connection = server.connect().await?;
    let request = DropGrantRequest { instance: server.instance, grant_id: grant, reason };
    let answer = connection.call(connection.stub().drop_grant(request)).await?;
    let rows: Vec<GrantRow> = answer.grant.iter().map(GrantRow::of).collect();
    if output == Format::Table {
        for row in &rows {
            say(&format!("Ended: {} of {}, which {} held.", row.count, row.feature, row.hostid));
        }
        return Ok(());
    }
    List { total: rows.len() as u64, rows }.print(output)
}

/// What one holder holds of one feature. `holder` is its slot or client instance, empty for the device itself;
/// `expires_at` is when it ends if nothing renews it.
#[derive(Serialize)]
struct GrantRow {
    grant_id: String,
    hostid: String,
    holder: String,
    feature: String,
    count: i64,
    mode: String,
    granted_at: Option<String>,
    changed_at: Option<String>,
    expires_at: Option<String>,
    fencing_token: u64,
    parts: Vec<PartRow>,
}

/// Counts of one line item. `source` is `default`, `pool NAME` or `reservation ENTRY_ID`.
#[derive(Serialize)]
struct PartRow {
    line_item_id: String,
    version: String,
    source: String,
    count: i64,
    ends_at: Option<String>,
    in_grace: bool,
}

impl GrantRow {
    fn of(message: &Grant) -> Self {
        Self {
            grant_id: message.grant_id.clone(),
            hostid: hostid(message.hostid.as_ref()),
            holder: message.holder.clone(),
            feature: message.feature.clone(),
            count: message.count,
            mode: without_prefix(message.mode().as_str_name(), "GRANT_MODE_"),
            granted_at: time(message.granted_at.as_ref()),
            changed_at: time(message.changed_at.as_ref()),
            expires_at: time(message.expires_at.as_ref()),
            fencing_token: message.fencing_token,
            parts: message.parts.iter().map(PartRow::of).collect(),
        }
    }
}

impl PartRow {
    fn of(message: &GrantPart) -> Self {
        Self {
            line_item_id: message.line_item_id.clone(),
            version: message.version.clone(),
            source: source(message.source.as_ref()),
            count: message.count,
            ends_at: time(message.ends_at.as_ref()),
            in_grace: message.in_grace,
        }
    }
}

fn source(message: Option<&Source>) -> String {
    match message.and_then(|message| message.source.as_ref()) {
        Some(Charged::Pool(name)) => format!("pool {name}"),
        Some(Charged::ReservationEntryId(id)) => format!("reservation {id}"),
        Some(Charged::DefaultPool(_)) | None => "default".to_owned(),
    }
}

impl Row for GrantRow {
    const NAME: &'static str = "grants";
    const COLUMNS: &'static [Column] = &[
        left("GRANT"),
        left("FEATURE"),
        right("COUNT"),
        left("DEVICE"),
        left("MODE"),
        left("GRANTED"),
        left("EXPIRES"),
        left("HOLDER"),
    ];
    const EMPTY: &'static str =
        "Nothing is out, or no grant matches. `leasehold feature list` shows what could be.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.grant_id.clone(),
            self.feature.clone(),
            self.count.to_string(),
            self.hostid.clone(),
            self.mode.clone(),
            seconds(self.granted_at.as_ref()),
            seconds(self.expires_at.as_ref()),
            or_dash(&self.holder),
        ]
    }
}

#[cfg(test)]
mod tests {
    use leasehold_proto::licensing::v1::GrantMode;

    use super::*;

    #[test]
    fn parts_say_where_their_counts_are_charged() {
        let part =
            |source| GrantPart { source: Some(Source { source: Some(source) }), ..GrantPart::default() };
        let message = Grant {
            feature: "Export".to_owned(),
            count: 3,
            mode: GrantMode::Borrow.into(),
            parts: vec![
                part(Charged::ReservationEntryId("e1".to_owned())),
                part(Charged::Pool("night".to_owned())),
                GrantPart::default(),
            ],
            ..Grant::default()
        };
        let row = GrantRow::of(&message);
        let sources: Vec<_> = row.parts.iter().map(|part| part.source.as_str()).collect();
        assert_eq!(sources, ["reservation e1", "pool night", "default"]);
        assert_eq!(row.mode, "BORROW");
        assert_eq!(row.cells().len(), GrantRow::COLUMNS.len());
    }
}
