//! `leasehold instance`: how a logical licence server stands, and confirming one that was restored.

use leasehold_proto::licensing::v1::{ConfirmRestoredRequest, GetInstanceRequest, GetInstanceResponse};
use serde::Serialize;

use super::connection::ServerArgs;
use super::value::{seconds, time, without_prefix};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, say};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the instance: its name, id and status
    Show {
        #[command(flatten)]
        server: ServerArgs,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Say that an instance which was started with `serve --restored` is as it should be
    ///
    /// From then on it borrows out again, and takes silent grants back once they had their time to be heard.
    ConfirmRestored {
        #[command(flatten)]
        server: ServerArgs,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Show { server, output } => show(server, output).await,
        Command::ConfirmRestored { server } => confirm_restored(server).await,
    }
}

async fn show(server: ServerArgs, output: Format) -> Result<(), Failure> {
    let connection = server.connect().await?;
    let request = GetInstanceRequest { instance: server.instance };
    let answer = connection.call(connection.stub().get_instance(request)).await?;
    List { rows: vec![InstanceRow::of(&answer)], total: 1 }.print(output)
}

async fn confirm_restored(server: ServerArgs) -> Result<(), Failure> {
    let connection = server.connect().await?;
    let request = ConfirmRestoredRequest { instance: server.instance };
    let answer = connection.call(connection.stub().confirm_restored(request)).await?;
    say(if answer.was_restored {
        "Confirmed: borrows are granted again, and silent grants are taken back after a time to live."
    } else {
        "Nothing to confirm: the instance is not marked as restored. Nothing was changed."
    });
    Ok(())
}

/// One logical licence server.
#[derive(Serialize)]
struct InstanceRow {
    instance_id: String,
    name: String,
    status: String,
    version: String,
    server_time: Option<String>,
    vendor_id: String,
    license_server_id: String,
    bundle_sequence: u64,
    synchronize_before: Option<String>,
}

impl InstanceRow {
    fn of(message: &GetInstanceResponse) -> Self {
        Self {
            instance_id: message.instance_id.clone(),
            name: message.name.clone(),
            status: without_prefix(message.status().as_str_name(), "INSTANCE_STATUS_"),
            version: message.version.clone(),
            server_time: time(message.server_time.as_ref()),
            vendor_id: message.vendor_id.clone(),
            license_server_id: message.license_server_id.clone(),
            bundle_sequence: message.bundle_sequence,
            synchronize_before: time(message.synchronize_before.as_ref()),
        }
    }
}

impl Row for InstanceRow {
    const NAME: &'static str = "instances";
    const COLUMNS: &'static [Column] = &[
        left("INSTANCE"),
        left("NAME"),
        left("STATUS"),
        left("VERSION"),
        left("TIME"),
        left("SYNCHRONIZE BEFORE"),
    ];
    const EMPTY: &'static str = "There is no instance.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.instance_id.clone(),
            self.name.clone(),
            self.status.clone(),
            self.version.clone(),
            seconds(self.server_time.as_ref()),
            seconds(self.synchronize_before.as_ref()),
        ]
    }
}
