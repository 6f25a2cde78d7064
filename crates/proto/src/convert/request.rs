//! Capability requests: from the message to the value that is decided.

use jiff::SignedDuration;
use leasehold_domain::capability::{MAX_FEATURES, MAX_HOSTIDS};
use leasehold_domain::holder::Place;
use leasehold_domain::interval::Granularity;
use leasehold_domain::{
    CapabilityRequest, DesiredFeature, DeviceType, FeatureName, HostId, Mode, Rejection, RequestId, Version,
};

use super::dictionary::{read_dictionary, read_selectors};
use super::field::{FieldError, each, enumeration, optional_short_text, positive_count, uuid};
use super::grant_ref::read_any_grant_refs;
use super::time::read_optional_duration;
use crate::licensing::v1 as pb;
use crate::types::v1 as types;

/// Longest nonce in bytes.
pub const MAX_NONCE: usize = 64;

impl TryFrom<&pb::RequestCapabilitiesRequest> for CapabilityRequest {
    type Error = Rejection;

    /// Everything but `instance` and `nonce`, which are the caller's to use; the nonce's length is checked.
    fn try_from(message: &pb::RequestCapabilitiesRequest) -> Result<Self, Rejection> {
        let request = read(message)?;
        request.validate()?;
        Ok(request)
    }
}

fn read(message: &pb::RequestCapabilitiesRequest) -> Result<CapabilityRequest, FieldError> {
    check_sizes(message)?;
    let device_type: types::DeviceType = enumeration("device_type", message.device_type)?;
    Ok(CapabilityRequest {
        id: read_request_id(&message.request_id)?,
        hostids: each("hostids", &message.hostids, HostId::try_from)?,
        user: read_user(message)?,
        place: read_place(message)?,
        alias: optional_short_text("alias", &message.alias)?,
        device_type: DeviceType::from(device_type),
        host_type: optional_short_text("host_type", &message.host_type)?,
        features: each("features", &message.features, DesiredFeature::try_from)?,
        incremental: message.incremental,
        partial: message.partial,
        keep_on_refusal: message.keep_on_refusal.unwrap_or(true),
        mode: read_mode(message.mode)?,
        borrow_interval: read_borrow_interval(message)?,
        borrow_granularity: read_granularity(message.borrow_granularity)?,
        dictionary: read_dictionary("dictionary", &message.dictionary)?,
        claims: read_dictionary("claims", &message.claims)?,
        selectors: read_selectors("selectors", &message.selectors)?,
        explain: message.explain,
        preview: read_preview(message.operation)?,
        renews: read_any_grant_refs("renews", &message.renews)?,
    })
}

/// The sizes that decide how much work the rest is.
fn check_sizes(message: &pb::RequestCapabilitiesRequest) -> Result<(), FieldError> {
    if message.nonce.len() > MAX_NONCE {
        return Err(FieldError::new("nonce", "give at most 64 bytes"));
    }
    if message.hostids.len() > MAX_HOSTIDS {
        return Err(FieldError::new("hostids", "give 1 to 32 hostids; the first names the device"));
    }
    if message.features.len() > MAX_FEATURES {
        return Err(FieldError::new("features", "name at most 1,000 features in one request"));
    }
    Ok(())
}

fn read_request_id(text: &str) -> Result<Option<RequestId>, FieldError> {
    match text {
        "" => Ok(None),
        text => Ok(Some(RequestId(uuid("request_id", text)?))),
    }
}

fn read_user(message: &pb::RequestCapabilitiesRequest) -> Result<Option<HostId>, FieldError> {
    let user = message.user.as_ref().map(HostId::try_from).transpose();
    user.map_err(|error| error.under("user"))
}

fn read_place(message: &pb::RequestCapabilitiesRequest) -> Result<Place, FieldError> {
    let slot = optional_short_text("slot", &message.slot)?;
    let instance = optional_short_text("client_instance_id", &message.client_instance_id)?;
    Ok(Place::of(&slot, &instance))
}

impl TryFrom<&pb::DesiredFeature> for DesiredFeature {
    type Error = FieldError;

    fn try_from(message: &pb::DesiredFeature) -> Result<Self, FieldError> {
        Ok(Self {
            name: FeatureName::new(&message.name).map_err(|error| FieldError::new("name", error))?,
            version: read_version(&message.version)?,
            count: positive_count("count", message.count)?,
        })
    }
}

/// The version in a field called `version`.
pub(crate) fn read_version(text: &str) -> Result<Version, FieldError> {
    text.parse().map_err(|error| FieldError::new("version", error))
}

fn read_mode(number: i32) -> Result<Mode, FieldError> {
    Ok(match enumeration("mode", number)? {
        pb::GrantMode::Unspecified | pb::GrantMode::Online => Mode::Online,
        pb::GrantMode::Borrow => Mode::Borrow,
    })
}

fn read_borrow_interval(
    message: &pb::RequestCapabilitiesRequest,
) -> Result<Option<SignedDuration>, FieldError> {
    read_optional_duration("borrow_interval", message.borrow_interval.as_ref())
}

fn read_granularity(number: i32) -> Result<Option<Granularity>, FieldError> {
    Ok(match enumeration("borrow_granularity", number)? {
        pb::BorrowGranularity::Unspecified => None,
        pb::BorrowGranularity::Second => Some(Granularity::Second),
        pb::BorrowGranularity::Minute => Some(Granularity::Minute),
        pb::BorrowGranularity::Hour => Some(Granularity::Hour),
        pb::BorrowGranularity::Day => Some(Granularity::Day),
    })
}

fn read_preview(number: i32) -> Result<bool, FieldError> {
    match enumeration("operation", number)? {
        pb::Operation::Unspecified | pb::Operation::Request => Ok(false),
        pb::Operation::Preview => Ok(true),
        pb::Operation::Report | pb::Operation::Undo => Err(FieldError::new(
            "operation",
            "this release does not serve metered features; give REQUEST or PREVIEW",
        )),
    }
}
