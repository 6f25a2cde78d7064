//! What a program asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::capability::DictionaryValue;
use leasehold_domain::interval::Granularity;
use leasehold_domain::{CapabilityRequest, HostId, HostIdType, Rejection};
use leasehold_proto::convert::time::duration;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;

use crate::error::CheckoutError;
use crate::options::Options;

/// One feature to check out. Without more: one count of any version, online.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for until it is given to `Client::checkout`"]
pub struct Checkout {
    feature: String,
    version: String,
    count: u64,
    partial: bool,
    borrow: Option<Borrow>,
    slot: String,
    dictionary: BTreeMap<String, DictionaryValue>,
    selectors: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Borrow {
    interval: Option<Duration>,
    granularity: Option<Granularity>,
}

impl Checkout {
    /// This feature.
    pub fn new(feature: impl Into<String>) -> Self {
        Self {
            feature: feature.into(),
            version: "0".to_owned(),
            count: 1,
            partial: false,
            borrow: None,
            slot: String::new(),
            dictionary: BTreeMap::new(),
            selectors: BTreeMap::new(),
        }
    }

    /// The lowest version that will do: one to four decimal numbers with dots.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// How many counts, 1 to 1,000,000,000.
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Takes as many as there are where the whole count cannot be had. [`Guard::count`](crate::Guard::count)
    /// says how many they are.
    pub fn partial(mut self, partial: bool) -> Self {
        self.partial = partial;
        self
    }

    /// Borrows, for as long as the server allows: the counts stay with this device until the end, connected
    /// or not, and are returned by [`Guard::release`](crate::Guard::release) only.
    pub fn borrow(mut self) -> Self {
        self.borrow.get_or_insert_default();
        self
    }

    /// Borrows for at most so long.
    pub fn borrow_for(mut self, interval: Duration) -> Self {
        self.borrow.get_or_insert_default().interval = Some(interval);
        self
    }

    /// Borrows to the last second of this unit, whatever the instance's policy says.
    pub fn granularity(mut self, granularity: Granularity) -> Self {
        self.borrow.get_or_insert_default().granularity = Some(granularity);
        self
    }

    /// Holds at a named place on the device, which its newest holder takes over at once.
    pub fn slot(mut self, slot: impl Into<String>) -> Self {
        self.slot = slot.into();
        self
    }

    /// Says something about this client, for the server's rules.
    pub fn dictionary(mut self, key: impl Into<String>, value: DictionaryValue) -> Self {
        self.dictionary.insert(key.into(), value);
        self
    }

    /// Takes only line items whose selector `key` has this value.
    pub fn selector(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.selectors.insert(key.into(), value.into());
        self
    }

    /// The slot; empty where it holds at none.
    pub(crate) fn slot_name(&self) -> &str {
        &self.slot
    }

    /// What line items must have.
    pub(crate) fn selectors(&self) -> &BTreeMap<String, String> {
        &self.selectors
    }

    /// The name of the feature.
    pub(crate) fn feature(&self) -> &str {
        &self.feature
    }

    /// Whether it borrows.
    pub(crate) fn borrows(&self) -> bool {
        self.borrow.is_some()
    }

    /// The message, checked as the server would.
    pub(crate) fn request(
        &self,
        who: &Who<'_>,
        request_id: String,
        nonce: Vec<u8>,
    ) -> Result<pb::RequestCapabilitiesRequest, CheckoutError> {
        let user = who.user()?;
        let message = pb::RequestCapabilitiesRequest {
            instance: who.options.instance.clone(),
            request_id,
            hostids: who.hostids.iter().map(Into::into).collect(),
            user: user.as_ref().map(Into::into),
            client_instance_id: who.client_instance_id.clone(),
            slot: self.slot.clone(),
            alias: who.alias.to_owned(),
            device_type: types::DeviceType::from(who.options.device_type).into(),
            host_type: who.options.host_type.clone(),
            features: vec![self.desired()],
            partial: self.partial,
            // What an earlier run left at this place is of no use to anybody if it cannot be had anew.
            keep_on_refusal: Some(false),
            mode: if self.borrows() { pb::GrantMode::Borrow } else { pb::GrantMode::Online }.into(),
            borrow_interval: self.interval().map(duration),
            borrow_granularity: granularity(self.borrow.and_then(|borrow| borrow.granularity)).into(),
            dictionary: self.dictionary.iter().map(|(key, value)| (key.clone(), value.into())).collect(),
            selectors: self.selectors.clone(),
            nonce,
            ..pb::RequestCapabilitiesRequest::default()
        };
        match CapabilityRequest::try_from(&message) {
            Err(Rejection::Field { field, problem }) => Err(CheckoutError::Invalid { field, problem }),
            // Anything else is for the server to say.
            Ok(_) | Err(_) => Ok(message),
        }
    }

    fn desired(&self) -> pb::DesiredFeature {
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        pb::DesiredFeature { name: self.feature.clone(), version: self.version.clone(), count }
    }

    fn interval(&self) -> Option<SignedDuration> {
        let interval = self.borrow?.interval?;
        Some(SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX))
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Who<'a> {
    /// What the program said when it connected.
    pub(crate) options: &'a Options,
    /// The device, never empty.
    pub(crate) hostids: &'a [HostId],
    /// The device for people; may be empty.
    pub(crate) alias: &'a str,
    /// The place on the device.
    pub(crate) client_instance_id: String,
}

impl Who<'_> {
    fn user(&self) -> Result<Option<HostId>, CheckoutError> {
        let user = self.options.user.as_deref().map(|name| HostId::new(HostIdType::User, name));
        user.transpose().map_err(|error| CheckoutError::Invalid {
            field: "user.value".to_owned(),
            problem: error.to_string(),
        })
    }
}

fn granularity(granularity: Option<Granularity>) -> pb::BorrowGranularity {
    match granularity {
        None => pb::BorrowGranularity::Unspecified,
        Some(Granularity::Second) => pb::BorrowGranularity::Second,
        Some(Granularity::Minute) => pb::BorrowGranularity::Minute,
        Some(Granularity::Hour) => pb::BorrowGranularity::Hour,
        Some(Granularity::Day) => pb::BorrowGranularity::Day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(checkout: &Checkout) -> Result<pb::RequestCapabilitiesRequest, CheckoutError> {
        let mut options = Options::new("licences".parse().unwrap());
        options.user = Some("kim".to_owned());
        let hostids = ["D1".parse().unwrap()];
        let who = Who {
            options: &options,
            hostids: &hostids,
            alias: "build-7",
            client_instance_id: "c/0".to_owned(),
        };
        checkout.request(&who, crate::identity::random_uuid(), Vec::new())
    }

    #[test]
    fn a_checkout_says_all_that_its_holder_wants() {
        let checkout = Checkout::new("solver").version("2.1").count(3).partial(true).selector("site", "a");
        let message = request(&checkout).unwrap();
        let read = CapabilityRequest::try_from(&message).unwrap();
        assert_eq!(read.hostids[0].to_string(), "D1/STRING");
        assert_eq!(read.user.unwrap().to_string(), "kim/USER");
        assert_eq!(read.place.to_string(), "client:c/0");
        assert_eq!(read.features[0].count, 3);
        assert!(read.partial && !read.incremental && !read.keep_on_refusal);
        assert_eq!(read.mode, leasehold_domain::Mode::Online);
        assert_eq!(read.selectors["site"], "a");
    }

    #[test]
    fn a_borrow_carries_its_interval() {
        let day = Duration::from_hours(24);
        let read = |checkout: Checkout| CapabilityRequest::try_from(&request(&checkout).unwrap()).unwrap();
        let borrow = read(Checkout::new("solver").borrow_for(day).granularity(Granularity::Day));
        assert_eq!(borrow.mode, leasehold_domain::Mode::Borrow);
        assert_eq!(borrow.borrow_interval, Some(SignedDuration::from_hours(24)));
        assert_eq!(borrow.borrow_granularity, Some(Granularity::Day));
        assert_eq!(read(Checkout::new("solver").borrow()).borrow_interval, None);
        assert_eq!(read(Checkout::new("solver").slot("s")).place.to_string(), "slot:s");
    }

    #[test]
    fn what_breaks_a_rule_is_not_sent() {
        for (checkout, at) in [
            (Checkout::new(""), "features[0].name"),
            (Checkout::new("solver").version("two"), "features[0].version"),
            (Checkout::new("solver").count(0), "features[0].count"),
            (Checkout::new("solver").count(u64::MAX), "features[0].count"),
            (Checkout::new("solver").borrow_for(Duration::MAX), "borrow_interval"),
        ] {
            match request(&checkout) {
                Err(CheckoutError::Invalid { field, .. }) => assert_eq!(field, at),
                other => panic!("{at}: {other:?}"),
            }
        }
    }
}
