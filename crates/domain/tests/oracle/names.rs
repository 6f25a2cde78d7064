//! The numbers of a case and the names that the rules know things by, both ways.

use jiff::Timestamp;
use leasehold_domain::holder::Place;
use leasehold_domain::{EntryId, Estate, FeatureName, Holder, HostId, LineItemId, Source};
use uuid::Uuid;

use crate::fixture::{hostid, line_item_id, name};
use crate::model::{Owner, Use};
use crate::plan::Who;

const START: i64 = 1_800_000_000;

pub(crate) fn instant(hour: i64) -> Timestamp {
    Timestamp::from_second(START + hour * 3_600).expect("cases are short")
}

pub(crate) fn holder(who: Who) -> Holder {
    let place = if who.slot { Place::Slot("s".to_owned()) } else { Place::Device };
    Holder { device: owner_hostid(who.device), place }
}

/// Of a device, or of the user.
pub(crate) fn owner_hostid(owner: u8) -> HostId {
    hostid(["D0", "D1", "D2", "U3/USER"][usize::from(owner)])
}

pub(crate) fn feature_name(feature: u8) -> FeatureName {
    name(["f0", "f1", "f2"][usize::from(feature)])
}

pub(crate) fn feature_number(name: &FeatureName) -> u8 {
    number(name.as_str())
}

pub(crate) fn item_id(index: usize) -> LineItemId {
    line_item_id(["L0", "L1", "L2", "L3"][index])
}

pub(crate) fn entry_id(age: usize) -> EntryId {
    EntryId(Uuid::from_u128(age as u128 + 1))
}

pub(crate) fn owner(source: &Source) -> Owner {
    match source {
        Source::Default => Owner::Default,
        Source::Reservation(EntryId(id)) => {
            Owner::Entry(usize::try_from(id.as_u128()).expect("entries are few") - 1)
        }
        Source::Pool(name) => panic!("{name}: there are no named pools"),
    }
}

/// Every count that is out by the grants, one by one.
pub(crate) fn uses(estate: &Estate) -> Vec<Use> {
    let mut uses = Vec::new();
    for grant in estate.grants() {
        let slot = grant.holder.place != Place::Device;
        let who = Who { device: number(grant.holder.device.value()), slot };
        for part in &grant.parts {
            let one = Use {
                who,
                feature: feature_number(&grant.feature),
                item: usize::from(number(part.line_item.as_str())),
                owner: owner(&part.source),
                ends: (part.ends_at.as_second() - START) / 3_600,
            };
            uses.extend((0..part.count).map(|_| one.clone()));
        }
    }
    uses
}

/// The number at the end of a name of one letter and one digit.
fn number(text: &str) -> u8 {
    text[1..].parse().expect("names end with a number")
}
