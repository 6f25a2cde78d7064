//! What licensing is asked.

use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::http::Problem;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Services, answered, hostid};
use crate::guard::invalid;
use crate::model::{
    Activity, DenialQuery, Denials, Device, DeviceDetails, Feature, FeatureSummary, FeatureUsage, Grant,
    Instance, List, Listing, UsageQuery,
};

/// The policy by which administrators may end grants.
pub(crate) const DROPS: &str = "licensing.allow_device_drop";

/// Which grants are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct GrantFilter {
    /// Only those of this feature; left out: all.
    #[param(max_length = 255)]
    pub(crate) feature: String,
    /// Only those of this device, `VALUE/TYPE`; left out: all.
    #[param(max_length = 300)]
    pub(crate) device: String,
}

impl Services<'_> {
    /// One logical licence server.
    pub(crate) async fn instance(&self, instance: &str) -> Result<Instance, Problem> {
        let request = self.ask(pb::GetInstanceRequest { instance: instance.to_owned() });
        answered(self.to_licensing().get_instance(request).await).map(Instance::from)
    }

    /// Whether administrators may end grants; where licensing does not say, it will when they do.
    pub(crate) async fn allows_drops(&self, instance: &str) -> bool {
        let request = self.ask(pb::ListPoliciesRequest { instance: instance.to_owned() });
        let answer = answered(self.to_licensing().list_policies(request).await);
        let policies = answer.map(|answer| answer.policies).unwrap_or_default();
        !policies.iter().any(|policy| policy.name == DROPS && policy.value == "false")
    }

    /// Stops new grants; whether that changed anything.
    pub(crate) async fn suspend(&self, instance: &str, text: &str) -> Result<bool, Problem> {
        let (instance, text) = (instance.to_owned(), text.to_owned());
        let request = self.ask(pb::SuspendInstanceRequest { instance, text });
        answered(self.to_licensing().suspend_instance(request).await).map(|answer| answer.changed)
    }

    /// Allows new grants again; whether that changed anything.
    pub(crate) async fn resume(&self, instance: &str) -> Result<bool, Problem> {
        let request = self.ask(pb::ResumeInstanceRequest { instance: instance.to_owned() });
        answered(self.to_licensing().resume_instance(request).await).map(|answer| answer.changed)
    }

    /// The summary of features.
    pub(crate) async fn features(
        &self,
        instance: &str,
        list: &List,
    ) -> Result<Listing<FeatureSummary>, Problem> {
        let (instance, page) = (instance.to_owned(), Some(list.request()));
        let request = self.ask(pb::ListFeaturesRequest { instance, page });
        let answer = answered(self.to_licensing().list_features(request).await)?;
        Ok(Listing::answered(answer.features, answer.page, FeatureSummary::from))
    }

    /// One feature.
    pub(crate) async fn feature(&self, instance: &str, name: &str) -> Result<Feature, Problem> {
        let (instance, name) = (instance.to_owned(), name.to_owned());
        let request = self.ask(pb::GetFeatureRequest { instance, name });
        answered(self.to_licensing().get_feature(request).await).map(Feature::from)
    }

    /// The devices.
    pub(crate) async fn devices(&self, instance: &str, list: &List) -> Result<Listing<Device>, Problem> {
        let (instance, page) = (instance.to_owned(), Some(list.request()));
        let request = self.ask(pb::ListDevicesRequest { instance, page });
        let answer = answered(self.to_licensing().list_devices(request).await)?;
        Ok(Listing::answered(answer.devices, answer.page, Device::from))
    }

    /// One device, and what it holds.
    pub(crate) async fn device(&self, instance: &str, device: &str) -> Result<DeviceDetails, Problem> {
        let (instance, hostid) = (instance.to_owned(), Some(hostid(device)?));
        let request = self.ask(pb::GetDeviceRequest { instance, hostid });
        let answer = answered(self.to_licensing().get_device(request).await)?;
        Ok(DeviceDetails {
            device: answer.device.unwrap_or_default().into(),
            grants: answer.grants.into_iter().map(Grant::from).collect(),
        })
    }

    /// Ends everything that a device holds, and forgets it; what it held.
    pub(crate) async fn drop_device(
        &self,
        instance: &str,
        device: &str,
        reason: &str,
    ) -> Result<Vec<Grant>, Problem> {
        let (instance, hostid, reason) = (instance.to_owned(), Some(hostid(device)?), reason.to_owned());
        let request = self.ask(pb::DropDeviceRequest { instance, hostid, reason });
        let answer = answered(self.to_licensing().drop_device(request).await)?;
        Ok(answer.grants.into_iter().map(Grant::from).collect())
    }

    /// Blocks a device, or lifts the block; the device afterwards.
    pub(crate) async fn set_device_blocked(
        &self,
        instance: &str,
        device: &str,
        blocked: bool,
    ) -> Result<Device, Problem> {
        let (instance, hostid) = (instance.to_owned(), Some(hostid(device)?));
        let request = self.ask(pb::SetDeviceBlockedRequest { instance, hostid, blocked });
        let answer = answered(self.to_licensing().set_device_blocked(request).await)?;
        Ok(answer.device.unwrap_or_default().into())
    }

    /// The grants.
    pub(crate) async fn grants(
        &self,
        instance: &str,
        filter: &GrantFilter,
        list: &List,
    ) -> Result<Listing<Grant>, Problem> {
        let device = (!filter.device.is_empty()).then(|| hostid(&filter.device)).transpose()?;
        let request = self.ask(pb::ListGrantsRequest {
            instance: instance.to_owned(),
            feature: filter.feature.clone(),
            hostid: device,
            page: Some(list.request()),
        });
        let answer = answered(self.to_licensing().list_grants(request).await)?;
        Ok(Listing::answered(answer.grants, answer.page, Grant::from))
    }

    /// Ends a grant without its holder; as it stood.
    pub(crate) async fn drop_grant(&self, instance: &str, id: &str, reason: &str) -> Result<Grant, Problem> {
        let request = self.ask(pb::DropGrantRequest {
            instance: instance.to_owned(),
            grant_id: id.to_owned(),
            reason: reason.to_owned(),
        });
        let answer = answered(self.to_licensing().drop_grant(request).await)?;
        Ok(answer.grant.unwrap_or_default().into())
    }

    /// The activity, newest first.
    pub(crate) async fn activity(&self, instance: &str, list: &List) -> Result<Listing<Activity>, Problem> {
        let (instance, page) = (instance.to_owned(), Some(list.request()));
        let request = self.ask(pb::ListActivityRequest { instance, page });
        let answer = answered(self.to_licensing().list_activity(request).await)?;
        Ok(Listing::answered(answer.activity, answer.page, Activity::from))
    }

    /// Use over time, by feature.
    pub(crate) async fn usage(
        &self,
        instance: &str,
        query: &UsageQuery,
        list: &List,
    ) -> Result<Listing<FeatureUsage>, Problem> {
        let step = match query.step.as_str() {
            "" | "HOUR" => pb::UsageStep::Hour,
            "MINUTE" => pb::UsageStep::Minute,
            other => return Err(invalid("step", format!("give MINUTE or HOUR; found {other:?}"))),
        };
        let request = self.ask(pb::ListUsageRequest {
            instance: instance.to_owned(),
            feature: query.feature.clone(),
            from: query.from.map(timestamp),
            until: query.until.map(timestamp),
            step: step.into(),
            page: Some(list.request()),
        });
        let answer = answered(self.to_licensing().list_usage(request).await)?;
        Ok(Listing::answered(answer.usage, answer.page, FeatureUsage::from))
    }

    /// How often features were refused.
    pub(crate) async fn denials(
        &self,
        instance: &str,
        query: &DenialQuery,
        list: &List,
    ) -> Result<Denials, Problem> {
        let request = self.ask(pb::ListDenialsRequest {
            instance: instance.to_owned(),
            feature: query.feature.clone(),
            from: query.from.map(timestamp),
            until: query.until.map(timestamp),
            page: Some(list.request()),
        });
        answered(self.to_licensing().list_denials(request).await).map(Denials::from)
    }
}
