//! `ListPolicies`: the settings of an instance, each with its default and where its value is from.

use jiff::SignedDuration;
use leasehold_domain::Policies;
use leasehold_domain::interval::Granularity;
use leasehold_proto::licensing::v1 as pb;

use crate::Error;
use crate::state::State;

/// Why nothing can be changed here yet.
const LOCKED: &str = "it is set in the server's configuration; change it there and start the server again";

pub(crate) fn list_policies(
    state: &State,
    message: &pb::ListPoliciesRequest,
) -> Result<pb::ListPoliciesResponse, Error> {
    state.instance(&message.instance)?;
    let defaults = values(&Policies::default());
    let policies = values(state.policies()).into_iter().zip(defaults).map(|((name, value), (_, default))| {
        let source =
            if value == default { pb::PolicySource::Default } else { pb::PolicySource::Configuration };
        pb::Policy {
            name: name.to_owned(),
            value,
            default_value: default,
            vendor_only: false,
            locked_reason: LOCKED.to_owned(),
            source: source.into(),
        }
    });
    Ok(pb::ListPoliciesResponse { policies: policies.collect() })
}

/// Every policy with its value, by name.
fn values(policies: &Policies) -> [(&'static str, String); 9] {
    let Policies {
        borrow_interval,
        borrow_interval_max,
        borrow_granularity,
        renew_interval_percent,
        response_lifetime,
        lease_ttl,
        allow_virtual_clients,
        allow_device_drop,
        time_zone,
    } = policies;
    let length = |length: &SignedDuration| format!("{length:#}");
    let granularity = match borrow_granularity {
        Granularity::Second => "SECOND",
        Granularity::Minute => "MINUTE",
        Granularity::Hour => "HOUR",
        Granularity::Day => "DAY",
    };
    [
        ("licensing.allow_device_drop", allow_device_drop.to_string()),
        ("licensing.allow_virtual_clients", allow_virtual_clients.to_string()),
        ("licensing.borrow_granularity", granularity.to_owned()),
        ("licensing.borrow_interval", length(borrow_interval)),
        ("licensing.borrow_interval_max", borrow_interval_max.as_ref().map(length).unwrap_or_default()),
        ("licensing.lease_ttl", length(lease_ttl)),
        ("licensing.renew_interval_percent", renew_interval_percent.to_string()),
        ("licensing.response_lifetime", length(response_lifetime)),
        ("licensing.time_zone", time_zone.iana_name().unwrap_or("UTC").to_owned()),
    ]
}
