//! From a scenario's request to the contract's message: hostids, enumerations, and labels in place of ids.

use std::collections::HashMap;

use leasehold_client::{HostId, HostIdType};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use uuid::Uuid;

use super::form::{DictionaryText, RequestText};
use crate::load::ids::Ids;

/// Makes the messages of one scenario.
pub(super) struct Requests {
    ids: Ids,
    labels: HashMap<String, Uuid>,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self { ids: Ids::new(), labels: HashMap::new() }
    }

    /// The message of a request; an error names the field.
    pub(super) fn message(&mut self, text: &RequestText) -> Result<pb::RequestCapabilitiesRequest, String> {
        let hostids = text.device.iter().chain(&text.hostids).map(|device| hostid(device));
        let hostids = hostids.collect::<Result<Vec<_>, _>>()?;
        if hostids.is_empty() {
            return Err("device: is missing; add it".to_owned());
        }
        let features = text.features.iter().map(|feature| pb::DesiredFeature {
            name: feature.name.clone(),
            version: feature.version.clone(),
            count: feature.count,
        });
        let borrow_interval = text.borrow_interval.as_ref().map(|length| {
            length.read().and_then(|length| length.try_into().map_err(|_| "is too long".to_owned()))
        });
        Ok(pb::RequestCapabilitiesRequest {
            instance: text.instance.clone(),
            request_id: self.id(text.request_id.as_deref()).to_string(),
            hostids,
            user: text.user.as_deref().map(user).transpose()?,
            client_instance_id: text.client_instance_id.clone(),
            slot: text.slot.clone(),
            alias: text.alias.clone(),
            device_type: enumeration("device_type", text.device_type.as_deref(), |word| {
                types::DeviceType::from_str_name(&format!("DEVICE_TYPE_{word}"))
            })?,
            host_type: text.host_type.clone(),
            features: features.collect(),
            incremental: text.incremental,
            partial: text.partial,
            keep_on_refusal: text.keep_on_refusal,
            mode: enumeration("mode", text.mode.as_deref(), |word| {
                pb::GrantMode::from_str_name(&format!("GRANT_MODE_{word}"))
            })?,
            borrow_interval: borrow_interval
                .transpose()
                .map_err(|error| format!("borrow_interval: {error}"))?,
            borrow_granularity: enumeration(
                "borrow_granularity",
                text.borrow_granularity.as_deref(),
                |word| pb::BorrowGranularity::from_str_name(&format!("BORROW_GRANULARITY_{word}")),
            )?,
            dictionary: text.dictionary.iter().map(|(key, value)| (key.clone(), dictionary(value))).collect(),
            claims: text.claims.iter().map(|(key, value)| (key.clone(), dictionary(value))).collect(),
            selectors: text.selectors.clone(),
            nonce: text.nonce.clone().into_bytes(),
            explain: text.explain,
            operation: enumeration("operation", text.operation.as_deref(), |word| {
                pb::Operation::from_str_name(&format!("OPERATION_{word}"))
            })?,
            renews: Vec::new(),
        })
    }

    /// The id of a label, or a fresh one.
    fn id(&mut self, label: Option<&str>) -> Uuid {
        match label {
            None => self.ids.next(),
            Some(label) => *self.labels.entry(label.to_owned()).or_insert_with(|| self.ids.next()),
        }
    }
}

/// A hostid as text: `VALUE/TYPE`, or a value of type `STRING`.
pub(super) fn hostid(text: &str) -> Result<types::HostId, String> {
    let hostid: HostId = text.parse().map_err(|error| format!("{text:?} is not a hostid: {error}"))?;
    Ok((&hostid).into())
}

/// A user's name, with or without its type.
fn user(name: &str) -> Result<types::HostId, String> {
    let name = name.strip_suffix("/USER").unwrap_or(name);
    let hostid = HostId::new(HostIdType::User, name).map_err(|error| format!("user: {error}"))?;
    Ok((&hostid).into())
}

fn enumeration<E: Into<i32>>(
    field: &str,
    word: Option<&str>,
    find: impl Fn(&str) -> Option<E>,
) -> Result<i32, String> {
    match word {
        None => Ok(0),
        Some(word) => find(word).map(Into::into).ok_or_else(|| {
            format!("{field}: the contract knows no {word:?}; write one of its values without prefix")
        }),
    }
}

fn dictionary(value: &DictionaryText) -> pb::DictionaryValue {
    use pb::dictionary_value::Value;
    pb::DictionaryValue {
        value: Some(match value {
            DictionaryText::Text(text) => Value::Text(text.clone()),
            DictionaryText::Number(number) => Value::Number(*number),
            DictionaryText::List(values) => {
                Value::List(pb::DictionaryList { values: values.iter().map(dictionary).collect() })
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(value: Value) -> Result<pb::RequestCapabilitiesRequest, String> {
        Requests::new().message(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn fields_go_under_their_names() {
        let message = message(json!({
            "device": "00-11-22-33-44-55/ETHERNET", "hostids": ["D2"], "user": "kim", "slot": "s",
            "features": [{"name": "a", "version": "2.0", "count": 3}], "partial": true, "keep_on_refusal": false,
            "device_type": "VIRTUAL", "mode": "BORROW", "borrow_interval": "2d", "borrow_granularity": "DAY",
            "dictionary": {"unit": ["a", 1]}, "selectors": {"site": "Bern"}, "operation": "PREVIEW", "nonce": "n"
        }))
        .unwrap();
        let hostids: Vec<(i32, &str)> =
            message.hostids.iter().map(|hostid| (hostid.r#type, hostid.value.as_str())).collect();
        assert_eq!(
            hostids,
            [(types::HostIdType::Ethernet.into(), "001122334455"), (types::HostIdType::String.into(), "D2")]
        );
        assert_eq!(message.user.as_ref().unwrap().r#type, i32::from(types::HostIdType::User));
        assert_eq!((message.features[0].count, message.keep_on_refusal), (3, Some(false)));
        assert_eq!(message.device_type, i32::from(types::DeviceType::Virtual));
        assert_eq!(message.mode, i32::from(pb::GrantMode::Borrow));
        assert_eq!(message.borrow_interval.unwrap().seconds, 2 * 86_400);
        assert_eq!(message.borrow_granularity, i32::from(pb::BorrowGranularity::Day));
        assert_eq!(message.operation, i32::from(pb::Operation::Preview));
        assert_eq!(
            message.dictionary["unit"],
            dictionary(&DictionaryText::List(vec![
                DictionaryText::Text("a".into()),
                DictionaryText::Number(1)
            ]))
        );
        assert_eq!((message.slot.as_str(), message.nonce.as_slice()), ("s", b"n".as_slice()));
    }

    #[test]
    fn a_label_is_one_id_and_no_label_is_a_fresh_one() {
        let mut requests = Requests::new();
        let mut id = |label: Option<&str>| {
            let device = Some("D".to_owned());
            let text = RequestText { device, request_id: label.map(str::to_owned), ..RequestText::default() };
            requests.message(&text).unwrap().request_id
        };
        let ids = [id(Some("r")), id(None), id(Some("r")), id(None), id(Some("s"))];
        assert_eq!(ids[0], ids[2]);
        let different: std::collections::HashSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), 4);
    }

    #[test]
    fn what_the_contract_does_not_know_is_named() {
        for (request, said) in [
            (json!({"features": []}), "device: is missing"),
            (json!({"device": "D/MACHINE"}), "\"D/MACHINE\" is not a hostid"),
            (json!({"device": "D", "operation": "LOOK"}), "operation: the contract knows no \"LOOK\""),
            (
                json!({"device": "D", "device_type": "virtual"}),
                "device_type: the contract knows no \"virtual\"",
            ),
            (
                json!({"device": "D", "borrow_interval": "soon"}),
                "borrow_interval: \"soon\" is not a duration",
            ),
        ] {
            let error = message(request).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
