//! `leasehold device`: the client machines that the server has seen.

use leasehold_proto::licensing::v1::{Device, ListDevicesRequest, ListDevicesResponse};
use serde::Serialize;

use super::connection::{ListArgs, Stub};
use super::value::{device_type, hostid, or_dash, seconds, time};
use crate::exit::Failure;
use crate::output::{Column, Row, left, right};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List devices by hostid: what they hold and when they were last seen
    List(ListArgs),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    let Command::List(args) = command;
    let instance = &args.server.instance;
    let server = args.server.connect().await?;
    let call = |mut stub: Stub, page| {
        let request = ListDevicesRequest { instance: instance.clone(), page: Some(page) };
        async move { stub.list_devices(request).await }
    };
    let read =
        |answer: ListDevicesResponse| (answer.devices.iter().map(DeviceRow::of).collect(), answer.page);
    server.pages(&args, call, read).await?.print(args.output)
}

/// A client machine. `expires_at` is when the last of its grants ends if nothing renews it; `null` where it
/// holds nothing.
#[derive(Serialize)]
struct DeviceRow {
    hostid: String,
    alias: String,
    device_type: String,
    first_seen: Option<String>,
    last_seen: Option<String>,
    blocked: bool,
    grants: i64,
    counts: i64,
    expires_at: Option<String>,
}

impl DeviceRow {
    fn of(message: &Device) -> Self {
        Self {
            hostid: hostid(message.hostid.as_ref()),
            alias: message.alias.clone(),
            device_type: device_type(message.device_type()),
            first_seen: time(message.first_seen.as_ref()),
            last_seen: time(message.last_seen.as_ref()),
            blocked: message.blocked,
            grants: message.grants,
            counts: message.counts,
            expires_at: time(message.expires_at.as_ref()),
        }
    }
}

impl Row for DeviceRow {
    const NAME: &'static str = "devices";
    const COLUMNS: &'static [Column] = &[
        left("HOSTID"),
        left("ALIAS"),
        left("TYPE"),
        right("GRANTS"),
        right("COUNTS"),
        left("LAST SEEN"),
        left("EXPIRES"),
        left("BLOCKED"),
    ];
    const EMPTY: &'static str = "No device has asked for a licence yet, or none matches. \
                                 `leasehold run FEATURE -- PROGRAM` makes this machine ask for one.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.hostid.clone(),
            or_dash(&self.alias),
            self.device_type.clone(),
            self.grants.to_string(),
            self.counts.to_string(),
            seconds(self.last_seen.as_ref()),
            seconds(self.expires_at.as_ref()),
            if self.blocked { "yes" } else { "no" }.to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use leasehold_proto::types::v1 as types;

    use super::*;

    #[test]
    fn a_device_is_named_by_its_hostid_in_text_form() {
        let message = Device {
            hostid: Some(types::HostId {
                r#type: types::HostIdType::MachineId.into(),
                value: "f00".to_owned(),
            }),
            device_type: types::DeviceType::Physical.into(),
            last_seen: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }),
            grants: 1,
            counts: 2,
            ..Device::default()
        };
        let row = DeviceRow::of(&message);
        let cells = ["f00/MACHINE_ID", "-", "PHYSICAL", "1", "2", "2026-01-01T00:00:00Z", "-", "no"];
        assert_eq!(row.cells(), cells);
        assert_eq!(cells.len(), DeviceRow::COLUMNS.len());
    }
}
