//! Who may call what, besides programs on the same machine. What is not named here nobody else may.
//! Reference: `docs/reference/security.md`, "Who may call what" and "Administrators".

use leasehold_runtime::{Access, Role};

macro_rules! admin {
    ($method:literal) => {
        concat!("/leasehold.licensing.v1.LicensingAdminService/", $method)
    };
}

macro_rules! internal {
    ($method:literal) => {
        concat!("/leasehold.licensing.v1.LicensingInternalService/", $method)
    };
}

/// For administrators with one of these roles.
const fn administrators(roles: &'static [Role]) -> Access {
    Access::Administrators { services: &["gateway", "admin"], roles }
}

const READ: Access = administrators(&Role::ALL);
const RESERVE: Access = administrators(&[Role::Reservations]);
const DROP: Access = administrators(&[Role::DropClient]);
const OPERATE: Access = administrators(&[Role::Operator]);
const ADMINISTER: Access = administrators(&[Role::Admin]);

/// Services and methods, each with those who may call it.
pub(super) const ACCESS: &[(&str, Access)] = &[
    ("leasehold.licensing.v1.LicensingService", Access::Anyone),
    (
        admin!("GetInstance"),
        Access::Administrators { services: &["gateway", "admin", "sync", "updates"], roles: &Role::ALL },
    ),
    (admin!("ListFeatures"), READ),
    (admin!("GetFeature"), READ),
    (admin!("ListDevices"), READ),
    (admin!("GetDevice"), READ),
    (admin!("ListGrants"), READ),
    (admin!("ListReservationGroups"), READ),
    (admin!("ExportReservations"), READ),
    (admin!("GetModel"), READ),
    (admin!("ListPools"), READ),
    (admin!("ListQueue"), READ),
    (admin!("ListSeats"), READ),
    (admin!("GetLicenseSummary"), READ),
    (admin!("ListPolicies"), READ),
    (admin!("ListUsage"), READ),
    (admin!("ListDenials"), READ),
    (admin!("ListActivity"), READ),
    (admin!("CreateReservationGroup"), RESERVE),
    (admin!("UpdateReservationGroup"), RESERVE),
    (admin!("DeleteReservationGroup"), RESERVE),
    (admin!("ImportReservations"), RESERVE),
    (admin!("UploadModel"), RESERVE),
    (admin!("DeleteModel"), RESERVE),
    (admin!("DropDevice"), DROP),
    (admin!("DropGrant"), DROP),
    (admin!("SetDeviceBlocked"), administrators(&[Role::DropClient, Role::Operator])),
    (admin!("SuspendInstance"), OPERATE),
    (admin!("ResumeInstance"), OPERATE),
    (admin!("ConfirmRestored"), OPERATE),
    (admin!("ReserveSeat"), OPERATE),
    (admin!("SetSeatBlocked"), OPERATE),
    (admin!("TransferSeat"), OPERATE),
    (admin!("VerifySeatsNow"), OPERATE),
    (admin!("SetPolicy"), ADMINISTER),
    (internal!("EnrolInstance"), Access::Services(&["sync"])),
    (internal!("ApplyBundle"), Access::Services(&["sync"])),
    (internal!("ListUsageRecords"), Access::Services(&["sync"])),
    (internal!("AcknowledgeUsage"), Access::Services(&["sync"])),
    (internal!("ExportState"), Access::Services(&["sync"])),
    (internal!("ImportState"), Access::Services(&["sync"])),
    (internal!("PublishNotice"), Access::Services(&["updates"])),
    (internal!("WithdrawNotice"), Access::Services(&["updates"])),
    (internal!("CheckLicensed"), Access::Services(&["updates"])),
    (internal!("ListEvents"), Access::Services(&["gateway"])),
];

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// The methods of a service of licensing.
    fn methods(service: &str) -> Vec<String> {
        let set = FileDescriptorSet::decode(leasehold_proto::DESCRIPTOR_SET).unwrap();
        let services = set.file.iter().filter(|file| file.package() == "leasehold.licensing.v1");
        let found = services.flat_map(|file| &file.service).find(|found| found.name() == service).unwrap();
        found.method.iter().map(|method| method.name().to_owned()).collect()
    }

    #[test]
    fn every_method_of_services_with_lists_has_its_own() {
        for service in ["LicensingAdminService", "LicensingInternalService"] {
            let found = methods(service);
            assert!(found.len() > 5, "{service}");
            for method in found {
                let path = format!("/leasehold.licensing.v1.{service}/{method}");
                assert_eq!(ACCESS.iter().filter(|(what, _)| *what == path).count(), 1, "{path}");
            }
        }
    }

    #[test]
    fn whatever_reads_any_role_may_and_nothing_else() {
        for method in methods("LicensingAdminService") {
            let path = format!("/leasehold.licensing.v1.LicensingAdminService/{method}");
            let (_, access) = ACCESS.iter().find(|(what, _)| *what == path).unwrap();
            let Access::Administrators { services, roles } = access else { panic!("{path} is for services") };
            let reads = ["Get", "List", "Export"].iter().any(|start| method.starts_with(start));
            assert_eq!(roles.contains(&Role::Viewer), reads, "{path}");
            assert_eq!(services[..2], ["gateway", "admin"], "{path}");
        }
    }
}
