//! `ListDevices` and `GetDevice`: the client machines and what they hold.

use std::collections::HashMap;

use jiff::Timestamp;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::line_item::Serving;
use leasehold_domain::{Grant, HostId, InstanceId, LineItemId, Rejection};
use leasehold_proto::convert::device::{Holding, device};
use leasehold_proto::convert::grant::{PartFacts, grant};
use leasehold_proto::convert::hostid::read_hostid;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::{DeviceRow, GrantFilter, PageQuery};

use super::page;
use crate::Error;
use crate::state::{State, expiry};

/// Grants that the answer about one device names; the list of grants pages over all.
const MAX_GRANTS: u32 = 500;

pub(crate) async fn list_devices(
    state: &State,
    message: pb::ListDevicesRequest,
) -> Result<pb::ListDevicesResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let page = state.store.devices(instance, &page::query(page::List::Devices, message.page)?).await?;
    Ok(pb::ListDevicesResponse {
        devices: page.rows.iter().map(to_message).collect(),
        page: Some(page::info(page::List::Devices, &page)),
    })
}

pub(crate) async fn get_device(
    state: &State,
    message: pb::GetDeviceRequest,
) -> Result<pb::GetDeviceResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let hostid = read_hostid("hostid", message.hostid.as_ref()).map_err(Rejection::from)?;
    let row = find(state, instance, &hostid).await?;
    let filter = GrantFilter { feature: None, device: Some(hostid) };
    let first = PageQuery { limit: MAX_GRANTS, after: None, skip: 0, search: String::new() };
    let grants = state.store.grants(instance, &filter, &first).await?.rows;
    let describe = Describe::load(state, instance).await?;
    Ok(pb::GetDeviceResponse {
        device: Some(to_message(&row)),
        grants: grants.iter().map(|grant| describe.grant(grant)).collect(),
    })
}

/// The device of this hostid.
pub(crate) async fn find(state: &State, instance: InstanceId, hostid: &HostId) -> Result<DeviceRow, Error> {
    let row = state.store.device(instance, hostid).await?;
    row.ok_or_else(|| Error::NotFound { what: "device", name: hostid.to_string() })
}

pub(crate) fn to_message(row: &DeviceRow) -> pb::Device {
    device(&row.device, Holding { grants: row.grants, counts: row.counts, expires_at: row.expires_at })
}

/// What grants' messages say about their line items.
pub(crate) struct Describe {
    items: HashMap<LineItemId, LineItemState>,
    now: Timestamp,
}

impl Describe {
    pub(crate) async fn load(state: &State, instance: InstanceId) -> Result<Self, Error> {
        let items = state.store.line_items(instance).await?;
        let items = items.into_iter().map(|item| (item.item.id.clone(), item)).collect();
        Ok(Self { items, now: state.clock(instance).now() })
    }

    pub(crate) fn grant(&self, held: &Grant) -> pb::Grant {
        grant(held, expiry(held), |id| {
            let item = &self.items.get(id)?.item;
            Some(PartFacts {
                version: item.version.clone(),
                in_grace: item.serving(self.now) == Serving::InGrace,
            })
        })
    }
}
