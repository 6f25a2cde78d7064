//! Devices.

use foldhash::HashMap;
use leasehold_domain::{Device, DeviceType};
use leasehold_store::StoreError;
use leasehold_store::licensing::DeviceRow;

use crate::decode::Columns;
use crate::encode::micros;
use crate::rows::Rows;
use crate::session::Types;

/// The columns of a device `d`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "d.hostid, d.alias, d.device_type, d.first_seen, d.last_seen, d.blocked"
    };
}

/// The columns of a device `d` and, behind them, its grants, their counts and their last end.
macro_rules! summed {
    () => {
        concat!(crate::tables::devices::columns!(), ", s.grants, s.counts, s.expires_at")
    };
}
pub(crate) use {columns, summed};

/// Bytes of most rows.
const ROW: usize = 128;

/// Reads a device.
pub(crate) fn read(row: &[u8]) -> Result<Device, StoreError> {
    read_columns(&mut Columns::of("devices", columns!(), row)?)
}

/// Reads a device with its sums.
pub(crate) fn read_summed(row: &[u8]) -> Result<DeviceRow, StoreError> {
    let columns = &mut Columns::of("devices", summed!(), row)?;
    Ok(DeviceRow {
        device: read_columns(columns)?,
        grants: columns.number()?,
        counts: columns.number()?,
        expires_at: columns.optional_time()?,
    })
}

/// The rows of devices. Of one that comes several times the last counts: a statement writes each row once.
pub(crate) fn write(types: &Types, devices: &[&Device]) -> Result<Rows, StoreError> {
    let last: HashMap<_, _> =
        devices.iter().enumerate().map(|(place, device)| (&device.hostid, place)).collect();
    let mut rows = Rows::with_room(types.device, last.len() * ROW);
    for (_, device) in devices.iter().enumerate().filter(|(place, device)| last[&device.hostid] == *place) {
        rows.row(6, |row| {
            row.hostid(&device.hostid)?
                .text(&device.alias)?
                .int2(number(device.device_type))?
                .int8(micros(device.first_seen))?
                .int8(micros(device.last_seen))?
                .bool(device.blocked)?;
            Ok(())
        })?;
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

fn number(device_type: DeviceType) -> i16 {
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
