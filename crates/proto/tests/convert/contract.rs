//! The contract as a whole: enumerations, encoding and the descriptor set.

use std::collections::BTreeSet;

use leasehold_domain::{DeviceType, HostId, HostIdType};
use leasehold_proto::DESCRIPTOR_SET;
use leasehold_proto::convert::error_reason_name;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use prost::Message;

use crate::samples::{device, hostid, request, text};

#[test]
fn hostid_types_have_the_contracts_names_and_round_trip() {
    for kind in HostIdType::ALL {
        let message = types::HostIdType::from(kind);
        assert_eq!(message.as_str_name().strip_prefix("HOST_ID_TYPE_"), Some(kind.name()));
        assert_eq!(HostIdType::from(message), kind);
    }
    assert_eq!(HostIdType::from(types::HostIdType::Unspecified), HostIdType::String);
}

#[test]
fn hostids_round_trip_in_their_canonical_form() {
    for text in ["D1", "kim/USER", "F01898AD8DD3/ETHERNET", "a/b/STRING"] {
        let hostid = device(text);
        assert_eq!(HostId::try_from(&types::HostId::from(&hostid)), Ok(hostid));
    }
    let card =
        types::HostId { r#type: types::HostIdType::Ethernet.into(), value: "f0:18:98:ad:8d:d3".to_owned() };
    assert_eq!(types::HostId::from(&HostId::try_from(&card).unwrap()).value, "F01898AD8DD3");
    let plain = types::HostId { r#type: 0, ..hostid("D1") };
    assert_eq!(HostId::try_from(&plain), Ok(device("D1")));
}

#[test]
fn device_types_round_trip() {
    for device_type in [DeviceType::Physical, DeviceType::Virtual, DeviceType::Unknown] {
        assert_eq!(DeviceType::from(types::DeviceType::from(device_type)), device_type);
    }
    assert_eq!(DeviceType::from(types::DeviceType::Unspecified), DeviceType::Unknown);
}

#[test]
fn every_error_reason_has_a_name_without_its_prefix() {
    let reasons: Vec<_> = (0..).map_while(|number| types::ErrorReason::try_from(number).ok()).collect();
    let names: BTreeSet<_> = reasons.iter().map(|reason| error_reason_name(*reason)).collect();
    assert_eq!(names.len(), 43);
    assert_eq!(error_reason_name(types::ErrorReason::InvalidField), "INVALID_FIELD");
    assert_eq!(error_reason_name(types::ErrorReason::EtagMismatch), "ETAG_MISMATCH");
}

#[test]
fn one_message_has_one_encoding_whatever_the_order_of_its_maps() {
    let keys: Vec<String> = (0..100).map(|index| format!("k{index}")).collect();
    let forwards = pb::RequestCapabilitiesRequest {
        dictionary: keys.iter().map(|key| (key.clone(), text(key))).collect(),
        selectors: keys.iter().map(|key| (key.clone(), key.clone())).collect(),
        ..request()
    };
    let backwards = pb::RequestCapabilitiesRequest {
        dictionary: keys.iter().rev().map(|key| (key.clone(), text(key))).collect(),
        selectors: keys.iter().rev().map(|key| (key.clone(), key.clone())).collect(),
        ..request()
    };
    assert_eq!(forwards.encode_to_vec(), backwards.encode_to_vec());

    // The same entries on the wire in another order: one message of each entry, the last first.
    let mut shuffled = request().encode_to_vec();
    for key in keys.iter().rev() {
        let entry = pb::RequestCapabilitiesRequest {
            dictionary: [(key.clone(), text(key))].into(),
            selectors: [(key.clone(), key.clone())].into(),
            ..Default::default()
        };
        shuffled.extend(entry.encode_to_vec());
    }
    let decoded = pb::RequestCapabilitiesRequest::decode(shuffled.as_slice()).unwrap();
    assert_ne!(shuffled, forwards.encode_to_vec());
    assert_eq!(decoded.encode_to_vec(), forwards.encode_to_vec());
}

#[test]
fn the_descriptor_set_is_whole_and_has_every_service() {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    let files: BTreeSet<&str> = set.file.iter().map(prost_types::FileDescriptorProto::name).collect();
    assert!(
        files.contains("google/protobuf/timestamp.proto") && files.contains("google/protobuf/duration.proto")
    );
    for file in &set.file {
        assert!(file.dependency.iter().all(|import| files.contains(import.as_str())), "{}", file.name());
    }
    let services: BTreeSet<&str> = set
        .file
        .iter()
        .flat_map(|file| &file.service)
        .map(prost_types::ServiceDescriptorProto::name)
        .collect();
    let expected = [
        "BackOfficeService",
        "LicensingAdminService",
        "LicensingInternalService",
        "LicensingService",
        "ProducerService",
        "SyncInternalService",
        "SyncService",
        "UpdateAdminService",
        "UpdateClientService",
        "UpstreamService",
    ];
    assert_eq!(services, expected.into_iter().collect());
}
