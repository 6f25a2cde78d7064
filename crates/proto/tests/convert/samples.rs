//! Well-formed messages and values, from which a test changes what it is about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leasehold_domain::{
    Estate, FeatureName, HostId, IdSource, LeaseToken, Leave, LineItem, LineItemId, Policies, Version, cell,
};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use uuid::Uuid;

pub(crate) const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
pub(crate) const NOW: Timestamp = Timestamp::constant(1_750_000_000, 250_000_000);

pub(crate) fn hostid(value: &str) -> types::HostId {
    types::HostId { r#type: types::HostIdType::String.into(), value: value.to_owned() }
}

pub(crate) fn grant_ref() -> pb::GrantRef {
    pb::GrantRef { grant_id: UUID.to_owned(), fencing_token: 7, lease_token: vec![9; 16] }
}

pub(crate) fn desired(name: &str, count: i64) -> pb::DesiredFeature {
    pb::DesiredFeature { name: name.to_owned(), version: "1.0".to_owned(), count }
}

pub(crate) fn request() -> pb::RequestCapabilitiesRequest {
    pb::RequestCapabilitiesRequest {
        request_id: UUID.to_owned(),
        hostids: vec![hostid("D1"), hostid("D1-card")],
        features: vec![desired("f1", 1), desired("f2", 2)],
        ..Default::default()
    }
}

pub(crate) fn text(value: &str) -> pb::DictionaryValue {
    pb::DictionaryValue { value: Some(pb::dictionary_value::Value::Text(value.to_owned())) }
}

pub(crate) fn list(values: Vec<pb::DictionaryValue>) -> pb::DictionaryValue {
    pb::DictionaryValue { value: Some(pb::dictionary_value::Value::List(pb::DictionaryList { values })) }
}

/// So many keys with one value.
pub(crate) fn keys<T: Clone>(count: usize, value: &T) -> BTreeMap<String, T> {
    (0..count).map(|index| (format!("k{index:03}"), value.clone())).collect()
}

pub(crate) fn line_item_message() -> pb::LineItem {
    pb::LineItem {
        line_item_id: "li-1".to_owned(),
        feature: "f1".to_owned(),
        version: "2.0".to_owned(),
        count: Some(10),
        kind: Some(pb::line_item::Kind::Concurrent(pb::ConcurrentKind {})),
        ..Default::default()
    }
}

pub(crate) fn feature(name: &str) -> FeatureName {
    FeatureName::new(name).expect("the name is well formed")
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().expect("the version is well formed")
}

pub(crate) fn line_item_id(text: &str) -> LineItemId {
    LineItemId::new(text).expect("the id is well formed")
}

pub(crate) fn device(value: &str) -> HostId {
    value.parse().expect("the hostid is well formed")
}

pub(crate) fn line_item(id: &str, name: &str, count: u64) -> LineItem {
    LineItem::concurrent(line_item_id(id), feature(name), version("2.0"), Some(count))
}

/// An estate of these line items, with nothing out, of a server that may grant.
pub(crate) fn estate(items: Vec<LineItem>) -> Estate {
    let mut estate =
        Estate::new(Policies::default(), items.into_iter().map(cell::LineItemState::new), [], [], []);
    estate.leave = Some(Leave { sequence: 3, synchronize_before: Timestamp::MAX });
    estate.certified = true;
    estate
}

/// Ids that count up from 1.
#[derive(Default)]
pub(crate) struct Counting(u128);

impl IdSource for Counting {
    fn uuid(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }

    fn lease_token(&mut self) -> LeaseToken {
        LeaseToken(self.uuid().into_bytes())
    }
}
