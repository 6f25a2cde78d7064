//! Devices.

use leasehold_domain::{Device, DeviceType};
use leasehold_store::StoreError;
use leasehold_store::licensing::DeviceRow;
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::{Document, Shown, micros};

/// The columns of a device `d`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "d.hostid, d.alias, d.device_type, d.first_seen, d.last_seen, d.blocked"
    };
}
pub(crate) use columns;

/// Finds the devices with the hostids in the argument of this name.
macro_rules! load {
    ($hostids:literal) => {
        concat!(
            "SELECT ",
            crate::tables::devices::columns!(),
            " FROM json_each(",
            $hostids,
            ") AS wanted CROSS JOIN devices AS d WHERE d.instance = $1 AND d.hostid = wanted.value"
        )
    };
}
pub(crate) use load;

/// Reads a device.
pub(crate) fn read(row: &SqliteRow) -> Result<Device, StoreError> {
    read_columns(&mut Columns::of("devices", row))
}

/// Reads a device and, behind it, its grants, their counts and their last end.
pub(crate) fn read_summed(row: &SqliteRow) -> Result<DeviceRow, StoreError> {
    let columns = &mut Columns::of("devices", row);
    Ok(DeviceRow {
        device: read_columns(columns)?,
        grants: columns.number()?,
        counts: columns.number()?,
        expires_at: columns.optional_time()?,
    })
}

/// The document of devices.
pub(crate) fn write(devices: &[Device]) -> Result<Document, StoreError> {
    let mut rows = Document::new();
    for device in devices {
        rows.row((
            Shown(&device.hostid),
            &device.alias,
            number(device.device_type),
            micros(device.first_seen),
            micros(device.last_seen),
            device.blocked,
        ))?;
    }
    Ok(rows)
}

fn read_columns(columns: &mut Columns<'_>) -> Result<Device, StoreError> {
    Ok(Device {
        hostid: columns.parsed()?,
        alias: columns.text()?,
        device_type: columns.read(device_type)?,
        first_seen: columns.time()?,
        last_seen: columns.time()?,
        blocked: columns.plain()?,
    })
}

fn number(device_type: DeviceType) -> u8 {
    match device_type {
        DeviceType::Unknown => 0,
        DeviceType::Physical => 1,
        DeviceType::Virtual => 2,
    }
}

fn device_type(number: i64) -> Result<DeviceType, String> {
    match number {
        0 => Ok(DeviceType::Unknown),
        1 => Ok(DeviceType::Physical),
        2 => Ok(DeviceType::Virtual),
        _ => Err(format!("{number} is no device type")),
    }
}
